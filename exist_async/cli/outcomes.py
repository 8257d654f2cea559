"""Shows what became of the items of a write."""

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from exist_async.attributes import ByName, ByTemplate, CustomAttribute
from exist_async.cli.records import Records, Unreadable
from exist_async.cli.tables import cell, table
from exist_async.outcomes import BatchResult, Outcome, OutcomeStatus
from exist_async.values import ValueUpdate

_STYLES = {
    OutcomeStatus.SUCCEEDED: "green",
    OutcomeStatus.REFUSED: "red",
    OutcomeStatus.UNKNOWN: "yellow",
    OutcomeStatus.NOT_SENT: "yellow",
}
_COLUMNS = ("Name", "Outcome", "Code", "Reason")
_UNREADABLE = "unreadable"


def is_not_owned(outcome: Outcome[Any, Any]) -> bool:
    """Whether an item was refused because its attribute is another service's, or the user lacks it."""
    return outcome.error_code in ("unauthorised", "not_found")


def show(
    screen: Console,
    result: BatchResult[Any, Any],
    *,
    done: str,
    listed: bool = True,
    records: Records | None = None,
) -> None:
    """Print each item that did not succeed, and how many items became what.

    Args:
        screen: Where to print.
        result: The outcomes.
        done: What became of those that succeeded, such as "acquired".
        listed: Whether to name the items, or count them alone.
        records: Where the items stand in an input, if they are told by their lines. What could not be read of it is
            always listed.
    """
    failed = [outcome for outcome in result if outcome.status is not OutcomeStatus.SUCCEEDED] if listed else []
    if records is None:
        if failed:
            screen.print(_failures(failed), "")
    elif failed or records.unreadable:
        screen.print(_failed_lines(failed, records), "")
    screen.print(_counts(result, done, len(records.unreadable) if records is not None else 0))
    if records is not None and not records.ended:
        screen.print(f"\nNothing was read after line {records.last}.")


def _failures(outcomes: Sequence[Outcome[Any, Any]]) -> Table:
    shown = table(*_COLUMNS)
    told: Exception | None = None
    for outcome in outcomes:
        shown.add_row(*_cells(outcome, told))
        told = outcome.cause
    return shown


def _failed_lines(outcomes: Sequence[Outcome[Any, Any]], records: Records) -> Table:
    shown = table("Line", *_COLUMNS)
    shown.columns[0].justify = "right"
    entries: list[tuple[int, Outcome[Any, Any] | Unreadable]] = [
        *((records.lines[outcome.index], outcome) for outcome in outcomes),
        *((record.line, record) for record in records.unreadable),
    ]
    told: Exception | None = None
    for line, entry in sorted(entries, key=itemgetter(0)):
        if isinstance(entry, Unreadable):
            shown.add_row(str(line), cell(entry.name), cell(_UNREADABLE, "red"), "", cell(entry.reason))
            told = None
        else:
            shown.add_row(str(line), *_cells(entry, told))
            told = entry.cause
    return shown


def _cells(outcome: Outcome[Any, Any], told: Exception | None) -> tuple[Text, ...]:
    """Return what is said of an item; the error of a whole request is long, and is not told to each of its items."""
    reason = outcome.error if outcome.error is not None else outcome.cause
    repeated = outcome.cause is not None and outcome.cause is told
    return (
        cell(_name(outcome.item)),
        cell(_words(outcome.status), _STYLES[outcome.status]),
        cell(outcome.error_code),
        cell("as above" if repeated else reason),
    )


def _counts(result: BatchResult[Any, Any], done: str, unreadable: int) -> Table:
    counted = table("Outcome", "Items")
    counted.columns[1].justify = "right"
    for status in OutcomeStatus:
        number = sum(outcome.status is status for outcome in result)
        if number or status is OutcomeStatus.SUCCEEDED:
            words = done if status is OutcomeStatus.SUCCEEDED else _words(status)
            counted.add_row(cell(words, _STYLES[status] if number else "dim"), str(number))
    if unreadable:
        counted.add_row(cell(_UNREADABLE, "red"), str(unreadable))
    return counted


def _words(status: OutcomeStatus) -> str:
    return status.value.replace("_", " ")


def _name(item: ByName | ByTemplate | CustomAttribute | ValueUpdate) -> str:
    match item:
        case ByTemplate():
            return item.template
        case ByName() | ValueUpdate():
            return item.name
        case CustomAttribute():
            return item.label
