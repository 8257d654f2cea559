"""Measures several things by turns, so that a slow moment of the machine meets them all."""

import sys
from collections.abc import Callable, Mapping

_most = sys.maxsize


def limit_turns(most: int) -> None:
    """Let every measurement of this process take so many turns at most."""
    global _most
    _most = most


def is_trial() -> bool:
    """Whether measurements are only to show that they run."""
    return _most == 1


def by_turns(
    measures: Mapping[str, Callable[[], float]], turns: int, *, rehearsal: bool = True
) -> dict[str, list[float]]:
    """Return what each measure gave in each turn.

    Args:
        measures: What to measure, by name; each does its work once and returns its own figure.
        turns: Number of measurements of each, unless `limit_turns` allows fewer.
        rehearsal: Whether there is one more turn before, which does not count.
    """
    samples: dict[str, list[float]] = {name: [] for name in measures}
    if rehearsal:
        for measure in measures.values():
            measure()
    order = list(measures.items())
    for _ in range(min(turns, _most)):
        for name, measure in order:
            samples[name].append(measure())
        # Forth and back: none of them always comes after the same other one.
        order.reverse()
    return samples
