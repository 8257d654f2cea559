"""Objects and lists, which attributes belong to."""

from typing import Literal, TypeAlias

import attrs

__all__ = ["OBJECTS_WITHOUT_DEFAULTS", "ObjectOrList", "Target"]

Target: TypeAlias = Literal["objects", "lists"]
"""First segment of a path: whether an attribute belongs to an object or to a list."""

OBJECTS_WITHOUT_DEFAULTS = frozenset({"people", "companies"})
"""Objects with attributes for which default values are "not currently supported", in the words of the documentation."""


@attrs.frozen(eq=False)
class ObjectOrList:
    """An object or a list of the workspace.

    Attributes:
        target: "objects" or "lists".
        id: UUID; attributes call it `object_id`, also that of a list.
        slug: Slug, an alternative to the UUID in paths.
    """

    target: Target
    id: str
    slug: str

    @property
    def supports_defaults(self) -> bool:
        """Whether its attributes may have default values."""
        return self.target == "lists" or self.slug not in OBJECTS_WITHOUT_DEFAULTS
