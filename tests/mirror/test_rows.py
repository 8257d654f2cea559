"""The tables of a mirror: what Exist answered is stored once, and nothing is ever deleted."""

import datetime as dt
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from mirror_files import DAY, NOW, SERVICE, days, list_attributes, store

from exist_async import (
    Attribute,
    AttributeTemplate,
    Average,
    ConfigurationError,
    Correlation,
    CorrelationRating,
    DayValue,
    Group,
    Insight,
    InsightType,
    Service,
    UserProfile,
    ValueType,
)
from exist_async.mirror import Mirror, rows
from exist_async.values.history_plan import Span

LATER = NOW + dt.timedelta(days=1)


def query(path: Path, statement: str) -> Sequence[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(statement).fetchall()


async def put(mirror: Mirror, function: Any, *arguments: Any, **named: Any) -> Any:
    async with mirror._database.locked():
        return await mirror._database.write(function, *arguments, **named)


async def test_values_are_counted_as_new_changed_or_neither(mirror: Mirror) -> None:
    assert await store(mirror, {"steps": days(3, 2, None, 0), "mood": days("good")}) == (4, 0)
    assert await store(mirror, {"steps": days(3, 2.0, None, False), "mood": days("good")}) == (0, 0)
    assert await store(mirror, {"steps": days(4, 2, 1, 0), "mood": days("fine")}) == (1, 2)

    assert [value.value async for _, value in mirror.history()] == [4, 2, 1, 0, "fine"]


@pytest.mark.parametrize(("before", "after"), [(7, "7"), ("7", 7), (7, 2**70), (2**70, 7), ("", 0), (2**70, 2**70 + 1)])
async def test_a_value_of_another_type_is_a_change(mirror: Mirror, before: Any, after: Any) -> None:
    await store(mirror, {"steps": days(before)})
    assert await store(mirror, {"steps": days(after)}) == (0, 1)
    assert [value.value async for _, value in mirror.history()] == [after]


@pytest.mark.parametrize("value", [3, "good", 2**70])
@pytest.mark.parametrize("later", [3, "good", 2**70])
async def test_a_value_that_was_removed_stays_marked_until_it_is_there_again(
    mirror: Mirror, path: Path, value: Any, later: Any
) -> None:
    columns = ", ".join(map(repr, rows.columns_of(value))).replace("None", "NULL")
    await store(mirror, {"steps": days(value, 2)})
    assert await store(mirror, {"steps": days(None, 2)}) == (0, 1)
    assert await store(mirror, {"steps": days(None, 2)}, now=NOW + dt.timedelta(hours=1)) == (0, 0)

    assert [item async for item in mirror.history()] == [("steps", days(None, 2)[1])]
    assert query(path, f"SELECT date, removed_at FROM value WHERE (number, text) IS ({columns})") == [
        ("2026-11-20", "2026-11-20T08:15:00+00:00")
    ]
    assert query(path, "SELECT * FROM wide") == [("2026-11-20", None), ("2026-11-19", 2)]

    assert await store(mirror, {"steps": days(later, 2)}) == (0, 1)
    assert [item async for item in mirror.history()] == [("steps", day) for day in days(later, 2)]
    assert query(path, "SELECT count(removed_at) FROM value") == [(0,)]


async def test_values_that_are_not_among_all_of_some_days_were_removed(mirror: Mirror) -> None:
    await store(mirror, {"steps": days(5, 4, 3, 2, 1), "mood": days(7, 6), "coffees": days(9, 8)})
    covered = [
        ("steps", Span(DAY - dt.timedelta(days=1), DAY - dt.timedelta(days=1))),
        ("steps", Span(DAY - dt.timedelta(days=3), DAY - dt.timedelta(days=3))),
        ("mood", Span(DAY - dt.timedelta(days=9), DAY)),
        ("new", Span(DAY, DAY)),
    ]
    for changes in (3, 0):
        assert await put(mirror, rows.put_values, [("mood", days(7)[0])], NOW, complete=covered) == (0, changes)

    assert [item async for item in mirror.history()] == [
        *(("steps", value) for value in days(5, None, 3, None, 1)[::2]),
        ("mood", days(7)[0]),
        *(("coffees", value) for value in days(9, 8)),
    ]


async def test_values_may_come_in_any_order_and_twice(mirror: Mirror) -> None:
    first, second = days(1, 2)
    mixed = [("a", second), ("b", first), ("a", first), ("a", DayValue(DAY, 9))]
    assert await put(mirror, rows.put_values, mixed, NOW) == (3, 0)
    assert [value.value async for _, value in mirror.history()] == [9, 2, 1]


async def test_a_transaction_that_fails_changes_nothing(mirror: Mirror) -> None:
    await store(mirror, {"steps": days(1)})

    def fail(connection: sqlite3.Connection) -> None:
        rows.put_values(connection, [("steps", days(2)[0]), ("mood", days(3)[0])], NOW)
        raise LookupError

    async with mirror._database.locked():
        for _ in range(2):
            with pytest.raises(LookupError):
                await mirror._database.write(fail)
            assert [item async for item in mirror.history()] == [("steps", days(1)[0])]


async def test_attributes_are_updated_and_those_not_listed_are_kept_and_marked(mirror: Mirror) -> None:
    steps = Attribute(
        "steps", "steps", "Steps", Group("activity", "Activity", 1), Service("fitbit"), value_type=ValueType(0)
    )
    mood = Attribute("mood", label="Mood")
    await list_attributes(mirror, steps, mood)
    renamed = Attribute("mood", label="Spirits", value_type=ValueType.SCALE)
    await list_attributes(mirror, renamed, Attribute("coffees"), now=LATER)

    found = {attribute.name: attribute for attribute in await mirror.attributes()}
    assert list(found) == ["steps", "mood", "coffees"]
    assert [found[name].listed for name in found] == [False, True, True]
    assert found["steps"].unlisted_at == LATER
    assert found["steps"].group == Group("activity", "Activity", 1)
    assert found["steps"].service == Service("fitbit")
    assert (found["mood"].label, found["mood"].value_type) == ("Spirits", ValueType.SCALE)

    await list_attributes(mirror, renamed, now=LATER + dt.timedelta(days=1))
    assert (await mirror.attributes())[0].unlisted_at == LATER
    await list_attributes(mirror, steps, renamed)
    found = {attribute.name: attribute for attribute in await mirror.attributes()}
    assert (found["steps"].listed, found["steps"].unlisted_at, found["coffees"].listed) == (True, None, False)


async def test_a_file_of_another_user_or_service_is_refused_and_names_both(mirror: Mirror, path: Path) -> None:
    await put(mirror, rows.begin_pull, SERVICE, UserProfile("ada", timezone="Europe/London"), NOW)
    before = query(path, "SELECT * FROM pull")
    for service, user in ((SERVICE, "bob"), ("http://localhost:8000", "ada")):
        with pytest.raises(
            ConfigurationError,
            match=rf"'ada' at https://exist\.io, and not of '{user}' at {service}: use a file for each",
        ):
            await put(mirror, rows.begin_pull, service, UserProfile(user), LATER)
    assert query(path, "SELECT * FROM pull") == before

    await put(mirror, rows.begin_pull, SERVICE, UserProfile("ada", timezone="Asia/Tokyo"), LATER)
    assert query(path, "SELECT username, timezone, read_at FROM profile") == [
        ("ada", "Asia/Tokyo", "2026-11-21T08:15:00+00:00")
    ]


async def test_the_error_says_what_to_do_when_the_user_was_renamed(mirror: Mirror, path: Path) -> None:
    await put(mirror, rows.begin_pull, SERVICE, UserProfile("ada"), NOW)
    renamed = UserProfile("o'brien")
    with pytest.raises(ConfigurationError, match="If this user was renamed") as raised:
        await put(mirror, rows.begin_pull, SERVICE, renamed, LATER)

    statement = str(raised.value).partition("sqlite3: ")[2]
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)

    await put(mirror, rows.begin_pull, SERVICE, renamed, LATER)
    assert query(path, "SELECT username, read_at FROM profile") == [("o'brien", "2026-11-21T08:15:00+00:00")]


