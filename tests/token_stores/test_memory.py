"""Tokens in memory, and their lock."""

import asyncio
import pickle

import pytest

from exist_async import MemoryTokenStore, OAuthToken


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
