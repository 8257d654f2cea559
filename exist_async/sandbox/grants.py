"""Grants access: keeps the tokens and codes of a sandbox, and trades the one for the other."""

import secrets
from collections.abc import Callable, Iterable
from typing import Final

import attrs

from exist_async.sandbox.groups import READ_SCOPES, checked_scopes
from exist_async.sandbox.services import Service
from exist_async.sandbox.settings import Settings
from exist_async.sandbox.tokens import AccessToken, TokenPair
from exist_async.sandbox.users import User

__all__ = ["CODE_LIFETIME", "Grants"]

CODE_LIFETIME: Final = 600.0
"""Seconds within which a code has to be traded."""


@attrs.frozen(eq=False)
class _Consent:
    """What a user has allowed, until a service comes with the code for it."""

    user: User
    service: Service
    scopes: frozenset[str]
    expires_at: float


class Grants:
    """Every token and every code that is valid, by its value."""

    def __init__(self, clock: Callable[[], float], settings: Settings) -> None:
        self._clock = clock
        self._settings = settings
        self._tokens: dict[str, AccessToken] = {}
        self._simple: dict[User, AccessToken] = {}
        self._consents: dict[str, _Consent] = {}
        # The access token stays beside its refresh token, valid or not: they die together.
        self._renewable: dict[str, AccessToken] = {}

    def issue(
        self, user: User, service: Service, scopes: Iterable[str] | None = None, value: str | None = None
    ) -> AccessToken:
        """Issue an OAuth2 access token, with the service's scopes unless given.

        Raises:
            ValueError: The token is taken, or a scope is unknown.
        """
        wanted = service.scopes if scopes is None else checked_scopes(scopes)
        value = _secret() if value is None else value
        if value in self._tokens:
            raise ValueError("There is such a token already")
        expires_at = self._clock() + self._settings.token_lifetime
        return self._tokens.setdefault(value, AccessToken(value, user, service, wanted, expires_at))

    def simple(self, user: User) -> AccessToken:
        """Return the simple token of a user, the same each time."""
        if user not in self._simple:
            token = AccessToken(_secret(), user, None, READ_SCOPES)
            self._simple[user] = self._tokens[token.value] = token
        return self._simple[user]

    def token_of(self, authorization: str | None) -> AccessToken | None:
        """Return the token that an `Authorization` header names, or None when it names none that is valid."""
        scheme, _, value = (authorization or "").partition(" ")
        token = self._tokens.get(value.strip())
        if token is None or scheme.lower() != ("token" if token.service is None else "bearer"):
            return None
        return token if self._clock() < token.expires_at else None

    def expire(self, user: User | None) -> None:
        """End the OAuth2 access tokens of a user, or of all; their refresh tokens stay."""
        self._tokens = {
            value: token
            for value, token in self._tokens.items()
            if token.service is None or (user is not None and token.user is not user)
        }

    def consent(self, user: User, service: Service, scopes: frozenset[str]) -> str:
        """Return a code for what a user has allowed a service."""
        code = _secret()
        self._consents[code] = _Consent(user, service, scopes, self._clock() + CODE_LIFETIME)
        return code

    def redeem(self, code: str, service: Service) -> TokenPair | None:
        """Trade a code for tokens; None when it was traded before, is too old, or is for another service."""
        consent = self._consents.get(code)
        if consent is None or consent.service is not service or consent.expires_at <= self._clock():
            return None
        del self._consents[code]
        return self._pair(consent.user, service, consent.scopes)

    def renew(self, refresh_token: str, service: Service) -> TokenPair | None:
        """Trade a refresh token for new tokens, which ends the old ones; None when it is none of this service."""
        old = self._renewable.get(refresh_token)
        if old is None or old.service is not service:
            return None
        del self._renewable[refresh_token]
        self._tokens.pop(old.value, None)
        return self._pair(old.user, service, old.scopes)

    def _pair(self, user: User, service: Service, scopes: frozenset[str]) -> TokenPair:
        access = self.issue(user, service, scopes)
        refresh_token = _secret()
        self._renewable[refresh_token] = access
        return TokenPair(access, refresh_token, self._settings.token_lifetime)


def _secret() -> str:
    return secrets.token_hex(20)
