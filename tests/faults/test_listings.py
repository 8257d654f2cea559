"""Rows 32 to 35 and 43: redirects, pages that lead elsewhere or are missing, other items than were sent, cookies."""

import json
import ssl
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import trustme
from faults.observe import DAY, SECRET, Seen, cell, observe, quick
from faults.sandboxed import CALLS
from faults.server import Script, Server, Talk, answer_to, serving, whole
from faults.service_rows import row

from exist_async import ExistClient, NoAnswerError, StatusError, ValueIncrement, ValueUpdate

NAMES = ["coffees", "teas", "waters"]


def redirecting(status: int, location: str) -> Script:
    async def redirect(talk: Talk) -> None:
        while True:
            await talk.request()
            await talk.send(f"HTTP/1.1 {status} No\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode())

    return redirect


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
@pytest.mark.parametrize("kind", CALLS)
async def test_a_redirect_is_an_error_and_nothing_goes_to_the_other_host(kind: str, status: int) -> None:
    async with serving() as other:
        elsewhere = other.url.replace("127.0.0.1", "localhost")
        for location in (f"{elsewhere}/api/2/accounts/profile/", f"{other.url}/", "/api/2/", "//localhost/", "\xff:"):
            async with serving(redirecting(status, location)) as server, quick(server.url) as client:
                counted = None if kind == "get" else server.applied_count
                seen = await observe(client, CALLS[kind], counted)
                assert len(server.requests) == 1

            assert str(seen) == getattr(row(32), kind)
            assert "never followed" in str(seen.error)
            assert isinstance(seen.error, StatusError)
            assert seen.error.status_code == status

    assert (other.connections, other.requests) == (0, [])


@pytest.mark.parametrize("kind", CALLS)
async def test_a_redirect_from_https_to_http_is_an_error_and_nothing_goes_in_the_clear(kind: str) -> None:
    authority = trustme.CA()
    tls, trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    authority.configure_trust(trusting)
    async with serving() as other, serving(redirecting(301, f"{other.url}/api/2/"), tls=tls) as server:
        async with quick(server.url, verify=trusting) as client:
            seen = await observe(client, CALLS[kind], None if kind == "get" else server.applied_count)

        assert len(server.requests) == 1

    assert str(seen) == getattr(row(32), kind)
    assert (other.connections, other.requests) == (0, [])


class Pages:
    """A listing in three pages, whose `next` says what it was told: the script of a server.

    Args:
        lead: Gives `next`, of the service's own address and the page's number.
        pages: How many pages there are.
        count: How many results it says there are.
        results: What is on a page; by default it has a name of its own.
    """

    def __init__(
        self,
        lead: Callable[[str, int], str],
        pages: float = 3,
        count: int | None = None,
        results: Callable[[int], list[str]] = lambda number: [f"tag_{number}"],
    ) -> None:
        self._lead = lead
        self._pages = pages
        self._count = count
        self._results = results

    async def __call__(self, talk: Talk) -> None:
        while True:
            request = await talk.request()
            number = int(parse_qs(urlsplit(request.path).query).get("page", ["1"])[0])
            following = self._lead(talk.server.url, number) if number < self._pages else None
            results = [{"name": name} for name in self._results(number)]
            body = json.dumps({"count": self._count, "next": following, "results": results})
            await talk.send(whole(body.encode()))


async def collect(client: ExistClient) -> list[str]:
    return [attribute.name for attribute in await client.attributes.list().collect()]


async def iterate(client: ExistClient) -> list[str]:
    return [attribute.name async for attribute in client.attributes.list()]


def asked_pages(server: Server) -> list[str]:
    assert {urlsplit(request.path).path for request in server.requests} == {"/api/2/attributes/"}
    return [parse_qs(urlsplit(request.path).query).get("page", ["1"])[0] for request in server.requests]


@pytest.mark.parametrize("read", [collect, iterate])
async def test_what_next_says_is_never_asked_and_a_listing_goes_on_by_its_pages_numbers(read: Any) -> None:
    async with serving() as other:
        host = other.url.partition("://")[2]
        leads: dict[str, Callable[[str, int], str]] = {
            "another host": lambda url, number: f"{other.url}/api/2/attributes/?page={number + 1}",
            "another host of ours": lambda url, number: f"http://localhost:{host.partition(':')[2]}/?page=2",
            "user info": lambda url, number: f"http://127.0.0.1@{host}/api/2/attributes/?page=2",
            "user info of ours": lambda url, number: f"{url.replace('//', '//ada:hunter2@')}/api/2/attributes/?page=9",
            "itself": lambda url, number: f"{url}/api/2/attributes/?page={number}",
            "the first": lambda url, number: f"{url}/api/2/attributes/",
            "relative": lambda url, number: f"?page={number + 1}",
            "a path": lambda url, number: f"//{host}/api/2/attributes/?page=2",
            "no address": lambda url, number: "\x00 \ud83d\ude00 http://[",
            "a file": lambda url, number: "file:///etc/passwd",
        }
        for name, lead in leads.items():
            async with serving(Pages(lead)) as server, quick(server.url) as client:
                seen = await observe(client, read)

                assert seen.value == ["tag_1", "tag_2", "tag_3"], name
                assert asked_pages(server) == ["1", "2", "3"]
                assert f"{len(seen.value)} results in {seen.attempts} requests" == row(33).get.partition(";")[0]

    assert (other.connections, other.requests) == (0, [])


def itself(url: str, number: int) -> str:
    return f"{url}/api/2/attributes/?page={number}"


@pytest.mark.parametrize("count", [None, 10**8, 10**400])
@pytest.mark.parametrize("read", [collect, iterate])
async def test_a_listing_without_end_is_ended_here(
    read: Any, count: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exist_async.paging.paginator._MOST_PAGES", 50)

    async with serving(Pages(itself, float("inf"), count)) as server, quick(server.url) as client:
        seen = await observe(client, read)

        assert isinstance(seen.error, NoAnswerError)
        assert "the listing does not end: after 50 pages" in str(seen.error)
        assert sorted(map(int, asked_pages(server))) == list(range(1, 51))
        assert f"without end: {type(seen.error).__name__}" == row(33).get.rpartition("; ")[2]


@pytest.mark.parametrize("count", [None, 2])
@pytest.mark.parametrize("read", [collect, iterate])
async def test_a_page_that_comes_again_and_again_ends_a_listing(read: Any, count: int | None) -> None:
    pages = Pages(itself, float("inf"), count, lambda number: ["tag_a", "tag_b"])

    async with serving(pages) as server, quick(server.url) as client:
        seen = await observe(client, read)

        assert seen.error is None
        assert set(seen.value) == {"tag_a", "tag_b"}
        assert len(server.requests) < 30


@pytest.mark.parametrize("count", [3, 10**8])
@pytest.mark.parametrize("read", [collect, iterate])
async def test_a_page_that_comes_again_in_place_of_others_is_an_error(read: Any, count: int) -> None:
    pages = Pages(itself, float("inf"), count, lambda number: ["tag_a", "tag_b"])

    async with serving(pages) as server, quick(server.url) as client:
        seen = await observe(client, read)

        assert isinstance(seen.error, NoAnswerError)
        assert f"2 of {count} results came" in str(seen.error)
        assert len(server.requests) < 30


async def through_history(client: ExistClient) -> list[str]:
    return [name async for name, _ in client.values.history(DAY, DAY)]


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("fault", ["a proxy's 404", "the service's 404", "an empty page"])
@pytest.mark.parametrize("read", [collect, iterate, through_history])
async def test_a_page_in_the_middle_that_is_missing_is_requested_again_and_never_the_end(
    read: Any, fault: str, times: int
) -> None:
    left = times

    async def three_pages(talk: Talk) -> None:
        nonlocal left
        while True:
            request = await talk.request()
            number = int(parse_qs(urlsplit(request.path).query).get("page", ["1"])[0])
            values = [{"date": str(DAY), "value": 1}]
            results = [{"name": f"tag_{number}_{n}", "values": values} for n in range(2)]
            if number == 2 and left:
                left -= 1
                results = []
                if fault != "an empty page":
                    body = b"<html>no upstream</html>" if "proxy" in fault else b'{"detail": "Invalid page."}'
                    length = b"Content-Length: %d\r\n\r\n" % len(body)
                    await talk.send(b"HTTP/1.1 404 Not Found\r\n" + length + body)
                    continue
            body = json.dumps({"count": 6, "next": "x" if number < 3 else None, "results": results}).encode()
            await talk.send(whole(body))

    async with serving(three_pages) as server, quick(server.url) as client:
        seen = await observe(client, read)

    once, _, twice = row(43).get.partition("; ")
    if times == 1:
        assert f"{len(seen.value)} results in {seen.attempts} requests" == once
    else:
        assert f"twice: {type(seen.error).__name__}" == twice
        assert "2 of 6 results came" in str(seen.error)


def answering(change: Callable[[list[Any]], list[Any]]) -> Script:
    """Carries out what it is asked, and tells of other items, or of the same in another order."""

    async def answer(talk: Talk) -> None:
        while True:
            request = await talk.applied()
            if request.method == "GET":
                body = {"count": 3, "next": None, "results": change([{"name": name} for name in NAMES])}
            else:
                body = {"success": change(request.items), "failed": []}
            await talk.send(whole(json.dumps(body).encode()))

    return answer


async def list_three(client: ExistClient) -> Any:
    return await client.attributes.list().collect()


async def update_three(client: ExistClient) -> Any:
    return await client.values.update([ValueUpdate(name, DAY, 2 + n) for n, name in enumerate(NAMES)])


async def increment_three(client: ExistClient) -> Any:
    return await client.values.increment([ValueIncrement(name, 2 + n, DAY) for n, name in enumerate(NAMES)])


@pytest.mark.parametrize(
    ("kind", "call"), [("get", list_three), ("update", update_three), ("increment", increment_three)]
)
async def test_items_that_come_back_in_another_order_or_not_at_all_are_matched_or_unknown(kind: str, call: Any) -> None:
    changes: dict[str, Callable[[list[Any]], list[Any]]] = {
        "reordered": lambda items: items[::-1],
        "fewer": lambda items: [items[2], items[0]],
        "of other names": lambda items: [items[0], {**items[1], "name": "mood"}, items[2]],
    }
    seen: dict[str, Seen] = {}
    for name, change in changes.items():
        async with serving(answering(change)) as server, quick(server.url) as client:
            one = seen[name] = await observe(client, call, None if kind == "get" else server.applied_count)
        if kind == "get":
            # A listing is what the service says that it is.
            assert [attribute.name for attribute in one.value] == [
                each["name"] for each in change([{"name": name} for name in NAMES])
            ]
            continue
        assert one.result is not None
        for outcome in one.result:
            matched = outcome.value is not None
            assert matched is (name == "reordered" or outcome.item.name != "teas")
            assert not matched or (outcome.value.name, outcome.value.value) == (outcome.item.name, outcome.item.value)
        assert [error for outcome in one.result if (error := outcome.cause) is not None and error.repeatable] == (
            [] if kind == "increment" else [outcome.cause for outcome in one.result.unknown]
        )

    assert cell(seen) == getattr(row(34), kind)


@pytest.mark.parametrize("kind", CALLS)
async def test_a_cookie_is_never_sent_back(kind: str) -> None:
    async def set_cookies(talk: Talk) -> None:
        for first in (b"503 No", b"200 OK", b"302 No", b"401 No"):
            request = await talk.applied()
            body = answer_to(request) if first == b"200 OK" else b"{}"
            cookies = b"Set-Cookie: session=1\r\nSet-Cookie: b=2; Path=/; Domain=127.0.0.1\r\nSet-Cookie2: c=3\r\n"
            length = b"Content-Length: %d\r\nContent-Type: application/json\r\n\r\n" % len(body)
            await talk.send(b"HTTP/1.1 " + first + b"\r\n" + cookies + length + body)
        await talk.behave()

    async with serving(set_cookies) as server, quick(server.url, max_connections=1) as client:
        another = client.with_options(auth="another-user")
        for each in (client, another, client, another):
            for call in CALLS.values():
                await observe(each, call)
        seen = await observe(client, CALLS[kind])

        assert len(server.requests) > 12
        assert not any("cookie" in name for request in server.requests for name in request.headers)
        assert {request.headers["authorization"] for request in server.requests} == {
            f"Bearer {SECRET}",
            "Bearer another-user",
        }
    assert str(seen) == getattr(row(35), kind)
