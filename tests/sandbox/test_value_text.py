"""Texts of values as people read them."""

import math

import pytest

from exist_async.sandbox.value_text import format_value, shorten
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

UNKNOWN = 42


@pytest.mark.parametrize(
    ("value", "value_type", "text"),
    [
        (0, INTEGER, "0"),
        (13_791, INTEGER, "13,791"),
        (-1_234, INTEGER, "-1,234"),
        (2**63 - 1, INTEGER, "9,223,372,036,854,775,807"),
        (71.5, DECIMAL, "71.5"),
        (71.0, DECIMAL, "71"),
        (0.1 + 0.2, DECIMAL, "0.3"),
        (1_234_567.25, DECIMAL, "1,234,567.25"),
        (1e300, DECIMAL, "1e+300"),
        (-0.0, DECIMAL, "0"),
        (1e-9, DECIMAL, "1e-09"),
        ("A walk by the river", STRING, "A walk by the river"),
        ("", STRING, ""),
        (0, DURATION, "0 min"),
        (45, DURATION, "45 min"),
        (60, DURATION, "1 h"),
        (374, DURATION, "6 h 14 min"),
        (1_565, DURATION, "26 h 5 min"),
        (90_000, DURATION, "1,500 h"),
        (0, TIME_OF_DAY, "00:00"),
        (435, TIME_OF_DAY, "07:15"),
        (1_439, TIME_OF_DAY, "23:59"),
        (0, TIME_FROM_MIDDAY, "12:00"),
        (675, TIME_FROM_MIDDAY, "23:15"),
        (720, TIME_FROM_MIDDAY, "00:00"),
        (1_439, TIME_FROM_MIDDAY, "11:59"),
        (0.242, PERCENTAGE, "24.2 %"),
        (1, PERCENTAGE, "100 %"),
        (0.07, PERCENTAGE, "7 %"),
        (1 / 3, PERCENTAGE, "33.3333 %"),
        (1, BOOLEAN, "yes"),
        (0, BOOLEAN, "no"),
        (6, SCALE, "6 of 9"),
    ],
)
def test_each_type_has_its_own_unit(value, value_type, text):
    assert format_value(value, value_type) == text


@pytest.mark.parametrize(
    ("value", "value_type", "text"),
    [
        ("maybe", BOOLEAN, "maybe"),
        (2, BOOLEAN, "2"),
        (0, SCALE, "0"),
        (10, SCALE, "10"),
        (-5, DURATION, "-5"),
        (7.5, DURATION, "7.5"),
        (1_440, TIME_OF_DAY, "1,440"),
        (-1, TIME_FROM_MIDDAY, "-1"),
        (71.5, INTEGER, "71.5"),
        (3, STRING, "3"),
        (1_500, UNKNOWN, "1,500"),
        ("x", UNKNOWN, "x"),
        (math.nan, UNKNOWN, "nan"),
        (-math.inf, PERCENTAGE, "-inf"),
        pytest.param(10**5000, UNKNOWN, "about 2^16610", id="large"),
        pytest.param(-(10**5000), PERCENTAGE, "about -2^16610", id="small"),
    ],
)
def test_a_value_that_contradicts_its_type_stays_a_plain_number_or_text(value, value_type, text):
    assert format_value(value, value_type) == text


@pytest.mark.parametrize(
    ("text", "shortened"),
    [("", ""), ("tenletters", "tenletters"), ("eleven lett", "eleven le…"), ("a gap at  the end", "a gap at…")],
)
def test_a_text_is_shortened_to_a_number_of_characters(text, shortened):
    assert shorten(text, 10) == shortened
