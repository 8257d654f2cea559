"""Signs requests."""

import hashlib
import os
import re
from collections.abc import Generator

import httpx

from exist_async._http.session import IdentifiedAuth
from exist_async.errors import ConfigurationError

# The visible characters of ASCII: all that a header can carry and a token can hold.
_TOKEN = re.compile("[!-~]+")


class TokenAuth(IdentifiedAuth):
    """Signs requests with a token that stays the same; a hash of it stands for the user.

    Args:
        token: The token. It appears in no repr, log, error or pickle.

    Raises:
        ConfigurationError: It is empty, or holds spaces or characters that no header can carry.
    """

    _scheme = "Bearer"

    def __init__(self, token: str) -> None:
        if not isinstance(token, str):  # pyright: ignore[reportUnnecessaryIsInstance]  (callers without a type checker)
            raise ConfigurationError(f"the token is a string, not {type(token).__name__}")
        # The token itself is not quoted: this text may end in a log.
        if not token:
            raise ConfigurationError("the token is empty")
        if not _TOKEN.fullmatch(token):
            raise ConfigurationError("the token holds a space, a line break or another character that no token has")
        self._header = f"{self._scheme} {token}"
        self.user = hashlib.sha256(self._header.encode()).hexdigest()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(<hidden>)"

    def __reduce__(self) -> str:
        raise TypeError(f"{type(self).__name__} holds a secret and is not pickled: make it again from its token")

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Sign a request."""
        request.headers["Authorization"] = self._header
        yield request


class BearerToken(TokenAuth):
    """Signs requests with an OAuth2 access token, your own personal one or a user's."""


class SimpleToken(TokenAuth):
    """Signs requests with a simple token, with which everything can be read and nothing written."""

    _scheme = "Token"


def auth_from(auth: str | httpx.Auth | None, variable: str) -> httpx.Auth:
    """Make what signs requests of what a caller gave.

    Args:
        auth: An access token, something that signs, or None.
        variable: The environment variable that holds the access token when None was given.

    Raises:
        ConfigurationError: There is no token, or it is no token.
    """
    if isinstance(auth, httpx.Auth):
        return auth
    if auth is None:
        auth = os.environ.get(variable)
        if auth is None:
            raise ConfigurationError(f"auth: give an access token, or set {variable} in the environment")
    elif not isinstance(auth, str):  # pyright: ignore[reportUnnecessaryIsInstance]  (callers without a type checker)
        raise ConfigurationError(f"auth is an access token or an httpx.Auth, not {type(auth).__name__}")
    try:
        return BearerToken(auth)
    except ConfigurationError as error:
        raise ConfigurationError(f"auth: {error}") from None
