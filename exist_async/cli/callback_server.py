"""Waits for the browser to come back from signing in: a server for one visit, where the redirect URI points."""

import asyncio
import errno
import socket
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncGenerator, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from urllib.parse import SplitResult, urlsplit

from exist_async._checks import is_loopback
from exist_async.cli.callback_url import problem_of
from exist_async.errors import ConfigurationError

_NO_SUCH_ADDRESS = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


class Visit:
    """The browser that came back, and waits for a page.

    Args:
        url: Where it came back to. It holds the code.
        writer: What leads to the browser.
    """

    def __init__(self, url: str, writer: StreamWriter) -> None:
        self.url = url
        self._writer = writer

    async def answer(self, page: str) -> None:
        """Show it a page of HTML."""
        await _answer(self._writer, "200 OK", "text/html", page)


@asynccontextmanager
async def listening(redirect_uri: str, state: str) -> AsyncGenerator["asyncio.Future[Visit]", None]:
    """Serve the redirect URI while a block lasts, and give the visit that will come with the answer.

    What else comes is turned away, and is no reason to stop waiting: a browser asks for icons, too, and other pages
    can send it here.

    Args:
        redirect_uri: Where to listen; localhost is both 127.0.0.1 and ::1.
        state: The state of this attempt to sign in.

    Raises:
        ConfigurationError: The redirect URI leads elsewhere, or somebody listens there.
    """
    uri = urlsplit(redirect_uri)
    visit: asyncio.Future[Visit] = asyncio.get_running_loop().create_future()
    door = _Door(uri, state, visit)
    with ExitStack() as stack:
        stack.callback(door.close)
        for listener in _bind(uri, stack):
            server = await asyncio.start_server(door.let_in, sock=listener)
            stack.callback(server.close)
        yield visit


class _Door:
    """Reads what comes in, and tells the visit from everything else."""

    def __init__(self, uri: SplitResult, state: str, visit: "asyncio.Future[Visit]") -> None:
        self._origin = f"{uri.scheme}://{uri.netloc}"
        self._path = uri.path or "/"
        self._state = state
        self._visit = visit
        self._writers: set[StreamWriter] = set()

    async def let_in(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Take one connection."""
        self._writers.add(writer)
        # Browsers also open connections that they never use, and drop others halfway.
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            head = await reader.readuntil(b"\r\n\r\n")
            method, _, rest = head.partition(b"\r\n")[0].decode("latin-1").partition(" ")
            await self._judge(method, rest.partition(" ")[0], writer)
            return
        writer.close()

    def close(self) -> None:
        """Hang up on all who are still there."""
        for writer in self._writers:
            writer.close()

    async def _judge(self, method: str, target: str, writer: StreamWriter) -> None:
        if method != "GET" or target.partition("?")[0] != self._path:
            await _answer(writer, "404 Not Found", "text/plain", "There is nothing here.")
            return
        url = self._origin + target
        problem = "It was answered before." if self._visit.done() else problem_of(url, self._state)
        if problem is not None:
            await _answer(
                writer, "400 Bad Request", "text/plain", f"{problem} exist-async login takes no notice of it."
            )
            return
        self._visit.set_result(Visit(url, writer))


def _bind(uri: SplitResult, stack: ExitStack) -> list[socket.socket]:
    try:
        host, port = uri.hostname or "", uri.port or 80
    except ValueError:
        host, port = "", 0
    if uri.scheme != "http" or not is_loopback(host):
        raise ConfigurationError(
            f"The redirect URI {uri.geturl()} does not lead to this command, which can only listen at http://localhost "
            f"and the like. Add --paste, or register another and set EXIST_REDIRECT_URI."
        )
    bound: list[socket.socket] = []
    addresses = _addresses(host)
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            bound.append(stack.enter_context(socket.create_server((address, port), family=family)))
        except OSError as error:
            # A machine without IPv6 has no browser that comes that way.
            if error.errno in _NO_SUCH_ADDRESS and address != addresses[0]:
                continue
            why = "is taken" if error.errno == errno.EADDRINUSE else f"can't be had ({error.strerror})"
            raise ConfigurationError(
                f"Port {port} of {host} {why}, and the browser would come back to it. End what listens there, or add "
                "--paste."
            ) from error
    return bound


def _addresses(host: str) -> Sequence[str]:
    # The browser may try either, and whoever listened at the other would get the code.
    return ("127.0.0.1", "::1") if host.endswith("localhost") else (host,)


async def _answer(writer: StreamWriter, status: str, content_type: str, body: str) -> None:
    content = body.encode("utf-8", "backslashreplace")
    head = (
        f"HTTP/1.1 {status}\r\n"
        f"Content-Type: {content_type}; charset=utf-8\r\n"
        f"Content-Length: {len(content)}\r\n"
        "Cache-Control: no-store\r\n"
        "Connection: close\r\n\r\n"
    )
    # Whoever closed the window has no need of it.
    with suppress(ConnectionError):
        writer.write(head.encode() + content)
        writer.close()
        await writer.wait_closed()
