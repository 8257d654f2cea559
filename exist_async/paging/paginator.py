"""Iterates over the results and the pages of a listing; subclasses request the pages."""

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

# A million results, at 100 a page. A listing with more pages is taken for one that repeats them endlessly.
_MOST_PAGES = 10_000


@frozen
class Page(Generic[T_co]):
    """One page of a listing, and its number from 1. `count` is the number of results on all pages, None if not sent."""

    results: tuple[T_co, ...]
    count: int | None
    number: int


class Paginator(ABC, Generic[T_co]):
    """A listing: iterate over it with `async for`, as often as you like. Creating one sends nothing.

    Every iteration starts at the first page. Leaving it early requests no further page. The service may return fewer
    results in a page than its `page_size`.
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
        """Return one page, from 1, and whether it is the last.

        `received` is the number of results on the pages before it; `limit` replaces the page size.
        """

    async def __aiter__(self) -> AsyncGenerator[T_co, None]:
        """Yield the results one by one; the next page is requested after the last result of the one before."""
        async for page in self.pages():
            for result in page.results:
                yield result

    def pages(self, start: int = 1) -> AsyncGenerator[Page[T_co], None]:
        """Yield the pages one by one.

        Args:
            start: Number of the first page to yield.

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
        """Return all results in order: requests the first page, then the others, `concurrency` of them at once.

        The number of pages is calculated from the first page's size and count. If the service sends no count, or has
        more pages than that, they are requested one by one.
        """
        # One deadline for all pages.
        listing = copy.copy(self)
        listing._session = self._session.with_deadline()
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
        """Return the number of results, as the service counts them. It takes one request.

        Raises:
            NoAnswerError: The reply has no count.
        """
        page, _ = await self._fetch(1, 0, limit=1)
        if page.count is None:
            raise NoAnswerError(f"GET {self._path}: the reply has no count of the results.")
        return page.count


def check_page_number(path: str, number: int) -> None:
    """Raise NoAnswerError for a page number so large that the listing must be endless."""
    if number > _MOST_PAGES:
        raise NoAnswerError(f"GET {path}: the listing does not end: after {_MOST_PAGES} pages, there are still more.")


class RepeatDetector:
    """Detects a listing that returns the same page over and over.

    One repetition is no error: results that were added in the meantime shift the pages.
    """

    def __init__(self) -> None:
        self._previous: tuple[object, ...] = ()
        self._repeats = 0

    def detect(self, page: Page[object]) -> bool:
        """Whether a page is the third in a row with the same results."""
        self._repeats = self._repeats + 1 if page.results and page.results == self._previous else 0
        self._previous = page.results
        return self._repeats == 2
