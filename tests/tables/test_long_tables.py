"""Long tables: a row for each value."""

import datetime as dt

from table_values import BEFORE, DAY, cells, long, types_of

EPOCH = dt.date(1970, 1, 1)


def test_it_has_a_row_for_each_value_ordered_by_attribute_and_day():
    table = long({"steps": {DAY: 8123, BEFORE: 0}, "mood": {DAY: 7}})

    assert cells(table) == {
        "attribute": ["mood", "steps", "steps"],
        "date": [DAY, BEFORE, DAY],
        "number": [7.0, 0.0, 8123.0],
        "text": [None, None, None],
    }


def test_its_columns_have_the_same_types_whatever_the_values_are():
    types = {"attribute": "Utf8", "date": "Date32", "number": "Float64", "text": "Utf8"}

    assert types_of(long({})) == types
    assert types_of(long({"note": {DAY: "Tired."}})) == types
    assert types_of(long({"steps": {DAY: 8123}})) == types


def test_texts_do_not_make_the_numbers_texts():
    table = long({"mood_note": {DAY: "Tired.", BEFORE: ""}, "weight": {DAY: 71.5}, "mixed": {BEFORE: 7, DAY: "seven"}})

    assert cells(table)["attribute"] == ["mixed", "mixed", "mood_note", "mood_note", "weight"]
    assert cells(table)["number"] == [7.0, None, None, None, 71.5]
    assert cells(table)["text"] == [None, "seven", "", "Tired.", None]


def test_values_are_ordered_by_day_in_whatever_order_they_came():
    days = {DAY - dt.timedelta(days=ago): ago for ago in (3, 0, 2, 5)}

    assert cells(long({"steps": days}))["number"] == [5.0, 3.0, 2.0, 0.0]
    assert cells(long({"steps": dict(sorted(days.items()))}))["number"] == [5.0, 3.0, 2.0, 0.0]
    assert cells(long({"steps": dict(sorted(days.items(), reverse=True))}))["number"] == [5.0, 3.0, 2.0, 0.0]
    assert cells(long({"steps": {**days, DAY - dt.timedelta(days=9): "x"}}))["text"] == ["x", *[None] * 4]


def test_days_before_1970_and_the_first_and_last_of_all_are_days():
    days = [dt.date.min, EPOCH - dt.timedelta(days=1), EPOCH, dt.date.max]

    assert cells(long({"steps": dict.fromkeys(days, 1)}))["date"] == days


def test_integers_that_no_float_holds_have_their_digits_as_text():
    values = [2**53, 2**53 + 1, 2**60, -(2**63), 2**63 - 1]
    days = {DAY + dt.timedelta(days=number): value for number, value in enumerate(values)}

    assert cells(long({"big": days}))["number"] == [float(value) for value in values]
    assert cells(long({"big": days}))["text"] == [None, str(2**53 + 1), None, None, str(2**63 - 1)]
    mixed = cells(long({"big": {BEFORE: 0.5, **days}}))
    assert mixed["text"] == [None, None, str(2**53 + 1), None, None, str(2**63 - 1)]


def test_integers_beyond_64_bits_and_beyond_floats_are_kept_as_text():
    table = long({"big": {BEFORE: 2**64, DAY: 10**400}})

    assert cells(table)["number"] == [2.0**64, None]
    assert cells(table)["text"] == [None, str(10**400)]


def test_booleans_are_numbers():
    assert cells(long({"tag": {BEFORE: False, DAY: True}}))["number"] == [0.0, 1.0]
    assert cells(long({"tag": {BEFORE: 0.5, DAY: True}}))["number"] == [0.5, 1.0]
    assert cells(long({"tag": {BEFORE: 0.5, DAY: True}}))["text"] == [None, None]


def test_days_without_a_value_have_no_row():
    assert len(long({"steps": {DAY: None}})) == 0
    assert len(long({"steps": {BEFORE: 3, DAY: None}})) == 1
