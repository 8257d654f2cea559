"""CPU time and memory of tables of ten years of 120 attributes, compared with reading their history alone."""

from collections.abc import Callable
from functools import partial
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from benchmarks.alone import Figures, alone
from benchmarks.histories import DAYS, as_long_table, as_wide_table, by_this_client
from benchmarks.replies import WITH_VALUES
from benchmarks.report import Comparison, Target
from benchmarks.turns import by_turns

if TYPE_CHECKING:
    from benchmarks.server import Origins

_ALONE: Final = "the history alone"
_LONG: Final = "table()"
_WIDE: Final = "table(wide=True)"
_MEASURES: Final[dict[str, Callable[[str], Figures]]] = {
    _ALONE: by_this_client,
    _LONG: as_long_table,
    _WIDE: as_wide_table,
}
_TURNS: Final = 7


def run(origins: "Origins") -> list[Comparison]:
    """Measure them by turns, each time in a process of its own, which imports what makes tables, too."""
    turns = {name: list[Figures]() for name in _MEASURES}

    with TemporaryDirectory() as bytecode:

        def cpu(name: str) -> float:
            turns[name].append(alone(_MEASURES[name], origins[0.0], bytecode=bytecode))
            return turns[name][-1]["cpu"]

        samples = by_turns({name: partial(cpu, name) for name in _MEASURES}, _TURNS)

    # The first was the rehearsal, which compiles what it imports.
    growth = {name: [turn["growth"] for turn in each[1:]] for name, each in turns.items()}
    what = f"A table of {WITH_VALUES} attributes x {DAYS:,} days"
    return [
        Comparison(
            f"{what}: CPU time",
            "seconds",
            samples,
            _ALONE,
            [Target(1.5, _ALONE, row=_LONG), Target(1.5, _ALONE, row=_WIDE)],
        ),
        Comparison(
            f"{what}: growth of memory",
            "megabytes",
            growth,
            _ALONE,
            [Target(40, of=median, row=_LONG), Target(40, of=median, row=_WIDE)],
            "The peak of the process beyond what it has after its first request. It holds the table.",
        ),
    ]
