"""The command `login`."""

import asyncio
from collections.abc import Sequence

from cyclopts import CycloptsError

from exist_async._checks import environment_value
from exist_async.auth import BearerToken
from exist_async.cli.oauth_app import app_from_environment_or_prompt
from exist_async.cli.options import BaseUrl, Flag, NameList, split_names
from exist_async.cli.output import one_line, print_error
from exist_async.cli.sign_in import SignIn
from exist_async.cli.stored_login import StoredLogin
from exist_async.client import ExistClient
from exist_async.errors import ExistAsyncError, OAuthError
from exist_async.oauth import OAuthApp, Scope
from exist_async.resource import EXIST


def login(*, scope: NameList = None, paste: Flag = False, base_url: BaseUrl = EXIST) -> None:
    """Sign in, and store the token for the other commands.

    Args:
        scope: Scopes to request, such as mood_read, separated by commas; may be repeated. By default all.
        paste: Instead of opening a browser, read the address that your browser is redirected to from standard input:
            for a browser on another machine, or a redirect URI that does not lead to this machine.
        base_url: Origin of the service.
    """
    scopes = _parse_scopes(scope)
    # Outside of the event loop, where Ctrl-C would not end a prompt.
    app = app_from_environment_or_prompt(base_url)
    asyncio.run(_sign_in(app, scopes, StoredLogin.for_service(base_url), paste))


async def _sign_in(app: OAuthApp, scopes: Sequence[Scope], login: StoredLogin, paste: bool) -> None:
    # Before the user allows access for nothing.
    await login.store.check_can_save(login.origin)
    attempt = SignIn(app, *app.authorization_url(scopes), login)
    token = await (attempt.with_pasted_address() if paste else attempt.with_browser())
    try:
        async with ExistClient(BearerToken(token.access_token), base_url=login.origin) as exist:
            profile = await exist.profile.get()
    except ExistAsyncError as error:
        message = f"The token is stored in {login.path}, but reading the user's profile failed. {error}"
        raise OAuthError(message) from error
    user = f" as {one_line(profile.username)}" if profile.username else ""
    print(f"Signed in{user} at {login.origin}; token stored in {login.path}")
    if environment_value("EXIST_TOKEN"):
        print_error("EXIST_TOKEN is set, and takes precedence over the stored token: unset it to use this login")


def _parse_scopes(values: Sequence[str] | None) -> Sequence[Scope]:
    if values is None:
        return list(Scope)
    names = split_names(values)
    for name in names:
        if name not in {str(scope) for scope in Scope}:
            raise CycloptsError(f"{name[:40]!r} is not a scope: write a group and _read or _write, such as mood_read")
    return [Scope(name) for name in names]
