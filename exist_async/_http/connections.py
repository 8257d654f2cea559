"""The connections of one event loop, which aiohttp keeps: sends a request, and reads its answer to the end."""

import asyncio
import atexit
import os
import re
import select
import sys
import zlib
from collections.abc import AsyncGenerator, Callable, Hashable
from contextlib import suppress
from functools import lru_cache
from ssl import SSLContext
from typing import TYPE_CHECKING
from weakref import WeakSet

import aiohttp
import httpx
from aiohttp.client_reqrep import ClientRequest
from aiohttp.connector import Connection
from aiohttp.tracing import Trace
from yarl import URL

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler

from exist_async._concurrency import FairQueue
from exist_async._http.call import current_state
from exist_async._http.proxies import Proxies, Proxy

_CLOSED = "the client was closed"
_HTTP_VERSION = {"http_version": b"HTTP/1.1"}

# The body is decompressed here; and httpx would parse the target of a redirect, which is never followed.
_DROPPED_HEADERS = (b"content-encoding", b"location")

# aiohttp quotes the bytes that it can't parse, and they may repeat the request's credentials.
_QUOTED_BYTES = re.compile(r"""[\s:,]*\bb['"].*""", re.DOTALL)

_LARGEST_BODY = 16 * 1024 * 1024
_TOO_LARGE = f"it is larger than {_LARGEST_BODY // 1024 // 1024} MiB"
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_GZIP_MAGIC = b"\x1f\x8b"
_PIECE = 1024 * 1024
_MOST_NAMED = 5
_LONGEST_EXIT = 1.0  # seconds
# Any other name of an encoding may be the request's credentials, and is not quoted.
_KNOWN_ENCODINGS = frozenset(("gzip", "x-gzip", "deflate", "br", "zstd", "compress"))


class BodyError(Exception):
    """The body is too large, or its encoding is broken or unknown."""


