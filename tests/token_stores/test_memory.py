"""Tokens in memory, and their lock."""

import asyncio
import pickle
from typing import Any

import pytest

from exist_async import ConfigurationError, MemoryTokenStore, OAuthToken


async def test_each_user_has_a_token() -> None:
    store = MemoryTokenStore()
    await store.save("ada", OAuthToken("one"))
    await store.save("grace", OAuthToken("two"))
    await store.save("ada", OAuthToken("three"))
    await store.delete("grace")
    await store.delete("nobody")

    assert await store.load("ada") == OAuthToken("three")
    assert await store.load("grace") is None


@pytest.mark.parametrize("user", ["", " ", "a\nb", "\ud800", 7, None])
async def test_an_invalid_user_is_refused(user: Any) -> None:
    store = MemoryTokenStore()

    for call in (
        store.load(user),
        store.save(user, OAuthToken("a")),
        store.delete(user),
        store.lock(user).__aenter__(),
    ):
        with pytest.raises(ConfigurationError, match="user"):
            await call


async def test_its_repr_has_no_token_and_it_can_t_be_pickled() -> None:
    store = MemoryTokenStore()
    await store.save("ada", OAuthToken("s3cr3t"))

    assert repr(store) == "MemoryTokenStore(<1 tokens>)"
    with pytest.raises(TypeError, match="can't be pickled"):
        pickle.dumps(store)


async def test_renewals_of_a_user_run_one_at_a_time_in_order_of_arrival() -> None:
    store = MemoryTokenStore()
    seen: list[str] = []

    async def renew(number: int) -> None:
        async with store.lock("ada"):
            seen.append(f"in {number}")
            await asyncio.sleep(0)
            seen.append(f"out {number}")

    await asyncio.gather(*(renew(number) for number in range(3)))

    assert seen == ["in 0", "out 0", "in 1", "out 1", "in 2", "out 2"]


async def test_users_do_not_wait_for_each_other() -> None:
    store = MemoryTokenStore()

    async with asyncio.timeout(10), store.lock("ada"), store.lock("grace"):
        pass


async def test_a_cancelled_waiter_neither_releases_the_lock_nor_blocks_it() -> None:
    store = MemoryTokenStore()
    inside = 0

    async def renew() -> int:
        nonlocal inside
        async with store.lock("ada"):
            inside += 1
            assert inside == 1
            await asyncio.sleep(0)
            inside -= 1
        return inside

    async with store.lock("ada"):
        inside += 1
        waiting = [asyncio.create_task(renew()) for _ in range(4)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        waiting[2].cancel()
        for _ in range(5):
            await asyncio.sleep(0)
        inside -= 1

    async with asyncio.timeout(10):
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [asyncio.CancelledError, int, asyncio.CancelledError, int]
    assert store._last == {}


async def test_an_error_inside_releases_the_lock() -> None:
    store = MemoryTokenStore()
    with pytest.raises(ZeroDivisionError):
        async with store.lock("ada"):
            raise ZeroDivisionError

    async with asyncio.timeout(10), store.lock("ada"):
        pass


async def test_threads_with_their_own_event_loops_exclude_each_other() -> None:
    store = MemoryTokenStore()
    inside = 0
    most = 0

    async def renew() -> None:
        nonlocal inside, most
        for _ in range(20):
            async with store.lock("ada"):
                inside += 1
                most = max(most, inside)
                await asyncio.sleep(0)
                inside -= 1

    await asyncio.gather(*(asyncio.to_thread(lambda: asyncio.run(renew())) for _ in range(4)))

    assert most == 1
