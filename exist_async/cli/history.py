"""The command `history`."""

import sys
from typing import Annotated

from cyclopts import Parameter

from exist_async.cli.connection import BaseUrl, connect
from exist_async.cli.days import Day, resolve
from exist_async.cli.formats import Format, writer
from exist_async.cli.lists import Listed, attributes, groups
from exist_async.cli.progress import progress_bar
from exist_async.cli.waiting import Wait, patient
from exist_async.resource import EXIST


async def history(
    *,
    start: Day,
    end: Day = "today",
    attribute: Listed = None,
    group: Listed = None,
    format_: Annotated[Format | None, Parameter(name="--format")] = None,
    wait: Wait = False,
    base_url: BaseUrl = EXIST,
) -> None:
    """Write out every value between two days, for each attribute the newest first.

    Args:
        start: The first day: YYYY-MM-DD, today or yesterday.
        end: The last day, which is part of it.
        attribute: Only this attribute; may be given again, and hold several with commas between them. Inactive ones
            have to be named.
        group: Only attributes of this group; may be given again, and hold several, too.
        format_: How to write it: by default a table in a terminal, and CSV into a file or a pipe.
        wait: Wait as long as it takes where the requests of an hour are spent.
        base_url: The origin of the service.
    """
    in_terminal = sys.stdout.isatty()
    async with connect(base_url) as client:
        exist = patient(client, wait)
        first, last = await resolve(exist, start, end)
        days = exist.values.history(first, last, attributes=attributes(attribute), groups=groups(group))
        if sys.stderr.isatty():
            print(f"Requests that reading takes: {await days.plan()}, of 300 an hour.", file=sys.stderr)
        write = await writer(format_ or ("table" if in_terminal else "csv"), exist)
        # A bar and rows in one terminal would overwrite each other.
        with progress_bar("Reading", None, shown=not in_terminal) as advance:
            async for name, day in days:
                write(name, day)
                advance(day)
