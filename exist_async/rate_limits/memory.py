"""A moving window in this process's memory."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from threading import Lock

from exist_async.rate_limits.waiting import WaitingRateLimiter
from exist_async.rate_limits.window import Window

# Users whose windows have run empty are forgotten in bulk, once this many are remembered.
_SWEEP_AT = 1024


class MemoryRateLimiter(WaitingRateLimiter):
    """Lets in at most `limit` requests of a user in any `period` seconds. It knows of this process alone.

    Exist's own rule is the default: 300 in an hour, in an exact moving window, so that a budget spent at once comes
    back all at once an hour later, and one spent evenly comes back evenly.

    Args:
        limit: Requests in a period.
        period: The length of the window in seconds.
        max_waiting: Callers that may wait for one user's budget at once; one more gets a RateLimitError.
        clock: Seconds that only ever grow.
        sleep: Waits for some seconds.

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
        super().__init__(limit, period, max_waiting=max_waiting, clock=clock, sleep=sleep)
        self._windows: dict[Hashable, Window] = {}
        self._sweep_at = _SWEEP_AT
        # Threads may share it, each with an event loop of its own.
        self._changing = Lock()

    def __repr__(self) -> str:
        return f"MemoryRateLimiter(limit={self._limit}, period={self._period})"

    async def refund(self, user: Hashable, *, hold: float) -> None:
        """Give a slot back and hold this user's requests, as `RateLimiter.refund` has it."""
        with self._changing:
            # By the rule, a whole period frees every slot: whoever asks for more is not to be believed.
            self._window(user).give_back(self._clock(), min(hold, self._period))

    async def remaining(self, user: Hashable) -> int:
        """Return how many of this user's requests can go now without waiting."""
        with self._changing:
            window = self._windows.get(user)
            return self._limit if window is None else window.free(self._clock())

    async def _take(self, user: Hashable, ahead: int) -> float:
        with self._changing:
            now = self._clock()
            window = self._window(user)
            wait = window.wait(now, ahead)
            if wait <= 0 and ahead == 0:
                window.take(now)
            return wait

    def _window(self, user: Hashable) -> Window:
        window = self._windows.get(user)
        if window is None:
            if len(self._windows) >= self._sweep_at:
                self._sweep()
            window = self._windows[user] = Window(self._limit, self._period)
        return window

    def _sweep(self) -> None:
        now = self._clock()
        for user, window in list(self._windows.items()):
            window.forget(now)
            if not window.taken and window.held_until <= now:
                del self._windows[user]
        # Doubling keeps the cost of sweeping in proportion to the number of users who are really there.
        self._sweep_at = max(_SWEEP_AT, 2 * len(self._windows))
