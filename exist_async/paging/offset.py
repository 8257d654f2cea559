"""Listings whose pages start at an offset, as Attio has them."""

from collections.abc import Mapping
from typing import TypeVar

from exist_async._checks import check_int
from exist_async._http.call import Call, encode_query
from exist_async._http.session import Session
from exist_async._http.wrapped import Wrapped
from exist_async.paging.paginator import Page, Paginator, check_page_number

T_co = TypeVar("T_co", covariant=True)

# A page of this size is returned whole. Whether the service shortens larger ones is not documented.
_WHOLE_PAGE = 50


class OffsetPaginator(Paginator[T_co]):
    """A listing whose next page starts after the results received so far, and which ends at a page that is not full.

    The service does not tell how many results there are, so `collect()` asks for one page after another.

    Args:
        session: Sends the calls.
        path: The path of the listing.
        params: Its filters, encoded.
        body: The type of its pages.
        page_size: How many results to ask for in a page.
    """

    def __init__(
        self,
        session: Session,
        path: str,
        params: Mapping[str, str],
        body: type[Wrapped[tuple[T_co, ...]]],
        page_size: int,
    ) -> None:
        check_int("page_size", page_size, least=1)
        super().__init__(session, path, params, page_size)
        self._body = body

    async def _fetch(self, number: int, received: int, *, limit: int | None = None) -> tuple[Page[T_co], bool]:
        check_page_number(self._path, number)
        asked = limit or self._page_size
        params = {**self._params, "limit": str(asked), "offset": str(received)}
        page = await self._session.send(Call("GET", self._path, encode_query(params)), self._body)
        return Page(page.data, None, number), len(page.data) < min(asked, _WHOLE_PAGE)
