"""Page-numbered listings, in the format of Django REST framework."""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar
from urllib.parse import parse_qs, urlencode, urlsplit

from exist_async.sandbox.calls import Call
from exist_async.sandbox.replies import Reply, detail_error, json_reply

__all__ = ["MAX_PAGE_SIZE", "paginate"]

MAX_PAGE_SIZE: Final = 100

T = TypeVar("T")


def paginate(call: Call, items: Sequence[T], to_json: Callable[[T], object]) -> Reply:
    """Return the requested page of a listing.

    Raises:
        ApiError: 404 for a page that does not exist or is not a page number.
    """
    size = _page_size(call)
    pages = max(1, -(-len(items) // size))
    number = _page_number(call, pages)
    return json_reply(
        {
            "count": len(items),
            "next": _page_url(call, number + 1) if number < pages else None,
            "previous": _page_url(call, number - 1) if number > 1 else None,
            "results": [to_json(item) for item in items[(number - 1) * size : number * size]],
        }
    )


def _page_size(call: Call) -> int:
    limit = call.parameter("limit")
    if limit is None:
        return call.settings.page_size
    try:
        size = int(limit)
    except ValueError:
        return call.settings.page_size
    return min(size, MAX_PAGE_SIZE) if size > 0 else call.settings.page_size


def _page_number(call: Call, pages: int) -> int:
    page = call.parameter("page") or "1"
    if page == "last":
        return pages
    try:
        number = int(page)
    except ValueError:
        number = 0
    if not 1 <= number <= pages:
        raise detail_error(404, "Invalid page.")
    return number


def _page_url(call: Call, number: int) -> str:
    url = urlsplit(call.url)
    query = parse_qs(url.query, keep_blank_values=True)
    query["page"] = [str(number)]
    if number == 1:
        del query["page"]
    return url._replace(query=urlencode(sorted(query.items()), doseq=True)).geturl()
