"""Plans how to read a history: by windows of days, or attribute by attribute, whichever takes fewer requests."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from operator import attrgetter
from typing import Final
from urllib.parse import quote

from attrs import define, field, frozen

from exist_async._concurrency import ordered_map
from exist_async._http.call import CallState
from exist_async._http.session import Session
from exist_async._json import ESSENTIAL
from exist_async.paging import LARGEST_PAGE, Page, PageAnswer, PageBody, PageReader
from exist_async.values.kept_pages import FROM_EXIST, PageSource
from exist_async.values.models import DayValue
from exist_async.values.requests import MOST_DAYS, WITH_VALUES

LONGEST_FILTER: Final = 2000
"""The most characters that names take in a URL: not every server accepts URLs of more than four thousand."""


@frozen
class ListedValues:
    """An attribute with its values of a window. The listing's other fields are ignored, even if they are malformed."""

    name: str
    values: tuple[DayValue, ...] = field(default=(), metadata=ESSENTIAL)


@frozen
class Span:
    """A range of days, both ends included."""

    start: dt.date
    end: dt.date

    @property
    def days(self) -> int:
        """The number of days."""
        return (self.end - self.start).days + 1

    @property
    def page_count(self) -> int:
        """The number of pages of one attribute's values."""
        return -(-self.days // LARGEST_PAGE)

    @property
    def window_count(self) -> int:
        """The number of windows that `windows` returns."""
        return -(-self.days // MOST_DAYS)

    def windows(self) -> "Iterator[Span]":
        """Return the windows for listing attributes with their values, of at most 31 days, the newest first."""
        for number in range(self.window_count):
            end = self.end - dt.timedelta(days=number * MOST_DAYS)
            days = min(MOST_DAYS, (end - self.start).days + 1)
            yield Span(end - dt.timedelta(days=days - 1), end)


@define(eq=False, repr=False)
class Listing:
    """The listing of the attributes with some names, or of all, with their values in each window."""

    names: frozenset[str] | None
    first: Page[ListedValues]  # the first page of the newest window
    page_count: int  # of each window, as far as it is known

    def wanted(self, attributes: Iterable[ListedValues]) -> list[ListedValues]:
        """Return the attributes with the requested names: at times, Exist ignores the filter and lists all."""
        return [attribute for attribute in attributes if self.names is None or attribute.name in self.names]


@frozen(eq=False, repr=False)
class Plan:
    """A plan to read a history.

    Attributes:
        requests: Number of requests, including those that were made for the plan.
        source: Source of the pages.
        listings: Listings of attributes, with the first pages that were read for the plan.
        by_window: Whether the listings are read in all windows, or only in the newest.
        alone: Attributes that are read one by one, and the days to read of each.
        required: Names of attributes that are also read one by one if no listing contains them.
    """

    requests: int
    source: PageSource
    listings: Sequence[Listing] = ()
    by_window: bool = False
    alone: Sequence[tuple[str, Span]] = ()
    required: frozenset[str] = frozenset()


async def make_plan(
    session: Session, source: PageSource, span: Span, names: Sequence[str] | None, filters: Mapping[str, str]
) -> Plan:
    """Return the plan that takes the fewest requests, for the attributes with some names, or for all."""
    await session.prepare()
    parts = [None] if names is None else list(parts_of(names))
    if names is not None and not filters and len(names) * span.page_count <= span.window_count * len(parts):
        alone = [(name, span) for name in names]
        return Plan(len(names) * span.page_count, source, alone=alone, required=frozenset(names))
    newest = next(span.windows())
    jobs = (partial(_first_page, session, source, newest, part, filters) for part in parts)
    async with aclosing(ordered_map(jobs, concurrency=session.options.concurrency)) as pages:
        listings = [listing async for listing in pages]
    by_window = span.window_count * sum(listing.page_count for listing in listings)
    required = frozenset[str]() if filters else frozenset(names or ())
    if any(listing.page_count > 1 for listing in listings):
        return Plan(by_window, source, listings, by_window=True, required=required)
    found = [attribute.name for listing in listings for attribute in listing.wanted(listing.first.results)]
    hidden = len(required.difference(found)) * span.page_count
    if span.window_count > 1:
        rest = Span(span.start, newest.start - dt.timedelta(days=1))
        one_by_one = len(listings) + len(found) * rest.page_count
        if one_by_one < by_window:
            alone = [(name, rest) for name in found]
            return Plan(one_by_one + hidden, source, listings, alone=alone, required=required)
    return Plan(by_window + hidden, source, listings, by_window=True, required=required)


async def fetch_window(
    session: Session,
    window: Span,
    names: Iterable[str] | None,
    filters: Mapping[str, str],
    number: int,
    *,
    source: PageSource = FROM_EXIST,
    state: CallState | None = None,
    max_repeats: int | None = None,
) -> PageAnswer[ListedValues]:
    """Request one page of the attributes with their values in a window."""
    params = {"days": str(window.days), "date_max": window.end.isoformat(), "limit": str(LARGEST_PAGE), **filters}
    if names is not None:
        params["attributes"] = ",".join(sorted(names))
    body = PageBody[ListedValues]
    return await source.fetch(session, WITH_VALUES, params, body, number, state=state, max_repeats=max_repeats)


async def _first_page(
    session: Session, source: PageSource, window: Span, names: frozenset[str] | None, filters: Mapping[str, str]
) -> Listing:
    reader = PageReader(
        WITH_VALUES, partial(fetch_window, session, window, names, filters, source=source), key=attrgetter("name")
    )
    page = await reader.read(1)
    return Listing(names, page, 1 if reader.ended else max(2, -(-(page.count or 0) // len(page.results))))


def parts_of(names: Iterable[str]) -> Iterator[frozenset[str]]:
    """Divide names into sets that fit on a page and into a URL."""
    part: list[str] = []
    length = 0
    for name in names:
        encoded = len(quote(name, safe="")) + 1
        if part and (len(part) == LARGEST_PAGE or length + encoded > LONGEST_FILTER):
            yield frozenset(part)
            part, length = [], 0
        part.append(name)
        length += encoded
    if part:
        yield frozenset(part)
