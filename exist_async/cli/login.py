"""The command `login`."""

import asyncio
import os
from collections.abc import Sequence
from typing import Annotated

from cyclopts import CycloptsError, Parameter

from exist_async.auth import BearerToken
from exist_async.cli.apps import app_of_person
from exist_async.cli.connection import BaseUrl
from exist_async.cli.lists import Listed, split
from exist_async.cli.logins import Login
from exist_async.cli.sign_in import SignIn
from exist_async.cli.text import complain, one_line
from exist_async.client import ExistClient
from exist_async.errors import ExistAsyncError, OAuthError
from exist_async.oauth import OAuthApp, Scope
from exist_async.resource import EXIST


def login(
    *,
    scope: Listed = None,
    paste: Annotated[bool, Parameter(negative="", show_default=False)] = False,
    base_url: BaseUrl = EXIST,
) -> None:
    """Sign in, and keep the token for the other commands.

    Args:
        scope: What to ask for, such as mood_read; may be given again, and hold several with commas between them. By
            default everything.
        paste: Open no browser and wait for none, but have the address pasted that yours ends up at: for a browser on
            another machine, or a redirect URI that leads elsewhere.
        base_url: The origin of the service.
    """
    scopes = _scopes(scope)
    # Not in the event loop: there Ctrl-C would not end the asking.
    app = app_of_person(base_url)
    asyncio.run(_sign_in(app, scopes, Login.at(base_url), paste))


async def _sign_in(app: OAuthApp, scopes: Sequence[Scope], login: Login, paste: bool) -> None:
    attempt = SignIn(app, *app.authorization_url(scopes), login)
    token = await (attempt.by_pasting() if paste else attempt.by_browser())
    try:
        async with ExistClient(BearerToken(token.access_token), base_url=login.origin) as exist:
            profile = await exist.profile.get()
    except ExistAsyncError as error:
        raise OAuthError(f"The token is stored in {login.path}, but asking whose it is failed. {error}") from error
    print(f"Signed in as {one_line(profile.username)} at {login.origin}; token stored in {login.path}")
    if os.environ.get("EXIST_TOKEN", "").strip():
        complain("EXIST_TOKEN is set, and goes before what is stored: unset it to use this login")


def _scopes(given: Sequence[str] | None) -> Sequence[Scope]:
    if given is None:
        return list(Scope)
    names = split(given)
    for name in names:
        if name not in {str(scope) for scope in Scope}:
            raise CycloptsError(f"{name[:40]!r} is no scope: that is a group and _read or _write, such as mood_read")
    return [Scope(name) for name in names]
