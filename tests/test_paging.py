"""Listings: page after page, or all at once, and an end to them whatever the service says."""

import asyncio
import gc
import tracemalloc
import weakref
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exist_async import Attribute, ConfigurationError, ExistClient, NoAnswerError, NotFoundError, Page, ServerError
from exist_async.paging import PageAnswer, PageReader
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
            return page(["a"], count=1 if end in ("empty page", "404") else 9, next=NEXT)
        if number == 2 and end in ("null", "absent", "empty string"):
            body = {"null": {"next": None}, "absent": {}, "empty string": {"next": ""}}[end]
            return httpx.Response(200, json={"results": [{"name": "b"}], **body})
        return page([], next=NEXT) if end == "empty page" else httpx.Response(404, json={"detail": "Invalid page."})

    listing = answering(ending).attributes.list()

    attributes = await listing.collect() if walk == "collect" else [attribute async for attribute in listing]

    assert [a.name for a in attributes] == (["a"] if end in ("empty page", "404") else ["a", "b"])


async def iterate(listing: Any) -> list[Any]:
    return [result async for result in listing]


async def collect(listing: Any) -> list[Any]:
    return list(await listing.collect())


WALKS = pytest.mark.parametrize("walk", [iterate, collect])
OWN_404 = httpx.Response(404, json={"detail": "Invalid page."})
CODE_404 = httpx.Response(404, json={"error": "not_found"})
PROXY_404S = {
    "a page of HTML": httpx.Response(404, text="<html>no upstream</html>", headers={"content-type": "text/html"}),
    "nothing": httpx.Response(404),
    "a gateway's JSON": httpx.Response(404, json={"message": "no Route matched with those values"}),
    "a detail that is no text": httpx.Response(404, json={"detail": None}),
}


class Faulty:
    """A listing of some names, in pages of a size; some answers to a page's requests are replaced."""

    def __init__(self, names: int, size: int, faults: dict[int, list[httpx.Response | None]], **said: Any) -> None:
        self.names = [f"tag_{n:03}" for n in range(names)]
        self.size = size
        self.faults = faults
        self.said = said
        self.asked: list[int] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        number = numbered(request)
        self.asked.append(number)
        faults = self.faults.get(number, [])
        fault = faults.pop(0) if faults else None
        if fault is not None:
            return fault
        first = (number - 1) * self.size
        if number > 1 and first >= len(self.names):
            return OWN_404
        following = NEXT if first + self.size < len(self.names) else None
        return page(
            self.names[first : first + self.size], **({"count": len(self.names), "next": following} | self.said)
        )


def empty(count: int | None) -> httpx.Response:
    return page([], count=count, next=NEXT)


@pytest.mark.parametrize("fault", [OWN_404, *PROXY_404S.values(), empty(6), empty(None)])
@pytest.mark.parametrize("missing", [2, 3])
@WALKS
async def test_a_page_that_is_missing_once_is_requested_again(
    answering: Answering, fault: httpx.Response, missing: int, walk: Any
) -> None:
    service = Faulty(6, 2, {missing: [fault]})

    attributes = await walk(answering(service).attributes.list())

    assert [attribute.name for attribute in attributes] == service.names
    assert sorted(service.asked) == sorted([1, 2, 3, missing])


@pytest.mark.parametrize("fault", [OWN_404, *PROXY_404S.values(), empty(6), empty(None)])
@pytest.mark.parametrize("missing", [2, 3])
@WALKS
async def test_a_page_that_stays_missing_is_an_error_that_says_how_much_came(
    answering: Answering, fault: httpx.Response, missing: int, walk: Any
) -> None:
    service = Faulty(6, 2, {missing: [fault, fault]})

    with pytest.raises(NoAnswerError) as caught:
        await walk(answering(service).attributes.owned())

    came = "is empty" if fault.status_code == 200 else "was answered with 404"
    assert str(caught.value) == (
        f"GET /api/2/attributes/owned/: the listing is incomplete: {2 * (missing - 1)} of 6 results came, "
        f"but page {missing} {came}, twice. Reading it again later is harmless."
    )
    assert isinstance(caught.value.__cause__, NotFoundError) is (fault.status_code == 404)


@WALKS
async def test_a_first_page_that_is_empty_although_there_are_results_is_requested_again(
    answering: Answering, walk: Any
) -> None:
    once = Faulty(3, 2, {1: [empty(3)]})
    twice = Faulty(3, 2, {1: [empty(3), empty(3)]})

    assert len(await walk(answering(once).attributes.list())) == 3
    with pytest.raises(NoAnswerError, match="0 of 3 results came, but page 1 is empty, twice"):
        await walk(answering(twice).attributes.list())


