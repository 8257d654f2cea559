"""Listings with pages by offset, as Attio has them, and the envelope around each answer."""

from collections.abc import AsyncGenerator, Mapping
from typing import Generic, TypeVar

from attrs import frozen

from exist_async._checks import check_int
from exist_async._http.call import Call, encode_query
from exist_async._http.session import Session
from exist_async.paging.paginator import BasePaginator, Page, check_page_number

T_co = TypeVar("T_co", covariant=True)


@frozen
class Envelope(Generic[T_co]):
    """An answer whose content is in its field `data`."""

    data: T_co


class OffsetPaginator(BasePaginator[T_co]):
    """A listing: iterate over it with `async for`, as often as you like. Creating one sends nothing.

    Each page starts after the results received so far. The service sends no total count, and may send fewer results in
    a page than requested, so only a page without new results ends the listing. If the service ignores the offset and
    sends the same results again, they are yielded once.
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

    async def _from(self, number: int) -> AsyncGenerator[Page[T_co], None]:
        seen: set[T_co] = set()
        offset = (number - 1) * self._page_size
        while True:
            check_page_number(self._path, number)
            params = {**self._params, "offset": str(offset)}
            answer = await self._session.send(Call("GET", self._path, encode_query(params)), self._body)
            new = tuple(result for result in answer.data if result not in seen)
            if new or number == 1:
                yield Page(new, None, number)
            if not new:
                return
            seen.update(new)
            offset += len(answer.data)
            number += 1
