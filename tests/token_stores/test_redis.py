"""Tokens in Redis: for processes on several machines, and when the server fails."""

import asyncio
import copy
import gc
import logging
import pickle
import traceback
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any

import pytest
from redis_server import RedisServer

from exist_async import ConfigurationError, OAuthError, OAuthToken, RedisTokenStore

redis = pytest.importorskip("redis.asyncio", reason='no redis: pip install "exist-async[redis]"')

TOKEN = OAuthToken("s3cr3t-access", "s3cr3t-refresh", datetime(2027, 1, 1, tzinfo=UTC), ("mood_read", "é"))
KEY = "exist_async:token:{ada}"


@pytest.fixture
async def client(redis_server: RedisServer) -> AsyncGenerator[Any, None]:
    async with redis.Redis.from_url(redis_server.url) as client:
        yield client


@pytest.fixture
async def store(redis_server: RedisServer) -> AsyncGenerator[RedisTokenStore, None]:
    async with RedisTokenStore(redis_server.url, timeout=1.0) as store:
        yield store


def assert_hides(error: BaseException, *secrets: str) -> None:
    assert error.__cause__ is error.__context__ is None
    text = "".join(traceback.format_exception(error)) + repr(pickle.dumps(error)) + repr(vars(error))
    assert not any(secret in text for secret in ("s3cr3t", *secrets))


async def assert_each_method_raises(store: RedisTokenStore, error: str) -> None:
    """Check that each method raises an OAuthError that hides all secrets."""
    for call in (store.load("ada"), store.save("ada", TOKEN), store.delete("ada"), store.lock("ada").__aenter__()):
        with pytest.raises(OAuthError, match=error) as caught:
            await call
        assert_hides(caught.value)


async def test_another_store_object_loads_the_token(store: RedisTokenStore, redis_server: RedisServer) -> None:
    assert await store.load("ada") is None
    await store.save("ada", OAuthToken("an-old-one"))
    await store.save("ada", TOKEN)

    async with RedisTokenStore(redis_server.url) as another:
        assert await another.load("ada") == TOKEN


async def test_users_with_similar_names_are_kept_apart(store: RedisTokenStore) -> None:
    users = ["ada", "Ada", "ada:lock", "ada}:lock", "{ada}", "Ada Lovelace", "adá", "🎈"]
    for number, user in enumerate(users):
        await store.save(user, OAuthToken(f"token-{number}"))

    async with store.lock("ada"):
        assert [await store.load(user) for user in users] == [OAuthToken(f"token-{n}") for n in range(len(users))]
        await store.delete("ada")
        await store.delete("nobody")

    assert await store.load("ada") is None
    assert await store.load("Ada") == OAuthToken("token-1")


async def test_programs_with_another_prefix_have_other_tokens_and_locks(redis_server: RedisServer, client: Any) -> None:
    one = RedisTokenStore(redis_server.url)
    two = RedisTokenStore(redis_server.url, prefix="mine")
    async with one, two, one.lock("ada"), two.lock("ada"):
        await one.save("ada", TOKEN)
        assert await two.load("ada") is None
        await two.save("ada", TOKEN)
        names = (KEY, f"{KEY}:lock", "mine:{ada}", "mine:{ada}:lock")
        assert set(await client.keys()) == {name.encode() for name in names}

    # A token stays until it is deleted.
    assert [await client.pttl(key) for key in (KEY, "mine:{ada}")] == [-1, -1]


@pytest.mark.parametrize("options", [{}, {"decode_responses": True, "encoding": "latin-1"}], ids=str)
async def test_the_caller_s_client_is_used_and_never_closed(redis_server: RedisServer, options: Any) -> None:
    async with redis.Redis.from_url(redis_server.url, **options) as client:
        async with RedisTokenStore(client) as store, store.lock("ada"):
            await store.save("ada", TOKEN)
            assert await store.load("ada") == TOKEN

        assert [key.encode() if options else key for key in await client.keys()] == [KEY.encode()]


async def test_the_caller_s_client_works_on_one_event_loop(client: Any) -> None:
    store = RedisTokenStore(client)
    await store.load("ada")

    with pytest.raises(ConfigurationError, match="give RedisTokenStore a URL instead"):
        await asyncio.to_thread(lambda: asyncio.run(store.load("ada")))


async def test_each_event_loop_has_its_own_connections_which_end_with_it(
    redis_server: RedisServer, client: Any
) -> None:
    store = RedisTokenStore(redis_server.url)

    async def use() -> OAuthToken | None:
        async with store.lock("ada"):
            await store.save("ada", TOKEN)
            return await store.load("ada")

    for _ in range(3):
        assert await asyncio.to_thread(lambda: asyncio.run(use())) == TOKEN
    gc.collect()

    assert (await client.info("clients"))["connected_clients"] == 1


async def test_closing_closes_its_own_connections(redis_server: RedisServer, client: Any) -> None:
    async with RedisTokenStore(redis_server.url) as store:
        await store.save("ada", TOKEN)
        assert (await client.info("clients"))["connected_clients"] == 2

    assert (await client.info("clients"))["connected_clients"] == 1


async def test_its_repr_has_no_secret_and_it_can_t_be_pickled(redis_server: RedisServer, client: Any) -> None:
    store = RedisTokenStore(redis_server.url.replace("://", "://:s3cr3t@"))

    assert repr(store) == f"RedisTokenStore(<Redis at 127.0.0.1:{redis_server.port}>)"
    for carry in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="RedisTokenStore holds a secret"):
            carry(store)