async def test_the_first_result_is_not_missed_for_an_empty_page(answering: Answering) -> None:
    first = await answering(Faulty(3, 1, {1: [empty(3)]})).attributes.list().first()

    assert first is not None
    assert first.name == "tag_000"


@pytest.mark.parametrize("own_404", [OWN_404, CODE_404])
@pytest.mark.parametrize("fault", PROXY_404S)
@WALKS
async def test_without_a_count_only_the_services_own_404_ends_a_listing(
    answering: Answering, fault: str, own_404: httpx.Response, walk: Any
) -> None:
    own = Faulty(4, 2, {3: [own_404] * 2}, count=None, next=NEXT)
    proxys = Faulty(4, 2, {3: [PROXY_404S[fault]] * 2}, count=None, next=NEXT)

    assert len(await walk(answering(own).attributes.list())) == 4
    with pytest.raises(NoAnswerError, match="4 of an unknown number of results came, but page 3 was answered with 404"):
        await walk(answering(proxys).attributes.list())


@WALKS
async def test_a_404_of_a_proxy_is_no_end_even_after_as_many_results_as_were_counted(
    answering: Answering, walk: Any
) -> None:
    service = Faulty(6, 2, {3: [PROXY_404S["nothing"]] * 2}, count=4)

    with pytest.raises(NoAnswerError, match="4 of 4 results came, but page 3 was answered with 404, twice"):
        await walk(answering(service).attributes.list())


@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("removed", ["tag_000", "tag_002"])
@WALKS
async def test_a_listing_that_gets_shorter_ends_in_peace_and_with_what_moved_up(
    answering: Answering, size: int, removed: str, walk: Any
) -> None:
    service = Faulty(3, size, {})

    def shrinking(request: httpx.Request) -> httpx.Response:
        if numbered(request) == 1 + 2 // size and removed in service.names:
            service.names.remove(removed)
        return service(request)

    attributes = await walk(answering(shrinking, concurrency=1).attributes.list())

    assert {"tag_000", "tag_001", "tag_002"} - {removed} <= {attribute.name for attribute in attributes}
    assert len({attribute.name for attribute in attributes}) == len(attributes)


@pytest.mark.parametrize("released", [[0], [99], [7, 8, 9], list(range(100)), [0, 249]])
@pytest.mark.parametrize("concurrency", [1, 8])
@WALKS
async def test_results_that_move_up_while_a_listing_gets_shorter_are_not_lost(
    exist: ExistClient, sandbox: Sandbox, walk: Any, concurrency: int, released: list[int]
) -> None:
    names = with_attributes(sandbox, 250)

    def release(first_page: Any) -> Any:
        for n in released:
            sandbox.user.attribute(names[n]).active = False
        return first_page

    sandbox.rewrite_next(release)

    attributes = await walk(exist.with_options(concurrency=concurrency).attributes.list())

    listed = [attribute.name for attribute in attributes]
    assert {name for n, name in enumerate(names) if n not in released} <= set(listed)
    assert len(set(listed)) == len(listed)


@pytest.mark.parametrize("size", [1, 7, 20])
async def test_a_loop_that_releases_each_attribute_that_it_gets_gets_all(answering: Answering, size: int) -> None:
    service = Faulty(100, size, {})
    names = list(service.names)

    listed = []
    async for attribute in answering(service).attributes.owned(page_size=size):
        service.names.remove(attribute.name)
        listed.append(attribute.name)

    assert sorted(listed) == names
    assert service.names == []


async def test_a_listing_from_a_later_page_on_requests_none_before_it_when_it_gets_shorter(
    answering: Answering,
) -> None:
    service = Faulty(10, 2, {})

    listed = []
    async for each in answering(service).attributes.list(page_size=2).pages(start=3):
        listed += [attribute.name for attribute in each.results]
        service.names = service.names[4:] if each.number == 3 else service.names

    assert listed == ["tag_004", "tag_005", "tag_008", "tag_009"]
    assert set(service.asked) == {3, 4}


@pytest.mark.parametrize("fault", [*PROXY_404S.values(), empty(6), empty(None)])
@pytest.mark.parametrize("times", [1, 2])
@WALKS
async def test_a_page_that_is_missing_when_it_is_read_again_loses_nothing(
    answering: Answering, fault: httpx.Response, times: int, walk: Any
) -> None:
    service = Faulty(8, 2, {2: [None] + [fault] * times})

    def shrinking(request: httpx.Request) -> httpx.Response:
        if numbered(request) == 3 and len(service.names) == 8:
            del service.names[0]
        return service(request)

    reading = walk(answering(shrinking, concurrency=1).attributes.list())

    if times == 1:
        assert [attribute.name for attribute in await reading] == [f"tag_{n:03}" for n in range(8)]
    else:
        with pytest.raises(NoAnswerError, match=r"4 of \d results came, but page 2 can't be read again"):
            await reading


