"""CPU time of a web backend for one update of each of its many users."""

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import httpx

from benchmarks.contenders import client
from benchmarks.report import OURS, Comparison, Target
from benchmarks.turns import by_turns
from exist_async import ValueUpdate

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from benchmarks.server import Origins

_USERS: Final = 1000
_IN_FLIGHT: Final = 64
_TURNS: Final = 6
_DAY: Final = date(2026, 11, 20)
_PATH: Final = "/api/2/attributes/update/"
_HTTPX: Final = "httpx + gather"
_AIOHTTP: Final = "aiohttp + gather"

_Update = Callable[[str], Awaitable[int]]
"""Writes one value of the user who has a token, and returns how many were written."""


def run(origins: "Origins") -> list[Comparison]:
    """Measure updates through views of one client."""
    return [_updates(origins[0.0])]


def _updates(url: str) -> Comparison:
    openers = {_HTTPX: _by_httpx, _AIOHTTP: _by_aiohttp, OURS: _by_this_client}
    tokens = [f"token-{n}" for n in range(_USERS)]
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()

        async def opened() -> dict[str, _Update]:
            return {name: await stack.enter_async_context(opener(url)) for name, opener in openers.items()}

        def cpu(update: _Update) -> float:
            return runner.run(_cpu(update, tokens))

        updates = runner.run(opened())
        samples = by_turns({name: partial(cpu, update) for name, update in updates.items()}, _TURNS)
        runner.run(stack.aclose())
    question = f"CPU of one update for each of {_USERS:,} users, {_IN_FLIGHT} in flight"
    note = "exist_async makes the user's view for it, keeps their hourly budget, and ends with a model and an outcome."
    return Comparison(question, "microseconds a call", samples, _HTTPX, [Target(0.25, _HTTPX)], note)


async def _cpu(update: _Update, tokens: list[str]) -> float:
    slots = asyncio.Semaphore(_IN_FLIGHT)

    async def write(token: str) -> int:
        async with slots:
            return await update(token)

    gc.collect()
    start = time.process_time()
    written = await asyncio.gather(*map(write, tokens))
    took = time.process_time() - start
    assert sum(written) == len(tokens)
    return took / len(tokens) * 1e6


@asynccontextmanager
async def _by_this_client(url: str) -> "AsyncGenerator[_Update]":
    async with client(url, concurrency=8) as exist:

        async def update(token: str) -> int:
            result = await exist.with_options(auth=token).values.update([ValueUpdate("steps", _DAY, 1)])
            return len(result.succeeded)

        yield update


@asynccontextmanager
async def _by_httpx(url: str) -> "AsyncGenerator[_Update]":
    async with httpx.AsyncClient() as http:

        async def update(token: str) -> int:
            response = await http.post(url + _PATH, json=_body(), headers=_headers(token))
            response.raise_for_status()
            return len(response.json()["success"])

        yield update


@asynccontextmanager
async def _by_aiohttp(url: str) -> "AsyncGenerator[_Update]":
    async with aiohttp.ClientSession() as http:

        async def update(token: str) -> int:
            async with http.post(url + _PATH, json=_body(), headers=_headers(token)) as response:
                response.raise_for_status()
                return len((await response.json())["success"])

        yield update


def _body() -> list[dict[str, Any]]:
    return [{"name": "steps", "date": _DAY.isoformat(), "value": 1}]


def _headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
