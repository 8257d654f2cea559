"""Planned faults: error replies, modified replies and dropped connections for the next requests."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.client import responses
from typing import Any, Literal, TypeAlias

import attrs
import msgspec

from exist_async.sandbox.replies import Reply, json_reply

__all__ = [
    "ConnectionDropped",
    "ErrorBody",
    "Fault",
    "FaultQueue",
    "Handler",
    "ReplyMaker",
    "exist_error_body",
    "reply_fault",
    "rewrite_fault",
]

Handler: TypeAlias = Callable[[], Reply]
"""Carries out a request and returns its reply."""
ReplyMaker: TypeAlias = Callable[[Handler], Reply]
"""Returns the faulty reply; it may call the handler of the request first."""
ErrorBody: TypeAlias = Callable[[int, str], object]
"""Returns the JSON of an error reply from its status and reason phrase."""


class ConnectionDropped(ConnectionError):  # noqa: N818  (a public name; the fault is intended)
    """Raised by the ASGI app when a fault drops the connection without a reply.

    A client sees a socket closed, and `Sandbox.transport()` raises `httpx.RemoteProtocolError`, as httpx does for a
    closed socket. Only code that calls `Sandbox.app` directly gets this exception.
    """


@attrs.define(eq=False)
class Fault:
    """A fault for a number of requests, after a number of requests that are skipped.

    Attributes:
        make_reply: Returns the faulty reply.
        times: Number of requests that still get the fault.
        skip: Number of matching requests that are still skipped.
        path: The end of the raw path of matching requests; None matches all.
    """

    make_reply: ReplyMaker
    times: int
    skip: int
    path: str | None

    def matches(self, path: str) -> bool:
        """Whether the fault applies to requests with this raw path; outer slashes are ignored."""
        return self.path is None or path.rstrip("/").endswith("/" + self.path.strip("/"))


class FaultQueue:
    """The faults that have not been used, oldest first; each request takes at most one."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Append a fault."""
        self._faults.append(fault)

    def clear(self) -> None:
        """Discard all faults."""
        self._faults.clear()

    def take(self, path: str) -> Fault | None:
        """Return the fault for a request with this raw path, and count it as used once."""
        for fault in self._faults:
            if not fault.matches(path):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            fault.times -= 1
            if not fault.times:
                self._faults.remove(fault)
            return fault
        return None


def reply_fault(
    status: int,
    json: object,
    body: bytes | str | None,
    headers: Mapping[str, str] | None,
    *,
    when: Literal["before", "after"],
    drop: bool,
    error_body: ErrorBody,
) -> ReplyMaker:
    """Return a fault that sends this reply, or drops the connection, instead of the request's own reply.

    Without JSON or body a 5xx has the HTML page of a proxy, and any other status an error in the format of the API.

    Raises:
        ValueError: Two kinds of reply are given, or the status cannot be that of a reply.
    """
    if when not in ("before", "after"):
        raise ValueError(f"when must be 'before' or 'after', not {when!r}")
    if not 200 <= status <= 599:
        raise ValueError(f"status must be from 200 to 599, not {status}")
    if json is not None and body is not None:
        raise ValueError("json and body exclude each other: give one of them")
    if drop and (json is not None or body is not None or headers is not None):
        raise ValueError("a dropped connection has no reply: with drop, give neither json nor body nor headers")
    reply = _error_reply(status, json, body, headers, error_body)

    def make_reply(handler: Handler) -> Reply:
        if when == "after":
            handler()
        if drop:
            raise ConnectionDropped("Server disconnected without sending a response.")
        return reply

    return make_reply


def rewrite_fault(rewrite: Callable[[Any], object]) -> ReplyMaker:
    """Return a fault that modifies the JSON of the request's own reply."""

    def make_reply(handler: Handler) -> Reply:
        reply = handler()
        return attrs.evolve(reply, body=msgspec.json.encode(rewrite(msgspec.json.decode(reply.body))))

    return make_reply


def exist_error_body(_status: int, phrase: str) -> object:
    """Return the JSON of an error reply in Exist's format."""
    return {"detail": f"{phrase}."}


def _error_reply(
    status: int, json: object, body: bytes | str | None, headers: Mapping[str, str] | None, error_body: ErrorBody
) -> Reply:
    lower = {name.lower(): value for name, value in (headers or {}).items()}
    if json is not None:
        return json_reply(json, status, lower)
    html = {"content-type": "text/html; charset=utf-8", **lower}
    if body is not None:
        return Reply(status, body.encode() if isinstance(body, str) else body, html)
    phrase = responses.get(status, "Unknown")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Reply(status, f"<html><body><h1>{status} {phrase}</h1></body></html>\n".encode(), html)
    if status in {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}:
        return Reply(status, headers=lower)
    return json_reply(error_body(status, phrase), status, lower)
