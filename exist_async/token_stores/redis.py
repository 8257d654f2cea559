"""Tokens in Redis, for processes on several machines."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from exist_async._checks import check_seconds, check_text
from exist_async._json import UnreadableError, decode, encode
from exist_async._redis import RedisFailedError, clients_for
from exist_async._secrets import Unpicklable
from exist_async.errors import ConfigurationError, OAuthError
from exist_async.token_stores.redis_lock import RedisLock
from exist_async.token_stores.token import OAuthToken, check_oauth_token

if TYPE_CHECKING:
    from redis.asyncio import Redis

T = TypeVar("T")


class RedisTokenStore(Unpicklable):
    """Keeps the tokens of any number of users in a Redis, which processes on several machines may share.

    Each user has one key, which never expires. It holds the token as it is: whoever can read that Redis can read it, so
    give it a password, and use `rediss://` outside of your own network. Whoever makes a store closes it, with
    `async with` or `aclose()`.

    A token that is saved is as safe as that Redis makes it. By itself, Redis writes to its disk now and then, and loses
    what came since when it crashes: `appendonly yes` with `appendfsync always` keeps all. A replica that takes over may
    lack what came last, the lock too. One that evicts keys (`maxmemory-policy allkeys-…`) may evict tokens. A user
    whose token is lost has to sign in again.

    Args:
        redis: A URL (`redis://`, `rediss://` or `unix://`), for which it opens its own connections on each event loop
            that uses it; its password appears in no repr, log or error. Or a `redis.asyncio.Redis` of yours, which is
            of one event loop, and is never closed here.
        prefix: What the names of its keys begin with.
        timeout: Seconds in which Redis has to answer.
        lease: Seconds after which the lock of a process that died is free; a living one keeps it for as long as its
            renewal takes. At least three times `timeout`.

    Raises:
        ConfigurationError: An argument is wrong, or the package redis is not installed. Its methods raise it for a user
            who is no string of text, and where a `Redis` of yours is used on a second event loop.
    """

    def __init__(
        self,
        redis: "str | Redis",
        *,
        prefix: str = "exist_async:token",
        timeout: float = 2.0,
        lease: float = 30.0,
    ) -> None:
        check_text("prefix", prefix)
        check_seconds("timeout", timeout)
        check_seconds("lease", lease)
        # An answer that comes as late as it may leaves the lease time to be renewed, with an answer as late.
        if lease < round(3 * timeout, 9):
            raise ConfigurationError(f"lease is at least three times timeout, which is {timeout:g} s, not {lease:g} s")
        self._prefix = prefix
        self._lease = lease
        self._clients = clients_for(redis, timeout, type(self).__name__)

    def __repr__(self) -> str:
        return f"RedisTokenStore(<{self._clients.where}>)"

    async def load(self, user: str) -> OAuthToken | None:
        """Return the user's token, as `TokenStore.load` has it.

        Raises:
            OAuthError: Redis fails, or holds something else there.
        """
        key = self._key(user)

        async def get(client: "Redis") -> bytes | None:
            # As bytes, whatever a client of the caller's decodes: an error of decoding would hold all of it.
            data: bytes | None = await cast("Any", client).execute_command("GET", key, NEVER_DECODE=True)
            return data

        data = await self._ask(get)
        if data is None:
            return None
        try:
            return decode(data, OAuthToken)
        except UnreadableError as error:
            why = str(error)
        # Outside of the handler: the error behind that one can hold the whole token.
        raise OAuthError(
            f"What {self._clients.where} holds as {key.decode()!r} is no token: {why}. Delete it, or choose another "
            "prefix, and let this user sign in again."
        )

    async def save(self, user: str, token: OAuthToken) -> None:
        """Keep a token. Redis has it when this returns; what it outlives there is up to that Redis, as said above.

        Raises:
            OAuthError: Redis fails, or takes nothing more.
        """
        check_oauth_token(token)
        key, data = self._key(user), encode(token)
        await self._ask(lambda client: cast("Awaitable[object]", client.set(key, data)))

    async def delete(self, user: str) -> None:
        """Forget the user's token, as `TokenStore.delete` has it.

        Raises:
            OAuthError: Redis fails.
        """
        key = self._key(user)
        await self._ask(lambda client: cast("Awaitable[object]", client.delete(key)))

    @asynccontextmanager
    async def lock(self, user: str) -> AsyncGenerator[None, None]:
        """Let in one renewal at a time, as `TokenStore.lock` has it; others are waited for ten minutes.

        One that lost its lock, since Redis was restarted, say, goes on, and a warning is logged.

        Raises:
            OAuthError: Others held it for all that time, or Redis fails.
        """
        lock = RedisLock(self._clients, self._key(user) + b":lock", self._lease, f"the token of {user!r}")
        try:
            await lock.acquire()
            why = ""
        except RedisFailedError as error:
            why = self._explained(error)
        except TimeoutError:
            why = (
                f"The token of {user!r} was locked in {self._clients.where} for ten minutes by another process, which "
                "may hang: end it, and try again."
            )
        if why:
            raise OAuthError(why)
        try:
            yield
        finally:
            await lock.release()

    async def aclose(self) -> None:
        """Close its own connections; a `Redis` of yours stays open. Those of other event loops close there."""
        await self._clients.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def _key(self, user: str) -> bytes:
        check_text("user", user)
        # The braces keep the token and its lock on one node of a cluster, and the names of both apart: no user's name
        # makes another's lock of their token.
        return f"{self._prefix}:{{{user}}}".encode()

    async def _ask(self, command: "Callable[[Redis], Awaitable[T]]") -> T:
        try:
            return await self._clients.ask(command)
        except RedisFailedError as error:
            why = self._explained(error)
        raise OAuthError(why)

    def _explained(self, error: RedisFailedError) -> str:
        # Redis quotes the arguments of a command that it doesn't know, and SET can be renamed there.
        why = f"{self._clients.where} refused the command" if "access_token" in str(error) else error
        return (
            f"The token store's {why}. See that it runs, that its address, user and password are right, and that "
            f"nothing else uses keys which begin with {self._prefix!r}."
        )
