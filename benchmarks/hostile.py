"""A loopback server that misbehaves at random, and keeps what it was really told to.

It adds up all increments, keeps the values of updates, has a listing of some pages, and lets in the users whose token
begins with `limited` only as often as an exact moving window allows.
"""

import asyncio
import json
import random
import re
import sys
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, suppress
from typing import Any, Final

from benchmarks import service_process

LIMIT: Final = 6
PERIOD: Final = 2.0
"""Seconds in which a limited user may make so many requests."""

PAGES: Final = 3
LISTED: Final = tuple(f"tag_{number}" for number in range(30))
"""The names on the pages of the listing."""

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_PAUSE: Final = 0.05
_INCREMENT: Final = b"POST /api/2/attributes/increment/"
_UPDATE: Final = b"POST /api/2/attributes/update/"
_LISTING: Final = b"GET /api/2/attributes/"
_PAGE: Final = re.compile(rb"[?&]page=(\d+)")
_LIMITED: Final = re.compile(rb"\r\nauthorization: *Bearer (limited[^\r]*)", re.IGNORECASE)
_COUNTS: Final = b"GET /counts"


def serving(seed: int) -> AbstractContextManager[str]:
    """Run the server in a process of its own while a block lasts, and give its origin."""
    return service_process.serving("benchmarks.hostile", seed)


class _Exchange:
    """One request, and the ways to answer it."""

    def __init__(
        self,
        server: "_Server",
        head: bytes,
        body: bytes,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.server = server
        self.reader = reader
        self.writer = writer
        self.is_increment = head.startswith(_INCREMENT)
        self.is_update = head.startswith(_UPDATE)
        self.page = int(number[1] if (number := _PAGE.search(head)) else 1) if head.startswith(_LISTING) else None
        self.items: list[Any] = json.loads(body) if body else []

    def apply(self, part: float = 1.0) -> None:
        """Carry out the request, or the first part of it."""
        applied = self.items[: round(len(self.items) * part)]
        if self.is_increment:
            self.server.applied += len(applied)
        if self.is_update:
            self.server.values |= {f"{item['name']} {item['date']}": item["value"] for item in applied}

    def results(self) -> bytes:
        """The answer with a page of the listing."""
        assert self.page is not None
        size = len(LISTED) // PAGES
        results = [{"name": name} for name in LISTED[size * (self.page - 1) : size * self.page]]
        return self.listing(results, has_next=self.page < PAGES)

    def listing(self, results: list[dict[str, str]], *, has_next: bool) -> bytes:
        """An answer with some results."""
        following = "/api/2/attributes/" if has_next else None
        return json.dumps({"count": len(LISTED), "next": following, "results": results}).encode()

    @property
    def reply(self) -> bytes:
        """The answer of a correct service, as JSON."""
        if self.page is not None:
            return self.results()
        if not self.items:
            return b'{"username": "ada"}'
        success = [{**item, "current": item.get("value")} for item in self.items]
        return json.dumps({"success": success, "failed": []}).encode()

    def write(
        self, body: bytes, status: str = "200 OK", *headers: str, length: int | None = None, surplus: bytes = b""
    ) -> None:
        """Write an answer, and bytes that follow it."""
        lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", *headers]
        lines.append(f"Content-Length: {len(body) if length is None else length}")
        self.writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body + surplus)

    async def stall(self) -> None:
        """Answer nothing until the client hangs up."""
        await self.reader.read()

    def reset(self) -> None:
        """Cut the connection so that the client sees a reset."""
        self.writer.transport.abort()


async def _good(exchange: _Exchange) -> None:
    exchange.apply()
    exchange.write(exchange.reply)


async def _slow(exchange: _Exchange) -> None:
    await asyncio.sleep(exchange.server.random.uniform(0, 2 * _PAUSE))
    await _good(exchange)


async def _reset_before(exchange: _Exchange) -> None:
    exchange.reset()


async def _reset_after(exchange: _Exchange) -> None:
    exchange.apply()
    exchange.reset()


async def _close_after(exchange: _Exchange) -> None:
    exchange.apply()
    exchange.writer.close()


