"""Pulls what Exist computes from the values: averages, correlations and insights."""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Final, TypeVar

from attrs import frozen

from exist_async.client import ExistClient
from exist_async.errors import ConfigurationError
from exist_async.mirror import rows
from exist_async.mirror.coverage import ONE_DAY
from exist_async.mirror.database import Database
from exist_async.paging import LARGEST_PAGE, Paginator
from exist_async.values.history_plan import Span

if TYPE_CHECKING:
    import sqlite3

    from exist_async.averages import Average
    from exist_async.insights import Insight

T = TypeVar("T")

PARTS: Final = ("averages", "correlations", "insights")
"""The parts that a pull can read besides values."""

_BLOCK: Final = 372  # days of averages or insights that are read, and stored, at once
_DAYS_OF_AVERAGE: Final = 7  # Exist calculates averages once a week

# Days that are read again. The insights of a month come when it is over.
_REREAD: Final = {"averages": 1, "insights": 35}


def check_parts(parts: Iterable[str]) -> Sequence[str]:
    """Check the argument `parts`, and return each part once, in the order in which they are read."""
    chosen = (parts,) if isinstance(parts, str) else tuple(parts)
    if isinstance(parts, str) or not set(chosen) <= set(PARTS):
        raise ConfigurationError(f"parts must be a list of some of {', '.join(map(repr, PARTS))}, not {parts!r}")
    return [part for part in PARTS if part in chosen]


@frozen
class Block:
    """Days to read of a part at once, and the number of requests that it takes, by estimate."""

    span: Span
    requests: int


async def plan_part(part: str, database: Database, days: Span, attribute_count: int) -> Sequence[Block]:
    """Return what to read of a part, for a number of attributes. The last one of the days is the user's today."""
    if part == "correlations":  # Exist does not say which ones are new or have changed
        return [Block(days, 1)]
    unread = _unread(await database.read(rows.read_part_span, part), days, _REREAD[part])
    if part == "insights":
        return [Block(span, 1) for span in unread]
    return [
        Block(span, -(-attribute_count * -(-span.days // _DAYS_OF_AVERAGE) // LARGEST_PAGE) or 1) for span in unread
    ]


async def read_part(
    part: str,
    exist: ExistClient,
    database: Database,
    blocks: Sequence[Block],
    *,
    today: dt.date,
    now: dt.datetime,
    on_page: Callable[[int], object],
) -> None:
    """Read the blocks of a part, and store each.

    Args:
        part: One of `PARTS`.
        exist: The client.
        database: The file.
        blocks: The blocks to read.
        today: The user's today.
        now: The time.
        on_page: Called after each page with the number of requests that are still to make, by estimate.
    """
    left = sum(block.requests for block in blocks)
    for block in blocks:
        left -= block.requests
        # What has a later date comes with the last days.
        first, last = block.span.start, None if block.span.end == today else block.span.end
        if part == "correlations":
            correlations = await _collect(exist.correlations.list(), left, on_page)
            await database.write(rows.put_correlations, correlations, now)
        elif part == "averages":
            listing = exist.averages.list(date_min=first, date_max=last, include_historical=True)
            await database.write(_put_averages, await _collect(listing, left, on_page), block.span)
        else:
            insights = exist.insights.list(date_min=first, date_max=last)
            await database.write(_put_insights, await _collect(insights, left, on_page), block.span)


async def _collect(listing: Paginator[T], later: int, on_page: Callable[[int], object]) -> Sequence[T]:
    """Return all results of a listing, after which so many requests are made."""
    results: list[T] = []
    async with aclosing(listing.pages()) as pages:
        async for page in pages:
            results += page.results
            on_page(later + max(0, -(-(page.count or 0) // LARGEST_PAGE) - page.number))
    return results


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
