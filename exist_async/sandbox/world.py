"""The world of a sandbox: its users, services and tokens."""

import secrets
from collections.abc import Iterable
from zoneinfo import ZoneInfo

from exist_async.sandbox.groups import READ_SCOPES, SCOPES
from exist_async.sandbox.replies import ApiError, refuse
from exist_async.sandbox.services import Service
from exist_async.sandbox.tokens import AccessToken
from exist_async.sandbox.users import User

__all__ = ["World"]


class World:
    """Everybody who is known, by name, and every token."""

    def __init__(self) -> None:
        self._users: dict[str, User] = {}
        self._services: dict[str, Service] = {}
        self._tokens: dict[str, AccessToken] = {}

    def add_user(self, user: User) -> User:
        """Let a user in.

        Raises:
            ValueError: The username is taken, or the time zone is unknown.
        """
        if user.username in self._users:
            raise ValueError(f"There is a user {user.username!r} already")
        try:
            ZoneInfo(user.timezone)
        except (KeyError, OSError) as error:
            raise ValueError(f"Unknown time zone {user.timezone!r}") from error
        return self._users.setdefault(user.username, user)

    def add_service(self, name: str, label: str, scopes: Iterable[str]) -> Service:
        """Let a service in.

        Raises:
            ValueError: The name is taken, or a scope is unknown.
        """
        if name in self._services:
            raise ValueError(f"There is a service {name!r} already")
        return self._services.setdefault(name, Service(name, label, _checked(scopes)))

    def add_token(
        self, user: User, service: Service | None, scopes: Iterable[str] | None, value: str | None
    ) -> AccessToken:
        """Issue a token: a simple one without a service, else an OAuth2 one with the service's scopes unless given.

        Raises:
            ValueError: The token is taken, or a scope is unknown.
        """
        if value is None:
            value = secrets.token_hex(20)
        if value in self._tokens:
            raise ValueError("There is such a token already")
        if scopes is None:
            scopes = READ_SCOPES if service is None else service.scopes
        return self._tokens.setdefault(value, AccessToken(value, user, service, _checked(scopes)))

    def token_of(self, authorization: str | None) -> AccessToken | None:
        """Return the token that an `Authorization` header names, or None when it names none that is valid."""
        scheme, _, value = (authorization or "").partition(" ")
        token = self._tokens.get(value.strip())
        if token is None or scheme.lower() != ("token" if token.service is None else "bearer"):
            return None
        return token

    def no_token(self, authorization: str | None) -> ApiError:
        """Return the error for a header that names no valid token."""
        scheme = (authorization or "").partition(" ")[0].lower()
        detail = "Invalid token." if scheme in {"bearer", "token"} else "Authentication credentials were not provided."
        return refuse(401, detail, {"www-authenticate": 'Bearer realm="api"'})


def _checked(scopes: Iterable[str]) -> frozenset[str]:
    wanted = frozenset([scopes] if isinstance(scopes, str) else scopes)
    unknown = wanted - SCOPES
    if unknown:
        raise ValueError(f"Unknown scopes: {', '.join(sorted(unknown))}")
    return wanted
