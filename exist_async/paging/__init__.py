"""Walks a listing, page after page."""

from exist_async.paging.numbered import LARGEST_PAGE, NumberedPaginator, PageBody, fetch_page
from exist_async.paging.paginator import Page, Paginator

__all__ = ["LARGEST_PAGE", "NumberedPaginator", "Page", "PageBody", "Paginator", "fetch_page"]
