"""The token that signing in gives, as stores keep it."""

import datetime as dt
from collections.abc import Mapping
from typing import Any, Self, cast

from attrs import Attribute, field, frozen

from exist_async._secrets import Unpicklable, check_token
from exist_async.errors import ConfigurationError


def _secret(_: "OAuthToken", attribute: "Attribute[Any]", value: object) -> None:
    if value is not None or attribute.name == "access_token":
        check_token(attribute.name, value)


def _moment(_: "OAuthToken", attribute: "Attribute[Any]", value: object) -> None:
    if value is not None and (not isinstance(value, dt.datetime) or value.utcoffset() is None):
        raise ConfigurationError(f"{attribute.name} is a datetime with a time zone, or None")


def _scope(_: "OAuthToken", __: "Attribute[Any]", value: object) -> None:
    if not isinstance(value, tuple) or not all(isinstance(name, str) for name in cast("tuple[object, ...]", value)):
        raise ConfigurationError("scope is a tuple of strings")


def _type(_: "OAuthToken", __: "Attribute[Any]", value: object) -> None:
    if not isinstance(value, str):
        raise ConfigurationError(f"token_type is a string, not {type(value).__name__}")


@frozen
class OAuthToken(Unpicklable):
    """An access token, and what renews it. It shows neither, and is not pickled: `to_dict` is for storing it.

    Attributes:
        access_token: Signs requests.
        refresh_token: Renews the access token, once; None when it can't be renewed.
        expires_at: When the access token expires, with a time zone; None when that is not known.
        scope: What it may do, such as `mood_read`.
        token_type: How it signs; Exist's is a bearer token.

    Raises:
        ConfigurationError: A token holds what no header can carry, `expires_at` has no time zone, `scope` is no tuple
            of strings, or `token_type` is no string.
    """

    access_token: str = field(repr=False, validator=_secret)
    refresh_token: str | None = field(default=None, repr=False, validator=_secret)
    expires_at: dt.datetime | None = field(default=None, validator=_moment)
    scope: tuple[str, ...] = field(default=(), validator=_scope)
    token_type: str = field(default="Bearer", validator=_type)

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON has it, the secrets too, for a store to write down."""
        import msgspec

        fields: dict[str, Any] = msgspec.to_builtins(self)
        return fields

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Self:
        """Make it again of what `to_dict` returned.

        Raises:
            ConfigurationError: It is something else.
        """
        import msgspec

        try:
            return msgspec.convert(fields, cls)
        except msgspec.ValidationError as error:
            # It names the place, and quotes no value.
            raise ConfigurationError(f"these are not the fields of an OAuthToken: {error}") from error


def check_oauth_token(value: object) -> None:
    """Check a token that is to be saved.

    Raises:
        ConfigurationError: It is none.
    """
    if not isinstance(value, OAuthToken):
        raise ConfigurationError(f"token is an OAuthToken, not {type(value).__name__}")
