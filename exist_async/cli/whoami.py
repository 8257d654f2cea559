"""The command `whoami`."""

import sys
from collections.abc import Sequence

from rich.table import Table

from exist_async.cli.connection import BaseUrl, connect
from exist_async.cli.credentials import Credentials, find_credentials
from exist_async.cli.tables import cell, screen
from exist_async.cli.text import one_line
from exist_async.oauth import Scope
from exist_async.profile import UserProfile
from exist_async.resource import EXIST


async def whoami(*, base_url: BaseUrl = EXIST) -> None:
    """Show who is signed in, and how.

    Args:
        base_url: The origin of the service.
    """
    async with connect(base_url) as exist:
        profile = await exist.profile.get()
    # Only now: the token may have been renewed on the way.
    facts = _facts(profile, base_url, await find_credentials(base_url))
    if sys.stdout.isatty():
        shown = Table.grid(padding=(0, 2))
        for name, value in facts:
            shown.add_row(cell(name, "dim"), cell(value))
        screen().print(shown)
    else:
        for name, value in facts:
            print(name, one_line(value), sep="\t")


def _facts(profile: UserProfile, base_url: str, credentials: Credentials) -> Sequence[tuple[str, str]]:
    facts = [
        ("Username", profile.username),
        ("Name", " ".join(filter(None, (profile.first_name, profile.last_name)))),
        ("Time zone", profile.timezone or ""),
        ("Local time", f"{profile.local_time:%Y-%m-%d %H:%M}" if profile.local_time else ""),
        ("Service", base_url),
        ("Signed in by", credentials.source),
    ]
    token = credentials.stored
    if token is not None:
        everything = set(token.scope) >= set(Scope)
        facts += [
            ("Scopes", "all" if everything else ", ".join(token.scope)),
            ("Expires", f"{token.expires_at.astimezone():%Y-%m-%d %H:%M %Z}" if token.expires_at else "unknown"),
        ]
    return facts
