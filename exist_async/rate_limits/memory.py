"""A rate limiter that keeps its window in this process's memory."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress
from threading import Lock

from exist_async.rate_limits.queue import QueuedRateLimiter
from exist_async.rate_limits.slots import LONGEST_FLIGHT, Slot, Slots, current_slots
from exist_async.rate_limits.window import Window

# Number of users from which those with an empty window are removed, all at once.
_SWEEP_AT = 1024


class MemoryRateLimiter(QueuedRateLimiter):
    """Allows at most `limit` requests of a user in any `period` seconds, counted in this process alone.

    The default is Exist's own rule: 300 an hour in an exact moving window. The slot of a client's request is free a
    period after the answer: Exist counted the request at some time before that. A slot that you take yourself with
    `acquire` is free a period after it was taken.

    Args:
        limit: Requests in a period.
        period: Length of the window in seconds.
        max_waiting: Number of callers that may wait for one user's budget; further ones get a RateLimitError.
        clock: Monotonic clock, in seconds.
        sleep: Async function that waits for a number of seconds.

    Raises:
        ConfigurationError: An argument is wrong.
    """

    def __init__(
        self,
        limit: int = 300,
        period: float = 3600.0,
        *,
        max_waiting: int = 1000,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        # Without jitter: no other process waits for the same slots.
        super().__init__(limit, period, max_waiting, clock, sleep, fraction=lambda: 0.0)
        self._windows: dict[Hashable, Window] = {}
        self._sweep_at = _SWEEP_AT
        # Threads may share the limiter, each with an event loop of its own.
        self._lock = Lock()

    def __repr__(self) -> str:
        return f"MemoryRateLimiter(limit={self._limit}, period={self._period})"

    async def acquire(self, user: Hashable, *, max_wait: float | None) -> None:
        """Take one slot of the user's budget in order of arrival; see `RateLimiter.acquire`."""
        # Taking a slot in memory never suspends, so the queue is only needed while others wait or no slot is free.
        is_queued = self._queues and (asyncio.get_running_loop(), user) in self._queues
        if is_queued or self._take_now(user, 0) > 0:
            await super().acquire(user, max_wait=max_wait)

    async def refund(self, user: Hashable, *, hold: float) -> None:
        """Return a slot and hold this user's requests; see `RateLimiter.refund`."""
        with self._lock:
            now = self._clock()
            window = self._window(user, now)
            slots = current_slots.get()
            if slots is None:
                if window.taken:
                    window.taken.pop()
            elif self in slots:
                with suppress(ValueError):  # it was given up
                    window.in_flight.remove(slots.pop(self).mark)
            # A whole period frees every slot, so a longer hold can't be right.
            window.held_until = max(window.held_until, now + min(hold, self._period))

    async def settle(self, slots: Slots) -> None:
        """Count a request of the client from now on."""
        slot = slots.pop(self)
        with self._lock:
            now = self._clock()
            window = self._windows.get(slot.user) or self._window(slot.user, now)
            with suppress(ValueError):  # it was given up
                window.in_flight.remove(slot.mark)
            window.taken.append(now)

    async def remaining(self, user: Hashable) -> int:
        """Return the number of this user's requests that can be sent now without waiting."""
        with self._lock:
            window = self._windows.get(user)
            return self._limit if window is None else window.free(self._clock())

    async def _take(self, user: Hashable, ahead: int) -> float:
        return self._take_now(user, ahead)

    def _take_now(self, user: Hashable, ahead: int) -> float:
        with self._lock:
            now = self._clock()
            window = self._window(user, now)
            wait = window.wait(now, ahead)
            if wait <= 0 and ahead == 0:
                slots = current_slots.get()
                if slots is None:
                    window.taken.append(now)
                else:
                    window.in_flight.append(now + LONGEST_FLIGHT)
                    slots[self] = Slot(user, now + LONGEST_FLIGHT)
            return wait

    def _window(self, user: Hashable, now: float) -> Window:
        window = self._windows.get(user)
        if window is None:
            if len(self._windows) >= self._sweep_at:
                self._windows = {user: window for user, window in self._windows.items() if not window.is_empty(now)}
                # Doubling keeps the cost of sweeping proportional to the number of active users.
                self._sweep_at = max(_SWEEP_AT, 2 * len(self._windows))
            window = self._windows[user] = Window(self._limit, self._period)
        return window
