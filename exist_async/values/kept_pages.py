"""Keeps the pages of a history while it is read, so that reading it again after an interruption goes on."""

from functools import partial
from typing import Final, Protocol, TypeVar

from attrs import define, field

from exist_async import _json
from exist_async._http.call import CallState, encode_query
from exist_async._http.session import Session
from exist_async.paging import Page, PageAnswer, PageBody, fetch_page

T = TypeVar("T")


class PageStore(Protocol):
    """Keeps pages by the requests that they answer, such as in a file."""

    def get(self, request: str) -> bytes | None:
        """Return the page that answered a request; None if it is not kept."""
        ...

    def put(self, request: str, page: bytes) -> None:
        """Keep a page, before its values are yielded. An error ends the reading."""
        ...


@define(eq=False, repr=False)
class PageSource:
    """The pages of one reading of a history: from the store, if there is one that has them, else from Exist.

    A page that is requested once more in the same reading always comes from Exist, because the listing has changed.
    """

    _store: PageStore | None
    _kept: set[str] = field(init=False, factory=set[str])  # requests whose pages this reading has taken or kept

    async def fetch(
        self,
        session: Session,
        path: str,
        params: dict[str, str],
        body: type[PageBody[T]],
        number: int,
        *,
        state: CallState | None = None,
        max_repeats: int | None = None,
    ) -> PageAnswer[T]:
        """Return one page of a listing, as `fetch_page` does."""
        request_page = partial(fetch_page, session, path, params, body, number, state=state, max_repeats=max_repeats)
        if self._store is None:
            return await request_page()
        request = f"{path}?{encode_query(params)} page {number}"
        if request in self._kept:
            return await request_page()
        data = self._store.get(request)
        if data is not None:
            kept = _json.decode(data, body)
            self._kept.add(request)
            return PageAnswer(Page(kept.results, kept.count, number), has_next=bool(kept.next))
        answer = await request_page()
        # An empty page before the last one is a fault: it is requested again.
        if answer.error is None and (answer.page.results or not answer.has_next):
            page = PageBody(answer.page.results, answer.page.count, "more" if answer.has_next else None)
            self._store.put(request, _json.encode(page))
            self._kept.add(request)
        return answer


FROM_EXIST: Final = PageSource(None)
"""The source of pages that are not kept."""
