"""A service: the client app that writes to attributes."""

from functools import cached_property

import attrs

__all__ = ["Service"]


@attrs.frozen(eq=False)
class Service:
    """A client app, and the scopes that it asks its users for."""

    name: str
    label: str
    scopes: frozenset[str]

    @cached_property
    def shape(self) -> dict[str, object]:
        """The service as it stands inside attributes."""
        return {"name": self.name, "label": self.label}
