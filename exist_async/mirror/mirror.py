"""A copy of a user's data on Exist, in a SQLite file."""

import datetime as dt
import os
from collections.abc import AsyncGenerator, Iterable
from types import TracebackType
from typing import Self

from exist_async._checks import check_day, check_file_path, check_names
from exist_async.client import ExistClient
from exist_async.errors import ConfigurationError
from exist_async.mirror.database import Database
from exist_async.mirror.parts import PARTS
from exist_async.mirror.pull import OnProgress, pull
from exist_async.mirror.reading import VALUES_AT_ONCE, MirroredAttribute, read_attributes, read_columns, read_values
from exist_async.mirror.report import PullReport
from exist_async.tables import Table
from exist_async.tables.making import check_table, make_table
from exist_async.values.models import DayValue


class Mirror:
    """A copy of all data of one user on Exist, in a SQLite file that other programs can read, too.

    Use it as an async context manager. Reading creates nothing, and is possible at any time, also while another program
    pulls. Only one program at a time can pull.

    Args:
        path: The SQLite file, which the first pull creates with mode 0600. It must be on a local disk. While it is
            open, part of the data is in another file, whose name ends in `-wal`: they belong together. An empty file,
            whose name ends in `.lock`, stays beside it.

    Raises:
        ConfigurationError: The path is not valid.
        MirrorError: Its methods can't use the file: it does not exist yet, is no mirror, is damaged, or was written by
            a newer version.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._database = Database(check_file_path("path", path))

    def __repr__(self) -> str:
        return f"Mirror({str(self._database.path)!r})"

    async def __aenter__(self) -> Self:
        self._database.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._database.close()

    async def attributes(self) -> list[MirroredAttribute]:
        """Return all attributes, in the order in which Exist listed them first, with those it lists no more."""
        return await self._database.read(read_attributes)

    def history(
        self,
        start: dt.date | None = None,
        end: dt.date | None = None,
        *,
        attributes: Iterable[str] | None = None,
    ) -> AsyncGenerator[tuple[str, DayValue], None]:
        """Return an iterator of attribute names and values: attribute by attribute, the newest value of each first.

        Values that were removed from Exist after they had been pulled are left out. The file has them still.

        Args:
            start: The first day; None is the first of all.
            end: The last day; None is the last of all.
            attributes: Only values of these attributes, in this order.

        Raises:
            ConfigurationError: An argument is wrong; or, when it is read, an attribute is not in the mirror.
        """
        _check_days(start, end)
        return self._values(
            None if attributes is None else check_names("attributes", attributes, commas=True), start, end
        )

    async def _values(
        self, names: list[str] | None, start: dt.date | None, end: dt.date | None
    ) -> AsyncGenerator[tuple[str, DayValue], None]:
        for attribute in await self._names(names):
            before: dt.date | None = None
            while True:
                values = await self._database.read(read_values, attribute, start, before, end)
                for value in values:
                    yield attribute, value
                if len(values) < VALUES_AT_ONCE:
                    break
                before = values[-1].date

    async def table(
        self, *names: str, start: dt.date | None = None, end: dt.date | None = None, wide: bool = False
    ) -> Table:
        """Return values as a table for pandas, polars, DuckDB and others: see `Table`. It needs `exist-async[tables]`.

        Args:
            *names: Only these attributes; none is all that have values.
            start: The first day; None is the first of all.
            end: The last day; None is the last of all.
            wide: Whether the table has a row for each day and a column for each attribute, instead of a row for each
                value. Attributes that are named have a column even if they have no value.

        Raises:
            ConfigurationError: An argument is wrong, an attribute is not in the mirror, or the package arro3-core is
                not installed.
        """
        check_table(wide, owner="Mirror.table()")
        _check_days(start, end)
        checked = check_names("names", names, commas=True) if names else None
        value_types = {attribute.name: attribute.value_type for attribute in await self.attributes()} if wide else None
        found = None if checked is None else await self._names(checked)
        return await make_table(await self._database.read(read_columns, found, start, end), value_types)

    async def pull(
        self,
        exist: ExistClient,
        *,
        since: dt.date | None = None,
        days: int = 31,
        budget: int = 8,
        parts: Iterable[str] = PARTS,
        on_progress: OnProgress = None,
    ) -> PullReport:
        """Read from Exist what is new and what may have changed, and store it. The first pull reads everything.

        Each pull reads the user's profile and attributes, the values of the last days, and those that were never read,
        the newest first. Exist does not say which values have changed. So a pull also reads again what was read longest
        ago: within a number of pulls, which the report tells, every edit is found. Nothing is deleted: values that
        Exist has no more are marked as removed.

        Each page of values is stored when it comes. When a pull is interrupted, by an error, a cancellation or a crash,
        what it has read is kept, and the next pull goes on there, and reads nothing old again.

        Args:
            exist: The client of the user whom the mirror belongs to. Several users, each with a mirror, can be pulled
                concurrently over one connection pool.
            since: The first day to read. None reads back until there is no value in more than a year.
            days: Number of last days that each pull reads, because their values may change.
            budget: Number of requests that each pull may use to read again what was read longest ago: a window of 31
                days takes one for each 100 attributes. If it is too small for a window, one is read; if it is 0, none.
            parts: Kinds of data to read besides values: "averages", "correlations" and "insights".
            on_progress: Called with a `PullProgress` for each page that has been read.

        Raises:
            ConfigurationError: An argument is wrong, or the mirror belongs to another user or service.
            MirrorError: The file can't be used, or another pull into it is running.
            RateLimitError: The budget of Exist is spent for longer than the client's `max_wait`.
            ExistAsyncError: Something could not be read. If it is only a page, the others were read nevertheless.
        """
        return await pull(
            self._database, exist, since=since, days=days, budget=budget, parts=parts, on_progress=on_progress
        )

    async def _names(self, attributes: Iterable[str] | None) -> list[str]:
        known = [attribute.name for attribute in await self.attributes()]
        if attributes is None:
            return known
        names = list(dict.fromkeys(attributes))
        if unknown := [name for name in names if name not in known]:
            raise ConfigurationError(f"the mirror has no attribute {', '.join(map(repr, unknown))}: see attributes()")
        return names


def _check_days(start: dt.date | None, end: dt.date | None) -> None:
    for name, day in (("start", start), ("end", end)):
        if day is not None:
            check_day(name, day)
    if start is not None and end is not None and end < start:
        raise ConfigurationError(f"end {end} is before start {start}: there is no day between them")
