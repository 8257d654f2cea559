"""The ways of acquiring many attributes that are compared, each over a client of its own."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final, TypeAlias

import aiohttp
import httpx

from benchmarks.peer_models import WrittenModel
from exist_async import ByName, ExistClient, MemoryRateLimiter

CHUNK: Final = 35
TOKEN: Final = "a-token"
HEADERS: Final = {"Authorization": f"Bearer {TOKEN}"}
_PATH: Final = "/api/2/attributes/acquire/?success_objects=true"

Acquire: TypeAlias = Callable[[Sequence[str]], Awaitable[int]]
"""Acquires attributes by name, and returns how many were acquired."""

Contender: TypeAlias = Callable[[str, int], AbstractAsyncContextManager[Acquire]]
"""Opens a client for an origin, with so many requests in flight."""


def client(url: str, concurrency: int) -> ExistClient:
    """Make the client as users have it: with its limiter, whose budget alone is more than a benchmark spends."""
    limiter = MemoryRateLimiter(limit=10**6)
    return ExistClient(TOKEN, base_url=url, concurrency=concurrency, rate_limiter=limiter)


@asynccontextmanager
async def this_client(url: str, concurrency: int) -> AsyncGenerator[Acquire]:
    """This package: whole attributes as models, one outcome for every item, the hourly budget kept."""
    async with client(url, concurrency) as exist:

        async def acquire(names: Sequence[str]) -> int:
            result = await exist.attributes.acquire([ByName(name) for name in names])
            return len(result.succeeded)

        yield acquire


@asynccontextmanager
async def documented_loop(url: str, concurrency: int) -> AsyncGenerator[Acquire]:
    """The call that Exist's documentation shows, in a loop over one session; `concurrency` is of no use to it."""
    del concurrency
    with httpx.Client(headers=HEADERS) as http:

        async def acquire(names: Sequence[str]) -> int:
            # Blocking is what that loop does.
            return _acquired([http.post(url + _PATH, json=body).json() for body in _bodies(names)])  # noqa: ASYNC212

        yield acquire


@asynccontextmanager
async def httpx_gather(url: str, concurrency: int) -> AsyncGenerator[Acquire]:
    """Handwritten httpx: `gather` under a semaphore, with checked statuses and plain dictionaries."""
    slots = asyncio.Semaphore(concurrency)
    async with httpx.AsyncClient(headers=HEADERS) as http:

        async def post(body: list[dict[str, str]]) -> Any:
            async with slots:
                response = await http.post(url + _PATH, json=body)
                response.raise_for_status()
                return response.json()

        async def acquire(names: Sequence[str]) -> int:
            return _acquired(await asyncio.gather(*map(post, _bodies(names))))

        yield acquire


@asynccontextmanager
async def httpx_pydantic(url: str, concurrency: int) -> AsyncGenerator[Acquire]:
    """The same with replies as models of pydantic, as the SDKs of popular services have them."""
    slots = asyncio.Semaphore(concurrency)
    async with httpx.AsyncClient(headers=HEADERS) as http:

        async def post(body: list[dict[str, str]]) -> WrittenModel:
            async with slots:
                response = await http.post(url + _PATH, json=body)
                response.raise_for_status()
                return WrittenModel.model_validate_json(response.content)

        async def acquire(names: Sequence[str]) -> int:
            return sum(len(reply.success) for reply in await asyncio.gather(*map(post, _bodies(names))))

        yield acquire


@asynccontextmanager
async def aiohttp_gather(url: str, concurrency: int) -> AsyncGenerator[Acquire]:
    """The same by hand with aiohttp."""
    slots = asyncio.Semaphore(concurrency)
    async with aiohttp.ClientSession(headers=HEADERS) as http:

        async def post(body: list[dict[str, str]]) -> Any:
            async with slots, http.post(url + _PATH, json=body) as response:
                response.raise_for_status()
                return await response.json()

        async def acquire(names: Sequence[str]) -> int:
            return _acquired(await asyncio.gather(*map(post, _bodies(names))))

        yield acquire


def _bodies(names: Sequence[str]) -> list[list[dict[str, str]]]:
    return [[{"name": name} for name in names[start : start + CHUNK]] for start in range(0, len(names), CHUNK)]


def _acquired(replies: list[Any]) -> int:
    return sum(len(reply["success"]) for reply in replies)
