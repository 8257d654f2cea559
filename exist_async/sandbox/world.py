"""The world of a sandbox: its users and services, and what the users have granted."""

import secrets
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from exist_async.sandbox.grants import Grants
from exist_async.sandbox.groups import checked_scopes
from exist_async.sandbox.services import Service
from exist_async.sandbox.users import User

__all__ = ["World"]


class World:
    """Everybody who is known, by name, and every grant."""

    def __init__(self, grants: Grants) -> None:
        self.grants = grants
        self._users: dict[str, User] = {}
        self._services: dict[str, Service] = {}

    @property
    def users(self) -> Sequence[User]:
        """All users, the first one first."""
        return list(self._users.values())

    @property
    def services(self) -> Sequence[Service]:
        """All services, the first one first."""
        return list(self._services.values())

    def user(self, username: str) -> User | None:
        """Return the user of this name, or None."""
        return self._users.get(username)

    def client(self, client_id: str) -> Service | None:
        """Return the service of this client ID, or None."""
        return next((service for service in self._services.values() if service.client_id == client_id), None)

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

    def add_service(
        self,
        name: str,
        label: str,
        scopes: Iterable[str],
        *,
        client_id: str | None,
        client_secret: str | None,
        redirect_uri: str,
    ) -> Service:
        """Let a service in; its client ID is its name unless given, and its secret is made up unless given.

        Raises:
            ValueError: The name or the client ID is taken, a scope is unknown, or the redirect URI is no absolute URL.
        """
        client_id = name if client_id is None else client_id
        if name in self._services:
            raise ValueError(f"There is a service {name!r} already")
        if self.client(client_id) is not None:
            raise ValueError(f"There is a service with the client ID {client_id!r} already")
        url = urlsplit(redirect_uri)
        if not url.scheme or url.fragment:
            raise ValueError(f"redirect_uri must be an absolute URL without a fragment, not {redirect_uri!r}")
        service = Service(
            name,
            label,
            checked_scopes(scopes),
            client_id,
            secrets.token_hex(20) if client_secret is None else client_secret,
            redirect_uri,
        )
        return self._services.setdefault(name, service)
