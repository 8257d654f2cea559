"""Tokens in Redis: for processes on several machines, and when the server fails."""

import asyncio
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
