"""The command `owned`."""

import sys
from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import ConsoleDimensions

from exist_async.attributes import Attribute
from exist_async.cli.budget import EXIST_BUDGET
from exist_async.cli.connection import connect
from exist_async.cli.options import BaseUrl, BudgetOption, Flag, NameList, Wait, group_names
from exist_async.cli.output import cell, one_line, plain_table, stdout_console
from exist_async.resource import EXIST

_COLUMNS = ("Name", "Label", "Group", "Value type", "Active", "Service")

# Minimum width of the columns after the name, at which no word of their titles is broken.
_MIN_OTHER_COLUMNS_WIDTH = len(_COLUMNS[1:]) * (3 + len("Service"))


async def owned(
    *,
    group: NameList = None,
    inactive: Flag = False,
    low_priority: Flag = False,
    wait: Wait = None,
    budget: BudgetOption = EXIST_BUDGET,
    base_url: BaseUrl = EXIST,
) -> None:
    """List the attributes that this service owns.

    Args:
        group: Only attributes of these groups, separated by commas; may be repeated.
        inactive: Include attributes that the user does not track now.
        low_priority: Include attributes with a priority of 10 and more.
        wait: If the requests of this hour are used up: wait until more are allowed, or end at once. By default wait in
            a terminal, and else for a minute at most.
        budget: Requests that are allowed, and in how many seconds.
        base_url: Origin of the service.
    """
    async with connect(base_url, wait=wait, budget=budget) as exist:
        # All pages before any output: a reader of the output may release attributes, which would shift later pages.
        attributes = await exist.attributes.owned(
            groups=group_names(group), include_inactive=inactive, include_low_priority=low_priority
        ).collect()
    if sys.stdout.isatty():
        _print_table(attributes)
    else:
        for attribute in attributes:
            print(*map(one_line, _row(attribute)), sep="\t")


def _print_table(attributes: Sequence[Attribute]) -> None:
    table = plain_table(*_COLUMNS)
    for attribute in attributes:
        table.add_row(*map(cell, _row(attribute)))
    # Names are copied into other commands, so they are never wrapped; a terminal that is too narrow for the table
    # breaks its lines itself.
    table.columns[0].no_wrap = True
    console = stdout_console()
    longest_name = max((cell_len(one_line(attribute.name)) for attribute in attributes), default=0)
    # With the height: given the width alone, rich assumes 80 columns in a terminal of type "dumb".
    console.size = ConsoleDimensions(max(console.width, longest_name + _MIN_OTHER_COLUMNS_WIDTH), console.height)
    console.print(table)
    print(f"\n{len(attributes)} owned")


def _row(attribute: Attribute) -> tuple[str, ...]:
    group, service, value_type = attribute.group, attribute.service, attribute.value_type
    return (
        attribute.name,
        attribute.label or "",
        group.name if group else "",
        value_type.name.lower().replace("_", " ") if value_type is not None else "",
        {True: "yes", False: "no", None: ""}[attribute.active],
        (service.label or service.name) if service else "",
    )
