"""The rate limiter of a command: it counts in a file that all runs share, and tells how long the command waits."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress
from contextvars import ContextVar
from typing import Final

from exist_async._concurrency import cancelled_by_caller
from exist_async.cli.budget import Budget
from exist_async.cli.local_time import describe_time
from exist_async.cli.output import print_error
from exist_async.cli.state_folder import state_folder
from exist_async.errors import ConfigurationError, RateLimitError
from exist_async.events import AttemptEvent, Event, RetryEvent
from exist_async.rate_limits import MemoryRateLimiter
from exist_async.rate_limits.queue import QueuedRateLimiter
from exist_async.rate_limits.slots import Slots
from exist_async.rate_limits.sqlite import SqliteRateLimiter

_NOTICE_INTERVAL: Final = 600.0  # seconds
_FORECAST_INTERVAL: Final = 10.0  # seconds

# Far more callers than a command has. So a RateLimitError without a time means that the file can't be used.
_MAX_CALLERS: Final = 1_000_000

current_limiter: ContextVar["CommandLimiter | None"] = ContextVar("exist_async_command_limiter", default=None)
"""The rate limiter of the command that is running."""


class _Forecasting(QueuedRateLimiter):
    async def seconds_until(self, user: Hashable, requests: int) -> float:
        """Return the seconds until the last of so many more requests, at least two, can be sent. It takes no slot."""
        return await self._take(user, max(2, requests) - 1)


class _FileLimiter(SqliteRateLimiter, _Forecasting):
    """Counts the requests of all runs."""

    async def settle(self, slots: Slots) -> None:
        """Count a request of the client from now on; that of a cancelled call from a minute after its start.

        After Ctrl-C, the outcome of a write would otherwise be printed before it is known.
        """
        if cancelled_by_caller():
            del slots[self]
        else:
            await super().settle(slots)


class _RunLimiter(MemoryRateLimiter, _Forecasting):
    """Counts the requests of one run."""


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
        requests_left: Returns how many requests the work in progress still takes; None if that is not known.
        describe_work: Returns how much of the work in progress is done, such as "10,465/73,010"; may be empty.
        is_shown: Whether the user sees the progress anyway: then one notice is enough.
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
        self.requests_left: Callable[[], int | None] = lambda: None
        self.describe_work: Callable[[], str] = lambda: ""
        self.is_shown = False
        self._budget = budget
        self._account = account
        self._notices = notices
        self._clock = clock
        self._wall_clock = wall_clock
        self._sleep_for = sleep
        self._noticed_at: float | None = None
        self._forecast_at: float | None = None
        # When the requests that wait can be sent.
        self._waits: dict[object, float] = {}
        self._paused_until = 0.0
        self._limiter = self._open_file()

    @property
    def next_at(self) -> float | None:
        """When the next request can be sent, in seconds since the epoch; None if the command does not wait."""
        moments = [*self._waits.values()]
        if self._paused_until > self._wall_clock():
            moments.append(self._paused_until)
        return min(moments, default=None)

    async def acquire(self, user: Hashable, *, max_wait: float | None) -> None:
        """Take one slot of the account's budget; see `RateLimiter.acquire`."""
        del user  # the account's key stays the same when its token is renewed
        try:
            await self._take(0.0)
        except RateLimitError as error:
            seconds = error.retry_after or 0.0
            if max_wait is not None and seconds > max_wait:
                raise
            await self._wait(seconds, max_wait)
        if self._forecast_at is None or self._clock() - self._forecast_at > _FORECAST_INTERVAL:
            await self._forecast()

    async def refund(self, user: Hashable, *, hold: float) -> None:
        """Return a slot and hold the account's requests; see `RateLimiter.refund`."""
        del user
        await self._limiter.refund(self._account, hold=hold)

    def on_event(self, event: Event) -> None:
        """Count the answers, and notice that Exist itself answered 429: other programs may have used the budget."""
        if isinstance(event, AttemptEvent):
            if event.status_code is not None and event.status_code != 429 and event.status_code < 500:
                self.answered += 1
        elif isinstance(event, RetryEvent) and event.error == RateLimitError.__name__:
            self._paused_until = self._wall_clock() + event.seconds
            self._print_notice()

    async def _wait(self, seconds: float, max_wait: float | None) -> None:
        wait = object()
        self._waits[wait] = self._wall_clock() + seconds
        try:
            await self._forecast()
            await self._take(max_wait)
        finally:
            del self._waits[wait]

    async def _take(self, max_wait: float | None) -> None:
        try:
            await self._limiter.acquire(self._account, max_wait=max_wait)
        except RateLimitError as error:
            if error.retry_after is not None:
                raise
            self._limiter = self._count_this_run(
                str(error.__cause__ or "The file with the last requests can't be used.")
            )
            await self._limiter.acquire(self._account, max_wait=max_wait)

    async def _forecast(self) -> None:
        """Estimate when the work in progress will be done."""
        self._forecast_at = self._clock()
        requests = self.requests_left()
        seconds = 0.0
        if requests:
            with suppress(RateLimitError):  # the file can't be used, which the next `_take` tells
                seconds = await self._limiter.seconds_until(self._account, requests)
        self.done_at = self._wall_clock() + seconds if seconds > 0 else None

    async def _sleep(self, seconds: float) -> None:
        self._print_notice()
        await self._sleep_for(seconds)

    def _print_notice(self) -> None:
        now = self._clock()
        if not self._notices or (
            self._noticed_at is not None and (self.is_shown or now - self._noticed_at <= _NOTICE_INTERVAL)
        ):
            return
        self._noticed_at = now
        wall_time, next_at = self._wall_clock(), self.next_at
        until = "" if next_at is None else f" until {describe_time(next_at, wall_time)}"
        done = "" if self.done_at is None else f"done about {describe_time(self.done_at, wall_time)}"
        work = " · ".join(filter(None, (self.describe_work(), done)))
        print_error(f"{self._budget.used_up}: waiting{until}{f' ({work})' if work else ''}. Press Ctrl-C to stop.")

    def _open_file(self) -> _FileLimiter | _RunLimiter:
        # In a file for each period: a shorter one would remove the requests that a longer one still counts.
        try:
            path = state_folder() / f"requests-{self._budget.period:.15g}s.db"
        except ConfigurationError as error:
            return self._count_this_run(f"{error}.")
        return _FileLimiter(
            path,
            self._budget.requests,
            self._budget.period,
            max_waiting=_MAX_CALLERS,
            clock=self._clock,
            wall_clock=self._wall_clock,
            sleep=self._sleep,
        )

    def _count_this_run(self, reason: str) -> _RunLimiter:
        print_error(f"{reason} So only the requests of this run are counted.")
        return _RunLimiter(
            self._budget.requests,
            self._budget.period,
            max_waiting=_MAX_CALLERS,
            clock=self._clock,
            sleep=self._sleep,
        )


def max_wait_for(wait: bool | None, *, waits_by_default: bool) -> float | None:
    """Return the `max_wait` that the option --wait, --no-wait or neither means."""
    if wait is None:
        return None if waits_by_default else 60.0
    return None if wait else 0.0