async def test_of_two_correlations_with_one_key_the_last_one_is_kept(mirror: Mirror, path: Path) -> None:
    await put(mirror, rows.put_correlations, [Correlation("a", "b", value=0.1), Correlation("a", "b", value=0.2)], NOW)
    assert query(path, "SELECT value, listed FROM correlation") == [(0.2, 1)]


async def test_a_pull_is_stored_with_its_outcome(mirror: Mirror, path: Path) -> None:
    number = await put(mirror, rows.begin_pull, SERVICE, UserProfile("ada"), NOW)
    assert query(path, "SELECT id, started, ended FROM pull") == [(number, "2026-11-20T08:15:00+00:00", None)]
    report = {"since": DAY, "current_as_of": NOW, "inaccessible": ["coffees"], "error": "RateLimitError: later"}
    await put(mirror, rows.end_pull, number, LATER, requests=5, new=3, changed=2, **report)

    columns = "ended, requests, new, changed, since, current_as_of, inaccessible, error"
    assert query(path, f"SELECT {columns} FROM pull") == [
        (
            *("2026-11-21T08:15:00+00:00", 5, 3, 2, "2026-11-20", "2026-11-20T08:15:00+00:00"),
            *('["coffees"]', "RateLimitError: later"),
        )
    ]
    assert await put(mirror, rows.begin_pull, SERVICE, UserProfile("ada"), NOW) == number + 1


