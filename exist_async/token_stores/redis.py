"""A token store in Redis, for processes on several machines."""

import asyncio
import logging
import secrets
from collections.abc import AsyncGenerator, Awaitable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar, cast

from exist_async._checks import check_seconds, check_text
from exist_async._json import UnreadableError, decode, encode
from exist_async._redis import RedisBacked, RedisClients, RedisFailedError
from exist_async._secrets import Unpicklable, hides_locals
from exist_async.errors import ConfigurationError, OAuthError
from exist_async.token_stores.token import OAuthToken, check_oauth_token

if TYPE_CHECKING:
    from redis.asyncio import Redis, RedisCluster
    from redis.asyncio.lock import Lock

T = TypeVar("T")

# Seconds to wait for a renewal, which can take as long as two requests, each with its timeout.
_LOCK_TIMEOUT = 600.0
_POLL_INTERVAL = 0.1  # seconds between two attempts to take a lock

_log = logging.getLogger("exist_async")


@hides_locals
class RedisTokenStore(RedisBacked, Unpicklable):
    """Keeps the tokens of any number of users in Redis, which processes on several machines may share.

    Each user has one key, which never expires. It holds the token in plain text, readable by everyone with access to
    that Redis: set a password, and use `rediss://` outside your own network. Close the store with `async with` or
    `aclose()`.

    If Redis loses a token, its user has to sign in again. By default, a crash loses what was saved since the last write
    to disk: `appendonly yes` with `appendfsync always` keeps everything. A replica that takes over may lack the latest
    tokens and locks. A server that evicts keys (`maxmemory-policy allkeys-…`) may evict tokens.

    Args:
        redis: A URL (`redis://`, `rediss://` or `unix://`), from which it opens its own connections on each event loop
            that uses it; its password appears in no repr, log or error. Or a `redis.asyncio.Redis` or `RedisCluster`
            of your own, which belongs to one event loop and is never closed here.
        prefix: Start of the names of its keys.
        timeout: Seconds within which Redis must answer each command.
        lease: Seconds after which the lock of a process that died is free; a live process keeps it for as long as its
            renewal takes. At least three times `timeout`.

    Raises:
        ConfigurationError: An argument is wrong, or the package redis is not installed. Its methods raise it for a user
            who is not a string of text, and when a client of your own is used on a second event loop.
        OAuthError: Raised by the methods if Redis fails, has no space left, or the key does not hold a token.
    """

    def __init__(
        self,
        redis: "str | Redis | RedisCluster",
        *,
        prefix: str = "exist_async:token",
        timeout: float = 2.0,
        lease: float = 30.0,
    ) -> None:
        super().__init__(redis, prefix, timeout)
        check_seconds("lease", lease)
        # The lease is extended every third of it, and each attempt may take the timeout twice.
        if lease < round(3 * timeout, 9):
            raise ConfigurationError(f"lease must be at least three times timeout ({timeout:g} s), not {lease:g} s")
        self._lease = lease

    def __repr__(self) -> str:
        return f"RedisTokenStore(<{self._clients.where}>)"

    @hides_locals
    async def load(self, user: str) -> OAuthToken | None:
        """Return the user's token; see `TokenStore.load`."""
        key = self._key(user)
        # As bytes, even from a client that decodes: a decoding error would contain the whole token.
        data: bytes | None = await self._explaining(
            self._clients.ask(lambda client: cast("Any", client).execute_command("GET", key, NEVER_DECODE=True))
        )
        if data is None:
            return None
        try:
            return decode(data, OAuthToken)
        except UnreadableError as error:
            reason = str(error)
        # Outside the handler: the error of the decoder can contain the whole token.
        raise OAuthError(
            f"The key {key.decode()!r} in {self._clients.where} does not hold a token: {reason}. Delete it, or choose "
            "another prefix, and let this user sign in again."
        )

    @hides_locals
    async def save(self, user: str, token: OAuthToken) -> None:
        """Save a token in Redis; see `TokenStore.save`."""
        check_oauth_token(token)
        key, data = self._key(user), encode(token)
        await self._explaining(self._clients.ask(lambda client: cast("Awaitable[object]", client.set(key, data))))

    async def delete(self, user: str) -> None:
        """Delete the user's token; see `TokenStore.delete`."""
        key = self._key(user)
        await self._explaining(self._clients.ask(lambda client: cast("Awaitable[object]", client.delete(key))))

    @asynccontextmanager
    async def lock(self, user: str) -> AsyncGenerator[None, None]:
        """Allow one renewal at a time; see `TokenStore.lock`. After ten minutes, raise an OAuthError.

        If the lock is lost, for example because Redis was restarted, the renewal continues, and a warning is logged.
        """
        lock = RedisLock(self._clients, self._key(user) + b":lock", self._lease, user)
        if not await self._explaining(lock.acquire()):
            raise OAuthError(
                f"The token of {user!r} was locked in {self._clients.where} for ten minutes by another process, which "
                "may be hanging: end it, and try again."
            )
        try:
            yield
        finally:
            await lock.release()

    def _key(self, user: str) -> bytes:
        check_text("user", user)
        # The braces keep a token and its lock on one node of a cluster, and the user "ada:lock" from the lock of "ada".
        return f"{self._prefix}:{{{user}}}".encode()

    async def _explaining(self, answer: Awaitable[T]) -> T:
        """Await an answer of Redis; raise an OAuthError if Redis fails."""
        try:
            return await answer
        except RedisFailedError as error:
            reason = str(error)
        # Redis quotes the arguments of an unknown command, and SET can have been renamed there.
        if "access_token" in reason:
            reason = f"{self._clients.where} refused the command"
        raise OAuthError(
            f"The token store's {reason}. Check that it runs, that its address, user and password are right, and that "
            f"nothing else uses keys which begin with {self._prefix!r}."
        )


