"""The one loop that every request goes through: wait for its turn, attempt, decode, and perhaps retry."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable
from functools import partial
from typing import Any, TypeVar

import httpx

from exist_async._concurrency import running_loop
from exist_async._http import responses, retry
from exist_async._http.call import Call, CallState
from exist_async._http.in_flight import Answer
from exist_async._http.options import Options
from exist_async._http.pool import CLOSED, Pool, renewing_pool
from exist_async._http.retry import Failure
from exist_async._http.signing import RenewableAuth, user_of
from exist_async._http.telemetry import Telemetry, log_late_answer
from exist_async._http.throttle import Line
from exist_async._secrets import token_in
from exist_async.errors import (
    AuthenticationError,
    ClientClosedError,
    ConfigurationError,
    ConnectionFailedError,
    DeadlineExceededError,
    ExistAsyncError,
    NoAnswerError,
    RateLimitError,
    StatusError,
)
from exist_async.rate_limits import RateLimiter
from exist_async.rate_limits.slots import Slots, count_failed, current_slots, return_slots

T = TypeVar("T")

_NO_WAIT = 0.01  # seconds; anything shorter is not reported as a wait

_log = logging.getLogger("exist_async")


class Session:
    """Sends the calls of one view, over the pool that all views share.

    `ends_at` is the monotonic time from which on calls start no further attempt; None counts each call's deadline from
    its own start.
    """

    __slots__ = ("_ends_at", "_pool", "_renewable", "_telemetry", "auth", "options")

    def __init__(self, pool: Pool, auth: httpx.Auth, options: Options, ends_at: float | None = None) -> None:
        self.auth = auth
        self.options = options
        self._pool = pool
        self._renewable = auth if isinstance(auth, RenewableAuth) else None
        self._telemetry = Telemetry(auth, options.on_event)
        self._ends_at = ends_at
        if self._renewable is not None and self._renewable.origin != options.base_url:
            raise ConfigurationError(
                f"base_url is {options.base_url}, but the tokens belong to {self._renewable.origin}: give the client "
                "and its OAuthApp the same base_url"
            )

    def view(self, auth: httpx.Auth, options: Options, ends_at: float | None = None) -> "Session":
        """Return a session for another user, or with other settings, over the same pool."""
        return Session(self._pool, auth, options, ends_at)

    def with_deadline(self) -> "Session":
        """Return a session for several requests that share one deadline, counted from now."""
        if self.options.deadline is None or self._ends_at is not None:
            return self
        return self.view(self.auth, self.options, self.options.clock() + self.options.deadline)

    @property
    def keys_in_flight(self) -> set[Hashable]:
        """The conflict keys of this user's writes in progress, also of those that go on without their callers."""
        return self._pool.in_flight.keys_of_writes(user_of(self.auth))

    async def prepare(self) -> None:
        """Load what a call needs. `send` does it too; call this before encoding a body, which needs it earlier."""
        await self._pool.prepare(self.options.base_url)

    def stop(self) -> None:
        """Send nothing more; what is in flight goes on."""
        self._pool.stop()

    async def aclose(self) -> None:
        """Wait for the writes in flight, `timeout` seconds at most, and close the pool; later calls raise an error."""
        await self._pool.aclose(self.options.timeout)

    async def send(
        self,
        call: Call,
        model: type[T],
        *,
        state: CallState | None = None,
        on_late: Callable[[T | Exception], object] | None = None,
    ) -> T:
        """Send a call, retrying as `retry.delay` decides, and return the answer, decoded as `model`.

        A write that is cancelled while its request is in flight goes on without its caller, for this one attempt;
        `on_late` is called with its answer or error, which is logged by default. A caller who needs to know more than
        the answer gives the `state` to use.
        """
        state = state or CallState()
        on_late = on_late or partial(log_late_answer, call)
        state.ends_at = self._ends_at
        if state.ends_at is None and self.options.deadline is not None:
            state.ends_at = self.options.clock() + self.options.deadline
        await self._pool.prepare(self.options.base_url)
        try:
            while True:
                await self._wait_for_turn(call, state)
                try:
                    answer = await self._attempt(call, state, model, on_late)
                except ExistAsyncError as error:
                    await self._prepare_retry(error, call, state)
                    continue
                if self._pool.retry_budget.spent:
                    self._pool.retry_budget.give_back()
                if state.line is not None:
                    state.line.count_answer(paused=state.paused_in_line)
                return answer
        except ExistAsyncError as error:
            final = _final_error(error, call, state)
            if final is error:
                raise
            raise final from state.lost
        except asyncio.CancelledError:
            _report_lost(call, state, on_late)
            raise
        finally:
            if state.slots is not None or state.line is not None:
                await self._leave(call, state)

    async def _wait_for_detached(self, call: Call, state: CallState) -> None:
        time_left = None if state.ends_at is None else max(0.0, state.ends_at - self.options.clock())
        if not await self._pool.in_flight.wait_for_detached(state, user_of(self.auth), time_left):
            raise self._deadline_error(call)

    async def _wait_for_turn(self, call: Call, state: CallState) -> None:
        """Wait until the next attempt may be made: behind other calls after a 429, and for a slot of the budget.

        A write also waits for those that change the same and go on without their callers.
        """
        if self._pool.closed:
            raise ClientClosedError(CLOSED)
        if self._pool.in_flight.detached and state.conflict_keys:
            await self._wait_for_detached(call, state)
        start = self.options.clock()
        if state.ends_at is not None:
            self._check_deadline(call, state, start)
        try:
            await self._pool.in_flight.wait_for(self._line_up(call, state))
        finally:
            self._count_wait(call, state, start)
        if state.waited:
            self._check_deadline(call, state, self.options.clock())
        state.attempt += 1
        if state.before_sending is not None and not state.is_announced:
            await state.before_sending()
            state.is_announced = True

    async def _line_up(self, call: Call, state: CallState) -> None:
        user = user_of(self.auth)
        if state.line is None and self._pool.throttle.lines:
            line = self._pool.throttle.line_of(self._budget(call, user))
            if line is not None:
                await self._join(line, state)
        limiter = self._limiter(call)
        if limiter is not None:
            start = self.options.clock()
            slots: Slots = {}
            current_slots.set(slots)
            try:
                await limiter.acquire(user, max_wait=self._patience(state))
                state.slots = slots
            finally:
                current_slots.set(None)
                if slots:
                    # A store may have taken it, although this call was cancelled meanwhile.
                    state.slots = slots
            if state.line is not None and self.options.clock() - start > _NO_WAIT:
                state.paused_in_line = True

    async def _attempt(
        self, call: Call, state: CallState, model: type[T], on_late: Callable[[T | Exception], object]
    ) -> T:
        """Make one attempt. That of a write goes on when its caller is cancelled, if it has its connection by then."""
        state.connected = False
        exchange = partial(self._exchange, call, state, model)
        try:
            if not call.outlives_caller:
                return (await exchange()).value
            late = partial(_report_late, call, state, on_late)
            return (await self._pool.in_flight.run_write(exchange, state, user_of(self.auth), late)).value
        finally:
            state.sent = state.sent or state.connected

    async def _exchange(self, call: Call, state: CallState, model: type[T]) -> Answer[T]:
        """Sign and send one request, and decode its answer."""
        start = self.options.clock()
        status: int | None = None
        slots, state.slots = state.slots, None
        try:
            if self._renewable is not None and await self._renew(call, state, self._renewable.ready):
                self._telemetry.report_renewal(call, self.options.clock() - start)
            time_left = None if state.ends_at is None else state.ends_at - self.options.clock()
            response = await self._pool.send(call, self.auth, self.options, state, time_left)
            state.authorization = response.request.headers.get("authorization", "")
            status = response.status_code
            answer = Answer(responses.decode(response, call, model, self.options.wall_clock()))
        except BaseException as error:
            self._report_attempt(call, state, start, status, error)
            # The garbage collector closes what is left after the end of an event loop: nothing can be awaited then.
            if slots is not None and running_loop() is not None:
                await self._count_failure(slots, call, state, status, error)
            raise
        if slots:
            for limiter in tuple(slots):
                await limiter.settle(slots)
        self._report_attempt(call, state, start, status, None)
        return answer

    def _report_attempt(
        self, call: Call, state: CallState, start: float, status: int | None, error: BaseException | None
    ) -> None:
        if self.options.on_event is not None or _log.isEnabledFor(logging.DEBUG):
            self._telemetry.report_attempt(call, state.attempt, self.options.clock() - start, status, error)

    async def _leave(self, call: Call, state: CallState) -> None:
        """Give back a call's place in line, and its slot if it ended just when its turn had come."""
        if state.line is not None:
            state.line.leave()
        if state.slots is not None:
            await self._return_slots(state.slots, call)

    async def _count_failure(
        self, slots: Slots, call: Call, state: CallState, status: int | None, error: BaseException
    ) -> None:
        """Count a failed attempt towards the budget, unless it was not sent or refused with a 429."""
        # Without a status, a RateLimitError is one of the auth and not an answer.
        if status is not None and isinstance(error, RateLimitError):
            await self._return_slots(slots, call, error.retry_after or 0.0)
        elif not state.connected or isinstance(error, ConnectionFailedError):
            await self._return_slots(slots, call)
        else:
            await count_failed(slots)

    async def _return_slots(self, slots: Slots, call: Call, hold: float = 0.0) -> None:
        limiter = self._limiter(call)
        assert limiter is not None
        await return_slots(slots, limiter, user_of(self.auth), hold=hold)

    async def _prepare_retry(self, error: ExistAsyncError, call: Call, state: CallState) -> None:
        """Renew the token or sleep before another attempt, or raise the error if another makes no sense."""
        now = self.options.clock()
        if isinstance(error, AuthenticationError) and self._renewable is not None and not state.renewed:
            # A request answered with 401 was not carried out, so with a new token this counts as the first attempt.
            await self._renew(call, state, partial(self._renewable.renew, token_in(state.authorization)))
            self._telemetry.report_renewal(call, self.options.clock() - now)
            state.renewed = True
            state.uncounted += 1
            return
        failure = retry.classify(error)
        others_were_answered = state.line is not None and state.line.answered > state.answered_in_line
        waits_blindly = self.options.max_retries > 0 and not retry.retry_after(error)
        if failure is Failure.RATE_LIMITED and (self.options.max_wait is None or others_were_answered or waits_blindly):
            # It waits without limit, other calls in its line got through meanwhile, or the service did not say for how
            # long to wait (a date in the past says nothing): it is not a failure as long as `max_wait` allows a wait.
            state.uncounted += 1
        delay = retry.delay(
            error,
            call,
            state,
            self.options,
            now=now,
            fraction=self.options.fraction(),
            retries_left=self._pool.retry_budget.left,
        )
        if delay is None:
            raise error
        self._telemetry.report_retry(call, state.attempt, error, delay)
        if failure.is_costly:
            self._pool.retry_budget.take()
        if failure.may_have_been_carried_out:
            state.lost = error
            state.repeats += 1
        if failure is Failure.RATE_LIMITED:
            delay = await self._line_up_after_429(error, call, state, delay)
        if failure is Failure.RATE_LIMITED or retry.retry_after(error) is not None:
            state.waited += delay
        await self._pool.in_flight.wait_for(self._pause(delay))

    async def _pause(self, seconds: float) -> None:
        # A coroutine, which can be closed if the client is closed; what `sleep` returns may be any awaitable.
        await self.options.sleep(seconds)

    async def _line_up_after_429(self, error: ExistAsyncError, call: Call, state: CallState, delay: float) -> float:
        """Wait behind the user's other calls after a 429, and return how much is left of the delay then."""
        if state.when_held_back is not None and state.lost is None:
            state.when_held_back()
            state.is_announced = False
        if state.line is None:
            line = self._pool.throttle.open_line(self._budget(call, user_of(self.auth)))
            start = self.options.clock()
            await self._pool.in_flight.wait_for(self._join(line, state, error))
            waited = min(delay, self.options.clock() - start)
            state.waited += waited
            # Only what is longer than the delay is a wait for other calls.
            self._count_wait(call, state, start + delay)
            delay -= waited
        if state.line is not None:
            state.answered_in_line = state.line.answered
            state.paused_in_line = state.paused_in_line or delay > 0
        return delay

    async def _join(self, line: Line, state: CallState, error: ExistAsyncError | None = None) -> None:
        """Wait until the call is the first in a line; raise the error if that takes too long."""
        if not await line.wait(self._patience(state)):
            raise error or RateLimitError(
                "The service refused a request of this user with 429, and other calls of this user wait already. Call "
                "again later, or raise max_wait."
            )
        if not line.dissolved:
            state.line, state.paused_in_line = line, False

    async def _renew(self, call: Call, state: CallState, renew: Callable[[], Awaitable[T]]) -> T:
        """Await the renewal of a token, over this session's pool, until the client is closed."""
        renewing_pool.set(self._pool)
        try:
            return await self._pool.in_flight.wait_for(self._renew_before_deadline(call, state, renew))
        finally:
            # Not reset by its token: the collector may close this in another context, after the loop has ended.
            renewing_pool.set(None)

    async def _renew_before_deadline(self, call: Call, state: CallState, renew: Callable[[], Awaitable[T]]) -> T:
        # The renewal begins in here, so that none is left behind if the client has been closed.
        return await self._before_deadline(call, state, renew())

    async def _before_deadline(self, call: Call, state: CallState, waiting: Awaitable[T]) -> T:
        """Await something that the next attempt needs; raise DeadlineExceededError if the deadline passes first."""
        if state.ends_at is None:
            return await waiting
        try:
            async with asyncio.timeout(max(0.0, state.ends_at - self.options.clock())):
                result = await waiting
        except TimeoutError:
            raise self._deadline_error(call) from None
        self._check_deadline(call, state, self.options.clock())
        return result

    def _budget(self, call: Call, user: Hashable) -> Hashable:
        """Return the key of the budget that a call counts towards: the user's, or that of their reads or writes."""
        if self.options.rate_limiter is self.options.write_rate_limiter:
            return user
        return user, call.is_read

    def _limiter(self, call: Call) -> RateLimiter | None:
        return self.options.rate_limiter if call.is_read else self.options.write_rate_limiter

    def _count_wait(self, call: Call, state: CallState, start: float) -> None:
        waited = self.options.clock() - start
        if waited > _NO_WAIT:
            state.waited += waited
            self._telemetry.report_wait(call, waited)

    def _patience(self, state: CallState) -> float | None:
        """Return how many seconds the call may still wait; None for no limit."""
        max_wait = self.options.max_wait
        patience = None if max_wait is None else max(0.0, max_wait - state.waited)
        if state.ends_at is None:
            return patience
        time_left = max(0.0, state.ends_at - self.options.clock())
        return time_left if patience is None else min(patience, time_left)

    def _check_deadline(self, call: Call, state: CallState, now: float) -> None:
        if state.ends_at is not None and now >= state.ends_at:
            raise self._deadline_error(call)

    def _deadline_error(self, call: Call) -> DeadlineExceededError:
        return DeadlineExceededError(
            f"{call} made no further attempt: the call's deadline of {self.options.deadline:g} s had passed. Call "
            "again, or raise deadline."
        )


