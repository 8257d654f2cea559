"""A lock in Redis that outlives whatever its owner does, and not its owner's process."""

import asyncio
import logging
import secrets
from collections.abc import Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from exist_async._redis import RedisClients, RedisFailedError

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.asyncio.lock import Lock

# Seconds. A renewal can take as long as its requests, each with its timeout, and again.
_LONGEST_RENEWAL = 600.0
# Seconds between two looks at a lock that another holds.
_LOOK = 0.1

_log = logging.getLogger("exist_async")


class RedisLock:
    """Keeps a lock by renewing its lease, three times in each, and gives back no lock but its own.

    What it guards goes on when the lease is lost, since a new token that is not saved is lost for good: a warning says
    so, once. Two renewals may run at once then. The service accepts a refresh token once, so that one of them gets the
    new token; OAuth2 reads the store again in the other.

    Args:
        clients: Where Redis is.
        key: The lock's name.
        lease: Seconds after which it is free when its process has died.
        what: What it guards, for the log.
    """

    def __init__(self, clients: RedisClients, key: bytes, lease: float, what: str) -> None:
        self._clients = clients
        self._key = key
        self._lease = lease
        self._what = what
        # Known before it is taken: whoever is cancelled meanwhile can't know whether it was, and gives it back.
        self._owner = secrets.token_hex(16).encode()
        self._over = asyncio.Event()
        self._warned = False

    async def acquire(self) -> None:
        """Wait until it is free, and keep it from then on.

        Raises:
            TimeoutError: Others held it for ten minutes.
            RedisFailedError: Redis failed. What it may have taken all the same ends with its lease.
        """
        time = asyncio.get_running_loop().time
        end = time() + _LONGEST_RENEWAL
        try:
            while not await self._clients.ask(self._take):
                if time() >= end:
                    raise TimeoutError
                await asyncio.sleep(_LOOK)
        except asyncio.CancelledError:
            await _to_its_end(self._forget())
            raise
        self._keeping = asyncio.create_task(self._keep())

    async def release(self) -> None:
        """Give it back; when it was lost, or Redis fails, the log has it. A cancellation waits until that is done."""
        self._over.set()
        await _to_its_end(self._end())

    async def _keep(self) -> None:
        while not await self._is_over_within(self._lease / 3):
            try:
                if not await self._clients.ask(self._extend):
                    self._warn_that_it_was_lost()
                    # Nobody has it, perhaps: from now on others wait again.
                    await self._clients.ask(self._take)
            except RedisFailedError as error:
                self._warn(f"can't be kept now, and what it guards goes on: {error}")

    async def _is_over_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._over.wait()
        return self._over.is_set()

    async def _end(self) -> None:
        # As long as it runs, it could take the lock again.
        await asyncio.wait([self._keeping])
        try:
            if not await self._clients.ask(self._give_back):
                self._warn_that_it_was_lost()
        except RedisFailedError as error:
            self._warn(f"can't be given back, and is free in {self._lease:g} s: {error}")

    async def _forget(self) -> None:
        with suppress(RedisFailedError):
            await self._clients.ask(self._give_back)

    async def _take(self, client: "Redis") -> bool:
        lock = self._lock(client)
        # redis-py asks twice, for want of the first answer: the lock can be this owner's since then.
        return await lock.acquire(blocking=False, token=self._owner) or await self._extend(client)

    async def _extend(self, client: "Redis") -> bool:
        from redis.exceptions import LockNotOwnedError

        try:
            return await self._lock(client).reacquire()
        except LockNotOwnedError:
            return False

    async def _give_back(self, client: "Redis") -> bool:
        from redis.exceptions import LockNotOwnedError

        try:
            await self._lock(client).release()
        except LockNotOwnedError:
            return False
        return True

    def _lock(self, client: "Redis") -> "Lock":
        from redis.asyncio.lock import Lock

        # Made anew for each step, because redis-py forgets whose it is in the middle of some.
        lock = Lock(client, self._key, timeout=self._lease, thread_local=False)
        lock.local.token = self._owner
        return lock

    def _warn_that_it_was_lost(self) -> None:
        self._warn(
            f"was lost, and what it guards goes on: {self._clients.where} was restarted or emptied, or this "
            f"process stood still for {self._lease:g} s"
        )

    def _warn(self, why: str) -> None:
        if not self._warned:
            _log.warning("The lock of %s %s.", self._what, why.removesuffix("."))
        self._warned = True


async def _to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Do something short to its end; a cancellation meanwhile comes after it."""
    task = asyncio.create_task(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
