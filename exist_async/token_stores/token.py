"""The token that a user gets by signing in, and that stores keep."""

import datetime as dt
from collections.abc import Mapping
from typing import Any, Self, cast

from attrs import field, frozen

from exist_async._checks import wrong_type
from exist_async._secrets import Unpicklable, check_token, hides_locals
from exist_async.errors import ConfigurationError


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

    access_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    expires_at: dt.datetime | None = None
    scope: tuple[str, ...] = ()
    token_type: str = "Bearer"  # noqa: S105  (a scheme)

    def __attrs_post_init__(self) -> None:
        check_token("access_token", self.access_token)
        if self.refresh_token is not None:
            check_token("refresh_token", self.refresh_token)
        expires_at, scope = cast("object", self.expires_at), cast("object", self.scope)
        if expires_at is not None and (not isinstance(expires_at, dt.datetime) or expires_at.utcoffset() is None):
            raise ConfigurationError("expires_at must be a datetime with a time zone, or None")
        if not isinstance(scope, tuple) or not all(isinstance(name, str) for name in cast("tuple[object, ...]", scope)):
            raise ConfigurationError("scope must be a tuple of strings")
        if not isinstance(self.token_type, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise wrong_type("token_type", "a string", self.token_type)

    def to_dict(self) -> dict[str, Any]:
        """Return all fields, including the secrets, as plain JSON data for a store."""
        import msgspec

        return cast("dict[str, Any]", msgspec.to_builtins(self))

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
