"""Converting values between Python and text."""

import re

import pytest

from exist_async import ValueType
from exist_async.cli.value_text import format_value, parse_value


@pytest.mark.parametrize(
    ("value", "value_type", "text"),
    [
        (0, ValueType.DURATION, "0 min"),
        (45, ValueType.DURATION, "45 min"),
        (120, ValueType.DURATION, "2 h"),
        (2000, ValueType.DURATION, "33 h 20 min"),
        (-90, ValueType.DURATION, "-1 h 30 min"),
        (59.6, ValueType.DURATION, "1 h"),
        (0, ValueType.TIME_OF_DAY, "00:00"),
        (-30, ValueType.TIME_FROM_MIDDAY, "11:30"),
        (0.07, ValueType.PERCENTAGE, "7 %"),
        (0.1234, ValueType.PERCENTAGE, "12.34 %"),
        (1, ValueType.PERCENTAGE, "100 %"),
        (True, ValueType.BOOLEAN, "yes"),
        (8123.0, ValueType.INTEGER, "8123"),
        ("often", ValueType.DURATION, "often"),
        (1.5, ValueType.INTEGER, "1.5"),
        (7, ValueType(42), "7"),
        (0.5, None, "0.5"),
        (None, ValueType.DURATION, ""),
    ],
)
def test_values_are_formatted_in_everyday_units(
    value: float | str | None, value_type: ValueType | None, text: str
) -> None:
    assert format_value(value, value_type) == text


@pytest.mark.parametrize("value_type", [None, ValueType(42)])
def test_without_a_known_type_text_that_looks_like_a_number_becomes_one(value_type: ValueType | None) -> None:
    assert [parse_value(text, value_type) for text in (" 7 ", "7.5", "+1", "-.5", "1e3")] == [7, 7.5, 1, -0.5, 1000.0]
    assert [parse_value(text, value_type) for text in ("7 h", "", "yes", "inf", "३")] == ["7 h", "", "yes", "inf", "३"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("7,5", "'7,5' is not a number"),
        ("inf", "'inf' is not a number"),
        ("३", "'३' is not a number"),
        ("0x10", "'0x10' is not a number"),
        ("7:30", "'7:30' is not a number"),
        ("yes", "'yes' is not a number"),
        ("x" * 1000, f"'{'x' * 40}…' is not a number"),
        ("1e999", "inf is not a value of type decimal"),
        ("9" * 5000, "inf is not a value of type decimal"),
    ],
)
def test_text_that_is_not_a_number_is_quoted_in_the_error(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(reason)}$"):
        parse_value(text, ValueType.DECIMAL)


@pytest.mark.parametrize(
    ("text", "value_type", "reason"),
    [
        ("2", ValueType.BOOLEAN, "a boolean must be from 0 to 1, not 2"),
        ("1.5", ValueType.INTEGER, "1.5 is not a value of type integer"),
    ],
)
def test_a_number_outside_of_the_type_is_refused(text: str, value_type: ValueType, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(reason)}$"):
        parse_value(text, value_type)
