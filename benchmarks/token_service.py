"""A loopback server that renews tokens, answers calls, and counts requests and connections."""

import asyncio
import json
import re
import sys
from collections import Counter
from contextlib import AbstractContextManager
from typing import Any, Final
from urllib.parse import parse_qs

from benchmarks import service_process

LATENCY: Final = 0.02
"""Seconds after which it answers."""

COUNTS: Final = "/counts"
"""The path of what it counted: token requests, refused ones, calls, and connections now and at most."""

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_TOKEN: Final = re.compile(rb"\r\nauthorization: Bearer (\S+)", re.IGNORECASE)


def serving() -> AbstractContextManager[str]:
    """Run the server in a process of its own while a block lasts."""
    return service_process.serving("benchmarks.token_service")


class _Service:
    """Refresh tokens are valid once, and only the latest access token of a user is."""

    def __init__(self) -> None:
        self.counts = Counter[str]()
        self._latest: dict[str, int] = {}

    def answer(self, target: str, token: str, body: str) -> tuple[str, dict[str, Any]]:
        """Return the status and the content of an answer."""
        if target == COUNTS:
            return "200 OK", dict(self.counts)
        if target == "/oauth2/access_token":
            self.counts["token requests"] += 1
            user, number = _parts(parse_qs(body)["refresh_token"][0])
            if number != self._latest.get(user, 0):
                self.counts["refused"] += 1
                return "400 Bad Request", {"error": "invalid_grant"}
            self._latest[user] = number + 1
            new = f"{user}.{number + 1}"
            return "200 OK", {"access_token": new, "refresh_token": new, "expires_in": 31_536_000}
        self.counts["calls"] += 1
        user, number = _parts(token)
        if number != self._latest.get(user, 0):
            self.counts["refused"] += 1
            return "401 Unauthorized", {"detail": "Not the latest token of this user."}
        return "200 OK", {"username": user}


def _parts(token: str) -> tuple[str, int]:
    user, _, number = token.rpartition(".")
    return user, int(number)


class _Connection(asyncio.Protocol):
    """Answers the requests of one connection, one after another."""

    def __init__(self, service: _Service) -> None:
        self._service = service
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        counts = self._service.counts
        counts["connections"] += 1
        counts["most connections"] = max(counts["most connections"], counts["connections"])

    def connection_lost(self, _exc: Exception | None) -> None:
        self._service.counts["connections"] -= 1

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, blank, rest = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        size = int(length[1]) if length else 0
        if not blank or len(rest) < size:
            return
        self._received = rest[size:]
        token = _TOKEN.search(head)
        target = head.split(b" ", 2)[1].decode()
        status, reply = self._service.answer(target, token[1].decode() if token else "", rest[:size].decode())
        content = json.dumps(reply).encode()
        fields = f"content-type: application/json\r\ncontent-length: {len(content)}"
        answer = f"HTTP/1.1 {status}\r\n{fields}\r\n\r\n".encode() + content
        asyncio.get_running_loop().call_later(LATENCY, self._transport.write, answer)


async def _serve() -> None:
    service = _Service()
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(service), "127.0.0.1", 0, backlog=512)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve())
