"""Behaviour that all rate limiters share, wherever they keep the window."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from exist_async import ConfigurationError, ExistClient, RateLimitError
from exist_async.rate_limits.slots import current_slots
from exist_async.sandbox import Sandbox

Make = Callable[..., Any]

# Seconds: short enough to wait for, and long enough to spend a budget within it on a slow machine.
PERIOD = 0.3


async def spend(limiter: Any) -> None:
    for _ in range(3):
        await limiter.acquire("ada", max_wait=0)


async def call(limiter: Any, max_wait: float | None = None) -> "asyncio.Task[None]":
    """Call from a new task, and return when it is in the queue."""
    task = asyncio.create_task(limiter.acquire("ada", max_wait=max_wait))
    await asyncio.sleep(0)
    return task


async def test_requests_up_to_the_limit_go_at_once_and_one_more_waits_for_the_period(make: Make) -> None:
    limiter = make(PERIOD)
    start = time.monotonic()
    await spend(limiter)

    await limiter.acquire("ada", max_wait=None)

    assert time.monotonic() - start >= 0.29


async def test_a_longer_wait_than_the_caller_wants_is_refused_at_once(make: Make) -> None:
    limiter = make()
    await spend(limiter)

    with pytest.raises(RateLimitError, match=r"budget of 3 requests in 60 s .* no longer than 5 s") as caught:
        await limiter.acquire("ada", max_wait=5)

    assert caught.value.retry_after is not None
    assert 30 < caught.value.retry_after <= 60


async def test_callers_get_their_slots_in_order_of_arrival(make: Make) -> None:
    limiter = make(PERIOD)
    admitted: list[int] = []

    async def arrive(number: int) -> None:
        await limiter.acquire("ada", max_wait=None)
        admitted.append(number)

    await asyncio.gather(*(arrive(number) for number in range(6)))

    assert admitted == [0, 1, 2, 3, 4, 5]


async def test_a_new_caller_does_not_overtake_those_who_wait(make: Make) -> None:
    limiter = make()
    await spend(limiter)
    waiting = await call(limiter)
    # This slot belongs to the caller who waits, even before that one wakes up to take it.
    await limiter.refund("ada", hold=0.0)

    with pytest.raises(RateLimitError):
        await limiter.acquire("ada", max_wait=0)

    waiting.cancel()


async def test_a_caller_too_far_back_in_the_queue_is_refused_at_once(make: Make) -> None:
    limiter = make()
    await spend(limiter)
    # Three fit into the next period, and the fourth would have to wait for the one after it.
    calls = [await call(limiter, max_wait=70) for _ in range(4)]

    with pytest.raises(RateLimitError) as caught:
        await calls[3]

    assert caught.value.retry_after is not None
    assert 90 < caught.value.retry_after <= 120
    assert not any(each.done() for each in calls[:3])
    for each in calls[:3]:
        each.cancel()


async def test_a_cancelled_caller_leaves_the_queue_and_blocks_nobody(make: Make) -> None:
    limiter = make(PERIOD)
    await spend(limiter)
    first, second, third = [await call(limiter) for _ in range(3)]

    first.cancel()
    second.cancel()

    async with asyncio.timeout(5):
        await third
    assert limiter._queues == {}


async def test_users_have_budgets_of_their_own(make: Make) -> None:
    limiter = make()
    await spend(limiter)

    await limiter.acquire("grace", max_wait=0)
    await limiter.acquire("Ada Lovelace \u20ac \ud800 " + 200 * "x", max_wait=0)

    assert [await limiter.remaining(user) for user in ("ada", "grace", "joan")] == [0, 2, 3]


async def test_a_refund_frees_the_slot_and_holds_that_user(make: Make) -> None:
    limiter = make()
    await spend(limiter)
    start = time.monotonic()

    await limiter.refund("ada", hold=0.1)
    await limiter.refund("ada", hold=0.0)

    assert await limiter.remaining("ada") == 0
    await limiter.acquire("grace", max_wait=0)
    await limiter.acquire("ada", max_wait=1)
    assert time.monotonic() - start >= 0.09
    assert await limiter.remaining("ada") == 1


async def test_a_refund_without_a_request_holds_too(make: Make) -> None:
    limiter = make()

    await limiter.refund("ada", hold=30.0)

    with pytest.raises(RateLimitError):
        await limiter.acquire("ada", max_wait=20)


async def test_a_shorter_hold_does_not_end_a_longer_one(make: Make) -> None:
    limiter = make()

    await limiter.refund("ada", hold=30.0)
    await limiter.refund("ada", hold=1.0)

    with pytest.raises(RateLimitError):
        await limiter.acquire("ada", max_wait=20)


async def test_a_refund_for_no_certain_request_returns_none_that_is_in_flight(make: Make) -> None:
    limiter = make()
    current_slots.set({})
    await limiter.acquire("ada", max_wait=0)
    current_slots.set(None)

    await limiter.refund("ada", hold=0.0)

    assert await limiter.remaining("ada") == 2


async def test_a_hold_lasts_a_whole_period_at_most(make: Make) -> None:
    limiter = make(PERIOD)
    await limiter.refund("ada", hold=999_999_999_999.0)

    await limiter.acquire("ada", max_wait=0.4)


async def test_no_more_than_max_waiting_callers_may_wait(make: Make) -> None:
    limiter = make(max_waiting=2)
    await spend(limiter)
    waiting = [await call(limiter) for _ in range(2)]

    with pytest.raises(RateLimitError, match="2 requests are already waiting for this user's budget"):
        await limiter.acquire("ada", max_wait=None)

    await limiter.acquire("grace", max_wait=0)
    for each in waiting:
        each.cancel()


async def test_a_caller_behind_one_without_max_wait_gives_up_after_its_own_max_wait(make: Make) -> None:
    limiter = make(PERIOD)
    await spend(limiter)
    unlimited, limited = await call(limiter), await call(limiter, max_wait=0.4)
    # For example a 429 in another process: the wait becomes longer than expected.
    limiter._period = 60.0
    await limiter.refund("ada", hold=60.0)

    async with asyncio.timeout(5):
        with pytest.raises(RateLimitError):
            await limited

    assert not unlimited.done()
    unlimited.cancel()


async def test_a_caller_who_leaves_after_the_next_one_was_called_disturbs_nobody(make: Make) -> None:
    limiter = make(PERIOD)
    await spend(limiter)
    first, second, third = [await call(limiter) for _ in range(3)]

    for leaving in (first, third):
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving

    async with asyncio.timeout(5):
        await second


async def test_a_limiter_works_on_one_event_loop_after_another(make: Make) -> None:
    limiter = make()

    async def main() -> int:
        await limiter.acquire("ada", max_wait=0)
        remaining: int = await limiter.remaining("ada")
        return remaining

    assert [await asyncio.to_thread(lambda: asyncio.run(main())) for _ in range(3)] == [2, 1, 0]


async def test_threads_with_their_own_event_loops_share_the_budget(make: Make) -> None:
    limiter = make()

    async def main() -> int:
        calls = (limiter.acquire("ada", max_wait=0) for _ in range(3))
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        return sum(outcome is None for outcome in outcomes)

    assert sum(await asyncio.gather(*(asyncio.to_thread(lambda: asyncio.run(main())) for _ in range(4)))) == 3


async def test_a_client_keeps_its_budget_with_it(make: Make, sandbox: Sandbox) -> None:
    limiter = make()
    async with (
        sandbox.serve() as url,
        ExistClient(sandbox.token, base_url=url, rate_limiter=limiter, max_wait=1) as exist,
    ):
        for _ in range(3):
            await exist.profile.get()

        with pytest.raises(RateLimitError):
            await exist.profile.get()

    assert len(sandbox.requests) == 3


@pytest.mark.parametrize("options", [{"period": 0}, {"max_waiting": 0}, {"max_waiting": "many"}], ids=str)
def test_a_wrong_argument_is_named(make: Make, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        make(**options)
