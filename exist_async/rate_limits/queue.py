"""Base classes of the rate limiters: they queue the callers that wait for a free slot."""

import asyncio
import hashlib
import logging
import re
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress
from typing import Literal, TypeVar

from attrs import define, field

from exist_async._checks import check_function, check_int, check_seconds, safe_repr
from exist_async.errors import ConfigurationError, RateLimitError
from exist_async.rate_limits.slots import Slot, Slots, current_slots

T = TypeVar("T")

Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[object]]

WhenUnavailable = Literal["stop", "go_on"]
"""Whether requests are refused or sent without a budget while the store fails."""

_log = logging.getLogger("exist_async")

# Seconds after which the first waiter tries again: other processes return slots too, and clocks are adjusted.
_LONGEST_SLEEP = 60.0
# Seconds by which a caller that has begun to wait may exceed its `max_wait`, because sleeps end early or late.
_TOLERANCE = 0.1
# Seconds for which a store that failed is not called again, so that queued callers do not each wait for its timeout.
_STORE_PAUSE = 3.0
# Most seconds that are added to a sleep, so that processes that wait for the same slot do not all wake at once.
_JITTER = 0.05
_PLAIN_NAME = re.compile(r"[\w.@-]{1,64}", re.ASCII)


class StoreUnavailableError(Exception):
    """The store of the window can't be used. The message contains the reason and the remedy."""


@define(eq=False)
class _Queue:
    """The waiting callers of one user on one event loop, in order of arrival."""

    waiters: deque[asyncio.Future[None]] = field(factory=deque[asyncio.Future[None]])
    asking: asyncio.Lock = field(factory=asyncio.Lock)


class QueuedRateLimiter(ABC):
    """A rate limiter with a first-in, first-out queue for each user. The arguments are those of `MemoryRateLimiter`."""

    def __init__(
        self, limit: int, period: float, max_waiting: int, clock: Clock, sleep: Sleep, fraction: Callable[[], float]
    ) -> None:
        check_int("limit", limit, least=1)
        check_seconds("period", period)
        check_int("max_waiting", max_waiting, least=1)
        check_function("clock", clock)
        check_function("sleep", sleep)
        check_function("fraction", fraction)
        self._limit = limit
        self._period = period
        self._max_waiting = max_waiting
        self._clock = clock
        self._sleep = sleep
        self._fraction = fraction
        # Keyed by event loop too, because a future can only be awaited on its own loop.
        self._queues: dict[tuple[asyncio.AbstractEventLoop, Hashable], _Queue] = {}

    async def acquire(self, user: Hashable, *, max_wait: float | None) -> None:
        """Take one slot of the user's budget in order of arrival; see `RateLimiter.acquire`."""
        loop = asyncio.get_running_loop()
        queue = self._queues.setdefault((loop, user), _Queue())
        if len(queue.waiters) >= self._max_waiting:
            raise RateLimitError(
                f"{self._max_waiting} requests are already waiting for this user's budget. Send fewer at once, or "
                "raise the rate limiter's max_waiting."
            )
        waiter = loop.create_future()
        queue.waiters.append(waiter)
        try:
            await self._wait(user, queue, waiter, max_wait)
        finally:
            queue.waiters.remove(waiter)
            if not queue.waiters:
                del self._queues[loop, user]
            elif not queue.waiters[0].done():
                queue.waiters[0].set_result(None)

    @abstractmethod
    async def settle(self, slots: Slots) -> None:
        """Count a request of the client, whose slot is removed from `slots`, from now on: its answer has come."""

    @abstractmethod
    async def _take(self, user: Hashable, ahead: int) -> float:
        """Take a slot if one is free and no caller is `ahead`; return the seconds until one is free, 0 for now."""

    async def _wait(
        self, user: Hashable, queue: _Queue, waiter: "asyncio.Future[None]", max_wait: float | None
    ) -> None:
        start = self._clock()
        tolerance = 0.0
        logged = False
        while True:
            # One at a time: the caller before has then left the queue, and the position below is current.
            async with queue.asking:
                ahead = queue.waiters.index(waiter)
                # Without a `max_wait`, the length of the wait makes no difference.
                wait = 0.0 if ahead and max_wait is None else await self._take(user, ahead)
            if wait <= 0 and ahead == 0:
                return
            time_left = None
            if max_wait is not None:
                time_left = max_wait + tolerance - (self._clock() - start)
                if wait > time_left or time_left <= 0:
                    raise RateLimitError(
                        f"The budget of {self._limit} requests in {self._period:.0f} s is spent: the next one can be "
                        f"sent in {wait:.0f} s, and this call waits no longer than {max_wait:g} s. Call again then, or "
                        "raise max_wait (and deadline, if there is one).",
                        retry_after=wait,
                    )
            tolerance = _TOLERANCE
            if ahead:
                await asyncio.wait([waiter], timeout=time_left)
                continue
            if not logged:
                logged = True
                _log.info(
                    "The budget of %d requests in %.0f s is spent: waiting %.1f s", self._limit, self._period, wait
                )
            await self._sleep(min(wait + self._fraction() * _JITTER, _LONGEST_SLEEP))


