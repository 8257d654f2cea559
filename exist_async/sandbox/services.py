"""A service: the client app that writes to attributes."""

from functools import cached_property
from typing import Any

import attrs

__all__ = ["Service"]


def _visible_ascii(_: "Service", attribute: "attrs.Attribute[Any]", value: str) -> None:
    # It goes back letter by letter, in a header.
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise ValueError(
            f"{attribute.name} must be visible ASCII, as browsers send it, with 'xn--' for such a host and percent "
            f"signs for the rest, not {value!r}"
        )


@attrs.frozen(eq=False)
class Service:
    """A client app, and the scopes that it asks its users for.

    Attributes:
        name: Its name inside attributes.
        label: What people read.
        scopes: The most that its tokens can do.
        client_id: Who it is when it asks for tokens.
        client_secret: How it proves that.
        redirect_uri: Where its users' browsers are sent back to, letter by letter.
    """

    name: str
    label: str
    scopes: frozenset[str]
    client_id: str
    client_secret: str = attrs.field(repr=False)
    redirect_uri: str = attrs.field(validator=_visible_ascii)

    @cached_property
    def shape(self) -> dict[str, object]:
        """The service as it stands inside attributes."""
        return {"name": self.name, "label": self.label}
