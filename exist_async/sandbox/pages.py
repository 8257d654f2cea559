"""Cuts a listing into pages, as Django REST framework's page numbers do."""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar
from urllib.parse import parse_qs, urlencode, urlsplit

from exist_async.sandbox.calls import Call
from exist_async.sandbox.replies import Reply, json_reply, refuse

__all__ = ["LARGEST_PAGE", "page_of"]

LARGEST_PAGE: Final = 100

T = TypeVar("T")


def page_of(call: Call, items: Sequence[T], shape: Callable[[T], object]) -> Reply:
    """Answer the page that the call asks for.

    Raises:
        ApiError: 404 for a page beyond the end, or for what is no page number.
    """
    size = _size(call)
    pages = max(1, -(-len(items) // size))
    number = _number(call, pages)
    return json_reply(
        {
            "count": len(items),
            "next": _link(call, number + 1) if number < pages else None,
            "previous": _link(call, number - 1) if number > 1 else None,
            "results": [shape(item) for item in items[(number - 1) * size : number * size]],
        }
    )


def _size(call: Call) -> int:
    wanted = call.parameter("limit")
    if wanted is None:
        return call.settings.page_size
    try:
        size = int(wanted)
    except ValueError:
        return call.settings.page_size
    return min(size, LARGEST_PAGE) if size > 0 else call.settings.page_size


def _number(call: Call, pages: int) -> int:
    wanted = call.parameter("page") or "1"
    if wanted == "last":
        return pages
    try:
        number = int(wanted)
    except ValueError:
        number = 0
    if not 1 <= number <= pages:
        raise refuse(404, "Invalid page.")
    return number


def _link(call: Call, number: int) -> str:
    url = urlsplit(call.url)
    query = parse_qs(url.query, keep_blank_values=True)
    query["page"] = [str(number)]
    if number == 1:
        del query["page"]
    return url._replace(query=urlencode(sorted(query.items()), doseq=True)).geturl()
