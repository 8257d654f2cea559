"""The deadline of a call: after it, nothing more begins."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

import httpx
import pytest

from exist_async import (
    BatchError,
    ConfigurationError,
    ConnectionFailedError,
    DeadlineExceededError,
    ExistClient,
    MemoryTokenStore,
    NoAnswerError,
    OAuth2,
    OAuthApp,
    OAuthToken,
    RateLimitError,
    ServerError,
)
from exist_async.sandbox import Sandbox
from support import names, statuses, succeed

Answering = Callable[..., ExistClient]

DAY = date(2026, 11, 20)


async def test_a_read_that_fails_is_tried_again_only_before_the_deadline(answering: Answering, clock: Any) -> None:
    requests = 0

    def fail_slowly(request: httpx.Request) -> httpx.Response:
        nonlocal requests
        requests += 1
        clock.now += 4
        raise httpx.ReadError("reset")

    with pytest.raises(NoAnswerError):
        await answering(fail_slowly, deadline=7, max_retries=9).profile.get()

    assert requests == 2


async def test_items_not_tried_by_the_deadline_were_not_sent(answering: Answering, clock: Any) -> None:
    def slow(request: httpx.Request) -> httpx.Response:
        clock.now += 4
        return succeed(request)

    with pytest.raises(BatchError, match="deadline of 7 s had passed") as caught:
        await answering(slow, deadline=7, concurrency=1).attributes.release(names(100))

    assert caught.value.result is not None
    assert statuses(caught.value.result) == ["succeeded"] * 70 + ["not_sent"] * 30
    assert [type(error) for error in caught.value.errors] == [DeadlineExceededError]


async def test_a_call_of_several_requests_has_one_deadline_for_all(answering: Answering, clock: Any) -> None:
    def slow(request: httpx.Request) -> httpx.Response:
        clock.now += 4
        return httpx.Response(200, json={"count": 300, "next": "more", "results": [{"name": "a"}] * 100})

    client = answering(slow, deadline=7, concurrency=1)
    with pytest.raises(DeadlineExceededError):
        await client.attributes.owned().collect()
    with pytest.raises(DeadlineExceededError):
        await client.attributes.get("b")
    with pytest.raises(DeadlineExceededError) as caught:
        await client.attributes.ensure(["steps"])
    assert caught.value.result is not None
    assert statuses(caught.value.result) == ["not_sent"]


async def test_each_page_of_an_iteration_has_a_deadline_of_its_own(answering: Answering, clock: Any) -> None:
    def slow(request: httpx.Request) -> httpx.Response:
        clock.now += 4
        page = int(request.url.params.get("page", 1))
        return httpx.Response(200, json={"next": None if page == 3 else "more", "results": [{"name": f"tag_{page}"}]})

    assert len([attribute async for attribute in answering(slow, deadline=5).attributes.owned()]) == 3


async def test_nothing_waits_for_its_turn_beyond_the_deadline(answering: Answering, clock: Any) -> None:
    def spent(request: httpx.Request) -> httpx.Response:
        return httpx.Response(429, headers={"Retry-After": "30"})

    client = answering(spent, deadline=20)
    with pytest.raises(RateLimitError) as caught:
        await client.profile.get()
    assert caught.value.status_code == 429

    with pytest.raises(RateLimitError, match="deadline") as caught:
        await client.profile.get()
    assert caught.value.status_code is None
    assert clock.slept == []


async def test_a_turn_that_comes_after_the_deadline_is_not_taken(answering: Answering, clock: Any) -> None:
    class Slow:
        async def acquire(self, user: object, *, max_wait: float | None) -> None:
            clock.now += 8

        async def refund(self, user: object, *, hold: float) -> None: ...

    with pytest.raises(DeadlineExceededError):
        await answering(succeed, deadline=7, rate_limiter=Slow()).profile.get()


async def test_no_connection_is_waited_for_beyond_the_deadline(raw_server: Any, clock: Any) -> None:
    async def answer_once(reader: Any, writer: Any) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
        await reader.read()

    options = {"max_connections": 1, "max_retries": 0, "clock": clock}
    async with raw_server(answer_once) as url, ExistClient("a-token", base_url=url, **options) as client:
        # The one connection is open, so that the deadline does not pass while it is made.
        await client.request("GET", "anything/")
        with pytest.raises(BatchError) as caught:
            await client.with_options(deadline=0.1, timeout=0.5).attributes.release(names(70))

    assert caught.value.result is not None
    assert statuses(caught.value.result) == ["unknown"] * 35 + ["not_sent"] * 35
    assert isinstance(caught.value.result[40].cause, ConnectionFailedError)


@pytest.mark.parametrize("deadline", [0, -1, float("nan"), float("inf"), True, "5"])
def test_a_deadline_is_a_number_of_seconds(deadline: Any) -> None:
    with pytest.raises(ConfigurationError, match="deadline"):
        ExistClient("a-token", deadline=deadline)


async def test_a_view_can_have_a_deadline_of_its_own(answering: Answering, clock: Any) -> None:
    def slow(request: httpx.Request) -> httpx.Response:
        clock.now += 4
        return succeed(request)

    client = answering(slow, deadline=2, concurrency=1)
    assert (await client.with_options(deadline=None).attributes.release(names(100))).ok


@pytest.mark.parametrize("slow", ["load", "lock"])
async def test_no_token_is_waited_for_beyond_the_deadline(sandbox: Sandbox, slow: str) -> None:
    class Slow(MemoryTokenStore):
        async def load(self, user: str) -> OAuthToken | None:
            if slow == "load":
                await asyncio.sleep(5)
            return await super().load(user)

        @asynccontextmanager
        async def lock(self, user: str) -> AsyncGenerator[None, None]:
            await asyncio.sleep(5)
            yield

    async with httpx.AsyncClient(transport=sandbox.transport()) as http_client:
        service = sandbox.service
        app = OAuthApp(service.client_id, service.client_secret, service.redirect_uri, http_client=http_client)
        store = Slow()
        await store.save("ada", OAuthToken("rejected", "refresh"))
        exist = ExistClient(OAuth2(app, store, "ada"), http_client=http_client, deadline=0.2)

        with pytest.raises(DeadlineExceededError) as caught:
            await exist.attributes.release(names(1))

    assert caught.value.result is not None
    assert statuses(caught.value.result) == ["not_sent"]
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        # The renewal itself goes on for those who can wait.
        task.cancel()


async def test_a_long_pause_that_a_failing_service_asks_for_counts_towards_max_wait(
    answering: Answering, clock: Any
) -> None:
    with pytest.raises(ServerError):
        await answering(lambda request: httpx.Response(503, headers={"Retry-After": "55"})).profile.get()

    assert clock.slept == [55.0]
