"""Goes on with the write of a file where an earlier run stopped."""

import re
import sqlite3
import sys
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Final

from exist_async.cli.kept_journals import OTHER_PLACE, KeptJournal
from exist_async.cli.records import Records
from exist_async.cli.value_text import shorten
from exist_async.errors import ConfigurationError, JournalError
from exist_async.journals.sqlite import Journal
from exist_async.outcomes import FINE, BatchResult, OutcomeStatus
from exist_async.values import ValueEcho, ValueUpdate

_POSITION: Final = re.compile(r"\bitems\[(\d+)\]")


class ChangedInputError(ConfigurationError):
    """An input is not the one that an earlier run began to write."""


@asynccontextmanager
async def open_journal(
    place: KeptJournal, account: str, name: str, total: int | None, *, retry_refused: bool
) -> AsyncGenerator[tuple[Journal, int], None]:
    """Open a journal for the duration of a block, and tell what an earlier run has written.

    The values that the service refused are sent again if there is nothing else left: the user may have done something
    about them.

    Args:
        place: The place of the journal.
        account: The account that is written to.
        name: Name of the input, for messages.
        total: Number of values of the input; None if it is not known.
        retry_refused: Whether the refused values are sent again in any case.

    Yields:
        The journal, and the number of values that are not sent again.

    Raises:
        JournalError: It is open elsewhere, or can't be used.
    """
    with _explaining(place, name):
        async with Journal(place.path, user=account) as journal:
            summary = await journal.summary()
            # Not those whose whole request was refused, which are sent again.
            refused = sum([each.refused_for_itself async for each in journal.outcomes(status=OutcomeStatus.REFUSED)])
    done = sum(summary.counts[status] for status in FINE)
    if len(summary):
        print_going_on(done, total)
    # Of an input whose number of values is not known, the journal has those that were read.
    retry_refused = retry_refused or done + refused >= (len(summary) if total is None else total)
    async with Journal(place.path, user=account, retry_refused=retry_refused) as journal:
        yield journal, done + (0 if retry_refused else refused)


async def check_free(place: KeptJournal, account: str, name: str, *, may_be_damaged: bool) -> None:
    """Check that a journal is one of values, and that no other program uses it, if there is one.

    Args:
        place: The place of the journal.
        account: The account that is written to.
        name: Name of the input, for messages.
        may_be_damaged: Whether it may be damaged, because it is to be removed. A file that the user named may not be:
            it may be anything.

    Raises:
        JournalError: It is open elsewhere, or can't be used.
        ConfigurationError: It is of another kind of write.
    """
    if not place.path.exists():
        return
    try:
        with _explaining(place, name):
            async with Journal(place.path, user=account) as journal:
                first = await anext(journal.outcomes(), None)
        if first is not None and not isinstance(first.item, ValueUpdate):
            raise ConfigurationError(
                f"{place.path} is the journal of another kind of write: name another file with --journal"
            )
    except JournalError as error:
        if not (may_be_damaged and place.has_record) or _is_open_elsewhere(error):
            raise


async def remove_journal(place: KeptJournal, account: str, name: str) -> None:
    """Remove a journal, which may be damaged, but not one that another program uses.

    Raises:
        JournalError: It is open elsewhere, or is a file that the user named and no journal.
        ConfigurationError: It can't be removed.
    """
    await check_free(place, account, name, may_be_damaged=True)
    place.remove()


@contextmanager
def _explaining(place: KeptJournal, name: str) -> Generator[None]:
    """Tell the remedy for an error of a journal that the command keeps by itself, which the user did not name."""
    try:
        yield
    except JournalError as error:
        if not place.has_record:
            raise
        if _is_open_elsewhere(error):
            message = f"{name} is being written by another run of update: wait for its end, or stop it with Ctrl-C"
        elif _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            message = f"the journal of {name} is damaged ({place.path}): add --fresh to write {name} from its beginning"
        else:
            error.add_note(OTHER_PLACE)
            raise
        raise JournalError(message) from error.__cause__


def _is_open_elsewhere(error: JournalError) -> bool:
    return _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _code(error: JournalError) -> int:
    """Return SQLite's primary result code of an error; 0 if it has another cause."""
    return getattr(error.__cause__, "sqlite_errorcode", 0) & 0xFF


def print_going_on(done: int, total: int | None) -> None:
    """Print how many values an earlier run has written."""
    of_total = "" if total is None else f" of {total:,}"
    message = f"Going on: {done:,}{of_total} are written already."
    if done == total:
        message = f"{done:,}{of_total} are written already: add --fresh to write them again."
    print(message, file=sys.stderr)


async def check_unchanged(journal: Journal, records: Records, updates: Sequence[ValueUpdate], name: str) -> None:
    """Check that an input is the one of a journal, or continues it.

    Args:
        journal: The journal.
        records: The records of the input.
        updates: Their values.
        name: Name of the input, for the message.

    Raises:
        ChangedInputError: It is another. The message has the first line that differs.
    """
    changed = f"{name} is not as it was when an earlier run began to write it"
    remedy = "Add --fresh to write it from its beginning, or give it as it was to go on"
    async for outcome in journal.outcomes():
        former: ValueUpdate = outcome.item
        if outcome.index >= len(updates):
            raise ChangedInputError(f"{changed}: it has fewer lines, without {former.name} on {former.date}. {remedy}")
        update = updates[outcome.index]
        if update != former:
            raise ChangedInputError(
                f"{changed}: line {records.line_numbers[outcome.index]} is {_describe(update)}, and was "
                f"{_describe(former)}. {remedy}"
            )


def describe_journal_error(
    error: ConfigurationError, records: Records, result: BatchResult[ValueUpdate, ValueEcho] | None
) -> ConfigurationError:
    """Return an error about a journal of another write with line numbers and options, and with a result."""

    def describe_position(match: re.Match[str]) -> str:
        index = int(match[1])
        return f"line {records.line_numbers[index]}" if index < len(records.line_numbers) else "a further line"

    described = ConfigurationError(_POSITION.sub(describe_position, str(error)))
    described.result = result
    described.add_note("To write everything with a new journal, add --fresh.")
    return described


def _describe(update: ValueUpdate) -> str:
    return f"{update.name} on {update.date}: {shorten(repr(update.value))}"
