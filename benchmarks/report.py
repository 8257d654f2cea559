"""Holds what was measured against what is asked for, and shows it."""

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any, Final

from attrs import frozen
from rich.console import Console
from rich.table import Table

OURS: Final = "exist_async"
"""The row that targets are for where they name no other."""

_PACKAGES: Final = ("httpx", "aiohttp", "attrs", "cattrs", "msgspec", "pydantic")
_WIDTH: Final = 120


@frozen
class Target:
    """The target of a comparison.

    Attributes:
        at_most: The largest figure, or ratio, that is good enough.
        against: The row whose figure is one; None holds the figure itself against the target.
        of: Which figure counts where nothing is compared: the least of what others only ever make longer, but the
            median or the largest of what a client does itself.
        row: The row that the target is for.
    """

    at_most: float
    against: str | None = None
    of: Callable[[Sequence[float]], float] = min
    row: str = OURS


@frozen
class Comparison:
    """The figures that answer one question.

    Attributes:
        question: The question.
        unit: The unit of the figures.
        samples: The figures of each row, one a turn.
        baseline: The row that the others are compared with in the table.
        targets: What is asked of this package.
        note: What a reader has to know beside the figures.
    """

    question: str
    unit: str
    samples: Mapping[str, Sequence[float]]
    baseline: str
    targets: Sequence[Target] = ()
    note: str = ""

    def ratio(self, name: str, against: str) -> float:
        """Return the ratio of the least figures, which the machine disturbed least: the one that targets are for."""
        return min(self.samples[name]) / min(self.samples[against])

    def median_ratio(self, name: str, against: str) -> float:
        """Return the median of the turns' own ratios: where it is far from the other one, there was a disturbance."""
        pairs = zip(self.samples[name], self.samples[against], strict=False)
        return median(a / b for a, b in pairs)

    def reached(self, target: Target) -> float:
        """Return what came of a target: a ratio, or a figure."""
        if target.against is None:
            return target.of(self.samples[target.row])
        return self.ratio(target.row, target.against)

    def as_json(self) -> dict[str, Any]:
        """Return all of it for a file."""
        return {
            "question": self.question,
            "unit": self.unit,
            "baseline": self.baseline,
            "samples": {name: list(figures) for name, figures in self.samples.items()},
            "targets": [
                {"against": target.against, "at_most": target.at_most, "reached": self.reached(target)}
                for target in self.targets
            ],
            "note": self.note,
        }


def show(comparison: Comparison) -> None:
    """Print one comparison as a table, and what came of its targets."""
    table = Table()
    for heading in ("", "min", "median", "max", "ratio of mins", "median ratio"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, figures in comparison.samples.items():
        table.add_row(
            name,
            *(figure(of(figures)) for of in (min, median, max)),
            f"{comparison.ratio(name, comparison.baseline):.2f}",
            f"{comparison.median_ratio(name, comparison.baseline):.2f}",
            style="bold" if name == OURS else None,
        )
    # Piped into a file there is no terminal to ask for its width.
    console = Console() if Console().is_terminal else Console(width=_WIDTH)
    turns = max(map(len, comparison.samples.values()))
    console.print(f"[bold]{comparison.question}[/bold]\n{comparison.unit}, {turns} turns", highlight=False)
    console.print(table)
    for target in comparison.targets:
        console.print(verdict(target.against, target.at_most, comparison.reached(target)), highlight=False)
    if comparison.note:
        console.print(comparison.note, highlight=False)
    console.print()


def verdict(against: str | None, at_most: float, reached: float) -> str:
    """Say what came of a target."""
    of = "" if against is None else f" x {against}"
    shown = figure(reached) if against is None else f"{reached:.3f}"
    return f"{'reached' if reached <= at_most else 'MISSED'}: {shown}{of}, {at_most:g} at most"


def machine() -> str:
    """Return what ran the benchmarks."""
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return f"Python {platform.python_version()} on {os.cpu_count()} cores of {_processor()}; {packages}"


def figure(number: float) -> str:
    """Write a figure with as many digits as say something."""
    return f"{number:,.0f}" if number >= 100 else f"{number:,.1f}" if number >= 10 else f"{number:.3f}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor() or platform.machine())
