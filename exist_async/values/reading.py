"""Reads a history by its plan, and gives each attribute's values from the newest to the oldest."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, TypeAlias

from attrs import frozen

from exist_async._concurrency import ordered_map
from exist_async._http.session import Session
from exist_async._json import UnreadableError, decode
from exist_async.paging import PageBody, fetch_page
from exist_async.values.alone import read_alone
from exist_async.values.models import AttributeWithValues, DayValue
from exist_async.values.paths import WITH_VALUES
from exist_async.values.plans import Listing, Plan, Span, fetch_columns, window_params

if TYPE_CHECKING:
    import datetime as dt

    from exist_async.paging import Page
    from exist_async.values.columns import Column

Values: TypeAlias = list[tuple[str, DayValue]]


@frozen(eq=False, repr=False)
class _Listed:
    """One page of a listing for one window."""

    window: Span
    listing: Listing
    number: int
    page: "Page[Column]"
    is_last: bool

    def repeats(self, before: "_Listed") -> bool:
        """Whether it is the page before it once more: a service that does not turn its pages would go on for ever."""
        return self.window == before.window and bool(self.page.results) and self.page.results == before.page.results


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
        self._given: dict[str, dt.date] = {}
        # Attributes that every window so far has shown, and those that were read by themselves down to the first day.
        self._regular: set[str] = set()
        self._done: set[str] = set()
        # How many pages listings have for a window, and those whose last page was met.
        self._pages_of = {listing: listing.pages for listing in plan.listings}
        self._ended: set[tuple[Span, Listing]] = set()

    async def values(self) -> AsyncGenerator[Values, None]:
        """Give the values, some at once."""
        if self._plan.listings:
            async with aclosing(self._by_window()) as by_window:
                async for values in by_window:
                    yield values
        hidden = sorted(self._plan.asked_for - self._regular - self._done - {name for name, _ in self._plan.alone})
        parts = [*self._plan.alone, *((name, self._span) for name in hidden)]
        async with aclosing(self._alone(parts)) as alone:
            async for values in alone:
                yield values

    async def _by_window(self) -> AsyncGenerator[Values, None]:
        window = next(self._span.windows())
        shown = set[str]()
        async with aclosing(self._pages()) as pages:
            async for listed in pages:
                if listed.window != window:
                    async for values in self._missed(window, shown):
                        yield values
                    window = listed.window
                    shown.clear()
                attributes = listed.listing.wanted(listed.page.results)
                shown.update(attribute.name for attribute in attributes)
                async for values in self._come(window, shown):
                    yield values
                again: dict[str, tuple[DayValue, ...]] | None = None
                for attribute in attributes:
                    if attribute.name not in self._regular:
                        continue
                    days = _read(attribute) if again is None else again.get(attribute.name)
                    if days is None and again is None:
                        again = await self._read_again(listed)
                        days = again.get(attribute.name)
                    if days is None:
                        # It has left the listing meanwhile.
                        shown.discard(attribute.name)
                    else:
                        yield self._new(attribute.name, window, days)
        async for values in self._missed(window, shown):
            yield values

    async def _come(self, window: Span, shown: set[str]) -> AsyncGenerator[Values, None]:
        """Give the values of attributes that come into the listing while it is read: newer windows have gone by."""
        if window.end == self._span.end:
            self._regular.update(shown)
            return
        come = sorted(shown - self._regular - self._done)
        if come:
            async for values in self._alone([(name, self._span) for name in come], gone=True):
                yield values
            self._done.update(come)

    async def _missed(self, window: Span, shown: set[str]) -> AsyncGenerator[Values, None]:
        """Give the values of attributes that a window ought to show and does not.

        What leaves the listing meanwhile moves all that follows, so that one falls between two pages. How many windows
        it is missing in nobody knows: it is read by itself from here on.
        """
        missed = sorted(self._regular - shown)
        if missed:
            rest = Span(self._span.start, window.end)
            async for values in self._alone([(name, rest) for name in missed], gone=True):
                yield values
            self._regular.difference_update(missed)
            self._done.update(missed)

    async def _pages(self) -> AsyncGenerator[_Listed, None]:
        """Give the pages of all windows, several of them asked for at once."""
        newest = next(self._span.windows())
        before: dict[Listing, _Listed] = {}
        for listing in self._plan.listings:
            before[listing] = _Listed(newest, listing, 1, listing.first, is_last=listing.pages == 1)
            yield before[listing]
        if not self._plan.by_window:
            return
        async with aclosing(ordered_map(self._jobs(), concurrency=self._concurrency)) as pages:
            async for listed in pages:
                yield listed
                if listed.is_last or listed.repeats(before[listed.listing]):
                    self._end(listed)
                elif listed.number >= self._pages_of[listed.listing]:
                    async for more in self._beyond(listed):
                        yield more
                before[listed.listing] = listed

    def _jobs(self) -> Iterator[Callable[[], Awaitable[_Listed]]]:
        for window in self._span.windows():
            for listing in self._plan.listings:
                # The first page of the newest window was read for the plan.
                number = 2 if window.end == self._span.end else 1
                while number <= self._pages_of[listing] and (window, listing) not in self._ended:
                    yield partial(self._page, window, listing, number)
                    number += 1

    async def _beyond(self, listed: _Listed) -> AsyncGenerator[_Listed, None]:
        """Give the pages after the last one that was counted, one by one."""
        repeats = False
        while not (listed.is_last or repeats):
            following = await self._page(listed.window, listed.listing, listed.number + 1)
            repeats = following.repeats(listed)
            listed = following
            yield listed
        self._end(listed)

    def _end(self, listed: _Listed) -> None:
        """Note which page was the last one: its count may have said otherwise."""
        if (listed.window, listed.listing) not in self._ended:
            self._ended.add((listed.window, listed.listing))
            self._pages_of[listed.listing] = listed.number

    async def _page(self, window: Span, listing: Listing, number: int) -> _Listed:
        page, is_last = await fetch_columns(self._session, window, listing.names, self._filters, number)
        return _Listed(window, listing, number, page, is_last)

    async def _read_again(self, listed: _Listed) -> dict[str, tuple[DayValue, ...]]:
        """Ask for a page once more whose values could not be read, and read it whole, as every answer is."""
        params = window_params(listed.window, listed.listing.names, self._filters)
        page, _ = await fetch_page(self._session, WITH_VALUES, params, PageBody[AttributeWithValues], listed.number)
        return {attribute.name: attribute.values for attribute in page.results}

    async def _alone(self, parts: Sequence[tuple[str, Span]], *, gone: bool = False) -> AsyncGenerator[Values, None]:
        async with aclosing(read_alone(self._session, parts, gone=gone)) as pages:
            async for name, span, values in pages:
                yield self._new(name, span, values)

    def _new(self, name: str, span: Span, values: Iterable[DayValue]) -> Values:
        """Return those of an attribute's values that were not given yet, the newest first."""
        given = self._given.get(name)
        new: Values = []
        for value in sorted(values, key=attrgetter("date"), reverse=True):
            if (
                value.value is not None
                and span.start <= value.date <= span.end
                and (given is None or value.date < given)
            ):
                given = value.date
                new.append((name, value))
        if given is not None:
            self._given[name] = given
        return new


def _read(column: "Column") -> tuple[DayValue, ...] | None:
    """Read the values of an attribute; None where they are none."""
    try:
        return decode(bytes(column.values), tuple[DayValue, ...])
    except UnreadableError:
        return None
