"""The rate limiter in Redis: its keys and clock, and its behaviour when the server fails."""

import asyncio
import gc
import logging
import time
import traceback
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from redis_server import RedisServer

from exist_async import ConfigurationError, RateLimitError, RedisRateLimiter
from exist_async.rate_limits.redis import _TAKE

redis = pytest.importorskip("redis.asyncio", reason='no redis: pip install "exist-async[redis]"')

# Seconds: long enough for a busy machine.
TIMEOUT = 1.0


@pytest.fixture
async def client(redis_server: RedisServer) -> AsyncGenerator[Any, None]:
    async with redis.Redis.from_url(redis_server.url, decode_responses=True) as client:
        yield client


@pytest.fixture
async def limiter(redis_server: RedisServer) -> AsyncGenerator[RedisRateLimiter, None]:
    async with RedisRateLimiter(redis_server.url, 3, 60.0, timeout=TIMEOUT) as limiter:
        yield limiter


async def spend(limiter: RedisRateLimiter) -> None:
    for _ in range(3):
        await limiter.acquire("ada", max_wait=0)


async def test_its_keys_have_a_prefix_and_expire(limiter: RedisRateLimiter, client: Any) -> None:
    await limiter.acquire("ada", max_wait=0)
    await limiter.refund("ada", hold=20.0)
    await limiter.acquire("Ada Lovelace", max_wait=0)

    keys = sorted(await client.keys())
    assert keys[1] == "exist_async:rate_limit:{ada}:held"
    assert len(keys) == 2
    assert not any("Lovelace" in key for key in keys)
    for key in keys:
        assert 0 < await client.pttl(key) <= 60_000


async def test_programs_with_another_prefix_have_another_budget(redis_server: RedisServer) -> None:
    async with (
        RedisRateLimiter(redis_server.url, 1) as one,
        RedisRateLimiter(redis_server.url, 1, prefix="mine") as two,
    ):
        await one.acquire("ada", max_wait=0)

        await two.acquire("ada", max_wait=0)


async def test_a_slot_costs_one_round_trip(limiter: RedisRateLimiter, client: Any) -> None:
    await limiter.acquire("ada", max_wait=0)
    before = (await client.info("commandstats"))["cmdstat_eval"]["calls"]

    await limiter.acquire("ada", max_wait=0)

    stats = await client.info("commandstats")
    assert stats["cmdstat_eval"]["calls"] == before + 1
    assert not any("evalsha" in name or "script" in name for name in stats)


async def test_a_slot_that_is_requested_twice_is_taken_once(limiter: RedisRateLimiter) -> None:
    # redis-py does this when the connection drops before the answer.
    assert [await limiter._run(_TAKE, "ada", 0, "a-mark", 0) for _ in range(5)] == [0, 0, 0, 0, 0]

    assert await limiter.remaining("ada") == 2


async def test_a_server_clock_that_is_behind_delays_requests_by_a_period_at_most(
    limiter: RedisRateLimiter, client: Any
) -> None:
    # Slots taken on another server, before this one took over.
    ahead = (time.time() + 7200) * 1_000_000
    await client.zadd("exist_async:rate_limit:{ada}:taken", {"one": ahead, "two": ahead, "three": ahead})
    await client.set("exist_async:rate_limit:{grace}:held", "", ex=7200)

    for user in ("ada", "grace"):
        with pytest.raises(RateLimitError) as caught:
            await limiter.acquire(user, max_wait=0)
        assert caught.value.retry_after is not None
        assert 59 < caught.value.retry_after <= 60


async def test_a_flushed_server_starts_with_the_full_budget(limiter: RedisRateLimiter, client: Any) -> None:
    await spend(limiter)
    await client.flushall()
    await client.script_flush()

    await spend(limiter)


async def test_a_restarted_server_is_used_again_at_once(limiter: RedisRateLimiter, redis_server: RedisServer) -> None:
    await spend(limiter)
    redis_server.end()
    redis_server.start()

    await spend(limiter)


async def test_a_server_that_is_down_stops_requests_and_is_named(
    limiter: RedisRateLimiter, redis_server: RedisServer
) -> None:
    redis_server.end()

    with pytest.raises(RateLimitError, match=rf"Redis at 127\.0\.0\.1:{redis_server.port} can't be used.*go_on"):
        await limiter.acquire("ada", max_wait=None)
    with pytest.raises(RateLimitError):
        await limiter.remaining("ada")


