"""Plans faults: what goes wrong with the next requests."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.client import responses
from typing import Any, Literal, TypeAlias

import attrs
import msgspec

from exist_async.sandbox.replies import Reply, json_reply

__all__ = ["Apply", "ConnectionDropped", "Fault", "FaultPlan", "Handle", "Refusal", "detail", "faulty", "rewritten"]

Handle: TypeAlias = Callable[[], Reply]
Apply: TypeAlias = Callable[[Handle], Reply]
Refusal: TypeAlias = Callable[[int, str], object]
"""Makes the JSON of a plain refusal, from its status and the phrase for that."""


class ConnectionDropped(ConnectionError):  # noqa: N818  (it is what was asked for)
    """The connection is cut without an answer.

    Over a socket the client sees it closed, and `Sandbox.transport()` raises `httpx.RemoteProtocolError` for it, as
    httpx does at a closed socket. Only who calls `Sandbox.app` by hand sees this.
    """


@attrs.define(eq=False)
class Fault:
    """Something that goes wrong with so many requests, after so many that are let pass."""

    apply: Apply
    times: int
    skip: int
    path: str | None

    def concerns(self, path: str) -> bool:
        """Whether a request to this path is meant: the fault's own path is the end of it, slashes apart."""
        return self.path is None or path.rstrip("/").endswith("/" + self.path.strip("/"))


class FaultPlan:
    """The faults still to come, oldest first; a request meets at most one."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Plan a fault behind those already planned."""
        self._faults.append(fault)

    def clear(self) -> None:
        """Forget all faults still to come."""
        self._faults.clear()

    def take(self, path: str) -> Fault | None:
        """Return the fault that a request to this path meets, and count it as met."""
        for fault in self._faults:
            if not fault.concerns(path):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            fault.times -= 1
            if not fault.times:
                self._faults.remove(fault)
            return fault
        return None


def faulty(
    status: int,
    json: object,
    body: bytes | str | None,
    headers: Mapping[str, str] | None,
    *,
    when: Literal["before", "after"],
    drop: bool,
    refusal: Refusal,
) -> Apply:
    """Return the fault that gives this answer, or none at all, instead of the request's own.

    Without JSON or body a 5xx is the page of a proxy, and any other status a plain refusal.

    Raises:
        ValueError: Two kinds of answer are given, or the status is none of an answer.
    """
    if when not in ("before", "after"):
        raise ValueError(f"when must be 'before' or 'after', not {when!r}")
    if not 200 <= status <= 599:
        raise ValueError(f"status must be from 200 to 599, not {status}")
    if json is not None and body is not None:
        raise ValueError("Give json or body, not both")
    if drop and (json is not None or body is not None or headers is not None):
        raise ValueError("A dropped connection has no answer: give neither json nor body nor headers")
    reply = _reply(status, json, body, headers, refusal)

    def apply(handle: Handle) -> Reply:
        if when == "after":
            handle()
        if drop:
            raise ConnectionDropped("Server disconnected without sending a response.")
        return reply

    return apply


def rewritten(rewrite: Callable[[Any], object]) -> Apply:
    """Return the fault that changes the JSON of the request's own answer."""

    def apply(handle: Handle) -> Reply:
        reply = handle()
        return attrs.evolve(reply, body=msgspec.json.encode(rewrite(msgspec.json.decode(reply.body))))

    return apply


def detail(_status: int, phrase: str) -> object:
    """Return a plain refusal in Exist's words."""
    return {"detail": f"{phrase}."}


def _reply(
    status: int, json: object, body: bytes | str | None, headers: Mapping[str, str] | None, refusal: Refusal
) -> Reply:
    given = {name.lower(): value for name, value in (headers or {}).items()}
    if json is not None:
        return json_reply(json, status, given)
    html = {"content-type": "text/html; charset=utf-8", **given}
    if body is not None:
        return Reply(status, body.encode() if isinstance(body, str) else body, html)
    phrase = responses.get(status, "Unknown")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Reply(status, f"<html><body><h1>{status} {phrase}</h1></body></html>\n".encode(), html)
    if status in {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}:
        return Reply(status, headers=given)
    return json_reply(refusal(status, phrase), status, given)
