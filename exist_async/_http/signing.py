"""Signs requests: with a token, or with any other `httpx.Auth`."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Generator, Hashable
from functools import cached_property

import httpx

from exist_async._checks import environment_value
from exist_async._secrets import Unpicklable, check_token, hides_locals
from exist_async.errors import ConfigurationError


class IdentifiedAuth(httpx.Auth, ABC):
    """An auth that knows its user, so that several clients of one user share one budget."""

    @property
    @abstractmethod
    def user(self) -> Hashable:
        """The user, or a hash of the token. Never the token itself: rate limiters may store it."""


class RenewableAuth(IdentifiedAuth):
    """An auth whose token can be renewed. The session does that between attempts, so that it is not part of a request.

    An error that these methods raise means that the request was not sent.

    Attributes:
        origin: The origin of the service that issues the tokens. They are sent nowhere else.
    """

    origin: str

    @abstractmethod
    async def ready(self) -> bool:
        """Make sure that there is a valid token before an attempt, and return whether it had to be renewed."""

    @abstractmethod
    async def renew(self, rejected: str) -> None:
        """Get another token than the one that the service rejected with a 401."""


@hides_locals
class TokenAuth(Unpicklable, IdentifiedAuth):
    """Signs requests with a token that stays the same; a hash of the token stands for the user.

    Args:
        token: The token. It appears in no repr, log, error or pickle.

    Raises:
        ConfigurationError: It is empty, or contains spaces or characters that no header can carry.
    """

    _scheme = "Bearer"

    def __init__(self, token: str) -> None:
        check_token("the token", token)
        self._header = f"{self._scheme} {token}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}(<hidden>)"

    @cached_property
    def user(self) -> str:  # pyright: ignore[reportIncompatibleMethodOverride]  (a property, computed at first use)
        """A hash of the token."""
        return hashlib.sha256(self._header.encode()).hexdigest()

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Sign a request."""
        request.headers["Authorization"] = self._header
        yield request


class BearerToken(TokenAuth):
    """Signs requests with an OAuth2 access token: your own personal one, or a user's."""


def auth_from(auth: str | httpx.Auth | None, variable: str) -> httpx.Auth:
    """Return the auth for a client's `auth` argument; None reads the access token from an environment variable."""
    if isinstance(auth, httpx.Auth):
        return auth
    name = "auth"
    if auth is None:
        # Without white space around it: files with secrets mostly end in a line break.
        auth, name = environment_value(variable), variable
        if auth is None:
            raise ConfigurationError(f"auth: give an access token, or set {variable} in the environment")
    elif not isinstance(auth, str):  # pyright: ignore[reportUnnecessaryIsInstance]  (callers without a type checker)
        raise ConfigurationError(f"auth must be an access token or an httpx.Auth, not {type(auth).__name__}")
    try:
        return BearerToken(auth)
    except ConfigurationError as error:
        raise ConfigurationError(f"{name}: {error}") from None


def user_of(auth: httpx.Auth) -> Hashable:
    """Return the key of an auth's rate budget: its user, or else the auth itself."""
    if isinstance(auth, IdentifiedAuth):
        return auth.user
    # A class with its own __eq__, such as a dataclass, can be without __hash__.
    return auth if getattr(auth, "__hash__", None) else id(auth)
