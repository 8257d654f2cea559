"""The state of an Exist sandbox: users, services, and the tokens granted."""

import secrets
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from exist_async.sandbox.grants import Grants
from exist_async.sandbox.groups import validate_scopes
from exist_async.sandbox.services import Service
from exist_async.sandbox.users import User

__all__ = ["State"]


class State:
    """The users and services by name, and the grants."""

    def __init__(self, grants: Grants) -> None:
        self.grants = grants
        self._users: dict[str, User] = {}
        self._services: dict[str, Service] = {}

    @property
    def users(self) -> Sequence[User]:
        """All users, in the order in which they were added."""
        return list(self._users.values())

    @property
    def services(self) -> Sequence[Service]:
        """All services, in the order in which they were added."""
        return list(self._services.values())

    def user(self, username: str) -> User | None:
        """Return the user of this name, or None."""
        return self._users.get(username)

    def service_by_client_id(self, client_id: str) -> Service | None:
        """Return the service of this client ID, or None."""
        return next((service for service in self._services.values() if service.client_id == client_id), None)

    def add_user(self, user: User) -> User:
        """Add a user.

        Raises:
            ValueError: The username is in use, or the time zone is unknown.
        """
        if user.username in self._users:
            raise ValueError(f"username {user.username!r} is already in use: choose another")
        try:
            ZoneInfo(user.timezone)
        except (KeyError, OSError) as error:
            raise ValueError(f"unknown time zone {user.timezone!r}") from error
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
        """Add a service; the client ID defaults to the name, the client secret to a random one.

        Raises:
            ValueError: The name or client ID is in use, a scope is unknown, or the redirect URI is not an absolute URL.
        """
        client_id = name if client_id is None else client_id
        if name in self._services:
            raise ValueError(f"service name {name!r} is already in use: choose another")
        if self.service_by_client_id(client_id) is not None:
            raise ValueError(f"client_id {client_id!r} is already in use: choose another")
        url = urlsplit(redirect_uri)
        if not url.scheme or url.fragment:
            raise ValueError(f"redirect_uri must be an absolute URL without a fragment, not {redirect_uri!r}")
        service = Service(
            name,
            label,
            validate_scopes(scopes),
            client_id,
            secrets.token_hex(20) if client_secret is None else client_secret,
            redirect_uri,
        )
        return self._services.setdefault(name, service)
