"""Requests, time, memory and stalls of the event loop for reading ten years of 120 attributes."""

from collections.abc import Callable
from functools import partial
from math import ceil
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from benchmarks.alone import Figures, alone
from benchmarks.histories import CONCURRENCY, DAYS, REQUESTS, by_httpx, by_this_client
from benchmarks.replies import WITH_VALUES
from benchmarks.report import OURS, Comparison, Target
from benchmarks.turns import by_turns

if TYPE_CHECKING:
    from benchmarks.server import Origins

_LATENCY: Final = 0.1
# Only the first page tells how many there are.
_ROUNDS: Final = 1 + ceil((REQUESTS - 1) / CONCURRENCY)
_IDEAL: Final = f"ideal: {_ROUNDS} rounds"
_BY_HAND: Final = "httpx + gather, kept as dictionaries"
_TURNS: Final = 5


def run(origins: "Origins") -> list[Comparison]:
    """Measure it as a stream, each time in a process of its own, from before its client is opened."""
    url = origins[_LATENCY]
    turns = {_BY_HAND: list[Figures](), OURS: list[Figures]()}

    with TemporaryDirectory() as bytecode:

        def seconds(name: str, measure: Callable[..., Figures]) -> float:
            turns[name].append(alone(measure, url, bytecode=bytecode))
            return turns[name][-1]["seconds"]

        by_turns(
            {_BY_HAND: partial(seconds, _BY_HAND, by_httpx), OURS: partial(seconds, OURS, by_this_client)},
            _TURNS,
        )

    def samples(figure: str) -> dict[str, list[float]]:
        # The first was the rehearsal, which compiles what it imports.
        return {name: [turn[figure] for turn in each[1:]] for name, each in turns.items()}

    what = f"Reading {WITH_VALUES} attributes x {DAYS:,} days at {_LATENCY * 1000:g} ms latency"
    seconds_taken = samples("seconds")
    wall = {_IDEAL: [_ROUNDS * _LATENCY] * len(seconds_taken[OURS]), **seconds_taken}
    return [
        Comparison(f"{what}: requests", "requests", samples("requests"), OURS, [Target(240, of=max)]),
        Comparison(f"{what}: wall time", "seconds", wall, _IDEAL, [Target(1.15, _IDEAL)]),
        Comparison(
            f"{what}: longest stall of the event loop",
            "milliseconds",
            samples("stall"),
            OURS,
            [Target(10, of=median)],
            "It holds what the first request imports. Garbage was collected once before, as in a program that is up.",
        ),
        Comparison(
            f"{what}: growth of memory",
            "megabytes",
            samples("growth"),
            OURS,
            [Target(10, of=max)],
            "The peak of the process beyond what it has after its first request.",
        ),
    ]
