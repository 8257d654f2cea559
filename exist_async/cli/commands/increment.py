"""The command `increment`."""

import sys
from typing import Annotated

from cyclopts import Parameter, Token

from exist_async.cli.connection import connect
from exist_async.cli.options import BaseUrl, Day, resolve_days
from exist_async.cli.outcome_tables import is_not_owned
from exist_async.cli.output import one_line, print_error
from exist_async.cli.value_text import format_value, parse_number
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
    base_url: BaseUrl = EXIST,
) -> int:
    """Add a number to the value of an attribute on a day, and print the new value.

    Args:
        name: The name of an attribute that this service owns.
        value: The number to add, in Exist's own units: minutes, or percentages from 0.0 to 1.0. A negative number
            subtracts.
        date: The day: YYYY-MM-DD, today or yesterday.
        base_url: Origin of the service.
    """
    in_terminal = sys.stdout.isatty()
    async with connect(base_url) as exist:
        (day,) = await resolve_days(exist, date)
        # Requested before the write: a failure after it would look as if nothing had been added.
        attribute = await exist.attributes.get(name) if in_terminal else None
        (outcome,) = await exist.values.increment([ValueIncrement(name, value, day)])
    echo = outcome.value
    if echo is None:
        print_error(f"{name} was refused: {_format_refusal(outcome)}")
        if is_not_owned(outcome):
            print_error(
                f"only attributes that this service owns can be changed: run exist-async acquire {name} first, with "
                "--by-name if it is not a template"
            )
        return 1
    if not in_terminal:
        print("" if echo.current is None else one_line(echo.current))
    elif echo.current is None:
        print(f"{one_line(name)}: added {value} on {day}")
    else:
        new_value = format_value(echo.current, attribute.value_type if attribute is not None else None)
        print(f"{one_line(name)} is now {one_line(new_value)} on {day}")
    return 0


def _format_refusal(outcome: Outcome[ValueIncrement, ValueEcho]) -> str:
    return ": ".join(filter(None, (outcome.error_code, outcome.error)))
