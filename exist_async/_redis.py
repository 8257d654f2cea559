"""Asks Redis, over own connections or those of the caller, and tells nobody the password."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar, cast

from exist_async.errors import ConfigurationError

if TYPE_CHECKING:
    from redis.asyncio import Redis

T = TypeVar("T")

# A command takes microseconds: some connections serve any number of users.
_CONNECTIONS = 8


class RedisFailedError(Exception):
    """Redis gave no answer to go by. The text names it and says why, and nothing stands behind it."""


class RedisClients(ABC):
    """The client of each event loop.

    Args:
        where: Where Redis is, without the password.
        timeout: Seconds in which Redis has to answer.

    Attributes:
        where: As above.
    """

    def __init__(self, where: str, timeout: float) -> None:
        self.where = where
        self._timeout = timeout

    @abstractmethod
    async def client(self) -> "Redis":
        """Return the client of this event loop.

        Raises:
            ConfigurationError: There is none for this loop.
        """

    @abstractmethod
    async def aclose(self) -> None:
        """Close what was opened here."""

    async def ask(self, command: "Callable[[Redis], Awaitable[T]]") -> T:
        """Return what Redis answers.

        Raises:
            RedisFailedError: It gave no answer in time, or an error.
            ConfigurationError: There is no client for this event loop.
        """
        task = asyncio.current_task()
        assert task is not None
        before = task.cancelling()
        try:
            return await self._answer(command)
        finally:
            # redis-py sends with asyncio.wait_for(), which loses some cancellations until Python 3.12.
            if task.cancelling() > before:
                raise asyncio.CancelledError

    async def _answer(self, command: "Callable[[Redis], Awaitable[T]]") -> T:
        # It is loaded since the client was made.
        from redis.exceptions import RedisError

        try:
            client = await self.client()
            async with asyncio.timeout(self._timeout):
                return await command(client)
        except TimeoutError:
            why = f"gave no answer within {self._timeout:g} s"
        except (RedisError, OSError) as error:
            why = f"can't be used: {error}"
        # Outside of the handler: redis-py's errors lead to its connections, which hold the password.
        raise RedisFailedError(f"{self.where} {why.removesuffix('.')}")


def clients_for(redis: "str | Redis", timeout: float, user: str) -> RedisClients:
    """Return the clients for a URL, or for a client of the caller's.

    Args:
        redis: One of them.
        timeout: Seconds in which Redis has to answer.
        user: The class that uses them, for errors.

    Raises:
        ConfigurationError: It is neither, or the package redis is not installed.
    """
    if find_spec("redis") is None:
        raise ConfigurationError(f'{user} needs the package redis: pip install "exist-async[redis]"')
    return _OwnClients(redis, timeout) if isinstance(redis, str) else _CallersClient(redis, timeout, user)


class _OwnClients(RedisClients):
    """Opens a client for each event loop, since connections are of one loop, and closes it there."""

    def __init__(self, url: str, timeout: float) -> None:
        self._url = url
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
        super().__init__(_where(pool), timeout)

    async def client(self) -> "Redis":
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


class _CallersClient(RedisClients):
    """Lends the client that the caller made, on the one event loop that it is of."""

    def __init__(self, client: object, timeout: float, user: str) -> None:
        from redis.asyncio import Redis

        if not isinstance(client, Redis):
            raise ConfigurationError(
                f"redis is a URL like 'redis://localhost:6379/0', or a redis.asyncio.Redis, not {type(client).__name__}"
            )
        super().__init__(_where(client.connection_pool), timeout)
        self._client = client
        self._user = user
        self._loop: asyncio.AbstractEventLoop | None = None

    async def client(self) -> "Redis":
        loop = asyncio.get_running_loop()
        self._loop = self._loop or loop
        if self._loop is not loop:
            raise ConfigurationError(
                f"a redis.asyncio.Redis is of the event loop that used it first: give {self._user} a URL instead, and "
                "it opens connections on each"
            )
        return self._client

    async def aclose(self) -> None:
        """Leave it open: the caller made it."""


def _pool(url: str, **options: object) -> Any:
    from redis.asyncio import BlockingConnectionPool

    # Its types are incomplete.
    return cast("Any", BlockingConnectionPool).from_url(url, **options)


def _where(pool: Any) -> str:
    options: dict[str, Any] = pool.connection_kwargs
    address = options.get("path") or f"{options.get('host', 'localhost')}:{options.get('port', 6379)}"
    return f"Redis at {address}"
