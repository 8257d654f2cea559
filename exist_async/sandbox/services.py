"""A service: the client app that writes to attributes."""

from functools import cached_property

import attrs

__all__ = ["Service"]


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
    redirect_uri: str

    @cached_property
    def shape(self) -> dict[str, object]:
        """The service as it stands inside attributes."""
        return {"name": self.name, "label": self.label}
