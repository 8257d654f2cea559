"""Reads listings, page by page."""

from exist_async.paging.numbered import LARGEST_PAGE, NumberedPaginator, PageBody, fetch_page
from exist_async.paging.paginator import Page, Paginator, RepeatDetector

__all__ = ["LARGEST_PAGE", "NumberedPaginator", "Page", "PageBody", "Paginator", "RepeatDetector", "fetch_page"]
