"""The command `acquire`."""

from typing import Annotated

from cyclopts import Parameter

from exist_async.attributes import ByName, ByTemplate
from exist_async.cli.connection import BaseUrl, connect
from exist_async.cli.names import Names, Stdin
from exist_async.cli.writing import tell
from exist_async.resource import EXIST


async def acquire(
    *templates: str,
    stdin: Stdin = False,
    by_name: Annotated[bool, Parameter(negative="", show_default=False)] = False,
    manual: bool | None = None,
    base_url: BaseUrl = EXIST,
) -> int:
    """Make this service the owner of attributes.

    Args:
        templates: Templates, such as steps or mood. The user gets the attribute who lacks it.
        stdin: Read them from standard input, one a line.
        by_name: They are names of attributes that the user has, not templates.
        manual: Whether the user enters them by hand; a service that sends the data wants --no-manual. By default that
            stays as it is, and is yes for an attribute that is new.
        base_url: The origin of the service.
    """
    names = Names.choose(templates, stdin=stdin)

    def item(name: str) -> ByName | ByTemplate:
        return ByName(name, manual) if by_name else ByTemplate(name, manual)

    async with connect(base_url) as exist:
        return await tell(
            lambda note: exist.attributes.acquire(names.items(item), on_outcome=note),
            names,
            doing="Acquiring",
            done="acquired",
        )
