"""A local HTTP server at the redirect URI, which receives the browser's callback at the end of signing in."""

import asyncio
import errno
import socket
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncGenerator, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from urllib.parse import SplitResult, urlsplit

from exist_async._checks import is_loopback
from exist_async.cli.callback_url import callback_problem, has_state
from exist_async.errors import ConfigurationError

_ADDRESS_UNAVAILABLE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


class Callback:
    """The request of a browser that was redirected here; it waits for a response.

    Args:
        url: The requested URL. It contains the authorisation code.
        writer: Stream to the browser.
    """

    def __init__(self, url: str, writer: StreamWriter) -> None:
        self.url = url
        self._writer = writer

    async def respond(self, page: str) -> None:
        """Send a page of HTML."""
        await _send_response(self._writer, "200 OK", "text/html", page)


@asynccontextmanager
async def serve_redirect_uri(redirect_uri: str, state: str) -> AsyncGenerator["asyncio.Queue[Callback]", None]:
    """Serve the redirect URI during a block, and yield a queue of callbacks: one with the state and one without.

    Other requests get an error response: a browser also requests icons, and any page can link here.

    Args:
        redirect_uri: The URI to serve; for localhost, on both 127.0.0.1 and ::1.
        state: State parameter of this attempt to sign in.

    Raises:
        ConfigurationError: The redirect URI does not lead to this machine, or its port can't be opened.
    """
    uri = urlsplit(redirect_uri)
    callbacks: asyncio.Queue[Callback] = asyncio.Queue()
    handler = _ConnectionHandler(uri, state, callbacks)
    with ExitStack() as stack:
        stack.callback(handler.close)
        for listener in _open_listeners(uri, stack):
            server = await asyncio.start_server(handler.handle, sock=listener)
            stack.callback(server.close)
        yield callbacks


class _ConnectionHandler:
    """Reads requests, and puts the callbacks in a queue.

    Args:
        uri: The redirect URI.
        state: State parameter of this attempt to sign in.
        callbacks: The queue for the callbacks.
    """

    def __init__(self, uri: SplitResult, state: str, callbacks: "asyncio.Queue[Callback]") -> None:
        self._origin = f"{uri.scheme}://{uri.netloc}"
        self._path = uri.path or "/"
        self._state = state
        self._callbacks = callbacks
        self._answered: set[bool] = set()  # with the state, without it
        self._writers: set[StreamWriter] = set()

    async def handle(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Handle one connection."""
        self._writers.add(writer)
        # Browsers open connections that they never use, and abort others.
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            head = await reader.readuntil(b"\r\n\r\n")
            method, _, rest = head.partition(b"\r\n")[0].decode("latin-1").partition(" ")
            await self._handle_request(method, rest.partition(" ")[0], writer)
            return
        writer.close()

    def close(self) -> None:
        """Close all connections."""
        for writer in self._writers:
            writer.close()

    async def _handle_request(self, method: str, target: str, writer: StreamWriter) -> None:
        if method != "GET" or target.partition("?")[0] != self._path:
            await _send_response(writer, "404 Not Found", "text/plain", "Not found.")
            return
        url = self._origin + target
        problem = callback_problem(url, self._state)
        if problem is None and not self._answered.isdisjoint((True, has_state(url))):
            problem = "It was answered before."
        if problem is not None:
            await _send_response(
                writer, "400 Bad Request", "text/plain", f"exist-async login ignores this address. {problem}"
            )
            return
        self._answered.add(has_state(url))
        self._callbacks.put_nowait(Callback(url, writer))


def _open_listeners(uri: SplitResult, stack: ExitStack) -> list[socket.socket]:
    try:
        host, port = uri.hostname or "", uri.port or 80
    except ValueError:
        host, port = "", 0
    if uri.scheme != "http" or not is_loopback(host):
        raise ConfigurationError(
            f"The redirect URI {uri.geturl()} does not lead to this command, which can only listen on http://localhost "
            "or a loopback address. Add --paste, or register another redirect URI and set EXIST_REDIRECT_URI to it."
        )
    listeners: list[socket.socket] = []
    addresses = _listen_addresses(host)
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            listeners.append(stack.enter_context(socket.create_server((address, port), family=family)))
        except OSError as error:
            # On a machine without IPv6 the browser does not use it either.
            if error.errno in _ADDRESS_UNAVAILABLE and address != addresses[0]:
                continue
            problem = "is in use" if error.errno == errno.EADDRINUSE else f"can't be opened ({error.strerror})"
            raise ConfigurationError(
                f"Port {port} of {host} {problem}, and the browser is redirected to it. Free the port, or add --paste."
            ) from error
    return listeners


def _listen_addresses(host: str) -> Sequence[str]:
    # For localhost the browser may use either address, and another program on the other one would get the code.
    return ("127.0.0.1", "::1") if host.endswith("localhost") else (host,)


async def _send_response(writer: StreamWriter, status: str, content_type: str, body: str) -> None:
    content = body.encode("utf-8", "backslashreplace")
    head = (
        f"HTTP/1.1 {status}\r\n"
        f"Content-Type: {content_type}; charset=utf-8\r\n"
        f"Content-Length: {len(content)}\r\n"
        "Cache-Control: no-store\r\n"
        "Connection: close\r\n\r\n"
    )
    # The browser may have closed the connection.
    with suppress(ConnectionError):
        writer.write(head.encode() + content)
        writer.close()
        await writer.wait_closed()
