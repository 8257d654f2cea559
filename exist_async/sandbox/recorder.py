"""Records the requests that a sandbox receives."""

from collections import deque
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import Any, Final, cast
from urllib.parse import parse_qsl, quote

import attrs
import msgspec
from starlette.types import Scope

__all__ = ["MAX_RECORDINGS", "RecordedRequest", "Recorder", "Recording", "raw_path"]

MAX_RECORDINGS: Final = 10_000
"""Number of requests that are kept, the last ones."""

_SECRET_HEADERS: Final = frozenset({b"authorization", b"proxy-authorization", b"cookie"})
# They do not belong in a query, but a faulty client may send them there.
_SECRET_PARAMETERS: Final = frozenset({"access_token", "client_secret", "code", "password", "refresh_token", "token"})


@attrs.frozen
class RecordedRequest:
    """A request as received, without secrets.

    Attributes:
        method: "GET", "POST", …
        path: The raw path without query, such as "/api/2/attributes/" or "/v2/lists/hiring%2Fsales/attributes".
        query: The query parameters without secret ones; the last value of a repeated parameter.
        json: The decoded body, or None when it is empty or not JSON. For Exist it is recorded only at endpoints with
            token authentication, because sign-in requests contain secrets.
        headers: The headers, names in lower case, without secret ones.
        user: Username (Exist) or workspace slug (Attio) of the token; None when it is missing or invalid.
        status: Status of the reply, or None without a reply (yet).
        received_at: Time of arrival, by the sandbox's `now`. Comparisons ignore it and `seconds`.
        seconds: Time until the reply was ready, the sandbox's latency included, or None without a reply (yet).
    """

    method: str
    path: str
    query: dict[str, str]
    json: Any
    headers: dict[str, str]
    user: str | None
    status: int | None
    received_at: datetime = attrs.field(factory=partial(datetime.now, UTC), eq=False)
    seconds: float | None = attrs.field(default=None, eq=False)


@attrs.define(eq=False)
class Recording:
    """A request in its raw form; it is decoded only on access, which is rare."""

    scope: Scope = attrs.field(repr=False)
    user: str | None
    received_at: datetime
    body: bytes = attrs.field(default=b"", repr=False)
    status: int | None = None
    seconds: float | None = None

    def json(self) -> Any:
        """Return the decoded body, or None when it is empty or not JSON."""
        try:
            return msgspec.json.decode(self.body) if self.body else None
        except (msgspec.DecodeError, RecursionError):
            return None

    def freeze(self) -> RecordedRequest:
        """Return the decoded request with its status so far."""
        return RecordedRequest(
            method=self.scope["method"],
            path=raw_path(self.scope),
            query={
                name: value
                for name, value in parse_qsl(self.scope["query_string"].decode("latin-1"), keep_blank_values=True)
                if name.lower() not in _SECRET_PARAMETERS
            },
            json=self.json(),
            headers={
                name.decode("latin-1").lower(): value.decode("latin-1")
                for name, value in self.scope["headers"]
                if name.lower() not in _SECRET_HEADERS
            },
            user=self.user,
            status=self.status,
            received_at=self.received_at,
            seconds=self.seconds,
        )


class Recorder:
    """The last 10,000 requests, in order of arrival."""

    def __init__(self) -> None:
        self._recordings: deque[Recording] = deque(maxlen=MAX_RECORDINGS)

    def start(self, scope: Scope, user: str | None, received_at: datetime) -> Recording:
        """Start the recording of a request."""
        recording = Recording(scope, user, received_at)
        self._recordings.append(recording)
        return recording

    def requests(self) -> list[RecordedRequest]:
        """Return the recorded requests."""
        return [recording.freeze() for recording in self._recordings]

    def latest(self, count: int, *, exclude_path: str) -> list[RecordedRequest]:
        """Return the last `count` requests, newest first, without those for one path."""
        others = (recording for recording in reversed(self._recordings) if recording.scope["path"] != exclude_path)
        return [recording.freeze() for recording in islice(others, count)]

    def batch_sizes(self) -> list[int]:
        """Return the length of each JSON array in a POST request."""
        posted = (recording.json() for recording in self._recordings if recording.scope["method"] == "POST")
        return [len(cast("list[object]", body)) for body in posted if isinstance(body, list)]

    def clear(self) -> None:
        """Discard all requests."""
        self._recordings.clear()


def raw_path(scope: Scope) -> str:
    """Return the path as sent; only there is an encoded slash distinct from a path separator."""
    raw_bytes: bytes | None = scope.get("raw_path")
    return quote(scope["path"]) if raw_bytes is None else raw_bytes.decode("latin-1")
