"""The part that both sandboxes share: serving the app, recorded requests, and faults."""

import datetime as dt
import math
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal

import httpx
from starlette.types import ASGIApp

from exist_async.sandbox.faults import ConnectionDropped, ErrorBody, Fault, ReplyMaker, reply_fault, rewrite_fault
from exist_async.sandbox.middleware import Middleware
from exist_async.sandbox.recorder import RecordedRequest

__all__ = ["BaseSandbox", "utc_now"]


def utc_now() -> dt.datetime:
    """Return the current time."""
    return dt.datetime.now(dt.UTC)


class BaseSandbox:
    """Base class of the sandboxes.

    Attributes:
        latency: Seconds that each request waits before it is handled.
    """

    def __init__(self, app: ASGIApp, middleware: Middleware, error_body: ErrorBody, latency: float) -> None:
        """Initialize the sandbox.

        Args:
            app: The ASGI app, which passes each request through the middleware.
            middleware: The middleware.
            error_body: Builds the body of an error reply in the format of the API.
            latency: Seconds that each request waits before it is handled.

        Raises:
            ValueError: The latency is out of range.
        """
        self._app = app
        self._middleware = middleware
        self._recorder = middleware.recorder
        self._error_body = error_body
        self.latency = latency

    @property
    def latency(self) -> float:
        """Seconds that each request waits before it is handled; may be set at any time."""
        return self._middleware.latency

    @latency.setter
    def latency(self, seconds: float) -> None:
        if not 0 <= seconds < math.inf:
            raise ValueError(f"latency must be a finite number of seconds from 0, not {seconds}")
        self._middleware.latency = seconds

    # Serving

    @property
    def app(self) -> ASGIApp:
        """The ASGI app, which any ASGI server can run; it has no lifespan."""
        return self._app

    def transport(self) -> httpx.AsyncBaseTransport:
        """Return a transport for `httpx.AsyncClient` that runs the app in process, without a socket."""
        return _InProcessTransport(self._app)

    def serve(self, host: str = "127.0.0.1", port: int = 0) -> AbstractAsyncContextManager[str]:
        """Serve on a loopback socket for the duration of a block: `async with sandbox.serve() as url`.

        No signal handlers are installed; the server stops when the block ends. Requests still in flight then have half
        a second to complete.

        Args:
            host: A loopback address or "localhost".
            port: The port; 0 picks a free one.

        Returns:
            A single-use context manager that yields the server's origin, such as "http://127.0.0.1:54321".

        Raises:
            ValueError: The host is not a loopback address.
            OSError: On entering: the port is in use.
        """
        # uvicorn takes a tenth of a second to import, and the transport does not need it.
        from exist_async.sandbox.server import loopback_address, serve

        return serve(self._app, loopback_address(host), port)

    # Recorded requests

    @property
    def requests(self) -> list[RecordedRequest]:
        """The last 10,000 requests, in order of arrival."""
        return self._recorder.requests()

    def reset_requests(self) -> None:
        """Discard the recorded requests."""
        self._recorder.clear()

    # Faults

    def fail_next(
        self,
        times: int = 1,
        *,
        status: int = 503,
        json: object = None,
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        path: str | None = None,
        skip: int = 0,
        when: Literal["before", "after"] = "before",
        drop: bool = False,
    ) -> None:
        """Make the next requests fail.

        Faults form a queue: each request takes at most one, the oldest that matches it. They apply before
        authentication and rate limiting.

        Args:
            times: Number of requests that fail.
            status: Status of the reply.
            json: JSON body of the reply.
            body: Raw body of the reply, HTML unless the headers set another type. Without `json` and `body`, a 5xx has
                the HTML page of a proxy and any other status an error in the format of the API.
            headers: Additional headers of the reply, such as `{"Retry-After": "7"}`.
            path: Only requests whose raw path ends with this, such as "attributes/acquire/".
            skip: Number of (matching) requests that succeed first.
            when: "before": the request is not carried out. "after": it is, and only its reply is replaced.
            drop: Drop the connection instead of replying. A client sees a socket closed; the in-process transport
                raises `httpx.RemoteProtocolError`.

        Raises:
            ValueError: A number is out of range, or two kinds of reply are given.
        """
        make_reply = reply_fault(status, json, body, headers, when=when, drop=drop, error_body=self._error_body)
        self._add_fault(make_reply, times, path, skip)

    def rewrite_next(
        self, rewrite: Callable[[Any], object], times: int = 1, *, path: str | None = None, skip: int = 0
    ) -> None:
        """Carry out the next requests, and modify the JSON of their replies.

        Args:
            rewrite: Takes the decoded body of the reply, which it may modify, and returns the body to send; the status
                stays the same.
            times: Number of replies that are modified.
            path: Only requests whose raw path ends with this, such as "attributes/acquire/".
            skip: Number of (matching) replies that are not modified first.

        Raises:
            ValueError: A number is out of range.
        """
        self._add_fault(rewrite_fault(rewrite), times, path, skip)

    def clear_faults(self) -> None:
        """Discard the faults that have not been used."""
        self._middleware.faults.clear()

    def _add_fault(self, make_reply: ReplyMaker, times: int, path: str | None, skip: int) -> None:
        if times < 1 or skip < 0:
            raise ValueError(f"times must be at least 1 and skip at least 0, not {times} and {skip}")
        self._middleware.faults.add(Fault(make_reply, times, skip, path))


class _InProcessTransport(httpx.ASGITransport):
    """httpx's ASGI transport, which reports a dropped connection as httpx does for a socket."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request to the app.

        Raises:
            httpx.RemoteProtocolError: A fault dropped the connection.
        """
        try:
            return await super().handle_async_request(request)
        except ConnectionDropped as error:
            raise httpx.RemoteProtocolError(str(error), request=request) from error
