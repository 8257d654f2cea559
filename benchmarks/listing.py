"""How long does it take to list 1,050 attributes from a server that takes 0.1 s to answer?"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from math import ceil
from typing import Any, Final

import httpx

from benchmarks.contenders import HEADERS, client
from benchmarks.report import OURS, Comparison
from benchmarks.server import LATENCY, OWNED, Origins
from benchmarks.turns import by_turns

_CONCURRENCY: Final = 8
_PAGE_SIZE: Final = 100
_PATH: Final = "/api/2/attributes/owned/"
_TURNS: Final = 3
# Only the first page tells how many there are.
_ROUNDS: Final = 1 + ceil((ceil(OWNED / _PAGE_SIZE) - 1) / _CONCURRENCY)
_IDEAL: Final = f"ideal: {_ROUNDS} rounds"


def run(origins: Origins) -> list[Comparison]:
    """Measure the wall time of a whole listing, from opening the client to closing it."""

    def seconds(listing: Callable[[str], Awaitable[int]]) -> float:
        return asyncio.run(_seconds(listing, origins.slow))

    samples = by_turns(
        {
            _IDEAL: lambda: _ROUNDS * LATENCY,
            "httpx, page after page": lambda: seconds(_page_after_page),
            "httpx + gather": lambda: seconds(_gathered),
            OURS: lambda: seconds(_collected),
        },
        _TURNS,
    )
    question = f"Listing {OWNED:,} attributes at {LATENCY:g} s latency, {_CONCURRENCY} in flight"
    note = (
        f"Ideal: the first page of {_PAGE_SIZE}, then {_ROUNDS - 1} rounds. A client is opened and closed in each turn."
    )
    return [Comparison(question, "seconds of wall time", samples, _IDEAL, note=note)]


async def _seconds(listing: Callable[[str], Awaitable[int]], url: str) -> float:
    start = time.perf_counter()
    listed = await listing(url)
    took = time.perf_counter() - start
    assert listed == OWNED
    return took


async def _collected(url: str) -> int:
    async with client(url, _CONCURRENCY) as exist:
        return len(await exist.attributes.owned().collect())


async def _page_after_page(url: str) -> int:
    results: list[Any] = []
    async with httpx.AsyncClient(headers=HEADERS) as http:
        number = 1
        while True:
            page = await _page(http, url, number)
            results += page["results"]
            if page["next"] is None:
                return len(results)
            number += 1


async def _gathered(url: str) -> int:
    slots = asyncio.Semaphore(_CONCURRENCY)
    async with httpx.AsyncClient(headers=HEADERS) as http:

        async def page(number: int) -> Any:
            async with slots:
                return await _page(http, url, number)

        first = await page(1)
        others = await asyncio.gather(*map(page, range(2, ceil(first["count"] / _PAGE_SIZE) + 1)))
        return sum(len(each["results"]) for each in (first, *others))


async def _page(http: httpx.AsyncClient, url: str, number: int) -> Any:
    response = await http.get(url + _PATH, params={"page": number, "limit": _PAGE_SIZE})
    response.raise_for_status()
    return response.json()
