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


async def test_it_remembers_no_user_whose_renewals_have_ended() -> None:
    store = MemoryTokenStore()

    async def renew() -> None:
        async with store.lock("ada"):
            await asyncio.sleep(0)

    async with store.lock("ada"):
        waiting = [asyncio.create_task(renew()) for _ in range(4)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        waiting[2].cancel()

    await asyncio.gather(*waiting, return_exceptions=True)
    assert store._last == {}
