"""Conversion of values to and from Python types."""

import datetime as dt
from fractions import Fraction
from typing import Any

import pytest

from exist_async import ConfigurationError, ValueType
from support import Bool, Int64, Timedelta64


@pytest.mark.parametrize(
    ("value_type", "value", "python"),
    [
        (ValueType.INTEGER, 8123, 8123),
        (ValueType.DECIMAL, 71, 71.0),
        (ValueType.STRING, "fine", "fine"),
        (ValueType.DURATION, 450, dt.timedelta(hours=7, minutes=30)),
        (ValueType.TIME_OF_DAY, 435, dt.time(7, 15)),
        (ValueType.TIME_FROM_MIDDAY, 690, dt.time(23, 30)),
        (ValueType.TIME_FROM_MIDDAY, 840, dt.time(2, 0)),
        (ValueType.PERCENTAGE, 0.18, 0.18),
        (ValueType.BOOLEAN, 1, True),
        (ValueType.BOOLEAN, 0, False),
        (ValueType.SCALE, 7, 7),
    ],
)
def test_a_value_is_converted_to_a_python_type_and_back(value_type: ValueType, value: object, python: object) -> None:
    made = value_type.to_python(value)

    assert made == python
    assert type(made) is type(python)
    assert value_type.from_python(made) == value


def test_a_day_without_a_value_stays_none() -> None:
    assert ValueType.DURATION.to_python(None) is None


def test_values_of_an_unknown_type_are_unchanged() -> None:
    assert ValueType(42).to_python("3.5") == "3.5"
    assert ValueType(42).from_python(3.5) == 3.5


@pytest.mark.parametrize("name", ["boolean", "7", None])
def test_only_a_number_is_a_value_type(name: object) -> None:
    with pytest.raises(ValueError, match=f"{name!r} is not a valid ValueType"):
        ValueType(name)


def test_durations_are_rounded_to_minutes() -> None:
    assert ValueType.DURATION.from_python(dt.timedelta(minutes=2, seconds=40)) == 3


def test_the_seconds_of_a_time_are_cut_off() -> None:
    assert ValueType.TIME_OF_DAY.from_python(dt.time(23, 59, 59)) == 1439


def test_booleans_are_sent_as_one_and_zero() -> None:
    assert repr(ValueType.BOOLEAN.from_python(True)) == "1"
    assert repr(ValueType.BOOLEAN.from_python(False)) == "0"


@pytest.mark.parametrize(
    ("value_type", "value", "sent"),
    [
        (ValueType.BOOLEAN, Bool(True), 1),
        (ValueType.BOOLEAN, Bool(False), 0),
        (ValueType.INTEGER, Int64(7), 7),
        (ValueType.SCALE, Fraction(7), 7),
        (ValueType.DECIMAL, Fraction(1, 2), 0.5),
        (ValueType(42), Int64(7), 7),
    ],
)
def test_numbers_and_booleans_of_other_libraries_are_those_of_python(
    value_type: ValueType, value: Any, sent: float
) -> None:
    made = value_type.from_python(value)

    assert (made, type(made)) == (sent, type(sent))


def test_values_in_exist_s_format_are_unchanged() -> None:
    assert ValueType.DURATION.from_python(450) == 450
    assert ValueType.TIME_OF_DAY.from_python(435) == 435


@pytest.mark.parametrize(
    ("value_type", "value"),
    [
        (ValueType.INTEGER, 1.5),
        (ValueType.INTEGER, "8123"),
        (ValueType.DECIMAL, float("nan")),
        (ValueType.STRING, 7),
        (ValueType.DURATION, 1.5),
        (ValueType.DURATION, "7:30"),
        (ValueType.DURATION, dt.timedelta(minutes=-5)),
        pytest.param(ValueType.SCALE, 10**5000, id="a number too long to be written"),
        (ValueType.DECIMAL, 10**400),
        (ValueType.TIME_OF_DAY, 1440),
        (ValueType.TIME_OF_DAY, dt.timedelta(hours=7)),
        (ValueType.PERCENTAGE, 55),
        (ValueType.BOOLEAN, 2),
        (ValueType.BOOLEAN, Bool(True, shape=(1,))),
        (ValueType.BOOLEAN, Int64(2)),
        (ValueType.DURATION, Timedelta64(27_000_000_000_000)),
        (ValueType.SCALE, 0),
        (ValueType.SCALE, 10),
    ],
)
def test_an_invalid_value_is_refused(value_type: ValueType, value: object) -> None:
    with pytest.raises(ConfigurationError, match=value_type.name.lower().replace("_", " ")):
        value_type.from_python(value)


@pytest.mark.parametrize(
    ("value_type", "value"),
    [
        (ValueType.DURATION, "seven"),
        (ValueType.DURATION, float("inf")),
        (ValueType.DURATION, 10**13),
        (ValueType.TIME_OF_DAY, 1e308),
        (ValueType.DECIMAL, 10**400),
        (ValueType.STRING, 7),
    ],
)
def test_an_invalid_value_is_refused_in_reading_too(value_type: ValueType, value: object) -> None:
    with pytest.raises(ConfigurationError, match="not a value of type"):
        value_type.to_python(value)
