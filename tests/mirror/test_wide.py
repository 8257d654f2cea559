"""The view `wide`: a row for each day, a column for each attribute."""

import datetime as dt
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from mirror_files import DAY, NOW, days, list_attributes, store

from exist_async import Attribute
from exist_async.mirror import Mirror, rows
from exist_async.mirror.wide import column_names


def query(path: Path, statement: str = "SELECT * FROM wide") -> tuple[list[str], Sequence[tuple[Any, ...]]]:
    """Return the columns and rows of a query, as another program reads them."""
    with closing(sqlite3.connect(path)) as connection:
        cursor = connection.execute(statement)
        return [column[0] for column in cursor.description], cursor.fetchall()


async def test_it_has_a_row_a_day_the_newest_first_and_a_column_an_attribute(mirror: Mirror, path: Path) -> None:
    await store(mirror, {"steps": days(300, 200.5, None, 100), "mood_note": days(None, "good")})

    assert query(path) == (
        ["date", "steps", "mood_note"],
        [("2026-11-20", 300, None), ("2026-11-19", 200.5, "good"), ("2026-11-17", 100, None)],
    )


async def test_it_is_empty_before_there_are_values(mirror: Mirror, path: Path) -> None:
    async with mirror._database.locked():
        pass
    assert query(path) == (["date"], [])
    await list_attributes(mirror)
    assert query(path) == (["date"], [])


async def test_new_attributes_get_a_column_behind_the_others_and_those_not_listed_keep_theirs(
    mirror: Mirror, path: Path
) -> None:
    await store(mirror, {"steps": days(1)})
    await store(mirror, {"coffees": days(2), "mood": days(3)})

    assert query(path) == (["date", "steps", "coffees", "mood"], [("2026-11-20", 1, 2, 3)])


async def test_a_value_of_an_attribute_that_was_not_listed_yet_gets_a_column(mirror: Mirror, path: Path) -> None:
    async with mirror._database.locked():
        await mirror._database.write(rows.put_values, [("steps", days(1)[0])], NOW)
    assert query(path) == (["date", "steps"], [("2026-11-20", 1)])


ODD_NAMES = ["date", "Mood", "mood", "MOOD_2", "mood_2", 'a"b', "a'b", "a b;--", "a\0b", "", "ß", "SS", "select", "🙂"]


async def test_any_names_have_columns_of_their_own(mirror: Mirror, path: Path) -> None:
    await store(mirror, {name: days(number) for number, name in enumerate(ODD_NAMES)})

    columns, found = query(path)

    assert found == [("2026-11-20", *range(len(ODD_NAMES)))]
    assert columns[:6] == ["date", "date_2", "Mood", "mood_2", "MOOD_2_2", "mood_2_3"]
    assert columns[6:] == ['a"b', "a'b", "a b;--", "ab", "", "ß", "SS", "select", "🙂"]


def test_columns_are_different_whatever_the_names() -> None:
    columns = column_names([*ODD_NAMES, "DATE", "Date", "date_2", "mood_2_2"])
    assert len({column.lower() for column in columns.values()} | {"date"}) == len(ODD_NAMES) + 5


async def test_it_can_have_many_attributes_but_not_more_than_sqlite_allows(mirror: Mirror, path: Path) -> None:
    await list_attributes(mirror, *(Attribute(f"attribute_{number}") for number in range(2100)))
    columns, _ = query(path)
    assert len(columns) == 2000


@pytest.mark.slow
async def test_its_first_rows_and_their_number_do_not_wait_for_all_values(mirror: Mirror, path: Path) -> None:
    values = [DAY - dt.timedelta(days=number) for number in range(3650)]
    await store(mirror, {f"attribute_{number}": days(*range(len(values))) for number in range(120)})

    started = time.perf_counter()
    _, found = query(path, "SELECT * FROM wide LIMIT 101")
    ((count,),) = query(path, "SELECT count(*) FROM wide")[1]

    assert len(found) == 101
    assert count == 3650
    assert time.perf_counter() - started < 0.3  # measured: 0.03
    assert query(path, "SELECT page_count * page_size < 40000000 FROM pragma_page_count, pragma_page_size")[1] == [(1,)]
