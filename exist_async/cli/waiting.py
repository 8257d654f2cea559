"""Waits for the hourly budget, where somebody asks for it, and says that it does."""

import asyncio
import time
from typing import Annotated

from cyclopts import Parameter

from exist_async.cli.text import complain
from exist_async.client import ExistClient
from exist_async.errors import RateLimitError
from exist_async.events import Event, RetryEvent
from exist_async.rate_limits import MemoryRateLimiter

Wait = Annotated[bool, Parameter(negative="", show_default=False)]

# Seconds. An hour of waiting is told a few times, and not at every try.
_TELL_AGAIN_AFTER = 600.0


def patient(exist: ExistClient, wait: bool) -> ExistClient:
    """Return a client that waits as long as it takes where the requests of an hour are spent, if it is to wait."""
    if not wait:
        return exist
    waiting = _Waiting()
    limiter = MemoryRateLimiter(sleep=waiting.sleep)
    return exist.with_options(max_wait=None, rate_limiter=limiter, on_event=waiting.hear)


class _Waiting:
    """Says on standard error that it waits."""

    def __init__(self) -> None:
        self._told_at: float | None = None

    async def sleep(self, seconds: float) -> None:
        """Sleep until the budget may have a slot."""
        self._tell()
        await asyncio.sleep(seconds)

    def hear(self, event: Event) -> None:
        """Hear of what Exist refuses, because another program has used the budget."""
        if isinstance(event, RetryEvent) and event.error == RateLimitError.__name__:
            self._tell()

    def _tell(self) -> None:
        now = time.monotonic()
        if self._told_at is None or now - self._told_at > _TELL_AGAIN_AFTER:
            self._told_at = now
            complain("this hour's requests are used up: waiting for the next ones. Ctrl-C ends it.")
