"""Listings with numbered pages, as Exist has them."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable, Mapping
from contextlib import aclosing
from functools import partial
from typing import Generic, TypeVar

from attrs import define, evolve, field, frozen

from exist_async import _json
from exist_async._checks import check_int
from exist_async._concurrency import ordered_map
from exist_async._http.call import Call, CallState, encode_query
from exist_async._http.session import Session
from exist_async._json import ESSENTIAL
from exist_async.errors import NoAnswerError, NotFoundError
from exist_async.paging.paginator import Page, Paginator, check_page_number

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

LARGEST_PAGE = 100
"""The maximum number of results in one page."""

_MOST_REPEATS = 2  # of a page; one is no error: results that were added in the meantime shift the pages


@frozen
class PageBody(Generic[T_co]):
    """A page as Exist sends it. `next` only indicates whether there is another page: its URL is never used."""

    results: tuple[T_co, ...]
    count: int | None = None
    next: str | None = field(default=None, metadata=ESSENTIAL)


@frozen
class _NotFoundBody:
    detail: str | None = None
    error: str | None = None


@frozen
class PageAnswer(Generic[T_co]):
    """The answer to the request for a page.

    Attributes:
        page: The page; empty if the service answered 404.
        has_next: Whether the service said that more pages follow.
        error: The 404.
    """

    page: Page[T_co]
    has_next: bool
    error: NotFoundError | None = None


@define(eq=False, repr=False)
class PageReader(Generic[T]):
    """Checks the pages of one listing, in order, and detects where it ends.

    A listing ends at a page without a `next`, or at the service's own 404. If the service announced more results than
    came, the missing page is requested again; NoAnswerError is raised if it is still missing. If the listing gets
    shorter meanwhile, the pages before are requested again, because results may have moved there unread.

    Of the pages that were read, only a hash of each result is kept: of its `key`, which identifies it in the listing.
    """

    path: str
    fetch: Callable[[int], Awaitable[PageAnswer[T]]]
    key: Callable[[T], Hashable] = hash
    ended: bool = False
    _first: int | None = field(init=False, default=None)  # number of the first page that was read
    _last_results: tuple[T, ...] = field(init=False, default=())  # of the last page
    _pages: dict[int, int] = field(init=False, factory=dict[int, int])  # the page of each result, by the key's hash
    _got_shorter: bool = field(init=False, default=False)
    _received: int = field(init=False, default=0)  # number of results
    _count: int | None = field(init=False, default=None)  # in the latest page that had one
    _most: int = field(init=False, default=0)  # the largest count so far
    _repeats: int = field(init=False, default=0)

    async def read(self, number: int) -> Page[T]:
        """Request the next page."""
        return await self.accept(await self.fetch(number))

    async def accept(self, answer: PageAnswer[T]) -> Page[T]:
        """Return the next page, from the answer to its request.

        Raises:
            NoAnswerError: The page is missing, or one page is repeated instead of those that follow.
        """
        if self._is_missing(answer):
            answer = await self.fetch(answer.page.number)
        if self._is_missing(answer):
            answer = await self._end_of_fewer(answer)
        elif self._first is not None and (self._count or 0) > (self._counted(answer.page) or 0):
            moved, _ = await self._read_again(answer.page)
            answer = evolve(answer, page=evolve(answer.page, results=moved + answer.page.results))
        return self.record(answer)

    def record(self, answer: PageAnswer[T]) -> Page[T]:
        """Return the next page, which is not missing."""
        page, has_next = answer.page, answer.has_next and bool(answer.page.results)
        self._count = self._counted(page)
        self._most = max(self._most, self._count or 0)
        self._repeats = self._repeats + 1 if page.results and page.results == self._last_results else 0
        if self._repeats == _MOST_REPEATS:
            self._received -= len(page.results)
            if self._count is not None and self._received < self._count:
                raise self._incomplete(page, "repeats the pages before it")
            page, has_next = evolve(page, results=()), False
        if self._got_shorter:
            results = [result for result in page.results if self._hash(result) not in self._pages]
            page = evolve(page, results=tuple(results))
        if self._first is None:
            self._first = page.number
            # If the pages before this one were not read, they probably have the same size.
            self._received = (page.number - 1) * len(page.results)
        self._received += len(page.results)
        self.ended = not has_next
        if self.ended:
            # A history keeps the readers of many listings to its end.
            self._last_results, self._pages = (), {}
        else:
            self._last_results = page.results
            self._pages |= dict.fromkeys(map(self._hash, page.results), page.number)
        return page

    def _is_missing(self, answer: PageAnswer[T]) -> bool:
        if answer.page.results or not (answer.has_next or answer.error):
            return False
        if answer.error and not is_own_not_found(answer.error):
            return True
        count = self._counted(answer.page)
        if count is None or (answer.error and self._first is None):
            return answer.error is None
        # In a listing that got shorter, as many results may have come as are left now, but not the same ones.
        return self._received < max(count, self._most)

    async def _end_of_fewer(self, missing: PageAnswer[T]) -> PageAnswer[T]:
        """Return the end of a listing that got shorter, instead of the missing page.

        Raises:
            NoAnswerError: It did not get shorter.
        """
        if self._first is not None:
            moved, last = await self._read_again(missing.page)
            if last is not None and not last.has_next:
                return PageAnswer(evolve(last.page, results=moved, number=missing.page.number), has_next=False)
        fault = "is empty, twice" if missing.error is None else "was answered with 404, twice"
        raise self._incomplete(missing.page, fault) from missing.error

    async def _read_again(self, page: Page[T]) -> tuple[tuple[T, ...], PageAnswer[T] | None]:
        """Request the pages before a page again, the last first, until one begins with a result that was there before.

        Return the results that moved there unread, and the last of the pages that still exist.

        Raises:
            NoAnswerError: One of these pages is missing.
            NotFoundError: The whole listing is gone.
        """
        assert self._first is not None
        self._got_shorter = True
        moved: list[T] = []
        last: PageAnswer[T] | None = None
        read = {*self._pages, *map(self._hash, page.results)}
        for number in range(page.number - 1, self._first - 1, -1):
            answer = await self.fetch(number)
            if _is_fault(answer):
                answer = await self.fetch(number)
            if _is_fault(answer):
                raise self._incomplete(answer.page, "can't be read again") from answer.error
            if answer.error:
                continue  # the listing is so short now that it does not have this page
            last = last or answer
            found = [result for result in answer.page.results if self._hash(result) not in read]
            read.update(map(self._hash, found))
            moved = found + moved
            if answer.page.results and self._pages.get(self._hash(answer.page.results[0]), page.number) <= number:
                break  # it was here or on an earlier page before, so nothing unread precedes it
        return tuple(moved), last

    def _hash(self, result: T) -> int:
        return hash(self.key(result))

    def _counted(self, page: Page[T]) -> int | None:
        return self._count if page.count is None else page.count

    def _incomplete(self, page: Page[T], fault: str) -> NoAnswerError:
        count = self._counted(page)
        total = "an unknown number of" if count is None else count
        return NoAnswerError(
            f"GET {self.path}: the listing is incomplete: {self._received} of {total} results came, but page "
            f"{page.number} {fault}. Reading it again later is harmless."
        )


def _is_fault(answer: PageAnswer[T]) -> bool:
    """Whether an answer is a proxy's 404, or an empty page that others follow, so that it is no part of a listing."""
    if answer.error:
        return not is_own_not_found(answer.error)
    return answer.has_next and not answer.page.results


