"""The token that `login` stores for each service, in a file that only its owner can read."""

from pathlib import Path
from typing import Final, Self

import httpx
from attrs import frozen

from exist_async._checks import is_loopback
from exist_async.cli.user_folders import absolute_folder
from exist_async.errors import ConfigurationError
from exist_async.resource import EXIST
from exist_async.token_stores import FileTokenStore, OAuthToken

APPS_PAGE: Final = f"{EXIST}/account/apps/"
"""Page at Exist with the user's own apps, and those that they have authorised."""


@frozen
class StoredLogin:
    """Location of a service's token. The origin is the key, so that no service receives the token of another.

    Attributes:
        origin: Origin of the service.
        path: File with the tokens of all services.
    """

    origin: str
    path: Path

    @classmethod
    def for_service(cls, base_url: str) -> Self:
        """Return the location of a service's token; it may not exist yet.

        Raises:
            ConfigurationError: `base_url` is not a URL, or this user has no home directory.
        """
        # Imported here: not needed if the token comes from the environment.
        from platformdirs import user_config_path

        origin = normalized_origin(base_url)
        folder = absolute_folder(
            user_config_path,
            "for the token that login stores: export EXIST_TOKEN=your-access-token, or set HOME or XDG_CONFIG_HOME to "
            "an absolute path",
        )
        return cls(origin, folder / "tokens.json")

    @property
    def store(self) -> FileTokenStore:
        """Token store on the file."""
        return FileTokenStore(self.path)

    async def load(self) -> OAuthToken | None:
        """Return the token; None if nobody is signed in.

        Raises:
            OAuthError: The file can't be read.
        """
        return await self.store.load(self.origin)


def login_command(origin: str) -> str:
    """Return the command that signs in at a service, for messages."""
    return "exist-async login" + ("" if origin == EXIST else f" --base-url {origin}")


def credentials_page(base_url: str) -> str:
    """Return where users find their app's token, client ID and client secret, for messages."""
    try:
        host = httpx.URL(base_url).host
    except httpx.InvalidURL:
        host = ""
    # A service on this machine is a sandbox.
    return "the output of exist-async sandbox" if is_loopback(host) else f"your app's page ({APPS_PAGE})"


def normalized_origin(base_url: str) -> str:
    """Return the origin of a URL in one form: https://Exist.io:443 is the same one as https://exist.io.

    Raises:
        ConfigurationError: It is not a URL.
    """
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL:
        url = httpx.URL()
    if not (url.scheme and url.host):
        # Not quoted in the message: it may contain a password.
        raise ConfigurationError(f"base_url is not a valid URL: write an origin, such as {EXIST}")
    return f"{url.scheme}://{url.netloc.decode('ascii')}"
