"""Collects values by attribute, in little memory, until a table is made of them."""

import datetime as dt
from array import array
from collections.abc import Iterable, Iterator
from itertools import islice
from operator import gt, lt
from typing import Final

from exist_async.tables.column_types import Number, Values

_EPOCH: Final = dt.date(1970, 1, 1).toordinal()


class Column:
    """The values of one attribute.

    Attributes:
        days: The days, as numbers of days since 1970-01-01.
        values: The values of these days.
    """

    __slots__ = ("days", "values")

    def __init__(self) -> None:
        self.days = array("q")
        # Most attributes have only integers, which take an eighth of their memory in an array.
        self.values: array[int] | list[Number | str] = array("q")

    def add(self, date: dt.date, value: Number | str) -> None:
        """Add the value of a day."""
        self.days.append(date.toordinal() - _EPOCH)
        try:
            self.values.append(value)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        except (TypeError, OverflowError):
            self.values = [*self.values, value]

    def by_day(self) -> "tuple[array[int], Values]":
        """Return the days and their values, the oldest first."""
        days, values = self.days, self.values
        if all(map(lt, days, islice(days, 1, None))):
            return days, values
        if all(map(gt, days, islice(days, 1, None))):
            return days[::-1], values[::-1]
        order = sorted(range(len(days)), key=days.__getitem__)
        return array("q", [days[index] for index in order]), [values[index] for index in order]


class Columns:
    """The values of several attributes, each in its own column.

    Args:
        names: Names of attributes that get a column in any case, in this order. None gives one to each attribute that
            has a value, ordered by name.
    """

    def __init__(self, names: Iterable[str] | None = None) -> None:
        self._columns = {name: Column() for name in names or ()}
        self._is_ordered = names is not None

    def add(self, name: str, date: dt.date, value: Number | str | None) -> None:
        """Add the value of an attribute on a day; None is no value."""
        if value is None:
            return
        column = self._columns.get(name)
        if column is None:
            column = self._columns[name] = Column()
        column.add(date, value)

    @property
    def names(self) -> list[str]:
        """The names of the attributes, in the order of their columns."""
        return list(self._columns) if self._is_ordered else sorted(self._columns)

    def __iter__(self) -> Iterator[tuple[str, Column]]:
        return ((name, self._columns[name]) for name in self.names)