async def test_a_server_that_hangs_stops_requests_in_bounded_time_and_all_of_them_at_once(
    limiter: RedisRateLimiter, redis_server: RedisServer
) -> None:
    await limiter.acquire("ada", max_wait=0)
    redis_server.pause()
    start = time.monotonic()

    outcomes = await asyncio.gather(*(limiter.acquire("ada", max_wait=None) for _ in range(20)), return_exceptions=True)

    assert time.monotonic() - start < 10
    assert {type(outcome) for outcome in outcomes} == {RateLimitError}
    assert f"gave no answer within {TIMEOUT:g} s" in str(outcomes[0])


async def test_a_late_answer_is_not_given_to_another_call(limiter: RedisRateLimiter, redis_server: RedisServer) -> None:
    await spend(limiter)
    redis_server.pause()
    with pytest.raises(RateLimitError, match="gave no answer"):
        await limiter.acquire("ada", max_wait=0)
    redis_server.resume()
    limiter._paused_until = 0.0

    assert [await limiter.remaining(user) for user in ("ada", "grace", "ada")] == [0, 3, 0]


async def test_with_go_on_requests_are_sent_without_redis_and_each_outage_is_logged_once(
    redis_server: RedisServer, clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with RedisRateLimiter(redis_server.url, 1, when_unavailable="go_on", clock=clock, timeout=TIMEOUT) as limiter:
        for _ in range(2):
            redis_server.end()
            for _ in range(5):
                await limiter.acquire("ada", max_wait=0)
                clock.now += 2
            redis_server.start()
            clock.now += 3
            await limiter.acquire("ada", max_wait=0)
            with pytest.raises(RateLimitError, match="is spent"):
                await limiter.acquire("ada", max_wait=0)

    assert [(record.name, record.levelno) for record in caplog.records] == 2 * [("exist_async", logging.WARNING)]


async def test_a_cancelled_call_ends_and_leaves_the_connections_healthy(limiter: RedisRateLimiter) -> None:
    for number in range(100):
        task = asyncio.create_task(limiter.acquire(f"user-{number}", max_wait=0))
        for _ in range(number % 10):
            await asyncio.sleep(0)
        was_running = task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled() == was_running

    await spend(limiter)
    assert await limiter.remaining("ada") == 0


async def test_more_users_than_connections_are_served(limiter: RedisRateLimiter, client: Any) -> None:
    await asyncio.gather(*(limiter.acquire(f"user-{number}", max_wait=0) for number in range(300)))

    assert (await client.info("clients"))["connected_clients"] <= 9


async def test_waiting_for_a_connection_of_its_own_is_no_failure_of_redis(redis_server: RedisServer) -> None:
    # Each command keeps one of eight connections for a tenth of a second: the last one waits longer than the timeout.
    async with RedisRateLimiter(redis_server.url, timeout=TIMEOUT) as limiter:
        commands = (limiter._clients.ask(lambda client: client.blpop("nothing", 0.1)) for _ in range(120))

        assert await asyncio.gather(*commands) == 120 * [None]


async def test_a_client_with_few_connections_serves_many_users(redis_server: RedisServer) -> None:
    async with redis.Redis.from_url(redis_server.url, max_connections=2) as client:
        limiter = RedisRateLimiter(client, 1)
        await asyncio.gather(*(limiter.acquire(f"user-{number}", max_wait=0) for number in range(50)))

        assert len(await client.keys("*")) == 50


async def test_users_who_wait_at_a_server_that_hangs_are_refused_together(
    limiter: RedisRateLimiter, redis_server: RedisServer
) -> None:
    await limiter.acquire("ada", max_wait=0)
    redis_server.pause()
    start = time.monotonic()

    calls = (limiter.acquire(f"user-{number}", max_wait=None) for number in range(200))
    outcomes = await asyncio.gather(*calls, return_exceptions=True)

    assert {type(outcome) for outcome in outcomes} == {RateLimitError}
    assert time.monotonic() - start < 10 * TIMEOUT


async def test_its_own_connections_end_with_the_event_loop(redis_server: RedisServer, client: Any) -> None:
    limiter = RedisRateLimiter(redis_server.url)

    for _ in range(3):
        await asyncio.to_thread(lambda: asyncio.run(limiter.acquire("ada", max_wait=0)))
    gc.collect()

    assert (await client.info("clients"))["connected_clients"] == 1


async def test_closing_closes_its_own_connections_in_every_thread(redis_server: RedisServer, client: Any) -> None:
    limiter = RedisRateLimiter(redis_server.url)
    other = asyncio.new_event_loop()
    thread = asyncio.create_task(asyncio.to_thread(other.run_forever))
    await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(limiter.acquire("ada", max_wait=0), other))
    await limiter.acquire("ada", max_wait=0)
    assert (await client.info("clients"))["connected_clients"] == 3

    await limiter.aclose()

    async with asyncio.timeout(5):
        while (await client.info("clients"))["connected_clients"] > 1:  # noqa: ASYNC110  (Redis sends no event)
            await asyncio.sleep(0.01)
    await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(end_other_tasks(), other))
    other.call_soon_threadsafe(other.stop)
    await thread
    other.close()


