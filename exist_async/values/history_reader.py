"""Reads the pages of a history, and says which attributes and days have been read completely with each."""

import datetime as dt
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from itertools import chain
from operator import attrgetter
from typing import Generic, TypeAlias, TypeVar

from attrs import define, evolve, field, frozen

from exist_async._concurrency import ordered_map
from exist_async._http.session import Session
from exist_async.errors import NotFoundError
from exist_async.paging import LARGEST_PAGE, Page, PageAnswer, PageBody, PageReader, is_own_not_found
from exist_async.values.history_plan import ListedValues, Listing, Plan, Span, fetch_window
from exist_async.values.models import DayValue
from exist_async.values.requests import VALUES, WITH_VALUES

_log = logging.getLogger("exist_async")

_Values: TypeAlias = list[tuple[str, DayValue]]
_Parts: TypeAlias = Sequence[tuple[str, Span]]
_InWindow: TypeAlias = tuple[Span, Listing]

S = TypeVar("S")
R = TypeVar("R")


@frozen(eq=False, repr=False)
class HistoryPage:
    """The values of one page of a history.

    Attributes:
        values: Names of attributes and their values, without those of the pages before; the newest of each first.
        covered: Names of attributes, and the days of which all values have been yielded with this page.
        listed: Names of the attributes of which Exist has listed at least one of the days, with a value or without it.
            Then a day that it has left out has no value. If it lists none, that does not tell that values were removed.
    """

    values: _Values
    covered: _Parts
    listed: frozenset[str] = frozenset()


@define(eq=False, repr=False)
class _Pages(Generic[S, R]):
    """The pages of one listing: of attributes in one window, or of one attribute's values."""

    subject: S
    reader: PageReader[R]
    start: int = 1
    page_count: int = 1  # as far as it is known
    last: int | None = None  # the lowest number of a page that turned out to be the last

    async def fetch(self, number: int) -> "tuple[_Pages[S, R], PageAnswer[R]]":
        """Request a page, at any time; return the answer with its listing."""
        answer = await self.reader.fetch(number)
        if not answer.has_next and answer.error is None:
            self._end(number)
        return self, answer

    async def accept(self, answer: PageAnswer[R]) -> Page[R]:
        """Return the next page in order, from the answer to its request."""
        page = await self.reader.accept(answer)
        if self.reader.ended:
            self._end(page.number)
        return page

    def _end(self, number: int) -> None:
        self.last = number if self.last is None else min(self.last, number)


async def _read_pages(
    listings: Iterable[_Pages[S, R]], *, concurrency: int, ahead: int | None
) -> AsyncGenerator[tuple[_Pages[S, R], Page[R]], None]:
    """Read all pages of several listings concurrently, and yield them in order."""

    def jobs() -> Iterator[Callable[[], Awaitable[tuple[_Pages[S, R], PageAnswer[R]]]]]:
        for listing in listings:
            for number in range(listing.start, listing.page_count + 1):
                if listing.last is not None:
                    break
                yield partial(listing.fetch, number)

    async with aclosing(ordered_map(jobs(), concurrency=concurrency, ahead=ahead)) as answers:
        async for listing, answer in answers:
            if listing.reader.ended:
                continue  # it was requested before the last page was known
            page = await listing.accept(answer)
            yield listing, page
            # If there are more pages than were counted, they are read one by one.
            while page.number >= listing.page_count and not listing.reader.ended:
                _, following = await listing.fetch(page.number + 1)
                page = await listing.accept(following)
                listing.page_count = page.number
                yield listing, page


