"""Helpers of the tests of mirrors: files with values, as a pull stores them."""

import datetime as dt
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from exist_async import Attribute, DayValue, UserProfile
from exist_async.mirror import Mirror, rows

DAY = dt.date(2026, 11, 20)
NOW = dt.datetime(2026, 11, 20, 8, 15, tzinfo=dt.UTC)
SERVICE = "https://exist.io"


def days(*values: Any) -> list[DayValue]:
    """Return values, the first one of DAY, the others of the days before."""
    return [DayValue(DAY - dt.timedelta(days=n), value) for n, value in enumerate(values)]


async def store(
    mirror: Mirror, values: Mapping[str, Iterable[DayValue]], *, user: str = "ada", now: dt.datetime = NOW
) -> tuple[int, int]:
    """Store a listing of attributes, and values of them; return how many are new and how many have changed."""
    database = mirror._database
    async with database.locked():
        await database.write(rows.begin_pull, SERVICE, UserProfile(user), now)
        await database.write(rows.put_attributes, [Attribute(name) for name in values], now)
        return await database.write(
            rows.put_values, [(name, value) for name, of_name in values.items() for value in of_name], now
        )


async def list_attributes(mirror: Mirror, *attributes: Attribute, now: dt.datetime = NOW) -> None:
    """Store a listing of attributes."""
    async with mirror._database.locked():
        await mirror._database.write(rows.put_attributes, attributes, now)


async def read(path: Path) -> None:
    """Read the attributes of a mirror."""
    async with Mirror(path) as mirror:
        await mirror.attributes()


async def write(path: Path) -> None:
    """Write a value into a mirror, as a pull does."""
    async with Mirror(path) as mirror:
        await store(mirror, {"steps": days(1)})


def contents(folder: Path) -> dict[str, bytes]:
    """Return the contents of the files of a folder."""
    return {file.name: file.read_bytes() for file in folder.iterdir()}