class NumberedPaginator(Paginator[T_co]):
    """A listing with numbered pages of 1 to 100 results.

    `key` identifies a result in the listing. `not_found` is appended to the message of the service's own 404 to the
    first page.
    """

    def __init__(
        self,
        session: Session,
        path: str,
        params: Mapping[str, str],
        body: type[PageBody[T_co]],
        page_size: int,
        *,
        key: Callable[[T_co], Hashable] = hash,
        not_found: str = "",
    ) -> None:
        check_int("page_size", page_size, least=1, most=LARGEST_PAGE)
        super().__init__(session, path, params, page_size)
        self._body = body
        self._key = key
        self._not_found = not_found

    def _reader(self) -> PageReader[T_co]:
        return PageReader(self._path, self._fetch, self._key)

    async def _fetch(self, number: int) -> PageAnswer[T_co]:
        try:
            return await fetch_page(self._session, self._path, self._params, self._body, number)
        except NotFoundError as error:
            if self._not_found and is_own_not_found(error):
                error.args = (f"{error} {self._not_found}",)
            raise

    async def _from(self, number: int) -> AsyncGenerator[Page[T_co], None]:
        reader = self._reader()
        while not reader.ended:
            page = await reader.read(number)
            if page.results or number == 1:
                yield page
            number += 1

    async def collect(self) -> list[T_co]:
        """Return all results in order: requests the first page, then the others, `concurrency` of them at once.

        The number of pages is calculated from the first page's size and count. If the service sends no count, or has
        more pages than that, they are requested one by one.
        """
        # One deadline for all pages.
        reader = self._copy(self._session.with_deadline())._reader()
        page = await reader.read(1)
        results = list(page.results)
        if reader.ended:
            return results
        counted = -(-(page.count or 0) // len(results))
        answers = ordered_map(
            (partial(reader.fetch, number) for number in range(2, counted + 1)),
            concurrency=self._session.options.concurrency,
        )
        async with aclosing(answers):
            async for answer in answers:
                page = await reader.accept(answer)
                results += page.results
                if reader.ended:
                    return results
        while not reader.ended:
            page = await reader.read(page.number + 1)
            results += page.results
        return results

    async def count(self) -> int:
        """Return the number of results, as the service counts them. It takes one request.

        Raises:
            NoAnswerError: The reply has no count.
        """
        answer = await self._copy(self._session, 1)._fetch(1)
        if answer.page.count is None:
            raise NoAnswerError(f"GET {self._path}: the reply has no count of the results.")
        return answer.page.count


async def fetch_page(
    session: Session,
    path: str,
    params: Mapping[str, str],
    body: type[PageBody[T]],
    number: int,
    *,
    state: CallState | None = None,
    max_repeats: int | None = None,
) -> PageAnswer[T]:
    """Request one page of a listing. A 404 is raised only for the first page, and returned for others."""
    check_page_number(path, number)
    if number > 1:
        params = {**params, "page": str(number)}
    try:
        page = await session.send(Call("GET", path, encode_query(params), max_repeats=max_repeats), body, state=state)
    except NotFoundError as error:
        if number == 1:
            raise
        return PageAnswer(Page((), None, number), has_next=False, error=error)
    return PageAnswer(Page(page.results, page.count, number), has_next=bool(page.next))


def is_own_not_found(error: NotFoundError) -> bool:
    """Whether a 404 is Exist's own answer, and not that of a proxy in front of it."""
    try:
        body = _json.decode(error.body.encode(), _NotFoundBody)
    except _json.UnreadableError:
        return False
    return body.error == "not_found" or (body.error is None and body.detail is not None)
