"""Stores access tokens, refresh tokens and authorisation codes, and exchanges them."""

import secrets
from collections.abc import Callable, Iterable
from typing import Final

import attrs

from exist_async.sandbox.groups import READ_SCOPES, validate_scopes
from exist_async.sandbox.services import Service
from exist_async.sandbox.settings import Settings
from exist_async.sandbox.tokens import AccessToken, TokenPair
from exist_async.sandbox.users import User

__all__ = ["CODE_LIFETIME", "Grants"]

CODE_LIFETIME: Final = 600.0
"""Seconds until an authorisation code expires."""


@attrs.frozen(eq=False)
class _CodeGrant:
    """The grant that an authorisation code stands for."""

    user: User
    service: Service
    scopes: frozenset[str]
    expires_at: float


class Grants:
    """The valid tokens and codes, by value."""

    def __init__(self, clock: Callable[[], float], settings: Settings) -> None:
        self._clock = clock
        self._settings = settings
        self._access_tokens: dict[str, AccessToken] = {}
        self._simple_tokens: dict[User, AccessToken] = {}
        self._codes: dict[str, _CodeGrant] = {}
        # By refresh token; the access token may have expired, and a refresh revokes both.
        self._refresh_tokens: dict[str, AccessToken] = {}

    def issue_token(
        self, user: User, service: Service, scopes: Iterable[str] | None = None, value: str | None = None
    ) -> AccessToken:
        """Issue an OAuth2 access token, by default with the service's scopes and a random value.

        Raises:
            ValueError: The value is in use, or a scope is unknown.
        """
        granted = service.scopes if scopes is None else validate_scopes(scopes)
        value = _random_token() if value is None else value
        if value in self._access_tokens:
            raise ValueError("token is already in use: choose another")
        expires_at = self._clock() + self._settings.token_lifetime
        return self._access_tokens.setdefault(value, AccessToken(value, user, service, granted, expires_at))

    def simple_token(self, user: User) -> AccessToken:
        """Return the simple token of a user, always the same."""
        if user not in self._simple_tokens:
            token = AccessToken(_random_token(), user, None, READ_SCOPES)
            self._simple_tokens[user] = self._access_tokens[token.value] = token
        return self._simple_tokens[user]

    def authenticate(self, authorization: str | None) -> AccessToken | None:
        """Return the valid token in an `Authorization` header, or None."""
        scheme, _, value = (authorization or "").partition(" ")
        token = self._access_tokens.get(value.strip())
        if token is None or scheme.lower() != ("token" if token.service is None else "bearer"):
            return None
        return token if self._clock() < token.expires_at else None

    def expire_tokens(self, user: User | None) -> None:
        """Revoke the OAuth2 access tokens of a user, or of all users; refresh tokens stay valid."""
        self._access_tokens = {
            value: token
            for value, token in self._access_tokens.items()
            if token.service is None or (user is not None and token.user is not user)
        }

    def issue_code(self, user: User, service: Service, scopes: frozenset[str]) -> str:
        """Issue an authorisation code."""
        code = _random_token()
        self._codes[code] = _CodeGrant(user, service, scopes, self._clock() + CODE_LIFETIME)
        return code

    def exchange_code(self, code: str, service: Service) -> TokenPair | None:
        """Exchange a code for tokens; None when it was used, has expired, or belongs to another service."""
        grant = self._codes.get(code)
        if grant is None or grant.service is not service or grant.expires_at <= self._clock():
            return None
        del self._codes[code]
        return self._issue_pair(grant.user, service, grant.scopes)

    def refresh(self, refresh_token: str, service: Service) -> TokenPair | None:
        """Exchange a refresh token for new tokens and revoke the old ones; None when it is not valid."""
        old = self._refresh_tokens.get(refresh_token)
        if old is None or old.service is not service:
            return None
        del self._refresh_tokens[refresh_token]
        self._access_tokens.pop(old.value, None)
        return self._issue_pair(old.user, service, old.scopes)

    def _issue_pair(self, user: User, service: Service, scopes: frozenset[str]) -> TokenPair:
        access = self.issue_token(user, service, scopes)
        refresh_token = _random_token()
        self._refresh_tokens[refresh_token] = access
        return TokenPair(access, refresh_token, self._settings.token_lifetime)


def _random_token() -> str:
    return secrets.token_hex(20)
