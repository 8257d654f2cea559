"""Types of values, and the conversion of values to and from Python types."""

import datetime as dt
import math
import numbers
from enum import IntEnum
from typing import Any

from exist_async._checks import safe_repr
from exist_async.errors import ConfigurationError

PythonValue = int | float | str | bool | dt.timedelta | dt.time
"""A value as a Python type."""

LARGEST_INTEGER = 2**63 - 1
"""The limit of integers in JSON: many programs can't read more than 64 bits."""

_DAY_MINUTES = 24 * 60
_MIDDAY_MINUTES = 12 * 60


class ValueType(IntEnum):
    """Type of the values of an attribute. An unknown number is kept as it is."""

    INTEGER = 0
    DECIMAL = 1
    STRING = 2
    DURATION = 3
    """Minutes."""
    TIME_OF_DAY = 4
    """Minutes from midnight."""
    PERCENTAGE = 5
    """0.0 to 1.0."""
    TIME_FROM_MIDDAY = 6
    """Minutes from midday; only attributes of templates have this type."""
    BOOLEAN = 7
    """0 or 1."""
    SCALE = 8
    """1 to 9."""

    @classmethod
    def _missing_(cls, value: object) -> "ValueType | None":
        if not isinstance(value, int):
            return None
        member = int.__new__(cls, value)
        member._name_ = f"UNKNOWN_{value}"
        member._value_ = value
        return member

    def to_python(self, value: float | str | None) -> PythonValue | None:
        """Convert a value in Exist's format to a Python type.

        A duration becomes a `timedelta`, a time of day a `time`, a boolean a `bool`, a percentage a `float` from 0.0 to
        1.0. A time from midday may be after midnight: 840 is `time(2, 0)`. None, and values of an unknown type, are
        returned unchanged.

        Args:
            value: Value of a `DayValue` of an attribute of this type.

        Raises:
            ConfigurationError: The value is of another type, such as text for a duration, or too large for the Python
                type.
        """
        if value is None or self not in _KNOWN_TYPES:
            return value
        if self is ValueType.STRING:
            return self._checked_string(value)
        number = self._checked_number(value)
        try:
            match self:
                case ValueType.DURATION:
                    return dt.timedelta(minutes=number)
                case ValueType.TIME_OF_DAY:
                    return _time(number)
                case ValueType.TIME_FROM_MIDDAY:
                    return _time(number + _MIDDAY_MINUTES)
                case ValueType.BOOLEAN:
                    return bool(number)
                case ValueType.INTEGER | ValueType.SCALE:
                    return self._checked_whole(number)
                case _:
                    return float(number)
        except OverflowError:
            raise self._error(value) from None

    def from_python(self, value: PythonValue) -> int | float | str:
        """Convert a Python value to Exist's format, for a `ValueUpdate`.

        Durations are rounded to whole minutes; the seconds of times of day are cut off. A value already in Exist's
        format, such as 450 for a duration, is returned unchanged.

        Args:
            value: A `timedelta` for a duration, a `time` for a time of day, a `bool`, a number or a string. Numbers and
                booleans may be numpy's.

        Raises:
            ConfigurationError: The value is not of this type, or out of its range.
        """
        value = plain_number(value)
        if self not in _KNOWN_TYPES and isinstance(value, int | float | str):
            return value
        if self is ValueType.STRING:
            return self._checked_string(value)
        if self is ValueType.DURATION and isinstance(value, dt.timedelta):
            value = round(value / dt.timedelta(minutes=1))
        if self in _TIMES and isinstance(value, dt.time):
            minutes = value.hour * 60 + value.minute
            return minutes if self is ValueType.TIME_OF_DAY else (minutes - _MIDDAY_MINUTES) % _DAY_MINUTES
        number = self._checked_number(value)
        if self in _RANGES:
            least, most = _RANGES[self]
            if not least <= number <= most:
                raise ConfigurationError(f"a {self._words} must be from {least} to {most}, not {number}")
        return number if self in _FRACTIONAL else self._checked_whole(number)

    @property
    def _words(self) -> str:
        return self.name.lower().replace("_", " ")

    def _checked_string(self, value: object) -> str:
        if not isinstance(value, str):
            raise self._error(value)
        return value

    def _checked_number(self, value: object) -> int | float:
        if isinstance(value, int):
            if abs(value) > LARGEST_INTEGER:
                raise ConfigurationError(f"a number of more than 64 bits is not a value of type {self._words}")
            return int(value)
        if not isinstance(value, float) or not math.isfinite(value):
            raise self._error(value)
        return float(value)

    def _checked_whole(self, number: float) -> int:
        if number != int(number):
            raise self._error(number)
        return int(number)

    def _error(self, value: object) -> ConfigurationError:
        return ConfigurationError(f"{safe_repr(value)} is not a value of type {self._words}")


_KNOWN_TYPES = frozenset(ValueType)
_TIMES = frozenset({ValueType.TIME_OF_DAY, ValueType.TIME_FROM_MIDDAY})
_FRACTIONAL = frozenset({ValueType.DECIMAL, ValueType.PERCENTAGE})
_RANGES = {
    ValueType.DURATION: (0, LARGEST_INTEGER),
    ValueType.TIME_OF_DAY: (0, _DAY_MINUTES - 1),
    ValueType.TIME_FROM_MIDDAY: (0, _DAY_MINUTES - 1),
    ValueType.PERCENTAGE: (0, 1),
    ValueType.BOOLEAN: (0, 1),
    ValueType.SCALE: (1, 9),
}


def plain_number(value: Any) -> Any:
    """Convert numpy's and other libraries' numbers and booleans to those of Python; return anything else unchanged."""
    if isinstance(value, int | float):
        return value
    kind = getattr(getattr(value, "dtype", None), "kind", None)
    if kind == "m":
        return value  # numpy's timedelta64 is registered as an integer, but has a unit
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        try:
            return float(value)
        except OverflowError:
            raise ConfigurationError("value is too large for a float") from None
    # numpy's boolean is not registered as a number.
    return bool(value) if kind == "b" and getattr(value, "shape", None) == () else value


def _time(minutes: float) -> dt.time:
    """Return the time of day at a number of minutes from midnight."""
    seconds = round(minutes * 60) % (_DAY_MINUTES * 60)
    return dt.time(seconds // 3600, seconds // 60 % 60, seconds % 60)
