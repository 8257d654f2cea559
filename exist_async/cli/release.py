"""The command `release`."""

from exist_async.attributes import ByName
from exist_async.cli.connection import BaseUrl, connect
from exist_async.cli.names import Names, Stdin
from exist_async.cli.writing import tell
from exist_async.resource import EXIST


async def release(*names: str, stdin: Stdin = False, base_url: BaseUrl = EXIST) -> int:
    """Give attributes back.

    Args:
        names: Names of attributes that this service owns. Another service that can provide one gets it, or it becomes
            inactive.
        stdin: Read them from standard input, one a line.
        base_url: The origin of the service.
    """
    chosen = Names.choose(names, stdin=stdin)
    async with connect(base_url) as exist:
        return await tell(
            lambda note: exist.attributes.release(chosen.items(ByName), on_outcome=note),
            chosen,
            doing="Releasing",
            done="released",
        )