async def test_averages_are_kept_by_date(mirror: Mirror, path: Path) -> None:
    first = Average("steps", DAY, 100.0, monday=90.5)
    second = Average("steps", DAY + dt.timedelta(days=7), 110.0)
    await put(mirror, rows.put_averages, [first])
    await put(mirror, rows.put_averages, [first, second, Average("mood", None, 5)])

    assert query(path, "SELECT attribute, date, overall, monday, sunday FROM average") == [
        ("steps", "2026-11-20", 100.0, 90.5, None),
        ("steps", "2026-11-27", 110.0, None, None),
        ("mood", "", 5.0, None, None),
    ]


async def test_correlations_are_updated_and_those_not_listed_are_kept_and_marked(mirror: Mirror, path: Path) -> None:
    first = Correlation("steps", "mood", DAY, 84, -1, 0.5, second_person_elements=("You", "walk"))
    second = Correlation("steps", "mood", DAY, 84, 0, 0.1, rating=CorrelationRating(True, 50, "Useful"))
    await put(mirror, rows.put_correlations, [first, second], NOW)
    await put(mirror, rows.put_correlations, [Correlation("steps", "mood", LATER.date(), 85, 0, 0.2)], LATER)

    columns = 'attribute, attribute2, "offset", value, period, second_person_elements, rating, listed, unlisted_at'
    assert query(path, f"SELECT {columns} FROM correlation") == [
        ("steps", "mood", -1, 0.5, 84, '["You", "walk"]', None, 0, "2026-11-21T08:15:00+00:00"),
        ("steps", "mood", 0, 0.2, 85, "[]", None, 1, None),
    ]


async def test_insights_are_stored_once(mirror: Mirror, path: Path) -> None:
    created = dt.datetime(2026, 11, 20, 8, tzinfo=dt.timezone(dt.timedelta(hours=11)))
    kind = InsightType("dow_tracks", 7, 3, AttributeTemplate("tracks"))
    first = Insight(created, DAY, kind, "<b>Much</b>", "Much\r\n")
    other = Insight(None, None, None, None, None)
    await put(mirror, rows.put_insights, [first, other])
    await put(mirror, rows.put_insights, [other, first, Insight(created, DAY, kind, None, "More")])

    assert query(
        path, "SELECT created, target_date, type, type_priority, type_template, html, text FROM insight ORDER BY id"
    ) == [
        ("2026-11-20T08:00:00+11:00", "2026-11-20", "dow_tracks", 3, "tracks", "<b>Much</b>", "Much\r\n"),
        ("", "", "", None, None, None, ""),
        ("2026-11-20T08:00:00+11:00", "2026-11-20", "dow_tracks", 3, "tracks", None, "More"),
    ]


async def test_the_days_of_which_a_part_has_been_read_are_stored(mirror: Mirror) -> None:
    assert await put(mirror, rows.read_part_span, "averages") is None
    for span in (Span(DAY, DAY), Span(DAY - dt.timedelta(days=9), DAY)):
        await put(mirror, rows.put_part_span, "averages", span)
        assert await mirror._database.read(rows.read_part_span, "averages") == span


async def test_numbers_keep_their_types_for_other_programs(mirror: Mirror, path: Path) -> None:
    await store(mirror, {"steps": days(7, 7.5, "7", 2**63, True)})

    assert query(path, "SELECT number, typeof(number), text, typeof(text) FROM value ORDER BY date DESC") == [
        (7, "integer", None, "null"),
        (7.5, "real", None, "null"),
        (None, "null", "7", "text"),
        ("9223372036854775808", "text", None, "null"),
        (1, "integer", None, "null"),
    ]
