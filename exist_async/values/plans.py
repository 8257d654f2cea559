"""Plans how to read a history: all attributes window by window, or each by itself, whichever takes fewer requests."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote

from attrs import frozen

from exist_async._concurrency import ordered_map
from exist_async._http.session import Session
from exist_async.paging import LARGEST_PAGE, Page, PageBody, fetch_page
from exist_async.values.paths import MOST_DAYS, WITH_VALUES

if TYPE_CHECKING:
    from exist_async.values.columns import Column

# Servers take addresses of four thousand characters, some of them no longer ones.
_LONGEST_FILTER = 2000


@frozen
class Span:
    """The days from one to another, both included."""

    start: dt.date
    end: dt.date

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.end - self.start).days + 1

    @property
    def pages(self) -> int:
        """How many pages of one attribute's values hold that many days."""
        return -(-self.days // LARGEST_PAGE)

    @property
    def window_count(self) -> int:
        """How many windows it has."""
        return -(-self.days // MOST_DAYS)

    def windows(self) -> "Iterator[Span]":
        """Cut it into the windows that Exist lists attributes with, the newest first."""
        for number in range(self.window_count):
            end = self.end - dt.timedelta(days=number * MOST_DAYS)
            days = min(MOST_DAYS, (end - self.start).days + 1)
            yield Span(end - dt.timedelta(days=days - 1), end)


@frozen(eq=False, repr=False)
class Listing:
    """Attributes as Exist lists them with their values, and the first page of that for the newest window.

    Attributes:
        names: Those that are asked for by name; None is all that there are.
        first: The first page.
        pages: How many pages there are for each window, as far as the first one tells.
    """

    names: frozenset[str] | None
    first: "Page[Column]"
    pages: int

    def wanted(self, attributes: "Iterable[Column]") -> "list[Column]":
        """Return those that were asked for: Exist has ignored the names at times, and listed everything."""
        return [attribute for attribute in attributes if self.names is None or attribute.name in self.names]


@frozen(eq=False, repr=False)
class Plan:
    """How a history is read.

    Attributes:
        requests: How many requests it takes, those that were made to find out included.
        listings: The attributes, with the pages that were read to find out; empty where nothing was asked.
        by_window: Whether the listings are read in all windows, or only the newest one was, to find out.
        alone: The attributes to read by themselves, and the days that are left of each.
        asked_for: The names that must not be passed over: what no listing shows is read by itself, too.
    """

    requests: int
    listings: Sequence[Listing] = ()
    by_window: bool = False
    alone: Sequence[tuple[str, Span]] = ()
    asked_for: frozenset[str] = frozenset()


async def make_plan(session: Session, span: Span, names: Sequence[str] | None, filters: Mapping[str, str]) -> Plan:
    """Find out which way takes fewer requests.

    Args:
        session: What makes the calls.
        span: The days.
        names: The attributes; None is all that Exist lists with their values.
        filters: Other filters, encoded.
    """
    parts = [None] if names is None else list(_parts(names))
    if names is not None and not filters and len(names) * span.pages <= span.window_count * len(parts):
        return Plan(len(names) * span.pages, alone=[(name, span) for name in names], asked_for=frozenset(names))
    newest = next(span.windows())
    jobs = (partial(_first_page, session, newest, part, filters) for part in parts)
    async with aclosing(ordered_map(jobs, concurrency=session.options.concurrency)) as pages:
        listings = [listing async for listing in pages]
    by_window = span.window_count * sum(listing.pages for listing in listings)
    asked_for = frozenset[str]() if filters else frozenset(names or ())
    if any(listing.pages > 1 for listing in listings):
        return Plan(by_window, listings, by_window=True, asked_for=asked_for)
    found = [attribute.name for listing in listings for attribute in listing.wanted(listing.first.results)]
    hidden = len(asked_for.difference(found)) * span.pages
    if span.window_count > 1:
        rest = Span(span.start, newest.start - dt.timedelta(days=1))
        one_by_one = len(listings) + len(found) * rest.pages
        if one_by_one < by_window:
            return Plan(one_by_one + hidden, listings, alone=[(name, rest) for name in found], asked_for=asked_for)
    return Plan(by_window + hidden, listings, by_window=True, asked_for=asked_for)


async def fetch_columns(
    session: Session, window: Span, names: Iterable[str] | None, filters: Mapping[str, str], number: int
) -> "tuple[Page[Column], bool]":
    """Return one page of the attributes with their values of one window, and whether it is the last.

    Args:
        session: What makes the call.
        window: The days.
        names: The attributes; None is all.
        filters: Other filters, encoded.
        number: Which page, from 1.
    """
    # It imports msgspec, which is there then.
    await session.prepare()
    from exist_async.values.columns import Column

    params = window_params(window, names, filters)
    return await fetch_page(session, WITH_VALUES, params, PageBody[Column], number)


def window_params(window: Span, names: Iterable[str] | None, filters: Mapping[str, str]) -> dict[str, str]:
    """Return what asks for the attributes with their values of one window."""
    params = {"days": str(window.days), "date_max": window.end.isoformat(), "limit": str(LARGEST_PAGE), **filters}
    return params if names is None else {**params, "attributes": ",".join(sorted(names))}


async def _first_page(
    session: Session, window: Span, names: frozenset[str] | None, filters: Mapping[str, str]
) -> Listing:
    page, is_last = await fetch_columns(session, window, names, filters, 1)
    counted = -(-(page.count or 0) // len(page.results)) if page.results else 1
    return Listing(names, page, pages=1 if is_last else max(2, counted))


def _parts(names: Sequence[str]) -> Iterator[frozenset[str]]:
    """Cut the names into as many as fit on a page, and into an address."""
    part: list[str] = []
    length = 0
    for name in names:
        encoded = len(quote(name, safe="")) + 1
        if part and (len(part) == LARGEST_PAGE or length + encoded > _LONGEST_FILTER):
            yield frozenset(part)
            part, length = [], 0
        part.append(name)
        length += encoded
    yield frozenset(part)
