"""Records the requests that the sandbox received."""

from collections import deque
from itertools import islice
from typing import Any, Final, cast
from urllib.parse import parse_qsl, quote

import attrs
import msgspec
from starlette.types import Scope

__all__ = ["KEPT", "RecordedRequest", "Recorder", "Recording", "path_of"]

KEPT: Final = 10_000
"""How many requests are remembered, the last ones."""

_SECRET: Final = frozenset({b"authorization", b"proxy-authorization", b"cookie"})
# None of these belongs into a query, and a test may get that wrong.
_SECRET_PARAMETERS: Final = frozenset({"access_token", "client_secret", "code", "password", "refresh_token", "token"})


@attrs.frozen
class RecordedRequest:
    """A request as it was received, without its authorisation.

    Attributes:
        method: "GET", "POST", …
        path: The path alone, as it was sent, as in "/api/2/attributes/" or "/v2/lists/hiring%2Fsales/attributes".
        query: The parameters of the query but those that carry secrets; the last, where one was sent more than once.
        json: The decoded body, or None when it was empty or no JSON. Of Exist's endpoints it is recorded at those that
            take a token and nowhere else: what is sent to sign in is secret, even at a path with a wrong slash.
        headers: The headers, in lower case, without those that carry secrets.
        user: Whom the token speaks for, at Exist by username and at Attio by the workspace's slug; None when it was
            missing or not valid.
        status: The status of the answer, or None when there was none (yet).
    """

    method: str
    path: str
    query: dict[str, str]
    json: Any
    headers: dict[str, str]
    user: str | None
    status: int | None


@attrs.define(eq=False)
class Recording:
    """A request while it is handled: as raw as it came, because most are never looked at."""

    scope: Scope = attrs.field(repr=False)
    user: str | None
    body: bytes = attrs.field(default=b"", repr=False)
    status: int | None = None

    def json(self) -> Any:
        """Return the decoded body, or None when it is empty or no JSON."""
        try:
            return msgspec.json.decode(self.body) if self.body else None
        except (msgspec.DecodeError, RecursionError):
            return None

    def freeze(self) -> RecordedRequest:
        """Return what is known by now."""
        return RecordedRequest(
            method=self.scope["method"],
            path=path_of(self.scope),
            query={
                name: value
                for name, value in parse_qsl(self.scope["query_string"].decode("latin-1"), keep_blank_values=True)
                if name.lower() not in _SECRET_PARAMETERS
            },
            json=self.json(),
            headers={
                name.decode("latin-1").lower(): value.decode("latin-1")
                for name, value in self.scope["headers"]
                if name.lower() not in _SECRET
            },
            user=self.user,
            status=self.status,
        )


class Recorder:
    """The last 10,000 requests, in the order in which they came."""

    def __init__(self) -> None:
        self._recordings: deque[Recording] = deque(maxlen=KEPT)

    def receive(self, scope: Scope, user: str | None) -> Recording:
        """Begin the recording of a request."""
        recording = Recording(scope, user)
        self._recordings.append(recording)
        return recording

    def requests(self) -> list[RecordedRequest]:
        """Return the requests received."""
        return [recording.freeze() for recording in self._recordings]

    def latest(self, count: int, *, but: str) -> list[RecordedRequest]:
        """Return the last so many requests, the latest first, but those to one path."""
        others = (recording for recording in reversed(self._recordings) if recording.scope["path"] != but)
        return [recording.freeze() for recording in islice(others, count)]

    def batch_sizes(self) -> list[int]:
        """Return the length of every array that was posted."""
        posted = (recording.json() for recording in self._recordings if recording.scope["method"] == "POST")
        return [len(cast("list[object]", body)) for body in posted if isinstance(body, list)]

    def clear(self) -> None:
        """Forget all requests."""
        self._recordings.clear()


def path_of(scope: Scope) -> str:
    """Return the path as it was sent: only there a slash within a segment differs from one between two."""
    raw: bytes | None = scope.get("raw_path")
    return quote(scope["path"]) if raw is None else raw.decode("latin-1")
