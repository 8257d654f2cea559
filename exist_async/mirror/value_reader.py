"""Reads values from Exist into a mirror, page by page."""

import datetime as dt
import logging
from collections.abc import Callable, Collection
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Final

from attrs import define, field

from exist_async._checks import check_names
from exist_async.client import ExistClient
from exist_async.errors import (
    AuthenticationError,
    ConfigurationError,
    ExistAsyncError,
    NoAnswerError,
    PermissionDeniedError,
    StatusError,
)
from exist_async.mirror.coverage import Coverage, Reading, plan_readings
from exist_async.mirror.coverage_rows import add_to_coverage, load_coverage
from exist_async.mirror.database import Database
from exist_async.mirror.rows import put_values
from exist_async.values.history_plan import Span
from exist_async.values.history_reader import HistoryPage
from exist_async.values.requests import MOST_DAYS

if TYPE_CHECKING:
    import sqlite3

_MOST_FAILURES: Final = 3  # after as many, the service is probably down

_log = logging.getLogger("exist_async")


@define(eq=False, repr=False)
class ValueReader:
    """Reads values into a mirror. Each page is stored in one transaction with the days that it covers.

    A reading that fails because of an answer of Exist's is left for the next pull. Errors with which every request
    would end, such as a spent budget, are raised.

    Attributes:
        failures: The errors of what could not be read in this pull.
        new: Number of values that were not in the file before.
        changed: Number of values that were in the file, and are different now: other, removed, or there again.
        oldest: The oldest day that has been read.
    """

    _exist: ExistClient
    _database: Database
    _read_at: dt.datetime
    failures: list[ExistAsyncError]
    _on_page: Callable[[], object]
    new: int = field(init=False, default=0)
    changed: int = field(init=False, default=0)
    oldest: dt.date | None = field(init=False, default=None)

    async def coverage(self) -> Coverage:
        """Return what has been read of each attribute."""
        return await self._database.read(load_coverage)

    async def read(self, span: Span, names: Collection[str] | None = None) -> int | None:
        """Read some days of some attributes, or of all, and return the number of pages; None if it failed."""
        history = self._exist.values.history(span.start, span.end, attributes=names)
        concurrency = self._exist._session.options.concurrency  # pyright: ignore[reportPrivateUsage]
        count = 0
        try:
            async with aclosing(history.pages(ahead=concurrency)) as pages:
                async for page in pages:
                    count += 1
                    await self._store(page)
        except (AuthenticationError, PermissionDeniedError):
            raise
        except (NoAnswerError, StatusError) as error:
            _log.warning("Values from %s to %s could not be read: %s", span.start, span.end, error)
            self.failures.append(error)
            return None
        return count

    async def read_unread(self, names: Collection[str], span: Span) -> None:
        """Read the days of a span that were never read, the newest first. `names` are all that Exist lists."""
        while len(self.failures) < _MOST_FAILURES:
            for reading in plan_readings(await self.coverage(), names, span):
                if await self.read(reading.span, _filter_of(reading, names)) is None:
                    break
            else:
                return
            # Pages come in order, so that the newest days that are still unread are those that can't be read.
            failed = plan_readings(await self.coverage(), names, Span(span.start, reading.span.end))
            if not failed or failed[0].span.end - span.start < dt.timedelta(days=MOST_DAYS):
                return
            span = Span(span.start, failed[0].span.end - dt.timedelta(days=MOST_DAYS))

    async def _store(self, page: HistoryPage) -> None:
        new, changed = await self._database.write(_put_page, page, self._read_at)
        self.new += new
        self.changed += changed
        for _, span in page.covered:
            self.oldest = span.start if self.oldest is None else min(self.oldest, span.start)
        self._on_page()


def _filter_of(reading: Reading, names: Collection[str]) -> list[str] | None:
    """Return the attributes to name in requests. None reads all, also where a name can't be in a filter."""
    if len(reading.names) == len(names) and reading.requests == reading.by_window:
        return None
    with suppress(ConfigurationError):
        return check_names("attributes", sorted(reading.names))
    return None


def _put_page(connection: "sqlite3.Connection", page: HistoryPage, read_at: dt.datetime) -> tuple[int, int]:
    complete = [(name, span) for name, span in page.covered if name in page.listed]
    counts = put_values(connection, page.values, read_at, complete=complete)
    add_to_coverage(connection, page.covered, read_at)
    return counts
