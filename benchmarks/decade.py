"""Ten years of 120 attributes of every value type, and the sandbox that serves them in a process of its own."""

import argparse
import asyncio
import datetime as dt
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from random import Random
from typing import Final

from attrs import frozen

from benchmarks import service_process
from exist_async.sandbox import Sandbox

ATTRIBUTES: Final = 120
DAYS: Final = 3650
END: Final = dt.date(2026, 11, 20)
"""The last day with values, which is the user's today."""

TOKEN: Final = "sandbox-token"

_SPARSE: Final = 25
_ONE_IN: Final = 20
"""Sparse attributes have a value on one of so many days."""

_NOON: Final = dt.datetime(2026, 11, 20, 1, tzinfo=dt.UTC)  # 12 o'clock in Melbourne
_NOTES: Final = ("A walk by the river", "Too many meetings", "Dinner with Mary, and a long talk", "Père Noël 🎄", "x")

Value = int | float | str


@frozen
class _Kind:
    """A value type, a group, and a function that makes up a value."""

    name: str
    group: str
    value_type: int
    value: Callable[[Random], Value]


_KINDS: Final = (
    _Kind("steps", "activity", 0, lambda random: random.randrange(25_000)),
    _Kind("temperature", "weather", 1, lambda random: round(random.gauss(15, 9), 1)),
    _Kind("note", "mood", 2, lambda random: f"{random.choice(_NOTES)} {random.randrange(100)}"),
    _Kind("sleep", "sleep", 3, lambda random: random.randrange(240, 620)),
    _Kind("wake_up", "sleep", 4, lambda random: random.randrange(1440)),
    _Kind("humidity", "weather", 5, lambda random: round(random.random(), 2)),
    _Kind("bedtime", "sleep", 6, lambda random: random.randrange(1440)),
    _Kind("tag", "custom", 7, lambda random: random.randrange(2)),
    _Kind("rating", "mood", 8, lambda random: random.randrange(1, 10)),
)


def values(days: int = DAYS, *, sparse: bool = False) -> dict[str, dict[dt.date, Value]]:
    """Return the values of each attribute by day, newest first; always the same.

    Args:
        days: Number of days.
        sparse: Whether 25 of the attributes have a value on one day in twenty instead of each day.
    """
    dates = [END - dt.timedelta(days=ago) for ago in range(days)]
    every: dict[str, dict[dt.date, Value]] = {}
    for number in range(ATTRIBUTES):
        kind, random = _kind(number), Random(number)
        on = [day for ago, day in enumerate(dates) if (ago + number) % _ONE_IN == 0] if _is_sparse(number) else dates
        every[f"{kind.name}_{number}"] = {day: kind.value(random) for day in (on if sparse else dates)}
    return every


def sandbox(*, latency: float = 0.0) -> Sandbox:
    """Return a sandbox without attributes, in which it is always the last day with values."""
    return Sandbox(latency=latency, token=TOKEN, now=lambda: _NOON)


def fill(sandbox: Sandbox, every: Mapping[str, Mapping[dt.date, Value]]) -> None:
    """Give the first user of a sandbox all attributes with their values."""
    for number, (name, by_day) in enumerate(every.items()):
        kind = _kind(number)
        sandbox.add_attribute(name=name, group=kind.group, value_type=kind.value_type, service=sandbox.service)
        sandbox.set_values(name, by_day)


@contextmanager
def serving(days: int = DAYS, *, sparse: bool = False, latency: float = 0.0) -> Generator[str]:
    """Serve them while a block lasts, and give the URL."""
    options = ["--days", days, "--latency", latency, *(["--sparse"] if sparse else [])]
    with service_process.serving("benchmarks.decade", *options) as url:
        yield url


def _kind(number: int) -> _Kind:
    return _KINDS[number % len(_KINDS)]


def _is_sparse(number: int) -> bool:
    return number >= ATTRIBUTES - _SPARSE


async def _serve(days: int, *, sparse: bool, latency: float) -> None:
    service = sandbox(latency=latency)
    fill(service, values(days, sparse=sparse))
    async with service.serve() as url:
        print(url, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.decade", description=__doc__)
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--sparse", action="store_true")
    parser.add_argument("--latency", type=float, default=0.0, metavar="SECONDS")
    options = parser.parse_args()
    asyncio.run(_serve(options.days, sparse=options.sparse, latency=options.latency))
