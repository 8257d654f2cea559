"""The command `increment`."""

import asyncio
import sys
from collections.abc import Sequence
from typing import Annotated

from cyclopts import Parameter, Token

from exist_async.attributes import Attribute
from exist_async.cli.budget import EXIST_BUDGET
from exist_async.cli.connection import connect
from exist_async.cli.options import BaseUrl, BudgetOption, Day, Wait, resolve_days
from exist_async.cli.outcome_tables import is_not_owned
from exist_async.cli.output import one_line, print_error
from exist_async.cli.value_text import format_value, parse_number
from exist_async.cli.write_command import wait_for_answers
from exist_async.client import ExistClient
from exist_async.outcomes import Outcome
from exist_async.resource import EXIST
from exist_async.values import ValueEcho, ValueIncrement


def _convert_number(_: object, tokens: list[Token]) -> int | float:
    return parse_number(tokens[0].value)


async def increment(
    name: str,
    value: Annotated[int | float, Parameter(converter=_convert_number)],
    /,
    *,
    date: Day = "today",
    wait: Wait = None,
    budget: BudgetOption = EXIST_BUDGET,
    base_url: BaseUrl = EXIST,
) -> int:
    """Add a number to the value of an attribute on a day, and print the new value.

    Args:
        name: The name of an attribute that this service owns.
        value: The number to add, in Exist's own units: minutes, or percentages from 0.0 to 1.0. A negative number
            subtracts.
        date: The day: YYYY-MM-DD, today or yesterday.
        wait: If the requests of this hour are used up: wait until more are allowed, or end at once. By default wait in
            a terminal, and else for a minute at most.
        budget: Requests that are allowed, and in how many seconds.
        base_url: Origin of the service.
    """
    known: list[Outcome[ValueIncrement, ValueEcho]] = []
    attribute: Attribute | None = None
    async with connect(base_url, wait=wait, budget=budget) as exist:
        try:
            (day,) = await resolve_days(exist, date)
            if sys.stdout.isatty():
                # Requested before the write: a failure after it would look as if nothing had been added.
                attribute = await exist.attributes.get(name)
            await exist.values.increment([ValueIncrement(name, value, day)], on_outcome=known.append)
        except asyncio.CancelledError:
            await _report_interrupted(exist, known, attribute)
            raise
        return _print_outcome(known[0], attribute)


async def _report_interrupted(
    exist: ExistClient, known: Sequence[Outcome[ValueIncrement, ValueEcho]], attribute: Attribute | None
) -> None:
    """Print the outcome after Ctrl-C, as running the command again may add twice."""
    was_sent = "it may have been added: look at the value before you run the command again"
    try:
        await wait_for_answers(exist)
        was_sent = "nothing was added"
    finally:
        if not known:
            print_error(f"stopped: {was_sent}")
        elif _print_outcome(known[0], attribute) == 0:
            print_error("stopped after it was added: running the command again would add it twice")


def _print_outcome(outcome: Outcome[ValueIncrement, ValueEcho], attribute: Attribute | None) -> int:
    """Print the outcome, and return the exit code."""
    name, value, day, echo = outcome.item.name, outcome.item.value, outcome.item.date, outcome.value
    if outcome.cause is not None:
        print_error(outcome.cause)
        return 1
    if echo is None:
        print_error(f"{name} was refused: {_format_refusal(outcome)}")
        if is_not_owned(outcome):
            print_error(
                f"only attributes that this service owns can be changed: run exist-async acquire {name} first, with "
                "--by-name if it is not a template"
            )
        return 1
    if not sys.stdout.isatty():
        print("" if echo.current is None else one_line(echo.current))
    elif echo.current is None:
        print(f"{one_line(name)}: added {value} on {day}")
    else:
        new_value = format_value(echo.current, attribute.value_type if attribute is not None else None)
        print(f"{one_line(name)} is now {one_line(new_value)} on {day}")
    return 0


def _format_refusal(outcome: Outcome[ValueIncrement, ValueEcho]) -> str:
    return ": ".join(filter(None, (outcome.error_code, outcome.error)))
