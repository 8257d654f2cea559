"""Rows 36 and 42: callers who are cancelled, and clients that are closed, at every moment."""

import asyncio
import itertools
import logging
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from faults.conftest import open_descriptors
from faults.observe import DAY, Seen, cell, get, observe, quick
from faults.sandboxed import CALLS, timed_by
from faults.server import Server, Talk, answer_to, serving, whole
from faults.service_rows import row

from exist_async import (
    ClientClosedError,
    ExistAsyncError,
    ExistClient,
    MemoryRateLimiter,
    Outcome,
    OutcomeStatus,
    ValueIncrement,
    ValueUpdate,
)
from exist_async._http.retry import RetryBudget
from support import until

CONNECTIONS = 3
AN_OUTCOME = re.compile(r"items\[0\], \w+\(name='coffees', .*value=(\d+)[,)].*: (succeeded|unknown)")


class Told:
    """The outcomes that callers of writes got; each caller writes numbers of its own."""

    def __init__(self) -> None:
        self.of: dict[int, list[OutcomeStatus]] = {}
        self.in_time: set[int] = set()

    def by(self, number: int) -> Callable[[Outcome[Any, Any]], None]:
        return lambda outcome: self.of.setdefault(number, []).append(outcome.status)

    def numbers(self, status: str) -> set[int]:
        return {number for number, statuses in self.of.items() if OutcomeStatus(status) in statuses}

    async def call(self, client: ExistClient, kind: str, number: int) -> None:
        try:
            if kind == "get":
                await client.profile.get()
            elif kind == "update":
                await client.values.update([ValueUpdate("coffees", DAY, number)], on_outcome=self.by(number))
            else:
                await client.values.increment([ValueIncrement("coffees", number, DAY)], on_outcome=self.by(number))
        finally:
            if number in self.of:
                self.in_time.add(number)


