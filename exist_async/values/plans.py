"""Plans how to read a history: all attributes window by window, or each by itself, whichever takes fewer requests."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from contextlib import aclosing
from functools import partial

from attrs import frozen

from exist_async._http.ahead import in_order
from exist_async._http.session import Session
from exist_async.paging import LARGEST_PAGE, Page, PageBody, fetch_page
from exist_async.resource import ROOT
from exist_async.values.models import AttributeWithValues

OF_ALL = f"{ROOT}attributes/with-values/"
OF_ONE = f"{ROOT}attributes/values/"

MOST_DAYS = 31
"""The most days that Exist lists with attributes."""


@frozen
class Span:
    """The days from one to another, both included."""

    start: dt.date
    end: dt.date

    @property
    def days(self) -> int:
        """How many days it has; none or less when it ends before it starts."""
        return (self.end - self.start).days + 1

    def windows(self) -> "list[Span]":
        """Cut it into the windows that Exist lists attributes with, the newest first."""
        windows: list[Span] = []
        left = self
        while left.days > MOST_DAYS:
            window = Span(left.end - dt.timedelta(days=MOST_DAYS - 1), left.end)
            windows.append(window)
            left = left.before(window)
        return [*windows, left]

    def before(self, later: "Span") -> "Span":
        """Return what of it lies before another span."""
        return Span(self.start, later.start - dt.timedelta(days=1))


@frozen
class Listing:
    """Attributes as Exist lists them with their values, and the first page of that for the newest window.

    Attributes:
        names: Those that are asked for by name; None is all that there are.
        first: The first page.
        pages: How many pages there are for each window, as far as the first one tells.
        is_whole: Whether the first page is the only one.
    """

    names: frozenset[str] | None
    first: Page[AttributeWithValues]
    pages: int
    is_whole: bool

    def wanted(self, attributes: Iterable[AttributeWithValues]) -> list[AttributeWithValues]:
        """Return those that were asked for: Exist has ignored the names at times, and listed everything."""
        return [attribute for attribute in attributes if self.names is None or attribute.name in self.names]


@frozen
class Plan:
    """How a history is read.

    Attributes:
        requests: How many requests it takes, those that were made to find out included.
        windows: The windows to read all attributes in, the newest first; empty where each is read by itself.
        listings: The attributes, with the pages that were read to find out.
        alone: The attributes to read by themselves, and the days that are left of each.
        asked_for: The names that must not be passed over: what no listing shows is read by itself, too.
    """

    requests: int
    windows: Sequence[Span] = ()
    listings: Sequence[Listing] = ()
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
    windows = span.windows()
    if names is not None and not filters and len(names) * _pages(span) <= len(windows) * _pages_of_names(names):
        return Plan(len(names) * _pages(span), alone=[(name, span) for name in names])
    jobs = (partial(_first_page, session, windows[0], part, filters) for part in _parts(names))
    async with aclosing(in_order(jobs, concurrency=session.options.concurrency)) as pages:
        listings = [listing async for listing in pages]
    asked_for = frozenset(names or ()) if not filters else frozenset[str]()
    by_window = len(windows) * sum(listing.pages for listing in listings)
    if not all(listing.is_whole for listing in listings):
        return Plan(by_window, windows, listings, asked_for=asked_for)
    found = [attribute.name for listing in listings for attribute in listing.wanted(listing.first.results)]
    hidden = len(asked_for.difference(found)) * _pages(span)
    if len(windows) > 1:
        rest = span.before(windows[0])
        one_by_one = len(listings) + len(found) * _pages(rest)
        if one_by_one < by_window:
            alone = [(name, rest) for name in found]
            return Plan(one_by_one + hidden, (), listings, alone, asked_for)
    return Plan(by_window + hidden, windows, listings, asked_for=asked_for)


def window_params(window: Span, names: Iterable[str] | None, filters: Mapping[str, str]) -> dict[str, str]:
    """Return what asks for the attributes with their values of one window."""
    params = {"days": str(window.days), "date_max": window.end.isoformat(), "limit": str(LARGEST_PAGE), **filters}
    return params if names is None else {**params, "attributes": ",".join(sorted(names))}


async def _first_page(
    session: Session, window: Span, names: frozenset[str] | None, filters: Mapping[str, str]
) -> Listing:
    params = window_params(window, names, filters)
    page, is_last = await fetch_page(session, OF_ALL, params, PageBody[AttributeWithValues], 1)
    counted = -(-(page.count or 0) // len(page.results)) if page.results else 1
    return Listing(names, page, pages=1 if is_last else max(2, counted), is_whole=is_last)


def _parts(names: Sequence[str] | None) -> list[frozenset[str] | None]:
    """Cut the names into as many as fit on a page, and into an address."""
    if names is None:
        return [None]
    return [frozenset(names[place : place + LARGEST_PAGE]) for place in range(0, len(names), LARGEST_PAGE)]


def _pages_of_names(names: Sequence[str]) -> int:
    return -(-len(names) // LARGEST_PAGE)


def _pages(span: Span) -> int:
    """Return how many pages of one attribute's values hold these days."""
    return -(-span.days // LARGEST_PAGE)