def _final_error(error: ExistAsyncError, call: Call, state: CallState) -> ExistAsyncError:
    """Return the error of a call: that of its last attempt, or "unknown" for a write that may have been carried out."""
    if state.lost is None or call.is_read or isinstance(error, NoAnswerError):
        return error
    if call.is_token_request and isinstance(error, StatusError | RateLimitError):
        # The answer to a repeated token request shows what happened to the first: its grant was used up, or is valid.
        return error
    return responses.outcome_unknown(
        call, f"the result of an earlier attempt is unknown, and the last one failed ({error})"
    )


def _report_lost(call: Call, state: CallState, on_late: Callable[[Any], object]) -> None:
    """Report an earlier attempt that may have been carried out, for a write that is cancelled before the next one."""
    # An attempt that goes on without its caller is reported when it ends.
    if state.lost is not None and not call.is_read and not state.detached:
        state.detached = True
        on_late(state.lost)


def _report_late(
    call: Call, state: CallState, on_late: Callable[[Any], object], attempt: asyncio.Task[Answer[Any]]
) -> None:
    """Report the end of an attempt that went on without its caller."""
    answer: object
    try:
        answer = attempt.result().value
    except asyncio.CancelledError:
        answer = responses.outcome_unknown(call, "its event loop ended before an answer came")
    except ExistAsyncError as error:
        answer = _final_error(error, call, state)
    except Exception as error:  # noqa: BLE001  (an error of the caller's auth)
        answer = error
    on_late(answer)
