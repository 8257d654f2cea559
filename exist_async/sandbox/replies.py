"""HTTP replies, and the exception that carries one."""

from collections.abc import Mapping

import attrs
import msgspec

__all__ = ["ApiError", "Reply", "detail_error", "json_reply"]

_JSON = {"content-type": "application/json"}


@attrs.frozen
class Reply:
    """An HTTP reply."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = attrs.field(factory=dict[str, str])


class ApiError(Exception):
    """Raised to answer a request with this reply."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"{reply.status} {reply.body!r}")
        self.reply = reply


def json_reply(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """Return a reply with a JSON body; `headers` may override the content type."""
    return Reply(status, msgspec.json.encode(value), _JSON if headers is None else {**_JSON, **headers})


def detail_error(status: int, detail: str, headers: Mapping[str, str] | None = None) -> ApiError:
    """Return the exception for a reply `{"detail": …}`, Exist's usual error format."""
    return ApiError(json_reply({"detail": detail}, status, headers))
