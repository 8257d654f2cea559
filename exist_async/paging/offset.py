"""Listings with pages by offset, as Attio has them, and the envelope around each answer."""

from collections.abc import Mapping
from typing import Generic, TypeVar

from attrs import frozen

from exist_async._checks import check_int
from exist_async._http.call import Call, encode_query
from exist_async._http.session import Session
from exist_async.paging.paginator import Page, Paginator, check_page_number

T_co = TypeVar("T_co", covariant=True)

# Pages of this size are known to be full; for a larger page size, the service may send fewer results than requested.
_CERTAIN_PAGE = 50


@frozen
class Envelope(Generic[T_co]):
    """An answer whose content is in its field `data`."""

    data: T_co


class OffsetPaginator(Paginator[T_co]):
    """A listing that continues after the results received so far, and ends at a page that is not full.

    The service sends no total count, so `collect()` requests one page after another.
    """

    def __init__(
        self,
        session: Session,
        path: str,
        params: Mapping[str, str],
        body: type[Envelope[tuple[T_co, ...]]],
        page_size: int,
    ) -> None:
        check_int("page_size", page_size, least=1)
        super().__init__(session, path, params, page_size)
        self._body = body

    async def _fetch(self, number: int, received: int, *, limit: int | None = None) -> tuple[Page[T_co], bool]:
        check_page_number(self._path, number)
        size = limit or self._page_size
        params = {**self._params, "limit": str(size), "offset": str(received)}
        page = await self._session.send(Call("GET", self._path, encode_query(params)), self._body)
        return Page(page.data, None, number), len(page.data) < min(size, _CERTAIN_PAGE)
