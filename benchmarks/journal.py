"""CPU time and memory of updates with a journal. As a program: the memory of one update, in a process of its own."""

import asyncio
import gc
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from benchmarks import memory
from benchmarks.contenders import client
from benchmarks.report import OURS, Comparison, Target
from benchmarks.turns import by_turns, is_trial
from exist_async import ExistClient, Journal, ValueUpdate

if TYPE_CHECKING:
    from benchmarks.server import Origins

_CONCURRENCY: Final = 8
_ITEMS: Final = 35_000
_TURNS: Final = 9
_FEW: Final = 10_000
_MANY: Final = 1_000_000
_MANY_IN_A_TRIAL: Final = 50_000
_MOST: Final = 60.0
_NAMES: Final = 35
_END: Final = date(2026, 11, 20)
_WITHOUT: Final = "without a journal"


def run(origins: "Origins") -> list[Comparison]:
    """Measure the CPU by turns in this process, and the memory in others."""
    url = origins[0.0]
    with asyncio.Runner() as runner, TemporaryDirectory() as folder:
        exist = client(url, _CONCURRENCY)
        measures = {
            _WITHOUT: lambda: runner.run(_cpu(exist, None)),
            OURS: lambda: runner.run(_cpu(exist, Path(folder))),
        }
        cpu = by_turns(measures, _TURNS)
        runner.run(exist.aclose())
    many = _MANY_IN_A_TRIAL if is_trial() else _MANY
    few_peaks, many_peaks = (
        by_turns({OURS: partial(_peak, url, count)}, 1, rehearsal=False)[OURS] for count in (_FEW, many)
    )
    more = [b - a for a, b in zip(few_peaks, many_peaks, strict=True)]
    return [
        Comparison(
            f"CPU of updating {_ITEMS:,} values from a generator, without keeping outcomes",
            "seconds",
            cpu,
            _WITHOUT,
            [Target(1.5, _WITHOUT)],
        ),
        Comparison(
            f"Peak of memory while {many:,} values are updated with a journal instead of {_FEW:,}",
            "MB more",
            {OURS: more},
            OURS,
            [Target(_MOST, of=max)],
            "From a generator, with keep_outcomes=False, each in a process of its own.",
        ),
    ]


def _updates(count: int) -> Iterator[ValueUpdate]:
    for n in range(count):
        yield ValueUpdate(f"tag_{n % _NAMES}", _END - timedelta(days=n // _NAMES), 1000 + n)


async def _cpu(exist: ExistClient, folder: Path | None) -> float:
    gc.collect()
    start = time.process_time()
    if folder is None:
        result = await exist.values.update(_updates(_ITEMS), keep_outcomes=False)
    else:
        path = folder / "journal.db"
        async with Journal(path) as journal:
            result = await exist.values.update(_updates(_ITEMS), journal=journal, keep_outcomes=False)
        path.unlink()
    took = time.process_time() - start
    assert len(result) == _ITEMS
    assert result.ok
    return took


def _peak(url: str, count: int) -> float:
    """Return the peak of the memory of a process that updates a number of values, in MB."""
    command = [sys.executable, "-m", "benchmarks.journal", url, str(count)]
    return float(subprocess.check_output(command, text=True, env={**os.environ}))


async def _main(url: str, count: int) -> None:
    with TemporaryDirectory() as folder:
        async with Journal(Path(folder) / "journal.db") as journal, client(url, _CONCURRENCY) as exist:
            result = await exist.values.update(_updates(count), journal=journal, keep_outcomes=False)
    assert len(result) == count
    assert result.ok
    print(memory.peak() / 1e6)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2])))
