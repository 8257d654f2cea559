"""The rate limiter of a command: it counts in a file that all runs share, and tells how long the command waits."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Generator, Hashable
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Final, Protocol

from exist_async._concurrency import cancelled_by_caller
from exist_async.cli.budget import Budget
from exist_async.cli.local_time import describe_time
from exist_async.cli.output import print_error
from exist_async.cli.state_folder import state_folder
from exist_async.errors import ConfigurationError, RateLimitError
from exist_async.events import AttemptEvent, Event, RetryEvent
from exist_async.rate_limits import MemoryRateLimiter
from exist_async.rate_limits.slots import Slots
from exist_async.rate_limits.sqlite import SqliteRateLimiter

_NOTICE_INTERVAL: Final = 600.0  # seconds
_FORECAST_INTERVAL: Final = 10.0  # seconds

# Far more callers than a command has. So a RateLimitError without a time means that the file can't be used.
_MAX_CALLERS: Final = 1_000_000

current_limiter: ContextVar["CommandLimiter | None"] = ContextVar("exist_async_command_limiter", default=None)
"""The rate limiter of the command that is running."""


class _Work(Protocol):
    """The work in progress."""

    @property
    def total(self) -> int | None: ...

    @property
    def requests_left(self) -> int | None: ...

    @property
    def count(self) -> str: ...


class _FileLimiter(SqliteRateLimiter):
    """Counts the requests of all runs.

    Attributes:
        on_turn: Called when a request is the next one, with the seconds until it can be sent; 0 if it can be now.
    """

    on_turn: Callable[[float], Awaitable[None]]

    @property
    def failure(self) -> str:
        """The reason why the file can't be used, and the remedy; "" if it can be."""
        return self._failure or ""

    async def settle(self, slots: Slots) -> None:
        """Count a request of the client from now on; that of a cancelled call from a minute after its start.

        After Ctrl-C, the outcome of a write would otherwise be printed before it is known.
        """
        if cancelled_by_caller():
            del slots[self]
        else:
            await super().settle(slots)

    async def seconds_until(self, user: Hashable, requests: int) -> float:
        """Return the seconds until the last of so many more requests, at least two, can be sent. It takes no slot."""
        return await super()._take(user, max(2, requests) - 1)

    async def _take(self, user: Hashable, ahead: int) -> float:
        wait = await super()._take(user, ahead)
        if not ahead:
            await self.on_turn(wait)
        return wait


class _RunLimiter(MemoryRateLimiter):
    """Counts the requests of one run. The methods are as those of `_FileLimiter`."""

    on_turn: Callable[[float], Awaitable[None]]

    async def seconds_until(self, user: Hashable, requests: int) -> float:
        return await super()._take(user, max(2, requests) - 1)

    async def _take(self, user: Hashable, ahead: int) -> float:
        wait = await super()._take(user, ahead)
        if not ahead:
            await self.on_turn(wait)
        return wait


