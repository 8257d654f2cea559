"""Collects values by attribute, in little memory, until a table is made of them."""

import datetime as dt
from array import array
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby, islice
from operator import gt, itemgetter, lt
from typing import Final, Protocol, cast

from exist_async.tables.column_types import Number, Values

_EPOCH: Final = dt.date(1970, 1, 1).toordinal()
_NAME: Final = itemgetter(0)
_VALUE: Final = itemgetter(1)


class DatedValue(Protocol):
    """The value of a day, such as a `DayValue`."""

    @property
    def date(self) -> dt.date:
        """The day."""
        ...

    @property
    def value(self) -> Number | str | None:
        """The value in Exist's format."""
        ...


class Column:
    """The values of one attribute.

    Attributes:
        days: The days, as numbers of days since 1970-01-01.
        values: The values of these days.
    """

    __slots__ = ("days", "values")

    def __init__(self) -> None:
        self.days = array("i")
        # Most attributes have only integers, which take an eighth of their memory in an array.
        self.values: array[int] | list[Number | str] = array("q")

    def add(self, values: "Iterable[DatedValue]") -> None:
        """Add the values of some days. A value that is None is no value."""
        # This is done for each of very many values.
        add_day, add_value = self.days.append, cast("Callable[[Number | str], None]", self.values.append)
        for dated in values:
            value = dated.value
            if value is None:
                continue
            add_day(dated.date.toordinal() - _EPOCH)
            try:
                add_value(value)
            except (TypeError, OverflowError):  # not an integer of 64 bits
                self.values = [*self.values, value]
                add_value = self.values.append

    def by_day(self) -> "tuple[array[int], Values]":
        """Return the days and their values, the oldest first."""
        days, values = self.days, self.values
        if all(map(lt, days, islice(days, 1, None))):
            return days, values
        if all(map(gt, days, islice(days, 1, None))):
            return days[::-1], values[::-1]
        order = sorted(range(len(days)), key=days.__getitem__)
        return array("i", [days[index] for index in order]), [values[index] for index in order]


class Columns:
    """The values of several attributes, each in its own column.

    Args:
        names: Names of attributes that get a column in any case, in this order. None gives one to each attribute that
            has a value, ordered by name.
    """

    def __init__(self, names: Iterable[str] | None = None) -> None:
        self._columns = {name: Column() for name in names or ()}
        self._is_ordered = names is not None

    def add(self, values: "Iterable[tuple[str, DatedValue]]") -> None:
        """Add values, each with the name of its attribute; faster if those of an attribute follow each other."""
        for name, group in groupby(values, _NAME):
            column = self._columns.get(name)
            if column is None:
                column = self._columns[name] = Column()
            column.add(map(_VALUE, group))

    @property
    def names(self) -> list[str]:
        """The names of the attributes, in the order of their columns."""
        if self._is_ordered:
            return list(self._columns)
        return sorted(name for name, column in self._columns.items() if column.days)

    def __iter__(self) -> Iterator[tuple[str, Column]]:
        return ((name, self._columns[name]) for name in self.names)
