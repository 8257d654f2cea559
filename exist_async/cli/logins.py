"""What signing in left behind: one token for each service, in a file that only its owner can read."""

from pathlib import Path
from typing import Final, Self

import httpx
from attrs import frozen

from exist_async._checks import is_loopback
from exist_async.errors import ConfigurationError
from exist_async.resource import EXIST
from exist_async.token_stores import FileTokenStore, OAuthToken

APPS: Final = f"{EXIST}/account/apps/"
"""Where people find their own apps at Exist, and those that they have let in."""


@frozen
class Login:
    """The place of a service's token. Its origin is the key, so that no service is sent the token of another.

    Attributes:
        origin: The origin of the service.
        path: The file.
    """

    origin: str
    path: Path

    @classmethod
    def at(cls, base_url: str) -> Self:
        """Return the place of the token of this service, whether there is one or not.

        Raises:
            ConfigurationError: It is no URL.
        """
        # Here alone, for it is not needed where the environment has a token.
        from platformdirs import user_config_path

        return cls(_origin(base_url), user_config_path("exist-async") / "tokens.json")

    @property
    def store(self) -> FileTokenStore:
        """The store that the file is."""
        return FileTokenStore(self.path)

    async def load(self) -> OAuthToken | None:
        """Return the token; None where nobody signed in.

        Raises:
            OAuthError: The file can't be used.
        """
        return await self.store.load(self.origin)


def login_command(origin: str) -> str:
    """Return what to run to sign in at a service."""
    return "exist-async login" + ("" if origin == EXIST else f" --base-url {origin}")


def page_of(base_url: str) -> str:
    """Return where people find what belongs to their app at a service: its token, client ID and client secret."""
    try:
        host = httpx.URL(base_url).host
    except httpx.InvalidURL:
        host = ""
    # Nobody but a sandbox is asked on this machine.
    return "what exist-async sandbox printed" if is_loopback(host) else f"your app's page ({APPS})"


def _origin(base_url: str) -> str:
    # One origin can be written in several ways: https://Exist.io:443 is https://exist.io.
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL:
        url = httpx.URL()
    if not (url.scheme and url.host):
        # It is not quoted: it may hold a password.
        raise ConfigurationError(f"base_url is no valid URL: write an origin, such as {EXIST}")
    return f"{url.scheme}://{url.netloc.decode('ascii')}"
