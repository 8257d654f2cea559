"""CPU time and memory of ten times as many items."""

import asyncio
import gc
import time
import tracemalloc
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from benchmarks.contenders import client
from benchmarks.report import OURS, Comparison, Target
from benchmarks.turns import by_turns
from exist_async import ExistClient, ValueUpdate

if TYPE_CHECKING:
    from benchmarks.server import Origins

_CONCURRENCY: Final = 8
_SMALL: Final = 1050
_LARGE: Final = 10_500
_CPU_TURNS: Final = 7
_MEMORY_TURNS: Final = 3
_NAMES: Final = 35
_END: Final = date(2026, 11, 20)
_PER_ITEM: Final = 300


def run(origins: "Origins") -> list[Comparison]:
    """Measure updates of values, given as a list that is there before."""
    small, large = _updates(_SMALL), _updates(_LARGE)
    row = f"{_SMALL:,} items"
    with asyncio.Runner() as runner:
        exist = client(origins[0.0], _CONCURRENCY)
        both = {row: small, OURS: large}
        cpu = by_turns(
            {name: partial(lambda items: runner.run(_cpu(exist, items)), items) for name, items in both.items()},
            _CPU_TURNS,
        )
        peaks = by_turns(
            {name: partial(lambda items: runner.run(_peak(exist, items)), items) for name, items in both.items()},
            _MEMORY_TURNS,
        )
        runner.run(exist.aclose())
    more = len(large) - len(small)
    per_item = [(b - a) / more for a, b in zip(peaks[row], peaks[OURS], strict=True)]
    return [
        Comparison(f"CPU of updating {_LARGE:,} values", "seconds", cpu, row, [Target(11, row)]),
        Comparison(
            f"Peak of memory while {_LARGE:,} values are updated instead of {_SMALL:,}",
            "bytes more for each item more",
            {OURS: per_item},
            OURS,
            [Target(_PER_ITEM, of=max)],
            "What grows with the items are their outcomes, whose echoes share the items' names and days.",
        ),
    ]


def _updates(count: int) -> list[ValueUpdate]:
    return [ValueUpdate(f"tag_{n % _NAMES}", _END - timedelta(days=n // _NAMES), 1000 + n) for n in range(count)]


async def _cpu(exist: ExistClient, items: list[ValueUpdate]) -> float:
    gc.collect()
    start = time.process_time()
    result = await exist.values.update(items)
    took = time.process_time() - start
    assert len(result.succeeded) == len(items)
    return took


async def _peak(exist: ExistClient, items: list[ValueUpdate]) -> float:
    gc.collect()
    tracemalloc.start()
    result = await exist.values.update(items)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(result.succeeded) == len(items)
    return float(peak)
