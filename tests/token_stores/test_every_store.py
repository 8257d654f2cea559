"""The contract of token stores, which holds for each kind of them."""

import asyncio
import copy
import pickle
from datetime import UTC, datetime
from typing import Any

import pytest
from token_servers import Make

from exist_async import ConfigurationError, FileTokenStore, OAuthToken

TOKEN = OAuthToken("s3cr3t-access", "s3cr3t-refresh", datetime(2027, 1, 1, tzinfo=UTC), ("mood_read", "é"))


async def test_another_store_object_loads_the_token_that_was_saved_last(make: Make) -> None:
    store = make()
    assert await store.load("ada") is None
    await store.save("ada", OAuthToken("an-old-one"))
    await store.save("ada", TOKEN)
    await store.save("grace", OAuthToken("another"))

    assert await make().load("ada") == TOKEN
    await store.delete("ada")
    await store.delete("nobody")

    assert await store.load("ada") is None
    assert await make().load("grace") == OAuthToken("another")


async def test_users_with_similar_names_are_kept_apart(make: Make) -> None:
    store = make()
    users = ["ada", "Ada", "ada:lock", "ada}:lock", "{ada}", "Ada Lovelace", "adá", "ada%s", "ada'; --", "🎈"]
    for number, user in enumerate(users):
        await store.save(user, OAuthToken(f"token-{number}"))

    async with store.lock("ada"):
        assert [await store.load(user) for user in users] == [OAuthToken(f"token-{n}") for n in range(len(users))]
        await store.delete("ada")
        await store.delete("nobody")

    assert await store.load("ada") is None
    assert await store.load("Ada") == OAuthToken("token-1")


@pytest.mark.parametrize("user", ["", " ", "a\nb", "a\0b", "\ud800", 7, None])
async def test_an_invalid_user_is_refused(make: Make, user: Any) -> None:
    store = make()

    for call in (store.load(user), store.save(user, TOKEN), store.delete(user), store.lock(user).__aenter__()):
        with pytest.raises(ConfigurationError, match="user"):
            await call


async def test_a_value_that_is_not_a_token_is_not_saved(make: Make) -> None:
    store = make()

    with pytest.raises(ConfigurationError, match="token must be an OAuthToken, not str"):
        await store.save("ada", "a-token")

    assert await store.load("ada") is None


async def test_its_repr_and_pickle_hold_no_token(make: Make) -> None:
    store = make()
    await store.save("ada", TOKEN)

    assert "s3cr3t" not in repr(store)
    if isinstance(store, FileTokenStore):  # it holds only its path
        assert b"s3cr3t" not in pickle.dumps(store)
        return
    for carry in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match=f"{type(store).__name__} holds a secret and can't be pickled"):
            carry(store)


async def test_concurrent_saves_of_several_users_are_all_kept(make: Make) -> None:
    await asyncio.gather(*(make().save(f"user {n}", OAuthToken(f"token-{n}")) for n in range(40)))

    store = make()
    assert [await store.load(f"user {n}") for n in range(40)] == [OAuthToken(f"token-{n}") for n in range(40)]


async def test_checking_that_a_token_can_be_saved_changes_none(make: Make) -> None:
    store = make()
    check = getattr(store, "check_can_save", None)
    if check is None:
        pytest.skip("it needs no check: locking or nothing shows it")
    await check("ada")
    assert await store.load("ada") is None
    await store.save("ada", TOKEN)

    await check("ada")

    assert await make().load("ada") == TOKEN


async def test_renewals_of_a_user_run_one_at_a_time_and_other_users_do_not_wait(make: Make) -> None:
    one, another = make(), make()
    inside = 0

    async def renew(store: Any) -> int:
        nonlocal inside
        async with store.lock("ada"):
            inside += 1
            seen = inside
            async with one.lock("grace"):
                await asyncio.sleep(0)
            inside -= 1
        return seen

    async with asyncio.timeout(20):
        assert await asyncio.gather(*(renew(store) for store in (one, another) * 3)) == [1] * 6


async def test_a_cancelled_waiter_neither_releases_the_lock_nor_blocks_it(make: Make) -> None:
    store = make()
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


async def test_an_error_inside_releases_the_lock(make: Make) -> None:
    store = make()
    with pytest.raises(ZeroDivisionError):
        async with store.lock("ada"):
            raise ZeroDivisionError

    async with asyncio.timeout(20), make().lock("ada"):
        pass


async def test_threads_with_their_own_event_loops_exclude_each_other(make: Make) -> None:
    store = make()
    inside = most = 0

    async def renew() -> None:
        nonlocal inside, most
        for _ in range(5):
            async with store.lock("ada"):
                inside += 1
                most = max(most, inside)
                await asyncio.sleep(0)
                inside -= 1

    async with asyncio.timeout(30):
        await asyncio.gather(*(asyncio.to_thread(lambda: asyncio.run(renew())) for _ in range(4)))

    assert most == 1
