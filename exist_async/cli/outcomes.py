"""Shows what became of the items of a write."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from exist_async.attributes import ByName, ByTemplate, CustomAttribute
from exist_async.batch import BatchResult, Outcome, OutcomeStatus
from exist_async.cli.tables import cell, table

_STYLES = {
    OutcomeStatus.SUCCEEDED: "green",
    OutcomeStatus.REFUSED: "red",
    OutcomeStatus.UNKNOWN: "yellow",
    OutcomeStatus.NOT_SENT: "yellow",
}


def show(screen: Console, result: BatchResult[Any, Any], *, done: str, listed: bool = True) -> None:
    """Print each item that did not succeed, and how many items became what.

    Args:
        screen: Where to print.
        result: The outcomes.
        done: What became of those that succeeded, such as "acquired".
        listed: Whether to name the items, or count them alone.
    """
    failed = [outcome for outcome in result if outcome.status is not OutcomeStatus.SUCCEEDED]
    if failed and listed:
        screen.print(_failures(failed), "")
    screen.print(_counts(result, done))


def _failures(outcomes: Sequence[Outcome[Any, Any]]) -> Table:
    shown = table("Name", "Outcome", "Code", "Reason")
    told: Exception | None = None
    for outcome in outcomes:
        status = cell(_words(outcome.status), _STYLES[outcome.status])
        reason = outcome.error if outcome.error is not None else outcome.cause
        # The error of a whole request is long, and all its items have it.
        repeated = outcome.cause is not None and outcome.cause is told
        told = outcome.cause
        shown.add_row(
            cell(_name(outcome.item)), status, cell(outcome.error_code), cell("as above" if repeated else reason)
        )
    return shown


def _counts(result: BatchResult[Any, Any], done: str) -> Table:
    counted = table("Outcome", "Items")
    counted.columns[1].justify = "right"
    for status in OutcomeStatus:
        number = sum(outcome.status is status for outcome in result)
        if number or status is OutcomeStatus.SUCCEEDED:
            words = done if status is OutcomeStatus.SUCCEEDED else _words(status)
            counted.add_row(cell(words, _STYLES[status] if number else "dim"), str(number))
    return counted


def _words(status: OutcomeStatus) -> str:
    return status.value.replace("_", " ")


def _name(item: ByName | ByTemplate | CustomAttribute) -> str:
    match item:
        case ByTemplate():
            return item.template
        case ByName():
            return item.name
        case CustomAttribute():
            return item.label
