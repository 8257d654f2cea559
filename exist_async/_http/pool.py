"""The HTTP client that all views of one client share."""

import asyncio
import ssl
from urllib.parse import urlsplit

import httpx

from exist_async import _json
from exist_async._checks import check_flag, check_int
from exist_async._http.deliveries import Deliveries, Sending
from exist_async._http.gates import Gates
from exist_async._http.quota import RetryQuota
from exist_async._http.transport import Transport
from exist_async._http.waits import Waits
from exist_async.errors import ConfigurationError


class Pool:
    """Sends signed requests, through an own HTTP client or through one that the caller brought.

    Args:
        http: The client.
        transport: What is below an own client, which is closed with this pool; None for a caller's.

    Attributes:
        deliveries: The writes under way.
        gates: What the calls of users go through that the service has refused.
        quota: The retries that all have left together.
        waits: The calls that wait for their turn.
    """

    __slots__ = ("_closed", "_http", "_prepared", "_transport", "deliveries", "gates", "quota", "waits")

    def __init__(self, http: httpx.AsyncClient, transport: Transport | None = None) -> None:
        self.deliveries = Deliveries()
        self.gates = Gates()
        self.quota = RetryQuota()
        self.waits = Waits()
        self._http = http
        self._transport = transport
        self._closed = False
        self._prepared = False

    @property
    def closed(self) -> bool:
        """Whether it, or the client below it, was closed."""
        return self._closed or self._http.is_closed

    @classmethod
    def open(cls, *, max_connections: int, proxy: str | None, verify: bool | ssl.SSLContext, trust_env: bool) -> "Pool":
        """Make a pool of an own client. Connections are made at first use, on the loop that runs then.

        Raises:
            ConfigurationError: An argument is wrong.
        """
        check_int("max_connections", max_connections, least=1)
        check_flag("trust_env", trust_env)
        if not isinstance(verify, bool | ssl.SSLContext):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(f"verify is True, False or an ssl.SSLContext, not {type(verify).__name__}")
        if proxy is not None:
            _check_proxy(proxy)
        transport = Transport(max_connections=max_connections, proxy=proxy, verify=verify, trust_env=trust_env)
        # The transport reads the environment; the client above it must not mount proxies of its own.
        return cls(_Client(transport=transport, trust_env=False), transport)

    @classmethod
    def of(cls, http: httpx.AsyncClient) -> "Pool":
        """Make a pool of a caller's client.

        Raises:
            ConfigurationError: It is no httpx.AsyncClient.
        """
        if not isinstance(http, httpx.AsyncClient):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(f"http_client is an httpx.AsyncClient, not {type(http).__name__}")
        return cls(http)

    async def prepare(self) -> None:
        """Import what reads and writes JSON before the first call, in a thread: the loop would stand still."""
        if not self._prepared:
            if not _json.is_ready():
                try:
                    await asyncio.to_thread(_json.prepare)
                except RuntimeError:  # of an event loop that is shutting down, and gives no thread any more
                    _json.prepare()
            self._prepared = True

    async def send(
        self, request: httpx.Request, auth: httpx.Auth, seconds: float, sending: Sending, time_left: float | None = None
    ) -> httpx.Response:
        """Send one request and read its answer to the end, within so many seconds.

        Args:
            request: The request.
            auth: Signs it.
            seconds: How long it may take. Waiting for a free connection has as many seconds of its own.
            sending: Is told when the request has its connection.
            time_left: How long it may wait for a free connection, where that is less.

        Raises:
            httpx.RequestError: As httpx's own transport and the one of this package have it.
        """
        free = seconds if time_left is None else max(0.0, min(seconds, time_left))
        timeout = {"connect": seconds, "read": seconds, "write": seconds, "pool": free}
        if isinstance(self._http, _Client):
            request.extensions = {"timeout": timeout, "sending": sending}
            return await self._http.sign_and_send(request, auth)
        request.extensions = {"timeout": timeout}
        # Whether it has its connection yet, a caller's client does not tell.
        sending.connected = True
        try:
            # httpx bounds each read, not the whole: one byte a second would go on for ever. By twice the time, waiting
            # for a connection and making it have both ended by their own bounds.
            async with asyncio.timeout(2 * seconds):
                return await self._http.send(request, auth=auth, follow_redirects=False)
        except TimeoutError:
            raise httpx.ReadTimeout("The answer took too long", request=request) from None

    async def aclose(self, seconds: float) -> None:
        """Let no further request out, wait for the writes under way, and close the own client; a caller's is left open.

        Args:
            seconds: How long to wait at most.
        """
        self._closed = True
        try:
            self.waits.end()
            if self._transport is not None:
                self._transport.stop()
            await self.deliveries.settle(seconds)
        finally:
            if self._transport is not None:
                await self._http.aclose()


class _Client(httpx.AsyncClient):
    async def sign_and_send(self, request: httpx.Request, auth: httpx.Auth) -> httpx.Response:
        """Have an auth sign a request, send it and what else the auth asks for, and return the last answer, read.

        httpx's own `send` does this and more: redirects, cookies, which would travel with another user's token, and
        hooks. All that is not wanted here, and costs a twentieth of a request.
        """
        # What mocks of httpx put themselves in place of.
        transport = self._transport_for_url(request.url)
        flow = auth.async_auth_flow(request)
        try:
            request = await anext(flow)
            while True:
                try:
                    response = await transport.handle_async_request(request)
                except httpx.RequestError as error:
                    # Whoever stands in for the transport may have left it out, and it says what to hide.
                    error.request = request
                    raise
                response.request = request
                try:
                    await response.aread()
                except BaseException:
                    await response.aclose()
                    raise
                try:
                    request = await flow.asend(response)
                except StopAsyncIteration:
                    return response
        finally:
            await flow.aclose()


def _check_proxy(proxy: str) -> None:
    try:
        parts = urlsplit(proxy if isinstance(proxy, str) else "")  # pyright: ignore[reportUnnecessaryIsInstance]
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        good = good and proxy.isprintable() and " " not in proxy and bool(httpx.URL(proxy).host)
    except (ValueError, httpx.InvalidURL):
        good = False
    if not good:
        # The URL is not quoted: it may hold a password.
        raise ConfigurationError(
            "proxy is the URL of an HTTP proxy, like 'http://127.0.0.1:3128'. For one of another kind, such as SOCKS, "
            "give an http_client that has it"
        )
