"""Serves an ASGI app on a loopback socket for the duration of an `async with` block."""

import asyncio
import ipaddress
import os
import socket
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Final
from urllib.parse import urlsplit

import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from exist_async.sandbox.faults import ConnectionDropped

__all__ = ["loopback_address", "serve"]

# Seconds that requests in flight have to complete at the end.
_GRACE_PERIOD: Final = 0.5

_WRONG_HOST: Final = "The sandbox is for this machine only: use localhost, or a loopback address, in the URL.\n"


class _Server(uvicorn.Server):
    """A uvicorn server that runs in the caller's event loop and leaves signals to the caller."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._stop_requested = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        # The caller handles signals; cancelling its block stops this server.
        yield

    async def main_loop(self) -> None:
        # uvicorn's own loop polls ten times a second, for headers that are disabled here and for the exit flag.
        await self._stop_requested.wait()

    def stop(self) -> None:
        """Stop after the requests in flight."""
        self.should_exit = True
        self._stop_requested.set()

    def drop_connections(self, client: tuple[str, int] | None = None) -> None:
        """Close the connections of a client, or all connections, without a reply."""
        for connection in list(self.server_state.connections):
            transport = connection.transport
            # An IPv6 peer name has four parts; ASGI passes the first two.
            if client is None or transport.get_extra_info("peername")[:2] == client:
                transport.abort()


@asynccontextmanager
async def serve(app: ASGIApp, address: str, port: int) -> AsyncGenerator[str]:
    """Serve the app, and yield the URL of its origin.

    Args:
        app: The ASGI app.
        address: A loopback address.
        port: The port; 0 picks a free one.

    Raises:
        OSError: The port is in use.
    """

    async def app_with_drops(scope: Scope, receive: Receive, send: Send) -> None:
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        try:
            # The name of a website, to which its owner has given a loopback address, would let its pages read replies.
            if not (hosts and all(map(_is_loopback, hosts))):
                await PlainTextResponse(_WRONG_HOST, 421)(scope, receive, send)
                return
            await app(scope, receive, send)
        except (ConnectionDropped, asyncio.CancelledError):
            server.drop_connections(scope["client"])
            # uvicorn logs an error when an app returns without a reply, unless it has received the disconnect.
            await receive()

    # uvicorn's logging configuration is global and would replace the caller's.
    config = uvicorn.Config(
        app_with_drops,
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
        url_host = f"[{address}]" if ":" in address else address
        running = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            while not (server.started or running.done()):  # noqa: ASYNC110  # uvicorn has no event to wait for.
                await asyncio.sleep(0)
            if running.done():
                await running
            yield f"http://{url_host}:{listener.getsockname()[1]}"
        finally:
            server.stop()
            _, pending = await asyncio.wait([running], timeout=_GRACE_PERIOD)
            if pending:
                server.drop_connections()
                for task in list(server.server_state.tasks):
                    task.cancel()
            await running


def loopback_address(host: str) -> str:
    """Return the address of a loopback host.

    Raises:
        ValueError: The host is not a loopback address.
    """
    address = "127.0.0.1" if host == "localhost" else host
    try:
        is_loopback = ipaddress.ip_address(address).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise ValueError(f"host must be a loopback address, because the sandbox is for this machine only, not {host!r}")
    return address


def _is_loopback(authority: str) -> bool:
    """Whether a Host header names this machine."""
    try:
        host = urlsplit(f"//{authority}").hostname or ""
        return host == "localhost" or host.endswith(".localhost") or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _bind(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    # asyncio disables Nagle's algorithm (40 ms for each reply) only when the protocol is given explicitly.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            # Allows serving on the same port again at once; on Windows it would let two servers share it.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
    except BaseException:
        listener.close()
        raise
    return listener
