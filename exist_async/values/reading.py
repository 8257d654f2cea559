"""Reads a history by its plan, and gives each attribute's values from the newest to the oldest."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING

from exist_async._http.ahead import in_order
from exist_async._http.session import Session
from exist_async.errors import NotFoundError
from exist_async.paging import LARGEST_PAGE, Page, PageBody, fetch_page
from exist_async.values.models import AttributeWithValues, DayValue
from exist_async.values.plans import OF_ALL, OF_ONE, Listing, Plan, Span, window_params

if TYPE_CHECKING:
    import datetime as dt


Values = list[tuple[str, DayValue]]


class Reading:
    """One iteration over a history.

    Args:
        session: What makes the calls.
        span: The days.
        filters: Filters other than names, encoded.
        plan: How.
    """

    def __init__(self, session: Session, span: Span, filters: Mapping[str, str], plan: Plan) -> None:
        self._session = session
        self._concurrency = session.options.concurrency
        self._span = span
        self._filters = filters
        self._plan = plan
        # The oldest day that was given of each attribute. What is tracked meanwhile moves values to a later page, where
        # they are met again.
        self._given: dict[str, dt.date] = {}
        self._listed: set[str] = set()

    async def values(self) -> AsyncGenerator[Values, None]:
        """Give the values, some at once."""
        for listing in self._plan.listings:
            for values in self._of_all(listing.wanted(listing.first.results)):
                yield values
        async with aclosing(in_order(self._windows(), concurrency=self._concurrency)) as listed:
            async for attributes in listed:
                for values in self._of_all(attributes):
                    yield values
        hidden = sorted(self._plan.asked_for - self._listed)
        async with aclosing(self._alone([*self._plan.alone, *((name, self._span) for name in hidden)])) as alone:
            async for values in alone:
                yield values

    def _windows(self) -> Iterator[Callable[[], Awaitable[list[AttributeWithValues]]]]:
        for window in self._plan.windows:
            for listing in self._plan.listings:
                # The first page of the newest window was read for the plan.
                for number in range(1 if window is not self._plan.windows[0] else 2, listing.pages + 1):
                    yield partial(self._listing_page, window, listing, number)

    async def _listing_page(self, window: Span, listing: Listing, number: int) -> list[AttributeWithValues]:
        """Return a page, and with the last one that was counted those that came after it."""
        params = window_params(window, listing.names, self._filters)
        results: list[AttributeWithValues] = []
        while True:
            page, is_last = await fetch_page(self._session, OF_ALL, params, PageBody[AttributeWithValues], number)
            results += listing.wanted(page.results)
            if is_last or number < listing.pages:
                return results
            number += 1

    async def _alone(self, parts: Sequence[tuple[str, Span]]) -> AsyncGenerator[Values, None]:
        """Give the values of attributes that are read by themselves: the first page of each, then all others."""
        left: list[tuple[str, Span, int]] = []
        firsts = in_order((partial(self._first, name, span) for name, span in parts), concurrency=self._concurrency)
        async with aclosing(firsts):
            async for name, span, page, is_last in firsts:
                yield self._of_one(name, page.results)
                if not (is_last or self._reached(span, page)):
                    left.append((name, span, _pages(span, page)))
        over: set[str] = set()
        others = in_order(self._others(left, over), concurrency=self._concurrency)
        async with aclosing(others):
            async for name, span, pages in others:
                for page in pages:
                    yield self._of_one(name, page.results)
                    if self._reached(span, page):
                        over.add(name)

    def _others(
        self, left: Iterable[tuple[str, Span, int]], over: set[str]
    ) -> Iterator[Callable[[], Awaitable[tuple[str, Span, list[Page[DayValue]]]]]]:
        for name, span, pages in left:
            for number in range(2, pages + 1):
                # An attribute with gaps has fewer pages than days would fill.
                if name in over:
                    break
                yield partial(self._pages_from, name, span, number, pages)

    async def _first(self, name: str, span: Span) -> tuple[str, Span, Page[DayValue], bool]:
        return name, span, *(await self._page(name, span, 1))

    async def _pages_from(
        self, name: str, span: Span, number: int, counted: int
    ) -> tuple[str, Span, list[Page[DayValue]]]:
        """Return a page, and with the last one that was counted those that came after it."""
        pages: list[Page[DayValue]] = []
        while True:
            page, is_last = await self._page(name, span, number)
            pages.append(page)
            if is_last or number < counted or self._reached(span, page):
                return name, span, pages
            number += 1

    async def _page(self, name: str, span: Span, number: int) -> tuple[Page[DayValue], bool]:
        params = {"attribute": name, "date_max": span.end.isoformat(), "limit": str(LARGEST_PAGE)}
        try:
            return await fetch_page(self._session, OF_ONE, params, PageBody[DayValue], number)
        except NotFoundError as error:
            error.args = (f"{error} It was asked for the values of {name!r}: the user has no such attribute.",)
            raise

    def _of_all(self, attributes: Iterable[AttributeWithValues]) -> Iterator[Values]:
        for attribute in attributes:
            self._listed.add(attribute.name)
            yield self._of_one(attribute.name, attribute.values)

    def _of_one(self, name: str, values: Iterable[DayValue]) -> Values:
        """Return what is new of an attribute's values, the newest first."""
        given = self._given.get(name)
        new = [
            (name, value)
            for value in sorted(values, key=attrgetter("date"), reverse=True)
            if value.value is not None
            and self._span.start <= value.date <= self._span.end
            and (given is None or value.date < given)
        ]
        if new:
            self._given[name] = new[-1][1].date
        return new

    @staticmethod
    def _reached(span: Span, page: Page[DayValue]) -> bool:
        """Whether a page goes back to the first day."""
        return any(value.date <= span.start for value in page.results)


def _pages(span: Span, first: Page[DayValue]) -> int:
    """Return how many pages there are of one attribute's values, as far as the first one tells."""
    size = len(first.results)
    by_days = -(-span.days // size)
    # Where there is no count, the second page says whether there is a third.
    return 2 if first.count is None else max(2, min(by_days, -(-first.count // size)))
