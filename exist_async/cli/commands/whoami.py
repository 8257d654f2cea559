"""The command `whoami`."""

import sys
from collections.abc import Sequence

from rich.table import Table

from exist_async.cli.budget import EXIST_BUDGET
from exist_async.cli.connection import Credentials, connect, find_credentials
from exist_async.cli.options import BaseUrl, BudgetOption, Wait
from exist_async.cli.output import cell, one_line, stdout_console
from exist_async.oauth import Scope
from exist_async.profile import UserProfile
from exist_async.resource import EXIST


async def whoami(*, wait: Wait = None, budget: BudgetOption = EXIST_BUDGET, base_url: BaseUrl = EXIST) -> None:
    """Show the signed-in user, and which credentials are used.

    Args:
        wait: If the requests of this hour are used up: wait until more are allowed, or end at once. By default wait in
            a terminal, and else for a minute at most.
        budget: Requests that are allowed, and in how many seconds.
        base_url: Origin of the service.
    """
    async with connect(base_url, wait=wait, budget=budget) as exist:
        profile = await exist.profile.get()
    # Read after the request, which may have renewed the token.
    rows = _rows(profile, base_url, await find_credentials(base_url))
    if sys.stdout.isatty():
        table = Table.grid(padding=(0, 2))
        for name, value in rows:
            table.add_row(cell(name, "dim"), cell(value))
        stdout_console().print(table)
    else:
        for name, value in rows:
            print(name, one_line(value), sep="\t")


def _rows(profile: UserProfile, base_url: str, credentials: Credentials) -> Sequence[tuple[str, str]]:
    rows = [
        ("Username", profile.username or ""),
        ("Name", " ".join(filter(None, (profile.first_name, profile.last_name)))),
        ("Time zone", profile.timezone or ""),
        ("Local time", f"{profile.local_time:%Y-%m-%d %H:%M}" if profile.local_time else ""),
        ("Service", base_url),
        ("Signed in by", credentials.source),
    ]
    token = credentials.stored
    if token is not None:
        has_all_scopes = set(token.scope) >= set(Scope)
        rows += [
            ("Scopes", "all" if has_all_scopes else ", ".join(token.scope)),
            ("Expires", f"{token.expires_at.astimezone():%Y-%m-%d %H:%M %Z}" if token.expires_at else "unknown"),
        ]
    return rows
