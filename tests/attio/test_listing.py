"""Listings of attributes: each page starts after the results received, and one without new results is the last."""

from typing import Any

import httpx
import pytest
from attio.samples import Asking, Script, attribute, data

from exist_async import ConfigurationError, NoAnswerError


class Object:
    """An object with a number of attributes; it sends pages of the requested size, or of a fixed one."""

    def __init__(self, count: int, page: int | None = None) -> None:
        self.attributes = [attribute(api_slug=f"field_{n}") for n in range(count)]
        self.page = page
        self.asked: list[tuple[int, int]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        limit, offset = int(request.url.params["limit"]), int(request.url.params["offset"])
        self.asked.append((limit, offset))
        return data(self.attributes[offset : offset + (self.page or limit)])


async def test_each_page_starts_after_the_results_received(asking: Asking) -> None:
    service = Object(120)

    slugs = [attribute.api_slug async for attribute in asking(service).attributes.list("objects", "people")]

    assert slugs == [f"field_{n}" for n in range(120)]
    assert service.asked == [(50, 0), (50, 50), (50, 100), (50, 120)]


async def test_a_full_last_page_is_followed_by_an_empty_one(asking: Asking) -> None:
    service = Object(100)

    assert len(await asking(service).attributes.list("lists", "sales").collect()) == 100
    assert service.asked == [(50, 0), (50, 50), (50, 100)]


async def test_a_page_larger_than_requested_moves_the_offset(asking: Asking) -> None:
    service = Object(100, page=54)

    assert len(await asking(service).attributes.list("lists", "sales").collect()) == 100
    assert service.asked == [(50, 0), (50, 54), (50, 100)]


@pytest.mark.parametrize("page_size", [50, 1000])
@pytest.mark.parametrize("page", [1, 20, 49])
async def test_a_page_smaller_than_requested_does_not_end_a_listing(asking: Asking, page: int, page_size: int) -> None:
    service = Object(60, page=page)

    listed = await asking(service).attributes.list("lists", "sales", page_size=page_size).collect()

    assert [attribute.api_slug for attribute in listed] == [f"field_{n}" for n in range(60)]


@pytest.mark.parametrize("count", [10, 50, 54])
async def test_a_service_that_ignores_limit_and_offset_is_listed_once(asking: Asking, count: int) -> None:
    everything = [attribute(api_slug=f"field_{n}") for n in range(count)]
    listing = asking(Script(data(everything))).attributes.list("objects", "people")

    assert [attribute.api_slug for attribute in await listing.collect()] == [f"field_{n}" for n in range(count)]
    assert [len(page.results) async for page in listing.pages()] == [count]


async def test_results_that_moved_to_the_next_page_are_listed_once(asking: Asking) -> None:
    fields = [attribute(api_slug=f"field_{n}") for n in range(4)]
    script = Script(data(fields[:2]), data(fields[1:3]), data(fields[3:]), data([]))

    listed = await asking(script).attributes.list("objects", "people", page_size=2).collect()

    assert [attribute.api_slug for attribute in listed] == [f"field_{n}" for n in range(4)]


async def test_an_empty_listing_is_one_request(asking: Asking) -> None:
    service = Object(0)
    listing = asking(service).attributes.list("objects", "people")

    assert await listing.collect() == []
    assert await listing.first() is None
    assert service.asked == [(50, 0), (1, 0)]


async def test_show_archived_is_sent_in_lower_case(asking: Asking) -> None:
    script = Script(data([]))
    await asking(script).attributes.list("objects", "people", show_archived=True, page_size=7).collect()

    assert script.requests[0].url.query == b"show_archived=true&limit=7&offset=0"


async def test_pages_can_start_in_the_middle(asking: Asking) -> None:
    service = Object(30)
    listing = asking(service).attributes.list("objects", "people", page_size=10)

    pages = [page async for page in listing.pages(start=3)]

    assert [(page.number, len(page.results), page.count) for page in pages] == [(3, 10, None)]
    assert service.asked == [(10, 20), (10, 30)]


def test_there_is_no_count_because_attio_sends_none(asking: Asking) -> None:
    assert not hasattr(asking(Object(3)).attributes.list("objects", "people"), "count")


async def test_a_listing_without_an_end_ends_in_an_error(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exist_async.paging.paginator._MOST_PAGES", 5)
    service = Object(10_000, page=1)

    with pytest.raises(NoAnswerError, match="does not end: after 5 pages"):
        await asking(service).attributes.list("objects", "people").collect()
    assert len(service.asked) == 5


@pytest.mark.parametrize("page_size", [0, -1, True, "50"])
def test_a_wrong_page_size_is_refused(asking: Asking, page_size: Any) -> None:
    with pytest.raises(ConfigurationError, match="page_size"):
        asking(Object(0)).attributes.list("objects", "people", page_size=page_size)
