"""A reply: what goes back to the caller, and the error that carries one."""

from collections.abc import Mapping

import attrs
import msgspec

__all__ = ["ApiError", "Reply", "json_reply", "refuse"]

_JSON = {"content-type": "application/json"}


@attrs.frozen
class Reply:
    """Status, headers and body of an answer."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = attrs.field(factory=dict[str, str])


class ApiError(Exception):
    """Ends the handling of a request with this reply."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"{reply.status} {reply.body!r}")
        self.reply = reply


def json_reply(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """Return a reply with this JSON; the headers given win over its content type."""
    return Reply(status, msgspec.json.encode(value), _JSON if headers is None else {**_JSON, **headers})


def refuse(status: int, detail: str, headers: Mapping[str, str] | None = None) -> ApiError:
    """Return the error whose reply is `{"detail": …}`, to be raised."""
    return ApiError(json_reply({"detail": detail}, status, headers))
