"""The command `values`."""

import datetime as dt
import sys
from collections.abc import AsyncIterable
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from exist_async.attributes import Attribute
from exist_async.cli.budget import EXIST_BUDGET
from exist_async.cli.connection import connect
from exist_async.cli.options import BaseUrl, BudgetOption, Day, Wait, resolve_days
from exist_async.cli.output import cell, one_line, plain_table, print_error, stdout_console
from exist_async.cli.value_text import format_value
from exist_async.resource import EXIST
from exist_async.values import DayValue


async def values(
    name: str,
    /,
    *,
    days: Annotated[int, Parameter(validator=Number(gte=1))] = 30,
    until: Day = "today",
    wait: Wait = None,
    budget: BudgetOption = EXIST_BUDGET,
    base_url: BaseUrl = EXIST,
) -> int:
    """Show the values of an attribute, newest day first. Days without a value are left out.

    Args:
        name: The attribute's name.
        days: Number of days.
        until: The last day: YYYY-MM-DD, today or yesterday.
        wait: If the requests of this hour are used up: wait until more are allowed, or end at once. By default wait in
            a terminal, and else for a minute at most.
        budget: Requests that are allowed, and in how many seconds.
        base_url: Origin of the service.
    """
    async with connect(base_url, wait=wait, budget=budget) as exist:
        attribute = await exist.attributes.get(name)
        if attribute is None:
            print_error(f"attribute {name!r} does not exist, or the token may not read it")
            return 1
        (end,) = await resolve_days(exist, until)
        start = dt.date.fromordinal(max(1, end.toordinal() - days + 1))
        history = exist.values.history(start, end, attributes=[name])
        if sys.stdout.isatty():
            await _print_table(attribute, history)
        else:
            async for _, day in history:
                print(day.date, one_line(day.value), sep="\t")
    if history.inaccessible:
        print_error(f"attribute {name!r} is inactive or owned by no service: acquire it to read its values")
        return 1
    return 0


async def _print_table(attribute: Attribute, history: AsyncIterable[tuple[str, DayValue]]) -> None:
    table = plain_table("Date", attribute.label or attribute.name)
    async for _, day in history:
        table.add_row(str(day.date), cell(format_value(day.value, attribute.value_type)))
    stdout_console().print(table)
    print(f"\nValues: {table.row_count}")
