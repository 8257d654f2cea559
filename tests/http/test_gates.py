"""After a 429, a user's calls go one at a time, in the order in which they came."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from exist_async import ExistClient, RateLimitError
from exist_async._http.gates import Gates

Answering = Callable[..., ExistClient]

OK = httpx.Response(200, json={"username": "ada"})


async def test_nobody_waits_where_nothing_was_refused() -> None:
    assert Gates().of("ada") is None


async def test_one_goes_at_a_time_in_the_order_in_which_they_came() -> None:
    gates = Gates()
    went: list[int] = []
    inside = 0

    async def go(number: int) -> None:
        nonlocal inside
        gate = gates.put_up("ada")
        assert await gate.enter(None)
        inside += 1
        assert inside == 1
        await asyncio.sleep(0)
        went.append(number)
        inside -= 1
        gate.leave()

    await asyncio.gather(*map(go, range(20)))

    assert went == list(range(20))
    assert gates.of("ada") is None


async def test_users_have_gates_of_their_own() -> None:
    gates = Gates()
    await gates.put_up("ada").enter(None)

    assert gates.of("grace") is None
    assert await gates.put_up("grace").enter(0)


async def test_who_has_no_patience_left_does_not_go_and_stands_in_nobody_s_way() -> None:
    gates = Gates()
    gate = gates.put_up("ada")
    await gate.enter(None)

    assert not await gate.enter(0.01)

    gate.leave()
    assert gates.of("ada") is None


async def test_who_is_cancelled_stands_in_nobody_s_way() -> None:
    gates = Gates()
    gate = gates.put_up("ada")
    await gate.enter(None)
    waiting = asyncio.create_task(gate.enter(None))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])

    gate.leave()
    assert gates.of("ada") is None


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
async def test_fifty_who_wait_get_through_one_by_one_and_are_refused_twice_at_most(
    answering: Answering, clock: Any, limiter: str
) -> None:
    window = Window(clock, every=1)
    options = {} if limiter == "default" else {"rate_limiter": None}
    client = answering(window, max_wait=200, **options)

    profiles = await asyncio.gather(*(client.profile.get() for _ in range(50)))

    assert len(profiles) == 50
    assert window.refused <= 2 * 50
    window.most_in_flight = 0
    clock.now += 10
    await client.profile.get()
    assert window.most_in_flight == 1


async def test_who_comes_after_a_429_waits_for_those_who_came_before(answering: Answering, clock: Any) -> None:
    window = Window(clock, every=5)
    client = answering(window, rate_limiter=None)
    await client.profile.get()
    refused = asyncio.create_task(client.profile.get())
    await window.has_refused.wait()
    window.most_in_flight = 0

    await asyncio.gather(refused, *(client.profile.get() for _ in range(5)))

    assert window.most_in_flight == 1


async def test_who_cannot_wait_that_long_is_told_at_the_end_of_their_patience(
    answering: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = asyncio.Event()

    async def service(request: httpx.Request) -> httpx.Response:
        answered.set()
        return httpx.Response(429, headers={"Retry-After": "30"})

    async def for_ever(seconds: float) -> None:
        await asyncio.Event().wait()

    client = answering(service, rate_limiter=None)
    client._session._sleep = for_ever
    first = asyncio.create_task(client.with_options().profile.get())
    await answered.wait()
    await asyncio.sleep(0)

    with pytest.raises(RateLimitError, match="others of theirs wait already"):
        await client.with_options(max_wait=0.01).profile.get()

    first.cancel()
    await asyncio.wait([first])
