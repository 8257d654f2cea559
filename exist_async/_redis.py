"""Sends commands to Redis, over its own connections or a client of the caller's, without revealing the password."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define

from exist_async._checks import check_seconds, check_text
from exist_async._per_loop import PerLoop
from exist_async._secrets import hides_locals
from exist_async.errors import ConfigurationError

if TYPE_CHECKING:
    from redis.asyncio import Redis, RedisCluster

T = TypeVar("T")

# A command takes microseconds: a few connections serve any number of users.
_CONNECTIONS = 8
_EXPECTED = "redis must be a URL like 'redis://localhost:6379/0'"


class RedisFailedError(Exception):
    """Redis sent no usable answer. The message contains the address and the reason; no other error is attached."""


@define(eq=False)
class _OnLoop:
    """The client of one event loop.

    Attributes:
        client: The client.
        turns: Limits the commands that are sent at once, so that the others do not wait for a connection: only the time
            of Redis itself counts towards the timeout.
        timeouts: Number of commands that Redis did not answer in time.
    """

    client: "Redis"
    turns: asyncio.Semaphore
    timeouts: int = 0


class RedisClients:
    """The Redis client of each event loop: opened from a URL, or the caller's own client on its one loop."""

    def __init__(self, redis: "str | Redis | RedisCluster", timeout: float, owner: str) -> None:
        if find_spec("redis") is None:
            raise ConfigurationError(f'{owner} needs the package redis: pip install "exist-async[redis]"')
        self._redis = redis
        self._timeout = timeout
        self._owner = owner
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loops = PerLoop(self._open)
        self.where = f"Redis at {_address(redis)}"  # without the password

    @hides_locals
    async def ask(self, command: "Callable[[Redis], Awaitable[T]]") -> T:
        """Run a command with the client of this event loop, and return its answer; raise RedisFailedError.

        The timeout begins when it is sent. A command that waits for others fails at once when one of them gets no
        answer in time, or each would wait for that in turn.
        """
        from redis.exceptions import MovedError, RedisClusterException, RedisError
        from redis.exceptions import TimeoutError as RedisTimeoutError

        task = asyncio.current_task()
        assert task is not None
        before = task.cancelling()
        try:
            here = await self._on_loop()
            timeouts = here.timeouts
            async with here.turns:
                if here.timeouts == timeouts:
                    try:
                        async with asyncio.timeout(self._timeout):
                            return await command(here.client)
                    except (TimeoutError, RedisTimeoutError):
                        here.timeouts += 1
            reason = f"gave no answer within {self._timeout:g} s"
        except MovedError:
            reason = "is a node of a cluster: give a redis.asyncio.RedisCluster of your own instead of a URL"
        except (RedisError, RedisClusterException, OSError) as error:
            reason = f"can't be used: {error}"
        finally:
            # redis-py sends with asyncio.wait_for(), which loses some cancellations before Python 3.12.
            if task.cancelling() > before:
                raise asyncio.CancelledError
        # Outside the handler: redis-py's errors refer to its connections, which hold the password.
        raise RedisFailedError(f"{self.where} {reason.removesuffix('.')}")

    async def aclose(self) -> None:
        """Close the connections of this event loop; those of other loops are closed there soon afterwards."""
        await self._loops.aclose()

    async def _on_loop(self) -> _OnLoop:
        if not isinstance(self._redis, str):
            running = asyncio.get_running_loop()
            self._loop = self._loop or running
            if self._loop is not running:
                raise ConfigurationError(
                    "a redis.asyncio client can be used only on the event loop that used it first: give "
                    f"{self._owner} a URL instead, from which it opens connections on each loop"
                )
        return await self._loops.get()

    async def _open(self) -> AsyncGenerator[_OnLoop, None]:
        # A generator: see PerLoop.
        if not isinstance(self._redis, str):
            connections = _connections_of(self._redis).max_connections  # more at once are an error in most pools
            # Both classes have the commands that are used here.
            yield _OnLoop(cast("Redis", self._redis), asyncio.Semaphore(min(_CONNECTIONS, connections)))
            return
        from redis.asyncio import Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        pool = _pool(
            self._redis,
            max_connections=_CONNECTIONS,
            timeout=self._timeout,
            socket_timeout=self._timeout,
            socket_connect_timeout=self._timeout,
            # One retry, for a connection that Redis has closed in the meantime.
            retry=Retry(NoBackoff(), 1),
        )
        client = Redis.from_pool(pool)
        try:
            yield _OnLoop(client, asyncio.Semaphore(_CONNECTIONS))
        finally:
            await client.aclose()


class RedisBacked:
    """Base of the public classes that keep their data in Redis."""

    def __init__(self, redis: "str | Redis | RedisCluster", prefix: str, timeout: float) -> None:
        check_text("prefix", prefix)
        check_seconds("timeout", timeout)
        self._prefix = prefix
        self._clients = RedisClients(redis, timeout, type(self).__name__)

    async def aclose(self) -> None:
        """Close its connections. Those of other event loops are closed there; a client of your own stays open."""
        await self._clients.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()


def _connections_of(client: "Redis | RedisCluster") -> Any:
    """Return the connection pool of a client, or the first node of a cluster, which is a pool too."""
    from redis.asyncio import Redis

    if isinstance(client, Redis):
        return client.connection_pool
    # The first that it was given; it adds the others when it connects.
    return next(iter(cast("Any", client).nodes_manager.startup_nodes.values()))


def _address(redis: "str | Redis | RedisCluster") -> str:
    """Return the address of a client, or that in a URL, which is checked."""
    from redis.asyncio import Redis, RedisCluster

    if isinstance(redis, RedisCluster):
        return str(_connections_of(redis).name)
    if isinstance(redis, Redis):
        pool = _connections_of(redis)
    elif isinstance(redis, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        pool = _pool_or_none(redis)
    else:
        raise ConfigurationError(f"{_EXPECTED}, a redis.asyncio.Redis or RedisCluster, not {type(redis).__name__}")
    if pool is None:
        # Outside the handler, and without the URL: both hold the password.
        raise ConfigurationError(f"{_EXPECTED}, with options that redis-py supports")
    options = pool.connection_kwargs
    return options.get("path") or f"{options.get('host', 'localhost')}:{options.get('port', 6379)}"


def _pool_or_none(url: str) -> Any:
    with suppress(ValueError, TypeError, AttributeError):
        pool = _pool(url)
        pool.make_connection()  # checks the options in the URL
        return pool
    return None


def _pool(url: str, **options: object) -> Any:
    from redis.asyncio import BlockingConnectionPool

    # Its types are incomplete.
    return cast("Any", BlockingConnectionPool).from_url(url, **options)
