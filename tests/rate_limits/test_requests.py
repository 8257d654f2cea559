"""The requests of a client: those that the service never counted cost nothing; all others count from their answer."""

import asyncio
import gc
import random
import sys
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from rate_limits.exact_window import exact_window

from exist_async import (
    ClientClosedError,
    ConnectionFailedError,
    DeadlineExceededError,
    ExistAsyncError,
    ExistClient,
    MemoryRateLimiter,
    PostgresRateLimiter,
    RateLimitError,
    RedisRateLimiter,
    SqliteRateLimiter,
)
from exist_async._http.signing import user_of
from exist_async.rate_limits.slots import LONGEST_FLIGHT
from support import refusing_url, until

Make = Callable[..., Any]

PERIOD = 0.3


@pytest.fixture
def nowhere() -> Iterator[str]:
    """The URL of a port of this machine where nothing listens."""
    with refusing_url() as url:
        yield url


def client_of(url: str, limiter: Any, **options: Any) -> ExistClient:
    return ExistClient("a-token", base_url=url, rate_limiter=limiter, **({"max_retries": 0} | options))


async def left(client: ExistClient, limiter: Any) -> int:
    remaining: int = await limiter.remaining(user_of(client._session.auth))
    return remaining


async def until_left(number: int, client: ExistClient, limiter: Any) -> None:
    async with asyncio.timeout(20):
        while await left(client, limiter) != number:  # noqa: ASYNC110  (nothing signals it)
            await asyncio.sleep(0)


async def test_requests_that_found_no_service_cost_nothing(make: Make, nowhere: str) -> None:
    limiter = make()
    async with client_of(nowhere, limiter, max_retries=1) as client:
        for _ in range(3):
            with pytest.raises(ConnectionFailedError):
                await client.profile.get()
        with pytest.raises(ExistAsyncError):
            await client.attributes.release(["steps"])

        assert await left(client, limiter) == 3


async def test_calls_that_got_no_connection_or_were_cancelled_before_cost_nothing(make: Make) -> None:
    limiter = make()
    async with (
        exact_window(3, 60.0, delay=lambda: 30.0) as service,
        client_of(service.url, limiter, max_connections=1, timeout=5) as client,
    ):
        first = asyncio.create_task(client.profile.get())
        await until(lambda: service.connections)
        calls = [asyncio.create_task(client.profile.get()), asyncio.create_task(client.attributes.release(["steps"]))]
        await until_left(0, client, limiter)
        for call in calls:
            call.cancel()
        await asyncio.wait(calls)
        # The request of a write has a task of its own, which ends a little later.
        await until_left(2, client, limiter)

        with pytest.raises(ConnectionFailedError):
            await client.with_options(timeout=0.05).profile.get()

        assert await left(client, limiter) == 2
        first.cancel()
        await asyncio.wait([first])
        # It was sent, and the service may have counted it.
        assert await left(client, limiter) == 2


@pytest.mark.parametrize("kind", ["read", "write"])
async def test_a_call_that_is_cancelled_at_any_moment_costs_a_slot_only_if_it_was_sent(make: Make, kind: str) -> None:
    limiter = make()
    async with exact_window(100, 60.0, delay=lambda: 0.0) as service, AsyncExitStack() as opened:
        for steps in range(0, 32, 2 if isinstance(limiter, MemoryRateLimiter) else 3):
            client = await opened.enter_async_context(
                ExistClient(f"token-{steps}", base_url=service.url, rate_limiter=limiter, max_retries=0)
            )
            await client._session.prepare()
            requests, connections = len(service.let_in), service.connections
            call = client.profile.get() if kind == "read" else client.attributes.release(["steps"])
            task: asyncio.Task[Any] = asyncio.create_task(call)
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            with suppress(asyncio.CancelledError, ExistAsyncError):
                await task
            await client._session.aclose()
            await asyncio.sleep(0.02)

            cost = 3 - await left(client, limiter)
            assert len(service.let_in) - requests <= cost <= service.connections - connections, steps


async def test_a_request_that_its_auth_could_not_sign_costs_nothing(make: Make, nowhere: str) -> None:
    class Failing(httpx.Auth):
        async def async_auth_flow(self, request: httpx.Request) -> Any:
            raise ValueError("no key")
            yield request

        def __hash__(self) -> int:
            return 7

    limiter = MemoryRateLimiter(3)
    auth = Failing()
    async with ExistClient(auth, base_url=nowhere, rate_limiter=limiter) as client:
        with pytest.raises(ValueError, match="no key"):
            await client.profile.get()

    assert await limiter.remaining(auth) == 3


