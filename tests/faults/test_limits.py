"""Rows 25 to 27 and 47: a service that lets in no more, or that fails for everybody."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from email.utils import formatdate
from typing import Any

import pytest
from faults.observe import DAY, Seen, cell, get, observe, quick
from faults.sandboxed import CALLS, PATHS, a_sandbox, asked, see, served, timed_by
from faults.server import Script, Talk, serving
from faults.service_rows import row

from exist_async import ExistAsyncError, ExistClient, MemoryRateLimiter, RateLimitError
from exist_async.sandbox import Sandbox
from support import until

NOW = 1_800_000_000.0

# What a Retry-After says, and how long is waited for it: None is not at all. Nothing spins.
SAID: dict[str, tuple[str | None, float | None]] = {
    "1": ("1", 1.0),
    "a date": (formatdate(NOW + 1, usegmt=True), 1.0),
    "a date that is past": (formatdate(NOW - 3600, usegmt=True), 0.1),
    "none": (None, 0.1),
    "0": ("0", 0.1),
    "1e9 s": ("1000000000", None),
    "a date in years": (formatdate(NOW + 1e9, usegmt=True), None),
    "nan": ("nan", 0.1),
    "-1": ("-1", 0.1),
    "1_0": ("1_0", 0.1),
    "1e9": ("1e9", 0.1),
    "a digit of another script": ("\uff11".encode().decode("latin-1"), 0.1),
}


@asynccontextmanager
async def waiting_client(sandbox: Sandbox, clock: Any, **options: Any) -> AsyncGenerator[ExistClient, None]:
    limiter = MemoryRateLimiter(clock=clock, sleep=clock.sleep)
    options = {"rate_limiter": limiter, "wall_clock": lambda: NOW} | options
    async with served(sandbox, clock, **options) as client:
        yield client


@pytest.mark.parametrize("kind", CALLS)
async def test_a_429_is_waited_for_as_it_says_or_raised_at_once(kind: str, clock: Any) -> None:
    sandbox = a_sandbox()
    seen: dict[str, Seen] = {}
    async with waiting_client(sandbox, clock) as client:
        for name, (value, waited) in SAID.items():
            clock.slept.clear()
            # Each has a budget of its own: it is held for as long as the service said.
            with_budget = client.with_options(rate_limiter=MemoryRateLimiter(clock=clock, sleep=clock.sleep))
            sandbox.fail_next(status=429, headers={} if value is None else {"Retry-After": value}, path=PATHS[kind])

            one = await see(with_budget, sandbox, kind)

            assert sum(clock.slept) == pytest.approx(waited or 0.0), name
            assert isinstance(one.error, RateLimitError) is (waited is None)
            variant = "longer than max_wait" if waited is None else ""
            assert str(seen.setdefault(variant, one)) == str(one), name

    assert cell(seen) == getattr(row(25), kind)


@pytest.mark.parametrize("kind", CALLS)
async def test_a_429_for_ever_is_asked_three_times_and_raised(kind: str, clock: Any) -> None:
    sandbox = a_sandbox()
    sandbox.fail_next(99, status=429, headers={"Retry-After": "1"})
    async with waiting_client(sandbox, clock) as client:
        seen = await see(client, sandbox, kind)

    assert isinstance(seen.error, RateLimitError)
    assert (seen.error.status_code, seen.attempts, asked(sandbox, kind)) == (429, 3, 3)
    assert len(clock.slept) == 2
    assert min(clock.slept) >= 0.1


UNUSABLE: dict[str, dict[str, str]] = {
    "0": {"Retry-After": "0"},
    "none": {},
    "a date that is past": {"Retry-After": formatdate(NOW - 3600, usegmt=True)},
    "rubbish": {"Retry-After": "soon"},
}


@pytest.mark.parametrize("kind", CALLS)
@pytest.mark.parametrize("headers", UNUSABLE.values(), ids=UNUSABLE)
async def test_a_429_that_does_not_say_how_long_is_asked_again_until_max_wait_is_used_up(
    kind: str, headers: dict[str, str], clock: Any
) -> None:
    seen: dict[str, Seen] = {}
    for name, refusals in {"": 8, "for ever": 99}.items():
        sandbox = a_sandbox()
        sandbox.fail_next(refusals, status=429, headers=headers)
        clock.slept.clear()
        async with waiting_client(sandbox, clock, max_wait=30, fraction=lambda: 0.5) as client:
            one = seen[name] = await see(client, sandbox, kind)

        is_let_in = name == ""
        assert isinstance(one.error, RateLimitError) is not is_let_in
        # The pauses become longer, and the last of them would be longer than what is left.
        assert clock.slept[:6] == pytest.approx([0.25, 0.5, 1.0, 2.0, 4.0, 4.0], abs=0.11)
        assert 26 < sum(clock.slept) <= 30 or is_let_in
        # The service is asked once more before the first pause that `max_wait` does not allow.
        assert one.attempts == asked(sandbox, kind) == len(clock.slept) + 1

    assert cell(seen) == getattr(row(47), kind)


async def test_a_429_that_does_not_say_how_long_ends_a_call_without_retries_or_time(clock: Any) -> None:
    for options, attempts in (({"max_retries": 0}, 1), ({"max_wait": 0}, 1), ({"deadline": 0.9}, 3)):
        sandbox = a_sandbox()
        sandbox.fail_next(99, status=429)
        async with waiting_client(sandbox, clock, fraction=lambda: 0.5, **options) as client:
            with pytest.raises(RateLimitError):
                await client.profile.get()

        assert len(sandbox.requests) == attempts


def sleep_after(begin: asyncio.Event, clock: Any) -> Callable[[float], Awaitable[None]]:
    """Return a `sleep` for pauses that begin to pass when the event is set."""

    async def sleep(seconds: float) -> None:
        await begin.wait()
        await clock.sleep(seconds)

    return sleep


@pytest.mark.parametrize("kind", CALLS)
async def test_fifty_calls_that_wait_after_a_429_are_let_out_one_by_one_in_order(kind: str, clock: Any) -> None:
    # Another is let in an hour after the one before: that is how a spent budget comes back.
    sandbox = a_sandbox(rate_limit=1, clock=clock)
    done: list[int] = []
    begin = asyncio.Event()
    async with waiting_client(sandbox, clock, max_wait=None, sleep=sleep_after(begin, clock)) as client:

        async def call(number: int) -> None:
            seen = await observe(client, CALLS[kind])
            assert str(seen) == getattr(row(26), kind)
            done.append(number)

        await get(client)
        calls = [asyncio.create_task(call(0))]
        await until(lambda: asked(sandbox, kind) == 1 + (kind == "get") and bool(client._session._pool.throttle.lines))
        calls += [asyncio.create_task(call(number)) for number in range(1, 50)]
        begin.set()
        await asyncio.gather(*calls)

    refused = sum(request.status == 429 for request in sandbox.requests)
    assert done == list(range(50))
    assert (refused, len(sandbox.requests)) == (50, 1 + 2 * 50)
    if kind == "increment":
        assert sandbox.values("coffees") == {DAY: 50}


@pytest.mark.parametrize("kind", CALLS)
async def test_fifty_calls_that_are_refused_at_once_all_come_back(kind: str, clock: Any) -> None:
    sandbox = a_sandbox(rate_limit=1, clock=clock)
    done: list[int] = []
    # Over one connection they are refused in their order.
    begin = asyncio.Event()
    options = {"max_wait": None, "max_connections": 1, "sleep": sleep_after(begin, clock)}
    async with waiting_client(sandbox, clock, **options) as client:

        async def call(number: int) -> None:
            await CALLS[kind](client)
            done.append(number)

        await get(client)
        calls = [asyncio.create_task(call(number)) for number in range(50)]
        await until(lambda: len(sandbox.requests) == 1 + 50)
        begin.set()
        await asyncio.gather(*calls)

    refused = sum(request.status == 429 for request in sandbox.requests)
    # Where one is answered at once, because the clock has gone on, the next ones go together.
    assert sorted(done) == list(range(50))
    # Each of them once at first, once more when it was its turn, and once when it went together with others.
    assert refused <= 2 * 50
    if kind == "increment":
        assert sandbox.values("coffees") == {DAY: 50}


def failing(status: int, *, carried_out: bool = False, times: int | None = None) -> Script:
    """Answers requests with a status and a proxy's page, and after so many behaves."""

    async def fail(talk: Talk) -> None:
        left = times
        while left is None or left > 0:
            left = None if left is None else left - 1
            await (talk.applied() if carried_out else talk.request())
            page = b"<html>no</html>"
            head = f"HTTP/1.1 {status} No\r\nContent-Type: text/html\r\nContent-Length: {len(page)}\r\n\r\n"
            await talk.send(head.encode() + page)
        talk.server.behave()
        await talk.behave()

    return fail


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("kind", CALLS)
async def test_a_service_that_fails_is_asked_again_where_that_is_harmless(kind: str, status: int, clock: Any) -> None:
    faults = {
        "": failing(status, times=1),
        "carried out all the same": failing(status, times=1, carried_out=True),
        "for ever": failing(status),
    }
    # A read carries nothing out, and an increment does not come to a second failure.
    faults.pop({"get": "carried out all the same", "increment": "for ever"}.get(kind, "none"), None)
    seen: dict[str, Seen] = {}
    for name, fault in faults.items():
        async with serving(fault) as server, quick(server.url, **timed_by(clock)) as client:
            counted = None if kind == "get" else server.applied_count
            seen[name] = await observe(client, CALLS[kind], counted)
            assert len(server.requests) == seen[name].attempts

    assert cell(seen) == getattr(row(27), kind)


@pytest.mark.parametrize(("kind", "requests"), [("get", 80 + 100), ("update", 80 + 100), ("increment", 80)])
async def test_a_service_that_fails_for_everybody_gets_a_hundred_retries_and_no_more(
    kind: str, requests: int, clock: Any
) -> None:
    async with serving(failing(503)) as server, quick(server.url, **timed_by(clock)) as client:
        ends = await asyncio.gather(*(CALLS[kind](client) for _ in range(80)), return_exceptions=True)

        assert all(isinstance(end, ExistAsyncError) for end in ends)
        assert len(server.requests) == requests


async def test_when_the_service_is_well_again_ten_answers_pay_for_one_retry(clock: Any) -> None:
    sandbox = a_sandbox()
    async with served(sandbox, clock) as client:
        sandbox.fail_next(150)
        await asyncio.gather(*(get(client) for _ in range(50)), return_exceptions=True)
        assert len(sandbox.requests) == 150
        for _ in range(10):
            await get(client)
        sandbox.reset_requests()
        sandbox.fail_next(99)

        for _ in range(2):
            with pytest.raises(ExistAsyncError):
                await get(client)

    assert len(sandbox.requests) == 2 + 1
