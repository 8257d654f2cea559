"""Exports a history to a file for `history --output`, and brings a complete file up to date."""

import datetime as dt
import sys
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

from attrs import field, frozen

from exist_async.cli.export_file import Changes, ExportFile
from exist_async.cli.options import resolve_day
from exist_async.cli.output import one_line
from exist_async.cli.part_file import Begun
from exist_async.cli.whole_export import WholeExport, count_values
from exist_async.errors import ConfigurationError
from exist_async.values import DayValue

# Values may come late: so many days of those that the file has are read again. With the day since then, they take one
# request.
_DAYS_READ_AGAIN = 30


@frozen(eq=False)
class HistoryExport(WholeExport[ExportFile]):
    """One run of an export that can also bring a file up to date.

    Attributes:
        since_last: Whether to bring the file up to date if it exists.
    """

    since_last: bool = field(default=False, kw_only=True)

    def _default_end(self) -> str:
        return "yesterday" if self.since_last else "today"

    def _goes_on_after(self, begun: Begun, end: dt.date) -> bool:
        return self.since_last and begun.end < end.isoformat()

    def _begin(self, asked: dict[str, Any], today: dt.date, end: dt.date) -> Begun | None:
        return self._update(asked, today, end) if self.file.exists else super()._begin(asked, today, end)

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
        if begun.updates:
            await self._bring_up_to_date(*map(dt.date.fromisoformat, (begun.start, begun.end, begun.oldest)))
        else:
            await super()._complete(begun)

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

    def _print_changes(self, changes: Changes) -> None:
        text = f"{count_values(changes.added)} added to {self.file.given}, {changes.replaced:,} replaced"
        print(one_line(text), file=sys.stderr)
