"""A rate limiter that keeps its window in Redis, shared by processes on several machines."""

import asyncio
import math
import random
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, cast

from exist_async._redis import RedisBacked, RedisFailedError
from exist_async._secrets import hides_locals
from exist_async.rate_limits.queue import StoredRateLimiter, StoreUnavailableError, WhenUnavailable
from exist_async.rate_limits.slots import LONGEST_FLIGHT, Slot

if TYPE_CHECKING:
    from redis.asyncio import Redis, RedisCluster

_MICROSECONDS = 1_000_000
_FLIGHT = int(LONGEST_FLIGHT * _MICROSECONDS)

# Each script is one step, by the clock of the server. KEYS: a sorted set with an entry for each request, scored by the
# time from which it counts, in microseconds (one that is in flight: the time at which it is given up), and a key that
# exists while all requests are held. ARGV: the limit, the period and the longest flight in microseconds, and the
# arguments of the script.
_WINDOW = """
local taken, held = KEYS[1], KEYS[2]
local limit, period, flight = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local milliseconds = math.ceil(period / 1000)
redis.call('ZREMRANGEBYSCORE', taken, '-inf', now - period)
-- The clock was set back, or another server took over: these requests were sent before now.
for _, mark in ipairs(redis.call('ZRANGEBYSCORE', taken, now + flight + 1, '+inf')) do
  redis.call('ZADD', taken, now, mark)
end
if redis.call('PTTL', held) > milliseconds then
  redis.call('PEXPIRE', held, milliseconds)
end
local hold = math.max(redis.call('PTTL', held), 0) * 1000
local function count(mark, moment)
  redis.call('ZADD', taken, moment, mark)
  local last = tonumber(redis.call('ZREVRANGE', taken, 0, 0, 'WITHSCORES')[2])
  redis.call('PEXPIRE', taken, milliseconds + math.ceil((last - now) / 1000))
end
"""

# Takes a slot and returns 0, or returns the microseconds until one is free after `ahead` others. The slot is given up
# some microseconds later than others would be: those of a flight, or 0.
_TAKE = f"""{_WINDOW}
local ahead, mark, later_by = tonumber(ARGV[4]), ARGV[5], tonumber(ARGV[6])
-- Sent again because the first answer was lost.
if redis.call('ZSCORE', taken, mark) then
  return 0
end
local free = limit - redis.call('ZCARD', taken)
local wait = 0
if ahead >= free then
  local later = ahead - math.max(free, 0)
  local index = later % limit + math.max(-free, 0)
  local leaves = math.min(now, tonumber(redis.call('ZRANGE', taken, index, index, 'WITHSCORES')[2] or now))
  wait = leaves + (math.floor(later / limit) + 1) * period - now
end
wait = math.max(wait, hold)
if wait <= 0 and ahead == 0 then
  count(mark, now + later_by)
end
return wait
"""

# Returns the slot with a mark, or the last that is not in flight, and holds all requests for a number of milliseconds.
_REFUND = f"""{_WINDOW}
local wanted, mark = tonumber(ARGV[4]), ARGV[5]
redis.call('ZREM', taken, mark or redis.call('ZREVRANGEBYSCORE', taken, now, '-inf', 'LIMIT', 0, 1)[1] or '')
if wanted * 1000 > hold then
  redis.call('SET', held, '', 'PX', wanted)
end
return 0
"""

# Counts the request with a mark from now on.
_SETTLE = f"""{_WINDOW}
count(ARGV[4], now)
return 0
"""

# Returns the number of free slots.
_FREE = f"""{_WINDOW}
if hold > 0 then
  return 0
end
return math.max(limit - redis.call('ZCARD', taken), 0)
"""


@hides_locals
class RedisRateLimiter(RedisBacked, StoredRateLimiter):
    """Allows at most `limit` requests of a user in any `period` seconds, counted over all that share a Redis.

    Times are those of the Redis server. A request costs two round trips, and a user two keys, which expire. All that
    share the budget must use the same limit and period. Close the limiter with `async with` or `aclose()`.

    The arguments that are missing here are those of `MemoryRateLimiter`.

    Args:
        redis: A URL (`redis://`, `rediss://` or `unix://`), from which it opens its own connections on each event loop
            that uses it; its password appears in no repr, log or error. Or a `redis.asyncio.Redis` or `RedisCluster`
            of your own, which belongs to one event loop and is never closed here.
        prefix: Start of the names of its keys.
        when_unavailable: Whether requests are refused or sent while Redis fails: "stop" raises RateLimitError, "go_on"
            sends them without a budget and logs a warning.
        timeout: Seconds within which Redis must answer each command.
        fraction: Returns random numbers from 0 to 1, so that processes do not wake at once.

    Raises:
        ConfigurationError: An argument is wrong, or the package redis is not installed. Its methods raise it for a user
            who is not a string, and when a client of your own is used on a second event loop.
    """

    def __init__(
        self,
        redis: "str | Redis | RedisCluster",
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
        StoredRateLimiter.__init__(self, limit, period, max_waiting, clock, sleep, fraction, when_unavailable)
        RedisBacked.__init__(self, redis, prefix, timeout)

    def __repr__(self) -> str:
        return f"RedisRateLimiter(<{self._clients.where}>, limit={self._limit}, period={self._period})"

    async def _take_in_store(self, name: str, ahead: int, slot: Slot | None) -> float:
        # A unique mark, because redis-py sends a command again when the connection drops before the answer.
        mark = secrets.token_hex(8)
        if slot is not None:
            slot.mark = mark
        return await self._run(_TAKE, name, ahead, mark, 0 if slot is None else _FLIGHT) / _MICROSECONDS

    async def _refund_in_store(self, name: str, hold: float, slot: Slot | None) -> None:
        marks = () if slot is None else (slot.mark or "none",)
        await self._run(_REFUND, name, math.ceil(hold * 1000), *marks)

    async def _settle_in_store(self, name: str, slot: Slot) -> None:
        # Without a mark it was sent while Redis failed; it counts all the same.
        await self._run(_SETTLE, name, slot.mark or secrets.token_hex(8))

    async def _free_in_store(self, name: str) -> int:
        return await self._run(_FREE, name)

    async def _run(self, script: str, name: str, *arguments: int | str) -> int:
        # The braces keep both keys on one node of a cluster.
        keys = (f"{self._prefix}:{{{name}}}:taken", f"{self._prefix}:{{{name}}}:held")
        period = int(self._period * _MICROSECONDS)
        try:
            # EVAL, not EVALSHA: one round trip even after a restart or a failover.
            return await self._clients.ask(
                lambda client: cast(
                    "Awaitable[int]", client.eval(script, len(keys), *keys, self._limit, period, _FLIGHT, *arguments)
                )
            )
        except RedisFailedError as error:
            reason = str(error)
        raise StoreUnavailableError(
            f"The rate limiter's {reason}. Check that it runs, and that its address, user and password are right."
        )
