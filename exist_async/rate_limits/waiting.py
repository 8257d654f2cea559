"""Lets callers in one after another, wherever the window is kept."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Hashable

from exist_async._checks import check_function, check_int, check_seconds
from exist_async.errors import RateLimitError

_log = logging.getLogger("exist_async")

# Seconds after which the first in line asks again. Other processes give slots back too, and clocks jump.
_LONGEST_SLEEP = 60.0
# Seconds. Who was promised a slot is not sent away for want of so little: sleeps end a little early or late.
_SLACK = 0.1


class _Line:
    """The callers of one user on one event loop, in the order in which they came."""

    __slots__ = ("asking", "turns")

    def __init__(self) -> None:
        self.turns: deque[asyncio.Future[None]] = deque()
        self.asking = asyncio.Lock()

    def leave(self, turn: "asyncio.Future[None]") -> None:
        """Leave, from wherever in the line; whoever is first then is woken, and nobody else."""
        self.turns.remove(turn)
        if self.turns and not self.turns[0].done():
            self.turns[0].set_result(None)


class WaitingRateLimiter(ABC):
    """A rate limiter whose callers wait in line: first come, first let in, and only the first asks for a slot.

    Args:
        limit: Requests in a period.
        period: The length of the window in seconds.
        max_waiting: Callers that may wait for one user's budget at once.
        clock: Seconds that only ever grow.
        sleep: Waits for some seconds.
    """

    def __init__(
        self,
        limit: int,
        period: float,
        *,
        max_waiting: int,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]],
    ) -> None:
        check_int("limit", limit, least=1)
        check_seconds("period", period)
        check_int("max_waiting", max_waiting, least=1)
        check_function("clock", clock)
        check_function("sleep", sleep)
        self._limit = limit
        self._period = period
        self._max_waiting = max_waiting
        self._clock = clock
        self._sleep = sleep
        self._lines: dict[tuple[asyncio.AbstractEventLoop, Hashable], _Line] = {}

    async def acquire(self, user: Hashable, *, max_wait: float | None) -> None:
        """Take one slot of the user's budget, as `RateLimiter.acquire` has it, in the order of the calls."""
        loop = asyncio.get_running_loop()
        # Other threads have lines of their own: what a future wakes is of one loop.
        line = self._lines.get((loop, user))
        if line is None:
            line = self._lines[loop, user] = _Line()
        if len(line.turns) >= self._max_waiting:
            raise RateLimitError(
                f"{self._max_waiting} requests wait for this user's budget already. Send fewer at once, or raise the "
                "rate limiter's max_waiting.",
                retry_after=None,
                status_code=None,
            )
        turn = loop.create_future()
        line.turns.append(turn)
        try:
            await self._wait(user, line, turn, max_wait)
        finally:
            line.leave(turn)
            if not line.turns:
                del self._lines[loop, user]

    @abstractmethod
    async def refund(self, user: Hashable, *, hold: float) -> None:
        """Give a slot back and hold this user's requests, as `RateLimiter.refund` has it."""
        ...

    @abstractmethod
    async def remaining(self, user: Hashable) -> int:
        """Return how many of this user's requests can go now without waiting."""
        ...

    @abstractmethod
    async def _take(self, user: Hashable, ahead: int) -> float:
        """Take a slot and return 0, or return the seconds until one is free.

        Args:
            user: Whose.
            ahead: How many others come first. With any, no slot is taken: it is only asked when one would be free.
        """
        ...

    async def _pause(self, seconds: float) -> None:
        """Sleep until a slot may be free."""
        await self._sleep(min(seconds, _LONGEST_SLEEP))

    async def _wait(self, user: Hashable, line: _Line, turn: "asyncio.Future[None]", max_wait: float | None) -> None:
        start = self._clock()
        slack = 0.0
        told = False
        while True:
            # One at a time: who was let in has left the line when the next one counts those ahead.
            async with line.asking:
                ahead = line.turns.index(turn)
                # Whoever waits as long as it takes need not know how long that is.
                wait = 0.0 if ahead and max_wait is None else await self._take(user, ahead)
            if wait <= 0 and ahead == 0:
                return
            patience = None
            if max_wait is not None:
                patience = max_wait + slack - (self._clock() - start)
                if wait > patience or patience <= 0:
                    raise self._too_long(wait, max_wait)
            slack = _SLACK
            if ahead == 0 and not told:
                told = True
                _log.info(
                    "The budget of %d requests in %.0f s is spent: waiting %.1f s", self._limit, self._period, wait
                )
            if ahead == 0:
                await self._pause(wait)
            else:
                await asyncio.wait([turn], timeout=patience)

    def _too_long(self, wait: float, max_wait: float) -> RateLimitError:
        return RateLimitError(
            f"The budget of {self._limit} requests in {self._period:.0f} s is spent: the next one can be sent "
            f"in {wait:.0f} s, and this call waits no longer than {max_wait:g} s. Call again then, or raise max_wait "
            "(and deadline, where there is one).",
            retry_after=wait,
            status_code=None,
        )
