"""Values: what an attribute can have on a day, by its value type, and what it has after an increment."""

import sys
from typing import Final, TypeAlias, TypeGuard

import attrs

from exist_async.sandbox.value_types import (
    BOOLEAN,
    DECIMAL,
    DURATION,
    INTEGER,
    PERCENTAGE,
    SCALE,
    STRING,
    TIME_FROM_MIDDAY,
    TIME_OF_DAY,
)

__all__ = ["Value", "added", "checked", "has_numbers"]

Value: TypeAlias = int | float | str


@attrs.frozen
class _Numbers:
    """The numbers of a value type: how they are kept, from where to where, and whether they can be incremented."""

    kept: type[int] | type[float]
    lowest: float
    highest: float
    range: str
    grow: bool = True


# An integer of a database has 64 bits at most; whether Exist's has fewer is not known.
_LARGEST: Final = 2**63 - 1

_NUMBERS: Final = {
    INTEGER: _Numbers(int, -_LARGEST, _LARGEST, "64 bits"),
    DECIMAL: _Numbers(float, -sys.float_info.max, sys.float_info.max, "a finite number"),
    DURATION: _Numbers(int, 0, _LARGEST, "0 or more minutes"),
    TIME_OF_DAY: _Numbers(int, 0, 1439, "0 to 1439 minutes", grow=False),
    PERCENTAGE: _Numbers(float, 0, 1, "0.0 to 1.0"),
    TIME_FROM_MIDDAY: _Numbers(int, 0, 1439, "0 to 1439 minutes", grow=False),
    BOOLEAN: _Numbers(int, 0, 1, "0 or 1"),
    SCALE: _Numbers(int, 1, 9, "1 to 9", grow=False),
}

_NAMES: Final[dict[type, str]] = {
    type(None): "null",
    bool: "a boolean",
    int: "an integer",
    float: "a float",
    str: "a string",
    list: "an array",
    dict: "an object",
}


def has_numbers(value_type: int) -> bool:
    """Whether the values are numbers, of which there can be an average."""
    return value_type in _NUMBERS


def checked(value_type: int, value: object) -> Value:
    """Return a value as it is kept: a boolean as 0 or 1, and the 3.0 of an integer type as 3.

    A value type that Exist does not have yet takes numbers and strings as they are.

    Raises:
        ValueError: The value is of another type, or out of range.
    """
    numbers = _NUMBERS.get(value_type)
    if numbers is None:
        if isinstance(value, str) or (value_type != STRING and _is_number(value)):
            return value
        raise _wrong_type(value, str)
    if isinstance(value, bool) and value_type == BOOLEAN:
        return int(value)
    if not _is_number(value):
        raise _wrong_type(value, numbers.kept)
    if not numbers.lowest <= value <= numbers.highest:
        raise _out_of_range(numbers)
    if numbers.kept is int and value != int(value):
        raise _wrong_type(value, int)
    return numbers.kept(value)


def added(value_type: int, before: Value | None, by: object) -> Value:
    """Return what becomes of a value, or of a day without any, when this is added to it.

    An integer type refuses a float here even when it is whole: Exist's documentation shows it refusing 9.0.

    Raises:
        ValueError: The value type can't be incremented, `by` is of another type, or the sum is out of range.
    """
    numbers = _NUMBERS.get(value_type)
    if numbers is None or not numbers.grow or isinstance(before, str):
        raise ValueError("Cannot increment a string, scale or time of day type")
    if isinstance(by, bool) and value_type == BOOLEAN:
        by = int(by)
    if not _is_number(by) or (isinstance(by, float) and numbers.kept is int):
        raise _wrong_type(by, numbers.kept)
    try:
        return checked(value_type, (before or 0) + by)
    except OverflowError as error:  # A float and an integer of hundreds of digits have no sum.
        raise _out_of_range(numbers) from error


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _out_of_range(numbers: _Numbers) -> ValueError:
    return ValueError(f"Value is out of range, expected {numbers.range}")


def _wrong_type(value: object, kept: type) -> ValueError:
    return ValueError(f"Cannot apply {_NAMES.get(type(value), f'a {type(value).__name__}')} to {_NAMES[kept]} type")
