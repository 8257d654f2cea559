"""Validates and increments values according to their value type."""

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

__all__ = ["Value", "default_value", "increment_value", "is_numeric", "validate_value"]

Value: TypeAlias = int | float | str


@attrs.frozen
class _NumericType:
    """Rules of a numeric value type.

    Attributes:
        stored_as: Python type of stored values.
        minimum: Smallest value.
        maximum: Largest value.
        range: Description of the range in error messages.
        incrementable: Whether `increment` is allowed.
    """

    stored_as: type[int] | type[float]
    minimum: float
    maximum: float
    range: str
    incrementable: bool = True


# The usual database limit; Exist's own is not documented.
_MAX_INTEGER: Final = 2**63 - 1

_NUMERIC_TYPES: Final = {
    INTEGER: _NumericType(int, -_MAX_INTEGER, _MAX_INTEGER, "64 bits"),
    DECIMAL: _NumericType(float, -sys.float_info.max, sys.float_info.max, "a finite number"),
    DURATION: _NumericType(int, 0, _MAX_INTEGER, "0 or more minutes"),
    TIME_OF_DAY: _NumericType(int, 0, 1439, "0 to 1439 minutes", incrementable=False),
    PERCENTAGE: _NumericType(float, 0, 1, "0.0 to 1.0"),
    TIME_FROM_MIDDAY: _NumericType(int, 0, 1439, "0 to 1439 minutes", incrementable=False),
    BOOLEAN: _NumericType(int, 0, 1, "0 or 1"),
    SCALE: _NumericType(int, 1, 9, "1 to 9", incrementable=False),
}

_TYPE_NAMES: Final[dict[type, str]] = {
    type(None): "null",
    bool: "a boolean",
    int: "an integer",
    float: "a float",
    str: "a string",
    list: "an array",
    dict: "an object",
}


def is_numeric(value_type: int) -> bool:
    """Whether the values of this type are numbers."""
    return value_type in _NUMERIC_TYPES


def default_value(value_type: int) -> Value | None:
    """Return the value of the day on which an attribute was created or acquired: 0, or None if it can't be 0."""
    numeric_type = _NUMERIC_TYPES.get(value_type)
    return numeric_type.stored_as(0) if numeric_type and numeric_type.incrementable else None


def validate_value(value_type: int, value: object) -> Value:
    """Return a value as it is stored: a boolean as 0 or 1, the 3.0 of an integer type as 3.

    A value type that Exist does not define accepts numbers and strings unchanged.

    Raises:
        ValueError: The value has another type, or is out of range.
    """
    numeric_type = _NUMERIC_TYPES.get(value_type)
    if numeric_type is None:
        if isinstance(value, str) or (value_type != STRING and _is_number(value)):
            return value
        raise _wrong_type(value, str)
    if isinstance(value, bool) and value_type == BOOLEAN:
        return int(value)
    if not _is_number(value):
        raise _wrong_type(value, numeric_type.stored_as)
    if not numeric_type.minimum <= value <= numeric_type.maximum:
        raise _out_of_range(numeric_type)
    if numeric_type.stored_as is int and value != int(value):
        raise _wrong_type(value, int)
    return numeric_type.stored_as(value)


def increment_value(value_type: int, before: Value | None, by: object) -> Value:
    """Return the sum of a value and an increment; a missing value counts as 0.

    An integer type rejects every float, even 9.0, as Exist's documentation shows.

    Raises:
        ValueError: The value type can't be incremented, `by` has another type, or the sum is out of range.
    """
    numeric_type = _NUMERIC_TYPES.get(value_type)
    if numeric_type is None or not numeric_type.incrementable or isinstance(before, str):
        raise ValueError("Cannot increment a string, scale or time of day type")
    if isinstance(by, bool) and value_type == BOOLEAN:
        by = int(by)
    if not _is_number(by) or (isinstance(by, float) and numeric_type.stored_as is int):
        raise _wrong_type(by, numeric_type.stored_as)
    try:
        return validate_value(value_type, (before or 0) + by)
    except OverflowError as error:  # An integer too large for a float can't be added to one.
        raise _out_of_range(numeric_type) from error


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _out_of_range(numeric_type: _NumericType) -> ValueError:
    return ValueError(f"Value is out of range, expected {numeric_type.range}")


def _wrong_type(value: object, expected: type) -> ValueError:
    return ValueError(
        f"Cannot apply {_TYPE_NAMES.get(type(value), f'a {type(value).__name__}')} to {_TYPE_NAMES[expected]} type"
    )
