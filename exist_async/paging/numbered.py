"""Listings with numbered pages, as Exist has them."""

from collections.abc import Mapping
from typing import Generic, TypeVar

from attrs import field, frozen

from exist_async._checks import check_int
from exist_async._http.call import Call, encode_query
from exist_async._http.session import Session
from exist_async._json import ESSENTIAL
from exist_async.errors import NotFoundError
from exist_async.paging.paginator import Page, Paginator, check_page_number

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

LARGEST_PAGE = 100
"""The maximum number of results in one page."""


@frozen
class PageBody(Generic[T_co]):
    """A page as Exist sends it. `next` only indicates whether there is another page: its URL is never used."""

    results: tuple[T_co, ...]
    count: int | None = None
    next: str | None = field(default=None, metadata=ESSENTIAL)


class NumberedPaginator(Paginator[T_co]):
    """A listing with numbered pages of 1 to 100 results."""

    def __init__(
        self, session: Session, path: str, params: Mapping[str, str], body: type[PageBody[T_co]], page_size: int
    ) -> None:
        check_int("page_size", page_size, least=1, most=LARGEST_PAGE)
        super().__init__(session, path, params, page_size)
        self._body = body

    async def _fetch(self, number: int, received: int, *, limit: int | None = None) -> tuple[Page[T_co], bool]:  # noqa: ARG002  (only the number is sent)
        params = self._params if limit is None else {**self._params, "limit": str(limit)}
        return await fetch_page(self._session, self._path, params, self._body, number)


async def fetch_page(
    session: Session, path: str, params: Mapping[str, str], body: type[PageBody[T]], number: int
) -> tuple[Page[T], bool]:
    """Return one page of a listing, and whether it is the last. A page after the last is empty."""
    check_page_number(path, number)
    if number > 1:
        params = {**params, "page": str(number)}
    try:
        page = await session.send(Call("GET", path, encode_query(params)), body)
    except NotFoundError:
        if number == 1:
            raise
        return Page((), None, number), True
    return Page(page.results, page.count, number), not page.next or not page.results
