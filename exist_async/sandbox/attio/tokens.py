"""Access tokens and their scopes."""

import secrets

import attrs

__all__ = ["Token", "TokenRegistry"]


@attrs.frozen(eq=False)
class Token:
    """An access token with the scopes `…_configuration:read` or `…_configuration:read-write`."""

    value: str = attrs.field(repr=False)
    read_only: bool


class TokenRegistry:
    """The valid tokens, by value."""

    def __init__(self) -> None:
        self._tokens: dict[str, Token] = {}

    def issue_token(self, value: str | None, *, read_only: bool) -> Token:
        """Issue a token, by default with a random value.

        Raises:
            ValueError: The value is in use.
        """
        value = secrets.token_hex(32) if value is None else value
        if value in self._tokens:
            raise ValueError("token is already in use: choose another")
        return self._tokens.setdefault(value, Token(value, read_only))

    def authenticate(self, authorization: str | None) -> Token | None:
        """Return the valid token in an `Authorization` header, or None."""
        scheme, _, value = (authorization or "").partition(" ")
        return self._tokens.get(value.strip()) if scheme.lower() == "bearer" else None
