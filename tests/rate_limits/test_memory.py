"""The rate limiter in memory: an exact moving window for each user."""

import asyncio
from typing import Any

import pytest

from exist_async import ConfigurationError, MemoryRateLimiter, RateLimitError


def limiter_with(clock: Any, limit: int = 3, period: float = 60.0) -> MemoryRateLimiter:
    return MemoryRateLimiter(limit, period, clock=clock, sleep=clock.sleep)


async def test_requests_up_to_the_limit_go_at_once(clock: Any) -> None:
    limiter = limiter_with(clock)

    for _ in range(3):
        await limiter.acquire("ada", max_wait=0)

    assert clock.slept == []


async def test_one_more_waits_until_the_oldest_leaves_the_window(clock: Any) -> None:
    limiter = limiter_with(clock)
    await limiter.acquire("ada", max_wait=None)
    clock.now += 10
    for _ in range(2):
        await limiter.acquire("ada", max_wait=None)

    await limiter.acquire("ada", max_wait=None)

    assert clock.slept == [50.0]


async def test_a_longer_wait_than_the_caller_wants_is_refused_at_once(clock: Any) -> None:
    limiter = limiter_with(clock, limit=1)
    await limiter.acquire("ada", max_wait=10)

    with pytest.raises(RateLimitError, match="60 s") as caught:
        await limiter.acquire("ada", max_wait=10)

    assert (caught.value.retry_after, caught.value.status_code) == (60.0, None)
    assert clock.slept == []


async def test_users_have_budgets_of_their_own(clock: Any) -> None:
    limiter = limiter_with(clock, limit=1)

    await limiter.acquire("ada", max_wait=0)
    await limiter.acquire("grace", max_wait=0)

    assert clock.slept == []


async def test_a_refund_frees_the_slot_and_holds_other_requests(clock: Any) -> None:
    limiter = limiter_with(clock, limit=1)
    await limiter.acquire("ada", max_wait=None)

    await limiter.refund("ada", hold=7.0)
    await limiter.acquire("ada", max_wait=None)

    assert clock.slept == [7.0]


async def test_never_more_than_the_limit_in_any_period(clock: Any) -> None:
    limiter = limiter_with(clock, limit=5, period=60.0)
    admitted: list[float] = []
    for n in range(60):
        clock.now += (n * 7) % 5
        await limiter.acquire("ada", max_wait=None)
        admitted.append(clock.now)

    for start in admitted:
        assert len([moment for moment in admitted if start <= moment < start + 60.0]) <= 5


async def test_users_without_recent_requests_are_removed(clock: Any) -> None:
    limiter = limiter_with(clock)
    for n in range(5_000):
        clock.now += 1
        await limiter.acquire(n, max_wait=None)

    assert len(limiter._windows) < 1_100


@pytest.mark.parametrize(
    "arguments",
    [{"limit": 0}, {"limit": "300"}, {"limit": True}, {"limit": 1.5}, {"period": 0}, {"period": -1}, {"period": "x"}],
)
def test_a_wrong_argument_is_named(arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(arguments))):
        MemoryRateLimiter(**arguments)


async def test_a_hold_lasts_a_whole_period_at_most(clock: Any) -> None:
    limiter = limiter_with(clock)
    await limiter.acquire("ada", max_wait=None)

    await limiter.refund("ada", hold=999_999_999_999.0)
    await limiter.acquire("ada", max_wait=None)

    assert clock.slept == [60.0]


async def test_fifty_waiters_are_woken_one_by_one(clock: Any) -> None:
    limiter = limiter_with(clock, limit=1)
    await limiter.acquire("ada", max_wait=None)

    await asyncio.gather(*(limiter.acquire("ada", max_wait=None) for _ in range(50)))

    assert clock.slept == 50 * [60.0]


async def test_a_slot_that_becomes_free_early_is_found_within_a_minute(clock: Any) -> None:
    limiter = limiter_with(clock, limit=1, period=3600.0)
    await limiter.acquire("ada", max_wait=None)
    waiting = asyncio.create_task(limiter.acquire("ada", max_wait=None))
    await asyncio.sleep(0)
    await limiter.refund("ada", hold=0.0)

    await waiting

    assert clock.slept == [60.0]


def test_its_repr_has_limit_and_period() -> None:
    assert repr(MemoryRateLimiter()) == "MemoryRateLimiter(limit=300, period=3600.0)"
