"""Waits for the turn of a call's next attempt: for the budget, for pauses, and no longer than the call may wait."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable

import httpx

from exist_async._http.attempt import CLOSED
from exist_async._http.call import Call
from exist_async._http.course import Course
from exist_async._http.gates import Gate
from exist_async._http.options import Options
from exist_async._http.pool import Pool
from exist_async._http.reports import Reports
from exist_async._http.signing import user_of
from exist_async.errors import ClientClosedError, DeadlineExceededError, ExistAsyncError, RateLimitError
from exist_async.rate_limits import RateLimiter

# Seconds. What takes less was no wait.
_NO_WAIT = 0.01


class Turns:
    """What a session waits for.

    Args:
        pool: What all views share.
        auth: Whose budget it is.
        options: How long a call may wait, and what keeps the budget.
        sleep: Waits for some seconds.
        clock: Seconds that only ever grow.
    """

    __slots__ = ("_clock", "_pool", "_reports", "_sleep", "auth", "options")

    def __init__(
        self,
        pool: Pool,
        auth: httpx.Auth,
        options: Options,
        *,
        sleep: Callable[[float], Awaitable[object]],
        clock: Callable[[], float],
    ) -> None:
        self._pool = pool
        self.auth = auth
        self.options = options
        self._reports = Reports(auth, options.on_event)
        self._sleep = sleep
        self._clock = clock

    async def _turn(self, call: Call, course: Course) -> None:
        """Wait until the next attempt may be made.

        Raises:
            ClientClosedError: The client is closed.
            DeadlineExceededError: The call's deadline has passed.
            RateLimitError: Its turn does not come as long as it may wait.
        """
        if self._pool.closed:
            raise ClientClosedError(CLOSED)
        start = self._clock()
        self._check_deadline(call, course, start)
        try:
            await self._pool.waits.until(self._line_up(call, course))
        finally:
            self._count_wait(call, course, start)
        if course.waited:
            self._check_deadline(call, course, self._clock())
        course.attempt += 1

    async def _line_up(self, call: Call, course: Course) -> None:
        gate = self._pool.gates.of(self._budget_of(call)) if course.gate is None else None
        if gate is not None:
            await self._enter(gate, course)
        limiter = self._limiter_of(call)
        if limiter is not None:
            await limiter.acquire(self._user, max_wait=self._patience(course, self._clock()))

    async def _pause(self, course: Course, seconds: float, *, asked: bool) -> None:
        """Sleep before the next attempt.

        Args:
            course: How far the call has got.
            seconds: How long.
            asked: Whether the service has asked for the pause, so that it counts towards `max_wait`.
        """
        if asked:
            course.waited += seconds
        await self._pool.waits.until(self._asleep(seconds))

    async def _asleep(self, seconds: float) -> None:
        await self._sleep(seconds)

    async def _line_up_behind(self, call: Call, course: Course, error: ExistAsyncError, seconds: float) -> float:
        """After a 429, stand in line with the user's other calls, and return how much is left of a pause then."""
        if course.gate is not None:
            course.gate.narrow()
        else:
            gate = self._pool.gates.put_up(self._budget_of(call))
            gate.narrow()
            start = self._clock()
            await self._pool.waits.until(self._enter(gate, course, error))
            slept = min(seconds, self._clock() - start)
            course.waited += slept
            # Only what it would not have slept anyway is a wait for others.
            self._count_wait(call, course, start + seconds)
            seconds -= slept
        assert course.gate is not None
        course.let_through = course.gate.answered
        course.held_up = course.held_up or seconds > 0
        return seconds

    async def _enter(self, gate: Gate, course: Course, error: ExistAsyncError | None = None) -> None:
        """Go through a gate, or raise the error if it is not one's turn in time."""
        if not await gate.enter(self._patience(course, self._clock())):
            raise error or RateLimitError(
                "The service lets in no more requests of this user for now (429), and others of theirs wait already. "
                "Call again later, or raise max_wait.",
                retry_after=None,
                status_code=None,
            )
        course.gate = gate

    async def _before_the_deadline(self, call: Call, course: Course, waiting: Awaitable[object]) -> object:
        """Wait for something that has to be there before the next attempt can begin.

        Raises:
            DeadlineExceededError: The call's deadline came first.
        """
        if course.ends_at is None:
            return await waiting
        end = asyncio.timeout(max(0.0, course.ends_at - self._clock()))
        try:
            async with end:
                got = await waiting
        except TimeoutError:
            if not end.expired():
                raise
            raise self._too_late(call) from None
        self._check_deadline(call, course, self._clock())
        return got

    @property
    def _user(self) -> Hashable:
        return user_of(self.auth)

    def _budget_of(self, call: Call) -> Hashable:
        """Return what stands for the budget that a call takes from: of a user's reads and writes, or of both."""
        if self.options.rate_limiter is self.options.write_rate_limiter:
            return self._user
        return self._user, call.is_read

    def _limiter_of(self, call: Call) -> RateLimiter | None:
        return self.options.rate_limiter if call.is_read else self.options.write_rate_limiter

    def _count_wait(self, call: Call, course: Course, start: float) -> None:
        waited = self._clock() - start
        if waited > _NO_WAIT:
            course.waited += waited
            self._reports.wait(call, waited)

    def _patience(self, course: Course, now: float) -> float | None:
        """Return how long the call may wait for its turn from now on; None is as long as it takes."""
        max_wait = self.options.max_wait
        patience = None if max_wait is None else max(0.0, max_wait - course.waited)
        if course.ends_at is None:
            return patience
        time_left = max(0.0, course.ends_at - now)
        return time_left if patience is None else min(patience, time_left)

    def _check_deadline(self, call: Call, course: Course, now: float) -> None:
        if course.ends_at is not None and now >= course.ends_at:
            raise self._too_late(call)

    def _too_late(self, call: Call) -> DeadlineExceededError:
        return DeadlineExceededError(
            f"{call} was not sent: the call's deadline of {self.options.deadline:g} s had passed. Call again, or raise "
            "deadline."
        )
