"""Iterates over a listing, however its pages are requested."""

import copy
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from functools import partial
from typing import Generic, TypeVar

from attrs import frozen

from exist_async._checks import check_int
from exist_async._concurrency import ordered_map
from exist_async._http.call import encode_query
from exist_async._http.session import Session
from exist_async.errors import NoAnswerError

T_co = TypeVar("T_co", covariant=True)

# A day and a half at 300 an hour, and a million results. A listing with more pages repeats them without end.
_MOST_PAGES = 10_000


@frozen
class Page(Generic[T_co]):
    """One page of a listing.

    Attributes:
        results: The results on it.
        count: How many results all pages have together, where the service tells it.
        number: The number of the page, from 1.
    """

    results: tuple[T_co, ...]
    count: int | None
    number: int


class Paginator(ABC, Generic[T_co]):
    """A listing: iterate over it with `async for`, as often as you like. Creating one sends nothing.

    Every iteration starts at the first page. Leaving it early requests no further page.

    Args:
        session: Sends the calls.
        path: The path of the listing.
        params: Its filters, encoded.
        page_size: How many results to ask for in a page; the service may return fewer.
    """

    def __init__(self, session: Session, path: str, params: Mapping[str, str], page_size: int) -> None:
        self._session = session
        self._path = path
        self._params = {**params, "limit": str(page_size)}
        self._page_size = page_size

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._path}?{encode_query(self._params)}>"

    @abstractmethod
    async def _fetch(self, number: int, received: int, *, limit: int | None = None) -> tuple[Page[T_co], bool]:
        """Return one page, and whether it is the last.

        Args:
            number: The number of the page, from 1.
            received: How many results the pages before it had.
            limit: How many results to ask for, instead of the page size.
        """
        ...

    async def __aiter__(self) -> AsyncGenerator[T_co, None]:
        """Yield the results one by one; the next page is requested when the one before is used up."""
        async for page in self.pages():
            for result in page.results:
                yield result

    def pages(self, start: int = 1) -> AsyncGenerator[Page[T_co], None]:
        """Yield the pages one by one.

        Args:
            start: The number of the page to start at.

        Raises:
            NoAnswerError: The listing does not end after ten thousand pages.
        """
        check_int("start", start, least=1, most=_MOST_PAGES)
        return self._from(start, (start - 1) * self._page_size)

    async def _from(
        self, number: int, received: int, repeats: "RepeatDetector | None" = None
    ) -> AsyncGenerator[Page[T_co], None]:
        repeats = repeats or RepeatDetector()
        while True:
            page, is_last = await self._fetch(number, received)
            if repeats.detect(page):
                return
            if page.results or number == 1:
                yield page
            if is_last:
                return
            number += 1
            received += len(page.results)

    async def collect(self) -> list[T_co]:
        """Return all results in order: the first page, then all others, `concurrency` of them at once.

        The first page's size and count show how many pages there are. If the service tells no count, or has more pages
        than it counted, they are requested one by one.
        """
        listing = self._with_deadline()
        first, is_last = await listing._fetch(1, 0)
        results = list(first.results)
        if is_last:
            return results
        counted = -(-(first.count or 0) // len(first.results))
        number = 1
        repeats = RepeatDetector()
        repeats.detect(first)
        pages = ordered_map(
            (partial(listing._fetch, number, (number - 1) * len(first.results)) for number in range(2, counted + 1)),
            concurrency=self._session.options.concurrency,
        )
        async with aclosing(pages):
            async for page, is_last in pages:
                if repeats.detect(page):
                    return results
                number += 1
                results += page.results
                if is_last:
                    return results
        async for page in listing._from(number + 1, len(results), repeats):
            results += page.results
        return results

    async def first(self) -> T_co | None:
        """Return the first result, or None if the listing is empty. It takes one request."""
        page, _ = await self._fetch(1, 0, limit=1)
        return page.results[0] if page.results else None

    async def count(self) -> int:
        """Return how many results there are, as the service counts them. It takes one request.

        Raises:
            NoAnswerError: The service does not tell.
        """
        page, _ = await self._fetch(1, 0, limit=1)
        if page.count is None:
            raise NoAnswerError(f"GET {self._path}: the service does not tell how many results there are.")
        return page.count

    def _with_deadline(self) -> "Paginator[T_co]":
        """Return this listing with one deadline for all of its pages, counted from now."""
        listing = copy.copy(self)
        listing._session = self._session.with_deadline()
        return listing


def check_page_number(path: str, number: int) -> None:
    """Refuse to request a page that only a listing without an end has.

    Raises:
        NoAnswerError: The listing has no end.
    """
    if number > _MOST_PAGES:
        raise NoAnswerError(f"GET {path}: the listing does not end: after {_MOST_PAGES} pages, there are still more.")


class RepeatDetector:
    """Detects that a service returns one page over and over, so that a listing would never end.

    A page that comes a second time may only have moved: results that were added meanwhile shift the pages.
    """

    def __init__(self) -> None:
        self._previous: tuple[object, ...] = ()
        self._repeats = 0

    def detect(self, page: Page[object]) -> bool:
        """Return whether a page is the third in a row with the same results."""
        self._repeats = self._repeats + 1 if page.results and page.results == self._previous else 0
        self._previous = page.results
        return self._repeats == 2
