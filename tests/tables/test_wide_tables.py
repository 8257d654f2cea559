"""Wide tables: a row for each day, and a column for each attribute."""

import datetime as dt
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from table_values import BEFORE, DAY, cells, column, types_of, wide

from exist_async import ValueType
from exist_async.tables.column_names import column_names

LARGEST = 2**63 - 1
UNKNOWN = ValueType(42)


def test_it_has_a_row_for_each_day_that_has_a_value_and_a_column_for_each_attribute():
    first = dt.date(2020, 2, 29)
    table = wide({"steps": {DAY: 8123, first: 12}, "mood": {BEFORE: 7}}, steps=ValueType.INTEGER, mood=ValueType.SCALE)

    assert cells(table) == {
        "date": [first, BEFORE, DAY],
        "mood": [None, 7, None],
        "steps": [12, None, 8123],
    }
    assert types_of(table) == {"date": "Date32", "mood": "Int64", "steps": "Int64"}


def test_without_values_it_has_the_days_alone_and_no_rows():
    assert cells(wide({})) == {"date": []}
    assert types_of(wide({})) == {"date": "Date32"}
    assert cells(wide({"steps": {DAY: None}})) == {"date": []}


@pytest.mark.parametrize(
    ("value_type", "values", "type_name", "expected"),
    [
        (ValueType.INTEGER, [0, 8123, LARGEST, -LARGEST - 1], "Int64", [0, 8123, LARGEST, -LARGEST - 1]),
        (ValueType.INTEGER, [7.0, 8], "Int64", [7, 8]),
        (ValueType.DECIMAL, [7, 71.5, -0.1], "Float64", [7.0, 71.5, -0.1]),
        (ValueType.DECIMAL, [7, 8], "Float64", [7.0, 8.0]),
        (ValueType.STRING, ["Tired.", "", "☕️\n"], "Utf8", ["Tired.", "", "☕️\n"]),
        (ValueType.PERCENTAGE, [0.25, 1], "Float64", [0.25, 1.0]),
        (ValueType.PERCENTAGE, [0, 1], "Float64", [0.0, 1.0]),
        (ValueType.BOOLEAN, [0, 1], "Boolean", [False, True]),
        (ValueType.BOOLEAN, [True, 0.0], "Boolean", [True, False]),
        (ValueType.SCALE, [1, 9], "Int64", [1, 9]),
        (
            ValueType.DURATION,
            [450, 0, -5, 0.5],
            "Duration(s)",
            [dt.timedelta(minutes=450), dt.timedelta(), dt.timedelta(minutes=-5), dt.timedelta(seconds=30)],
        ),
        (ValueType.TIME_OF_DAY, [0, 415, 1439], "Time64(µs)", [dt.time(0), dt.time(6, 55), dt.time(23, 59)]),
        (
            ValueType.TIME_FROM_MIDDAY,
            [0, 690, 720, 840, 1439],
            "Time64(µs)",
            [dt.time(12), dt.time(23, 30), dt.time(0), dt.time(2), dt.time(11, 59)],
        ),
    ],
)
def test_a_column_has_the_type_of_its_attribute(value_type, values, type_name, expected):
    assert column(value_type, *values) == (type_name, expected)