async def steps(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def cancel(*tasks: "asyncio.Task[None]") -> None:
    """Cancel tasks, and see that each ends by that, or had ended before in an error of this package at worst."""
    for task in tasks:
        task.cancel()
    async with asyncio.timeout(10):
        await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled():
            assert isinstance(task.exception(), ExistAsyncError | None)


async def every_step(
    client: ExistClient, kind: str, told: Told, *, at_once: int, prepare: Callable[[], object] | None = None
) -> int:
    """Cancel calls after no step of the event loop, after one, and so on, until they are over before; return how many.

    Args:
        client: What makes the calls.
        kind: Their kind.
        told: Is told of their outcomes.
        at_once: How many there are at once.
        prepare: Is called before each time.
    """
    numbers = itertools.count(1)
    for step in itertools.count():
        # The first of them finds a connection that is open.
        await get(client)
        if prepare is not None:
            prepare()
        tasks = [asyncio.create_task(told.call(client, kind, next(numbers))) for _ in range(at_once)]
        await steps(step)
        over = all(task.done() for task in tasks)
        await cancel(*tasks)
        if over:
            return step
    raise AssertionError


async def assert_healthy(client: ExistClient) -> None:
    """All connections are there for use, at once and soon."""
    async with asyncio.timeout(10):
        await asyncio.gather(*(client.profile.get() for _ in range(2 * CONNECTIONS)))
    assert client._session._pool.throttle.lines == {}


async def assert_nothing_left(tasks: set[Any], files: int) -> None:
    """Neither a task nor a file that was not there before."""
    await until(lambda: asyncio.all_tasks() <= tasks)
    await until(lambda: open_descriptors() <= files)


def logged_late(log: pytest.LogCaptureFixture) -> list[int]:
    """Return the numbers whose outcomes the log tells, as it does when a caller was cancelled."""
    found = [AN_OUTCOME.match(record.getMessage()) for record in log.records if record.name == "exist_async"]
    return [int(match[1]) for match in found if match is not None]


@pytest.mark.parametrize("kind", CALLS)
async def test_a_call_that_is_cancelled_at_any_moment_harms_nothing(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    told = Told()
    tasks, files = asyncio.all_tasks(), open_descriptors()
    async with serving() as server:
        async with quick(server.url, max_connections=CONNECTIONS) as client:
            await get(client)
            with_connections = open_descriptors()

            # More of them than connections, so that some wait for one.
            steps_taken = await every_step(client, kind, told, at_once=CONNECTIONS + 2)

            await assert_healthy(client)
            # Each connection has two ends here.
            assert open_descriptors() <= with_connections + 2 * (CONNECTIONS - 1)
            following = await observe(client, CALLS[kind], None if kind == "get" else server.applied_count)
        ends = {str(status) for statuses in told.of.values() for status in statuses}
    await assert_nothing_left(tasks, files)

    assert steps_taken > 5
    assert all(len(statuses) == 1 for statuses in told.of.values())
    if kind == "get":
        assert row(36).get == f"stopped; the next: {following}"
        return
    assert getattr(row(36), kind) == f"finished, and told once: {', '.join(ends)}; the next: {following}"
    carried_out = {number for _, _, number in server.applied} - {following.result[0].item.value}
    assert carried_out == told.numbers("succeeded") - {following.result[0].item.value}
    # Whoever's call had ended before is told by the log as well, and nobody twice.
    logged = logged_late(caplog)
    assert told.of.keys() - told.in_time <= set(logged) <= told.of.keys()
    assert len(logged) == len(set(logged)) > 5


class Failing:
    """Answers the next requests badly, and then behaves: the script of a server."""

    def __init__(self, head: bytes, *, carried_out: bool = False) -> None:
        self.left = 0
        self._answer = b"HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n" % head
        self._carried_out = carried_out

    def begin(self) -> None:
        self.left = CONNECTIONS - 1

    async def __call__(self, talk: Talk) -> None:
        while True:
            request = await talk.request()
            badly = self.left > 0
            self.left -= badly
            if self._carried_out or not badly:
                talk.apply(request)
            await talk.send(self._answer if badly else whole(answer_to(request)))


class Endless(RetryBudget):
    """Lets retry without end."""

    def take(self) -> None:
        pass


@pytest.mark.parametrize("kind", CALLS)
async def test_a_call_that_is_cancelled_at_any_moment_after_a_429_leaves_the_gate_open(kind: str, clock: Any) -> None:
    told = Told()
    refusing = Failing(b"429 No\r\nRetry-After: 1")
    tasks, files = asyncio.all_tasks(), open_descriptors()
    async with (
        serving(refusing) as server,
        quick(server.url, max_connections=CONNECTIONS, **timed_by(clock)) as client,
    ):
        steps_taken = await every_step(client, kind, told, at_once=CONNECTIONS, prepare=refusing.begin)
        refusing.left = 0
        await assert_healthy(client)
    await assert_nothing_left(tasks, files)

    assert steps_taken > 10
    assert all(len(statuses) == 1 for statuses in told.of.values())
    assert {number for _, _, number in server.applied} == told.numbers("succeeded")


@pytest.mark.parametrize("carried_out", [True, False])
@pytest.mark.parametrize("kind", CALLS)
async def test_a_call_that_is_cancelled_at_any_moment_between_two_attempts_is_told_once(
    kind: str, carried_out: bool, clock: Any
) -> None:
    told = Told()
    failing = Failing(b"503 No", carried_out=carried_out)
    tasks, files = asyncio.all_tasks(), open_descriptors()
    async with (
        serving(failing) as server,
        quick(server.url, max_connections=CONNECTIONS, **timed_by(clock)) as client,
    ):
        client._session._pool.retry_budget = Endless()
        steps_taken = await every_step(client, kind, told, at_once=CONNECTIONS, prepare=failing.begin)
        failing.left = 0
        await assert_healthy(client)
    await assert_nothing_left(tasks, files)

    carried_out_ones = {number for _, _, number in server.applied}
    assert steps_taken > 10 or kind == "increment"
    assert {number: statuses for number, statuses in told.of.items() if len(statuses) != 1} == {}
    assert told.numbers("succeeded") <= carried_out_ones <= told.numbers("succeeded") | told.numbers("unknown")
    if kind == "increment":
        assert set(server.applied.values()) == {1}


@pytest.mark.parametrize("kind", CALLS)
async def test_a_call_that_is_cancelled_at_any_moment_of_its_wait_for_the_budget_leaves_the_line(
    kind: str, clock: Any
) -> None:
    told = Told()
    limiter = MemoryRateLimiter(2, 60.0, clock=clock, sleep=clock.sleep)
    tasks, files = asyncio.all_tasks(), open_descriptors()
    async with serving() as server:
        options = {"max_connections": CONNECTIONS, "rate_limiter": limiter, "max_wait": None, **timed_by(clock)}
        async with quick(server.url, **options) as client:
            steps_taken = await every_step(client, kind, told, at_once=CONNECTIONS + 1)
            await assert_healthy(client)
    await assert_nothing_left(tasks, files)

    assert steps_taken > 10
    assert limiter._queues == {}
    assert all(len(statuses) == 1 for statuses in told.of.values())
    assert {number for _, _, number in server.applied} == told.numbers("succeeded")


@pytest.mark.parametrize("kind", CALLS)
async def test_a_call_that_is_cancelled_at_any_moment_of_a_client_s_first_is_in_nobody_s_way(kind: str) -> None:
    told = Told()
    numbers = itertools.count(1)
    tasks, files = asyncio.all_tasks(), open_descriptors()
    async with serving() as server:
        for step in range(60):
            async with quick(server.url, max_connections=CONNECTIONS) as client:
                task = asyncio.create_task(told.call(client, kind, next(numbers)))
                # Preparing TLS takes a thread some time, and the steps pass meanwhile.
                await (steps(step) if step % 2 else asyncio.sleep(step / 20_000))
                await cancel(task)
                await get(client)
    await assert_nothing_left(tasks, files)

    assert all(len(statuses) == 1 for statuses in told.of.values())
    assert {number for _, _, number in server.applied} == told.numbers("succeeded")


async def under_way(
    client: ExistClient, server: Server, kind: str, count: int, counted: Callable[[], int] | None = None
) -> "asyncio.Task[Seen]":
    """Begin a call, and come back when the service has its request."""
    task = asyncio.create_task(observe(client, CALLS[kind], counted))
    await until(lambda: len(server.requests) == count)
    return task


@pytest.mark.parametrize("kind", CALLS)
async def test_closing_finishes_a_write_and_ends_a_read_and_later_calls_say_so(kind: str) -> None:
    answering = asyncio.Event()

    async def answer_late(talk: Talk) -> None:
        request = await talk.applied()
        await answering.wait()
        await talk.send(whole(answer_to(request)))

    seen: dict[str, Seen] = {}
    async with serving(answer_late) as server:
        counted = None if kind == "get" else server.applied_count
        client = quick(server.url)
        call = await under_way(client, server, kind, 1, counted)
        closing = asyncio.create_task(client.aclose())
        await steps(20)
        assert closing.done() is (kind == "get")
        answering.set()
        await closing
        seen["answered late"] = await call
        answering.clear()

        client = quick(server.url, timeout=0.3)
        call = await under_way(client, server, kind, 2, counted)
        start = time.monotonic()
        await client.aclose()
        assert time.monotonic() - start < 20
        seen["never answered"] = await call
        seen["later"] = await observe(client, CALLS[kind], counted)
        assert len(server.requests) == 2

    assert isinstance(seen["later"].error, ClientClosedError)
    assert cell(seen) == getattr(row(42), kind)


async def test_a_service_that_never_answers_holds_a_closing_client_no_longer_than_its_timeout(clock: Any) -> None:
    async def never(talk: Talk) -> None:
        await talk.applied()
        await talk.hang_up_waited_for()

    tasks = asyncio.all_tasks()
    async with serving(never) as server:
        client = quick(server.url, timeout=0.3)
        # Their own timeout is not what ends them.
        patient = client.with_options(timeout=60.0)
        calls = [await under_way(patient, server, kind, count) for count, kind in enumerate(CALLS, 1)]
        start = time.monotonic()

        await client.aclose()

        assert 0.29 < time.monotonic() - start < 20
        assert [str(await call).partition(" after")[0] for call in calls] == ["ClientClosedError", "unknown", "unknown"]
    await until(lambda: asyncio.all_tasks() <= tasks)


async def test_what_waits_for_its_turn_when_the_client_is_closed_is_not_sent(clock: Any) -> None:
    free = asyncio.Event()

    async def sleep(seconds: float) -> None:
        await free.wait()
        await clock.sleep(seconds)

    limiter = MemoryRateLimiter(1, 60.0, clock=clock, sleep=sleep)
    async with serving() as server:
        client = quick(server.url, rate_limiter=limiter, max_wait=None, **timed_by(clock))
        await get(client)
        calls = [asyncio.create_task(observe(client, CALLS[kind], server.applied_count)) for kind in CALLS]
        await steps(10)
        await client.aclose()
        free.set()

        seen = [await call for call in calls]

    assert len(server.requests) == 1
    assert {type(one.error) for one in seen} == {ClientClosedError}


async def test_a_closed_client_ends_the_pause_before_another_attempt_by_saying_so() -> None:
    paused = asyncio.Event()

    async def sleep(seconds: float) -> None:
        await paused.wait()

    failing = Failing(b"503 No")
    failing.left = 99
    async with serving(failing) as server:
        client = quick(server.url, sleep=sleep)
        calls = [asyncio.create_task(observe(client, CALLS[kind])) for kind in ("get", "update")]
        await until(lambda: len(server.requests) == 2)
        await steps(10)
        await client.aclose()
        paused.set()

        assert [str(await call) for call in calls] == ["ClientClosedError after 1 attempt", "unknown after 1 attempt"]
        assert len(server.requests) == 2
