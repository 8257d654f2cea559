"""Runs a write for a command: shows its progress, prints the outcomes, and returns the exit code."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from operator import attrgetter
from typing import Any, Final

from exist_async.cli.names import Names
from exist_async.cli.outcome_tables import is_not_owned, print_outcomes
from exist_async.cli.output import print_error, stdout_console
from exist_async.cli.progress import OnOutcome, progress_bar
from exist_async.cli.records import Records
from exist_async.client import ExistClient
from exist_async.errors import ConfigurationError, ExistAsyncError
from exist_async.outcomes import BatchResult, Outcome, OutcomeStatus

# Seconds of waiting after Ctrl-C before the command says what it waits for.
_EXPLAIN_AFTER: Final = 0.5


async def run_write(
    client: ExistClient,
    write: Callable[[OnOutcome], Awaitable[BatchResult[Any, Any]]],
    source: Names | Records,
    *,
    activity: str,
    success_label: str,
    not_owned_advice: str | None = None,
    on_result: Callable[[BatchResult[Any, Any]], object] | None = None,
) -> int:
    """Run a write and print its outcomes; after Ctrl-C those that are known by then.

    Args:
        client: The client that sends the write; closed after Ctrl-C.
        write: Starts the write; its argument is the write's `on_outcome`.
        source: Source of the items. Outcomes of records are listed by line number.
        activity: Description for the progress bar, such as "Acquiring".
        success_label: Outcome of the items that succeed, such as "acquired".
        not_owned_advice: Message if items were refused because this service does not own their attributes.
        on_result: Called with the outcomes after they were printed, also after an error and after Ctrl-C.

    Returns:
        The exit code: 0 if every item succeeded, else 1.

    Raises:
        ExistAsyncError: The write failed as a whole or in part; the outcomes known by then were printed.
    """
    running = _RunningWrite(client, source, activity)
    failure: ExistAsyncError | None = None
    records = source if isinstance(source, Records) else None

    def print_result(result: BatchResult[Any, Any], listed: Sequence[Outcome[Any, Any]]) -> None:
        print_outcomes(stdout_console(), result, success_label=success_label, listed=listed, records=records)
        if on_result is not None:
            on_result(result)

    try:
        result = await running.run(write)
    except ExistAsyncError as error:
        if error.result is None:
            raise
        # An error of the input, such as a name that is not UTF-8, explains itself without the batch's message.
        input_error = error.__cause__ if isinstance(error.__cause__, ConfigurationError) else None
        result, failure = error.result, input_error or error
    except asyncio.CancelledError:
        print_result(running.result, running.result)
        others = "were not" if running.all_answered else "may have been"
        print_error(f"stopped: items that are not counted above {others} sent")
        raise
    unreadable, empty_count = (records.unreadable, records.empty_count) if records is not None else ((), 0)
    listed: Sequence[Outcome[Any, Any]] = result
    if failure is not None:
        # The error is raised below, and tells why items were not sent, once instead of for every item.
        is_shared = all(type(outcome.cause) is type(failure) for outcome in result)
        listed = [] if is_shared else [each for each in result if each.status is not OutcomeStatus.NOT_SENT]
    if result or failure is None or unreadable or empty_count:
        print_result(result, listed)
    if not_owned_advice is not None and any(map(is_not_owned, result)):
        print_error(not_owned_advice)
    if failure is not None:
        raise failure
    return 0 if result.ok and not unreadable else 1


class _RunningWrite:
    """A write in progress, and the outcomes that are known so far.

    Args:
        client: The client that sends the write.
        source: Source of the items.
        activity: Description for the progress bar.

    Attributes:
        outcomes: The known outcomes, in the order of the answers.
        all_answered: Whether all that was sent before Ctrl-C was answered.
    """

    def __init__(self, client: ExistClient, source: Names | Records, activity: str) -> None:
        self.outcomes: list[Outcome[Any, Any]] = []
        self.all_answered = False
        self._client = client
        self._source = source
        self._activity = activity

    @property
    def result(self) -> BatchResult[Any, Any]:
        """The known outcomes, in the order of the items."""
        return BatchResult(tuple(sorted(self.outcomes, key=attrgetter("index"))))

    async def run(self, write: Callable[[OnOutcome], Awaitable[BatchResult[Any, Any]]]) -> BatchResult[Any, Any]:
        """Show the progress of the write, and return its result; after Ctrl-C, wait for what is in flight."""
        with progress_bar(self._activity, self._source.count, enabled=not self._source.is_interactive) as advance:

            def on_outcome(outcome: Outcome[Any, Any]) -> None:
                self.outcomes.append(outcome)
                advance(outcome)

            try:
                return await write(on_outcome)
            except asyncio.CancelledError:
                await wait_for_answers(self._client)
                self.all_answered = True
                raise


async def wait_for_answers(client: ExistClient) -> None:
    """Wait after Ctrl-C for the answers to the writes in flight, whose outcomes go to their `on_outcome`.

    It closes the client, so that nothing more is sent.

    Raises:
        CancelledError: The user pressed Ctrl-C once more.
    """
    explain = asyncio.get_running_loop().call_later(
        _EXPLAIN_AFTER,
        print_error,
        "stopping: waiting for the answers to what was sent. Press Ctrl-C again to stop at once",
    )
    try:
        await client.aclose()
    finally:
        explain.cancel()
