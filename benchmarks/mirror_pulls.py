"""Reads ten years of 120 attributes without a file, and pulls them into a mirror. As a program: a pull that is killed.

`python -m benchmarks.mirror_pulls URL FILE DAYS`
"""

import asyncio
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.alone import Figures
from benchmarks.decade import ATTRIBUTES, DAYS, END, TOKEN
from benchmarks.loop_monitor import LoopMonitor, measured, monitored
from exist_async import AttemptEvent, Event, ExistClient

if TYPE_CHECKING:
    from exist_async.mirror import PullReport

CONCURRENCY: Final = 8
BUDGET: Final = 8
"""The requests of a pull for the rotation, which is also the default."""

VALUES: Final = "attributes/with-values/"
"""The path of the listing with values, below that of the API."""

_START: Final = END - timedelta(days=DAYS - 1)
_PARTS: Final = ("averages", "correlations", "insights")


class _Requests:
    """Counts the requests of a client.

    Attributes:
        values: Number of requests for values and the listing of attributes.
        parts: Number of requests for averages, correlations and insights.
    """

    def __init__(self) -> None:
        self.values = self.parts = 0

    def __call__(self, event: Event) -> None:
        if isinstance(event, AttemptEvent):
            self.values += "/attributes/" in event.path
            self.parts += any(part in event.path for part in _PARTS)


def client(url: str, on_event: _Requests | None = None) -> ExistClient:
    """Return a client of the service without a budget of requests."""
    return ExistClient(TOKEN, base_url=url, concurrency=CONCURRENCY, rate_limiter=None, on_event=on_event)


def without_a_file(url: str) -> Figures:
    """Read the history as a stream."""

    async def read(monitor: LoopMonitor) -> Figures:
        async with client(url) as exist:

            async def values() -> None:
                count = 0
                async for _ in exist.values.history(_START, END):
                    count += 1
                assert count == ATTRIBUTES * DAYS

            await exist.profile.get()
            return await measured(monitor, values)

    return asyncio.run(monitored(read))


def first_pull(url: str, file: str) -> Figures:
    """Pull all values into a new file."""
    return _pull(url, file, new=ATTRIBUTES * DAYS, parts=())


def pull_of_parts(url: str, file: str) -> Figures:
    """Pull the averages, correlations and insights of all days, and what may have changed, without the rotation."""
    return {**_pull(url, file, budget=0), "size": _size(file)}


def nightly_pull(url: str, file: str) -> Figures:
    """Pull again what may have changed, without the rotation."""
    return _pull(url, file, budget=0)


def nightly_pull_with_rotation(url: str, file: str) -> Figures:
    """Pull again what may have changed."""
    return _pull(url, file)


def _pull(url: str, file: str, *, new: int = 0, budget: int = BUDGET, parts: Sequence[str] = _PARTS) -> Figures:
    from exist_async.mirror import Mirror

    async def pull(monitor: LoopMonitor) -> Figures:
        requests = _Requests()
        async with client(url, requests) as exist:

            async def mirror() -> None:
                async with Mirror(file) as mirror:
                    report = await mirror.pull(exist, since=_START, budget=budget, parts=parts)
                assert (report.new, report.changed) == (new, 0)

            await exist.profile.get()
            figures = await measured(monitor, mirror)
            return {**figures, "values": requests.values, "parts": requests.parts}

    return asyncio.run(monitored(pull))


def _size(file: str) -> float:
    """Return the MB of a mirror, with what is not yet in its main file."""
    path = Path(file)
    return sum(each.stat().st_size for each in path.parent.glob(f"{path.name}*")) / 1e6


async def pull_once(url: str, file: str, days: int) -> "PullReport":
    """Pull the last days, and return the report."""
    from exist_async.mirror import Mirror

    async with Mirror(file) as mirror, client(url) as exist:
        # Without the rotation, whose requests would be counted, too.
        return await mirror.pull(exist, since=END - timedelta(days=days - 1), budget=0)


if __name__ == "__main__":
    asyncio.run(pull_once(sys.argv[1], sys.argv[2], int(sys.argv[3])))
