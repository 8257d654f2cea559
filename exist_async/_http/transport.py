"""The httpx transport over aiohttp's connections, which survive cancellation and cost half the CPU or less."""

from __future__ import annotations

import asyncio
from importlib import import_module
from threading import Lock
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    import ssl

    from exist_async._http.connections import Connections


class Transport(httpx.AsyncBaseTransport):
    """Opens connections for each event loop that uses it, on the loop's first request.

    It keeps no cookies, follows no redirects and repeats nothing; each failure is raised as the httpx error that tells
    whether a connection was made.

    Args:
        max_connections: Connections of one loop, in use and idle.
        proxy: The URL of an HTTP proxy, or None.
        verify: Whether to check certificates, or the context that does.
        trust_env: Whether HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR count.
    """

    def __init__(
        self,
        *,
        max_connections: int = 100,
        proxy: str | None = None,
        verify: bool | ssl.SSLContext = True,
        trust_env: bool = True,
    ) -> None:
        self._max_connections = max_connections
        self._proxy = proxy
        self._verify = verify
        self._trust_env = trust_env
        self._pools: dict[asyncio.AbstractEventLoop, Connections] = {}
        self._ssl: ssl.SSLContext | None = None
        self._preparing = Lock()
        self._closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request and read its answer to the end."""
        pool = self._pools.get(asyncio.get_running_loop())
        if pool is None:
            pool = await self._open(request)
        return await pool.send(request)

    def stop(self) -> None:
        """Send no further request; those in flight go on."""
        self._closed = True
        for pool in list(self._pools.values()):
            pool.stop()

    async def aclose(self) -> None:
        """Close the connections of all event loops; a loop in another thread closes its own soon afterwards."""
        self._closed = True
        pools, self._pools = self._pools, {}
        for loop, pool in pools.items():
            if loop is asyncio.get_running_loop():
                await pool.close()
            elif loop.is_running():
                loop.call_soon_threadsafe(_close_soon, loop, pool)
            else:
                pool.abandon()

    async def _open(self, request: httpx.Request) -> Connections:
        loop = asyncio.get_running_loop()
        try:
            # Importing aiohttp and loading the certificates takes a fifth of a second, and would block the event loop.
            await asyncio.to_thread(self._prepare)
        except OSError as error:  # ssl.SSLError is one
            message = f"can't read the certificates that SSL_CERT_FILE or SSL_CERT_DIR names: {error}"
            raise httpx.ConnectError(message, request=request) from error
        if self._closed:
            raise httpx.ConnectError("the client was closed", request=request)
        if loop not in self._pools:
            self._drop_pools_of_closed_loops()
            from exist_async._http.connections import Connections

            assert self._ssl is not None
            self._pools[loop] = Connections(
                max_connections=self._max_connections,
                ssl_context=self._ssl,
                proxy=self._proxy,
                trust_env=self._trust_env,
            )
        return self._pools[loop]

    def _prepare(self) -> None:
        # The first requests of a client often start at the same time: one of them prepares for all.
        with self._preparing:
            if self._ssl is None:
                import_module("exist_async._http.connections")
                self._ssl = httpx.create_ssl_context(verify=self._verify, trust_env=self._trust_env)

    def _drop_pools_of_closed_loops(self) -> None:
        for loop in [loop for loop in self._pools if loop.is_closed()]:
            self._pools.pop(loop).abandon()


def _close_soon(loop: asyncio.AbstractEventLoop, pool: Connections) -> None:
    loop.create_task(pool.close())