class CommandLimiter:
    """The rate limiter of a command, for one account. While the command waits, it prints a notice on standard error.

    Args:
        budget: The requests that are allowed.
        account: Key of the account's requests in the file; not a secret.
        notices: Whether to print notices.
        clock: Monotonic clock, in seconds.
        wall_clock: Seconds since the epoch.
        sleep: Waits for a number of seconds.

    Attributes:
        answered: Number of requests that the service has answered.
        done_at: When the work in progress will be done, in seconds since the epoch; None if that is not known, or if
            the budget suffices for it.
    """

    def __init__(
        self,
        budget: Budget,
        account: str,
        *,
        notices: bool,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.answered = 0
        self.done_at: float | None = None
        self._budget = budget
        self._account = account
        self._notices = notices
        self._clock = clock
        self._wall_clock = wall_clock
        self._sleep_for = sleep
        self._work: _Work | None = None
        self._is_shown = False
        self._noticed_at: float | None = None
        self._forecast_at: float | None = None
        self._in_flight = 0
        self._next_at = 0.0
        self._paused_until = 0.0
        self._limiter = self._open_file()

    @property
    def next_at(self) -> float | None:
        """The time of the next possible request, in seconds since the epoch; None if the command does not wait."""
        now = self._wall_clock()
        return min((moment for moment in (self._next_at, self._paused_until) if moment > now), default=None)

    @contextmanager
    def working(self, work: _Work, *, is_shown: bool) -> Generator[None]:
        """Tell in the notices, for the duration of a block, how much work is done and when the rest will be.

        Args:
            work: The work.
            is_shown: Whether a progress bar shows it: then one notice is enough.
        """
        self._work, self._is_shown, self._forecast_at = work, is_shown, None
        try:
            yield
        finally:
            self._work, self._is_shown, self.done_at = None, False, None

    async def acquire(self, user: Hashable, *, max_wait: float | None) -> None:
        """Take one slot of the account's budget; see `RateLimiter.acquire`."""
        del user  # the account's key stays the same when its token is renewed
        limiter = self._limiter
        try:
            await limiter.acquire(self._account, max_wait=max_wait)
        except RateLimitError as error:
            if error.retry_after is not None or not isinstance(limiter, _FileLimiter):
                raise
            if self._limiter is limiter:  # else another request has met the failure first
                self._limiter = self._count_this_run(limiter.failure)
            await self._limiter.acquire(self._account, max_wait=max_wait)
        self._in_flight += 1
        if self._forecast_at is None or self._clock() - self._forecast_at > _FORECAST_INTERVAL:
            await self._forecast()

    async def refund(self, user: Hashable, *, hold: float) -> None:
        """Return a slot and hold the account's requests; see `RateLimiter.refund`."""
        del user
        await self._limiter.refund(self._account, hold=hold)

    def on_event(self, event: Event) -> None:
        """Count the answers, and notice that Exist itself answered 429: other programs may have used the budget."""
        if isinstance(event, AttemptEvent):
            self._in_flight -= 1
            if event.status_code is not None and event.status_code != 429 and event.status_code < 500:
                self.answered += 1
        elif isinstance(event, RetryEvent) and event.error == RateLimitError.__name__:
            self._paused_until = self._wall_clock() + event.seconds
            self._print_notice()

    async def _on_turn(self, seconds: float) -> None:
        starts_waiting = seconds > 0 and self.next_at is None
        self._next_at = self._wall_clock() + seconds if seconds > 0 else 0.0
        if starts_waiting:
            await self._forecast()

    async def _forecast(self) -> None:
        """Estimate when the work in progress will be done."""
        self._forecast_at = self._clock()
        left = None if self._work is None else self._work.requests_left
        to_send = 0 if left is None else left - self._in_flight
        seconds = 0.0
        if to_send > 1:
            with suppress(RateLimitError):  # the file can't be used, which the next `acquire` tells
                seconds = await self._limiter.seconds_until(self._account, to_send)
        elif to_send == 1:
            seconds = self._next_at - self._wall_clock()
        self.done_at = self._wall_clock() + seconds if seconds > 0 else None

    async def _sleep(self, seconds: float) -> None:
        self._print_notice()
        await self._sleep_for(seconds)

    def _print_notice(self) -> None:
        now = self._clock()
        if not self._notices or (
            self._noticed_at is not None and (self._is_shown or now - self._noticed_at <= _NOTICE_INTERVAL)
        ):
            return
        self._noticed_at = now
        wall_time, next_at = self._wall_clock(), self.next_at
        until = "" if next_at is None else f" until {describe_time(next_at, wall_time)}"
        done = "" if self.done_at is None else f"done about {describe_time(self.done_at, wall_time)}"
        # Without a total, a count of items says nothing about the rest.
        count = "" if self._work is None or self._work.total is None else self._work.count
        work = " · ".join(filter(None, (count, done)))
        print_error(f"{self._budget.used_up}: waiting{until}{f' ({work})' if work else ''}. Press Ctrl-C to stop.")

    def _open_file(self) -> _FileLimiter | _RunLimiter:
        # In a file for each period: a shorter one would remove the requests that a longer one still counts.
        try:
            path = state_folder() / f"requests-{self._budget.period}s.db"
        except ConfigurationError as error:
            return self._count_this_run(f"{error}.")
        limiter = _FileLimiter(
            path,
            self._budget.requests,
            self._budget.period,
            max_waiting=_MAX_CALLERS,
            clock=self._clock,
            wall_clock=self._wall_clock,
            sleep=self._sleep,
        )
        limiter.on_turn = self._on_turn
        return limiter

    def _count_this_run(self, reason: str) -> _RunLimiter:
        print_error(f"{reason} Until then, only the requests of this run are counted.")
        limiter = _RunLimiter(
            self._budget.requests,
            self._budget.period,
            max_waiting=_MAX_CALLERS,
            clock=self._clock,
            sleep=self._sleep,
        )
        limiter.on_turn = self._on_turn
        return limiter


def max_wait_for(wait: bool | None, *, waits_by_default: bool) -> float | None:
    """Return the `max_wait` that the option --wait, --no-wait or neither means."""
    if wait is None:
        return None if waits_by_default else 60.0
    return None if wait else 0.0