async def test_calls_that_end_just_when_their_turn_has_come_cost_nothing(clock: Any, nowhere: str) -> None:
    class Late(MemoryRateLimiter):
        async def acquire(self, user: Hashable, *, max_wait: float | None) -> None:
            await super().acquire(user, max_wait=max_wait)
            turn.set()
            await asyncio.sleep(0)
            clock.now += 1
            await free.wait()

    turn, free = asyncio.Event(), asyncio.Event()
    limiter = Late(3, clock=clock, sleep=clock.sleep)
    client = client_of(nowhere, limiter, clock=clock, sleep=clock.sleep)
    free.set()
    with pytest.raises(DeadlineExceededError):
        await client.with_options(deadline=1).profile.get()
    free.clear()
    turn.clear()
    call = asyncio.create_task(client.profile.get())
    await turn.wait()

    await client.aclose()

    with pytest.raises(ClientClosedError):
        await call
    assert await left(client, limiter) == 3


async def test_a_request_counts_for_a_period_after_its_answer(make: Make) -> None:
    limiter = make(PERIOD)
    delays = iter([0.2, 0.2, 0.2, 0.0])
    async with (
        exact_window(3, PERIOD, delay=lambda: next(delays)) as service,
        client_of(service.url, limiter, max_wait=None) as client,
    ):
        await asyncio.gather(*(client.profile.get() for _ in range(3)))

        await client.profile.get()

    assert service.let_in[3] - service.let_in[0] >= PERIOD
    assert service.refused == 0


async def test_a_request_in_flight_counts_however_long_it_takes(make: Make) -> None:
    limiter = make(PERIOD)
    async with (
        exact_window(3, PERIOD, delay=lambda: 3 * PERIOD) as service,
        client_of(service.url, limiter) as client,
    ):
        calls = [asyncio.create_task(client.profile.get()) for _ in range(3)]
        await asyncio.sleep(2 * PERIOD)

        assert await left(client, limiter) == 0
        with pytest.raises(RateLimitError) as caught:
            await client.with_options(max_wait=0).profile.get()
        # It can be answered now, and is free a period later.
        assert caught.value.retry_after == pytest.approx(PERIOD, abs=0.01)
        await asyncio.gather(*calls)


async def test_a_request_whose_answer_nobody_reports_is_given_up_after_a_minute(clock: Any) -> None:
    limiter = MemoryRateLimiter(3, 60.0, clock=clock, sleep=clock.sleep)
    started = asyncio.Event()

    async def for_ever(request: httpx.Request) -> httpx.Response:
        started.set()
        await asyncio.Event().wait()
        raise AssertionError

    async with httpx.AsyncClient(transport=httpx.MockTransport(for_ever)) as http_client:
        client = ExistClient("a-token", http_client=http_client, rate_limiter=limiter)
        call = asyncio.create_task(client.profile.get())
        await started.wait()

        clock.now += 60 + LONGEST_FLIGHT - 1
        assert await left(client, limiter) == 2
        clock.now += 1
        assert await left(client, limiter) == 3

        call.cancel()
        await asyncio.wait([call])
        # It is counted again from its end.
        assert await left(client, limiter) == 2


@pytest.mark.slow
async def test_a_service_with_an_exact_window_refuses_none_of_a_client_that_is_alone(make: Make) -> None:
    limiter = make(PERIOD)
    # One in ten hangs for longer than a period.
    async with (
        exact_window(3, PERIOD, delay=lambda: random.choice([*9 * [random.uniform(0, 0.1)], 2 * PERIOD])) as service,
        client_of(service.url, limiter, max_wait=None) as client,
    ):
        end = time.monotonic() + 12 * PERIOD

        async def work() -> None:
            while time.monotonic() < end:
                await client.profile.get()

        await asyncio.gather(*(work() for _ in range(8)))

    assert service.refused == 0
    assert len(service.let_in) >= 12