@pytest.mark.parametrize(
    ("value_type", "values", "type_name", "expected"),
    [
        (ValueType.INTEGER, [7, 7.5], "Float64", [7.0, 7.5]),
        (ValueType.INTEGER, [7, "many"], "Utf8", ["7", "many"]),
        (ValueType.INTEGER, [7, 2**64], "Float64", [7.0, 2.0**64]),
        (ValueType.INTEGER, [7, 2**64 + 1], "Utf8", ["7", str(2**64 + 1)]),
        (ValueType.DECIMAL, [7, 2**53 + 1], "Int64", [7, 2**53 + 1]),
        (ValueType.DECIMAL, [7.5, 2**53 + 1], "Utf8", ["7.5", str(2**53 + 1)]),
        (ValueType.DECIMAL, [7.5, 10**400], "Utf8", ["7.5", str(10**400)]),
        (ValueType.STRING, [True, 7, 7.5, "many"], "Utf8", ["1", "7", "7.5", "many"]),
        (ValueType.STRING, [7, 8], "Utf8", ["7", "8"]),
        (ValueType.BOOLEAN, [0, 1, 2], "Int64", [0, 1, 2]),
        (ValueType.BOOLEAN, [1, "1"], "Utf8", ["1", "1"]),
        (ValueType.DURATION, [450, "long"], "Utf8", ["450", "long"]),
        (ValueType.DURATION, [450, LARGEST], "Int64", [450, LARGEST]),
        (ValueType.DURATION, [450, 0.1234], "Float64", [450.0, 0.1234]),
        (ValueType.DURATION, [450, 1e300], "Float64", [450.0, 1e300]),
        (ValueType.TIME_OF_DAY, [415, 1440], "Int64", [415, 1440]),
        (ValueType.TIME_OF_DAY, [415, -1], "Int64", [415, -1]),
        (ValueType.TIME_FROM_MIDDAY, [690, 1440], "Int64", [690, 1440]),
        (ValueType.TIME_FROM_MIDDAY, [690, math.inf], "Float64", [690.0, math.inf]),
        (ValueType.SCALE, [7, 7.25], "Float64", [7.0, 7.25]),
    ],
)
def test_a_value_that_does_not_fit_makes_it_the_narrowest_plain_column_that_holds_them_all(
    value_type, values, type_name, expected
):
    assert column(value_type, *values) == (type_name, expected)


@pytest.mark.parametrize("value_type", [UNKNOWN, None])
def test_attributes_of_an_unknown_type_have_their_values_as_exist_has_them(value_type):
    assert column(value_type, 7, 8) == ("Int64", [7, 8])
    assert column(value_type, 7.0, 8) == ("Float64", [7.0, 8.0])
    assert column(value_type, "x", 8) == ("Utf8", ["x", "8"])
    assert column(value_type, True, False) == ("Int64", [1, 0])


def test_columns_have_different_names_also_for_readers_that_ignore_upper_and_lower_case():
    table = wide({"date": {DAY: 3}, "date_2": {DAY: 4}, "Mood": {DAY: 5}, "mood": {DAY: 6}, "a\0b": {DAY: 7}})

    assert cells(table) == {"date": [DAY], "Mood": [5], "ab": [7], "date_2": [3], "date_2_2": [4], "mood_2": [6]}


def test_attributes_get_the_columns_in_order_whichever_is_in_upper_case():
    assert column_names(["mood", "Mood", "MOOD", "DATE"]) == {
        "mood": "mood",
        "Mood": "Mood_2",
        "MOOD": "MOOD_3",
        "DATE": "DATE_2",
    }


def test_names_are_those_of_the_attributes_whatever_they_contain():
    names = ['a "quoted", name', "naïve ☕️", "select", "", "a\nb", "x" * 10_000]

    assert list(cells(wide({name: {DAY: 1} for name in names})))[1:] == sorted(names)


@given(
    st.lists(
        st.one_of(
            st.integers(),
            st.integers(-(2**63), 2**63 - 1),
            st.integers(-2000, 2000),
            st.floats(allow_nan=False),
            st.floats(0, 2000),
            st.integers(0, 120_000).map(lambda seconds: math.nextafter(seconds / 60, 0)),
            st.integers(0, 120_000).map(lambda seconds: seconds / 60),
            st.text(st.characters(codec="utf-8")),
        ),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from([None, UNKNOWN, *ValueType]),
)
def test_no_value_is_lost_whatever_the_type_of_its_attribute(values, value_type):
    type_name, found = column(value_type, *values)

    assert list(map(_value, found, [value_type] * len(values))) == [
        str(value) if type_name == "Utf8" else value for value in values
    ]


def _value(cell, value_type):
    """Return the value in Exist's format."""
    if isinstance(cell, dt.timedelta):
        return cell / dt.timedelta(minutes=1)
    if isinstance(cell, dt.time):
        seconds = cell.hour * 3600 + cell.minute * 60 + cell.second
        return (seconds if value_type is ValueType.TIME_OF_DAY else (seconds - 43_200) % 86_400) / 60
    return cell
