"""The token that a user gets by signing in, and that stores keep."""

import datetime as dt
from collections.abc import Mapping
from typing import Any, Self, cast

from attrs import Attribute, field, frozen
from attrs.validators import optional

from exist_async._checks import wrong_type
from exist_async._secrets import Unpicklable, check_token, hides_locals
from exist_async.errors import ConfigurationError


def _is_secret(_: object, attribute: "Attribute[Any]", value: object) -> None:
    check_token(attribute.name, value)


def _is_time(_: object, attribute: "Attribute[Any]", value: object) -> None:
    if not isinstance(value, dt.datetime) or value.utcoffset() is None:
        raise ConfigurationError(f"{attribute.name} must be a datetime with a time zone, or None")


def _is_scope(_: object, attribute: "Attribute[Any]", value: object) -> None:
    if not isinstance(value, tuple) or not all(isinstance(name, str) for name in cast("tuple[object, ...]", value)):
        raise ConfigurationError(f"{attribute.name} must be a tuple of strings")


def _is_string(_: object, attribute: "Attribute[Any]", value: object) -> None:
    if not isinstance(value, str):
        raise wrong_type(attribute.name, "a string", value)


@hides_locals
@frozen
class OAuthToken(Unpicklable):
    """An access token and its refresh token. Its repr hides both, and it can't be pickled: store it with `to_dict`.

    Attributes:
        access_token: Token that signs requests.
        refresh_token: Token that renews the access token, once; None if it can't be renewed.
        expires_at: Time when the access token expires, with a time zone; None if unknown.
        scope: Permissions, such as `mood_read`.
        token_type: Scheme of the Authorization header; Exist uses bearer tokens.

    Raises:
        ConfigurationError: A token has characters that a header can't carry, `expires_at` has no time zone, `scope` is
            not a tuple of strings, or `token_type` is not a string.
    """

    access_token: str = field(repr=False, validator=_is_secret)
    refresh_token: str | None = field(default=None, repr=False, validator=optional(_is_secret))
    expires_at: dt.datetime | None = field(default=None, validator=optional(_is_time))
    scope: tuple[str, ...] = field(default=(), validator=_is_scope)
    token_type: str = field(default="Bearer", validator=_is_string)

    def to_dict(self) -> dict[str, Any]:
        """Return all fields, including the secrets, as plain JSON data for a store."""
        import msgspec

        fields: dict[str, Any] = msgspec.to_builtins(self)
        return fields

    @classmethod
    @hides_locals
    def from_dict(cls, fields: Mapping[str, Any]) -> Self:
        """Return the token that `to_dict` converted to these fields.

        Raises:
            ConfigurationError: The fields are not those of a token.
        """
        import msgspec

        try:
            return msgspec.convert(fields, cls)
        except msgspec.ValidationError as error:
            # Its message names the field and quotes no value.
            raise ConfigurationError(f"these are not the fields of an OAuthToken: {error}") from error


def check_oauth_token(value: object) -> None:
    """Raise a ConfigurationError unless a value is an OAuthToken."""
    if not isinstance(value, OAuthToken):
        raise wrong_type("token", "an OAuthToken", value)
