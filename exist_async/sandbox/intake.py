"""The intake: what every request passes before it is handled, and every reply afterwards, whichever API it is for."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

import attrs
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from exist_async.sandbox.faults import FaultPlan, Handle
from exist_async.sandbox.recorder import Recorder, path_of
from exist_async.sandbox.replies import ApiError, Reply

__all__ = ["Intake", "Prepare"]

Prepare: TypeAlias = Callable[[bytes], Awaitable[Handle]]
"""Gets the body, and returns what handles the request; that may raise `ApiError`."""


def _no_headers() -> Mapping[str, str]:
    return {}


@attrs.define(eq=False)
class Intake:
    """Takes requests through recording, faults and latency, in this order; `latency` may be set at any time.

    Attributes:
        faults: What goes wrong with the next requests.
        recorder: What remembers them.
        latency: Seconds that every request waits before it is handled.
        stamp: Makes the headers of every answer, also of a fault's, which may have them otherwise.
    """

    faults: FaultPlan = attrs.field(factory=FaultPlan)
    recorder: Recorder = attrs.field(factory=Recorder)
    latency: float = 0.0
    stamp: Callable[[], Mapping[str, str]] = _no_headers

    @staticmethod
    def open(scope: Scope, receive: Receive) -> Request:
        """Return the request that an ASGI server hands over.

        Raises:
            NotImplementedError: It is none of HTTP.
        """
        if scope["type"] != "http":
            raise NotImplementedError(f"The sandbox speaks HTTP only, not {scope['type']}")
        return Request(scope, receive)

    async def take(
        self, request: Request, send: Send, prepare: Prepare, *, user: str | None, keep_body: bool = True
    ) -> None:
        """Answer a request.

        Args:
            request: The request, nothing of whose body has been read.
            send: Where the answer goes.
            prepare: Makes what handles it; that is left alone when a fault answers instead.
            user: Whom its token speaks for, to be recorded.
            keep_body: Whether its body may be recorded, because it holds no secrets.

        Raises:
            ConnectionDropped: A fault wants the connection cut; the server or transport around the app does it.
        """
        # Both before the first await: the order of arrival decides about the faults.
        recording = self.recorder.receive(request.scope, user)
        fault = self.faults.take(path_of(request.scope))
        try:
            body = await request.body()
        except ClientDisconnect:
            return
        if keep_body:
            recording.body = body
        prepared = await prepare(body)
        if self.latency:
            await asyncio.sleep(self.latency)

        def handle() -> Reply:
            try:
                return prepared()
            except ApiError as error:
                return error.reply

        reply = handle() if fault is None else fault.apply(handle)
        recording.status = reply.status
        headers = {**self.stamp(), **reply.headers}
        await Response(reply.body, reply.status, headers)(request.scope, request.receive, send)
