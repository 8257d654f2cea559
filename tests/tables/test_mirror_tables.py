"""Tables of a mirror."""

import datetime as dt

import pytest
from table_values import BEFORE, DAY, cells, types_of

from exist_async import Attribute, ConfigurationError, DayValue, MirrorError, UserProfile, ValueType
from exist_async.mirror import Mirror, rows

NOW = dt.datetime(2026, 11, 20, 8, 15, tzinfo=dt.UTC)
ATTRIBUTES = [
    Attribute("steps", value_type=ValueType.INTEGER),
    Attribute("sleep", value_type=ValueType.DURATION),
    Attribute("note", value_type=ValueType.STRING),
    Attribute("mood", value_type=ValueType.SCALE),
]
VALUES = {
    "steps": {BEFORE: 8000, DAY: 8123},
    "sleep": {DAY: 450},
    "note": {BEFORE: "Tired."},
}


@pytest.fixture
async def mirror(tmp_path):
    async with Mirror(tmp_path / "exist.db") as mirror:
        database = mirror._database
        async with database.locked():
            await database.write(rows.begin_pull, "https://exist.io", UserProfile("ada"), NOW)
            await database.write(rows.put_attributes, ATTRIBUTES, NOW)
            values = [(name, DayValue(*day)) for name, days in VALUES.items() for day in days.items()]
            await database.write(rows.put_values, values, NOW)
        yield mirror


async def test_a_long_table_has_a_row_for_each_value_ordered_by_attribute_and_day(mirror):
    assert cells(await mirror.table()) == {
        "attribute": ["note", "sleep", "steps", "steps"],
        "date": [BEFORE, DAY, BEFORE, DAY],
        "number": [None, 450.0, 8000.0, 8123.0],
        "text": ["Tired.", None, None, None],
    }


async def test_a_wide_table_has_the_types_of_the_attributes(mirror):
    table = await mirror.table(wide=True)

    assert types_of(table) == {"date": "Date32", "note": "Utf8", "sleep": "Duration(s)", "steps": "Int64"}
    assert cells(table) == {
        "date": [BEFORE, DAY],
        "note": ["Tired.", None],
        "sleep": [None, dt.timedelta(minutes=450)],
        "steps": [8000, 8123],
    }


async def test_named_attributes_have_their_columns_in_order_also_without_values(mirror):
    table = await mirror.table("steps", "mood", wide=True)

    assert cells(table) == {"date": [BEFORE, DAY], "steps": [8000, 8123], "mood": [None, None]}
    assert cells(await mirror.table("steps", "note"))["attribute"] == ["steps", "steps", "note"]


async def test_only_days_from_the_first_to_the_last_are_in_it(mirror):
    assert cells(await mirror.table(start=DAY))["attribute"] == ["sleep", "steps"]
    assert cells(await mirror.table("steps", end=BEFORE))["number"] == [8000.0]
    with pytest.raises(ConfigurationError, match=r"end .* is before start"):
        await mirror.table(start=DAY, end=BEFORE)


async def test_values_that_no_column_of_sqlite_holds_are_in_it(mirror):
    async with mirror._database.locked():
        await mirror._database.write(
            rows.put_values, [("big", DayValue(DAY, 2**70 + 1)), ("steps", DayValue(DAY))], NOW
        )

    assert cells(await mirror.table("big"))["text"] == [str(2**70 + 1)]
    # A value that was removed is no value.
    assert cells(await mirror.table("steps", wide=True)) == {"date": [BEFORE], "steps": [8000]}


async def test_wrong_arguments_are_refused(mirror):
    with pytest.raises(ConfigurationError, match="the mirror has no attribute 'stepz'"):
        await mirror.table("steps", "stepz")
    with pytest.raises(ConfigurationError, match="names must be a string, not list"):
        await mirror.table(["steps"])
    with pytest.raises(ConfigurationError, match="start must be a date"):
        await mirror.table(start="2026-11-20")
    with pytest.raises(ConfigurationError, match="wide must be True or False"):
        await mirror.table(wide="steps")


async def test_a_file_that_does_not_exist_yet_is_a_mirror_error_and_is_not_created(tmp_path):
    async with Mirror(tmp_path / "exist.db") as mirror:
        with pytest.raises(MirrorError, match="does not exist: pull into it first"):
            await mirror.table()
    assert list(tmp_path.iterdir()) == []


async def test_without_the_package_the_error_tells_what_to_install(mirror, monkeypatch):
    monkeypatch.setattr("exist_async.tables.table.find_spec", lambda name: None)

    with pytest.raises(
        ConfigurationError, match=r"Mirror.table\(\) needs the package arro3-core: .*exist-async\[tables"
    ):
        await mirror.table()
