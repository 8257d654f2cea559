"""The harness of a sandbox: the ways in, what was asked, and what goes wrong, whichever API it serves."""

import math
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal

import httpx
from starlette.types import ASGIApp

from exist_async.sandbox.faults import Apply, Fault, Refusal, faulty, rewritten
from exist_async.sandbox.intake import Intake
from exist_async.sandbox.recorder import RecordedRequest
from exist_async.sandbox.transport import InProcessTransport

__all__ = ["Harness"]


class Harness:
    """What the sandboxes have in common.

    Attributes:
        latency: Seconds that every request waits before it is handled.
    """

    def __init__(self, app: ASGIApp, intake: Intake, refusal: Refusal, latency: float) -> None:
        """Put the harness on an app, whose every request passes the intake; `refusal` is what its refusals look like.

        Raises:
            ValueError: The latency is out of its range.
        """
        self._app = app
        self._intake = intake
        self._recorder = intake.recorder
        self._refusal = refusal
        self.latency = latency

    @property
    def latency(self) -> float:
        """Seconds that every request waits before it is handled; may be set at any time."""
        return self._intake.latency

    @latency.setter
    def latency(self, seconds: float) -> None:
        if not 0 <= seconds < math.inf:
            raise ValueError(f"latency must be a finite number of seconds from 0, not {seconds}")
        self._intake.latency = seconds

    # Ways in

    @property
    def app(self) -> ASGIApp:
        """The ASGI app, to be run by any server; it has no lifespan."""
        return self._app

    def transport(self) -> httpx.AsyncBaseTransport:
        """Return a transport for `httpx.AsyncClient` that runs the app in process, without a socket."""
        return InProcessTransport(self._app)

    def serve(self, host: str = "127.0.0.1", port: int = 0) -> AbstractAsyncContextManager[str]:
        """Serve on a loopback socket while a block lasts: `async with sandbox.serve() as url`.

        Signals are left alone: what ends the block ends the server. Requests still in flight then have half a second.

        Args:
            host: A loopback address or "localhost".
            port: 0 for any that is free.

        Returns:
            A context manager, to be used once, of the URL of the server's origin, such as "http://127.0.0.1:54321".

        Raises:
            ValueError: The host is not a loopback address.
            OSError: On entering: the port is taken.
        """
        # uvicorn takes a tenth of a second to import, and the transport does not need it.
        from exist_async.sandbox.server import loopback, serve

        return serve(self._app, loopback(host), port)

    # What was asked

    @property
    def requests(self) -> list[RecordedRequest]:
        """The last 10,000 requests, in the order in which they were received."""
        return self._recorder.requests()

    def reset_requests(self) -> None:
        """Forget the requests so far."""
        self._recorder.clear()

    # What goes wrong

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
        """Let the next requests fail.

        Faults queue up: a request meets at most one, the oldest that concerns it, in order of arrival. They come before
        the token and the rate limit are looked at.

        Args:
            times: How many requests fail.
            status: The status of the answer.
            json: The JSON of the answer.
            body: The body of the answer, HTML unless the headers say otherwise. Without either, a 5xx is the page of
                a proxy and any other status is a refusal in the words of the API.
            headers: More headers of the answer, such as `{"Retry-After": "7"}`.
            path: Only requests whose path ends with this, as it is sent, such as "attributes/acquire/".
            skip: How many requests (to that path) pass unharmed first.
            when: "before": the request is not carried out. "after": it is, and only its answer is replaced.
            drop: Cut the connection instead of answering. At a socket the client sees it closed; the in-process
                transport raises `httpx.RemoteProtocolError`.

        Raises:
            ValueError: A number is out of its range, or two kinds of answer are given.
        """
        self._plan(faulty(status, json, body, headers, when=when, drop=drop, refusal=self._refusal), times, path, skip)

    def rewrite_next(
        self, rewrite: Callable[[Any], object], times: int = 1, *, path: str | None = None, skip: int = 0
    ) -> None:
        """Let the next requests be carried out, and change the JSON of their answers.

        Args:
            rewrite: Gets the decoded answer, which it may change, and returns the one that is sent; the status stays.
            times: How many answers are changed.
            path: Only those to requests whose path ends with this, as it is sent, such as "attributes/acquire/".
            skip: How many requests (to that path) pass unharmed first.

        Raises:
            ValueError: A number is out of its range.
        """
        self._plan(rewritten(rewrite), times, path, skip)

    def clear_faults(self) -> None:
        """Forget the faults still to come."""
        self._intake.faults.clear()

    def _plan(self, apply: Apply, times: int, path: str | None, skip: int) -> None:
        if times < 1 or skip < 0:
            raise ValueError(f"times must be at least 1 and skip at least 0, not {times} and {skip}")
        self._intake.faults.add(Fault(apply, times, skip, path))
