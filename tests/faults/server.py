"""A service that misbehaves on real sockets, as a script says, and then behaves.

A script is a small function of a `Talk`, the server's end of one connection. It is called with each new connection as
long as there are misbehaviours left; when it returns, the connection is closed. All later connections get Exist's own
answers.
"""

import asyncio
import json
import socket
import ssl
import struct
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from attrs import define, field, frozen

JSON = b"Content-Type: application/json\r\n"
OK = b"HTTP/1.1 200 OK\r\n" + JSON


@frozen
class Request:
    """One request as it came.

    Attributes:
        method: Its method.
        path: Its path.
        headers: Its headers, their names in lower case.
        body: Its body.
    """

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def items(self) -> list[dict[str, object]]:
        """The items of a write; none of a GET."""
        return list(json.loads(self.body)) if self.body else []


@define
class Server:
    """The requests that a service received and carried out.

    Attributes:
        script: How it misbehaves.
        times: With how many connections it still does; -1 is for ever.
        url: Its origin.
        connections: How many there were.
        requests: The requests that it read, in their order.
        applied: How often it carried out each item: a write of a name, a day and a value.
    """

    script: "Script | None" = None
    times: int = -1
    url: str = ""
    connections: int = 0
    requests: list[Request] = field(factory=list)
    applied: Counter[tuple[object, ...]] = field(factory=Counter)

    def applied_count(self) -> int:
        """Return how many items it carried out, one that was carried out twice being two."""
        return self.applied.total()

    def behave(self) -> None:
        """Misbehave no more on new connections."""
        self.times = 0


@define
class Talk:
    """The server's end of one connection."""

    server: Server
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def request(self) -> Request:
        """Read a request, and note it."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.rstrip("\r\n").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        method, path, _ = first.split(" ")
        request = Request(method, path, headers, body)
        self.server.requests.append(request)
        return request

    async def applied(self) -> Request:
        """Read a request, and carry it out."""
        request = await self.request()
        self.apply(request)
        return request

    def apply(self, request: Request) -> None:
        """Carry out a request, which is nothing for a GET."""
        for item in request.items:
            self.server.applied[item["name"], item["date"], item["value"]] += 1

    async def send(self, data: bytes) -> None:
        """Write some bytes."""
        self.writer.write(data)
        await self.writer.drain()

    async def hang_up_waited_for(self) -> None:
        """Wait until the client hangs up, whatever else it says."""
        while await self.reader.read(65536):
            pass

    def reset(self) -> None:
        """Let the connection end with a reset instead of an end, and what was written be lost."""
        linger = struct.pack("ii", 1, 0)
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.writer.transport.abort()

    async def behave(self) -> None:
        """Answer every request as Exist does, until the client hangs up."""
        while not self.reader.at_eof():
            await self.send(whole(answer_to(await self.applied())))


Script = Callable[[Talk], Awaitable[object]]


def answer_to(request: Request) -> bytes:
    """Return the body that Exist answers a request with."""
    if request.method == "GET":
        return json.dumps({"username": "ada", "timezone": "Europe/London"}).encode()
    return json.dumps({"success": request.items, "failed": []}).encode()


def whole(body: bytes, headers: bytes = JSON) -> bytes:
    """Return a complete answer with a body."""
    return b"HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s" % (headers, len(body), body)


@asynccontextmanager
async def serving(
    script: Script | None = None,
    times: int = -1,
    *,
    tls: ssl.SSLContext | None = None,
    listener: socket.socket | None = None,
    server: Server | None = None,
) -> AsyncGenerator[Server, None]:
    """Serve on loopback, and end what is left of it.

    Args:
        script: How to misbehave; None is not at all.
        times: With how many connections; -1 is for ever.
        tls: What to serve TLS with.
        listener: The socket to serve on, bound; one of its own where there is none.
        server: Where to note what is seen and done, in place of a new one that misbehaves so.
    """
    server = server or Server(script, times)
    under_way: set[asyncio.Task[object] | None] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        under_way.add(task)
        server.connections += 1
        talk = Talk(server, reader, writer)
        try:
            if server.script is None or server.times == 0:
                await talk.behave()
            else:
                server.times -= 1
                await server.script(talk)
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, asyncio.CancelledError):
            pass  # the client hung up, or the server ends
        finally:
            writer.close()
            under_way.discard(task)

    if listener is None:
        listener = socket.create_server(("127.0.0.1", 0))
    listening = await asyncio.start_server(handle, sock=listener, ssl=tls)
    server.url = f"{'https' if tls else 'http'}://127.0.0.1:{listener.getsockname()[1]}"
    try:
        yield server
    finally:
        listening.close()
        left = [task for task in under_way if task is not None]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
