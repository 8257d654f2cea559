"""The command `acquire`."""

from collections import Counter
from collections.abc import Sequence

from attrs import frozen

from exist_async.attributes import ByName, ByTemplate
from exist_async.cli.budget import EXIST_BUDGET
from exist_async.cli.connection import connect
from exist_async.cli.names import Names
from exist_async.cli.options import BaseUrl, BudgetOption, Flag, StdinFlag, Wait, YesFlag
from exist_async.cli.output import cell, plain_table, stdout_console
from exist_async.cli.questions import can_ask
from exist_async.cli.takeover import (
    OWNER_NOT_KNOWN,
    Ownership,
    confirm_takeover,
    item_name,
    naming_takeovers,
    owner_label,
)
from exist_async.cli.write_command import run_write
from exist_async.client import ExistClient
from exist_async.resource import EXIST


async def acquire(
    *templates: str,
    stdin: StdinFlag = False,
    by_name: Flag = False,
    manual: bool | None = None,
    yes: YesFlag = False,
    dry_run: Flag = False,
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
        yes: Take attributes from other services without asking. Without a terminal, nothing is asked.
        dry_run: Only show what would be acquired, and from whom. Nothing is changed.
        wait: If the requests of this hour are used up: wait until more are allowed, or end at once. By default wait in
            a terminal, and else for a minute at most.
        budget: Requests that are allowed, and in how many seconds.
        base_url: Origin of the service.
    """
    names = Names.from_command_line(templates, stdin=stdin)

    def make_item(name: str) -> ByName | ByTemplate:
        return ByName(name, manual) if by_name else ByTemplate(name, manual)

    items = names.make_items(make_item)
    async with connect(base_url, wait=wait, budget=budget) as exist:
        # A question can only be asked if the names are known, and are not piped in where the answer is typed.
        if not isinstance(items, Sequence) and (dry_run or (can_ask() and not yes)):
            items = [item async for item in items]
        ownership = await Ownership.look_up(exist, base_url)
        if isinstance(items, Sequence):
            if dry_run:
                return await _print_plan(exist, ownership, items)
            if not await confirm_takeover(ownership.takeovers(items), yes=yes):
                return 1
        async with naming_takeovers(exist, ownership) as naming:
            return await run_write(
                exist,
                lambda on_outcome: exist.attributes.acquire(items, on_outcome=naming(on_outcome)),
                names,
                activity="Acquiring",
                success_label="acquired",
            )


@frozen
class _Step:
    """The expected outcome of an item.

    Attributes:
        outcome: The outcome, such as "taken".
        owner: The present owner, or why there is none to name.
        refused: Whether Exist would refuse the item.
    """

    outcome: str
    owner: str = ""
    refused: bool = False


async def _print_plan(exist: ExistClient, ownership: Ownership, items: Sequence[ByName | ByTemplate]) -> int:
    """Print what acquiring the items would do, and return the exit code: 1 if Exist would refuse one of them."""
    templates: set[str] = set()
    if any(isinstance(item, ByTemplate) and ownership.find(item) is None for item in items):
        templates = {template.name async for template in exist.attributes.templates(include_low_priority=True)}
    steps = [_plan(item, ownership, templates) for item in items]
    console = stdout_console()
    if steps:
        table = plain_table("Name", "Would be", "Owner now")
        for item, step in zip(items, steps, strict=True):
            table.add_row(cell(item_name(item)), cell(step.outcome, "red" if step.refused else ""), cell(step.owner))
        console.print(table, "")
    counts = plain_table("Would be", "Items")
    counts.columns[1].justify = "right"
    for outcome, count in Counter(step.outcome for step in steps).most_common():
        counts.add_row(cell(outcome), str(count))
    console.print(counts)
    return 1 if any(step.refused for step in steps) else 0


def _plan(item: ByName | ByTemplate, ownership: Ownership, templates: set[str]) -> _Step:
    attribute = ownership.find(item)
    if attribute is None:
        if isinstance(item, ByTemplate) and item.template not in templates:
            return _Step("refused", "there is no such template", refused=True)
        if not ownership.is_complete:
            return _Step("acquired or created" if isinstance(item, ByTemplate) else "acquired", OWNER_NOT_KNOWN)
        if isinstance(item, ByTemplate):
            return _Step("created")
        return _Step("refused", "there is no such attribute", refused=True)
    if ownership.is_owned(attribute):
        return _Step("made active" if attribute.active is False else "owned already", owner_label(attribute))
    owner = ownership.other_owner(attribute)
    return _Step("acquired") if owner is None else _Step("taken", owner)
