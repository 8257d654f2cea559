"""The command `acquire`."""

from exist_async.attributes import ByName, ByTemplate
from exist_async.cli.budget import EXIST_BUDGET
from exist_async.cli.connection import connect
from exist_async.cli.names import Names
from exist_async.cli.options import BaseUrl, BudgetOption, Flag, StdinFlag, Wait
from exist_async.cli.write_command import run_write
from exist_async.resource import EXIST


async def acquire(
    *templates: str,
    stdin: StdinFlag = False,
    by_name: Flag = False,
    manual: bool | None = None,
    wait: Wait = None,
    budget: BudgetOption = EXIST_BUDGET,
    base_url: BaseUrl = EXIST,
) -> int:
    """Make this service the owner of attributes.

    Args:
        templates: Templates, such as steps or mood. An attribute that the user does not have yet is created.
        stdin: Read templates from standard input, one a line.
        by_name: The arguments are names of attributes that the user has, not templates.
        manual: Whether the user enters the values by hand; a service that sends them uses --no-manual. By default
            unchanged, and yes for a new attribute.
        wait: If the requests of this hour are used up: wait until more are allowed, or end at once. By default wait in
            a terminal, and else for a minute at most.
        budget: Requests that are allowed, and in how many seconds.
        base_url: Origin of the service.
    """
    names = Names.from_command_line(templates, stdin=stdin)

    def make_item(name: str) -> ByName | ByTemplate:
        return ByName(name, manual) if by_name else ByTemplate(name, manual)

    async with connect(base_url, wait=wait, budget=budget) as exist:
        return await run_write(
            exist,
            lambda on_outcome: exist.attributes.acquire(names.make_items(make_item), on_outcome=on_outcome),
            names,
            activity="Acquiring",
            success_label="acquired",
        )
