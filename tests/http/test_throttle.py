"""After a 429, a user's calls go one at a time, in the order in which they came."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from exist_async import ExistClient, RateLimitError
from exist_async._http.throttle import Throttle
from support import until

Answering = Callable[..., ExistClient]

OK = httpx.Response(200, json={"username": "ada"})


async def test_no_call_waits_if_nothing_was_refused() -> None:
    assert Throttle().line_of("ada") is None


async def test_calls_are_sent_one_at_a_time_in_the_order_they_came() -> None:
    throttle = Throttle()
    sent: list[int] = []
    in_flight = 0

    async def send(number: int) -> None:
        nonlocal in_flight
        line = throttle.open_line("ada")
        assert await line.wait(None)
        in_flight += 1
        assert in_flight == 1
        await asyncio.sleep(0)
        sent.append(number)
        in_flight -= 1
        line.leave()

    await asyncio.gather(*map(send, range(20)))

    assert sent == list(range(20))
    assert throttle.lines == {}


async def test_a_line_dissolves_when_a_call_is_answered_without_a_pause() -> None:
    throttle = Throttle()
    line = throttle.open_line("ada")
    assert await line.wait(None)
    waiting = [asyncio.create_task(line.wait(None)) for _ in range(5)]
    await asyncio.sleep(0)

    line.count_answer(paused=True)
    assert throttle.line_of("ada") is line

    line.count_answer(paused=False)
    assert throttle.line_of("ada") is None
    line.leave()
    assert await asyncio.gather(*waiting) == [True] * 5
    assert line.dissolved


async def test_a_new_line_opens_when_a_call_is_refused_after_the_old_one_dissolved() -> None:
    throttle = Throttle()
    old = throttle.open_line("ada")
    await old.wait(None)
    old.count_answer(paused=False)

    new = throttle.open_line("ada")
    old.leave()

    assert new is not old
    assert throttle.line_of("ada") is new


async def test_each_user_has_a_line_of_their_own() -> None:
    throttle = Throttle()
    await throttle.open_line("ada").wait(None)

    assert throttle.line_of("grace") is None
    assert await throttle.open_line("grace").wait(0)


async def test_a_call_that_waits_too_long_leaves_the_line() -> None:
    throttle = Throttle()
    line = throttle.open_line("ada")
    await line.wait(None)

    assert not await line.wait(0.01)

    line.leave()
    assert throttle.lines == {}


async def test_a_cancelled_call_leaves_the_line() -> None:
    throttle = Throttle()
    line = throttle.open_line("ada")
    await line.wait(None)
    waiting = asyncio.create_task(line.wait(None))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])

    line.leave()
    assert throttle.lines == {}


class Window:
    """A service that lets one request in at a time, whenever its clock says so, and refuses all others."""

    def __init__(self, clock: Any, every: float) -> None:
        self.clock = clock
        self.every = every
        self.opens = clock.now
        self.requests = 0
        self.refused = 0
        self.has_refused = asyncio.Event()
        self.in_flight = 0
        self.most_in_flight = 0

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        await asyncio.sleep(0)
        self.in_flight -= 1
        if self.clock.now < self.opens:
            self.refused += 1
            self.has_refused.set()
            return httpx.Response(429, headers={"Retry-After": f"{self.opens - self.clock.now:.0f}"})
        self.opens = self.clock.now + self.every
        return OK


@pytest.mark.parametrize("limiter", ["default", "none"])
async def test_fifty_who_wait_get_through_and_are_not_refused_all_the_time(
    answering: Answering, clock: Any, limiter: str
) -> None:
    window = Window(clock, every=1)
    options = {} if limiter == "default" else {"rate_limiter": None}
    client = answering(window, max_wait=200, **options)

    profiles = await asyncio.gather(*(client.profile.get() for _ in range(50)))

    assert len(profiles) == 50
    assert window.refused <= 2 * 50


async def test_a_busy_user_goes_at_full_width_again_soon_after_a_429(answering: Answering) -> None:
    requests = in_flight = 0
    widths: list[int] = []

    async def service(request: httpx.Request) -> httpx.Response:
        nonlocal requests, in_flight
        requests += 1
        if requests == 1:
            return httpx.Response(429, headers={"Retry-After": "1"})
        in_flight += 1
        widths.append(in_flight)
        for _ in range(300):
            await asyncio.sleep(0)
        in_flight -= 1
        return OK

    client = answering(service, rate_limiter=None)
    first = asyncio.create_task(client.profile.get())
    await asyncio.sleep(0)
    await until(lambda: requests > 0 and bool(client._session._pool.throttle.lines))

    await asyncio.gather(first, *(client.profile.get() for _ in range(200)))

    assert widths[0] == 1
    assert max(widths) > 100
    assert requests == 202


async def test_a_call_that_waits_among_many_may_be_refused_more_often_than_it_would_be_alone(
    answering: Answering, clock: Any
) -> None:
    window = Window(clock, every=3)

    alone = answering(lambda request: httpx.Response(429, headers={"Retry-After": "3"}), rate_limiter=None)
    with pytest.raises(RateLimitError):
        await alone.profile.get()
    assert clock.slept == [3.0, 3.0]

    many = answering(window, max_wait=500, rate_limiter=None)
    assert len(await asyncio.gather(*(many.profile.get() for _ in range(60)))) == 60


async def test_whoever_waits_as_long_as_it_takes_is_refused_as_often_as_it_takes(
    answering: Answering, clock: Any
) -> None:
    refusals = 1_200

    def service(request: httpx.Request) -> httpx.Response:
        nonlocal refusals
        refusals -= 1
        return OK if refusals < 0 else httpx.Response(429)

    await answering(service, max_wait=None, fraction=lambda: 1.0).profile.get()

    assert clock.slept[:5] == [0.5, 1.0, 2.0, 4.0, 8.0]
    assert len(clock.slept) == 1_200


async def test_who_cannot_wait_that_long_is_told_at_the_end_of_their_patience(
    answering: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = asyncio.Event()

    async def service(request: httpx.Request) -> httpx.Response:
        answered.set()
        return httpx.Response(429, headers={"Retry-After": "30"})

    async def for_ever(seconds: float) -> None:
        await asyncio.Event().wait()

    client = answering(service, rate_limiter=None, sleep=for_ever)
    first = asyncio.create_task(client.with_options().profile.get())
    await answered.wait()
    await asyncio.sleep(0)

    with pytest.raises(RateLimitError, match="other calls of this user wait already"):
        await client.with_options(max_wait=0.01).profile.get()

    first.cancel()
    await asyncio.wait([first])
