"""Time and memory of a view; a web backend creates one for each of its users."""

import gc
import time
import tracemalloc
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from benchmarks.alone import Figures, alone
from benchmarks.report import OURS, Comparison, Target
from benchmarks.turns import by_turns
from exist_async import ExistClient

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.server import Origins

_VIEWS: Final = 10_000
_TURNS: Final = 7


def run(_origins: "Origins") -> list[Comparison]:
    """Measure it in new interpreters, where no other benchmark has filled the memory before."""
    with TemporaryDirectory() as bytecode:
        sizes = by_turns({OURS: lambda: alone(size, bytecode=bytecode)["bytes"]}, 1)
        times = by_turns({OURS: lambda: alone(making, bytecode=bytecode)["microseconds"]}, _TURNS)
    question = f"{_VIEWS:,} views, one for each user"
    return [
        Comparison(f"{question}: size", "bytes of a view", sizes, OURS, [Target(1000)]),
        Comparison(f"{question}: making", "microseconds of a view", times, OURS, [Target(5)]),
    ]


def size() -> Figures:
    """Measure how much memory all of them hold."""
    make = _maker()
    tracemalloc.start()
    views = make()
    held, _ = tracemalloc.get_traced_memory()
    return {"bytes": held / len(views)}


def making() -> Figures:
    """Measure how long it takes to make all of them."""
    make = _maker()
    gc.collect()
    start = time.process_time()
    views = make()
    took = time.process_time() - start
    return {"microseconds": took / len(views) * 1e6}


def _maker() -> "Callable[[], list[ExistClient]]":
    exist = ExistClient("a-token", base_url="http://127.0.0.1:9")
    tokens = [f"token-{n}" for n in range(_VIEWS)]
    exist.with_options(auth="warm")
    return lambda: [exist.with_options(auth=token) for token in tokens]
