"""The connections to Redis: own ones, or those of the caller."""

import asyncio
from collections.abc import AsyncGenerator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

from exist_async.errors import ConfigurationError

if TYPE_CHECKING:
    from redis.asyncio import Redis

# A script takes microseconds: some connections serve any number of users.
_CONNECTIONS = 8


class OwnClients:
    """Opens a client for each event loop, since connections are of one loop, and closes it there.

    Args:
        url: Where Redis is.
        timeout: Seconds for connecting, and for an answer.

    Attributes:
        where: Where Redis is, without the password.

    Raises:
        ConfigurationError: It is no URL of Redis, or the package redis is not installed.
    """

    def __init__(self, url: str, timeout: float) -> None:
        _need_redis()
        self._url = url
        self._timeout = timeout
        self._opened: dict[asyncio.AbstractEventLoop, tuple[AsyncGenerator[Redis, None], Redis]] = {}
        try:
            pool = _pool(url)
            # What the URL has as options is looked at here.
            pool.make_connection()
        except (ValueError, TypeError, AttributeError):
            pool = None
        # Outside of the handler, and without the URL: both hold the password.
        if pool is None:
            raise ConfigurationError("redis is a URL like 'redis://localhost:6379/0', and its options are redis-py's")
        self.where = _where(pool)

    async def client(self) -> "Redis":
        """Return the client of this event loop."""
        loop = asyncio.get_running_loop()
        opened = self._opened.get(loop)
        if opened is None:
            for other in [other for other in list(self._opened) if other.is_closed()]:
                del self._opened[other]
            generator = self._open()
            opened = self._opened[loop] = (generator, await anext(generator))
        return opened[1]

    async def aclose(self) -> None:
        """Close the connections. Those of other loops are closed there, by Python, when nobody holds them any more."""
        opened, self._opened = self._opened, {}
        mine = opened.pop(asyncio.get_running_loop(), None)
        opened.clear()
        if mine is not None:
            await mine[0].aclose()

    async def _open(self) -> AsyncGenerator["Redis", None]:
        # A generator, because an event loop closes those before it ends, while connections can still be closed.
        from redis.asyncio import Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        pool = _pool(
            self._url,
            max_connections=_CONNECTIONS,
            timeout=self._timeout,
            socket_timeout=self._timeout,
            socket_connect_timeout=self._timeout,
            # Once, for a connection that Redis has closed meanwhile.
            retry=Retry(NoBackoff(), 1),
        )
        client = Redis.from_pool(pool)
        try:
            yield client
        finally:
            await client.aclose()


class CallersClient:
    """Lends the client that the caller made, on the one event loop that it is of.

    Args:
        client: It.

    Attributes:
        where: Where Redis is, without the password.

    Raises:
        ConfigurationError: It is no `redis.asyncio.Redis`, or the package redis is not installed.
    """

    def __init__(self, client: object) -> None:
        _need_redis()
        from redis.asyncio import Redis

        if not isinstance(client, Redis):
            raise ConfigurationError(
                f"redis is a URL like 'redis://localhost:6379/0', or a redis.asyncio.Redis, not {type(client).__name__}"
            )
        self._client = client
        self._loop: asyncio.AbstractEventLoop | None = None
        self.where = _where(client.connection_pool)

    async def client(self) -> "Redis":
        """Return the client.

        Raises:
            ConfigurationError: Another event loop has used it before.
        """
        loop = asyncio.get_running_loop()
        self._loop = self._loop or loop
        if self._loop is not loop:
            raise ConfigurationError(
                "a redis.asyncio.Redis is of the event loop that used it first: give RedisRateLimiter a URL instead, "
                "and it opens connections on each"
            )
        return self._client

    async def aclose(self) -> None:
        """Leave it open: the caller made it."""


def _need_redis() -> None:
    if find_spec("redis") is None:
        raise ConfigurationError('RedisRateLimiter needs the package redis: pip install "exist-async[redis]"')


def _pool(url: str, **options: object) -> Any:
    from redis.asyncio import BlockingConnectionPool

    # Its types are incomplete.
    return cast("Any", BlockingConnectionPool).from_url(url, **options)


def _where(pool: Any) -> str:
    options: dict[str, Any] = pool.connection_kwargs
    address = options.get("path") or f"{options.get('host', 'localhost')}:{options.get('port', 6379)}"
    return f"Redis at {address}"
