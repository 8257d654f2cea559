"""The progress of commands that take long: how much is done, and when the rest will be."""

import asyncio
import math
import sys
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from attrs import define, field
from rich.console import Console
from rich.progress import Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.progress_bar import ProgressBar
from rich.table import Column
from rich.text import Text

from exist_async.cli.local_time import describe_time
from exist_async.cli.rate_limit_wait import CommandLimiter, current_limiter
from exist_async.outcomes import Outcome

OnOutcome = Callable[[Outcome[Any, Any]], None]

# Seconds of work before the bar appears, so that it does not flicker in short commands.
_SHOW_AFTER = 0.5

_ITEMS_IN_WRITE: Final = 35


@define
class WorkInProgress:
    """The progress of a command: the work that is done, and its total.

    Attributes:
        total: Number of items, or of requests; None if it is not known. May be set when it becomes known.
        is_estimate: Whether the total may be too small: once more requests have been answered, it is not known.
        counts_requests: Whether the total is a number of requests: then each answer counts, and no item.
        limiter: The command's rate limiter; None if there is none.
        items_done: Number of items that are done.
        items_before: Number of items that were done before the work began.
        answers_before: Number of requests that were answered before the work began.
    """

    _total: int | None
    is_estimate: bool = field(default=False, kw_only=True)
    counts_requests: bool = False
    limiter: CommandLimiter | None = None
    items_done: int = 0
    items_before: int = 0
    answers_before: int = 0

    @property
    def total(self) -> int | None:
        """Number of items, or of requests, as far as it is known."""
        if self.is_estimate and self._total is not None and self._answers > self._total:
            return None
        return self._total

    @total.setter
    def total(self, total: int | None) -> None:
        self._total = total

    @property
    def done(self) -> int:
        """Number of items, or of requests, that are done."""
        if not self.counts_requests:
            return self.items_done
        return self._answers if self.total is None else min(self._answers, self.total)

    @property
    def requests_left(self) -> int | None:
        """Number of requests that the rest takes; None if it is not known."""
        if self.total is None:
            return None
        left = max(0, self.total - self.done)
        if self.counts_requests:
            return left
        items = self.items_done - self.items_before
        return math.ceil(left / (items / self._answers if items > 0 and self._answers else _ITEMS_IN_WRITE))

    @property
    def count(self) -> str:
        """The work that is done, of its total, such as "10,465/73,010"."""
        return f"{self.done:,}/{'?' if self.total is None else f'{self.total:,}'}"

    @property
    def _answers(self) -> int:
        return 0 if self.limiter is None else self.limiter.answered - self.answers_before

    def advance(self, _: object = None) -> None:
        """Count an item that is done."""
        self.items_done += 1

    def describe(self, now: float) -> str:
        """Return the progress, such as "10,465/73,010 · next at 23:41 · done about tomorrow 05:40".

        Args:
            now: The current time, in seconds since the epoch.
        """
        parts = [self.count]
        if self.limiter is not None:
            next_at, done_at = self.limiter.next_at, self.limiter.done_at
            if next_at is not None:
                parts.append(f"next at {describe_time(next_at, now)}")
            if done_at is not None and done_at > now:
                parts.append(f"done about {describe_time(done_at, now)}")
        return " · ".join(parts)


@contextmanager
def progress_bar(
    activity: str, total: int | None, *, done: int = 0, enabled: bool = True
) -> Generator[Callable[[object], None]]:
    """Show the progress of items on standard error while a block runs, if that is a terminal and the block runs long.

    The notices of the command's rate limiter tell it as well, also where there is no terminal.

    Args:
        activity: Description in front of the bar, such as "Acquiring".
        total: Number of items; None if unknown.
        done: Number of items that an earlier run has done.
        enabled: False shows no bar.

    Yields:
        A callback that advances the bar by one; call it with each finished item.
    """
    with _show(activity, WorkInProgress(total, items_done=done, items_before=done), enabled=enabled) as work:
        yield work.advance


@contextmanager
def request_progress(activity: str, *, is_estimate: bool = False, enabled: bool = True) -> Generator[WorkInProgress]:
    """Show the progress of requests in the same way; each answer advances the bar.

    Args:
        activity: Description in front of the bar, such as "Reading".
        is_estimate: Whether the total may be too small.
        enabled: False shows no bar.

    Yields:
        The work: set its `total` to the number of requests, counted from the beginning of the block.
    """
    with _show(activity, WorkInProgress(None, counts_requests=True, is_estimate=is_estimate), enabled=enabled) as work:
        yield work


@contextmanager
def _show(activity: str, work: WorkInProgress, *, enabled: bool) -> Generator[WorkInProgress]:
    console = Console(stderr=True)
    can_show = sys.stderr.isatty() and console.is_terminal and not console.is_dumb_terminal
    is_shown = enabled and can_show
    with ExitStack() as stack:
        limiter = current_limiter.get()
        if limiter is not None:
            work.limiter, work.answers_before = limiter, limiter.answered
            stack.enter_context(limiter.working(work, is_shown=is_shown))
        if is_shown:
            stack.enter_context(_bar(activity, work, console))
        yield work


@contextmanager
def _bar(activity: str, work: WorkInProgress, console: Console) -> Generator[None]:
    columns = (TextColumn("{task.description}"), _WorkBar(work), _WorkText(work), TimeElapsedColumn())
    # By default, rich would print on the console of the bar what goes to standard output, such as a file, meanwhile.
    bar = Progress(*columns, console=console, transient=True, expand=True, redirect_stdout=False)
    bar.add_task(activity, total=None)
    start = asyncio.get_running_loop().call_later(_SHOW_AFTER, bar.start)
    try:
        yield
    finally:
        start.cancel()
        # Stopping a bar that was never started would print an empty line.
        if bar.live.is_started:
            bar.stop()


class _WorkBar(ProgressColumn):
    """The bar, in the space that the texts leave."""

    def __init__(self, work: WorkInProgress) -> None:
        super().__init__(table_column=Column(ratio=1))
        self._work = work

    def render(self, task: Task) -> ProgressBar:
        """Return the bar."""
        total = self._work.total
        return ProgressBar(total, self._work.done, pulse=total is None, animation_time=task.get_time())


class _WorkText(ProgressColumn):
    """Text of the progress: the work that is done, the time of the next request, and the time of the end."""

    def __init__(self, work: WorkInProgress) -> None:
        super().__init__(table_column=Column(no_wrap=True))
        self._work = work

    def render(self, task: Task) -> Text:
        """Return the text."""
        del task
        return Text(self._work.describe(time.time()), style="progress.download")
