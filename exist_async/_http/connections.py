"""The connections of one event loop, kept by aiohttp."""

import asyncio
import base64
import re
import select
import sys
from contextlib import suppress
from contextvars import ContextVar
from functools import lru_cache
from ssl import SSLContext
from urllib.request import getproxies, proxy_bypass
from weakref import WeakSet

import aiohttp
import httpx
from aiohttp.client_reqrep import ClientRequest
from aiohttp.connector import Connection
from aiohttp.tracing import Trace
from yarl import URL

from exist_async._checks import is_loopback
from exist_async._http import bodies
from exist_async._http.bodies import BodyError
from exist_async._http.deliveries import Sending

_CLOSED = "the client was closed"
_HTTP_VERSION = {"http_version": b"HTTP/1.1"}

# What the body is no more once it is read; and where a redirect leads, which httpx would read and nobody follows.
_DROPPED = (b"content-encoding", b"location")

# aiohttp quotes the bytes that it can't read, and they may repeat the request's credentials.
_QUOTED = re.compile(r"""[\s:,]*\bb['"].*""", re.DOTALL)

_sending: ContextVar[Sending] = ContextVar("exist_async_sending")


class _Answer(httpx.Response):
    """An answer whose body is there already: httpx would look for its encoding and read it through a stream."""

    def __init__(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        super().__init__(status, headers=headers, stream=httpx.ByteStream(body), extensions=_HTTP_VERSION)
        self._body = body

    @property
    def content(self) -> bytes:
        """The body."""
        return self._body

    def read(self) -> bytes:
        """Return the body."""
        return self._body

    async def aread(self) -> bytes:
        """Return the body."""
        return self._body


class _Connector(aiohttp.TCPConnector):
    """Marks the attempt that it gives a connection, and gives it only one, on which nothing came unasked."""

    def __init__(self, ssl_context: SSLContext) -> None:
        super().__init__(limit=0, ssl=ssl_context)  # pyright: ignore[reportUnknownMemberType]
        self._used: WeakSet[asyncio.BaseProtocol] = WeakSet()

    async def connect(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  (aiohttp's own signature)
    ) -> Connection:
        sending = _sending.get()
        if sending.request_connected:
            # aiohttp sends a GET again by itself when a reused connection drops. Whether to repeat is not its decision.
            raise aiohttp.ServerDisconnectedError("The server closed the connection before it answered")
        connection = await super().connect(req, traces, timeout)
        # What came since its last answer would be taken for the next one, which is perhaps another user's.
        while connection.protocol in self._used and _has_more(connection):
            connection.close()
            connection = await super().connect(req, traces, timeout)
        assert connection.protocol is not None
        self._used.add(connection.protocol)
        sending.connected = sending.request_connected = True
        return connection


def _has_more(connection: Connection) -> bool:
    """Whether bytes came, or the end did, on a connection that waits for its next request."""
    assert connection.protocol is not None
    assert connection.transport is not None
    return connection.protocol.should_close or _is_readable(connection.transport.get_extra_info("socket").fileno())


def _is_readable(descriptor: int) -> bool:
    """Whether the loop has not read all yet."""
    if sys.platform == "win32":
        return bool(select.select((descriptor,), (), (), 0)[0])
    poll = select.poll()  # unlike select, it takes any number
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


class Connections:
    """Sends requests over at most `max_connections` connections, and says exactly how an attempt failed."""

    def __init__(self, *, max_connections: int, ssl_context: SSLContext, proxy: str | None, trust_env: bool) -> None:
        self._proxy = None if proxy is None else _split_proxy(proxy)
        self._environment = {key: url for key, url in getproxies().items() if trust_env and key != "no"}
        # The pool's limit is kept here and not by aiohttp, so that waiting for a connection has a time of its own.
        self._free = asyncio.Semaphore(max_connections)
        self._stopped = False
        self._session = aiohttp.ClientSession(
            connector=_Connector(ssl_context),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None),
            auto_decompress=False,
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
        )

    async def send(self, request: httpx.Request) -> httpx.Response:
        """Send a request and read its answer to the end.

        The request's extension `timeout` is httpx's: `pool` bounds the wait for a free connection, `read` all the rest.
        The extension `sending`, a `Sending` where it is there, is told when the request has its connection.
        """
        timeout = request.extensions.get("timeout", {})
        if self._free.locked():
            try:
                async with asyncio.timeout(timeout.get("pool")):
                    await self._free.acquire()
            except TimeoutError:
                raise httpx.PoolTimeout("No connection came free in time: all are in use", request=request) from None
        else:
            await self._free.acquire()
        sending: Sending = request.extensions.get("sending") or Sending()
        sending.request_connected = False
        _sending.set(sending)
        failure: httpx.RequestError
        try:
            if self._stopped:
                raise httpx.ConnectError(_CLOSED, request=request)
            async with asyncio.timeout(timeout.get("read")):
                return await self._exchange(request)
        except BodyError as error:
            failure = httpx.DecodingError(f"the body can't be used: {error}", request=request)
        except (aiohttp.ClientError, OSError, ValueError) as error:  # TimeoutError is an OSError
            failure = _as_httpx(error, sending.connected, request)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # aiohttp's own look-up of a name, ended by the closing of its connector.
            failure = _as_httpx(ConnectionAbortedError(_CLOSED), sending.connected, request)
        finally:
            self._free.release()
        # Outside of the handler, or aiohttp's error would come along as context: its repr shows the request's headers.
        raise failure

    def stop(self) -> None:
        """Let no further request out, those that wait for a free connection included."""
        self._stopped = True

    async def close(self) -> None:
        """Close every connection, those in use included."""
        await self._session.close()

    def abandon(self) -> None:
        """Let go of the connections of a loop that runs no more, where nothing can be awaited."""
        closing = self._session.close()
        # With no loop to wait for, aiohttp's closing is done after its first step.
        with suppress(StopIteration):
            closing.send(None)
        closing.close()

    async def _exchange(self, request: httpx.Request) -> httpx.Response:
        url = _url(str(request.url))
        headers = request.headers.multi_items()
        proxy, proxy_headers = self._proxy_for(url)
        if url.scheme == "http":
            # There is no tunnel to a plain server: the proxy reads the request itself.
            headers += proxy_headers.items()
        async with self._session.request(
            request.method,
            url,
            headers=headers,
            data=await request.aread() or None,
            allow_redirects=False,
            proxy=proxy,
            proxy_headers=proxy_headers,
        ) as response:
            try:
                body = await bodies.read(response)
            except BodyError:
                if 200 <= response.status < 300:
                    raise
                # What the status says counts all the same; the words are lost.
                body = b""
        received = [(name, value) for name, value in response.raw_headers if name.lower() not in _DROPPED]
        return _Answer(response.status, received, body)

    def _proxy_for(self, url: URL) -> tuple[URL | None, dict[str, str]]:
        """Return the proxy to use, and the headers that sign in at it."""
        if self._proxy is not None:
            return self._proxy
        if is_loopback(url.host or ""):
            # To a proxy, loopback is another machine, and a plain token is what it would get to read.
            return None, {}
        proxy = self._environment.get(url.scheme) or self._environment.get("all")
        if not proxy or proxy_bypass(url.authority):
            return None, {}
        return _split_proxy(proxy if "://" in proxy else f"http://{proxy}")


def _split_proxy(proxy: str) -> tuple[URL, dict[str, str]]:
    """Take the password out of a proxy's URL, which aiohttp's errors quote."""
    url = URL(proxy)
    if url.user is None:
        return url, {}
    credentials = base64.b64encode(f"{url.user}:{url.password or ''}".encode()).decode()
    return url.with_user(None), {"Proxy-Authorization": f"Basic {credentials}"}


@lru_cache(maxsize=512)
def _url(url: str) -> URL:
    return URL(url, encoded=True)


def _as_httpx(error: Exception, connected: bool, request: httpx.Request) -> httpx.TransportError:
    """Translate an error into the httpx error of the same meaning."""
    cls: type[httpx.TransportError]
    if isinstance(error, TimeoutError):
        cls = httpx.ReadTimeout if connected else httpx.ConnectTimeout
    elif connected:
        cls = httpx.ReadError if isinstance(error, OSError) else httpx.RemoteProtocolError
    elif isinstance(error, aiohttp.ClientProxyConnectionError | aiohttp.ClientHttpProxyError):
        cls = httpx.ProxyError
    else:
        cls = httpx.ConnectError
    if isinstance(error, aiohttp.ClientResponseError) or cls is httpx.RemoteProtocolError:
        return cls(_words(error), request=request)
    failure = cls(str(error) or type(error).__name__, request=request)
    failure.__cause__ = error if isinstance(error, OSError) else error.__cause__
    return failure


def _words(error: Exception) -> str:
    """Say what is wrong with an answer, in one line and without quoting it."""
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the proxy refused to connect ({error.status})"
    said = error.message if isinstance(error, aiohttp.ClientResponseError) else str(error)
    return " ".join(_QUOTED.sub("", said).split()) or type(error).__name__
