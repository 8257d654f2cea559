"""Sends commands to Redis, over its own connections or a client of the caller's, without revealing the password."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from exist_async._checks import check_seconds, check_text
from exist_async._concurrency import running_loop
from exist_async._secrets import hides_locals
from exist_async.errors import ConfigurationError

if TYPE_CHECKING:
    from redis.asyncio import Redis

T = TypeVar("T")

# A command takes microseconds: a few connections serve any number of users.
_CONNECTIONS = 8
_EXPECTED = "redis must be a URL like 'redis://localhost:6379/0'"


class RedisFailedError(Exception):
    """Redis sent no usable answer. The message contains the address and the reason; no other error is attached."""


class RedisClients:
    """The Redis client of each event loop: opened from a URL, or the caller's own client on its one loop.

    Attributes:
        where: Address of Redis, without the password.
    """

    def __init__(self, redis: "str | Redis", timeout: float, owner: str) -> None:
        if find_spec("redis") is None:
            raise ConfigurationError(f'{owner} needs the package redis: pip install "exist-async[redis]"')
        self._redis = redis
        self._timeout = timeout
        self._owner = owner
        self._opened: dict[asyncio.AbstractEventLoop, tuple[AsyncGenerator[Redis, None], Redis]] = {}
        self._callers_loop: asyncio.AbstractEventLoop | None = None
        options = _checked_pool(redis).connection_kwargs
        address = options.get("path") or f"{options.get('host', 'localhost')}:{options.get('port', 6379)}"
        self.where = f"Redis at {address}"

    @hides_locals
    async def ask(self, command: "Callable[[Redis], Awaitable[T]]") -> T:
        """Run a command with the client of this event loop, and return its answer; raise RedisFailedError."""
        from redis.exceptions import RedisError

        task = asyncio.current_task()
        assert task is not None
        before = task.cancelling()
        try:
            client = await self._client()
            async with asyncio.timeout(self._timeout):
                return await command(client)
        except TimeoutError:
            reason = f"gave no answer within {self._timeout:g} s"
        except (RedisError, OSError) as error:
            reason = f"can't be used: {error}"
        finally:
            # redis-py sends with asyncio.wait_for(), which loses some cancellations before Python 3.12.
            if task.cancelling() > before:
                raise asyncio.CancelledError
        # Outside the handler: redis-py's errors refer to its connections, which hold the password.
        raise RedisFailedError(f"{self.where} {reason.removesuffix('.')}")

    async def aclose(self) -> None:
        """Close the connections of this event loop; the garbage collector closes those of other loops there."""
        loop = running_loop()
        opened = None if loop is None else self._opened.pop(loop, None)
        self._opened.clear()
        if opened is not None:
            await opened[0].aclose()

    async def _client(self) -> "Redis":
        loop = asyncio.get_running_loop()
        if not isinstance(self._redis, str):
            self._callers_loop = self._callers_loop or loop
            if self._callers_loop is not loop:
                raise ConfigurationError(
                    "a redis.asyncio.Redis can be used only on the event loop that used it first: give "
                    f"{self._owner} a URL instead, from which it opens connections on each loop"
                )
            return self._redis
        opened = self._opened.get(loop)
        if opened is None:
            for closed in [each for each in list(self._opened) if each.is_closed()]:
                del self._opened[closed]
            generator = self._open(self._redis)
            opened = self._opened[loop] = (generator, await anext(generator))
        return opened[1]

    async def _open(self, url: str) -> AsyncGenerator["Redis", None]:
        # A generator, because asyncio.run() closes generators before the loop, when connections can still be closed.
        from redis.asyncio import Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        pool = _pool(
            url,
            max_connections=_CONNECTIONS,
            timeout=self._timeout,
            socket_timeout=self._timeout,
            socket_connect_timeout=self._timeout,
            # One retry, for a connection that Redis has closed in the meantime.
            retry=Retry(NoBackoff(), 1),
        )
        client = Redis.from_pool(pool)
        try:
            yield client
        finally:
            await client.aclose()


class RedisBacked:
    """Base of the public classes that keep their data in Redis."""

    def __init__(self, redis: "str | Redis", prefix: str, timeout: float) -> None:
        check_text("prefix", prefix)
        check_seconds("timeout", timeout)
        self._prefix = prefix
        self._clients = RedisClients(redis, timeout, type(self).__name__)

    async def aclose(self) -> None:
        """Close its connections. Those of other event loops are closed there; a `Redis` of your own stays open."""
        await self._clients.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()


def _checked_pool(redis: "str | Redis") -> Any:
    """Return the connection pool of a client, or one made from a URL to check it."""
    from redis.asyncio import Redis

    if isinstance(redis, Redis):
        return redis.connection_pool
    if not isinstance(redis, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(f"{_EXPECTED} or a redis.asyncio.Redis, not {type(redis).__name__}")
    with suppress(ValueError, TypeError, AttributeError):
        pool = _pool(redis)
        pool.make_connection()  # checks the options in the URL
        return pool
    # Outside the handler, and without the URL: both hold the password.
    raise ConfigurationError(f"{_EXPECTED}, with options that redis-py supports")


def _pool(url: str, **options: object) -> Any:
    from redis.asyncio import BlockingConnectionPool

    # Its types are incomplete.
    return cast("Any", BlockingConnectionPool).from_url(url, **options)
