"""Runs a write for a command: shows its progress, prints the outcomes, and returns the exit code."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final

from attrs import frozen

from exist_async.cli.names import Names
from exist_async.cli.outcome_tables import is_not_owned, print_outcomes
from exist_async.cli.output import print_error, stdout_console
from exist_async.cli.progress import OnOutcome, progress_bar
from exist_async.cli.records import Records
from exist_async.client import ExistClient
from exist_async.errors import ConfigurationError, ExistAsyncError
from exist_async.journals.sqlite import Journal
from exist_async.outcomes import FINE, BatchResult, Outcome, OutcomeStatus

# Seconds of waiting after Ctrl-C before the command says what it waits for.
_EXPLAIN_AFTER: Final = 0.5

# The outcomes that are listed after Ctrl-C, one by one.
_LISTED: Final = (OutcomeStatus.REFUSED, OutcomeStatus.UNKNOWN)

_GO_ON: Final = "Run the same command again to go on."


async def run_write(
    client: ExistClient,
    write: Callable[[OnOutcome], Awaitable[BatchResult[Any, Any]]],
    source: Names | Records,
    *,
    activity: str,
    success_label: str,
    not_owned_advice: str | None = None,
    on_result: Callable[[Sequence[Outcome[Any, Any]]], object] | None = None,
    journal: Journal | None = None,
    done: int = 0,
) -> int:
    """Run a write and print its outcomes; after Ctrl-C those that are known by then.

    Args:
        client: The client that sends the write; closed after Ctrl-C.
        write: Starts the write; its argument is the write's `on_outcome`.
        source: Source of the items. Outcomes of records are listed by line number.
        activity: Description for the progress bar, such as "Acquiring".
        success_label: Outcome of the items that succeed, such as "acquired".
        not_owned_advice: Message if items were refused because this service does not own their attributes.
        on_result: Called after the outcomes were printed, also after an error and after Ctrl-C. It gets at least those
            of items that did not succeed.
        journal: The journal of the write, which has the outcomes of earlier runs.
        done: Number of items that an earlier run has done.

    Returns:
        The exit code: 0 if every item succeeded, else 1.

    Raises:
        ExistAsyncError: The write failed as a whole or in part; the outcomes known by then were printed.
    """
    records = source if isinstance(source, Records) else None
    report = _Report(success_label, records, on_result, journal)
    running = _RunningWrite(client, source, activity, done)
    failure: ExistAsyncError | None = None
    try:
        result = await running.run(write)
    except ExistAsyncError as error:
        if error.result is None:
            raise
        # An error of the input, such as a name that is not UTF-8, explains itself without the batch's message.
        input_error = error.__cause__ if isinstance(error.__cause__, ConfigurationError) else None
        result, failure = error.result, input_error or error
    except asyncio.CancelledError:
        await report.print_interrupted(running.outcomes, all_answered=running.all_answered)
        raise
    report.print_result(result, failure)
    if not_owned_advice is not None and any(map(is_not_owned, result)):
        print_error(not_owned_advice)
    if failure is None:
        return 0 if result.ok and not (records is not None and records.unreadable) else 1
    if journal is not None and not isinstance(failure, ConfigurationError) and any(map(_is_left, result)):
        failure.add_note(_GO_ON)
    raise failure


def _is_left(outcome: Outcome[Any, Any]) -> bool:
    """Whether a write with a journal sends an item that has this outcome again."""
    return outcome.status not in FINE and not outcome.refused_for_itself


def _is_told_by_itself(outcome: Outcome[Any, Any]) -> bool:
    return outcome.refused_for_itself or outcome.status is OutcomeStatus.UNKNOWN


@frozen
class _Report:
    """Prints what became of the items of a write.

    Attributes:
        success_label: Outcome of the items that succeeded.
        records: Records that the items were read from, if they were.
        on_result: Called with the outcomes after they were printed.
        journal: The journal of the write, if it has one.
    """

    success_label: str
    records: Records | None
    on_result: Callable[[Sequence[Outcome[Any, Any]]], object] | None
    journal: Journal | None

    def print_result(self, result: BatchResult[Any, Any], failure: ExistAsyncError | None) -> None:
        """Print the outcomes of a write that has ended, if there is anything to print."""
        listed: Sequence[Outcome[Any, Any]] = result
        if failure is not None:
            # The error is printed after this. It tells once why requests were refused or not sent.
            is_shared = all(type(outcome.cause) is type(failure) for outcome in result)
            listed = [] if is_shared else list(filter(_is_told_by_itself, result))
        was_read = self.records is not None and (self.records.unreadable or self.records.empty_count)
        if result or failure is None or was_read:
            self._print(result, listed)

    async def print_interrupted(self, known: Sequence[Outcome[Any, Any]], *, all_answered: bool) -> None:
        """Print the outcomes that are known after Ctrl-C; with a journal, those of earlier runs as well."""
        if self.journal is None:
            self._print(known, known)
            print_error(
                f"stopped: items that are not counted above {'were not' if all_answered else 'may have been'} sent"
            )
            return
        failed = [outcome for status in _LISTED async for outcome in self.journal.outcomes(status=status)]
        self._print(failed, list(filter(_is_told_by_itself, failed)), (await self.journal.summary()).counts)
        print_error(f"stopped. {_GO_ON}")

    def _print(
        self,
        outcomes: Sequence[Outcome[Any, Any]],
        listed: Sequence[Outcome[Any, Any]],
        counts: Mapping[OutcomeStatus, int] | None = None,
    ) -> None:
        print_outcomes(
            stdout_console(),
            outcomes,
            success_label=self.success_label,
            listed=listed,
            counts=counts,
            records=self.records,
        )
        if self.on_result is not None:
            self.on_result(outcomes)


class _RunningWrite:
    """A write in progress, and the outcomes that are known so far.

    Args:
        client: The client that sends the write.
        source: Source of the items.
        activity: Description for the progress bar.
        done: Number of items that an earlier run has done.

    Attributes:
        all_answered: Whether all that was sent before Ctrl-C was answered.
    """

    def __init__(self, client: ExistClient, source: Names | Records, activity: str, done: int) -> None:
        self.all_answered = False
        self._known: list[Outcome[Any, Any]] = []
        self._client = client
        self._source = source
        self._activity = activity
        self._done = done

    @property
    def outcomes(self) -> list[Outcome[Any, Any]]:
        """The outcomes that are known so far, in the order of the items."""
        return sorted(self._known, key=attrgetter("index"))

    async def run(self, write: Callable[[OnOutcome], Awaitable[BatchResult[Any, Any]]]) -> BatchResult[Any, Any]:
        """Show the progress of the write, and return its result; after Ctrl-C, wait for what is in flight."""
        count, is_shown = self._source.count, not self._source.is_interactive
        with progress_bar(self._activity, count, done=self._done, enabled=is_shown) as advance:

            def on_outcome(outcome: Outcome[Any, Any]) -> None:
                self._known.append(outcome)
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
