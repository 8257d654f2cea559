"""The one loop that every call goes through: turn, attempt, judge, perhaps again, read."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

import httpx

from exist_async._http import attempt, reports, responses, retry
from exist_async._http.call import Call
from exist_async._http.course import Answer, Course, Late, tell_late, with_earlier
from exist_async._http.deliveries import Sending
from exist_async._http.gates import Gate
from exist_async._http.options import Options
from exist_async._http.pool import Pool
from exist_async._http.reports import Reports
from exist_async._http.retry import Failure
from exist_async._http.signing import RenewableAuth, token_of, user_of
from exist_async.errors import (
    AuthenticationError,
    ClientClosedError,
    ConfigurationError,
    DeadlineExceededError,
    ExistAsyncError,
    RateLimitError,
)

T = TypeVar("T")

# Seconds. What takes less was no wait.
_NO_WAIT = 0.01


class Session:
    """Makes calls by the options of one view, over the pool that all views share.

    Args:
        pool: What sends.
        options: How.
        sleep: Waits for some seconds.
        fraction: Gives random numbers from 0 to 1.
        clock: Seconds that only ever grow.
        wall_clock: Seconds since the epoch.
        ends_at: When calls begin no further attempt, by the clock; None leaves it at the deadline of each.
    """

    __slots__ = (
        "_clock",
        "_ends_at",
        "_fraction",
        "_pool",
        "_renewable",
        "_reports",
        "_sleep",
        "_user",
        "_wall_clock",
        "options",
    )

    def __init__(
        self,
        pool: Pool,
        options: Options,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        fraction: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        ends_at: float | None = None,
    ) -> None:
        self._pool = pool
        self.options = options
        self._sleep = sleep
        self._fraction = fraction
        self._clock = clock
        self._wall_clock = wall_clock
        self._ends_at = ends_at
        self._user = user_of(options.auth)
        self._reports = Reports(self._user, options.on_event)
        self._renewable = options.auth if isinstance(options.auth, RenewableAuth) else None
        if self._renewable is not None and self._renewable.origin != options.base_url:
            raise ConfigurationError(
                f"base_url is {options.base_url}, and the tokens are of {self._renewable.origin}: "
                "give the client and its OAuthApp the same base_url"
            )

    def view(self, options: Options, ends_at: float | None = None) -> "Session":
        """Return a session with other options over the same pool."""
        return Session(
            self._pool,
            options,
            sleep=self._sleep,
            fraction=self._fraction,
            clock=self._clock,
            wall_clock=self._wall_clock,
            ends_at=ends_at,
        )

    def begin(self) -> "Session":
        """Return a session for one call that takes several requests: its deadline is counted from now for all."""
        if self.options.deadline is None or self._ends_at is not None:
            return self
        return self.view(self.options, self._end())

    async def fetch(self, call: Call, model: type[T]) -> T:
        """Make a call and read its answer.

        Raises:
            ExistAsyncError: As the tree in `errors` has it.
        """
        answer = await self.deliver(call, model, partial(reports.ended_late, call))
        return answer.value

    async def deliver(self, call: Call, model: type[T], late: Late[T]) -> Answer[T]:
        """Make a call in as many attempts as it may take, and read its answer.

        A write that is cancelled while its request is under way goes on alone, for this one attempt.

        Args:
            call: The call.
            model: What its answer is.
            late: Called with the answer, or the error, of a write that was cancelled after it may have been sent.

        Raises:
            ExistAsyncError: As the tree in `errors` has it.
        """
        course = Course(self._end(), self._renewable)
        try:
            while True:
                await self._turn(call, course)
                try:
                    response = await self._attempt(call, course, model, late)
                    answer = Answer(responses.read(response, call, model), course.lost is not None, response.request)
                except ExistAsyncError as error:
                    await self._pause_after(error, call, course)
                else:
                    self._pool.quota.give_back()
                    return answer
        except ExistAsyncError as error:
            told = with_earlier(course.lost, error, call)
            if told is error:
                raise
            raise told from course.lost
        except asyncio.CancelledError:
            if course.lost is not None and not call.is_read:
                late(course.lost)
            raise
        finally:
            if course.gate is not None:
                course.gate.leave()

    async def close(self) -> None:
        """Wait for the writes under way, `timeout` seconds at most, and close the pool. Later calls say that it is."""
        await self._pool.aclose(self.options.timeout)

    def _end(self) -> float | None:
        if self._ends_at is None and self.options.deadline is not None:
            return self._clock() + self.options.deadline
        return self._ends_at

    async def _turn(self, call: Call, course: Course) -> None:
        """Wait until the next attempt may be made."""
        if self._pool.closed:
            raise ClientClosedError(attempt.CLOSED)
        start = self._clock()
        self._check_deadline(call, course, start)
        await self._pool.waits.until(self._line_up(course))
        end = self._clock()
        if end - start > _NO_WAIT:
            course.waited += end - start
            self._reports.wait(call, end - start)
            self._check_deadline(call, course, end)
        course.attempt += 1

    async def _line_up(self, course: Course) -> None:
        gate = self._pool.gates.of(self._user) if course.gate is None else None
        if gate is not None:
            await self._enter(gate, course)
        if self.options.rate_limiter is not None:
            await self.options.rate_limiter.acquire(self._user, max_wait=self._patience(course, self._clock()))

    async def _attempt(self, call: Call, course: Course, model: type[T], late: Late[T]) -> httpx.Response:
        sending = Sending()
        exchange = self._exchange(call, course, sending)
        if call.is_read:
            return await exchange
        tell = partial(tell_late, call, model, late, course.lost)
        try:
            return await self._pool.deliveries.see_through(exchange, sending, tell)
        except asyncio.CancelledError:
            if sending.connected:
                # How this attempt ends is told, and what was lost before it with that.
                course.lost = None
            raise

    async def _exchange(self, call: Call, course: Course, sending: Sending) -> httpx.Response:
        """Make one attempt, and return its answer, which is a success."""
        start = self._clock()
        try:
            if self._renewable is not None and await self._renewable.ready():
                self._reports.refresh(call, self._clock() - start)
            time_left = None if course.ends_at is None else course.ends_at - self._clock()
            response = await attempt.send(self._pool, self.options, call, sending, time_left)
            error = responses.failure(response, call, self._wall_clock())
            if isinstance(error, RateLimitError) and self.options.rate_limiter is not None:
                await self.options.rate_limiter.refund(self._user, hold=error.retry_after or 0.0)
            if isinstance(error, AuthenticationError):
                course.rejected = token_of(response.request)
            if error is not None:
                raise error
        except ExistAsyncError as error:
            status = reports.status_of(error)
            self._reports.attempt(call, course.attempt, self._clock() - start, status, error)
            raise
        self._reports.attempt(call, course.attempt, self._clock() - start, response.status_code, None)
        return response

    async def _pause_after(self, error: ExistAsyncError, call: Call, course: Course) -> None:
        """Wait as long as it takes after a failed attempt, or raise its error if another would be none the better."""
        now = self._clock()
        if isinstance(error, AuthenticationError) and course.renewable is not None:
            # A 401 was not carried out: with a new token, the next attempt is as good as the first.
            await course.renewable.renew(course.rejected)
            self._reports.refresh(call, self._clock() - now)
            course.renewable = None
            course.attempt -= 1
            return
        failure = retry.failure_of(error)
        max_wait = self.options.max_wait
        wait = retry.pause(
            failure,
            course.attempt,
            repeatable=call.repeatable,
            max_retries=self.options.max_retries,
            fraction=self._fraction(),
            retry_after=retry.asked_for(error),
            max_wait=None if max_wait is None else max_wait - course.waited,
            time_left=None if course.ends_at is None else course.ends_at - now,
            quota_left=self._pool.quota.left,
        )
        if wait is None:
            raise error
        self._reports.retry(call, course.attempt, error, wait)
        if failure.is_costly:
            self._pool.quota.take()
        if failure.may_have_been_carried_out:
            course.lost = error
        await self._pool.waits.until(self._pause(failure, wait, error, course))

    async def _pause(self, failure: Failure, wait: float, error: ExistAsyncError, course: Course) -> None:
        if failure is Failure.RATE_LIMITED:
            start = self._clock()
            if course.gate is None:
                await self._enter(self._pool.gates.put_up(self._user), course, error)
            waited = self._clock() - start
            course.waited += max(wait, waited)
            wait = max(0.0, wait - waited)
        await self._sleep(wait)

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
            raise DeadlineExceededError(
                f"{call} was not sent: the call's deadline of {self.options.deadline:g} s had passed. Call again, or "
                "raise deadline."
            )