@pytest.mark.parametrize("kind", ["redis", "postgres"])
async def test_requests_sent_while_the_server_failed_count_when_they_are_answered_after_it_is_back(
    kind: str, request: pytest.FixtureRequest, clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    server = request.getfixturevalue(f"{kind}_server")
    make = {"redis": RedisRateLimiter, "postgres": PostgresRateLimiter}[kind]
    stop = {"redis": "end", "postgres": "stop"}[kind]
    back = asyncio.Event()
    sent = 0

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal sent
        sent += 1
        await back.wait()
        return httpx.Response(200, json={"username": "ada"})

    async with (
        httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http_client,
        make(server.url, 3, when_unavailable="go_on", clock=clock) as limiter,
    ):
        client = ExistClient("a-token", http_client=http_client, rate_limiter=limiter)
        getattr(server, stop)()
        # It is asked for the first, and no more for the second.
        calls = [asyncio.create_task(client.profile.get()) for _ in range(2)]
        await until(lambda: sent == 2)
        server.start()
        clock.now += 60
        back.set()
        await asyncio.gather(*calls)

        assert await left(client, limiter) == 1
    assert len(caplog.records) == 1  # one outage


class Noting:
    """A limiter of the caller's, which has the two methods of the protocol."""

    def __init__(self) -> None:
        self.calls: list[object] = []

    async def acquire(self, user: Hashable, *, max_wait: float | None) -> None:
        self.calls.append("acquire")

    async def refund(self, user: Hashable, *, hold: float) -> None:
        self.calls.append(hold)


async def test_a_limiter_of_the_caller_gets_back_the_slot_of_a_request_that_was_not_sent_or_refused() -> None:
    answers = iter([httpx.ConnectError("no"), httpx.Response(429, headers={"Retry-After": "90"}), httpx.Response(200)])

    def answer(request: httpx.Request) -> httpx.Response:
        given = next(answers)
        if isinstance(given, Exception):
            raise given
        return given

    limiter = Noting()
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http_client:
        client = ExistClient("a-token", http_client=http_client, rate_limiter=limiter, max_retries=0)
        for _ in range(3):
            with pytest.raises(ExistAsyncError):
                await client.profile.get()

    assert limiter.calls == ["acquire", 0.0, "acquire", 90.0, "acquire"]


async def test_a_limiter_that_asks_two_others_keeps_both_exact(clock: Any) -> None:
    class Both:
        def __init__(self, *limiters: MemoryRateLimiter) -> None:
            self.limiters = limiters

        async def acquire(self, user: Hashable, *, max_wait: float | None) -> None:
            for limiter in self.limiters:
                await limiter.acquire(user, max_wait=max_wait)

        async def refund(self, user: Hashable, *, hold: float) -> None:
            for limiter in self.limiters:
                await limiter.refund(user, hold=hold)

    minute, hour = (MemoryRateLimiter(3, period, clock=clock, sleep=clock.sleep) for period in (60.0, 3600.0))

    def answer(request: httpx.Request) -> httpx.Response:
        clock.now += 5
        if not failing:
            return httpx.Response(200, json={"username": "ada"})
        raise httpx.ConnectError("no")

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http_client:
        client = ExistClient("a-token", http_client=http_client, rate_limiter=Both(minute, hour), max_retries=0)
        failing = True
        with pytest.raises(ConnectionFailedError):
            await client.profile.get()
        assert [await left(client, limiter) for limiter in (minute, hour)] == [3, 3]
        failing = False
        await client.profile.get()

    clock.now += 59
    assert [await left(client, limiter) for limiter in (minute, hour)] == [2, 2]
    clock.now += 1
    assert [await left(client, limiter) for limiter in (minute, hour)] == [3, 2]


def test_the_end_of_an_event_loop_in_the_middle_of_calls_is_no_failure_of_the_limiter(
    budget: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    raised: list[BaseException | None] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: raised.append(unraisable.exc_value))

    async def start() -> None:
        async with AsyncExitStack() as opened:
            service = await opened.enter_async_context(exact_window(3, 60.0, delay=lambda: 30.0))
            client = client_of(service.url, SqliteRateLimiter(budget, 3), max_connections=1)
            calls = [client.profile.get(), client.profile.get(), client.attributes.release(["steps"])]
            unfinished.extend(asyncio.create_task(call) for call in calls)
            await until(lambda: service.connections)
            await asyncio.sleep(0.1)  # the others wait for the connection
            opened.pop_all()

    unfinished: list[asyncio.Task[Any]] = []
    loop = asyncio.new_event_loop()
    loop.run_until_complete(start())
    loop.close()
    unfinished.clear()
    gc.collect()

    # asyncio itself refuses to close the connection in use, and warns; Python 3.13 also warns of a generator.
    errors = {str(error) for error in raised if not isinstance(error, ResourceWarning)}
    assert errors <= {"Event loop is closed", "coroutine method 'aclose' of 'exact_window' was never awaited"}
    assert [record for record in caplog.records if record.name == "exist_async"] == []
