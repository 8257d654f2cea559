"""The command `logout`."""

import os

from exist_async.cli.connection import BaseUrl
from exist_async.cli.logins import APPS, Login
from exist_async.cli.text import complain
from exist_async.resource import EXIST


async def logout(*, base_url: BaseUrl = EXIST) -> None:
    """Forget the token that signing in left behind.

    Args:
        base_url: The origin of the service.
    """
    login = Login.at(base_url)
    if await login.load() is None:
        print(f"You are not signed in at {login.origin}: there is nothing to forget")
    else:
        await login.store.delete(login.origin)
        where = f", unless you take the app's access away at {APPS}" if login.origin == EXIST else ""
        print(f"Signed out: {login.path} holds no token of {login.origin} any more")
        print(f"The service itself can't be told, and would accept that token until it expires{where}")
    if os.environ.get("EXIST_TOKEN", "").strip():
        complain("EXIST_TOKEN is still set, and the commands use it")
