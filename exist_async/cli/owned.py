"""The command `owned`."""

import sys
from collections.abc import Sequence
from typing import Annotated

from cyclopts import Parameter

from exist_async.attributes import Attribute
from exist_async.cli.connection import BaseUrl, connect
from exist_async.cli.tables import cell, screen, table
from exist_async.cli.text import one_line
from exist_async.resource import EXIST

_COLUMNS = ("Name", "Label", "Group", "Value type", "Active", "Service")


async def owned(
    *,
    group: Annotated[list[str] | None, Parameter(negative="")] = None,
    inactive: Annotated[bool, Parameter(negative="", show_default=False)] = False,
    low_priority: Annotated[bool, Parameter(negative="", show_default=False)] = False,
    base_url: BaseUrl = EXIST,
) -> None:
    """List the attributes that this service owns.

    Args:
        group: Only those of this group; may be given again for more groups.
        inactive: Also those that the user does not track now.
        low_priority: Also those of priority 10 and more.
        base_url: The origin of the service.
    """
    async with connect(base_url) as exist:
        # All of them, before the first is printed: whoever reads this may release them, and the pages would move.
        attributes = await exist.attributes.owned(
            groups=group, include_inactive=inactive, include_low_priority=low_priority
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
    screen().print(shown)
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
