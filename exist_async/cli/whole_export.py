"""Exports a history to a file, and goes on where an earlier run stopped."""

import asyncio
import datetime as dt
import sys
from collections.abc import AsyncGenerator, AsyncIterable, Sequence
from contextlib import AbstractContextManager, aclosing
from io import BufferedWriter
from pathlib import Path
from typing import Any, BinaryIO, Generic, Protocol, TypeVar

from attrs import field, frozen

from exist_async.cli.budget import Budget
from exist_async.cli.options import resolve_day
from exist_async.cli.output import one_line, print_error
from exist_async.cli.part_file import Begun, PartFile
from exist_async.cli.progress import request_progress
from exist_async.client import ExistClient
from exist_async.errors import ConfigurationError, ExistAsyncError
from exist_async.values import DayValue


class ExportTarget(Protocol):
    """A file to export to."""

    @property
    def given(self) -> Path:
        """The path as the user gave it."""
        ...

    @property
    def exists(self) -> bool:
        """Whether the file is there."""
        ...

    @property
    def asked(self) -> dict[str, Any]:
        """The options that determine what is in the file, for the file that an unfinished export leaves."""
        ...

    def writing(self, *, overwrite: bool) -> AbstractContextManager[BufferedWriter]:
        """Open a new file, which takes the place of this one at the end of the block."""
        ...

    async def write_values(self, out: BinaryIO, values: AsyncIterable[tuple[str, DayValue]]) -> int:
        """Write all values to a new file, and return their number."""
        ...


class _OtherExportError(ConfigurationError):
    """An earlier run began another export to the same file."""


T = TypeVar("T", bound=ExportTarget)


@frozen
class HistoryOptions:
    """The options that say which values to export. Days are as the user gave them."""

    start: str | None
    end: str | None
    attributes: Sequence[str] | None
    groups: Sequence[str] | None


@frozen(eq=False)
class WholeExport(Generic[T]):
    """One run of an export.

    Attributes:
        exist: The client.
        service: Origin of the service.
        budget: Requests that are allowed.
        options: The values to export.
        file: The file to write.
        part: Keeps what was read, until the file is complete.
        overwrite: Whether to replace the file if it exists.
        inaccessible: Names of attributes that could not be read.
    """

    exist: ExistClient
    service: str
    budget: Budget
    options: HistoryOptions
    file: T
    part: PartFile
    overwrite: bool = field(default=False, kw_only=True)
    inaccessible: dict[str, None] = field(init=False, factory=dict[str, None])

    async def run(self) -> None:
        """Write the file, or bring it up to date.

        Raises:
            ConfigurationError: Another export was begun before, or a file can't be used.
            ExistAsyncError: Something could not be read; running the export again goes on.
        """
        try:
            await self._run()
        except _OtherExportError:
            raise
        except (ExistAsyncError, asyncio.CancelledError):
            if len(self.part):
                state = "as it was" if self.file.exists else "not complete"
                print_error(f"{self.file.given} is {state}: run the same command again to go on where it stopped")
            raise
        self.part.remove()

    async def _run(self) -> None:
        profile = await self.exist.profile.get()
        today = profile.local_time.date() if profile.local_time else await self.exist.profile.today()
        end = resolve_day(self.options.end or self._default_end(), today)
        asked = self._asked(profile.username)
        if (begun := self._begun_before(asked)) is not None:
            print_error(
                f"going on with {self.part.path} ({begun.start} to {begun.end}), which has the answers to "
                f"{len(self.part)} requests"
            )
            await self._complete(begun)
            if not self._goes_on_after(begun, end):
                return
        begun = self._begin(asked, today, end)
        if begun is not None:
            self.part.begin(begun)
            await self._complete(begun)

    def _default_end(self) -> str:
        return "today"

    def _goes_on_after(self, begun: Begun, end: dt.date) -> bool:
        """Whether there is more to export after an earlier run's export was completed."""
        del begun, end
        return False

    def _begin(self, asked: dict[str, Any], today: dt.date, end: dt.date) -> Begun | None:
        """Return the export to do; None if there is nothing to do."""
        start = resolve_day(self.options.start or "today", today).isoformat()
        return Begun(asked, updates=False, start=start, end=end.isoformat(), oldest=start)

    async def _complete(self, begun: Begun) -> None:
        await self._write(dt.date.fromisoformat(begun.start), dt.date.fromisoformat(begun.end))

    def _asked(self, user: str | None) -> dict[str, Any]:
        options = self.options
        return {
            "user": user,
            "service": self.service,
            "start": options.start,
            "end": options.end,
            "attributes": None if options.attributes is None else list(options.attributes),
            "groups": None if options.groups is None else list(options.groups),
            **self.file.asked,
        }

    def _begun_before(self, asked: dict[str, Any]) -> Begun | None:
        """Return the export that an earlier run began; None if there is none to complete.

        Raises:
            _OtherExportError: It is another one than is asked for now.
        """
        begun = self.part.begun
        if begun is None or (begun.updates and not self.file.exists):
            return None
        path = self.part.path
        for key, kind in (("service", "at another service"), ("user", "for another user")):
            if begun.asked.get(key) != asked[key]:
                raise _OtherExportError(
                    f"{path} was begun {kind}, {begun.asked.get(key)}: remove it to begin again, or name another file"
                )
        if begun.asked.keys() != asked.keys():
            raise _OtherExportError(
                f"{path} was begun by another command: run that again to complete it, or remove it to begin again"
            )
        if begun.asked != asked:
            raise _OtherExportError(
                f"{path} was begun with {_option_text(begun.asked)}: give the same options to complete it, or remove "
                "it to begin again"
            )
        return begun

    async def _write(self, start: dt.date, end: dt.date) -> None:
        with self.file.writing(overwrite=self.overwrite) as out:
            async with aclosing(self._values(start, end, self.options.attributes, self.options.groups)) as values:
                count = await self.file.write_values(out, values)
        print_written(count, self.file.given)

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


def print_left_out(names: Sequence[str]) -> None:
    """Name the attributes that could not be read, if there are any."""
    if names:
        print_error(
            f"left out, because they are inactive or not there: {', '.join(names)}. Acquire them to read their values."
        )


def print_written(count: int, file: Path) -> None:
    """Print how many values were written to a file."""
    print(one_line(f"{count_values(count)} written to {file}"), file=sys.stderr)


def count_values(number: int) -> str:
    """Return a number of values in words."""
    return f"{number:,} value{'' if number == 1 else 's'}"


def _option_text(asked: dict[str, Any]) -> str:
    """Return the options of an earlier run, as they are given."""
    parts = [f"--{name} {asked[name]}" for name in ("start", "end") if asked.get(name) is not None]
    for key, option in (("attributes", "--attribute"), ("groups", "--group")):
        if asked.get(key) is not None:
            parts.append(f"{option} {','.join(asked[key])}")
    if "wide" not in asked:  # export has no such option
        parts.append(f"--format {asked.get('format')}")
    parts += [f"--{name.replace('_', '-')}" for name in ("safe_cells", "wide") if asked.get(name)]
    return " ".join(parts)