async def _cut_short(exchange: _Exchange) -> None:
    exchange.apply()
    reply = exchange.reply
    exchange.write(reply[: len(reply) // 2], length=len(reply))
    exchange.writer.close()


async def _page_of_a_proxy(exchange: _Exchange) -> None:
    exchange.apply()
    exchange.write(b"<html>Welcome</html>")


async def _half_done(exchange: _Exchange) -> None:
    exchange.apply(0.5)
    exchange.write(b"<html>Oops</html>", "500 Internal Server Error")


async def _unavailable(exchange: _Exchange) -> None:
    exchange.write(b"", "503 Service Unavailable")


async def _limited(exchange: _Exchange) -> None:
    exchange.write(b'{"detail": "Throttled."}', "429 Too Many Requests", "Retry-After: 0")


async def _garbage(exchange: _Exchange) -> None:
    exchange.apply()
    exchange.writer.write(b"\x00\xff garbage\r\n\r\n")
    exchange.writer.close()


async def _surplus(exchange: _Exchange) -> None:
    exchange.apply()
    evil = b'{"username": "EVIL", "success": [], "failed": []}'
    surplus = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(evil) + evil
    # In one write: no HTTP/1.1 client can tell bytes that arrive after it has sent its next request from the answer.
    exchange.write(exchange.reply, surplus=surplus)


async def _stall_before(exchange: _Exchange) -> None:
    await exchange.stall()


async def _stall_after(exchange: _Exchange) -> None:
    exchange.apply()
    await exchange.stall()


async def _trickle(exchange: _Exchange) -> None:
    exchange.apply()
    for byte in exchange.reply:
        exchange.writer.write(bytes([byte]))
        await exchange.writer.drain()
        await asyncio.sleep(_PAUSE)


async def _reordered(exchange: _Exchange) -> None:
    exchange.apply()
    exchange.items.reverse()
    exchange.write(exchange.reply)


async def _left_out(exchange: _Exchange) -> None:
    exchange.apply()
    exchange.items = exchange.items[1:] or exchange.items
    exchange.write(exchange.reply)


async def _missing_page(exchange: _Exchange) -> None:
    if exchange.page is None:
        await _good(exchange)
    elif exchange.server.random.random() < 0.5:
        exchange.write(exchange.listing([], has_next=True))
    else:
        exchange.write(b"<html>No upstream</html>", "404 Not Found")


_BEHAVIOURS: Final[dict[Callable[[_Exchange], Awaitable[None]], int]] = {
    _good: 60,
    _slow: 20,
    _reset_before: 2,
    _reset_after: 2,
    _close_after: 2,
    _cut_short: 2,
    _page_of_a_proxy: 2,
    _half_done: 2,
    _unavailable: 2,
    _limited: 2,
    _garbage: 1,
    _surplus: 2,
    _stall_before: 1,
    _stall_after: 1,
    _trickle: 1,
    _reordered: 3,
    _left_out: 2,
    _missing_page: 8,
}
"""The faults, each with its weight."""


class _Server:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.requests = 0
        self.misbehaved = 0
        self.applied = 0
        self.refused = 0
        self.values: dict[str, Any] = {}
        self.let_in: defaultdict[bytes, deque[float]] = defaultdict(deque)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                length = _LENGTH.search(head)
                body = await reader.readexactly(int(length[1])) if length else b""
                await self._answer(_Exchange(self, head, body, reader, writer), head)
                await writer.drain()
        writer.close()

    async def _answer(self, exchange: _Exchange, head: bytes) -> None:
        if head.startswith(_COUNTS):
            counts = {"requests": self.requests, "misbehaved": self.misbehaved, "applied": self.applied}
            exchange.write(json.dumps(counts | {"refused": self.refused, "values": self.values}).encode())
            return
        behaviour = self.random.choices(list(_BEHAVIOURS), list(_BEHAVIOURS.values()))[0]
        self.requests += 1
        self.misbehaved += behaviour not in (_good, _slow)
        # What gets a 429 by chance is not let in, and takes no place in the window.
        if behaviour is not _limited and not self._lets_in(head):
            self.refused += 1
            behaviour = _limited
        await behaviour(exchange)

    def _lets_in(self, head: bytes) -> bool:
        user = _LIMITED.search(head)
        if user is None:
            return True
        now, times = time.monotonic(), self.let_in[user[1]]
        while times and times[0] <= now - PERIOD:
            times.popleft()
        if len(times) >= LIMIT:
            return False
        times.append(now)
        return True


async def _main(seed: int) -> None:
    server = await asyncio.start_server(_Server(seed).serve, "127.0.0.1", 0)
    async with server:
        print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(_main(int(sys.argv[1])))
