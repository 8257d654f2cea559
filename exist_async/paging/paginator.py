"""Iterates over the results and the pages of a listing; subclasses request the pages."""

import copy
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Generic, Self, TypeVar

from attrs import frozen

from exist_async._checks import check_int
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


class BasePaginator(ABC, Generic[T_co]):
    """A listing of any service."""

    def __init__(self, session: Session, path: str, params: Mapping[str, str], page_size: int) -> None:
        self._session = session
        self._path = path
        self._params = {**params, "limit": str(page_size)}
        self._page_size = page_size

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._path}?{encode_query(self._params)}>"

    @abstractmethod
    def _from(self, number: int) -> AsyncGenerator[Page[T_co], None]:
        """Yield the pages from a number on. The first page is yielded even if it is empty."""

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
            NoAnswerError: A page is missing that the service says exists, or there are more than ten thousand pages.
        """
        check_int("start", start, least=1, most=_MOST_PAGES)
        return self._from(start)

    async def collect(self) -> list[T_co]:
        """Return all results in order, requested one page after another."""
        # One deadline for all pages.
        return [result async for result in self._copy(self._session.with_deadline())]

    async def first(self) -> T_co | None:
        """Return the first result, or None if the listing is empty. It takes one request."""
        async with aclosing(self._copy(self._session, 1)._from(1)) as pages:
            page = await anext(pages)
        return page.results[0] if page.results else None

    def _copy(self, session: Session, page_size: int | None = None) -> Self:
        """Return the same listing, read through another session, or with another page size."""
        listing = copy.copy(self)
        listing._session = session
        if page_size is not None:
            listing._params = {**self._params, "limit": str(page_size)}
            listing._page_size = page_size
        return listing


class Paginator(BasePaginator[T_co]):
    """A listing of Exist: iterate over it with `async for`, as often as you like. Creating one sends nothing.

    Every iteration starts at the first page. Leaving it early requests no further page. The service may return fewer
    results in a page than its `page_size`. If it does not return all that it announced, NoAnswerError is raised.
    """

    @abstractmethod
    async def count(self) -> int:
        """Return the number of results, as the service counts them. It takes one request.

        Raises:
            NoAnswerError: The reply has no count.
        """


def check_page_number(path: str, number: int) -> None:
    """Raise NoAnswerError for a page number so large that the listing must be endless."""
    if number > _MOST_PAGES:
        raise NoAnswerError(f"GET {path}: the listing does not end: after {_MOST_PAGES} pages, there are still more.")
