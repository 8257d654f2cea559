"""A loopback server that answers as Exist does, so fast that what is measured is the client."""

import asyncio
import re
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Final, TypeAlias

from benchmarks import service_process
from benchmarks.replies import reply

LATENCIES: Final = (0.0, 0.02, 0.1)
"""Seconds after which the origins answer, each its own."""

Origins: TypeAlias = Mapping[float, str]
"""The URL of the server for each latency: one process listens on all of them."""

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@contextmanager
def serving() -> Generator[Origins]:
    """Run the server in a process of its own while a block lasts."""
    with service_process.serving("benchmarks.server") as line:
        yield dict(zip(LATENCIES, line.split(), strict=True))


class _Connection(asyncio.Protocol):
    """Answers the requests of one connection, one after another."""

    def __init__(self, latency: float) -> None:
        self._latency = latency
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + self._latency
        self._received += data
        head, blank, rest = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        size = int(length[1]) if length else 0
        if not blank or len(rest) < size:
            return
        self._received = rest[size:]
        method, target, _ = head.split(b" ", 2)
        answer = _answer(reply(method.decode(), target.decode(), rest[:size]))
        if self._latency:
            loop.call_at(due, self._transport.write, answer)
        else:
            self._transport.write(answer)


def _answer(content: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
        len(content),
        content,
    )


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    origins: list[str] = []
    for latency in LATENCIES:
        server = await loop.create_server(partial(_Connection, latency), "127.0.0.1", 0, backlog=512)
        origins.append(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    print(*origins, flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve())
