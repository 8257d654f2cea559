"""A call: a request with a token, as the endpoints see it."""

from typing import Any, Final

import attrs
import msgspec
from starlette.requests import Request

from exist_async.sandbox.attio.attributes import Attribute
from exist_async.sandbox.attio.holders import Holder
from exist_async.sandbox.attio.places import Place
from exist_async.sandbox.attio.problems import Problems
from exist_async.sandbox.attio.refusals import invalid, not_found, refuse
from exist_async.sandbox.attio.workspace import Workspace

__all__ = ["Call"]

_QUERY: Final = "Query parameter validation error."


@attrs.frozen
class Call:
    """A request whose token is known and whose body has been read.

    Attributes:
        page_size: The most that is on a page, and what is on one unless the caller says; None for Attio's own.
    """

    request: Request
    body: bytes
    place: Place
    workspace: Workspace
    page_size: int | None

    def holder(self) -> Holder:
        """Return the object or list that the path names.

        Raises:
            ApiError: 404 when there is none.
        """
        found = self.workspace.holder(self.place.target, self.place.identifier)
        if found is None:
            kind = self.place.target.removesuffix("s")
            raise not_found(f'Could not find {kind} with slug/ID "{self.place.identifier}".')
        return found

    def attribute(self) -> Attribute:
        """Return the attribute that the path names, archived or not.

        Raises:
            ApiError: 404 when there is none, or no such object or list.
        """
        found = self.workspace.attribute(self.holder(), self.place.attribute)
        if found is None:
            raise not_found(f'Could not find attribute with slug/ID "{self.place.attribute}".')
        return found

    def flag(self, name: str) -> bool:
        """Return a boolean of the query, in lower case as Attio has them; an absent one is false.

        Raises:
            ApiError: 400 for anything else.
        """
        sent = self.request.query_params.get(name, "false")
        if sent not in {"true", "false"}:
            self._refuse(name, "boolean", sent)
        return sent == "true"

    def number(self, name: str, default: int, least: int) -> int:
        """Return a whole number of the query.

        Raises:
            ApiError: 400 for anything else, or less than the least.
        """
        sent = self.request.query_params.get(name)
        if sent is None:
            return default
        # Of nine digits at most: Python itself refuses to read thousands of them.
        if not (sent.isascii() and sent.isdigit() and len(sent) < 10) or int(sent) < least:
            self._refuse(name, f"integer of at least {least}", sent)
        return int(sent)

    def json(self) -> Any:
        """Decode the body.

        Raises:
            ApiError: 415 when it is declared as something else than JSON (it may be undeclared), 400 when it is none.
        """
        content_type = self.request.headers.get("content-type", "application/json")
        if content_type.partition(";")[0].strip().lower() != "application/json":
            raise refuse(415, "unsupported_media_type", f'Unsupported media type "{content_type}".')
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, RecursionError) as error:
            raise invalid(f"Body payload is no JSON: {error}.") from error

    def _refuse(self, name: str, expected: str, received: str) -> None:
        problems = Problems(_QUERY)
        problems.add("invalid_type", (name,), f"Expected {expected}", expected=expected, received=received)
        problems.refuse()
