"""The httpx transport over aiohttp's connections, which survive cancellation and cost half the CPU or less."""

from __future__ import annotations

import asyncio
import ssl
import sys
from importlib import import_module
from threading import Lock
from typing import TYPE_CHECKING

import httpx
from attrs import define, field

from exist_async._concurrency import running_loop
from exist_async._http.call import current_state
from exist_async._http.proxies import Proxies

if TYPE_CHECKING:
    from exist_async._http.connections import Connections

_Pools = dict[asyncio.AbstractEventLoop, "Connections"]


@define(eq=False, repr=False, kw_only=True)
class Transport(httpx.AsyncBaseTransport):
    """Opens connections for each event loop that uses it, on the loop's first request.

    It keeps no cookies, follows no redirects and repeats nothing; each failure is raised as the httpx error that tells
    whether a connection was made.

    Attributes:
        max_connections: Connections of one loop, in use and idle.
        proxies: The proxies to use.
        verify: Whether to check certificates, or the context that does.
        trust_env: Whether SSL_CERT_FILE and SSL_CERT_DIR count.
    """

    max_connections: int
    proxies: Proxies = field(repr=False)
    verify: bool | ssl.SSLContext
    trust_env: bool
    _pools: _Pools = field(init=False, factory=_Pools)
    _ssl: ssl.SSLContext | None = field(init=False, default=None)
    _preparing: Lock = field(init=False, factory=Lock)
    _closed: bool = field(init=False, default=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request and read its answer to the end."""
        core = sys.modules.get("httpcore")
        # A mock with the signature of the original (`autospec=True`) has None for a module.
        if not str(httpx.AsyncHTTPTransport.handle_async_request.__module__).startswith("httpx.") or not (
            core is None or str(core.AsyncConnectionPool.handle_async_request.__module__).startswith("httpcore.")
        ):
            return await self._send_to_mock(request)
        pool = self._pools.get(asyncio.get_running_loop())
        if pool is None or pool.session.closed:
            pool = await self._open(request)
        return await pool.send(request)

    async def _send_to_mock(self, request: httpx.Request) -> httpx.Response:
        """Send a request through httpx's own transport, a part of which a mock such as pytest-httpx has replaced.

        A test that is mocked must not reach the real service. Wrappers that only measure keep the name of the module.
        """
        await asyncio.to_thread(self._prepare)
        state = current_state.get()
        if state is not None:
            state.connected = True
        assert self._ssl is not None
        async with httpx.AsyncHTTPTransport(verify=self._ssl) as transport:
            response = await transport.handle_async_request(request)
            await response.aread()
        return response

    def stop(self) -> None:
        """Send no further request; those in flight go on."""
        self._closed = True
        for pool in list(self._pools.values()):
            pool.stop()

    async def aclose(self) -> None:
        """Close the connections of all event loops; a loop in another thread closes its own soon afterwards."""
        self._closed = True
        running = running_loop()
        own = None if running is None else self._pools.pop(running, None)
        # They are kept: a loop that never runs again is closed at exit.
        for pool in list(self._pools.values()):
            pool.close_from_outside()
        if own is not None:
            await own.close()

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
        pool = self._pools.get(loop)
        if pool is None or pool.session.closed:
            for closed in [known for known in self._pools if known.is_closed()]:
                self._pools.pop(closed).close_from_outside()
            from exist_async._http.connections import Connections

            assert self._ssl is not None
            pool = self._pools[loop] = Connections(
                max_connections=self.max_connections,
                ssl_context=self._ssl,
                proxies=self.proxies,
            )
            await pool.close_with_loop()
        return pool

    def _prepare(self) -> None:
        # The first requests of a client often start at the same time: one of them prepares for all.
        with self._preparing:
            if self._ssl is None:
                import_module("exist_async._http.connections")
                self._ssl = httpx.create_ssl_context(verify=self.verify, trust_env=self.trust_env)
