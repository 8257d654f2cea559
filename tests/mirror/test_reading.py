"""Reading a mirror: attributes and values as Exist gave them, whatever they are."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from mirror_files import DAY, days, list_attributes, store

from exist_async import Attribute, ConfigurationError, MirrorError, ValueType
from exist_async.mirror import Mirror


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


async def test_an_attribute_whose_name_has_a_comma_is_read_by_it(mirror: Mirror) -> None:
    await store(mirror, {"tea, coffee": days(2), "tea": days(1)})

    assert [value.value async for _, value in mirror.history(attributes=["tea, coffee"])] == [2]
    assert (await mirror.table("tea, coffee", wide=True)).column_names == ["date", "tea, coffee"]


async def test_an_attribute_that_is_not_in_the_mirror_is_named(mirror: Mirror) -> None:
    await store(mirror, {"steps": days(1)})
    with pytest.raises(ConfigurationError, match="the mirror has no attribute 'stepz'"):
        _ = [item async for item in mirror.history(attributes=["steps", "stepz"])]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"start": "2026-11-20"}, r"start must be a datetime\.date"),
        ({"start": DAY, "end": DAY - dt.timedelta(days=1)}, "end 2026-11-19 is before start 2026-11-20"),
        ({"attributes": "steps"}, "attributes must be a list of names"),
    ],
)
async def test_a_wrong_argument_is_named_when_it_is_given(
    mirror: Mirror, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        mirror.history(**arguments)


async def test_reading_a_mirror_that_was_never_pulled_creates_nothing(path: Path) -> None:
    async with Mirror(path) as mirror:
        with pytest.raises(MirrorError, match="does not exist: pull into it first"):
            await mirror.attributes()
    assert list(path.parent.iterdir()) == []


async def test_an_attribute_comes_back_as_it_was_listed(mirror: Mirror) -> None:
    listed = Attribute("steps", "steps", "Steps", value_type=ValueType(77), manual=False, active=True, priority=1)
    await list_attributes(mirror, listed)
    (found,) = await mirror.attributes()

    assert [getattr(found, name) for name in Attribute.__slots__ if not name.startswith("__")] == [
        getattr(listed, name) for name in Attribute.__slots__ if not name.startswith("__")
    ]
    assert found.listed
