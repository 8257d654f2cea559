"""The days of each attribute that have been read, and the plan to read the others in few requests."""

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

from attrs import evolve, frozen

from exist_async.paging import LARGEST_PAGE
from exist_async.values.history_plan import Span

ONE_DAY: Final = dt.timedelta(days=1)


@frozen
class Covered:
    """Days of an attribute that have been read at one time: its values are as they were in Exist then, or later."""

    span: Span
    read_at: dt.datetime


Coverage = Mapping[str, Sequence[Covered]]
"""The days that have been read of each attribute, the oldest first; no day is in it twice."""


@frozen
class Reading:
    """Days to read of some attributes."""

    span: Span
    names: frozenset[str]

    @property
    def by_window(self) -> int:
        """The number of requests if the attributes are listed with their values, window by window."""
        return self.span.window_count * -(-len(self.names) // LARGEST_PAGE)

    @property
    def requests(self) -> int:
        """The most requests that it takes."""
        return min(self.by_window, len(self.names) * self.span.page_count)


def add_covered(before: Iterable[Covered], new: Covered) -> list[Covered]:
    """Return what is covered after another reading, the oldest first. Neighbours that were read at one time are one."""
    parts = [new]
    for covered in before:
        if covered.span.start < new.span.start:
            end = min(covered.span.end, new.span.start - ONE_DAY)
            parts.append(evolve(covered, span=Span(covered.span.start, end)))
        if covered.span.end > new.span.end:
            start = max(covered.span.start, new.span.end + ONE_DAY)
            parts.append(evolve(covered, span=Span(start, covered.span.end)))
    parts.sort(key=lambda part: part.span.start)
    merged: list[Covered] = []
    for part in parts:
        if merged and merged[-1].read_at == part.read_at and merged[-1].span.end + ONE_DAY == part.span.start:
            part = Covered(Span(merged.pop().span.start, part.span.end), part.read_at)
        merged.append(part)
    return merged


def unread_spans(covered: Iterable[Covered], span: Span) -> list[Span]:
    """Return the days of a span that are not covered, the oldest first."""
    unread: list[Span] = []
    start = span.start
    for part in covered:
        if part.span.start > start and start <= span.end:
            unread.append(Span(start, min(part.span.start - ONE_DAY, span.end)))
        start = max(start, part.span.end + ONE_DAY)
    if start <= span.end:
        unread.append(Span(start, span.end))
    return unread


def plan_readings(coverage: Coverage, names: Collection[str], span: Span) -> list[Reading]:
    """Return how to read the days of a span that are not covered, of some attributes, the newest days first.

    Days are read together if the same attributes are unread on them, and with the newer ones before if that takes no
    more requests. If it takes fewer, each attribute is read by itself.
    """
    together = _read_together(coverage, names, span)
    alone = [
        Reading(unread, frozenset((name,)))
        for name in sorted(names)
        for unread in unread_spans(coverage.get(name, ()), span)
    ]
    if sum(reading.requests for reading in together) <= sum(reading.requests for reading in alone):
        return together
    return sorted(alone, key=lambda reading: reading.span.end, reverse=True)


def _read_together(coverage: Coverage, names: Iterable[str], span: Span) -> list[Reading]:
    readings: list[Reading] = []
    for reading in _unread_together(coverage, names, span):
        if readings:
            newer = readings[-1]
            both = Reading(Span(reading.span.start, newer.span.end), newer.names | reading.names)
            if both.requests <= newer.requests + reading.requests:
                readings[-1] = both
                continue
        readings.append(reading)
    return readings


def _unread_together(coverage: Coverage, names: Iterable[str], span: Span) -> Iterator[Reading]:
    """Yield the longest spans on which the same attributes are unread, the newest first."""
    # By the ordinal of a day: the names with an unread span that ends on this day, or starts on the day after it.
    changes: dict[int, set[str]] = {}
    for name in names:
        for unread in unread_spans(coverage.get(name, ()), span):
            changes.setdefault(unread.end.toordinal(), set()).add(name)
            changes.setdefault(unread.start.toordinal() - 1, set()).add(name)
    unread_names = set[str]()
    for end, next_end in pairwise(sorted(changes, reverse=True)):
        unread_names ^= changes[end]
        if unread_names:
            days = Span(dt.date.fromordinal(next_end + 1), dt.date.fromordinal(end))
            yield Reading(days, frozenset(unread_names))
