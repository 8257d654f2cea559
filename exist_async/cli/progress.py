"""A progress bar, for people who wait."""

import asyncio
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from exist_async.outcomes import Outcome

OnOutcome = Callable[[Outcome[Any, Any]], None]

# Seconds after which work is long. Sooner, a bar would only flicker.
_PATIENCE = 0.5


@contextmanager
def progress_bar(doing: str, total: int | None, *, shown: bool = True) -> Generator[Callable[[object], None]]:
    """Show a bar on standard error while a block lasts, if that is a terminal and the block lasts long.

    Args:
        doing: What is done, such as "Acquiring".
        total: How many things there are to be done; None where nobody knows yet.
        shown: False shows none at all.

    Yields:
        What to call with each thing that was done, such as an outcome.
    """
    if not (shown and sys.stderr.isatty()):
        yield lambda _: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    task = bar.add_task(doing, total=total)
    start = asyncio.get_running_loop().call_later(_PATIENCE, bar.start)
    try:
        yield lambda _: bar.advance(task)
    finally:
        start.cancel()
        # Stopping what never began would print an empty line.
        if bar.live.is_started:
            bar.stop()
