"""Serves the app on a loopback socket, for as long as a block lasts."""

import asyncio
import ipaddress
import os
import socket
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from exist_async.sandbox.faults import ConnectionDropped

__all__ = ["loopback", "serve"]

# Seconds that requests in flight are given at the end.
_GRACE: Final = 0.5


class _Server(uvicorn.Server):
    """uvicorn, as a guest in somebody's event loop."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._over = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        # Signals belong to the caller, whose cancelled block ends this server.
        yield

    async def main_loop(self) -> None:
        # uvicorn's own wakes ten times a second, for headers that are switched off here and to see whether it is over.
        await self._over.wait()

    def stop(self) -> None:
        """End, after the requests in flight."""
        self.should_exit = True
        self._over.set()

    def cut(self, client: tuple[str, int] | None = None) -> None:
        """Cut the connections of a client, or all."""
        for connection in list(self.server_state.connections):
            transport = connection.transport
            # Of an IPv6 peer it has four parts, of which ASGI names two.
            if client is None or transport.get_extra_info("peername")[:2] == client:
                transport.abort()


@asynccontextmanager
async def serve(app: ASGIApp, address: str, port: int) -> AsyncGenerator[str]:
    """Serve the app, and yield the URL of its origin.

    Args:
        app: What to serve.
        address: A loopback address.
        port: 0 for any that is free.

    Raises:
        OSError: The port is taken.
    """

    async def guest(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        except (ConnectionDropped, asyncio.CancelledError):
            server.cut(scope["client"])
            # uvicorn takes the return of an app without an answer for a mistake, unless it has seen the end.
            await receive()

    # None of uvicorn's logging set-up: it would rewrite what the caller configured for a uvicorn of its own.
    config = uvicorn.Config(
        guest,
        interface="asgi3",
        lifespan="off",
        ws="none",
        log_config=None,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=60,
    )
    server = _Server(config)
    with _bind(address, port) as listener:
        shown = f"[{address}]" if ":" in address else address
        running = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            while not (server.started or running.done()):  # noqa: ASYNC110  # uvicorn has nothing to wait for.
                await asyncio.sleep(0)
            if running.done():
                await running
            yield f"http://{shown}:{listener.getsockname()[1]}"
        finally:
            server.stop()
            _, late = await asyncio.wait([running], timeout=_GRACE)
            if late:
                server.cut()
                for task in list(server.server_state.tasks):
                    task.cancel()
            await running


def loopback(host: str) -> str:
    """Return the loopback address that a host names.

    Raises:
        ValueError: It names none.
    """
    address = "127.0.0.1" if host == "localhost" else host
    try:
        loopback = ipaddress.ip_address(address).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise ValueError(f"The sandbox serves this machine only: host must be a loopback address, not {host!r}")
    return address


def _bind(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    # With its protocol named, or asyncio would not switch off Nagle's algorithm: 40 ms for every answer.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            # To be served again at once at the same port; on Windows it would let two servers share one.
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((address, port))
    except BaseException:
        bound.close()
        raise
    return bound
