"""Requests, time, memory and size of a mirror of ten years of 120 attributes.

As a program: pulls that are killed, `uv run python -m benchmarks.mirror --kills 100 [--days 3650] [--seed N]`
"""

import argparse
import asyncio
import random
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from benchmarks import decade, mirror_pulls
from benchmarks.alone import Figures, alone
from benchmarks.mirror_kills import check_kills
from benchmarks.report import OURS, Comparison, Target
from benchmarks.turns import by_turns

if TYPE_CHECKING:
    from benchmarks.server import Origins

_LATENCY: Final = 0.1
_WITHOUT: Final = "history, without a file"
_FIRST: Final = "first pull"
_NIGHTLY: Final = "nightly pull"
_PARTS: Final = "first pull of averages, correlations and insights"
_ROTATION: Final = f"nightly pull, with {mirror_pulls.BUDGET} requests for older days"
_TURNS: Final = 5


def run(_: "Origins") -> list[Comparison]:
    """Measure each in a process of its own, from before its mirror is opened."""
    turns: dict[str, list[Figures]] = {_WITHOUT: [], _FIRST: [], _PARTS: [], _NIGHTLY: [], _ROTATION: []}

    with decade.serving(latency=_LATENCY) as url, TemporaryDirectory() as folder:

        def measure(name: str, what: Callable[..., Figures], *arguments: str) -> float:
            turns[name].append(alone(what, url, *arguments, bytecode=f"{folder}/bytecode"))
            return turns[name][-1]["seconds"]

        def pulls() -> float:
            with TemporaryDirectory() as place:
                file = str(Path(place) / "exist.db")
                seconds = measure(_FIRST, mirror_pulls.first_pull, file)
                measure(_PARTS, mirror_pulls.pull_of_parts, file)
                measure(_NIGHTLY, mirror_pulls.nightly_pull, file)
                measure(_ROTATION, mirror_pulls.nightly_pull_with_rotation, file)
                return seconds

        by_turns({_WITHOUT: partial(measure, _WITHOUT, mirror_pulls.without_a_file), _FIRST: pulls}, _TURNS)

    def samples(figure: str, *names: str) -> dict[str, list[float]]:
        # The first was the rehearsal, which compiles what it imports.
        return {name: [turn[figure] for turn in turns[name][1:]] for name in names}

    def compared(figure: str) -> dict[str, list[float]]:
        both = samples(figure, _WITHOUT, _FIRST)
        return {_WITHOUT: both[_WITHOUT], OURS: both[_FIRST]}

    what = f"Mirroring {decade.ATTRIBUTES} attributes x {decade.DAYS:,} days at {_LATENCY * 1000:g} ms latency"
    return [
        Comparison(
            f"{what}: requests for values and the listing of attributes",
            "requests",
            samples("values", _FIRST, _NIGHTLY, _ROTATION),
            _FIRST,
            [
                Target(240, of=max, row=_FIRST),
                Target(4, of=max, row=_NIGHTLY),
                Target(4 + mirror_pulls.BUDGET, of=max, row=_ROTATION),
            ],
            "Beside them, a pull requests the profile and what is below.",
        ),
        Comparison(
            f"{what}: requests for averages, correlations and insights",
            "requests",
            samples("parts", _PARTS, _NIGHTLY),
            _PARTS,
            note="There is an average for each week and attribute.",
        ),
        Comparison(
            f"{what}: wall time of the first pull of values",
            "seconds",
            compared("seconds"),
            _WITHOUT,
            [Target(1.3, _WITHOUT)],
        ),
        Comparison(
            f"{what}: growth of memory",
            "megabytes",
            compared("growth"),
            _WITHOUT,
            [Target(40, of=max)],
            "The peak of the process beyond what it has after its first request.",
        ),
        Comparison(
            f"{what}: longest stall of the event loop",
            "milliseconds",
            compared("stall"),
            _WITHOUT,
        ),
        Comparison(
            f"{what}: size of the file",
            "megabytes",
            {OURS: samples("size", _PARTS)[_PARTS]},
            OURS,
            [Target(40, of=max)],
            f"{decade.ATTRIBUTES * decade.DAYS:,} values, and an average for each week and attribute.",
        ),
    ]


def main() -> int:
    """Kill pulls, print what was found, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mirror", description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="number of kills, at most three of one file")
    parser.add_argument("--days", type=int, default=decade.DAYS, help="number of days that are pulled")
    parser.add_argument("--seed", type=int, default=None, help="of all that is random, to see a run again")
    options = parser.parse_args()
    seed: int = random.randrange(2**32) if options.seed is None else options.seed
    print(f"{options.kills} kills while {options.days:,} days are pulled, seed {seed}", flush=True)
    findings = asyncio.run(check_kills(options.kills, options.days, random.Random(seed)))
    print(*(findings or ["nothing lost, nothing wrong, nothing requested in vain"]), sep="\n")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
