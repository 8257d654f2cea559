"""Walks a listing, however its pages are asked for."""

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

# A day and a half at 300 an hour, and a million results. What has more turns its pages for ever.
_MOST_PAGES = 10_000


@frozen
class Page(Generic[T_co]):
    """One page of a listing.

    Attributes:
        results: What is on it.
        count: How many results all pages have together, where the service says.
        number: Which page it is, from 1.
    """

    results: tuple[T_co, ...]
    count: int | None
    number: int


class Paginator(ABC, Generic[T_co]):
    """A listing: iterate over it with `async for`, as often as you like. Making one asks for nothing.

    Every iteration starts again at the first page. Breaking out of it asks for no further page.

    Args:
        session: What makes the calls.
        path: The path of the listing.
        params: Its filters, encoded.
        page_size: How many results to ask for in a page; the service may give fewer.
    """

    def __init__(self, session: Session, path: str, params: Mapping[str, str], page_size: int) -> None:
        self._session = session
        self._path = path
        self._params = {**params, "limit": str(page_size)}
        self._page_size = page_size

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._path}?{encode_query(self._params)}>"

    @abstractmethod
    async def _fetch(self, number: int, received: int, *, limit: int | None = None) -> tuple[Page[T_co], bool]:
        """Return one page, and whether it is the last.

        Args:
            number: Which page, from 1.
            received: How many results the pages before it had.
            limit: How many results to ask for instead.
        """
        ...

    async def __aiter__(self) -> AsyncGenerator[T_co, None]:
        """Give the results one by one, asking for the next page when the one before is used up."""
        async for page in self.pages():
            for result in page.results:
                yield result

    def pages(self, start: int = 1) -> AsyncGenerator[Page[T_co], None]:
        """Give the pages one by one.

        Args:
            start: The number of the page to start at.

        Raises:
            NoAnswerError: There is no end of pages, after ten thousand of them.
        """
        check_int("start", start, least=1, most=_MOST_PAGES)
        return self._from(start, (start - 1) * self._page_size)

    async def _from(
        self, number: int, received: int, turning: "_Turning | None" = None
    ) -> AsyncGenerator[Page[T_co], None]:
        turning = turning or _Turning()
        while True:
            page, is_last = await self._fetch(number, received)
            if turning.has_stopped(page):
                return
            if page.results or number == 1:
                yield page
            if is_last:
                return
            number += 1
            received += len(page.results)

    async def collect(self) -> list[T_co]:
        """Return all results in order: the first page, then all others, as many at once as `concurrency` lets.

        How many pages there are is told by the first page's size and count. Where the service gives no count, or has
        more pages than it counted, they are asked for one by one.
        """
        begun = self._begun()
        first, is_last = await begun._fetch(1, 0)
        results = list(first.results)
        if is_last:
            return results
        counted = -(-(first.count or 0) // len(first.results))
        number = 1
        turning = _Turning(first)
        pages = ordered_map(
            (partial(begun._fetch, number, (number - 1) * len(first.results)) for number in range(2, counted + 1)),
            concurrency=self._session.options.concurrency,
        )
        async with aclosing(pages):
            async for page, is_last in pages:
                if turning.has_stopped(page):
                    return results
                number += 1
                results += page.results
                if is_last:
                    return results
        async for page in begun._from(number + 1, len(results), turning):
            results += page.results
        return results

    async def first(self) -> T_co | None:
        """Return the first result, or None of an empty listing; costs one request."""
        page, _ = await self._fetch(1, 0, limit=1)
        return page.results[0] if page.results else None

    async def count(self) -> int:
        """Return how many results there are, as the service counts them; costs one request.

        Raises:
            NoAnswerError: The service does not say.
        """
        page, _ = await self._fetch(1, 0, limit=1)
        if page.count is None:
            raise NoAnswerError(f"GET {self._path}: the service does not say how many results there are.")
        return page.count

    def _begun(self) -> "Paginator[T_co]":
        """Return this listing for one call, whose deadline is counted from now for all of its pages."""
        begun = copy.copy(self)
        begun._session = self._session.begin()
        return begun


def check_end(path: str, number: int) -> None:
    """Refuse to ask for a page that no listing has.

    Raises:
        NoAnswerError: It is one of a listing without an end.
    """
    if number > _MOST_PAGES:
        raise NoAnswerError(
            f"GET {path}: the listing does not end: there were {_MOST_PAGES} pages, and there are more."
        )


class _Turning:
    """Notices that a service does not turn its pages: it would go on with the same one for ever.

    One that comes a second time has only moved, by what came into the listing meanwhile.

    Args:
        first: The first page, where it was read already.
    """

    def __init__(self, first: Page[object] | None = None) -> None:
        self._before = first.results if first is not None else ()
        self._repeats = 0

    def has_stopped(self, page: Page[object]) -> bool:
        """Whether a page is the one before it once more, and that the one before that."""
        self._repeats = self._repeats + 1 if page.results and page.results == self._before else 0
        self._before = page.results
        return self._repeats == 2
