"""The command `increment`."""

import sys
from typing import Annotated

from cyclopts import Parameter, Token

from exist_async.cli.connection import BaseUrl, connect
from exist_async.cli.days import Day, resolve
from exist_async.cli.outcomes import is_not_owned
from exist_async.cli.text import complain, one_line
from exist_async.cli.value_text import for_people, number
from exist_async.outcomes import Outcome
from exist_async.resource import EXIST
from exist_async.values import ValueEcho, ValueIncrement


def _number(_: object, tokens: list[Token]) -> int | float:
    return number(tokens[0].value)


async def increment(
    name: str,
    value: Annotated[int | float, Parameter(converter=_number)],
    /,
    *,
    date: Day = "today",
    base_url: BaseUrl = EXIST,
) -> int:
    """Add to what an attribute has on a day, and print what it has now.

    Args:
        name: The name of an attribute that this service owns.
        value: The number to add, as Exist counts: minutes, or percentages from 0.0 to 1.0. One below 0 takes away.
        date: The day: YYYY-MM-DD, today or yesterday.
        base_url: The origin of the service.
    """
    in_terminal = sys.stdout.isatty()
    async with connect(base_url) as exist:
        (day,) = await resolve(exist, date)
        # Asked for first: were it to fail afterwards, it would look as if nothing had been added.
        attribute = await exist.attributes.get(name) if in_terminal else None
        (outcome,) = await exist.values.increment([ValueIncrement(name, value, day)])
    echo = outcome.value
    if echo is None:
        complain(f"{name} was refused: {_reason(outcome)}")
        if is_not_owned(outcome):
            complain(
                f"this service can add to what it owns: acquire it first (exist-async acquire {name}, with --by-name "
                "if it is no template)"
            )
        return 1
    if not in_terminal:
        print("" if echo.current is None else one_line(echo.current))
    elif echo.current is None:
        print(f"{one_line(name)}: added {value} on {day}")
    else:
        now = for_people(echo.current, attribute.value_type if attribute is not None else None)
        print(f"{one_line(name)} has {one_line(now)} on {day}")
    return 0


def _reason(outcome: Outcome[ValueIncrement, ValueEcho]) -> str:
    return ": ".join(filter(None, (outcome.error_code, outcome.error)))
