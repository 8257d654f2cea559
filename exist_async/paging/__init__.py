"""Reads listings, page by page."""

from exist_async.paging.numbered import (
    LARGEST_PAGE,
    NumberedPaginator,
    PageAnswer,
    PageBody,
    PageReader,
    fetch_page,
    is_own_not_found,
)
from exist_async.paging.paginator import Page, Paginator

__all__ = [
    "LARGEST_PAGE",
    "NumberedPaginator",
    "Page",
    "PageAnswer",
    "PageBody",
    "PageReader",
    "Paginator",
    "fetch_page",
    "is_own_not_found",
]
