"""A copy of a user's data on Exist, in a SQLite file."""

import datetime as dt
import os
from collections.abc import AsyncGenerator, Iterable
from types import TracebackType
from typing import Self

from exist_async._checks import check_day, check_file_path, check_names
from exist_async.errors import ConfigurationError
from exist_async.mirror.database import Database
from exist_async.mirror.reading import VALUES_AT_ONCE, MirroredAttribute, read_attributes, read_values
from exist_async.values.models import DayValue


class Mirror:
    """A copy of all data of one user on Exist, in a SQLite file that other programs can read, too.

    Use it as an async context manager. Reading creates nothing, and is possible at any time, also while another program
    pulls. Only one program at a time can pull.

    Args:
        path: The SQLite file, which the first pull creates with mode 0600. It must be on a local disk. While it is
            open, part of the data is in another file, whose name ends in `-wal`: they belong together.

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

    async def history(
        self,
        start: dt.date | None = None,
        end: dt.date | None = None,
        *,
        attributes: Iterable[str] | None = None,
    ) -> AsyncGenerator[tuple[str, DayValue], None]:
        """Yield attribute names and values, one attribute after the other, the newest value of each first.

        A day whose value was removed from Exist after it had been pulled has the value None.

        Args:
            start: The first day; None is the first of all.
            end: The last day; None is the last of all.
            attributes: Only values of these attributes, in this order.

        Raises:
            ConfigurationError: An argument is wrong, or an attribute is not in the mirror.
        """
        for name, day in (("start", start), ("end", end)):
            if day is not None:
                check_day(name, day)
        for attribute in await self._names(attributes):
            before: dt.date | None = None
            while True:
                values = await self._database.read(read_values, attribute, start, before, end)
                for value in values:
                    yield attribute, value
                if len(values) < VALUES_AT_ONCE:
                    break
                before = values[-1].date

    async def _names(self, attributes: Iterable[str] | None) -> list[str]:
        known = [attribute.name for attribute in await self.attributes()]
        if attributes is None:
            return known
        names = list(dict.fromkeys(check_names("attributes", attributes)))
        if unknown := [name for name in names if name not in known]:
            raise ConfigurationError(f"attributes: the mirror has none named {', '.join(map(repr, unknown))}")
        return names
