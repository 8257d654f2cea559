"""Prints what was measured: the least, the median, the ratios, and on what machine."""

import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Final

from attrs import frozen
from rich.console import Console
from rich.table import Table

OURS: Final = "exist_async"
"""The row that a target is for."""

_PACKAGES: Final = ("httpx", "aiohttp", "msgspec", "pydantic")


@frozen
class Comparison:
    """The figures that answer one question.

    Attributes:
        question: The question.
        unit: The unit of the figures.
        samples: The figures of each contender, one a turn.
        baseline: The contender that the others are compared with.
        target: What the ratio of this package is to be at most; None where nothing is asked of it.
        note: What a reader has to know beside the figures.
    """

    question: str
    unit: str
    samples: Mapping[str, Sequence[float]]
    baseline: str
    target: float | None = None
    note: str = ""

    def ratio(self, name: str) -> float:
        """Return the ratio of the least figures, which the machine disturbed least: the one that targets are for."""
        return min(self.samples[name]) / min(self.samples[self.baseline])

    def median_ratio(self, name: str) -> float:
        """Return the median of the turns' own ratios: where it is far from the other one, there was a disturbance."""
        return median(a / b for a, b in zip(self.samples[name], self.samples[self.baseline], strict=True))


def show(comparison: Comparison) -> None:
    """Print one comparison as a table."""
    turns = len(comparison.samples[comparison.baseline])
    table = Table()
    for heading in ("", "least", "median", "ratio of least", "median ratio", "target"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, figures in comparison.samples.items():
        table.add_row(
            name,
            _figure(min(figures)),
            _figure(median(figures)),
            f"{comparison.ratio(name):.2f}",
            f"{comparison.median_ratio(name):.2f}",
            _verdict(comparison.ratio(name), comparison.target) if name == OURS else "",
            style="bold" if name == OURS else None,
        )
    # Piped into a file there is no terminal to ask for its width.
    console = Console() if Console().is_terminal else Console(width=120)
    console.print(f"[bold]{comparison.question}[/bold]\n{comparison.unit}, {turns} turns", highlight=False)
    console.print(table)
    if comparison.note:
        console.print(comparison.note, highlight=False)
    console.print()


def machine() -> str:
    """Return what ran the benchmarks."""
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return f"Python {platform.python_version()} on {os.cpu_count()} cores of {_processor()}; {packages}"


def _figure(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= 10 else f"{figure:.3f}"


def _verdict(ratio: float, target: float | None) -> str:
    if target is None:
        return ""
    return f"{'reached' if ratio <= target else 'missed'}: {target:g} at most"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor() or platform.machine())
