"""Decides the type of a column from the type of its attribute and its values."""

from array import array
from collections.abc import Callable, Mapping, Sequence
from enum import Enum, auto
from typing import Final, TypeAlias, TypeGuard

from exist_async.attributes import ValueType

Number: TypeAlias = int | float
Values: TypeAlias = "array[int] | Sequence[Number | str]"
"""Values in Exist's format. An array is one of 64-bit integers."""

_LARGEST_INTEGER: Final = 2**63 - 1
_DAY_SECONDS: Final = 24 * 60 * 60
# Longer ones are out of range where a library counts nanoseconds.
_LONGEST_SECONDS: Final = _LARGEST_INTEGER // 10**9


class ColumnType(Enum):
    """The type of a column of a wide table."""

    INTEGER = auto()
    FLOAT = auto()
    TEXT = auto()
    BOOLEAN = auto()
    DURATION = auto()
    TIME_OF_DAY = auto()
    TIME_FROM_MIDDAY = auto()


def are_integers(values: Values) -> "TypeGuard[array[int]]":
    """Whether values are in an array, and so are 64-bit integers."""
    return isinstance(values, array)


def choose_type(values: Values, value_type: ValueType | None) -> ColumnType:
    """Return the type of a column: its attribute's if all values fit it, else the narrowest that holds them exactly.

    Args:
        values: The values, without missing ones.
        value_type: The type of the attribute, if it is known.
    """
    preferred = _PREFERRED.get(value_type)
    if preferred is not None and _all(_FITS[preferred], values):
        return preferred
    if _all(_is_integer, values):
        return ColumnType.INTEGER
    return ColumnType.FLOAT if _all(is_exact_float, values) else ColumnType.TEXT


def _all(check: "Callable[[Number | str], bool]", values: Values) -> bool:
    return (check in _TRUE_OF_INTEGERS and are_integers(values)) or all(map(check, values))


def _is_anything(_: Number | str) -> bool:
    return True


def _is_integer(value: Number | str) -> bool:
    return isinstance(value, int) and -_LARGEST_INTEGER - 1 <= value <= _LARGEST_INTEGER


def _is_whole(value: Number | str) -> bool:
    return _is_integer(int(value) if isinstance(value, float) and value.is_integer() else value)


def is_exact_float(value: Number | str) -> bool:
    """Whether a value is a number that a 64-bit float holds exactly."""
    try:
        return not isinstance(value, str) and (isinstance(value, float) or float(value) == value)
    except OverflowError:
        return False


def _is_boolean(value: Number | str) -> bool:
    return value in (0, 1)


def _is_duration(value: Number | str) -> bool:
    return not isinstance(value, str) and -_LONGEST_SECONDS <= value * 60 <= _LONGEST_SECONDS and _has_seconds(value)


def _is_time(value: Number | str) -> bool:
    return not isinstance(value, str) and 0 <= value * 60 < _DAY_SECONDS and _has_seconds(value)


def _has_seconds(minutes: float) -> bool:
    """Whether minutes are a whole number of seconds, from which the minutes can be had again."""
    return isinstance(minutes, int) or int(minutes * 60) / 60 == minutes


_TRUE_OF_INTEGERS: Final = (_is_anything, _is_integer, _is_whole)
_FITS: Final[Mapping[ColumnType, Callable[[Number | str], bool]]] = {
    ColumnType.INTEGER: _is_whole,
    ColumnType.FLOAT: is_exact_float,
    ColumnType.TEXT: _is_anything,
    ColumnType.BOOLEAN: _is_boolean,
    ColumnType.DURATION: _is_duration,
    ColumnType.TIME_OF_DAY: _is_time,
    ColumnType.TIME_FROM_MIDDAY: _is_time,
}
_PREFERRED: Final[Mapping[ValueType | None, ColumnType]] = {
    ValueType.INTEGER: ColumnType.INTEGER,
    ValueType.DECIMAL: ColumnType.FLOAT,
    ValueType.STRING: ColumnType.TEXT,
    ValueType.DURATION: ColumnType.DURATION,
    ValueType.TIME_OF_DAY: ColumnType.TIME_OF_DAY,
    ValueType.PERCENTAGE: ColumnType.FLOAT,
    ValueType.TIME_FROM_MIDDAY: ColumnType.TIME_FROM_MIDDAY,
    ValueType.BOOLEAN: ColumnType.BOOLEAN,
    ValueType.SCALE: ColumnType.INTEGER,
}
