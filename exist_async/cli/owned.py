"""The command `owned`."""

import sys
from collections.abc import Sequence
from typing import Annotated

from cyclopts import Parameter
from rich.cells import cell_len
from rich.console import ConsoleDimensions

from exist_async.attributes import Attribute
from exist_async.cli.connection import BaseUrl, connect
from exist_async.cli.lists import Listed, groups
from exist_async.cli.tables import cell, screen, table
from exist_async.cli.text import one_line
from exist_async.resource import EXIST

_COLUMNS = ("Name", "Label", "Group", "Value type", "Active", "Service")

# What the columns after the name take up at least, for no word of their titles to be broken: rich narrows them alike.
_OTHERS = len(_COLUMNS[1:]) * (3 + len("Service"))


async def owned(
    *,
    group: Listed = None,
    inactive: Annotated[bool, Parameter(negative="", show_default=False)] = False,
    low_priority: Annotated[bool, Parameter(negative="", show_default=False)] = False,
    base_url: BaseUrl = EXIST,
) -> None:
    """List the attributes that this service owns.

    Args:
        group: Only those of this group; may be given again, and hold several with commas between them.
        inactive: Also those that the user does not track now.
        low_priority: Also those of priority 10 and more.
        base_url: The origin of the service.
    """
    async with connect(base_url) as exist:
        # All of them, before the first is printed: whoever reads this may release them, and the pages would move.
        attributes = await exist.attributes.owned(
            groups=groups(group), include_inactive=inactive, include_low_priority=low_priority
        ).collect()
    if sys.stdout.isatty():
        _print_table(attributes)
    else:
        for attribute in attributes:
            print(*map(one_line, _cells(attribute)), sep="\t")


def _print_table(attributes: Sequence[Attribute]) -> None:
    shown = table(*_COLUMNS)
    for attribute in attributes:
        shown.add_row(*map(cell, _cells(attribute)))
    # Names are what other commands are given: they stay whole, and a terminal in which the others have no room for a
    # word each breaks the lines itself.
    shown.columns[0].no_wrap = True
    out = screen()
    longest = max((cell_len(one_line(attribute.name)) for attribute in attributes), default=0)
    # The height as well, or rich takes a dumb terminal to have 80 columns all the same.
    out.size = ConsoleDimensions(max(out.width, longest + _OTHERS), out.height)
    out.print(shown)
    print(f"\n{len(attributes)} owned")


def _cells(attribute: Attribute) -> tuple[str, ...]:
    group, service, value_type = attribute.group, attribute.service, attribute.value_type
    return (
        attribute.name,
        attribute.label or "",
        group.name if group else "",
        value_type.name.lower().replace("_", " ") if value_type is not None else "",
        {True: "yes", False: "no", None: ""}[attribute.active],
        (service.label or service.name) if service else "",
    )
