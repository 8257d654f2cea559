"""The one loop that every call goes through: turn, attempt, judge, perhaps again, read."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

import httpx

from exist_async._http import attempt, reports, responses, retry
from exist_async._http.call import Call
from exist_async._http.course import Answer, Course, Fate, Late, tell_late, with_earlier
from exist_async._http.deliveries import Sending
from exist_async._http.options import Options
from exist_async._http.pool import Pool
from exist_async._http.retry import Failure
from exist_async._http.signing import RenewableAuth, token_of
from exist_async._http.turns import Turns
from exist_async.errors import AuthenticationError, ConfigurationError, ExistAsyncError, RateLimitError

T = TypeVar("T")

_log = logging.getLogger("exist_async")


class Session(Turns):
    """Makes calls by the options of one view, over the pool that all views share.

    Args:
        pool: What sends.
        auth: Signs the requests.
        options: How.
        sleep: Waits for some seconds.
        fraction: Gives random numbers from 0 to 1.
        clock: Seconds that only ever grow.
        wall_clock: Seconds since the epoch.
        ends_at: When calls begin no further attempt, by the clock; None leaves it at the deadline of each.
    """

    __slots__ = ("_ends_at", "_fraction", "_renewable", "_wall_clock")

    def __init__(
        self,
        pool: Pool,
        auth: httpx.Auth,
        options: Options,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        fraction: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        ends_at: float | None = None,
    ) -> None:
        super().__init__(pool, auth, options, sleep=sleep, clock=clock)
        self._fraction = fraction
        self._wall_clock = wall_clock
        self._ends_at = ends_at
        self._renewable = auth if isinstance(auth, RenewableAuth) else None
        if self._renewable is not None and self._renewable.origin != options.base_url:
            raise ConfigurationError(
                f"base_url is {options.base_url}, and the tokens are of {self._renewable.origin}: "
                "give the client and its OAuthApp the same base_url"
            )

    def view(self, auth: httpx.Auth, options: Options, ends_at: float | None = None) -> "Session":
        """Return a session for another user, or with other options, over the same pool."""
        return Session(
            self._pool,
            auth,
            options,
            sleep=self._sleep,
            fraction=self._fraction,
            clock=self._clock,
            wall_clock=self._wall_clock,
            ends_at=ends_at,
        )

    async def prepare(self) -> None:
        """Have all there that a call needs. A call does it itself; what writes its body before that asks for it."""
        await self._pool.prepare()

    def begin(self) -> "Session":
        """Return a session for one call that takes several requests: its deadline is counted from now for all."""
        if self.options.deadline is None or self._ends_at is not None:
            return self
        return self.view(self.auth, self.options, self._end())

    async def fetch(self, call: Call, model: type[T]) -> T:
        """Make a call and read its answer.

        Raises:
            ExistAsyncError: As the tree in `errors` has it.
        """
        answer = await self.deliver(call, model, partial(reports.ended_late, call))
        return answer.value

    async def deliver(self, call: Call, model: type[T], late: Late[T], fate: Fate | None = None) -> Answer[T]:
        """Make a call in as many attempts as it may take, and read its answer.

        A write that is cancelled while its request is under way goes on alone, for this one attempt.

        Args:
            call: The call.
            model: What its answer is.
            late: Called with the answer, or the error, of a write that was cancelled after it may have been sent.
            fate: Is told what became of it, for a caller who gets an error that does not say so.

        Raises:
            ExistAsyncError: As the tree in `errors` has it.
        """
        course = Course(self._end(), self._renewable, fate or Fate())
        await self._pool.prepare()
        try:
            while True:
                await self._turn(call, course)
                try:
                    answer = await self._attempt(call, course, model, late)
                except ExistAsyncError as error:
                    await self._pause_after(error, call, course)
                else:
                    self._pool.quota.give_back()
                    if course.gate is not None:
                        course.gate.count(at_once=not course.held_up)
                    return answer
        except ExistAsyncError as error:
            told = with_earlier(course.lost, error, call)
            if told is error:
                raise
            raise told from course.lost
        except asyncio.CancelledError:
            # How an attempt ends that goes on alone is told, and what was lost before it with that.
            if course.lost is not None and not call.is_read and not course.fate.alone:
                course.fate.alone = True
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

    async def _attempt(self, call: Call, course: Course, model: type[T], late: Late[T]) -> Answer[T]:
        """Make one attempt, and tell of it."""
        sending = Sending()
        exchange = self._exchange(call, course, model, sending)
        try:
            if call.is_read:
                return await exchange
            tell = partial(tell_late, call, late, course.lost)
            return await self._pool.deliveries.see_through(exchange, sending, tell)
        except asyncio.CancelledError:
            course.fate.alone = sending.connected and not call.is_read
            raise
        finally:
            course.fate.sent = course.fate.sent or sending.connected

    async def _exchange(self, call: Call, course: Course, model: type[T], sending: Sending) -> Answer[T]:
        start = self._clock()
        status: int | None = None
        try:
            if self._renewable is not None and await self._before_the_deadline(call, course, self._renewable.ready()):
                self._reports.refresh(call, self._clock() - start)
            time_left = None if course.ends_at is None else course.ends_at - self._clock()
            response = await attempt.send(self._pool, self.auth, self.options, call, sending, time_left)
            status = response.status_code
            await self._judge(response, call, course)
            answer = Answer(responses.read(response, call, model), course.lost is not None, response.request)
        except BaseException as error:
            self._reports.attempt(call, course.attempt, self._clock() - start, status, error)
            raise
        self._reports.attempt(call, course.attempt, self._clock() - start, status, None)
        return answer

    async def _judge(self, response: httpx.Response, call: Call, course: Course) -> None:
        """Raise the error that an answer is, if it is one."""
        error = responses.failure(response, call, self._wall_clock())
        if error is None:
            return
        if isinstance(error, RateLimitError):
            await self._refund(error, call)
        elif isinstance(error, AuthenticationError):
            course.rejected = token_of(response.request)
        raise error

    async def _refund(self, error: RateLimitError, call: Call) -> None:
        limiter = self._limiter_of(call)
        if limiter is None:
            return
        try:
            await limiter.refund(self._user, hold=error.retry_after or 0.0)
        except Exception:  # noqa: BLE001  (a limiter of the caller's; that the request was refused is what counts)
            _log.exception("The rate limiter could not take a slot back")

    async def _pause_after(self, error: ExistAsyncError, call: Call, course: Course) -> None:
        """Wait as long as it takes after a failed attempt, or raise its error if another would be none the better."""
        now = self._clock()
        if isinstance(error, AuthenticationError) and course.renewable is not None:
            # A 401 was not carried out: with a new token, the next attempt is as good as the first.
            await self._before_the_deadline(call, course, course.renewable.renew(course.rejected))
            self._reports.refresh(call, self._clock() - now)
            course.renewable = None
            course.uncounted += 1
            return
        failure = retry.failure_of(error)
        max_wait = self.options.max_wait
        if failure is Failure.RATE_LIMITED and (max_wait is None or _others_got_through(course)):
            # Not in vain: whoever waits as long as it takes does, and among many it was others' turn.
            course.uncounted += 1
        asked = retry.asked_for(error)
        wait = retry.pause(
            failure,
            course.attempt,
            uncounted=course.uncounted,
            repeatable=call.repeatable,
            max_retries=self.options.max_retries,
            fraction=self._fraction(),
            retry_after=asked,
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
        if failure is Failure.RATE_LIMITED:
            wait = await self._line_up_behind(call, course, error, wait)
        await self._pause(course, wait, asked=asked is not None or failure is Failure.RATE_LIMITED)


def _others_got_through(course: Course) -> bool:
    """Whether the service has let others of the user's calls through since it refused this one last."""
    return course.gate is not None and course.gate.answered > course.let_through