@WALKS
async def test_a_listing_of_which_one_page_is_left_ends_in_peace(answering: Answering, walk: Any) -> None:
    service = Faulty(5, 2, {})

    def emptying(request: httpx.Request) -> httpx.Response:
        if numbered(request) == 3:
            del service.names[1:]
        return service(request)

    attributes = await walk(answering(emptying, concurrency=1).attributes.list())

    assert [attribute.name for attribute in attributes] == ["tag_000", "tag_001", "tag_002", "tag_003"]


@WALKS
async def test_a_count_that_differs_between_pages_loses_and_doubles_nothing(answering: Answering, walk: Any) -> None:
    service = Faulty(6, 2, {2: [page(["tag_002", "tag_003"], count=2, next=NEXT)]})

    attributes = await walk(answering(service).attributes.list())

    assert [attribute.name for attribute in attributes] == service.names


@WALKS
async def test_pages_smaller_than_requested_are_held_against_the_count(answering: Answering, walk: Any) -> None:
    service = Faulty(90, 20, {4: [PROXY_404S["a page of HTML"]]})
    lost = Faulty(90, 20, {4: [OWN_404, OWN_404]})

    assert len(await walk(answering(service).attributes.list())) == 90
    with pytest.raises(NoAnswerError, match="60 of 90 results came, but page 4 was answered"):
        await walk(answering(lost).attributes.list())


async def test_pages_beyond_the_end_are_none_and_missing_ones_are_an_error(answering: Answering) -> None:
    async def pages(service: Faulty, start: int) -> list[int]:
        return [page.number async for page in answering(service).attributes.list().pages(start=start)]

    assert await pages(Faulty(90, 20, {}), 6) == []
    assert await pages(Faulty(90, 20, {}), 3) == [3, 4, 5]
    with pytest.raises(NoAnswerError, match="60 of 90 results came, but page 4"):
        await pages(Faulty(90, 20, {4: [OWN_404, OWN_404]}), 3)
    with pytest.raises(NoAnswerError, match="page 6 was answered with 404, twice"):
        await pages(Faulty(90, 20, {6: [PROXY_404S["nothing"]] * 2}), 6)


async def test_pages_that_were_requested_ahead_beyond_the_end_are_no_error(answering: Answering) -> None:
    service = Faulty(4, 2, {}, count=40)

    assert len(await answering(service).attributes.list().collect()) == 4
    assert len(service.asked) <= 2 + 2 * 8


async def test_a_listing_that_is_gone_meanwhile_is_not_found(answering: Answering) -> None:
    gone = httpx.Response(404, json={"detail": "Not found."})
    service = Faulty(6, 2, {1: [None, gone], 2: [None, gone], 3: [gone, gone]})

    with pytest.raises(NotFoundError):
        await iterate(answering(service).attributes.list())


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


@pytest.mark.parametrize("count", [1, 2, None])
async def test_a_service_that_does_not_turn_its_pages_is_not_followed_for_ever(
    answering: Answering, count: int | None
) -> None:
    exist = answering(lambda request: page(["a", "b"], count=count, next=NEXT))

    assert len(await exist.attributes.list().collect()) < 10
    assert [attribute.name async for attribute in exist.attributes.list()] == ["a", "b", "a", "b"]


@pytest.mark.parametrize("count", [3, 5, 10**18])
@WALKS
async def test_a_page_that_comes_again_in_place_of_the_others_is_an_error(
    answering: Answering, count: int, walk: Any
) -> None:
    exist = answering(lambda request: page(["a", "b"], count=count, next=NEXT))

    with pytest.raises(NoAnswerError, match=f"2 of {count} results came, but page 3 repeats the pages before it"):
        await walk(exist.attributes.list())


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
    with pytest.raises(NoAnswerError, match="the reply has no count"):
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
        with pytest.raises(NoAnswerError, match="does not end: after 50 pages, there are still more"):
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


