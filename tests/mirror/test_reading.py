"""Reading a mirror: attributes and values as Exist gave them, whatever they are."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from exist_async import Attribute, ConfigurationError, DayValue, MirrorError, UserProfile, ValueType
from exist_async.mirror import Mirror, rows

DAY = dt.date(2026, 11, 20)
NOW = dt.datetime(2026, 11, 20, 8, 15, tzinfo=dt.UTC)


def days(*values: Any) -> list[DayValue]:
    """Return values, the first one of DAY, the others of the days before."""
    return [DayValue(DAY - dt.timedelta(days=n), value) for n, value in enumerate(values)]


async def store(mirror: Mirror, values: dict[str, list[DayValue]]) -> tuple[int, int]:
    """Store attributes, and values of them, as a pull does."""
    database = mirror._database
    async with database.locked():
        await database.write(rows.begin_pull, "https://exist.io", UserProfile("ada"), NOW)
        await database.write(rows.put_attributes, [Attribute(name) for name in values], NOW)
        return await database.write(
            rows.put_values, [(name, value) for name, of_name in values.items() for value in of_name]
        )


@pytest.mark.parametrize(
    "value", [7, 7.5, 0, -1, 1e308, 5e-324, 2**63 - 1, -(2**63), 2**63, -(10**30), "", "a note\n", "7", "a\0b", "🙂"]
)
async def test_a_value_comes_back_as_it_was(mirror: Mirror, value: Any) -> None:
    await store(mirror, {"steps": days(value)})

    found = [value async for _, value in mirror.history()]

    assert found == days(value)
    assert type(found[0].value) is type(value)


async def test_values_come_attribute_by_attribute_the_newest_first(mirror: Mirror) -> None:
    await store(mirror, {"steps": days(3, 2, 1), "mood": days(7)})

    assert [item async for item in mirror.history()] == [
        *(("steps", value) for value in days(3, 2, 1)),
        ("mood", days(7)[0]),
    ]
    assert [item async for item in mirror.history(DAY, DAY, attributes=["mood", "steps"])] == [
        ("mood", days(7)[0]),
        ("steps", days(3)[0]),
    ]


async def test_many_values_of_an_attribute_are_read_in_parts(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exist_async.mirror.reading.VALUES_AT_ONCE", 2)
    monkeypatch.setattr("exist_async.mirror.mirror.VALUES_AT_ONCE", 2)
    await store(mirror, {"steps": days(4, 3, 2, 1), "mood": days(7)})

    assert [value.value async for _, value in mirror.history()] == [4, 3, 2, 1, 7]


async def test_an_attribute_that_is_not_in_the_mirror_is_named(mirror: Mirror) -> None:
    await store(mirror, {"steps": days(1)})
    with pytest.raises(ConfigurationError, match="the mirror has none named 'stepz'"):
        _ = [item async for item in mirror.history(attributes=["steps", "stepz"])]


async def test_reading_a_mirror_that_was_never_pulled_creates_nothing(path: Path) -> None:
    async with Mirror(path) as mirror:
        with pytest.raises(MirrorError, match="does not exist: pull into it first"):
            await mirror.attributes()
    assert list(path.parent.iterdir()) == []


async def test_an_attribute_comes_back_as_it_was_listed(mirror: Mirror) -> None:
    database = mirror._database
    listed = Attribute("steps", "steps", "Steps", value_type=ValueType(77), manual=False, active=True, priority=1)
    async with database.locked():
        await database.write(rows.put_attributes, [listed], NOW)
    (found,) = await mirror.attributes()

    assert [getattr(found, name) for name in Attribute.__slots__ if not name.startswith("__")] == [
        getattr(listed, name) for name in Attribute.__slots__ if not name.startswith("__")
    ]
    assert found.listed
