"""Exist for many users, on a loopback socket in a process of its own, which counts what it has carried out.

As a program it takes a number of users, the latency in seconds and a seed, and serves until its input ends.
"""

import asyncio
import random
import sys
import time
from collections import Counter
from contextlib import AbstractContextManager, suppress
from typing import TYPE_CHECKING, Any, Final

import httpx
import msgspec
from starlette.responses import Response

from benchmarks import service_process
from benchmarks.fleet_jobs import (
    BUDGETS,
    INCREMENTED,
    UPDATED,
    budget_of,
    token_of,
    user_name,
)
from exist_async.sandbox import Sandbox
from exist_async.sandbox.server import serve
from exist_async.sandbox.value_types import INTEGER

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

_COUNTS: Final = "/counts"

_TOO_MANY: Final = 429


def serving(users: int, latency: float, seed: int) -> AbstractContextManager[str]:
    """Serve in a process of its own while a block lasts, and give the origin."""
    return service_process.serving("benchmarks.fleet_service", users, latency, seed)


def counts_of(origin: str) -> dict[str, Any]:
    """Return what a service has counted.

    These are `requests`, those of them that were `refused` because they went beyond a budget, those that were
    `abandoned` by their client before they were carried out, the CPU seconds of the process (`cpu`), the number of
    times that each item was `applied` (lists of user, attribute, day and number), and the `values` (lists of user,
    attribute, day and value).
    """
    counts: dict[str, Any] = httpx.get(f"{origin}{_COUNTS}", timeout=60).raise_for_status().json()
    return counts


class _Service:
    """A sandbox for each budget, behind one ASGI app that counts.

    Of the latency a random part passes before a request is carried out and the rest after it. A request whose client
    is gone before it would be carried out is not.
    """

    def __init__(self, users: int, latency: float, seed: int) -> None:
        self._latency = latency
        self._random = random.Random(seed)
        self._requests = Counter[str]()
        self._refused = 0
        self._abandoned = 0
        self._applied = Counter[tuple[str, str, str]]()
        sandboxes = {budget: Sandbox(rate_limit=budget.limit, rate_period=budget.period) for budget in BUDGETS}
        self._users = {}
        for number in range(users):
            name = user_name(number)
            sandbox = sandboxes[budget_of(number)]
            user = sandbox.add_user(name)
            for attribute in (*UPDATED, INCREMENTED):
                sandbox.add_attribute(user, name=attribute, value_type=INTEGER, service=sandbox.service)
            sandbox.issue_token(user, token=token_of(name))
            self._users[f"Bearer {token_of(name)}"] = user, sandbox

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answer a request, and count what came of it."""
        if scope["path"] == _COUNTS:
            await Response(msgspec.json.encode(self._counts()))(scope, receive, send)
            return
        authorization = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        user, sandbox = self._users[authorization.decode()]
        self._requests[user.username] += 1
        messages = [await receive()]
        while messages[-1].get("more_body"):
            messages.append(await receive())
        before = self._random.uniform(0, self._latency)
        if await _is_abandoned(receive, before):
            self._abandoned += 1
            return
        reply: list[Message] = []

        async def keep(message: "Message") -> None:
            reply.append(message)

        async def received() -> "Message":
            return messages.pop(0) if messages else await receive()

        await sandbox.app(scope, received, keep)
        self._count(user.username, reply)
        if self._latency:
            await asyncio.sleep(self._latency - before)
        for message in reply:
            await send(message)

    def _count(self, user: str, reply: "list[Message]") -> None:
        status = reply[0]["status"]
        self._refused += status == _TOO_MANY
        if status < 300:
            body = msgspec.json.decode(b"".join(message.get("body", b"") for message in reply))
            self._applied.update((user, item["name"], item["date"]) for item in body["success"])

    def _counts(self) -> dict[str, Any]:
        return {
            "requests": self._requests.total(),
            "refused": self._refused,
            "abandoned": self._abandoned,
            "cpu": time.process_time(),
            "applied": [[*key, count] for key, count in self._applied.items()],
            "values": [
                [user.username, attribute.name, day, value]
                for user, _ in self._users.values()
                for attribute in user.attributes
                for day, value in attribute.history.by_day.items()
            ],
        }


async def _is_abandoned(receive: "Receive", seconds: float) -> bool:
    """Wait for some time, and return whether the client hung up meanwhile."""
    if not seconds:
        return False
    try:
        async with asyncio.timeout(seconds):
            message = await receive()
    except TimeoutError:
        return False
    return bool(message["type"] == "http.disconnect")


async def _main(users: int, latency: float, seed: int) -> None:
    async with serve(_Service(users, latency, seed), "127.0.0.1", 0) as url:
        print(url, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(_main(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])))
