"""The option `--wait`: waits as long as the hourly rate limit requires, with a notice on standard error."""

import asyncio
import time
from collections.abc import Callable

from exist_async.cli.output import print_error
from exist_async.client import ExistClient
from exist_async.errors import RateLimitError
from exist_async.events import Event, RetryEvent
from exist_async.rate_limits import MemoryRateLimiter

_NOTICE_INTERVAL = 600.0  # seconds


def waiting_client(exist: ExistClient, wait: bool) -> ExistClient:
    """Return a client that waits for the rate limit without an upper bound if `wait` is set, else the client itself."""
    if not wait:
        return exist
    notice = _WaitNotice()
    limiter = MemoryRateLimiter(sleep=notice.sleep)
    return exist.with_options(max_wait=None, rate_limiter=limiter, on_event=notice.on_event)


class _WaitNotice:
    """Prints that the command waits, at most once in ten minutes.

    Args:
        clock: Monotonic clock, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._printed_at: float | None = None

    async def sleep(self, seconds: float) -> None:
        """Print the notice and sleep; the rate limiter's `sleep`."""
        self._print()
        await asyncio.sleep(seconds)

    def on_event(self, event: Event) -> None:
        """Print the notice if Exist itself answered 429: other programs may have used the same budget."""
        if isinstance(event, RetryEvent) and event.error == RateLimitError.__name__:
            self._print()

    def _print(self) -> None:
        now = self._clock()
        if self._printed_at is None or now - self._printed_at > _NOTICE_INTERVAL:
            self._printed_at = now
            print_error("this hour's requests are used up: waiting until more are allowed. Press Ctrl-C to stop.")
