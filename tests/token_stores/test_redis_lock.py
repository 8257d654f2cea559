"""The lock of a token in Redis: it lasts as long as a slow renewal, and no longer than the process."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest
from redis_server import RedisServer

from exist_async import ExistClient, OAuth2, OAuthApp, OAuthError, RedisTokenStore
from exist_async.sandbox import Sandbox
from exist_async.token_stores.redis import RedisLock
from support import until

redis = pytest.importorskip("redis.asyncio", reason='no redis: pip install "exist-async[redis]"')

LOCK = "exist_async:token:{ada}:lock"
LEASE = 0.9
SHORT: dict[str, Any] = {"timeout": 0.3, "lease": LEASE}


@pytest.fixture
async def client(redis_server: RedisServer) -> AsyncGenerator[Any, None]:
    async with redis.Redis.from_url(redis_server.url, decode_responses=True) as client:
        yield client


@pytest.fixture
async def store(redis_server: RedisServer) -> AsyncGenerator[RedisTokenStore, None]:
    async with RedisTokenStore(redis_server.url, **SHORT) as store:
        yield store


async def warning_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Wait until the lease could not be renewed."""
    await until(lambda: caplog.records)


@pytest.mark.slow
async def test_it_is_kept_for_a_renewal_four_times_as_long_as_its_lease(
    store: RedisTokenStore, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    inside = asyncio.Event()

    async def wait_for_it() -> None:
        async with store.lock("ada"):
            inside.set()

    async with store.lock("ada"):
        waiting = asyncio.create_task(wait_for_it())
        await asyncio.sleep(4 * LEASE)
        assert not inside.is_set()
        assert 0 < await client.pttl(LOCK) <= LEASE * 1000

    async with asyncio.timeout(10):
        await waiting
    assert await client.keys() == []
    assert caplog.records == []


async def test_a_lock_that_is_requested_twice_is_taken_once(store: RedisTokenStore, client: Any) -> None:
    # redis-py does this when the connection drops before the answer.
    lock = RedisLock(store._clients, LOCK.encode(), LEASE, "ada")

    assert [await store._clients.ask(lock._take) for _ in range(3)] == [True] * 3
    assert [await store._clients.ask(lock._give_up) for _ in range(2)] == [True, False]


async def test_a_lock_lost_to_another_owner_is_not_released_and_one_warning_is_logged(
    store: RedisTokenStore, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with store.lock("ada"):
        # This happens after the end of the lease, in a process that was stopped.
        await client.set(LOCK, "another's")
        await warning_logged(caplog)

    assert await client.get(LOCK) == "another's"
    assert await client.pttl(LOCK) == -1
    assert [(record.name, record.levelno) for record in caplog.records] == [("exist_async", logging.WARNING)]
    assert "The lock of the token of 'ada' was lost; the renewal continues: Redis at 127" in caplog.text


async def test_a_loss_just_before_the_release_is_logged_too(
    store: RedisTokenStore, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with store.lock("ada"):
        await client.flushall()

    assert len(caplog.records) == 1


async def test_a_lost_lock_that_is_free_is_taken_again(
    store: RedisTokenStore, redis_server: RedisServer, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with store.lock("ada"):
        owner = await client.get(LOCK)
        redis_server.end()
        redis_server.start()
        await client.connection_pool.disconnect()
        await warning_logged(caplog)
        async with asyncio.timeout(20):
            while await client.get(LOCK) != owner:  # noqa: ASYNC110  (Redis sends no event)
                await asyncio.sleep(0.01)

    assert await client.keys() == []
    assert len(caplog.records) == 1


async def test_a_lock_released_while_it_is_taken_again_is_free(
    store: RedisTokenStore, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    take, started, ended = RedisLock._take, asyncio.Event(), asyncio.Event()

    async def take_slowly(lock: RedisLock, client: Any) -> bool:
        started.set()
        await asyncio.sleep(0.05)
        taken = await take(lock, client)
        ended.set()
        return taken

    async with store.lock("ada"):
        await client.delete(LOCK)
        monkeypatch.setattr(RedisLock, "_take", take_slowly)
        await started.wait()

    await ended.wait()
    assert await client.keys() == []


@pytest.mark.parametrize("how", ["gone", "hanging"])
async def test_a_renewal_is_finished_without_redis(
    store: RedisTokenStore, redis_server: RedisServer, client: Any, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    done = False

    async with store.lock("ada"):
        redis_server.end() if how == "gone" else redis_server.pause()
        await warning_logged(caplog)
        done = True

    assert done
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "'ada' can't be kept now; the renewal continues: Redis at 127" in caplog.text
    redis_server.start() if how == "gone" else redis_server.resume()
    async with asyncio.timeout(20), store.lock("ada"):
        pass


async def test_a_lock_that_can_t_be_released_is_free_after_its_lease(
    store: RedisTokenStore, redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with store.lock("ada"):
        redis_server.pause()

    assert "can't be released, and is free in 0.9 s: Redis at 127" in caplog.text
    redis_server.resume()
    async with asyncio.timeout(20), store.lock("ada"):
        pass


async def test_a_token_is_renewed_and_saved_even_if_another_process_takes_the_lock_meanwhile(
    store: RedisTokenStore, client: Any, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    class Slow(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path == "/oauth2/access_token" and b"refresh_token" in request.content:
                await client.set(LOCK, "another's")
            return await sandbox.transport().handle_async_request(request)

    async with httpx.AsyncClient(transport=Slow()) as http:
        app = OAuthApp("sandbox-client", "sandbox-secret", "http://localhost:8000/", http_client=http)
        url, state = app.authorization_url(["mood_read"])
        old = await app.exchange(sandbox.authorize(url), state=state)
        await store.save("ada", old)
        sandbox.expire_tokens()

        profile = await ExistClient(OAuth2(app, store, "ada"), http_client=http).profile.get()

    assert profile.username == "ada"
    assert await store.load("ada") not in (None, old)
    assert await client.get(LOCK) == "another's"
    assert "The lock of the token of 'ada' was lost" in caplog.text


async def test_a_redis_without_memory_is_found_before_the_refresh_token_is_spent(
    sandbox: Sandbox, redis_server: RedisServer, store: RedisTokenStore, client: Any
) -> None:
    async with httpx.AsyncClient(transport=sandbox.transport()) as http:
        app = OAuthApp("sandbox-client", "sandbox-secret", "http://localhost:8000/", http_client=http)
        await store.save("ada", await app.exchange(sandbox.authorize(app.authorization_url(["mood_read"])[0])))
        exist = ExistClient(OAuth2(app, store, "ada"), http_client=http)
        sandbox.expire_tokens()
        sandbox.reset_requests()
        await client.config_set("maxmemory", 1)

        with pytest.raises(OAuthError, match="can't be used"):
            await exist.profile.get()

        assert "/oauth2/access_token" not in [request.path for request in sandbox.requests]
        await client.config_set("maxmemory", 0)
        assert (await exist.profile.get()).username == "ada"


async def test_a_lock_that_is_lost_in_the_middle_of_a_renewal_makes_nobody_sign_in_again(
    sandbox: Sandbox, redis_server: RedisServer, store: RedisTokenStore, client: Any
) -> None:
    answered, may_answer = asyncio.Event(), asyncio.Event()

    class SlowAnswer(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            response = await sandbox.transport().handle_async_request(request)
            if request.url.path.endswith("access_token"):
                answered.set()
                await may_answer.wait()
            return response

    async def let_it_answer(seconds: float) -> None:
        may_answer.set()
        await asyncio.sleep(0.01)

    credentials = ("sandbox-client", "sandbox-secret", "http://localhost:8000/")
    async with (
        httpx.AsyncClient(transport=sandbox.transport()) as http,
        httpx.AsyncClient(transport=SlowAnswer()) as slow,
        RedisTokenStore(redis_server.url) as other_store,
    ):
        app = OAuthApp(*credentials, http_client=http, sleep=let_it_answer)
        await store.save("ada", await app.exchange(sandbox.authorize(app.authorization_url(["mood_read"])[0])))
        sandbox.expire_tokens()
        first = ExistClient(OAuth2(OAuthApp(*credentials, http_client=slow), other_store, "ada"), http_client=http)
        second = ExistClient(OAuth2(app, store, "ada"), http_client=http)
        slow_call = asyncio.create_task(first.profile.get())
        await answered.wait()
        await client.delete(LOCK)  # a replica took over that lacks it

        profiles = [await second.profile.get(), await slow_call]

    assert [profile.username for profile in profiles] == ["ada", "ada"]
