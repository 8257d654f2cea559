"""A loopback server that answers as Exist does, so fast that what is measured is the client."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qs

from attrs import frozen

LATENCY: Final = 0.1
"""Seconds that the slow one of the two origins waits before it answers."""

OWNED: Final = 1050
"""How many attributes the listing holds."""

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@frozen
class Origins:
    """Where the server is: one process, listening twice.

    Attributes:
        fast: The origin that answers at once.
        slow: The origin that waits for LATENCY first.
    """

    fast: str
    slow: str


@contextmanager
def serving() -> Generator[Origins]:
    """Run the server in a process of its own while a block lasts."""
    command = [sys.executable, "-m", "benchmarks.server"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Origins(*process.stdout.readline().split())
        finally:
            # It ends with its input, so that it is not left behind by a run that was killed either.
            process.stdin.close()


@lru_cache(maxsize=4096)
def attribute(name: str) -> bytes:
    """Return an attribute as Exist's documentation shows one."""
    own = {"name": "my_client", "label": "My client"}
    return json.dumps(
        {
            "template": None,
            "name": name,
            "label": name.replace("_", " ").capitalize(),
            "group": {"name": "custom", "label": "Daily tags", "priority": 3},
            "service": own,
            "active": True,
            "priority": 1,
            "manual": False,
            "value_type": 7,
            "value_type_description": "Boolean",
            "available_services": [own, {"name": "oura", "label": "Oura"}],
        },
        separators=(",", ":"),
    ).encode()


@lru_cache(maxsize=64)
def page(number: int, size: int) -> bytes:
    """Return a page of the listing of owned attributes."""
    names = [f"tag_{n}" for n in range(OWNED)]
    results = b",".join(map(attribute, names[(number - 1) * size : number * size]))
    following = json.dumps(f"https://exist.io/?page={number + 1}" if number * size < OWNED else None).encode()
    return b'{"count":%d,"next":%b,"previous":null,"results":[%b]}' % (OWNED, following, results)


class _Connection(asyncio.Protocol):
    """Answers the requests of one connection, one after another."""

    def __init__(self, latency: float) -> None:
        self._latency = latency
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, blank, rest = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        size = int(length[1]) if length else 0
        if not blank or len(rest) < size:
            return
        self._received = rest[size:]
        answer = _answer(head, rest[:size])
        if self._latency:
            asyncio.get_running_loop().call_later(self._latency, self._transport.write, answer)
        else:
            self._transport.write(answer)


def _answer(head: bytes, body: bytes) -> bytes:
    if head.startswith(b"POST"):
        content = b'{"success":[%b],"failed":[]}' % b",".join(attribute(item["name"]) for item in json.loads(body))
    else:
        query = parse_qs(head.split(b" ", 2)[1].partition(b"?")[2].decode())
        content = page(int(query.get("page", ["1"])[0]), int(query.get("limit", ["20"])[0]))
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
        len(content),
        content,
    )


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    fast = await loop.create_server(lambda: _Connection(0.0), "127.0.0.1", 0)
    slow = await loop.create_server(lambda: _Connection(LATENCY), "127.0.0.1", 0)
    print(*(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}" for server in (fast, slow)), flush=True)
    async with fast, slow:
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve())
