"""Reads the values of attributes by themselves, a hundred days in a request."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing
from functools import partial
from typing import TypeAlias

from attrs import frozen

from exist_async._concurrency import ordered_map
from exist_async._http.session import Session
from exist_async.errors import NotFoundError
from exist_async.paging import LARGEST_PAGE, Page, PageBody, fetch_page
from exist_async.values.models import DayValue
from exist_async.values.paths import VALUES
from exist_async.values.plans import Span

_Part: TypeAlias = tuple[str, Span]


@frozen(eq=False, repr=False)
class _Paged:
    """One page of the values of an attribute.

    Attributes:
        part: The attribute, and the days that are read of it.
        number: Which page it is, from 1.
        page: The page.
        ends: Whether no later page has a day that is read.
    """

    part: _Part
    number: int
    page: Page[DayValue]
    ends: bool


async def read_alone(
    session: Session, parts: Sequence[_Part], *, gone: bool = False
) -> AsyncGenerator[tuple[str, Span, Sequence[DayValue]], None]:
    """Give the values of attributes: the first page of each, then the others, each attribute's newest first.

    Args:
        session: What makes the calls.
        parts: The attributes, and the days to read of each.
        gone: Whether one that the user does not have any more is passed over.

    Raises:
        NotFoundError: The user has no such attribute; the message names it.
    """
    reading = _Reading(session, gone=gone)
    concurrency = session.options.concurrency
    left: list[tuple[_Part, int]] = []
    firsts = (partial(reading.page, part, 1) for part in parts)
    async with aclosing(ordered_map(firsts, concurrency=concurrency)) as first_pages:
        async for paged in first_pages:
            yield *paged.part, paged.page.results
            if not paged.ends:
                left.append((paged.part, _page_count(paged)))
    ended: set[_Part] = set()
    async with aclosing(ordered_map(_others(reading, left, ended), concurrency=concurrency)) as other_pages:
        counted = dict(left)
        async for paged in other_pages:
            yield *paged.part, paged.page.results
            if paged.number == counted[paged.part]:
                async for more in reading.beyond(paged):
                    yield *more.part, more.page.results
            if paged.ends:
                ended.add(paged.part)


def _page_count(first: _Paged) -> int:
    """Return how many pages there are, as far as the first one tells; some days may have no value."""
    size = len(first.page.results)
    by_days = -(-first.part[1].days // size)
    counted = by_days if first.page.count is None else min(by_days, -(-first.page.count // size))
    return max(2, counted)


def _others(
    reading: "_Reading", left: Iterable[tuple[_Part, int]], ended: set[_Part]
) -> Iterator[Callable[[], Awaitable[_Paged]]]:
    for part, count in left:
        for number in range(2, count + 1):
            if part in ended:
                break
            yield partial(reading.page, part, number)


class _Reading:
    """Asks for pages."""

    def __init__(self, session: Session, *, gone: bool) -> None:
        self._session = session
        self._gone = gone

    async def page(self, part: _Part, number: int) -> _Paged:
        """Return one page of an attribute's values."""
        name, span = part
        params = {"attribute": name, "date_max": span.end.isoformat(), "limit": str(LARGEST_PAGE)}
        try:
            page, is_last = await fetch_page(self._session, VALUES, params, PageBody[DayValue], number)
        except NotFoundError as error:
            if self._gone:
                return _Paged(part, number, Page((), 0, number), ends=True)
            error.args = (f"{error} It was asked for the values of {name!r}: the user has no such attribute.",)
            raise
        return _Paged(part, number, page, is_last or any(value.date <= span.start for value in page.results))

    async def beyond(self, paged: _Paged) -> AsyncGenerator[_Paged, None]:
        """Give the pages after the last one that was counted, one by one."""
        while not paged.ends:
            following = await self.page(paged.part, paged.number + 1)
            if following.page.results == paged.page.results:
                # A service that does not turn pages would go on for ever.
                return
            paged = following
            yield paged
