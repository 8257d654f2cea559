"""The progress bar of commands that take long."""

import asyncio
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from exist_async.outcomes import Outcome

OnOutcome = Callable[[Outcome[Any, Any]], None]

# Seconds of work before the bar appears, so that it does not flicker in short commands.
_SHOW_AFTER = 0.5


@contextmanager
def progress_bar(activity: str, total: int | None, *, enabled: bool = True) -> Generator[Callable[[object], None]]:
    """Show a progress bar on standard error while a block runs, if that is a terminal and the block runs long.

    Args:
        activity: Description in front of the bar, such as "Acquiring".
        total: Number of items; None if unknown.
        enabled: False shows no bar.

    Yields:
        A callback that advances the bar by one; call it with each finished item.
    """
    if not (enabled and sys.stderr.isatty()):
        yield lambda _: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    task = bar.add_task(activity, total=total)
    start = asyncio.get_running_loop().call_later(_SHOW_AFTER, bar.start)
    try:
        yield lambda _: bar.advance(task)
    finally:
        start.cancel()
        # Stopping a bar that was never started would print an empty line.
        if bar.live.is_started:
            bar.stop()
