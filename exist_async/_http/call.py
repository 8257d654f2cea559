"""What one call asks of the service, and what may be done about it."""

from collections.abc import Mapping
from urllib.parse import urlencode

from attrs import frozen


@frozen(eq=False, repr=False)
class Call:
    """One call, however many attempts it takes.

    Attributes:
        method: The HTTP method.
        path: The path on the service's origin, from its first slash, without the query.
        query: The encoded query, without its question mark.
        body: What to send, or None.
        repeatable: Whether carrying it out twice is harmless.
        content_type: What the body is.
    """

    method: str
    path: str
    query: str = ""
    body: bytes | None = None
    repeatable: bool = True
    content_type: bytes = b"application/json"

    @property
    def is_read(self) -> bool:
        """Whether it changes nothing."""
        return self.method == "GET"

    @property
    def target(self) -> str:
        """Path and query."""
        return f"{self.path}?{self.query}" if self.query else self.path

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def encode_query(params: Mapping[str, str]) -> str:
    """Encode a query; the commas of lists stay as they are."""
    return urlencode(params, safe=",")
