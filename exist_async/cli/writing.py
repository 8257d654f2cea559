"""Makes a write, and tells people about it: a bar while it lasts, tables at its end, and the exit code."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from exist_async.cli.names import Names
from exist_async.cli.outcomes import is_not_owned, show
from exist_async.cli.progress import OnOutcome, progress_bar
from exist_async.cli.records import Records
from exist_async.cli.tables import screen
from exist_async.cli.text import complain
from exist_async.errors import ConfigurationError, ExistAsyncError
from exist_async.outcomes import BatchResult, Outcome


async def tell(
    write: Callable[[OnOutcome], Awaitable[BatchResult[Any, Any]]],
    subject: Names | Records,
    *,
    doing: str,
    done: str,
    if_not_owned: str | None = None,
) -> int:
    """Make a write and print its outcomes.

    Args:
        write: Makes the write, and calls what it is given with each outcome.
        subject: What it is about. What became of records is told by their lines.
        doing: What it does, such as "Acquiring".
        done: What becomes of items that succeed, such as "acquired".
        if_not_owned: What to do about items that were refused because this service does not own their attributes.

    Returns:
        The exit code: 0 when every item succeeded, else 1.

    Raises:
        ExistAsyncError: Not every item was answered; those outcomes that there are have been printed.
    """
    answered = 0
    with progress_bar(doing, subject.count, shown=not subject.typed) as advance:

        def note(outcome: Outcome[Any, Any]) -> None:
            nonlocal answered
            answered += 1
            advance(outcome)

        try:
            result = await write(note)
            failure = None
        except ExistAsyncError as error:
            if error.result is None:
                raise
            # What stopped the reading of the names is all that there is to say.
            reading = error.__cause__ if isinstance(error.__cause__, ConfigurationError) else None
            result, failure = error.result, reading or error
        except asyncio.CancelledError:
            complain(f"stopped: {answered} items had been {done} or refused, and others may have been, too")
            raise
    # Where all items share one fate, the line below the tables tells it once.
    shared = failure is not None and all(type(outcome.cause) is type(failure) for outcome in result)
    records = subject if isinstance(subject, Records) else None
    unreadable = records.unreadable if records is not None else []
    if result or unreadable or failure is None:
        show(screen(), result, done=done, listed=not shared, records=records)
    if if_not_owned is not None and any(map(is_not_owned, result)):
        complain(if_not_owned)
    if failure is not None:
        raise failure
    return 0 if result.ok and not unreadable else 1
