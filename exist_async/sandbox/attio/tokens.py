"""Tokens: which requests may read, and which may write as well."""

import secrets

import attrs

__all__ = ["Token", "Tokens"]


@attrs.frozen(eq=False)
class Token:
    """What a request is authorised by: the scopes `…_configuration:read`, or `:read-write`."""

    value: str = attrs.field(repr=False)
    read_only: bool


class Tokens:
    """Every token that is valid, by its value."""

    def __init__(self) -> None:
        self._tokens: dict[str, Token] = {}

    def issue(self, value: str | None, *, read_only: bool) -> Token:
        """Issue a token, made up unless given.

        Raises:
            ValueError: The token is taken.
        """
        value = secrets.token_hex(32) if value is None else value
        if value in self._tokens:
            raise ValueError("There is such a token already")
        return self._tokens.setdefault(value, Token(value, read_only))

    def token_of(self, authorization: str | None) -> Token | None:
        """Return the token that an `Authorization` header names, or None when it names none that is valid."""
        scheme, _, value = (authorization or "").partition(" ")
        return self._tokens.get(value.strip()) if scheme.lower() == "bearer" else None
