"""Cutting and sending: any number of items, of any iterable, 35 a request."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest

from exist_async import (
    ByName,
    ByTemplate,
    ConfigurationError,
    ExistClient,
    OutcomeStatus,
)
from exist_async.sandbox import Sandbox
from support import Answering, names, statuses, succeed, with_tags


async def test_a_hundred_names_travel_in_three_requests(exist: ExistClient, sandbox: Sandbox) -> None:
    result = await exist.attributes.acquire(with_tags(sandbox, 100))

    assert sorted(sandbox.batch_sizes) == [30, 35, 35]
    assert result.ok
    assert [outcome.index for outcome in result] == list(range(100))
    assert [attribute.name for attribute in result.succeeded] == [f"tag_{n}" for n in range(100)]


@pytest.mark.parametrize(("count", "requests"), [(0, 0), (1, 1), (34, 1), (35, 1), (36, 2), (70, 2), (71, 3)])
async def test_a_request_holds_at_most_35(exist: ExistClient, sandbox: Sandbox, count: int, requests: int) -> None:
    result = await exist.attributes.acquire(with_tags(sandbox, count))

    assert result.ok
    assert len(result) == count
    assert len(sandbox.requests) == requests


async def test_requests_are_sent_concurrently_up_to_the_concurrency(answering: Answering) -> None:
    under_way, most = 0, 0

    async def slow(request: httpx.Request) -> httpx.Response:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        for _ in range(5):
            await asyncio.sleep(0)
        under_way -= 1
        return succeed(request)

    await answering(slow, concurrency=3).attributes.acquire(names(400))

    assert most == 3


async def generated(items: list[Any]) -> AsyncIterator[Any]:
    for item in items:
        await asyncio.sleep(0)
        yield item


@pytest.mark.parametrize(
    "iterable",
    [list, tuple, iter, generated, lambda items: (item for item in items), lambda items: dict.fromkeys(items).keys()],
)
async def test_any_iterable_will_do(
    exist: ExistClient, sandbox: Sandbox, iterable: Callable[[list[ByName]], Any]
) -> None:
    result = await exist.attributes.acquire(iterable(with_tags(sandbox, 80)))

    assert result.ok
    assert len(result) == 80


async def test_a_stream_is_read_only_as_far_as_it_can_be_sent(answering: Answering) -> None:
    read = 0
    gate = asyncio.Event()

    async def wait(request: httpx.Request) -> httpx.Response:
        await gate.wait()
        return succeed(request)

    def counted() -> Iterator[ByName]:
        nonlocal read
        for name in names(1000):
            read += 1
            yield name

    task = asyncio.create_task(answering(wait, concurrency=2).attributes.acquire(counted()))
    for _ in range(20):
        await asyncio.sleep(0)
    assert read == 3 * 35

    gate.set()
    assert len(await task) == 1000


@pytest.mark.parametrize("items", ["mood", b"mood", {"name": "mood"}, 7, None])
async def test_what_is_no_list_is_refused_before_any_request(exist: ExistClient, sandbox: Sandbox, items: Any) -> None:
    for write in [exist.attributes.create, exist.attributes.acquire, exist.attributes.release, exist.attributes.ensure]:
        with pytest.raises(ConfigurationError, match="items must be a list"):
            await write(items)

    assert sandbox.requests == []


async def test_of_a_sequence_nothing_is_sent_when_one_item_is_wrong(exist: ExistClient, sandbox: Sandbox) -> None:
    with pytest.raises(ConfigurationError, match=r"items\[99\]: .*not int"):
        await exist.attributes.acquire([*names(99), 7])  # type: ignore[list-item]

    assert sandbox.requests == []


@pytest.mark.parametrize("kind", [iter, generated])
async def test_of_a_stream_the_chunks_before_a_wrong_item_are_sent(
    exist: ExistClient, sandbox: Sandbox, kind: Callable[[list[Any]], Any]
) -> None:
    good = with_tags(sandbox, 80)

    with pytest.raises(ConfigurationError, match=r"items\[80\]") as caught:
        await exist.attributes.acquire(kind([*good, "", *good]))

    assert sandbox.batch_sizes == [35, 35]
    assert caught.value.result is not None
    assert statuses(caught.value.result) == [OutcomeStatus.SUCCEEDED] * 70 + [OutcomeStatus.NOT_SENT] * 10


async def test_two_items_about_one_thing_never_travel_at_once(answering: Answering) -> None:
    log: list[str] = []

    async def note(request: httpx.Request) -> httpx.Response:
        about_it = b'"same"' in request.content
        log.extend(["begin"] * about_it)
        for _ in range(3):
            await asyncio.sleep(0)
        log.extend(["end"] * about_it)
        return succeed(request)

    items = [*names(34), ByName("same"), ByTemplate("same"), *names(200)[100:134], ByName("same")]
    result = await answering(note).attributes.acquire(items, success_objects=False)

    assert log == ["begin", "end", "begin", "end", "begin", "end"]
    assert [outcome.item for outcome in result] == items


async def test_items_that_come_twice_are_packed_into_full_requests(answering: Answering) -> None:
    sizes: list[int] = []

    def count(request: httpx.Request) -> httpx.Response:
        sizes.append(len(json.loads(request.content)))
        return succeed(request)

    pairs = [name for name in names(200) for _ in range(2)]
    result = await answering(count).attributes.acquire(pairs, success_objects=False)

    assert result.ok
    assert [outcome.item for outcome in result] == pairs
    assert sorted(sizes) == [25, 25] + [35] * 10


async def test_strings_of_other_libraries_are_strings(exist: ExistClient, sandbox: Sandbox) -> None:
    class TheirString(str):
        __slots__ = ()

    result = await exist.attributes.acquire([TheirString("steps"), ByTemplate(TheirString("mood"))])

    assert result.ok
    assert sandbox.requests[0].json == [{"template": "steps"}, {"template": "mood"}]


async def test_an_iterator_of_next_alone_is_read(answering: Answering) -> None:
    class Counter:
        number = 0

        def __next__(self) -> str:
            self.number += 1
            if self.number > 3:
                raise StopIteration
            return f"tag_{self.number}"

    class Counting:
        def __iter__(self) -> Any:
            return Counter()

    assert len(await answering(succeed).attributes.release(Counting())) == 3
