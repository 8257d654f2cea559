"""The command `values`."""

import datetime as dt
import sys
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from exist_async.attributes import Attribute
from exist_async.cli.connection import BaseUrl, connect
from exist_async.cli.days import Day, resolve
from exist_async.cli.tables import cell, screen, table
from exist_async.cli.text import complain, one_line
from exist_async.cli.value_text import for_people
from exist_async.resource import EXIST
from exist_async.values.history import History


async def values(
    name: str,
    /,
    *,
    days: Annotated[int, Parameter(validator=Number(gte=1))] = 30,
    until: Day = "today",
    base_url: BaseUrl = EXIST,
) -> int:
    """Show what an attribute has, newest day first. Days without a value are left out.

    Args:
        name: The attribute's name.
        days: How many days.
        until: The last of them: YYYY-MM-DD, today or yesterday.
        base_url: The origin of the service.
    """
    async with connect(base_url) as exist:
        attribute = await exist.attributes.get(name)
        if attribute is None:
            complain(f"there is no attribute {name!r}, or the token may not read it")
            return 1
        (end,) = await resolve(exist, until)
        start = dt.date.fromordinal(max(1, end.toordinal() - days + 1))
        history = exist.values.history(start, end, attributes=[name])
        if sys.stdout.isatty():
            await _print_table(attribute, history)
        else:
            async for _, day in history:
                print(day.date, one_line(day.value), sep="\t")
    return 0


async def _print_table(attribute: Attribute, history: History) -> None:
    shown = table("Date", attribute.label or attribute.name)
    async for _, day in history:
        shown.add_row(str(day.date), cell(for_people(day.value, attribute.value_type)))
    screen().print(shown)
    print(f"\nValues: {shown.row_count}")
