"""What does it take to read ten years of 120 attributes: requests, time, memory, and stalls of the event loop?"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Any, Final

import httpx
from attrs import define

from benchmarks import memory
from benchmarks.alone import Figures, alone
from benchmarks.contenders import HEADERS, client
from benchmarks.replies import WITH_VALUES
from benchmarks.report import OURS, Comparison, Target
from benchmarks.turns import by_turns

if TYPE_CHECKING:
    from benchmarks.server import Origins

_LATENCY: Final = 0.1
_CONCURRENCY: Final = 8
_START: Final = date(2016, 11, 21)
_END: Final = date(2026, 11, 20)
_DAYS: Final = (_END - _START).days + 1
_MOST_DAYS: Final = 31
_PAGES: Final = ceil(WITH_VALUES / 100)
_REQUESTS: Final = ceil(_DAYS / _MOST_DAYS) * _PAGES
# Only the first page tells how many there are.
_ROUNDS: Final = 1 + ceil((_REQUESTS - 1) / _CONCURRENCY)
_IDEAL: Final = f"ideal: {_ROUNDS} rounds"
_BY_HAND: Final = "httpx + gather, kept as dictionaries"
_PATH: Final = "/api/2/attributes/with-values/"
_TURNS: Final = 3
_BEAT: Final = 0.001
_MEGABYTE: Final = 1e6


@define
class _Heart:
    """Beats once a millisecond, and notices how long the loop stood still and how much memory there was at most.

    Attributes:
        stall: Seconds of the longest stall.
        peak: The most bytes in memory.
    """

    stall: float = 0.0
    peak: int = 0

    async def beat(self) -> None:
        """Beat until it is cancelled."""
        while True:
            start = time.perf_counter()
            await asyncio.sleep(_BEAT)
            self.stall = max(self.stall, time.perf_counter() - start - _BEAT)
            self.peak = max(self.peak, memory.resident())


def run(origins: "Origins") -> list[Comparison]:
    """Measure it as a stream, each time in a process of its own, from before its client is opened."""
    url = origins[_LATENCY]
    turns = {_BY_HAND: list[Figures](), OURS: list[Figures]()}

    def seconds(name: str, measure: Callable[..., Figures]) -> float:
        turns[name].append(alone(measure, url))
        return turns[name][-1]["seconds"]

    by_turns(
        {_BY_HAND: partial(seconds, _BY_HAND, by_httpx), OURS: partial(seconds, OURS, by_this_client)},
        _TURNS,
        rehearsal=False,
    )

    def samples(figure: str) -> dict[str, list[float]]:
        return {name: [turn[figure] for turn in each] for name, each in turns.items()}

    what = f"Reading {WITH_VALUES} attributes x {_DAYS:,} days at {_LATENCY * 1000:g} ms latency"
    wall = {_IDEAL: [_ROUNDS * _LATENCY] * _TURNS, **samples("seconds")}
    return [
        Comparison(f"{what}: requests", "requests", samples("requests"), OURS, [Target(240)]),
        Comparison(f"{what}: wall time", "seconds", wall, _IDEAL, [Target(1.15, _IDEAL)]),
        Comparison(
            f"{what}: longest stall of the event loop",
            "milliseconds",
            samples("stall"),
            OURS,
            [Target(10)],
            "From before the client is opened, so that it holds what the first request imports.",
        ),
        Comparison(
            f"{what}: growth of memory",
            "megabytes",
            samples("growth"),
            OURS,
            [Target(10)],
            "The peak of the process beyond what it has after its first request.",
        ),
    ]


def by_this_client(url: str) -> Figures:
    """Read it with this package, as a stream."""

    async def read(heart: _Heart) -> Figures:
        async with client(url, _CONCURRENCY) as exist:

            async def values() -> int:
                count = 0
                async for _ in exist.values.history(_START, _END):
                    count += 1
                return count

            await exist.profile.get()
            return await _measured(heart, values, await exist.values.history(_START, _END).plan())

    return asyncio.run(_with_a_heart(read))


def by_httpx(url: str) -> Figures:
    """Read it with `gather` under a semaphore, which keeps all of it."""

    async def read(heart: _Heart) -> Figures:
        slots = asyncio.Semaphore(_CONCURRENCY)
        async with httpx.AsyncClient(base_url=url, headers=HEADERS) as http:

            async def page(window: int, number: int) -> Any:
                last = _END - timedelta(days=window * _MOST_DAYS)
                days = min(_MOST_DAYS, (last - _START).days + 1)
                params: dict[str, str | int] = {
                    "days": days,
                    "date_max": last.isoformat(),
                    "limit": 100,
                    "page": number,
                }
                async with slots:
                    response = await http.get(_PATH, params=params)
                    response.raise_for_status()
                    return response.json()

            async def values() -> int:
                windows = ceil(_DAYS / _MOST_DAYS)
                pages = await asyncio.gather(
                    *(page(window, number) for window in range(windows) for number in range(1, _PAGES + 1))
                )
                return sum(len(attribute["values"]) for page in pages for attribute in page["results"])

            await http.get("/api/2/accounts/profile/")
            return await _measured(heart, values, _REQUESTS)

    return asyncio.run(_with_a_heart(read))


async def _with_a_heart(read: Callable[[_Heart], Awaitable[Figures]]) -> Figures:
    heart = _Heart()
    beating = asyncio.create_task(heart.beat())
    try:
        return await read(heart)
    finally:
        beating.cancel()


async def _measured(heart: _Heart, values: Callable[[], Awaitable[int]], requests: int) -> Figures:
    heart.peak = before = memory.resident()
    start = time.perf_counter()
    count = await values()
    seconds = time.perf_counter() - start
    assert count == WITH_VALUES * _DAYS
    return {
        "requests": requests,
        "seconds": seconds,
        "stall": heart.stall * 1e3,
        "growth": (heart.peak - before) / _MEGABYTE,
    }
