"""Prints what `update --dry-run` would write, in how many requests, and how long it would take."""

import math
from collections.abc import Sequence
from typing import Final

from attrs import frozen

from exist_async.batch.items import CHUNK_SIZE
from exist_async.cli.budget import Budget
from exist_async.cli.outcome_tables import print_unreadable
from exist_async.cli.output import cell, plain_table, stdout_console
from exist_async.cli.records import Records
from exist_async.cli.takeover import OWNER_NOT_KNOWN, Takeovers
from exist_async.client import ExistClient
from exist_async.values import ValueUpdate
from exist_async.values.requests import conflict_key

_HOUR: Final = 3600.0


@frozen
class WritePlan:
    """The requests and values of a write that is not made.

    Attributes:
        values: Number of values to write.
        superseded: Number of values before a later one for the same attribute and day.
        unchanged: Number of values that Exist has already.
        requests: Number of requests, with those that compare values.
    """

    values: int
    superseded: int
    unchanged: int
    requests: int


async def plan_write(exist: ExistClient, updates: Sequence[ValueUpdate], *, changed_only: bool) -> WritePlan:
    """Return what writing values would do; with `changed_only`, reads the values that Exist has.

    Args:
        exist: The client.
        updates: The values.
        changed_only: Whether only values that differ would be written.
    """
    if changed_only:
        comparison = await exist.values.compare(updates)
        requests = comparison.reads + comparison.writes
        return WritePlan(len(comparison.changed), comparison.superseded, comparison.unchanged, requests)
    values = len({conflict_key(update) for update in updates})
    return WritePlan(values, len(updates) - values, 0, math.ceil(values / CHUNK_SIZE))


def print_plan(plan: WritePlan, records: Records, takeovers: Takeovers | None, budget: Budget) -> None:
    """Print a plan, the records that can't be read, and the attributes that are taken from other services.

    Args:
        plan: The plan.
        records: The records that were read.
        takeovers: The attributes that may be taken from other services; None if nothing is acquired.
        budget: The requests that are allowed.
    """
    console = stdout_console()
    print_unreadable(console, records)
    if takeovers is not None and (takeovers.owners or takeovers.unlisted):
        owners = plain_table("Would be taken", "Owner now")
        for name, owner in (*takeovers.owners.items(), *((name, OWNER_NOT_KNOWN) for name in takeovers.unlisted)):
            owners.add_row(cell(name), cell(owner))
        console.print(owners, "")
    table = plain_table("Dry run", "Items")
    table.columns[1].justify = "right"
    counts = {
        "to write": plan.values,
        "unchanged": plan.unchanged,
        "superseded": plan.superseded,
        "empty": records.empty_count,
        "unreadable": len(records.unreadable),
    }
    for label, count in counts.items():
        if count or label == "to write":
            table.add_row(label, f"{count:,}")
    console.print(table)
    console.print(f"\n{describe_plan(plan, budget)}\nNothing was written.")


def describe_plan(plan: WritePlan, budget: Budget) -> str:
    """Return the number of values and requests of a plan, and how long these take within the budget."""
    period = "an hour" if budget.period == _HOUR else f"in {budget.period:g} s"
    duration = "no waiting"
    if plan.requests > budget.requests:
        duration = f"about {_describe_duration(plan.requests / budget.requests * budget.period)}"
    requests = _count(plan.requests, "request")
    return f"{_count(plan.values, 'value')} · {requests} · {duration} at {budget.requests:,} requests {period}"


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _describe_duration(seconds: float) -> str:
    if seconds < 120:
        return f"{math.ceil(seconds)} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return " ".join([f"{hours} h"] * bool(hours) + [f"{minutes} min"] * bool(minutes or not hours))
