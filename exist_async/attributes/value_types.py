"""Value types: what the values of an attribute are, and what they are in Python."""

import datetime as dt
import math
from enum import IntEnum

from exist_async._checks import safe_repr
from exist_async.errors import ConfigurationError

PythonValue = int | float | str | bool | dt.timedelta | dt.time
"""A value as a person would write it in Python."""

_DAY = 24 * 60
_MIDDAY = 12 * 60


class ValueType(IntEnum):
    """What the values of an attribute are. The list is open: a number that is not here yet stays itself."""

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
    """Minutes from midday; only templates have it."""
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
        """Return what a value that Exist wrote means in Python.

        A duration is a `timedelta`, a time of day a `time`, a boolean a `bool`, a percentage a `float` from 0.0 to 1.0;
        a time from midday may be of the day after midnight: 840 is `time(2, 0)`. None, and the value of a type that is
        not known here, stay what they are.

        Args:
            value: The value of a `DayValue` of an attribute of this type.

        Raises:
            ConfigurationError: It is of another kind, such as text for a duration, or larger than Python's type.
        """
        if value is None or self not in _KNOWN:
            return value
        if self is ValueType.STRING:
            return self._string(value)
        number = self._number(value)
        try:
            match self:
                case ValueType.DURATION:
                    return dt.timedelta(minutes=number)
                case ValueType.TIME_OF_DAY:
                    return _time(number)
                case ValueType.TIME_FROM_MIDDAY:
                    return _time(number + _MIDDAY)
                case ValueType.BOOLEAN:
                    return bool(number)
                case ValueType.INTEGER | ValueType.SCALE:
                    return self._whole(number)
                case _:
                    return float(number)
        except OverflowError:
            raise self._wrong(value) from None

    def from_python(self, value: PythonValue) -> int | float | str:
        """Return how Exist writes a value, for a `ValueUpdate`.

        Durations are rounded to whole minutes; of times of day the seconds are cut off. What is written as Exist
        writes it already, such as 450 for a duration, stays as it is.

        Args:
            value: The value: a `timedelta` for a duration, a `time` for a time of day, a `bool`, a number or a string.

        Raises:
            ConfigurationError: It is no value of this type, or out of its range.
        """
        if self not in _KNOWN and isinstance(value, int | float | str):
            return value
        if self is ValueType.STRING:
            return self._string(value)
        if self is ValueType.DURATION and isinstance(value, dt.timedelta):
            value = round(value / dt.timedelta(minutes=1))
        if self in _TIMES and isinstance(value, dt.time):
            minutes = value.hour * 60 + value.minute
            return minutes if self is ValueType.TIME_OF_DAY else (minutes - _MIDDAY) % _DAY
        number = self._number(value)
        if self in _RANGES:
            least, most = _RANGES[self]
            if not least <= number <= most:
                raise ConfigurationError(f"a {self._words} is from {least} to {most}, not {number}")
        return number if self in _FRACTIONAL else self._whole(number)

    @property
    def _words(self) -> str:
        return self.name.lower().replace("_", " ")

    def _string(self, value: object) -> str:
        if not isinstance(value, str):
            raise self._wrong(value)
        return value

    def _number(self, value: object) -> int | float:
        if isinstance(value, int):
            if abs(value) > _LARGEST:
                raise ConfigurationError(f"a number of more than 64 bits is no value of type {self._words}")
            return int(value)
        if not isinstance(value, float) or not math.isfinite(value):
            raise self._wrong(value)
        return float(value)

    def _whole(self, number: float) -> int:
        if number != int(number):
            raise self._wrong(number)
        return int(number)

    def _wrong(self, value: object) -> ConfigurationError:
        return ConfigurationError(f"{safe_repr(value)} is no value of type {self._words}")


_KNOWN = frozenset(ValueType)
_TIMES = frozenset({ValueType.TIME_OF_DAY, ValueType.TIME_FROM_MIDDAY})
_FRACTIONAL = frozenset({ValueType.DECIMAL, ValueType.PERCENTAGE})
_LARGEST = 2**63 - 1
_RANGES = {
    ValueType.DURATION: (0, _LARGEST),
    ValueType.TIME_OF_DAY: (0, _DAY - 1),
    ValueType.TIME_FROM_MIDDAY: (0, _DAY - 1),
    ValueType.PERCENTAGE: (0, 1),
    ValueType.BOOLEAN: (0, 1),
    ValueType.SCALE: (1, 9),
}


def _time(minutes: float) -> dt.time:
    seconds = round(minutes * 60) % (_DAY * 60)
    return dt.time(seconds // 3600, seconds // 60 % 60, seconds % 60)
