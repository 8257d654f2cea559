"""Prints the outcomes of a write: a table of the items that did not succeed, and a table of counts."""

from collections import Counter
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from exist_async.attributes import ByName, ByTemplate, CustomAttribute
from exist_async.cli.output import cell, plain_table
from exist_async.cli.records import Records, UnreadableRecord
from exist_async.errors import RateLimitError
from exist_async.outcomes import FINE, Outcome, OutcomeStatus
from exist_async.values import ValueUpdate

_STYLES = {
    OutcomeStatus.SUCCEEDED: "green",
    OutcomeStatus.REFUSED: "red",
    OutcomeStatus.UNKNOWN: "yellow",
    OutcomeStatus.NOT_SENT: "yellow",
    OutcomeStatus.UNCHANGED: "dim",
    OutcomeStatus.SUPERSEDED: "dim",
}
_COLUMNS = ("Name", "Outcome", "Code", "Reason")
_UNREADABLE = "unreadable"


def is_not_owned(outcome: Outcome[Any, Any]) -> bool:
    """Whether an item was refused because another service owns its attribute, or the user does not have it."""
    return outcome.error_code in ("unauthorised", "not_found")


def print_outcomes(
    console: Console,
    result: Sequence[Outcome[Any, Any]],
    *,
    success_label: str,
    listed: Sequence[Outcome[Any, Any]] | None = None,
    counts: Mapping[OutcomeStatus, int] | None = None,
    records: Records | None = None,
) -> None:
    """Print each item that did not succeed, and the number of items by outcome.

    Items that were not sent because no more requests are allowed are only counted.

    Args:
        console: Console to print on.
        result: The outcomes.
        success_label: Outcome of the items that succeeded, such as "acquired".
        listed: The outcomes to list, as far as the items did not succeed; by default all.
        counts: Number of items by outcome; by default those of the outcomes.
        records: Records that the items were read from, to show line numbers. Unreadable records are always listed.
    """
    listed = result if listed is None else listed
    failed = [outcome for outcome in listed if outcome.status not in FINE and not _awaits_budget(outcome)]
    if records is None:
        if failed:
            console.print(_failure_table(failed), "")
    elif failed or records.unreadable:
        console.print(_failure_table_by_line(failed, records), "")
    if counts is None:
        counts = Counter(outcome.status for outcome in result)
    console.print(_count_table(counts, success_label, len(records.unreadable) if records is not None else 0))
    if records is not None and records.empty_count:
        is_everything = not (any(counts.values()) or records.unreadable)
        console.print(f"\n{_describe_empty(records.empty_count, everything=is_everything)}")
    if records is not None and not records.is_complete:
        console.print(f"\nNothing was read after line {records.last_line}.")


def print_unreadable(console: Console, records: Records) -> None:
    """Print each record that can't be parsed."""
    if records.unreadable:
        console.print(_failure_table_by_line([], records), "")


def _awaits_budget(outcome: Outcome[Any, Any]) -> bool:
    """Whether an item was not sent because no more requests are allowed, which the command reports at its end."""
    return outcome.status is OutcomeStatus.NOT_SENT and isinstance(outcome.cause, RateLimitError)


def _failure_table(outcomes: Sequence[Outcome[Any, Any]]) -> Table:
    table = plain_table(*_COLUMNS)
    previous_cause: Exception | None = None
    for outcome in outcomes:
        table.add_row(*_failure_cells(outcome, previous_cause))
        previous_cause = outcome.cause
    return table


def _failure_table_by_line(outcomes: Sequence[Outcome[Any, Any]], records: Records) -> Table:
    table = plain_table("Line", *_COLUMNS)
    table.columns[0].justify = "right"
    entries: list[tuple[int, Outcome[Any, Any] | UnreadableRecord]] = [
        *((records.line_numbers[outcome.index], outcome) for outcome in outcomes),
        *((record.line_number, record) for record in records.unreadable),
    ]
    previous_cause: Exception | None = None
    for line_number, entry in sorted(entries, key=itemgetter(0)):
        if isinstance(entry, UnreadableRecord):
            table.add_row(str(line_number), cell(entry.name), cell(_UNREADABLE, "red"), "", cell(entry.reason))
            previous_cause = None
        else:
            table.add_row(str(line_number), *_failure_cells(entry, previous_cause))
            previous_cause = entry.cause
    return table


def _failure_cells(outcome: Outcome[Any, Any], previous_cause: Exception | None) -> tuple[Text, ...]:
    """Return the cells of an item. The error of a whole request is long, and printed only with its first item."""
    reason = outcome.error if outcome.error is not None else outcome.cause
    is_repeated = outcome.cause is not None and outcome.cause is previous_cause
    return (
        cell(_item_name(outcome.item)),
        cell(_status_label(outcome.status), _STYLES[outcome.status]),
        cell(outcome.error_code),
        cell("as above" if is_repeated else reason),
    )


def _count_table(counts: Mapping[OutcomeStatus, int], success_label: str, unreadable_count: int) -> Table:
    table = plain_table("Outcome", "Items")
    table.columns[1].justify = "right"
    for status in OutcomeStatus:
        count = counts.get(status, 0)
        if count or status is OutcomeStatus.SUCCEEDED:
            label = success_label if status is OutcomeStatus.SUCCEEDED else _status_label(status)
            table.add_row(cell(label, _STYLES.get(status, "dim") if count else "dim"), str(count))
    if unreadable_count:
        table.add_row(cell(_UNREADABLE, "red"), str(unreadable_count))
    return table


def _describe_empty(count: int, *, everything: bool) -> str:
    if everything:
        return f"Nothing was written: all values that were read are empty ({count})."
    values, were, them = ("value", "was", "it") if count == 1 else ("values", "were", "them")
    return f"{count} {values} {were} empty: nothing was written for {them}."


def _status_label(status: OutcomeStatus) -> str:
    return status.value.replace("_", " ")


def _item_name(item: ByName | ByTemplate | CustomAttribute | ValueUpdate) -> str:
    if isinstance(item, ByTemplate):
        return item.template
    return item.label if isinstance(item, CustomAttribute) else item.name