class StoredRateLimiter(QueuedRateLimiter):
    """A rate limiter that keeps its window in a store that can fail. The arguments are those of `SqliteRateLimiter`."""

    def __init__(
        self,
        limit: int,
        period: float,
        max_waiting: int,
        clock: Clock,
        sleep: Sleep,
        fraction: Callable[[], float],
        when_unavailable: WhenUnavailable,
    ) -> None:
        super().__init__(limit, period, max_waiting, clock, sleep, fraction)
        if when_unavailable not in ("stop", "go_on"):
            raise ConfigurationError(f"when_unavailable must be 'stop' or 'go_on', not {safe_repr(when_unavailable)}")
        self._goes_on = when_unavailable == "go_on"
        self._failure: str | None = None
        self._paused_until = 0.0

    async def refund(self, user: Hashable, *, hold: float) -> None:
        """Return a slot and hold this user's requests; see `RateLimiter.refund`.

        While the store fails, the slot stays taken and nothing is held; a warning is logged and no error raised.
        """
        slots = current_slots.get()
        slot = None if slots is None else slots.pop(self, Slot(user))
        # The caller is about to report the 429, which matters more than a failure that is already logged.
        with suppress(RateLimitError):
            # A whole period frees every slot, so a longer hold can't be right.
            await self._call_store(None, self._refund_in_store, user, min(hold, self._period), slot)

    async def settle(self, slots: Slots) -> None:
        """Count a request from now on. While the store fails, it counts from a little later."""
        slot = slots.pop(self)
        # The request was answered, which matters more than a failure that is already logged.
        with suppress(RateLimitError):
            await self._call_store(None, self._settle_in_store, slot.user, slot)

    async def remaining(self, user: Hashable) -> int:
        """Return the number of requests that can be sent now. A store that fails is handled as in `acquire`."""
        return await self._call_store(self._limit, self._free_in_store, user)

    @abstractmethod
    async def _take_in_store(self, name: str, ahead: int, slot: Slot | None) -> float:
        """Take a slot or return the wait, as `_take` does; raise StoreUnavailableError if the store fails.

        If it is taken for a `slot`, the request is in flight until it is settled.
        """

    @abstractmethod
    async def _refund_in_store(self, name: str, hold: float, slot: Slot | None) -> None:
        """Return a slot, or the last one that is not in flight, and hold; raise StoreUnavailableError."""

    @abstractmethod
    async def _settle_in_store(self, name: str, slot: Slot) -> None:
        """Count a request from now on; raise StoreUnavailableError if the store fails."""

    @abstractmethod
    async def _free_in_store(self, name: str) -> int:
        """Return the number of free slots; raise StoreUnavailableError if the store fails."""

    async def _take(self, user: Hashable, ahead: int) -> float:
        slots = current_slots.get()
        if slots is None or ahead:
            return await self._call_store(0.0, self._take_in_store, user, ahead, None)
        # Entered before it is taken: if the caller is cancelled meanwhile, the store may take it all the same.
        slots[self] = Slot(user)
        try:
            wait = await self._call_store(0.0, self._take_in_store, user, ahead, slots[self])
        except ConfigurationError:
            del slots[self]
            raise
        if wait > 0:
            del slots[self]
        return wait

    async def _call_store(
        self, fallback: T, operation: Callable[..., Awaitable[T]], user: Hashable, *arguments: object
    ) -> T:
        """Return the store's answer; while it fails, return `fallback` or raise RateLimitError."""
        if not isinstance(user, str):
            raise ConfigurationError(
                f"a rate limiter shared by processes needs a user's name, not {type(user).__name__}: use an access "
                "token or an OAuth2 as auth, or a MemoryRateLimiter"
            )
        # Long or unusual names are hashed. Half a surrogate pair can't be encoded otherwise.
        name = user if _PLAIN_NAME.fullmatch(user) else hashlib.sha256(user.encode(errors="surrogatepass")).hexdigest()
        cause: StoreUnavailableError | None = None
        if self._failure is None or self._clock() >= self._paused_until:
            try:
                answer = await operation(name, *arguments)
                self._failure = None
                return answer
            except StoreUnavailableError as error:
                if self._failure is None:
                    consequence = "are sent without a budget" if self._goes_on else "are refused"
                    _log.warning("%s Until it works again, requests %s.", error, consequence)
                cause = error
                self._failure = str(error)
                self._paused_until = self._clock() + _STORE_PAUSE
        if self._goes_on:
            return fallback
        raise RateLimitError(
            f"{self._failure} Nothing was sent; with when_unavailable='go_on' requests are sent without a budget."
        ) from cause
