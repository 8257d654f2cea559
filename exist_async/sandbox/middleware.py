"""Handles what is common to all requests of both APIs: recording, faults, latency and sending the reply."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import TypeAlias

import attrs
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from exist_async.sandbox.faults import FaultQueue, Handler
from exist_async.sandbox.recorder import Recorder, raw_path
from exist_async.sandbox.replies import ApiError, Reply

__all__ = ["Middleware", "Prepare"]

Prepare: TypeAlias = Callable[[bytes], Awaitable[Handler]]
"""Takes the body of a request and returns its handler, which may raise `ApiError`."""


@attrs.define(eq=False)
class Middleware:
    """Records each request, applies faults and latency, and sends the reply.

    Attributes:
        now: Returns the current time, for the recording.
        faults: The faults for the next requests.
        recorder: The recorded requests.
        latency: Seconds that each request waits before it is handled; may be set at any time.
        reply_headers: Returns the headers of every reply, also of a fault's, which may override them.
    """

    now: Callable[[], datetime]
    faults: FaultQueue = attrs.field(factory=FaultQueue)
    recorder: Recorder = attrs.field(factory=Recorder)
    latency: float = 0.0
    reply_headers: Callable[[], Mapping[str, str]] = dict[str, str]

    @staticmethod
    def new_request(scope: Scope, receive: Receive) -> Request:
        """Return the request of an ASGI connection.

        Raises:
            NotImplementedError: The connection is not HTTP.
        """
        if scope["type"] != "http":
            raise NotImplementedError(f"The sandbox supports HTTP only, not {scope['type']}")
        return Request(scope, receive)

    async def process(
        self, request: Request, send: Send, prepare: Prepare, *, user: str | None, record_body: bool = True
    ) -> None:
        """Answer a request.

        Args:
            request: The request; its body has not been read.
            send: The ASGI send function for the reply.
            prepare: Returns the handler, which is not called when a fault replaces it.
            user: The user of the token, for the recording.
            record_body: Whether the body may be recorded; False for bodies with secrets.

        Raises:
            ConnectionDropped: A fault drops the connection; the server or transport around the app closes it.
        """
        # Both before the first await, so that faults are assigned in order of arrival.
        recording = self.recorder.start(request.scope, user, self.now())
        started = time.perf_counter()
        fault = self.faults.take(raw_path(request.scope))
        try:
            body = await request.body()
        except ClientDisconnect:
            return
        if record_body:
            recording.body = body
        prepared = await prepare(body)
        if self.latency:
            await asyncio.sleep(self.latency)

        def handler() -> Reply:
            try:
                return prepared()
            except ApiError as error:
                return error.reply

        reply = handler() if fault is None else fault.make_reply(handler)
        recording.status = reply.status
        recording.seconds = time.perf_counter() - started
        headers = {**self.reply_headers(), **reply.headers}
        await Response(reply.body, reply.status, headers)(request.scope, request.receive, send)
