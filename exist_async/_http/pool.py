"""The HTTP client that all views of one client share: sends one request, and classifies its failures exactly."""

import asyncio
import ssl
from contextvars import ContextVar
from functools import lru_cache

import httpx
from attrs import define, field

from exist_async import _json
from exist_async._checks import check_flag, check_int, wrong_type
from exist_async._http import responses
from exist_async._http.call import Call, CallState, current_state
from exist_async._http.in_flight import InFlight
from exist_async._http.options import Options
from exist_async._http.proxies import Proxies
from exist_async._http.retry import RetryBudget
from exist_async._http.signing import user_of
from exist_async._http.throttle import Throttle
from exist_async._http.transport import Transport
from exist_async._secrets import clear_locals, redact_errors
from exist_async.errors import (
    ClientClosedError,
    ConfigurationError,
    ConnectionFailedError,
    ExistAsyncError,
    NoAnswerError,
)
from exist_async.version import __version__

CLOSED = "The client is closed. Create a new one, or make this call inside its `async with`."

_HEADERS = [
    (b"Accept", b"application/json"),
    (b"Accept-Encoding", b"gzip, deflate"),
    (b"User-Agent", f"exist-async/{__version__}".encode()),
]

# With these, no byte of the request was sent; every other failure of a transport leaves that open.
_CONNECT_ERRORS = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


@define(eq=False, repr=False)
class Pool:
    """Sends signed requests through the package's own HTTP client, or through the caller's.

    Attributes:
        http: The HTTP client.
        transport: The transport of the package's own client, closed with this pool; None for a caller's client.
        proxies: The proxies of the package's own client; None for a caller's client.
        max_connections: The most connections of one event loop; None if a caller's client decides it.
        in_flight: The waits and writes in progress.
        retry_budget: Limits the retries of all calls together.
        throttle: Slows users down whose requests the service has refused with a 429.
    """

    _http: httpx.AsyncClient
    _transport: Transport | None = field(default=None, repr=False)
    _proxies: Proxies | None = field(default=None, repr=False)
    max_connections: int | None = None
    in_flight: InFlight = field(init=False, factory=InFlight)
    retry_budget: RetryBudget = field(init=False, factory=RetryBudget)
    throttle: Throttle = field(init=False, factory=Throttle)
    _closed: bool = field(init=False, default=False)
    _prepared: set[str] = field(init=False, factory=set[str])

    @property
    def closed(self) -> bool:
        """Whether it, or its HTTP client, was closed."""
        return self._closed or self._http.is_closed

    @classmethod
    def open(cls, *, max_connections: int, proxy: str | None, verify: bool | ssl.SSLContext, trust_env: bool) -> "Pool":
        """Return a pool with an HTTP client of its own. Connections are opened at first use, on the running loop."""
        check_int("max_connections", max_connections, least=1)
        check_flag("trust_env", trust_env)
        if not isinstance(verify, bool | ssl.SSLContext):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise wrong_type("verify", "True, False or an ssl.SSLContext", verify)
        proxies = Proxies(proxy, trust_env=trust_env)
        transport = Transport(max_connections=max_connections, proxies=proxies, verify=verify, trust_env=trust_env)
        # The transport reads the environment; the client above it must not mount proxies of its own.
        return cls(_Client(transport=transport, trust_env=False), transport, proxies, max_connections)

    @classmethod
    def over(cls, http: httpx.AsyncClient) -> "Pool":
        """Return a pool over a caller's HTTP client; raise ConfigurationError if it is not an httpx.AsyncClient."""
        if not isinstance(http, httpx.AsyncClient):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise wrong_type("http_client", "an httpx.AsyncClient", http)
        return cls(http)

    async def prepare(self, origin: str) -> None:
        """Load what the first call to an origin needs.

        Raises:
            ConfigurationError: The proxy for it can't be used, or no asyncio event loop is running.
        """
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            raise ConfigurationError(
                "exist_async needs a running asyncio event loop: use asyncio.run(), or anyio with its asyncio backend. "
                "It does not work with trio"
            ) from None
        if origin in self._prepared:
            return
        if self._proxies is not None:
            try:
                self._proxies.find(origin)
            except Exception as error:
                # Frames of it hold the URL of the proxy, with the password.
                clear_locals(error)
                raise
        if not _json.is_ready():
            try:
                # Importing the JSON libraries would block the event loop.
                await asyncio.to_thread(_json.prepare)
            except RuntimeError:  # an event loop that is shutting down starts no thread any more
                _json.prepare()
        self._prepared.add(origin)

    async def send(
        self, call: Call, auth: httpx.Auth, options: Options, state: CallState, time_left: float | None
    ) -> httpx.Response:
        """Send one request and read its answer to the end, whatever its status.

        The state's `connected` is set when the request gets its connection. `time_left` is the longest wait in seconds
        for a free one; None leaves that to the timeout.

        Raises:
            ConnectionFailedError: It was not sent.
            ClientClosedError: The client is closed. It was not sent, or it was a read.
            NoAnswerError: It was sent, and no readable answer came; for a write, OutcomeUnknownError.
            ConfigurationError: The call has no valid URL.
        """
        if self.closed:
            raise ClientClosedError(CLOSED)
        try:
            request = _request(call, options.base_url)
        except httpx.InvalidURL as error:
            raise ConfigurationError(f"{call}: its names and filters make no valid URL: {error}") from error
        try:
            try:
                return await self._send_in_time(request, auth, options.timeout, state, time_left)
            except BaseException as error:
                # Frames of httpx and aiohttp hold the Authorization header.
                clear_locals(error)
                raise
        except httpx.HTTPStatusError as error:  # raised by an event hook of the caller's client: errors are judged here
            await error.response.aread()
            return error.response
        except httpx.RequestError as error:
            # It may become the cause, and its request holds the token.
            redact_errors(error)
            failure = self._failure(error, call, options)
            if not call.is_token_request or not isinstance(failure, NoAnswerError):
                raise failure from error
        except (httpx.InvalidURL, UnicodeError) as error:
            # Raised by a caller's client for a Location or Set-Cookie header that it can't parse.
            reason = f"the answer's headers can't be read ({type(error).__name__})"
            failure = responses.no_answer(call, f"sent to {options.base_url}, and {reason}")
        except RuntimeError as error:
            # httpx and aiohttp raise it for a client that was closed; nothing is sent then.
            if self.closed:
                raise ClientClosedError(CLOSED) from error
            raise
        # Outside the handlers: the error quotes the answer, which may contain a secret, and would be the context.
        raise failure

    def stop(self) -> None:
        """Send nothing more; what is in flight goes on."""
        self._closed = True
        self.in_flight.end_waits()
        if self._transport is not None:
            self._transport.stop()

    async def aclose(self, seconds: float) -> None:
        """Send nothing more, wait up to `seconds` for the writes in flight, and close the package's own HTTP client."""
        try:
            self.stop()
            await self.in_flight.join_writes(seconds)
        finally:
            if self._transport is not None:
                await self._http.aclose()

    async def _send_in_time(
        self, request: httpx.Request, auth: httpx.Auth, seconds: float, state: CallState, time_left: float | None
    ) -> httpx.Response:
        patience = seconds if time_left is None else max(0.0, min(seconds, time_left))
        request.extensions = {"timeout": {"connect": seconds, "read": seconds, "write": seconds, "pool": patience}}
        if isinstance(self._http, _Client):
            state.user = user_of(auth)
            current_state.set(state)
            try:
                return await self._http.sign_and_send(request, auth)
            finally:
                # Not reset by its token: the collector may close this in another context, after the loop has ended.
                current_state.set(None)
        # A caller's client does not report when the request gets its connection.
        state.connected = True
        try:
            # httpx bounds each read, not the whole: an answer of one byte a second would never end. Waiting for a
            # connection and making it have bounds of their own, and both have ended after twice the time.
            async with asyncio.timeout(2 * seconds):
                return await self._http.send(request, auth=auth, follow_redirects=False)
        except TimeoutError:
            raise httpx.ReadTimeout("The answer took too long", request=request) from None

    def _failure(self, error: httpx.RequestError, call: Call, options: Options) -> ExistAsyncError:
        """Return the error for a request that got no answer."""
        not_sent = isinstance(error, _CONNECT_ERRORS)
        if self.closed and (not_sent or call.is_read):
            return ClientClosedError(f"{call}: the client was closed before an answer came.")
        reason = type(error).__name__ if call.is_token_request and not not_sent else str(error) or type(error).__name__
        if not_sent:
            return ConnectionFailedError(
                f"{call}: could not connect to {options.base_url} (nothing was sent): {reason}"
            )
        return responses.no_answer(call, f"sent to {options.base_url}, but no readable answer came: {reason}")


