"""Checks that nothing is lost, counted twice or left behind under a thousand tasks and a faulty service.

`uv run python -m benchmarks.soak [--seconds 60] [--seed N]`
"""

import argparse
import asyncio
import gc
import itertools
import logging
import random
import resource
import sys
import time
from collections import Counter
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

import httpx
from attrs import Factory, define

from benchmarks import hostile, memory
from exist_async import (
    ExistAsyncError,
    ExistClient,
    MemoryRateLimiter,
    Outcome,
    OutcomeStatus,
    ValueIncrement,
    ValueUpdate,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_TASKS: Final = 1000
_CONNECTIONS: Final = 10
_USERS: Final = 50
# So many of them have a rate limiter, and a service that counts for itself.
_LIMITED_USERS: Final = 5
_DAY: Final = date(2026, 11, 20)
_MOST_ITEMS: Final = 80
_MOST_DAYS: Final = 4
"""The most days of an update, which together have as many rows as other writes have items."""
# Seconds. Between its calls, so that not all are always waiting for one of the ten connections.
_PAUSE: Final = 6.0
_MEGABYTE: Final = 1_000_000
# A part of the memory that it takes: allocators keep some of what they were given.
_MOST_GROWTH: Final = 0.05


@define
class _Tally:
    """The outcomes that the callers got.

    Attributes:
        told: How many increments had which outcome, cancelled callers' included.
        calls: How many calls ended how.
        parts: Number of listings that were returned without some of their pages.
        possible: The values that each day of an attribute may have, by what the callers were told.
        superseded: Number of updates that were not sent, because a later one for the same day was.
        memory: Megabytes of memory, every other second.
        tasks: The most tasks that there were beside the callers.
    """

    told: Counter[OutcomeStatus] = Factory(Counter)
    calls: Counter[str] = Factory(Counter)
    parts: int = 0
    possible: dict[str, set[Any]] = Factory(dict)
    superseded: int = 0
    memory: list[float] = Factory(list)
    tasks: int = 0

    def hear_update(self, outcome: Outcome[ValueUpdate, Any]) -> None:
        """Note the value that a day has for sure, or may have."""
        day = f"{outcome.item.name} {outcome.item.date}"
        if outcome.status is OutcomeStatus.SUCCEEDED:
            self.possible[day] = {outcome.item.value}
        elif outcome.status is OutcomeStatus.UNKNOWN:
            self.possible.setdefault(day, {None}).add(outcome.item.value)
        self.superseded += outcome.status is OutcomeStatus.SUPERSEDED

    def hear(self, outcome: Outcome[ValueIncrement, Any]) -> None:
        """Count the outcome of an increment."""
        self.told[outcome.status] += 1


def main() -> int:
    """Soak for some time, print what happened, and return the exit code: 1 where something was lost or left behind."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long, 60 by default")
    parser.add_argument("--seed", type=int, default=None, help="of all that is random, to see a run again")
    options = parser.parse_args()
    seed: int = random.randrange(2**32) if options.seed is None else options.seed
    print(f"{_TASKS} tasks, {_CONNECTIONS} connections, {options.seconds:g} s, seed {seed}", flush=True)
    # How cancelled writes ended is counted here; of some thousands of them nobody wants to read.
    logging.getLogger("exist_async").setLevel(logging.ERROR)
    # The loop's own descriptors come and go with it.
    descriptors = _descriptors()
    with hostile.serving(seed) as url:
        tally, counts, left = asyncio.run(_soak(url, options.seconds, seed))
    gc.collect()
    left["descriptors"] = _descriptors() - descriptors
    return _judge(tally, counts, left)


async def _soak(url: str, seconds: float, seed: int) -> tuple[_Tally, dict[str, Any], dict[str, int]]:
    tally = _Tally()
    end = time.monotonic() + seconds
    # As in a web backend: one client, and a view for each user.
    async with ExistClient(
        "nobody-s-token", base_url=url, max_connections=_CONNECTIONS, timeout=2.0, rate_limiter=None
    ) as client:
        views = [client.with_options(auth=f"token-of-user-{number}") for number in range(_LIMITED_USERS, _USERS)]
        limiter = MemoryRateLimiter(hostile.LIMIT, hostile.PERIOD)
        views += [
            client.with_options(auth=f"limited-user-{number}", rate_limiter=limiter, max_wait=hostile.PERIOD)
            for number in range(_LIMITED_USERS)
        ]
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_watch(tally, end))
            for number in range(_TASKS):
                caller = _Caller(number, views[number % _USERS], tally, random.Random(f"{seed}/{number}"))
                tasks.create_task(caller.call_on(end))
    left = {"tasks": len(asyncio.all_tasks()) - 1}
    async with httpx.AsyncClient() as http:
        return tally, (await http.get(f"{url}/counts")).json(), left


async def _watch(tally: _Tally, end: float) -> None:
    while time.monotonic() < end:
        gc.collect()
        tally.memory.append(_memory())
        tally.tasks = max(tally.tasks, len(asyncio.all_tasks()) - _TASKS)
        await asyncio.sleep(2)


@define
class _Caller:
    """Makes one call after another, and hangs up on some of them.

    Attributes:
        number: Its number, which is in the name of the attribute that only it updates.
    """

    number: int
    exist: ExistClient
    tally: _Tally
    chance: random.Random
    _values: "Iterator[int]" = Factory(itertools.count)

    async def call_on(self, end: float) -> None:
        """Make calls until the end."""
        calls = [self._increment, self._update, self.exist.profile.get, self._list]
        while time.monotonic() < end:
            await asyncio.sleep(self.chance.uniform(0, _PAUSE))
            patience = self.chance.uniform(0, 3) if self.chance.random() < 0.5 else None
            try:
                async with asyncio.timeout(patience):
                    await self.chance.choice(calls)()
                self.tally.calls["answered"] += 1
            except TimeoutError:
                self.tally.calls["cancelled"] += 1
            except ExistAsyncError as error:
                self.tally.calls[type(error).__name__] += 1

    async def _increment(self) -> None:
        count = self.chance.randint(1, _MOST_ITEMS)
        items = [ValueIncrement(f"tag_{self.chance.randrange(9)}", 1, _DAY) for _ in range(count)]
        await self.exist.values.increment(items, on_outcome=self.tally.hear)

    async def _update(self) -> None:
        """Update some days, each several times: only its last value is sent."""
        days = [_DAY - timedelta(days=day) for day in range(self.chance.randint(1, _MOST_DAYS))]
        items = [
            ValueUpdate(f"own_{self.number}", day, next(self._values))
            for day in days
            for _ in range(self.chance.randint(1, _MOST_ITEMS // _MOST_DAYS))
        ]
        await self.exist.values.update(items, on_outcome=self.tally.hear_update)

    async def _list(self) -> None:
        attributes = await self.exist.attributes.list().collect()
        self.tally.parts += [attribute.name for attribute in attributes] != [*hostile.LISTED]


def _judge(tally: _Tally, counts: dict[str, Any], left: dict[str, int]) -> int:
    """Print what happened, and return the exit code."""
    succeeded, unknown = tally.told[OutcomeStatus.SUCCEEDED], tally.told[OutcomeStatus.UNKNOWN]
    applied = counts["applied"]
    other_values = sum(counts["values"].get(day) not in possible for day, possible in tally.possible.items())
    third = max(1, len(tally.memory) // 3)
    before, after = median(tally.memory[third : 2 * third] or tally.memory), median(tally.memory[-third:])
    print(f"service: {counts['requests']:,} requests, {counts['misbehaved']:,} of them met a fault")
    print("calls: " + ", ".join(f"{count:,} {name}" for name, count in tally.calls.most_common()))
    print("increments: " + ", ".join(f"{count:,} {status}" for status, count in tally.told.most_common()))
    print(f"applied: {applied:,} = {succeeded:,} succeeded + {applied - succeeded:,} of {unknown:,} unknown")
    print(
        f"{len(tally.possible):,} days updated, {tally.superseded:,} rows superseded, "
        f"{other_values:,} days with another value than their last"
    )
    print(f"{tally.parts:,} listings cut off; {counts['refused']:,} requests of limited users refused")
    print(f"memory: {before:.1f} MB in the middle third, {after:.1f} MB in the last; {_peak():.1f} MB at most")
    print(f"beside the callers {tally.tasks:,} tasks at most; left at the end: {left}")
    wrong = [
        (not succeeded <= applied <= succeeded + unknown, "increments were lost or counted twice"),
        (other_values > 0, "an older value replaced a later one"),
        (tally.parts > 0, "a part of a listing was returned as if it were all"),
        (counts["refused"] > 0, "a rate limiter let out more requests than the service lets in"),
        (
            not (succeeded and unknown and tally.superseded and tally.calls["cancelled"]),
            "it was too short to see anything",
        ),
        (after > before * (1 + _MOST_GROWTH), "memory grows"),
        (any(left.values()), "something is left behind"),
    ]
    problems = [words for is_wrong, words in wrong if is_wrong]
    print(f"failed: {', '.join(problems)}" if problems else "nothing lost, nothing counted twice, nothing left behind")
    return 1 if problems else 0


def _memory() -> float:
    with suppress(OSError):
        return memory.resident() / _MEGABYTE
    return _peak()


def _peak() -> float:
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes * 1024 / _MEGABYTE


def _descriptors() -> int:
    descriptors = Path("/proc/self/fd")
    return len(list(descriptors.iterdir())) if descriptors.exists() else 0


if __name__ == "__main__":
    sys.exit(main())
