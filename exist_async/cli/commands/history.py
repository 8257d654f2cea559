"""The command `history`."""

import sys
from typing import Annotated

from cyclopts import CycloptsError, Parameter

from exist_async.cli.budget import EXIST_BUDGET
from exist_async.cli.connection import connect
from exist_async.cli.export_formats import ExportFormat, open_writer
from exist_async.cli.options import (
    BaseUrl,
    BudgetOption,
    Day,
    Flag,
    NameList,
    Wait,
    group_names,
    resolve_days,
    split_names,
)
from exist_async.cli.output import print_error
from exist_async.cli.progress import request_progress
from exist_async.resource import EXIST


async def history(
    *,
    start: Day,
    end: Day = "today",
    attribute: NameList = None,
    group: NameList = None,
    format_: Annotated[ExportFormat | None, Parameter(name="--format")] = None,
    safe_cells: Flag = False,
    wait: Wait = None,
    budget: BudgetOption = EXIST_BUDGET,
    base_url: BaseUrl = EXIST,
) -> int:
    """Export all values between two days, attribute by attribute, newest day first.

    Args:
        start: The first day: YYYY-MM-DD, today or yesterday.
        end: The last day, inclusive.
        attribute: Only these attributes, separated by commas; may be repeated. Exist gives the values of inactive
            attributes to nobody: acquire them first.
        group: Only attributes of these groups, separated by commas; may be repeated.
        format_: Output format; by default a table in a terminal, and CSV in a file or a pipe.
        safe_cells: Write a single quote before text in CSV that begins with =, +, -, @, a tab or a line break, which a
            spreadsheet would run as a formula. Numbers stay numbers. Such a file is not for update, which would keep
            the quotes.
        wait: If the requests of this hour are used up: wait until more are allowed, or end at once. By default wait in
            a terminal, and else for a minute at most.
        budget: Requests that are allowed, and in how many seconds.
        base_url: Origin of the service.
    """
    in_terminal = sys.stdout.isatty()
    names = None if attribute is None else split_names(attribute)
    export_format = format_ or ("table" if in_terminal else "csv")
    if safe_cells and export_format != "csv":
        raise CycloptsError("--safe-cells is an option of CSV: add --format csv")
    async with connect(base_url, wait=wait, budget=budget) as exist:
        first_day, last_day = await resolve_days(exist, start, end)
        days = exist.values.history(first_day, last_day, attributes=names, groups=group_names(group))
        # A progress bar and rows in the same terminal would overwrite each other.
        with request_progress("Reading", enabled=not in_terminal) as progress:
            progress.total = await days.plan()
            if sys.stderr.isatty():
                print(f"Requests needed: {progress.total} ({budget.allowed})", file=sys.stderr)
            write = await open_writer(export_format, exist, safe_cells=safe_cells)
            async for name, day in days:
                write(name, day)
    if days.inaccessible:
        names_left_out = ", ".join(days.inaccessible)
        print_error(
            f"left out, because they are inactive or not there: {names_left_out}. Acquire them to read their values."
        )
    return 1 if names is not None and days.inaccessible else 0
