"""The command `logout`."""

from exist_async._checks import environment_value
from exist_async.cli.options import BaseUrl
from exist_async.cli.output import print_error
from exist_async.cli.stored_login import APPS_PAGE, StoredLogin
from exist_async.resource import EXIST


async def logout(*, base_url: BaseUrl = EXIST) -> None:
    """Delete the stored token.

    Args:
        base_url: Origin of the service.
    """
    login = StoredLogin.for_service(base_url)
    if await login.load() is None:
        print(f"You are not signed in at {login.origin}: there is no token to delete")
    else:
        await login.store.delete(login.origin)
        revoke = f", unless you revoke the app's access at {APPS_PAGE}" if login.origin == EXIST else ""
        print(f"Signed out: the token of {login.origin} was deleted from {login.path}")
        print(f"The service was not notified: it accepts the token until it expires{revoke}")
    if environment_value("EXIST_TOKEN"):
        print_error("EXIST_TOKEN is still set, and the commands use it")
