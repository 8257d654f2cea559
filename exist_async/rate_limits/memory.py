"""A moving window in this process's memory."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Hashable

from exist_async._http import checks
from exist_async.errors import RateLimitError

# Users whose windows have run empty are forgotten in bulk, once this many are remembered.
_SWEEP_AT = 1024


class _Window:
    """One user's requests of the last period, oldest first, and until when all of them are held back."""

    __slots__ = ("held_until", "taken")

    def __init__(self) -> None:
        self.taken: deque[float] = deque()
        self.held_until = 0.0


class MemoryRateLimiter:
    """Lets in at most `limit` requests of a user in any `period` seconds. It knows of this process alone.

    Exist's own rule is the default: 300 in an hour, in an exact moving window, so that a budget spent at once comes
    back all at once an hour later, and one spent evenly comes back evenly.

    Args:
        limit: Requests in a period.
        period: The length of the window in seconds.
        clock: Seconds that only ever grow.
        sleep: Waits for some seconds.
    """

    def __init__(
        self,
        limit: int = 300,
        period: float = 3600.0,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        checks.whole("limit", limit, least=1)
        checks.seconds("period", period)
        self._limit = limit
        self._period = period
        self._clock = clock
        self._sleep = sleep
        self._windows: dict[Hashable, _Window] = {}
        self._sweep_at = _SWEEP_AT

    def __repr__(self) -> str:
        return f"MemoryRateLimiter(limit={self._limit}, period={self._period})"

    async def acquire(self, user: Hashable, *, max_wait: float | None) -> None:
        """Take one slot of the user's budget, as `RateLimiter.acquire` has it."""
        waited = 0.0
        while (wait := self._take(user)) > 0:
            if max_wait is not None and waited + wait > max_wait:
                raise RateLimitError(
                    f"The budget of {self._limit} requests in {self._period:.0f} s is spent: the next one can be sent "
                    f"in {wait:.0f} s, longer than max_wait ({max_wait:.0f} s). Call again then, or raise max_wait.",
                    retry_after=wait,
                    status_code=None,
                )
            await self._sleep(wait)
            waited += wait

    async def refund(self, user: Hashable, *, hold: float) -> None:
        """Give a slot back and hold this user's requests, as `RateLimiter.refund` has it."""
        window = self._window(user)
        if window.taken:
            window.taken.pop()
        # By the rule, a whole period frees every slot: whoever asks for more is not to be believed.
        window.held_until = max(window.held_until, self._clock() + min(hold, self._period))

    def _take(self, user: Hashable) -> float:
        """Take a slot and return 0, or return the seconds until one may be free."""
        now = self._clock()
        window = self._window(user)
        if now < window.held_until:
            return window.held_until - now
        self._forget(window, now)
        if len(window.taken) >= self._limit:
            return window.taken[0] + self._period - now
        window.taken.append(now)
        return 0.0

    def _window(self, user: Hashable) -> _Window:
        window = self._windows.get(user)
        if window is None:
            if len(self._windows) >= self._sweep_at:
                self._sweep()
            window = self._windows[user] = _Window()
        return window

    def _forget(self, window: _Window, now: float) -> None:
        while window.taken and window.taken[0] + self._period <= now:
            window.taken.popleft()

    def _sweep(self) -> None:
        now = self._clock()
        for user, window in list(self._windows.items()):
            self._forget(window, now)
            if not window.taken and window.held_until <= now:
                del self._windows[user]
        # Doubling keeps the cost of sweeping in proportion to the number of users who are really there.
        self._sweep_at = max(_SWEEP_AT, 2 * len(self._windows))
