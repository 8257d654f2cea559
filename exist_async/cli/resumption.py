"""Goes on with the write of a file where an earlier run stopped."""

import re
import sqlite3
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from exist_async.cli.kept_journals import KeptJournal
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
    path: Path, account: str, total: int | None, *, retry_refused: bool
) -> AsyncGenerator[tuple[Journal, int], None]:
    """Open a journal for the duration of a block, and tell what an earlier run has written.

    The values that the service refused are sent again if there is nothing else left: the user may have done something
    about them.

    Args:
        path: The journal.
        account: The account that is written to.
        total: Number of values of the input; None if it is not known.
        retry_refused: Whether the refused values are sent again in any case.

    Yields:
        The journal, and the number of values that are not sent again.

    Raises:
        JournalError: It is open elsewhere, or can't be used.
    """
    async with Journal(path, user=account) as journal:
        summary = await journal.summary()
        # Not those whose whole request was refused, which are sent again.
        refused = sum([each.refused_for_itself async for each in journal.outcomes(status=OutcomeStatus.REFUSED)])
    done = sum(summary.counts[status] for status in FINE)
    if len(summary):
        print_going_on(done, total)
    retry_refused = retry_refused or (total is not None and done + refused >= total)
    async with Journal(path, user=account, retry_refused=retry_refused) as journal:
        yield journal, done + (0 if retry_refused else refused)


async def check_free(place: KeptJournal, account: str, *, may_be_damaged: bool) -> None:
    """Check that no other program uses a journal, if there is one.

    Args:
        place: The place of the journal.
        account: The account that is written to.
        may_be_damaged: Whether it may be damaged, because it is to be removed. A file that the user named may not be:
            it may be anything.

    Raises:
        JournalError: It is open elsewhere, or can't be used.
    """
    if not place.path.exists():
        return
    try:
        async with Journal(place.path, user=account):
            pass
    except JournalError as error:
        if not (may_be_damaged and place.has_record) or _is_open_elsewhere(error):
            raise


async def remove_journal(place: KeptJournal, account: str) -> None:
    """Remove a journal, which may be damaged, but not one that another program uses.

    Raises:
        JournalError: It is open elsewhere, or is a file that the user named and no journal.
        ConfigurationError: It can't be removed.
    """
    await check_free(place, account, may_be_damaged=True)
    place.remove()


def _is_open_elsewhere(error: JournalError) -> bool:
    code = getattr(error.__cause__, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def print_going_on(done: int, total: int | None) -> None:
    """Print how many values an earlier run has written."""
    of_total = "" if total is None else f" of {total:,}"
    print(f"Going on: {done:,}{of_total} are written already.", file=sys.stderr)


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
