"""A moving window in Redis, which several processes and machines share."""

import asyncio
import math
import random
import secrets
import time
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self, cast

from exist_async._checks import check_seconds, check_text
from exist_async._redis import RedisFailedError, clients_for
from exist_async.rate_limits.redis_scripts import FREE, GIVE_BACK, TAKE
from exist_async.rate_limits.stored import StoredRateLimiter, StoreUnavailableError, WhenUnavailable

if TYPE_CHECKING:
    from redis.asyncio import Redis

_MICROSECONDS = 1_000_000


class RedisRateLimiter(StoredRateLimiter):
    """Lets in at most `limit` requests of a user in any `period` seconds, counted over all that share a Redis.

    The time is that of the Redis server, so that the clocks of its clients don't matter. Each slot costs one round
    trip, and two keys for each user, which expire. All who share it must have the same limit and period. Whoever makes
    one closes it, with `async with` or `aclose()`.

    Args:
        redis: A URL (`redis://`, `rediss://` or `unix://`), for which it opens its own connections on each event loop
            that uses it; its password appears in no repr, log or error. Or a `redis.asyncio.Redis` of yours, which is
            of one event loop, and is never closed here.
        limit: Requests in a period.
        period: The length of the window in seconds.
        prefix: What the names of its keys begin with.
        when_unavailable: What becomes of requests when Redis fails: "stop" raises RateLimitError, "go_on" sends them
            without a budget and logs a warning.
        timeout: Seconds in which Redis has to answer.
        max_waiting: Callers that may wait for one user's budget at once; one more gets a RateLimitError.
        clock: Seconds that only ever grow.
        sleep: Waits for some seconds.
        fraction: Gives random numbers from 0 to 1, so that processes don't wake at once.

    Raises:
        ConfigurationError: An argument is wrong, or the package redis is not installed. Its methods raise it for a user
            who is no string, and where a `Redis` of yours is used on a second event loop.
    """

    def __init__(
        self,
        redis: "str | Redis",
        limit: int = 300,
        period: float = 3600.0,
        *,
        prefix: str = "exist_async:rate_limit",
        when_unavailable: WhenUnavailable = "stop",
        timeout: float = 2.0,
        max_waiting: int = 1000,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        fraction: Callable[[], float] = random.random,
    ) -> None:
        super().__init__(
            limit,
            period,
            when_unavailable=when_unavailable,
            max_waiting=max_waiting,
            clock=clock,
            sleep=sleep,
            fraction=fraction,
        )
        check_text("prefix", prefix)
        check_seconds("timeout", timeout)
        self._prefix = prefix
        self._clients = clients_for(redis, timeout, type(self).__name__)

    def __repr__(self) -> str:
        return f"RedisRateLimiter(<{self._clients.where}>, limit={self._limit}, period={self._period})"

    async def aclose(self) -> None:
        """Close its own connections; a `Redis` of yours stays open. Those of other event loops close there."""
        await self._clients.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _take_in_store(self, name: str, ahead: int) -> float:
        # By this mark Redis knows a slot again when redis-py asks twice, for want of the first answer.
        mark = secrets.token_hex(8)
        return await self._run(TAKE, name, ahead, mark) / _MICROSECONDS

    async def _give_back_in_store(self, name: str, hold: float) -> None:
        await self._run(GIVE_BACK, name, math.ceil(hold * 1000))

    async def _free_in_store(self, name: str) -> int:
        return await self._run(FREE, name)

    async def _run(self, script: str, name: str, *arguments: int | str) -> int:
        # The braces keep both keys on one node of a cluster.
        keys = (f"{self._prefix}:{{{name}}}:taken", f"{self._prefix}:{{{name}}}:held")
        period = int(self._period * _MICROSECONDS)

        async def evaluate(client: "Redis") -> int:
            # By its text and not by its hash: that is one round trip, after a restart or a failover too.
            answer = client.eval(script, len(keys), *keys, self._limit, period, *arguments)
            return int(await cast("Awaitable[int]", answer))

        try:
            return await self._clients.ask(evaluate)
        except RedisFailedError as error:
            why = str(error)
        raise StoreUnavailableError(
            f"The budget's {why}. See that it runs, and that its address, user and password are right."
        )