async def test_a_wrong_password_is_an_error_that_does_not_contain_it(
    redis_server: RedisServer, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await client.config_set("requirepass", "right")

    async with RedisTokenStore(redis_server.url.replace("://", "://:s3cr3t@")) as store:
        await assert_each_method_raises(
            store, rf"^The token store's Redis at 127\.0\.0\.1:{redis_server.port} can't be used: .*password"
        )

    assert "s3cr3t" not in caplog.text


async def test_a_server_that_is_down_is_named_and_used_again_when_it_is_back(
    store: RedisTokenStore, redis_server: RedisServer
) -> None:
    await store.save("ada", TOKEN)
    redis_server.end()
    await assert_each_method_raises(store, f"{redis_server.port} can't be used: .*Check that it runs, that its address")
    redis_server.start()

    # This server writes nothing to disk.
    assert await store.load("ada") is None
    async with store.lock("ada"):
        await store.save("ada", TOKEN)
    assert await store.load("ada") == TOKEN


async def test_a_hanging_server_is_an_error_after_the_timeout(redis_server: RedisServer) -> None:
    redis_server.pause()

    async with RedisTokenStore(redis_server.url, timeout=0.1) as store, asyncio.timeout(20):
        await assert_each_method_raises(store, r"gave no answer within 0\.1 s")


async def test_a_late_answer_is_not_given_to_another_call(store: RedisTokenStore, redis_server: RedisServer) -> None:
    await store.save("ada", TOKEN)
    await store.save("grace", OAuthToken("hers"))
    redis_server.pause()
    with pytest.raises(OAuthError, match="gave no answer"):
        await store.load("ada")
    redis_server.resume()

    assert [await store.load(user) for user in ("grace", "ada", "nobody")] == [OAuthToken("hers"), TOKEN, None]


async def test_the_answer_of_a_cancelled_call_is_not_given_to_another(store: RedisTokenStore) -> None:
    for user in ("ada", "grace"):
        await store.save(user, OAuthToken(user))

    for number in range(100):
        task = asyncio.create_task(store.load("ada"))
        for _ in range(number % 10):
            await asyncio.sleep(0)
        task.cancel()
        assert await store.load("grace") == OAuthToken("grace")
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b'"s3cr3t"',
        b'{"access_token": 7}',
        b'{"access_token": "s3cr3t token"}',
        b'{"access_token": "s3cr3t\xff"}',
        b"\xff\xfe",
    ],
)
@pytest.mark.parametrize("decoding", [False, True])
async def test_a_value_that_is_not_a_token_is_named_kept_and_not_quoted(
    redis_server: RedisServer, client: Any, content: bytes, decoding: bool
) -> None:
    await client.set(KEY, content)

    async with redis.Redis.from_url(redis_server.url, decode_responses=decoding) as callers:
        with pytest.raises(OAuthError, match=rf"The key '{KEY}' in .* does not hold a token: .*Delete it") as caught:
            await RedisTokenStore(callers).load("ada")

    assert_hides(caught.value)
    assert await client.get(KEY) == content


async def test_a_key_of_another_type_is_an_error(store: RedisTokenStore, client: Any) -> None:
    await client.lpush(KEY, "s3cr3t")

    with pytest.raises(OAuthError, match=r"WRONGTYPE.*nothing else uses keys which begin with 'exist_async:token'"):
        await store.load("ada")


async def test_an_error_has_no_token_even_if_the_server_quotes_the_command(
    raw_server: Callable[[Any], AbstractAsyncContextManager[str]],
) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            if b"access_token" in data:
                # Redis does this when a command was renamed.
                writer.write(b"-ERR unknown command 'SET', with args beginning with: '%s' \r\n" % data.split()[-1])
            else:
                writer.write(data.count(b"*") * b"+OK\r\n")

    async with raw_server(refuse) as url, RedisTokenStore(f"{url.replace('http', 'redis')}?protocol=2") as store:
        with pytest.raises(OAuthError, match=r"token store's Redis at 127.* refused the command\. Check") as caught:
            await store.save("ada", TOKEN)

    assert_hides(caught.value, "access_token")


@pytest.mark.parametrize("user", ["", None, 7, "a\0b"])
async def test_an_invalid_user_is_refused(user: Any) -> None:
    store = RedisTokenStore("redis://localhost")

    for call in (store.load(user), store.save(user, TOKEN), store.delete(user), store.lock(user).__aenter__()):
        with pytest.raises(ConfigurationError, match="user"):
            await call


@pytest.mark.parametrize(
    "arguments",
    [
        {"redis": None},
        {"redis": "s3cr3t"},
        {"redis": "redis://:s3cr3t@host:port"},
        {"redis": "redis://localhost", "prefix": ""},
        {"redis": "redis://localhost", "timeout": 0},
        {"redis": "redis://localhost", "lease": True},
        {"redis": "redis://localhost", "timeout": 11, "lease": 32.9},
    ],
    ids=str,
)
def test_a_wrong_argument_is_named(arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=list(arguments)[-1]) as caught:
        RedisTokenStore(**arguments)

    assert_hides(caught.value)


def test_a_missing_package_is_named_with_its_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exist_async._redis.find_spec", lambda name: None)

    with pytest.raises(ConfigurationError, match=r'RedisTokenStore needs .* pip install "exist-async\[redis\]"'):
        RedisTokenStore("redis://localhost")
