"""The date axis of charts: which days have a label, and where."""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from attrs import frozen

_LEAST_SPACE: Final = 2  # columns between labels
_MOST_DAYS_WITHOUT_YEAR: Final = 400
_YEAR_STEPS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


@frozen
class DayLabel:
    """The label of a day.

    Attributes:
        tick: The column of the day.
        column: The column that the text begins in: that of the day, unless the text would end beyond the axis.
        text: The text.
    """

    tick: int
    column: int
    text: str


@frozen
class DayAxis:
    """The days of a chart, one beside the other; several share a dot if there are more days than dots.

    Attributes:
        start: The first day.
        end: The last day.
        columns: Width in columns, of two dots each.
    """

    start: dt.date
    end: dt.date
    columns: int

    @property
    def days(self) -> int:
        """Number of days."""
        return (self.end - self.start).days + 1

    @property
    def days_per_dot(self) -> int:
        """Number of days that share a dot."""
        return -(-self.days // (2 * self.columns))

    @property
    def steps(self) -> int:
        """Number of places for a value: days, or groups of days that share a dot."""
        return -(-self.days // self.days_per_dot)

    def step_of(self, day: dt.date) -> int:
        """Return the place of a day, from 0. The last group of days is a whole one."""
        return self.steps - 1 - (self.end - day).days // self.days_per_dot

    def dot_of(self, step: int) -> int:
        """Return the dot of a place, from the left."""
        return self.columns if self.steps == 1 else round(step * (2 * self.columns - 1) / (self.steps - 1))

    def labels(self) -> Sequence[DayLabel]:
        """Return the labels from left to right. They are as dense as they fit; none if there is no space for one."""
        for days, describe in self._choices():
            labels = self._fitting(self._label(day, describe(day)) for day in days)
            if labels:
                return labels
        return []

    def _fitting(self, labels: Iterable[DayLabel]) -> Sequence[DayLabel]:
        """Return labels if all fit, else none."""
        fitting: list[DayLabel] = []
        free = 0  # the first column that the next one may begin in
        for label in labels:
            if label.column < free:
                return []
            fitting.append(label)
            free = label.column + len(label.text) + _LEAST_SPACE
        return fitting

    def _label(self, day: dt.date, text: str) -> DayLabel:
        tick = self.dot_of(self.step_of(day)) // 2
        return DayLabel(tick, min(tick, self.columns - len(text)), text)

    def _choices(self) -> Iterator[tuple[Iterable[dt.date], Callable[[dt.date], str]]]:
        """Yield the choices of days that may have a label, the densest first, and the function that makes the label."""
        if self.days <= _MOST_DAYS_WITHOUT_YEAR:
            for interval in (1, 2, 3, 7, 14):
                yield self._every(interval), _describe_day
            for months in (1, 2, 3, 6):
                yield self._every_month(months), _describe_day
            yield [self.start], _describe_day
        for months in (1, 2, 3, 6):
            yield self._every_month(months), _describe_month
        for years in _YEAR_STEPS:
            yield self._every_month(12 * years), _describe_year

    def _every(self, interval: int) -> Iterator[dt.date]:
        """Yield a day in so many: Mondays, if these are whole weeks."""
        first = self.start.toordinal()
        if interval % 7 == 0:
            first += -self.start.weekday() % 7
        return map(dt.date.fromordinal, range(first, self.end.toordinal() + 1, interval))

    def _every_month(self, months: int) -> Iterator[dt.date]:
        """Yield the first day of a month in so many, counted from January of the year 0."""
        first = self.start.year * 12 + self.start.month - (1 if self.start.day == 1 else 0)
        first += -first % months
        for month in range(first, self.end.year * 12 + self.end.month, months):
            yield dt.date(month // 12, month % 12 + 1, 1)


def _describe_day(day: dt.date) -> str:
    return f"{day.day} {day:%b}"


def _describe_month(day: dt.date) -> str:
    return f"{day:%b} {day.year}"


def _describe_year(day: dt.date) -> str:
    return str(day.year)
