"""Checks of values before anything is sent."""

import datetime as dt
import enum
from decimal import Decimal
from fractions import Fraction

import pytest

from exist_async import ConfigurationError, ExistClient, ValueIncrement, ValueUpdate
from exist_async.sandbox import Sandbox
from support import Bool, Int64, Timedelta64

DAY = dt.date(2026, 11, 20)


class Mood(enum.IntEnum):
    GOOD = 7


class Text(str):
    __slots__ = ()


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (8123, 8123),
        (71.5, 71.5),
        ("fine,\nthank you 🙂", "fine,\nthank you 🙂"),
        (True, 1),
        (False, 0),
        (Mood.GOOD, 7),
        (Text("fine"), "fine"),
        (-(2**63) + 1, -(2**63) + 1),
        (Fraction(1, 2), 0.5),
        (Int64(7), 7),
        (Bool(True), 1),
        (Bool(False), 0),
    ],
)
def test_numbers_strings_and_booleans_are_values(value: object, sent: object) -> None:
    kept = ValueUpdate("mood", DAY, value).value

    assert kept == sent
    assert type(kept) is type(sent)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "value must not be None: a day's value can be changed, but not removed"),
        (float("nan"), "value must be a finite number, not nan"),
        (float("inf"), "value must be a finite number, not inf"),
        (Decimal("71.5"), "value must be a number or a string, not Decimal"),
        (2**63, "value must be a number of at most 64 bits"),
        ("\ud800", "value contains half a surrogate pair, which is not a character"),
        (dt.timedelta(hours=7), "value must not be a timedelta: give attribute.value_type.from_python(value)"),
        ([1], "value must be a number or a string, not list"),
        (Timedelta64(7), "value must be a number or a string, not Timedelta64"),
    ],
)
def test_anything_else_is_no_value(value: object, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        ValueUpdate("mood", DAY, value)

    assert str(caught.value) == message


@pytest.mark.parametrize("value", [None, "1", float("nan"), Decimal(1), 2**63])
def test_only_numbers_can_be_added(value: object) -> None:
    with pytest.raises(ConfigurationError, match="value"):
        ValueIncrement("coffees", value)


@pytest.mark.parametrize("request_model", [ValueUpdate, ValueIncrement])
def test_a_moment_is_no_day(request_model: type) -> None:
    with pytest.raises(
        ConfigurationError, match=r"date must be a date in the user's time zone, not a datetime: convert it"
    ):
        request_model(name="mood", date=dt.datetime(2026, 11, 20, 23, 30, tzinfo=dt.UTC), value=7)


@pytest.mark.parametrize("date", ["2026-11-20", 20261120])
def test_a_day_is_a_date(date: object) -> None:
    with pytest.raises(ConfigurationError, match=r"date must be a datetime\.date, not"):
        ValueUpdate("mood", date, 7)


def test_an_update_has_a_day() -> None:
    with pytest.raises(ConfigurationError, match=r"date must be a datetime\.date, not NoneType"):
        ValueUpdate("mood", None, 7)


@pytest.mark.parametrize("name", ["", " ", "a\x00b", 7])
def test_a_name_is_text(name: object) -> None:
    with pytest.raises(ConfigurationError, match="name"):
        ValueUpdate(name, DAY, 7)


async def test_one_wrong_item_and_nothing_is_sent(exist: ExistClient, sandbox: Sandbox) -> None:
    with pytest.raises(ConfigurationError, match=r"items\[1\]: an item to update must be a ValueUpdate, not tuple"):
        await exist.values.update([ValueUpdate("mood", DAY, 7), ("mood", DAY, 7)])
    with pytest.raises(
        ConfigurationError, match=r"items\[0\]: an item to increment must be a ValueIncrement, not ValueUpdate"
    ):
        await exist.values.increment([ValueUpdate("mood", DAY, 7)])

    assert sandbox.requests == []
