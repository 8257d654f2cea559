"""Runs a write for a command: shows its progress, prints the outcomes, and returns the exit code."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from exist_async.cli.names import Names
from exist_async.cli.outcome_tables import is_not_owned, print_outcomes
from exist_async.cli.output import print_error, stdout_console
from exist_async.cli.progress import OnOutcome, progress_bar
from exist_async.cli.records import Records
from exist_async.errors import ConfigurationError, ExistAsyncError
from exist_async.outcomes import BatchResult, Outcome


async def run_write(
    write: Callable[[OnOutcome], Awaitable[BatchResult[Any, Any]]],
    source: Names | Records,
    *,
    activity: str,
    success_label: str,
    not_owned_advice: str | None = None,
) -> int:
    """Run a write and print its outcomes.

    Args:
        write: Starts the write; its argument is the write's `on_outcome`.
        source: Source of the items. Outcomes of records are listed by line number.
        activity: Description for the progress bar, such as "Acquiring".
        success_label: Outcome of the items that succeed, such as "acquired".
        not_owned_advice: Message if items were refused because this service does not own their attributes.

    Returns:
        The exit code: 0 if every item succeeded, else 1.

    Raises:
        ExistAsyncError: The write failed as a whole or in part; the outcomes known by then were printed.
    """
    answered = 0
    with progress_bar(activity, source.count, enabled=not source.is_interactive) as advance:

        def on_outcome(outcome: Outcome[Any, Any]) -> None:
            nonlocal answered
            answered += 1
            advance(outcome)

        try:
            result = await write(on_outcome)
            failure = None
        except ExistAsyncError as error:
            if error.result is None:
                raise
            # An error of the input, such as a name that is not UTF-8, explains itself without the batch's message.
            input_error = error.__cause__ if isinstance(error.__cause__, ConfigurationError) else None
            result, failure = error.result, input_error or error
        except asyncio.CancelledError:
            print_error(f"stopped: {answered} items were {success_label} or refused, others may have been as well")
            raise
    # An error that all items share is raised below, and printed once instead of for every item.
    is_shared = failure is not None and all(type(outcome.cause) is type(failure) for outcome in result)
    records = source if isinstance(source, Records) else None
    unreadable = records.unreadable if records is not None else []
    if result or unreadable or failure is None or (records is not None and records.empty_count):
        print_outcomes(stdout_console(), result, success_label=success_label, list_items=not is_shared, records=records)
    if not_owned_advice is not None and any(map(is_not_owned, result)):
        print_error(not_owned_advice)
    if failure is not None:
        raise failure
    return 0 if result.ok and not unreadable else 1
