"""What signs the requests of commands: the token of the environment, or the one that signing in left behind."""

import os

import httpx
from attrs import frozen

from exist_async.auth import BearerToken
from exist_async.auth.oauth2 import OAuth2
from exist_async.cli.apps import app_of_environment
from exist_async.cli.logins import Login, login_command, page_of
from exist_async.errors import ConfigurationError
from exist_async.token_stores import OAuthToken


@frozen
class Credentials:
    """What signs requests, and where it comes from.

    Attributes:
        auth: Signs them.
        source: Where it comes from, for people.
        remedy: What to do when the service doesn't accept it.
        stored: The token of signing in; None where the environment's is used.
    """

    auth: httpx.Auth
    source: str
    remedy: str
    stored: OAuthToken | None = None


async def find_credentials(base_url: str) -> Credentials:
    """Return the credentials for a service; those of the environment go first.

    Raises:
        ConfigurationError: There are none, or they are wrong.
        OAuthError: The file of signing in can't be used.
    """
    token = os.environ.get("EXIST_TOKEN", "").strip()
    if token:
        return _of_environment(token, base_url)
    login = Login.at(base_url)
    stored = await login.load()
    again = login_command(login.origin)
    if stored is None:
        raise ConfigurationError(
            f"You are not signed in at {login.origin}. Copy the access token from {page_of(base_url)} and export "
            f"EXIST_TOKEN=your-access-token, or run: {again}"
        )
    app = app_of_environment(base_url)
    source = f"the token in {login.path}"
    if app is None:
        return Credentials(
            BearerToken(stored.access_token),
            source,
            f"Set EXIST_CLIENT_ID and EXIST_CLIENT_SECRET to have it renewed, or sign in again: {again}",
            stored,
        )
    return Credentials(
        OAuth2(app, login.store, login.origin),
        f"{source}, renewed with EXIST_CLIENT_ID and EXIST_CLIENT_SECRET",
        f"Sign in again: {again}",
        stored,
    )


def _of_environment(token: str, base_url: str) -> Credentials:
    try:
        auth = BearerToken(token)
    except ConfigurationError as error:
        raise ConfigurationError(f"EXIST_TOKEN: {error}") from None
    return Credentials(
        auth,
        "EXIST_TOKEN",
        f"It is the one in EXIST_TOKEN: copy it again from {page_of(base_url)}, or unset it and run: "
        f"{login_command(base_url)}",
    )
