"""A service: a client app that is registered with Exist."""

from functools import cached_property
from typing import Any

import attrs

__all__ = ["Service"]


def _visible_ascii(_: "Service", attribute: "attrs.Attribute[Any]", value: str) -> None:
    # It is sent unchanged in the Location header.
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise ValueError(
            f"{attribute.name} must be visible ASCII: encode the host in Punycode ('xn--') and the rest with percent "
            f"signs, not {value!r}"
        )


@attrs.frozen(eq=False)
class Service:
    """A client app and its registered scopes.

    Attributes:
        name: Name in attributes.
        label: Display name.
        scopes: Maximum scopes of its tokens.
        client_id: OAuth2 client ID.
        client_secret: OAuth2 client secret.
        redirect_uri: OAuth2 redirect URI, compared character by character.
    """

    name: str
    label: str
    scopes: frozenset[str]
    client_id: str
    client_secret: str = attrs.field(repr=False)
    redirect_uri: str = attrs.field(validator=_visible_ascii)

    @cached_property
    def as_json(self) -> dict[str, object]:
        """The service as in attributes of Exist's replies."""
        return {"name": self.name, "label": self.label}
