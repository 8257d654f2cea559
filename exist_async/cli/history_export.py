"""Exports a history to a file: goes on where an earlier run stopped, and brings a complete file up to date."""

import asyncio
import datetime as dt
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

from attrs import field, frozen

from exist_async.cli.budget import Budget
from exist_async.cli.export_file import Changes, ExportFile
from exist_async.cli.options import resolve_day
from exist_async.cli.output import one_line, print_error
from exist_async.cli.part_file import Begun, PartFile
from exist_async.cli.progress import request_progress
from exist_async.client import ExistClient
from exist_async.errors import ConfigurationError, ExistAsyncError
from exist_async.values import DayValue

# Values may come late: so many days of those that the file has are read again. With the day since then, they take one
# request.
_DAYS_READ_AGAIN = 30


@frozen
class HistoryOptions:
    """The options of `history` that say which values to export. Days are as the user gave them."""

    start: str | None
    end: str | None
    attributes: Sequence[str] | None
    groups: Sequence[str] | None
    safe_cells: bool
    since_last: bool


@frozen(eq=False)
class HistoryExport:
    """One run of an export.

    Attributes:
        exist: The client.
        service: Origin of the service.
        budget: Requests that are allowed.
        options: The values to export.
        file: The file to write.
        part: Keeps what was read, until the file is complete.
        inaccessible: Names of attributes that could not be read.
    """

    exist: ExistClient
    service: str
    budget: Budget
    options: HistoryOptions
    file: ExportFile
    part: PartFile
    inaccessible: dict[str, None] = field(init=False, factory=dict[str, None])

    async def run(self) -> None:
        """Write the file, or bring it up to date.

        Raises:
            ConfigurationError: Another export was begun before, or a file can't be used.
            ExistAsyncError: Something could not be read; running the export again goes on.
        """
        try:
            await self._run()
        except (ExistAsyncError, asyncio.CancelledError):
            if len(self.part):
                state = "as it was" if self.file.exists else "not complete"
                print_error(f"{self.file.given} is {state}: run the same command again to go on where it stopped")
            raise
        self.part.remove()

    async def _run(self) -> None:
        profile = await self.exist.profile.get()
        today = profile.local_time.date() if profile.local_time else await self.exist.profile.today()
        end = resolve_day(self.options.end or ("yesterday" if self.options.since_last else "today"), today)
        asked = self._asked(profile.username)
        if (begun := self._begun_before(asked)) is not None:
            print_error(
                f"going on with {self.part.path} ({begun.start} to {begun.end}), which has the answers to "
                f"{len(self.part)} requests"
            )
            await self._complete(begun)
            if not self.options.since_last or begun.end >= end.isoformat():
                return
        begun = self._update(asked, today, end) if self.file.exists else self._new(asked, today, end)
        if begun is not None:
            self.part.begin(begun)
            await self._complete(begun)

    def _asked(self, user: str | None) -> dict[str, Any]:
        options = self.options
        return {
            "user": user,
            "service": self.service,
            "start": options.start,
            "end": options.end,
            "attributes": None if options.attributes is None else list(options.attributes),
            "groups": None if options.groups is None else list(options.groups),
            "format": self.file.file_format,
            "safe_cells": options.safe_cells,
        }

    def _begun_before(self, asked: dict[str, Any]) -> Begun | None:
        """Return the export that an earlier run began; None if there is none to complete.

        Raises:
            ConfigurationError: It is another one than is asked for now.
        """
        begun = self.part.begun
        if begun is None or (begun.updates and not self.file.exists):
            return None
        path = self.part.path
        for key, kind in (("service", "at another service"), ("user", "for another user")):
            if begun.asked.get(key) != asked[key]:
                raise ConfigurationError(
                    f"{path} was begun {kind}, {begun.asked.get(key)}: remove it to begin again, or name another file"
                )
        if begun.asked != asked:
            raise ConfigurationError(
                f"{path} was begun with {_option_text(begun.asked)}: give the same options to complete it, or remove "
                "it to begin again"
            )
        return begun

    def _new(self, asked: dict[str, Any], today: dt.date, end: dt.date) -> Begun:
        start = resolve_day(self.options.start or "today", today).isoformat()
        return Begun(asked, updates=False, start=start, end=end.isoformat(), oldest=start)

    def _update(self, asked: dict[str, Any], today: dt.date, end: dt.date) -> Begun | None:
        """Return what brings the file up to date; None if it begins after the last day."""
        present = self.file.summarise()
        if self.options.start is not None:
            oldest = resolve_day(self.options.start, today)
        elif present.oldest:
            oldest = dt.date.fromisoformat(present.oldest)
        else:
            raise ConfigurationError(f"{self.file.given} has no values yet: add --start, the first day")
        start = oldest
        if present.newest:
            newest = dt.date.fromisoformat(max(present.newest.values()))
            last = min(newest, end - dt.timedelta(days=1))
            start = max(oldest, last - dt.timedelta(days=_DAYS_READ_AGAIN - 1))
        if start > end:
            self._print_changes(Changes(0, 0))
            return None
        return Begun(asked, updates=True, start=start.isoformat(), end=end.isoformat(), oldest=oldest.isoformat())

    async def _complete(self, begun: Begun) -> None:
        start, end, oldest = map(dt.date.fromisoformat, (begun.start, begun.end, begun.oldest))
        if begun.updates:
            await self._bring_up_to_date(start, end, oldest)
        else:
            await self._write(start, end)

    async def _write(self, start: dt.date, end: dt.date) -> None:
        count = 0
        with self.file.writing(overwrite=False) as out:
            out.write(self.file.header)
            async with aclosing(self._values(start, end, self.options.attributes, self.options.groups)) as values:
                async for name, day in values:
                    out.write(self.file.encode_record(name, day))
                    count += 1
        print(one_line(f"{_count(count)} written to {self.file.given}"), file=sys.stderr)

    async def _bring_up_to_date(self, start: dt.date, end: dt.date, oldest: dt.date) -> None:
        newest = {name: dt.date.fromisoformat(day) for name, day in self.file.summarise().newest.items()}
        found = await self._collect(start, end, self.options.attributes, self.options.groups)
        # Older days are missing of attributes that are new, and of those that had no values to read for a while, as
        # inactive ones. They are read apart: the new ones need all days.
        first_days = {name: max(oldest, newest.get(name, oldest)) for name, _ in found}
        for is_new in (True, False):
            names = [name for name, day in first_days.items() if day < start and (name not in newest) is is_new]
            if names:
                first = min(first_days[name] for name in names)
                found += await self._collect(first, start - dt.timedelta(days=1), names, None)
        records = ((name, day.date.isoformat(), self.file.encode_record(name, day)) for name, day in found)
        self._print_changes(self.file.merge(records))

    async def _collect(
        self, start: dt.date, end: dt.date, attributes: Sequence[str] | None, groups: Sequence[str] | None
    ) -> list[tuple[str, DayValue]]:
        async with aclosing(self._values(start, end, attributes, groups)) as values:
            return [value async for value in values]

    async def _values(
        self, start: dt.date, end: dt.date, attributes: Sequence[str] | None, groups: Sequence[str] | None
    ) -> AsyncGenerator[tuple[str, DayValue], None]:
        """Yield values that the earlier run kept, and read the others."""
        days = self.exist.values.history(start, end, attributes=attributes, groups=groups)
        days.keep_pages(self.part)
        unused = self.part.unused
        with request_progress("Reading") as progress:
            progress.total = max(0, await days.plan() - unused)
            if sys.stderr.isatty():
                print(f"Requests needed: {progress.total} ({self.budget.allowed})", file=sys.stderr)
            async for name, day in days:
                yield name, day
        new = [name for name in days.inaccessible if name not in self.inaccessible]
        self.inaccessible.update(dict.fromkeys(new))
        print_left_out(new)

    def _print_changes(self, changes: Changes) -> None:
        text = f"{_count(changes.added)} added to {self.file.given}, {changes.replaced:,} replaced"
        print(one_line(text), file=sys.stderr)


def print_left_out(names: Sequence[str]) -> None:
    """Name the attributes that could not be read, if there are any."""
    if names:
        print_error(
            f"left out, because they are inactive or not there: {', '.join(names)}. Acquire them to read their values."
        )


def _count(number: int) -> str:
    return f"{number:,} value{'' if number == 1 else 's'}"


def _option_text(asked: dict[str, Any]) -> str:
    """Return the options of an earlier run, as they are given."""
    parts = [f"--{name} {asked[name]}" for name in ("start", "end") if asked.get(name) is not None]
    for key, option in (("attributes", "--attribute"), ("groups", "--group")):
        if asked.get(key) is not None:
            parts.append(f"{option} {','.join(asked[key])}")
    parts.append(f"--format {asked.get('format')}")
    if asked.get("safe_cells"):
        parts.append("--safe-cells")
    return " ".join(parts)