async def end_other_tasks() -> None:
    """Wait until nothing else runs on this event loop: Redis sees a connection end before its client has closed it."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*others, return_exceptions=True)


async def test_a_limiter_that_was_never_used_can_be_closed(redis_server: RedisServer, client: Any) -> None:
    async with RedisRateLimiter(redis_server.url):
        pass

    assert (await client.info("clients"))["connected_clients"] == 1


async def test_the_caller_s_client_is_used_and_never_closed(client: Any) -> None:
    async with RedisRateLimiter(client, 3) as limiter:
        await spend(limiter)
        assert await limiter.remaining("ada") == 0

    assert await client.ping()


async def test_the_caller_s_client_works_on_one_event_loop(client: Any) -> None:
    limiter = RedisRateLimiter(client)
    await limiter.acquire("ada", max_wait=0)

    with pytest.raises(ConfigurationError, match="give RedisRateLimiter a URL instead"):
        await asyncio.to_thread(lambda: asyncio.run(limiter.acquire("ada", max_wait=0)))


async def test_no_password_is_shown(redis_server: RedisServer, client: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await client.config_set("requirepass", "right")
    limiter = RedisRateLimiter(redis_server.url.replace("://", "://:s3cr3t@"), when_unavailable="stop")

    with pytest.raises(RateLimitError, match="password") as caught:
        await limiter.acquire("ada", max_wait=0)

    text = "".join(traceback.format_exception(caught.value)) + repr(limiter) + caplog.text
    assert "s3cr3t" not in text
    assert caught.value.__cause__ is not None
    # redis-py's errors refer to its connections, which hold the password.
    assert caught.value.__cause__.__context__ is None
    await limiter.aclose()


@pytest.mark.parametrize(
    "url",
    ["redis://:s3cr3t@host:port", "s3cr3t", "http://:s3cr3t@host", "redis://:s3cr3t@h?db=x", "redis://:s3cr3t@h?no=1"],
)
def test_a_wrong_url_is_refused_and_not_quoted(url: str) -> None:
    with pytest.raises(ConfigurationError, match="redis must be a URL like") as caught:
        RedisRateLimiter(url)

    assert "s3cr3t" not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "arguments",
    [
        {"redis": None},
        {"redis": "redis://localhost", "prefix": ""},
        {"redis": "redis://localhost", "timeout": 0},
        {"redis": "redis://localhost", "when_unavailable": True},
    ],
    ids=str,
)
def test_a_wrong_argument_is_named(arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=list(arguments)[-1]):
        RedisRateLimiter(**arguments)


@pytest.mark.parametrize("given", ["redis://localhost", object()], ids=["a URL", "a client"])
def test_a_missing_package_is_named_with_its_install_line(given: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exist_async._redis.find_spec", lambda name: None)

    with pytest.raises(ConfigurationError, match=r'pip install "exist-async\[redis\]"'):
        RedisRateLimiter(given)


def test_its_repr_has_the_address() -> None:
    assert repr(RedisRateLimiter("unix:///run/redis.sock?db=2")) == (
        "RedisRateLimiter(<Redis at /run/redis.sock>, limit=300, period=3600.0)"
    )
