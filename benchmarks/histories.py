"""Reads ten years of 120 attributes, with this package and by hand, and measures the process that does it.

It imports no more than both need for that: what the first request imports is a part of what is measured.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from math import ceil
from typing import Any, Final

import httpx

from benchmarks.alone import Figures
from benchmarks.loop_monitor import LoopMonitor, measured, monitored
from benchmarks.replies import WITH_VALUES
from exist_async import AttemptEvent, Event, ExistClient, History, MemoryRateLimiter

START: Final = date(2016, 11, 21)
END: Final = date(2026, 11, 20)
DAYS: Final = (END - START).days + 1
CONCURRENCY: Final = 8

_MOST_DAYS: Final = 31
_PAGES: Final = ceil(WITH_VALUES / 100)
REQUESTS: Final = ceil(DAYS / _MOST_DAYS) * _PAGES
"""The fewest that there can be: 31 days and 100 attributes in each."""

_TOKEN: Final = "a-token"
_PATH: Final = "/api/2/attributes/with-values/"


def by_this_client(url: str) -> Figures:
    """Read it with this package, as a stream."""

    async def values(history: History) -> int:
        count = 0
        async for _ in history:
            count += 1
        return count

    return _by_this_client(url, values)


def as_long_table(url: str) -> Figures:
    """Read it with this package into a table with a row for each value."""

    async def values(history: History) -> int:
        return len(await history.table())

    return _by_this_client(url, values)


def as_wide_table(url: str) -> Figures:
    """Read it with this package into a table with a row for each day."""

    async def values(history: History) -> int:
        table = await history.table(wide=True)
        return len(table) * (len(table.column_names) - 1)

    return _by_this_client(url, values)


def _by_this_client(url: str, values: Callable[[History], Awaitable[int]]) -> Figures:
    async def read(monitor: LoopMonitor) -> Figures:
        requests = 0

        def count(event: Event) -> None:
            nonlocal requests
            requests += isinstance(event, AttemptEvent)

        limiter = MemoryRateLimiter(limit=10**6)
        async with ExistClient(
            _TOKEN, base_url=url, concurrency=CONCURRENCY, rate_limiter=limiter, on_event=count
        ) as exist:

            async def read_all() -> None:
                assert await values(exist.values.history(START, END)) == WITH_VALUES * DAYS

            await exist.profile.get()
            requests = 0
            figures = await measured(monitor, read_all)
            return {**figures, "requests": requests}

    return asyncio.run(monitored(read))


def by_httpx(url: str) -> Figures:
    """Read it with `gather` under a semaphore, which keeps all of it."""

    async def read(monitor: LoopMonitor) -> Figures:
        slots = asyncio.Semaphore(CONCURRENCY)
        async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {_TOKEN}"}) as http:

            async def page(window: int, number: int) -> Any:
                last = END - timedelta(days=window * _MOST_DAYS)
                days = min(_MOST_DAYS, (last - START).days + 1)
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

            async def values() -> None:
                windows = ceil(DAYS / _MOST_DAYS)
                pages = await asyncio.gather(
                    *(page(window, number) for window in range(windows) for number in range(1, _PAGES + 1))
                )
                count = sum(len(attribute["values"]) for page in pages for attribute in page["results"])
                assert count == WITH_VALUES * DAYS

            await http.get("/api/2/accounts/profile/")
            figures = await measured(monitor, values)
            return {**figures, "requests": REQUESTS}

    return asyncio.run(monitored(read))
