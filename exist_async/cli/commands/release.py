"""The command `release`."""

from exist_async.attributes import ByName
from exist_async.cli.budget import EXIST_BUDGET
from exist_async.cli.connection import connect
from exist_async.cli.names import Names
from exist_async.cli.options import BaseUrl, BudgetOption, StdinFlag, Wait
from exist_async.cli.write_command import run_write
from exist_async.resource import EXIST


async def release(
    *names: str,
    stdin: StdinFlag = False,
    wait: Wait = None,
    budget: BudgetOption = EXIST_BUDGET,
    base_url: BaseUrl = EXIST,
) -> int:
    """Give up the ownership of attributes.

    Args:
        names: Names of attributes that this service owns. Each goes to another service that can provide it, or becomes
            inactive.
        stdin: Read names from standard input, one a line.
        wait: If the requests of this hour are used up: wait until more are allowed, or end at once. By default wait in
            a terminal, and else for a minute at most.
        budget: Requests that are allowed, and in how many seconds.
        base_url: Origin of the service.
    """
    owned_names = Names.from_command_line(names, stdin=stdin)
    async with connect(base_url, wait=wait, budget=budget) as exist:
        return await run_write(
            exist,
            lambda on_outcome: exist.attributes.release(owned_names.make_items(ByName), on_outcome=on_outcome),
            owned_names,
            activity="Releasing",
            success_label="released",
        )