@define(eq=False, repr=False)
class HistoryReader:
    """One iteration over a history."""

    _session: Session
    _span: Span
    _filters: Mapping[str, str]
    _plan: Plan
    _ahead: int | None
    inaccessible: dict[str, None] = field(init=False, factory=dict[str, None])  # in the order found
    # The oldest day yielded of each attribute.
    _oldest: dict[str, dt.date] = field(init=False, factory=dict[str, dt.date])
    # The attributes that all windows so far contain, and those that were read one by one to the first day.
    _regular: set[str] = field(init=False, factory=set[str])
    _done: set[str] = field(init=False, factory=set[str])

    async def pages(self) -> AsyncGenerator[HistoryPage, None]:
        """Yield one page after another."""
        if self._plan.listings:
            async with aclosing(self._by_window()) as by_window:
                async for page in by_window:
                    yield page
        hidden = sorted(self._plan.required - self._regular - self._done - {name for name, _ in self._plan.alone})
        async with aclosing(self._alone([*self._plan.alone, *((name, self._span) for name in hidden)])) as alone:
            async for page in alone:
                yield page

    async def _by_window(self) -> AsyncGenerator[HistoryPage, None]:
        window = next(self._span.windows())
        shown: set[str] = set()
        async with aclosing(self._window_pages()) as window_pages:
            async for (days, listing), listed in window_pages:
                if days != window:
                    async for page in self._alone(self._missing(window, shown)):
                        yield page
                    window, shown = days, set[str]()
                # When attributes appear while pages are read, others are on two pages: their days are covered already.
                attributes = [attribute for attribute in listing.wanted(listed.results) if attribute.name not in shown]
                shown.update(attribute.name for attribute in attributes)
                async for page in self._alone(self._appeared(window, shown)):
                    yield page
                regular = [attribute for attribute in attributes if attribute.name in self._regular]
                values = chain.from_iterable(
                    self._new(attribute.name, window, attribute.values) for attribute in regular
                )
                yield HistoryPage(
                    list(values),
                    [(attribute.name, window) for attribute in regular],
                    frozenset(attribute.name for attribute in regular if _is_any_in(window, attribute.values)),
                )
        async for page in self._alone(self._missing(window, shown)):
            yield page

    def _appeared(self, window: Span, shown: set[str]) -> _Parts:
        """Return the attributes that newer windows did not contain: all of their days are read one by one."""
        if window.end == self._span.end:
            self._regular.update(shown)
            return []
        appeared = sorted(shown - self._regular - self._done)
        self._done.update(appeared)
        return [(name, self._span) for name in appeared]

    def _missing(self, window: Span, shown: set[str]) -> _Parts:
        """Return the attributes that a window unexpectedly does not contain, with the days from this window on.

        When an attribute is removed from the listing, others move to an earlier page, and one of them may be missed in
        any number of windows. So the values of missing attributes are read one by one.
        """
        missing = sorted(self._regular - shown)
        self._regular.difference_update(missing)
        self._done.update(missing)
        return [(name, Span(self._span.start, window.end)) for name in missing]

    async def _window_pages(self) -> AsyncGenerator[tuple[_InWindow, Page[ListedValues]], None]:
        """Yield the pages of all windows, the newest first."""
        newest = next(self._span.windows())
        for listing in self._plan.listings:
            yield (newest, listing), listing.first
        if not self._plan.by_window:
            return
        concurrency = self._session.options.concurrency
        async with aclosing(_read_pages(self._windows(), concurrency=concurrency, ahead=self._ahead)) as pages:
            async for in_window, page in pages:
                if in_window.last is not None:
                    # The next windows probably have the same number of pages.
                    in_window.subject[1].page_count = in_window.last
                yield in_window.subject, page

    def _windows(self) -> Iterator[_Pages[_InWindow, ListedValues]]:
        for window in self._span.windows():
            for listing in self._plan.listings:
                fetch = partial(
                    fetch_window, self._session, window, listing.names, self._filters, source=self._plan.source
                )
                reader = PageReader(WITH_VALUES, fetch, key=attrgetter("name"))
                pages = _Pages[_InWindow, ListedValues]((window, listing), reader, page_count=listing.page_count)
                if window.end == self._span.end:
                    # The first page was read for the plan.
                    pages.start = 2
                    reader.record(PageAnswer(listing.first, has_next=listing.page_count > 1))
                yield pages

    async def _alone(self, parts: _Parts) -> AsyncGenerator[HistoryPage, None]:
        """Yield values attribute by attribute, first pages first."""
        concurrency = self._session.options.concurrency
        listings = [
            _Pages[tuple[str, Span], DayValue](
                part, PageReader(VALUES, partial(self._fetch_values, *part), key=attrgetter("date"))
            )
            for part in parts
        ]
        ends = {name: span.end.toordinal() for name, span in parts}
        firsts = (partial(listing.fetch, 1) for listing in listings)
        async with aclosing(ordered_map(firsts, concurrency=concurrency, ahead=self._ahead)) as first_pages:
            async for listing, answer in first_pages:
                page = await listing.accept(answer)
                yield self._page(listing, page, ends)
                if not listing.reader.ended:
                    listing.start, listing.page_count = 2, _count_pages(listing.subject[1], page)
        async with aclosing(_read_pages(listings, concurrency=concurrency, ahead=self._ahead)) as other_pages:
            async for listing, page in other_pages:
                yield self._page(listing, page, ends)

    def _page(
        self, listing: _Pages[tuple[str, Span], DayValue], page: Page[DayValue], ends: dict[str, int]
    ) -> HistoryPage:
        """Return a page of an attribute's values.

        `ends` has the ordinal of the newest day of each attribute that is not covered: there is no date before the
        first one.
        """
        name, span = listing.subject
        values = self._new(name, span, page.results)
        end = ends[name]
        # Of a page that has only values of earlier ones, nothing is left.
        oldest = min((value.date for value in page.results), default=dt.date.max)
        start = span.start if listing.reader.ended else max(span.start, oldest)
        if name in self.inaccessible or start.toordinal() > end:
            return HistoryPage(values, ())
        ends[name] = start.toordinal() - 1
        covered = [(name, Span(start, dt.date.fromordinal(end)))]
        return HistoryPage(values, covered, frozenset([name] if _is_any_in(covered[0][1], page.results) else ()))

    async def _fetch_values(self, name: str, span: Span, number: int) -> PageAnswer[DayValue]:
        params = {"attribute": name, "date_max": span.end.isoformat(), "limit": str(LARGEST_PAGE)}
        try:
            answer = await self._plan.source.fetch(self._session, VALUES, params, PageBody[DayValue], number)
        except NotFoundError as error:
            if not is_own_not_found(error):
                error.args = (f"{error} It was the request for the values of {name!r}.",)
                raise
            if name not in self.inaccessible:
                self.inaccessible[name] = None
                _log.warning("The history omits values of %r: the attribute is inactive or not there.", name)
            return PageAnswer(Page((), 0, number), has_next=False)
        if any(value.date <= span.start for value in answer.page.results):
            answer = evolve(answer, has_next=False)
        return answer

    def _new(self, name: str, span: Span, values: Iterable[DayValue]) -> _Values:
        """Return the values of an attribute that have not been yielded yet, the newest first."""
        oldest = self._oldest.get(name)
        new: _Values = []
        for value in sorted(values, key=attrgetter("date"), reverse=True):
            is_new = oldest is None or value.date < oldest
            if is_new and value.value is not None and span.start <= value.date <= span.end:
                oldest = value.date
                new.append((name, value))
        if oldest is not None:
            self._oldest[name] = oldest
        return new


def _is_any_in(span: Span, values: Iterable[DayValue]) -> bool:
    return any(span.start <= value.date <= span.end for value in values)


def _count_pages(span: Span, first: Page[DayValue]) -> int:
    """Estimate the number of pages of an attribute's values from the first page; days may be missing."""
    size = len(first.results)
    by_days = -(-span.days // size)
    return max(2, by_days if first.count is None else min(by_days, -(-first.count // size)))
