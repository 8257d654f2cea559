"""Time of listing 3,400 attributes, and the number of attributes held meanwhile."""

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable
from math import ceil
from typing import TYPE_CHECKING, Any, Final

import httpx

from benchmarks.contenders import HEADERS, client
from benchmarks.replies import OWNED
from benchmarks.report import OURS, Comparison, Target
from benchmarks.turns import by_turns
from exist_async import Attribute

if TYPE_CHECKING:
    from benchmarks.server import Origins

_LATENCY: Final = 0.1
_CONCURRENCY: Final = 8
_PAGE_SIZE: Final = 100
_PATH: Final = "/api/2/attributes/owned/"
_TURNS: Final = 3
_LOOK_AFTER: Final = 30
_PAGES: Final = ceil(OWNED / _PAGE_SIZE)
# Only the first page tells how many there are.
_ROUNDS: Final = 1 + ceil((_PAGES - 1) / _CONCURRENCY)
_IDEAL: Final = f"ideal: {_ROUNDS} rounds"

_List = Callable[[], Awaitable[int]]


def run(origins: "Origins") -> list[Comparison]:
    """Measure the wall time of a listing by a client in use."""
    url = origins[_LATENCY]
    samples = by_turns(
        {
            _IDEAL: lambda: _ROUNDS * _LATENCY,
            "httpx, page after page": lambda: asyncio.run(_by_httpx(url, _page_after_page)),
            "httpx + gather": lambda: asyncio.run(_by_httpx(url, _gathered)),
            OURS: lambda: asyncio.run(_by_this_client(url)),
        },
        _TURNS,
        rehearsal=False,
    )
    question = f"Listing {OWNED:,} attributes at {_LATENCY * 1000:g} ms latency, {_CONCURRENCY} in flight"
    note = f"Ideal: the first page of {_PAGE_SIZE}, then {_ROUNDS - 1} rounds."
    held = {"collect()": [float(OWNED)], OURS: [asyncio.run(_held(origins[0.0]))]}
    return [
        Comparison(question, "seconds of wall time", samples, _IDEAL, [Target(1.12, _IDEAL)], note),
        Comparison(
            f"Iterating over {OWNED:,} attributes with `async for`",
            "attributes in memory at most",
            held,
            OURS,
            [Target(_PAGE_SIZE, of=max)],
        ),
    ]


async def _held(url: str) -> float:
    """Return how many attributes are in memory at most while all are iterated over."""
    most, count = 0, 0
    async with client(url, _CONCURRENCY) as exist:
        async for _ in exist.attributes.owned():
            count += 1
            if count % _LOOK_AFTER == 0 or count % _PAGE_SIZE == 1:
                most = max(most, sum(type(thing) is Attribute for thing in gc.get_objects()))
    assert count == OWNED
    return float(most)


async def _seconds(listing: _List) -> float:
    start = time.perf_counter()
    listed = await listing()
    took = time.perf_counter() - start
    assert listed == OWNED
    return took


async def _by_this_client(url: str) -> float:
    async with client(url, _CONCURRENCY) as exist:

        async def collected() -> int:
            return len(await exist.attributes.owned().collect())

        await exist.attributes.owned().first()  # opens a connection
        return await _seconds(collected)


async def _by_httpx(url: str, listing: Callable[[httpx.AsyncClient, str], Awaitable[int]]) -> float:
    async with httpx.AsyncClient(headers=HEADERS) as http:
        await _page(http, url, 1)
        return await _seconds(lambda: listing(http, url))


async def _page_after_page(http: httpx.AsyncClient, url: str) -> int:
    results: list[Any] = []
    number = 1
    while True:
        page = await _page(http, url, number)
        results += page["results"]
        if page["next"] is None:
            return len(results)
        number += 1


async def _gathered(http: httpx.AsyncClient, url: str) -> int:
    slots = asyncio.Semaphore(_CONCURRENCY)

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