renewing_pool: ContextVar[Pool | None] = ContextVar("exist_async_renewing_pool", default=None)
"""The pool of the call whose token is being renewed: the token request goes over it too."""


class _Client(httpx.AsyncClient):
    async def sign_and_send(self, request: httpx.Request, auth: httpx.Auth) -> httpx.Response:
        """Send a request and all others that its auth asks for, and return the last answer, read to its end.

        httpx's own `send` also follows redirects, runs hooks and keeps cookies, which would travel with the next user's
        token. None of that is wanted here, and it costs a twentieth of a request.
        """
        # respx and other mocks of httpx replace `_transport_for_url`.
        transport = self._transport_for_url(request.url)
        flow = auth.async_auth_flow(request)
        try:
            request = await anext(flow)
            while True:
                try:
                    response = await transport.handle_async_request(request)
                except httpx.RequestError as error:
                    # A mock of the transport may have left it out, and it is needed to hide the token.
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


def _request(call: Call, origin: str) -> httpx.Request:
    """Build a request from its parts, which costs a fifth of what httpx's own way does."""
    url = _url(f"{origin}{call.path}?{call.query}" if call.query else origin + call.path)
    body = call.body or b""
    headers = [(b"Host", url.netloc), *_HEADERS]
    if call.body is not None:
        headers.append((b"Content-Type", call.content_type))
    if call.method != "GET":
        headers.append((b"Content-Length", str(len(body)).encode()))
    request = httpx.Request(call.method, url, headers=headers, stream=httpx.ByteStream(body))
    # A caller's auth may sign the body, and their hooks may read it.
    request.read()
    return request


@lru_cache(maxsize=1024)
def _url(url: str) -> httpx.URL:
    # Parsing costs more than the rest of building a request.
    return httpx.URL(url)