class RedisLock:
    """The lock of a user's token. It is extended every third of its lease, and released only by its owner.

    If it is lost, a warning is logged and the renewal continues, because a new token that is not saved is lost. If two
    renewals run at once, the service accepts one, and OAuth2 reads its token from the store in the other.
    """

    def __init__(self, clients: RedisClients, key: bytes, lease: float, user: str) -> None:
        self._clients = clients
        self._key = key
        self._lease = lease
        self._user = user
        # Chosen before the lock is taken, so that it can be released when the caller is cancelled while taking it.
        self._owner = secrets.token_hex(16).encode()
        self._released = asyncio.Event()
        self._warned = False

    async def acquire(self) -> bool:
        """Wait until the lock is free, take it, and keep it from then on; return False if that takes too long."""
        time = asyncio.get_running_loop().time
        end = time() + _LOCK_TIMEOUT
        try:
            while not await self._clients.ask(self._take):
                if time() >= end:
                    return False
                await asyncio.sleep(_POLL_INTERVAL)
        except asyncio.CancelledError:
            with suppress(RedisFailedError):
                await _shielded(self._clients.ask(self._give_up))
            raise
        self._keeper = asyncio.create_task(self._keep())
        return True

    async def release(self) -> None:
        """Release the lock; log if it was lost or Redis fails. A cancellation is delayed until then."""
        self._released.set()
        await _shielded(self._finish())

    async def _keep(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._lease / 3):
                    await self._released.wait()
            if self._released.is_set():
                return
            try:
                if not await self._clients.ask(self._extend):
                    self._warn_of_loss()
                    # Take it again, unless another process already has.
                    await self._clients.ask(self._take)
            except RedisFailedError as error:
                self._warn(f"can't be kept now; the renewal continues: {error}")

    async def _finish(self) -> None:
        # Until its task has ended, it could take the lock again.
        await asyncio.wait([self._keeper])
        try:
            if not await self._clients.ask(self._give_up):
                self._warn_of_loss()
        except RedisFailedError as error:
            self._warn(f"can't be released, and is free in {self._lease:g} s: {error}")

    async def _take(self, client: "Redis") -> bool:
        lock = self._lock(client)
        # redis-py repeats a command when the answer is lost, so the lock may already belong to this owner.
        return await lock.acquire(blocking=False, token=self._owner) or await self._extend(client)

    async def _extend(self, client: "Redis") -> bool:
        return await _run_as_owner(self._lock(client).reacquire())

    async def _give_up(self, client: "Redis") -> bool:
        return await _run_as_owner(self._lock(client).release())

    def _lock(self, client: "Redis") -> "Lock":
        from redis.asyncio.lock import Lock

        # A new object for each step, because redis-py forgets the token when it releases a lock.
        lock = Lock(client, self._key, timeout=self._lease, thread_local=False)
        lock.local.token = self._owner
        return lock

    def _warn_of_loss(self) -> None:
        self._warn(
            f"was lost; the renewal continues: {self._clients.where} was restarted or emptied, or this process was "
            f"stopped for {self._lease:g} s"
        )

    def _warn(self, problem: str) -> None:
        if not self._warned:
            _log.warning("The lock of the token of %r %s.", self._user, problem.removesuffix("."))
        self._warned = True


async def _run_as_owner(operation: Awaitable[object]) -> bool:
    """Run an operation that only the owner of a lock may do, and return whether the owner still has the lock."""
    from redis.exceptions import LockNotOwnedError

    try:
        await operation
    except LockNotOwnedError:
        return False
    return True


async def _shielded(work: Coroutine[Any, Any, object]) -> None:
    """Run short work to its end; a cancellation in the meantime is raised after that."""
    task = asyncio.create_task(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    try:
        task.result()
    finally:
        if cancelled is not None:
            raise cancelled