FAULTS = st.sampled_from([OWN_404, *PROXY_404S.values(), empty(None), None])


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(
    st.integers(1, 60),
    st.integers(1, 20),
    st.dictionaries(st.integers(1, 8), st.lists(FAULTS, max_size=3)),
    st.sampled_from([1, 8]),
    st.sampled_from([iterate, collect]),
)
def test_a_listing_is_whole_or_an_error_whatever_page_is_missing(
    count: int, size: int, faults: dict[int, list[httpx.Response | None]], concurrency: int, walk: Any
) -> None:
    # A 404 to the first page is an error of its own.
    faults[1] = [empty(count) for fault in faults.get(1, []) if fault is not None]
    service = Faulty(count, size, {number: list(queue) for number, queue in faults.items()})

    async def names() -> list[str]:
        async with httpx.AsyncClient(transport=httpx.MockTransport(service)) as http_client:
            exist = ExistClient("a-token", http_client=http_client, rate_limiter=None, concurrency=concurrency)
            return [attribute.name for attribute in await walk(exist.attributes.list())]

    try:
        got = asyncio.run(names())
    except NoAnswerError:
        # Some page was missing twice.
        assert any(len(queue) - queue.count(None) > 1 for queue in faults.values())
    else:
        assert got == service.names
    assert len(service.asked) <= -(-count // size) + 2 * len(faults) + 3


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(
    st.integers(1, 60),
    st.integers(1, 20),
    st.lists(st.lists(st.integers(0, 59), max_size=5), max_size=40),
    st.sampled_from([1, 8]),
    st.sampled_from([iterate, collect]),
)
def test_nothing_that_stays_in_a_listing_is_lost_or_doubled_while_others_are_removed(
    count: int, size: int, removed: list[list[int]], concurrency: int, walk: Any
) -> None:
    service = Faulty(count, size, {})
    removals = iter(removed)

    def shrinking(request: httpx.Request) -> httpx.Response:
        if service.asked:
            gone = {f"tag_{n:03}" for n in next(removals, [])}
            service.names = [name for name in service.names if name not in gone]
        return service(request)

    async def names() -> list[str]:
        async with httpx.AsyncClient(transport=httpx.MockTransport(shrinking)) as http_client:
            exist = ExistClient("a-token", http_client=http_client, rate_limiter=None, concurrency=concurrency)
            return [attribute.name for attribute in await walk(exist.attributes.list())]

    got = asyncio.run(names())

    assert set(service.names) <= set(got)
    assert len(set(got)) == len(got)


async def test_iterating_keeps_no_more_than_a_page_of_results(exist: ExistClient, sandbox: Sandbox) -> None:
    with_attributes(sandbox, 500)

    seen = list[weakref.ref[Attribute]]()
    async for attribute in exist.attributes.list(page_size=50):
        seen.append(weakref.ref(attribute))
        gc.collect(0)
        assert sum(reference() is not None for reference in seen) <= 50

    assert len(seen) == 500


async def test_correlations_that_differ_only_in_the_offset_are_all_listed_while_others_are_removed(
    answering: Answering,
) -> None:
    correlations = [
        {"attribute": name, "attribute2": "steps", "offset": offset}
        for name, offset in [("gone", 0), ("mood", -1), ("moves", 0), ("mood", -2)]
    ]

    def shrinking(request: httpx.Request) -> httpx.Response:
        if numbered(request) == 2 and len(correlations) == 4:
            correlations.pop(0)
        start = 2 * numbered(request) - 2
        following = NEXT if start + 2 < len(correlations) else None
        body = {"count": len(correlations), "next": following, "results": correlations[start : start + 2]}
        return httpx.Response(200, json=body)

    listed = [(found.attribute, found.offset) async for found in answering(shrinking).correlations.list()]

    assert listed == [("gone", 0), ("mood", -1), ("moves", 0), ("mood", -2)]


async def test_a_day_whose_value_changes_in_a_listing_that_got_shorter_is_listed_once(answering: Answering) -> None:
    values = [{"date": f"2026-11-{20 - n}", "value": n} for n in range(7)]

    def changing(request: httpx.Request) -> httpx.Response:
        number = numbered(request)
        if number == 2 and len(values) == 7:
            values.pop(0)
        if number == 3:  # a day is added, so the last of page 2 moves to page 3; its value changes
            values[:0] = [{"date": "2026-11-21", "value": 9}]
            values[4] = {**values[4], "value": 8}
        start = 2 * number - 2
        following = NEXT if start + 2 < len(values) else None
        return httpx.Response(200, json={"count": len(values), "next": following, "results": values[start : start + 2]})

    listed = [value.date.day async for value in answering(changing).values.of("mood")]

    assert listed == [20, 19, 18, 17, 16, 15, 14]


async def test_the_reader_of_a_listing_keeps_nothing_of_its_pages_after_the_last() -> None:
    async def fetch(number: int) -> PageAnswer[str]:
        names = tuple(f"tag_{n}" for n in range(number * 100, number * 100 + 100))
        return PageAnswer(Page(names, 20_000, number), has_next=number < 200)

    reader = PageReader("/attributes/", fetch)
    tracemalloc.start()
    try:
        number = 1
        while not reader.ended:
            await reader.read(number)
            number += 1
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert number == 201
    assert kept < 100_000