class _Response(httpx.Response):
    """A response whose body is there already: httpx would read it through a stream and look for its encoding."""

    def __init__(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        super().__init__(status, headers=headers, stream=httpx.ByteStream(body), extensions=_HTTP_VERSION)
        self._body = body

    @property
    def content(self) -> bytes:
        return self._body

    async def aread(self) -> bytes:
        return self._body


class _Connector(aiohttp.TCPConnector):
    """Marks the call that gets a connection, and gives it no connection on which unexpected bytes have arrived."""

    def __init__(self, ssl_context: SSLContext) -> None:
        super().__init__(limit=0, ssl=ssl_context)  # pyright: ignore[reportUnknownMemberType]
        self._used: WeakSet[ResponseHandler] = WeakSet()

    async def connect(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  (aiohttp's own signature)
    ) -> Connection:
        state = current_state.get()
        assert state is not None
        if state.request_connected:
            # aiohttp sends a GET again by itself when a reused connection drops. Whether to repeat is not its decision.
            raise aiohttp.ServerDisconnectedError("The server closed the connection before it answered")
        connection = await super().connect(req, traces, timeout)
        # Bytes that came after its last answer would be taken for the next one, which may be another user's.
        while connection.protocol in self._used and _has_unread_bytes(connection):
            connection.close()
            connection = await super().connect(req, traces, timeout)
        assert connection.protocol is not None
        self._used.add(connection.protocol)
        state.connected = state.request_connected = True
        return connection

    def abort(self) -> None:
        """Abort all connections, without waiting for them to end."""
        for protocol in list(self._used):
            if protocol.transport is not None:
                protocol.transport.abort()


def _has_unread_bytes(connection: Connection) -> bool:
    """Whether an idle connection has received bytes, or was closed by the server."""
    assert connection.protocol is not None
    assert connection.transport is not None
    if connection.protocol.should_close:
        return True
    # The event loop may not have read them yet.
    descriptor = connection.transport.get_extra_info("socket").fileno()
    if sys.platform == "win32":
        return bool(select.select((descriptor,), (), (), 0)[0])
    poll = select.poll()  # unlike select, it takes any descriptor
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


class Connections:
    """Sends requests over at most `max_connections` connections, and reports exactly how an attempt failed.

    Attributes:
        session: aiohttp's session, which is closed with the event loop.
    """

    def __init__(self, *, max_connections: int, ssl_context: SSLContext, proxies: Proxies) -> None:
        self._proxies = proxies
        self._found: dict[tuple[str, str | None, int | None], Proxy | None] = {}
        # The limit is kept here and not by aiohttp, so that waiting for a connection is fair and has its own timeout.
        self._free = max_connections
        self._held: dict[Hashable, int] = {}
        self._queue = FairQueue()
        self._stopped = False
        self._loop = asyncio.get_running_loop()
        self._connector = _Connector(ssl_context)
        self.session = aiohttp.ClientSession(
            connector=self._connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None),
            auto_decompress=False,
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
        )
        self._end = _close_at_end(self.session)

    async def send(self, request: httpx.Request) -> httpx.Response:
        """Send a request and read its answer to the end.

        Of the request's extension `timeout`, which is httpx's, `pool` limits the wait for a free connection and `read`
        all the rest. The call's state in `current_state` is marked when the request gets its connection.
        """
        timeout = request.extensions.get("timeout", {})
        url = _url(str(request.url))
        origin = url.scheme, url.host, url.port
        if origin not in self._found:
            self._found[origin] = self._proxies.find(str(request.url))
        proxy = self._found[origin]
        state = current_state.get()
        assert state is not None
        if self._free:
            self._free -= 1
            self._held[state.user] = self._held.get(state.user, 0) + 1
        else:
            await self._wait(request, state.user, timeout.get("pool"))
        state.request_connected = False
        failure: httpx.RequestError
        try:
            if self._stopped:
                raise httpx.ConnectError(_CLOSED, request=request)
            async with asyncio.timeout(timeout.get("read")):
                return await self._exchange(request, url, proxy)
        except BodyError as error:
            failure = httpx.DecodingError(f"the body can't be used: {error}", request=request)
        except (aiohttp.ClientError, OSError, ValueError) as error:  # TimeoutError is an OSError
            failure = _as_httpx_error(error, state.connected, request, proxy)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # Closing aiohttp's connector cancels its look-up of a name, and so this request.
            failure = _as_httpx_error(ConnectionAbortedError(_CLOSED), state.connected, request, proxy)
        finally:
            self._release(state.user)
        # Outside of the handler: aiohttp's error would be the context, and its repr shows the request's headers.
        raise failure

    async def close_with_loop(self) -> None:
        """See to it that the connections are closed when the running event loop ends."""
        _opened.add(self)
        await anext(self._end)

    def stop(self) -> None:
        """Send no further request, nor those that wait for a free connection."""
        self._stopped = True

    async def close(self) -> None:
        """Close every connection, those in use included."""
        await self.session.close()
        with suppress(RuntimeError):  # the loop is closing it
            await self._end.aclose()

    def close_from_outside(self) -> None:
        """Close every connection from outside of their event loop: in its next step, or now if it is closed."""
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(lambda: self._loop.create_task(self.close()))
            return
        # asyncio closes a socket in the next step of its loop, and a closed loop makes none.
        setattr(self._loop, "call_soon", _call_now)  # noqa: B010  (a method can't be assigned to)
        self._connector.abort()
        closing = self.session.close()
        # Without a loop to wait for, aiohttp has closed everything after the first step.
        with suppress(StopIteration):
            closing.send(None)
        closing.close()

    def close_at_exit(self) -> None:
        """Close every connection of a loop that has ended or stopped for good, or that ends with its daemon thread."""
        if self._loop.is_closed():
            self.close_from_outside()
            return
        closing = asyncio.wait_for(self.close(), _LONGEST_EXIT)
        with suppress(TimeoutError):
            if self._loop.is_running():  # in a daemon thread
                asyncio.run_coroutine_threadsafe(closing, self._loop).result(_LONGEST_EXIT)
            else:
                self._loop.run_until_complete(closing)

    async def _wait(self, request: httpx.Request, user: Hashable, seconds: float | None) -> None:
        """Wait until a connection is handed to a call of this user."""
        turn = self._queue.join(user)
        try:
            async with asyncio.timeout(seconds):
                await turn
        except BaseException as error:
            if not self._queue.leave(user, turn):
                self._release(user)
            if isinstance(error, TimeoutError):
                raise httpx.PoolTimeout("no connection became free in time", request=request) from None
            raise

    def _release(self, user: Hashable) -> None:
        """Hand a connection of this user to the next call, or keep it free."""
        if self._loop.is_closed():
            return
        held = self._held.pop(user) - 1
        if held:
            self._held[user] = held
        if not (self._queue.waiting and self._queue.hand_over(self._held)):
            self._free += 1

    async def _exchange(self, request: httpx.Request, url: URL, proxy: Proxy | None) -> httpx.Response:
        headers = request.headers.multi_items()
        if proxy is not None and url.scheme == "http":
            # There is no tunnel to a plain server: the proxy reads the request itself.
            headers += proxy.headers.items()
        async with self.session.request(
            request.method,
            url,
            headers=headers,
            data=await request.aread() or None,
            allow_redirects=False,
            proxy=None if proxy is None else proxy.url,
            proxy_headers=None if proxy is None else proxy.headers,
        ) as response:
            try:
                body = await _read_body(response)
            except BodyError:
                if 200 <= response.status < 300:
                    raise
                # The status of an error counts even if its message can't be read.
                body = b""
        received = [(name, value) for name, value in response.raw_headers if name.lower() not in _DROPPED_HEADERS]
        return _Response(response.status, received, body)


async def _close_at_end(session: aiohttp.ClientSession) -> AsyncGenerator[None, None]:
    """Close a session at the end of its event loop: `asyncio.run` closes the asynchronous generators that are left."""
    try:
        yield
    finally:
        await session.close()


_opened: WeakSet[Connections] = WeakSet()
if sys.platform != "win32":
    # A child shares what its parent's loops wait for, and must not touch it.
    os.register_at_fork(after_in_child=_opened.clear)


@atexit.register
def _close_at_exit() -> None:
    """Close what loops have left open that end with the process, such as that of `python -m asyncio`."""
    for connections in list(_opened):
        connections.close_at_exit()


def _call_now(callback: Callable[..., object], *args: object, **_: object) -> None:
    callback(*args)


@lru_cache(maxsize=512)
def _url(url: str) -> URL:
    return URL(url, encoded=True)


def _as_httpx_error(
    error: Exception, connected: bool, request: httpx.Request, proxy: Proxy | None
) -> httpx.TransportError:
    """Return the httpx error that means the same as aiohttp's."""
    cls: type[httpx.TransportError]
    if isinstance(error, TimeoutError):
        cls = httpx.ReadTimeout if connected else httpx.ConnectTimeout
    elif connected:
        cls = httpx.ReadError if isinstance(error, OSError) else httpx.RemoteProtocolError
    elif isinstance(error, aiohttp.ClientProxyConnectionError | aiohttp.ClientHttpProxyError):
        cls = httpx.ProxyError
    else:
        cls = httpx.ConnectError
    through = f" (through {proxy.name})" if proxy is not None and not connected else ""
    if isinstance(error, aiohttp.ClientResponseError) or cls is httpx.RemoteProtocolError:
        return cls(_without_quoted_bytes(error) + through, request=request)
    failure = cls((str(error) or type(error).__name__) + through, request=request)
    failure.__cause__ = error if isinstance(error, OSError) else error.__cause__
    return failure


def _without_quoted_bytes(error: Exception) -> str:
    """Return an error's message in one line, without the bytes of the answer that it quotes."""
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the proxy refused to connect ({error.status})"
    message = error.message if isinstance(error, aiohttp.ClientResponseError) else str(error)
    return " ".join(_QUOTED_BYTES.sub("", message).split()) or type(error).__name__


async def _read_body(response: aiohttp.ClientResponse) -> bytes:
    """Return an answer's decompressed body; raise BodyError if it can't be decompressed, or is larger than 16 MiB."""
    length = response.content_length
    if length is None:
        body = await _read_unknown_length(response)
    elif length <= _LARGEST_BODY:
        # aiohttp never reads more than was announced.
        body = await response.read()
    else:
        raise BodyError(_TOO_LARGE)
    names = ",".join(response.headers.getall("Content-Encoding", ())).lower().split(",")
    encodings = [name.strip() for name in names if name.strip() not in ("", "identity")]
    if not encodings or not body:
        return body
    if len(encodings) > 1 or encodings[0] not in ("gzip", "x-gzip", "deflate"):
        named = ", ".join(name if name in _KNOWN_ENCODINGS else "(unknown)" for name in encodings[:_MOST_NAMED])
        raise BodyError(f"its content encoding {named!r} was not asked for")
    return _decompress(body)


async def _read_unknown_length(response: aiohttp.ClientResponse) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_any():
        size += len(part)
        if size > _LARGEST_BODY:
            raise BodyError(_TOO_LARGE)
        parts.append(part)
    return b"".join(parts)


def _decompress(body: bytes) -> bytes:
    # "deflate" comes with zlib's header or without one.
    is_zlib = body[0] & 15 == zlib.DEFLATED and int.from_bytes(body[:2]) % 31 == 0
    decompressor = zlib.decompressobj(_GZIP_OR_ZLIB if is_zlib or body[:2] == _GZIP_MAGIC else -zlib.MAX_WBITS)
    parts: list[bytes] = []
    size = 0
    rest = body
    while not decompressor.eof:
        try:
            # In pieces: decompressing a body that is too large at once would take twice the memory.
            part = decompressor.decompress(rest, _PIECE)
        except zlib.error as error:
            raise BodyError(f"it can't be decompressed: {error}") from error
        rest = decompressor.unconsumed_tail
        if not (part or rest or decompressor.eof):
            raise BodyError("its compressed data breaks off")
        size += len(part)
        if size > _LARGEST_BODY:
            raise BodyError(_TOO_LARGE)
        parts.append(part)
    return b"".join(parts)
