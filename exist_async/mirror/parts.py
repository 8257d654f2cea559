"""Pulls what Exist computes from the values: averages, correlations and insights."""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from exist_async.client import ExistClient
from exist_async.errors import ConfigurationError
from exist_async.mirror import rows
from exist_async.mirror.coverage import ONE_DAY
from exist_async.mirror.database import Database
from exist_async.values.history_plan import Span

if TYPE_CHECKING:
    import sqlite3

    from exist_async.averages import Average
    from exist_async.insights import Insight

PARTS: Final = ("averages", "correlations", "insights")
"""The parts that a pull can read besides values."""

_BLOCK: Final = 372  # days of averages or insights that are read, and stored, at once

# Days that are read again. Exist calculates averages once a week. The insights of a month come when it is over.
_REREAD: Final = {"averages": 1, "insights": 35}


def check_parts(parts: Iterable[str]) -> Sequence[str]:
    """Check the argument `parts`, and return each part once, in the order in which they are read."""
    chosen = (parts,) if isinstance(parts, str) else tuple(parts)
    if isinstance(parts, str) or not set(chosen) <= set(PARTS):
        raise ConfigurationError(f"parts must be a list of some of {', '.join(map(repr, PARTS))}, not {parts!r}")
    return [part for part in PARTS if part in chosen]


async def read_part(
    part: str, exist: ExistClient, database: Database, days: Span, now: dt.datetime, on_block: Callable[[], object]
) -> None:
    """Read what is new in a part, and store it.

    Args:
        part: One of `PARTS`.
        exist: The client.
        database: The file.
        days: The days of averages and insights; the last one is the user's today.
        now: The time.
        on_block: Called whenever something was stored.
    """
    if part == "correlations":
        # Exist does not say which ones are new or have changed.
        await database.write(rows.put_correlations, await exist.correlations.list().collect(), now)
        on_block()
        return
    for span in _unread(await database.read(rows.read_part_span, part), days, _REREAD[part]):
        # What has a later date comes with the last days.
        last = None if span.end == days.end else span.end
        if part == "averages":
            averages = exist.averages.list(date_min=span.start, date_max=last, include_historical=True)
            await database.write(_put_averages, await averages.collect(), span)
        else:
            insights = exist.insights.list(date_min=span.start, date_max=last)
            await database.write(_put_insights, await insights.collect(), span)
        on_block()


def _unread(read: Span | None, days: Span, reread: int) -> Iterator[Span]:
    """Yield the days to read of a part in blocks, of which each continues what was read before."""
    if read is None:
        yield from _blocks(days)
        return
    after = min(read.end, days.end) - dt.timedelta(days=reread)
    yield from reversed(list(_blocks(Span(after, days.end))))
    if days.start < read.start:
        yield from _blocks(Span(days.start, read.start - ONE_DAY))


def _blocks(span: Span) -> Iterator[Span]:
    """Yield the blocks of a span, the newest first."""
    for first in range(0, span.days, _BLOCK):
        end = span.end - dt.timedelta(days=first)
        yield Span(max(span.start, end - dt.timedelta(days=_BLOCK - 1)), end)


def _put_averages(connection: "sqlite3.Connection", averages: "Iterable[Average]", span: Span) -> None:
    rows.put_averages(connection, averages)
    _add_span(connection, "averages", span)


def _put_insights(connection: "sqlite3.Connection", insights: "Iterable[Insight]", span: Span) -> None:
    rows.put_insights(connection, insights)
    _add_span(connection, "insights", span)


def _add_span(connection: "sqlite3.Connection", part: str, span: Span) -> None:
    """Note the days of which a part has been read."""
    before = rows.read_part_span(connection, part) or span
    rows.put_part_span(connection, part, Span(min(before.start, span.start), max(before.end, span.end)))
