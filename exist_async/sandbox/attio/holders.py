"""A holder: an object or a list, which is what has attributes."""

from typing import Literal, TypeAlias

import attrs

__all__ = ["OBJECTS_WITHOUT_DEFAULTS", "Holder", "Target"]

Target: TypeAlias = Literal["objects", "lists"]

OBJECTS_WITHOUT_DEFAULTS = frozenset({"people", "companies"})
"""Whose attributes have no default values: "not currently supported on people or company objects"."""


@attrs.frozen(eq=False)
class Holder:
    """An object or a list of the workspace.

    Attributes:
        id: Its UUID, which attributes call `object_id`, of a list too.
        slug: The other way to name it in a path.
    """

    target: Target
    id: str
    slug: str

    @property
    def takes_defaults(self) -> bool:
        """Whether its attributes may have default values."""
        return self.target == "lists" or self.slug not in OBJECTS_WITHOUT_DEFAULTS
