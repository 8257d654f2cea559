"""Listings: page after page, or all at once, and an end to them whatever the service says."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from exist_async import ConfigurationError, ExistClient, NoAnswerError, NotFoundError, Page, ServerError
from exist_async.sandbox import Sandbox

Answering = Callable[..., ExistClient]


def with_attributes(sandbox: Sandbox, count: int) -> list[str]:
    names = [f"tag_{n:03}" for n in range(count)]
    for name in names:
        sandbox.add_attribute(name=name)
    return names


def pages_asked(sandbox: Sandbox) -> list[str]:
    return [request.query.get("page", "1") for request in sandbox.requests]


def page(names: list[str], *, count: Any = None, next: Any = None) -> httpx.Response:  # noqa: A002  (Exist's word)
    return httpx.Response(200, json={"count": count, "next": next, "results": [{"name": name} for name in names]})


def numbered(request: httpx.Request) -> int:
    return int(request.url.params.get("page", "1"))


NEXT = "https://exist.io/api/2/attributes/?page=2"


async def test_a_listing_is_walked_page_after_page(exist: ExistClient, sandbox: Sandbox) -> None:
    names = with_attributes(sandbox, 250)

    seen = [attribute.name async for attribute in exist.attributes.list()]

    assert seen == names
    assert pages_asked(sandbox) == ["1", "2", "3"]
    assert {request.query["limit"] for request in sandbox.requests} == {"100"}


async def test_making_a_listing_asks_for_nothing(exist: ExistClient, sandbox: Sandbox) -> None:
    exist.attributes.list()

    assert sandbox.requests == []


async def test_breaking_out_early_asks_for_no_further_page(exist: ExistClient, sandbox: Sandbox) -> None:
    with_attributes(sandbox, 250)

    async for attribute in exist.attributes.list():
        if attribute.name == "tag_099":
            break

    assert pages_asked(sandbox) == ["1"]


async def test_a_listing_can_be_walked_again(exist: ExistClient, sandbox: Sandbox) -> None:
    with_attributes(sandbox, 3)
    listing = exist.attributes.list()

    assert [a.name async for a in listing] == [a.name async for a in listing]


async def test_pages_tell_their_number_and_the_count(exist: ExistClient, sandbox: Sandbox) -> None:
    with_attributes(sandbox, 5)

    pages = [page async for page in exist.attributes.list(page_size=2).pages()]

    assert [(page.number, page.count, len(page.results)) for page in pages] == [(1, 5, 2), (2, 5, 2), (3, 5, 1)]


async def test_pages_can_start_anywhere(exist: ExistClient, sandbox: Sandbox) -> None:
    with_attributes(sandbox, 5)

    assert [page.number async for page in exist.attributes.list(page_size=2).pages(start=2)] == [2, 3]


async def test_an_empty_listing_is_one_empty_page(exist: ExistClient) -> None:
    assert [page async for page in exist.attributes.list().pages()] == [Page((), 0, 1)]
    assert await exist.attributes.list().collect() == []
    assert await exist.attributes.list().first() is None
    assert await exist.attributes.list().count() == 0


@pytest.mark.parametrize("count", [1, 99, 100, 101, 200, 950])
async def test_collecting_gives_everything_in_order(exist: ExistClient, sandbox: Sandbox, count: int) -> None:
    names = with_attributes(sandbox, count)

    collected = await exist.attributes.list().collect()

    assert [attribute.name for attribute in collected] == names
    assert sorted(map(int, pages_asked(sandbox))) == list(range(1, (count - 1) // 100 + 2))


async def test_collecting_asks_for_the_pages_concurrently(answering: Answering) -> None:
    under_way, most = 0, 0

    async def slow(request: httpx.Request) -> httpx.Response:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        for _ in range(5):
            await asyncio.sleep(0)
        under_way -= 1
        number = numbered(request)
        return page([str(number)], count=30, next=NEXT if number < 30 else None)

    collected = await answering(slow, concurrency=4).attributes.list().collect()

    assert [attribute.name for attribute in collected] == [str(n) for n in range(1, 31)]
    assert most == 4


async def test_the_first_result_and_the_count_cost_one_small_request_each(exist: ExistClient, sandbox: Sandbox) -> None:
    with_attributes(sandbox, 250)

    first = await exist.attributes.list().first()

    assert first is not None
    assert first.name == "tag_000"
    assert await exist.attributes.list().count() == 250
    assert [request.query["limit"] for request in sandbox.requests] == ["1", "1"]


async def test_the_size_of_the_pages_is_what_the_service_gives(answering: Answering) -> None:
    names = [f"tag_{n:03}" for n in range(70)]

    def twenty(request: httpx.Request) -> httpx.Response:
        number = numbered(request)
        shown = names[20 * (number - 1) : 20 * number]
        return page(shown, count=70, next=NEXT if number < 4 else None)

    assert [attribute.name for attribute in await answering(twenty).attributes.list().collect()] == names


@pytest.mark.parametrize("count", [None, 0, 1, 150, 10**18, pytest.param(10**400, id="huge")])
@pytest.mark.parametrize("walk", ["iterate", "collect"])
async def test_a_count_that_is_wrong_loses_nothing_and_ends(answering: Answering, count: int | None, walk: str) -> None:
    def three_pages(request: httpx.Request) -> httpx.Response:
        number = numbered(request)
        if number > 3:
            return httpx.Response(404, json={"detail": "Invalid page."})
        return page([f"{number}a", f"{number}b"], count=count, next=NEXT if number < 3 else None)

    listing = answering(three_pages).attributes.list()

    attributes = await listing.collect() if walk == "collect" else [attribute async for attribute in listing]

    assert [attribute.name for attribute in attributes] == ["1a", "1b", "2a", "2b", "3a", "3b"]


@pytest.mark.parametrize("end", ["null", "absent", "empty string", "empty page", "404"])
@pytest.mark.parametrize("walk", ["iterate", "collect"])
async def test_a_listing_ends_however_the_service_ends_it(answering: Answering, end: str, walk: str) -> None:
    def ending(request: httpx.Request) -> httpx.Response:
        number = numbered(request)
        if number == 1:
            return page(["a"], count=9, next=NEXT)
        if number == 2 and end in ("null", "absent", "empty string"):
            body = {"null": {"next": None}, "absent": {}, "empty string": {"next": ""}}[end]
            return httpx.Response(200, json={"results": [{"name": "b"}], **body})
        return page([], next=NEXT) if end == "empty page" else httpx.Response(404, json={"detail": "Invalid page."})

    listing = answering(ending).attributes.list()

    attributes = await listing.collect() if walk == "collect" else [attribute async for attribute in listing]

    assert [a.name for a in attributes] == (["a"] if end in ("empty page", "404") else ["a", "b"])


async def test_no_address_in_a_reply_is_ever_asked(answering: Answering) -> None:
    asked: list[str] = []

    def lure(request: httpx.Request) -> httpx.Response:
        asked.append(f"{request.url.scheme}://{request.url.host}")
        number = numbered(request)
        return page(
            [str(number)], next="http://user:pass@evil.example/api/2/attributes/?page=9" if number < 3 else None
        )

    await answering(lure).attributes.list().collect()

    assert set(asked) == {"https://exist.io"}


async def test_a_first_page_that_is_not_found_is_an_error(answering: Answering) -> None:
    with pytest.raises(NotFoundError):
        await answering(lambda request: httpx.Response(404)).attributes.list().collect()


@pytest.mark.parametrize("page_number", [1, 2, 5])
async def test_a_page_that_fails_is_its_own_error_and_leaves_no_task(answering: Answering, page_number: int) -> None:
    async def failing(request: httpx.Request) -> httpx.Response:
        number = numbered(request)
        await asyncio.sleep(0)
        return httpx.Response(503) if number == page_number else page([f"a{number}"], count=9, next=NEXT)

    with pytest.raises(ServerError):
        await answering(failing).attributes.list().collect()

    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("count", [1, 5, 10**18, None])
async def test_a_service_that_does_not_turn_its_pages_is_not_followed_for_ever(
    answering: Answering, count: int | None
) -> None:
    exist = answering(lambda request: page(["a", "b"], count=count, next=NEXT))

    assert len(await exist.attributes.list().collect()) < 10
    assert [attribute.name async for attribute in exist.attributes.list()] == ["a", "b", "a", "b"]


async def test_a_page_that_has_only_moved_does_not_end_a_listing(exist: ExistClient, sandbox: Sandbox) -> None:
    for n in range(5):
        sandbox.add_attribute(name=f"mood_{n}", group="mood")
    names = []
    async for attribute in exist.attributes.list(page_size=1):
        if not names:
            sandbox.add_attribute(template="steps")  # it comes first, and moves all others by a page
        names.append(attribute.name)

    assert names == ["mood_0", "mood_0", "mood_1", "mood_2", "mood_3", "mood_4"]


async def test_a_count_that_is_missing_is_said_to_be_missing(answering: Answering) -> None:
    with pytest.raises(NoAnswerError, match="does not tell how many results there are"):
        await answering(lambda request: page(["a"])).attributes.list().count()


@pytest.mark.parametrize(
    "body", [b"[]", b'{"results": null}', b'{"results": {}}', b"{}", b"<html>", b'{"results": [7]}']
)
async def test_a_page_of_another_shape_is_an_error_that_names_it(answering: Answering, body: bytes) -> None:
    with pytest.raises(NoAnswerError, match="answered 200"):
        await answering(lambda request: httpx.Response(200, content=body)).attributes.list().collect()


@pytest.mark.parametrize("page_size", [0, -1, 101, 1.5, "20", True, pytest.param(10**5000, id="huge")])
def test_a_page_size_that_exist_does_not_have_is_refused(exist_without_server: ExistClient, page_size: Any) -> None:
    with pytest.raises(ConfigurationError, match="page_size"):
        exist_without_server.attributes.list(page_size=page_size)


async def test_a_start_before_the_first_page_is_refused(exist: ExistClient) -> None:
    with pytest.raises(ConfigurationError, match="start"):
        await anext(exist.attributes.list().pages(start=0))


@pytest.fixture
def exist_without_server() -> ExistClient:
    return ExistClient("token")


@pytest.mark.parametrize("counted", [None, 50, 10**18])
async def test_a_listing_without_an_end_ends_in_an_error(
    answering: Answering, monkeypatch: pytest.MonkeyPatch, counted: int | None
) -> None:
    monkeypatch.setattr("exist_async.paging.paginator._MOST_PAGES", 50)
    requests = 0

    def endless(request: httpx.Request) -> httpx.Response:
        nonlocal requests
        requests += 1
        page = request.url.params.get("page", "1")
        return httpx.Response(200, json={"count": counted, "next": "more", "results": [{"name": f"tag_{page}"}]})

    client = answering(endless, rate_limiter=None)
    for listing in (client.attributes.owned().collect(), anext(last_of(client.attributes.owned()))):
        requests = 0
        with pytest.raises(NoAnswerError, match="after 50 pages, there are still more"):
            await listing
        assert requests == 50


async def last_of(listing: Any) -> Any:
    last = None
    async for result in listing:
        last = result
    yield last


def test_a_page_beyond_every_end_is_a_wrong_argument(answering: Answering) -> None:
    with pytest.raises(ConfigurationError, match="start must be from 1 to 10000"):
        answering(lambda request: httpx.Response(500)).attributes.owned().pages(start=10_001)
