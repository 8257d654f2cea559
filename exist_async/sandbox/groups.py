"""Exist's attribute groups, and the OAuth2 scopes for them."""

from collections.abc import Container, Iterable, Sequence
from functools import cached_property
from typing import Final

import attrs

__all__ = ["GROUPS", "READ_SCOPES", "SCOPES", "Group", "GroupAccess", "group_access", "validate_scopes"]


@attrs.frozen
class Group:
    """A group of attributes; listings sort groups by `priority`, lowest first."""

    name: str
    label: str
    priority: int

    @cached_property
    def as_json(self) -> dict[str, object]:
        """The group as in attributes and templates of Exist's replies."""
        return {"name": self.name, "label": self.label, "priority": self.priority}


GROUPS: Final = {
    group.name: group
    for group in (
        Group("activity", "Activity", 1),
        Group("productivity", "Productivity", 2),
        Group("mood", "Mood", 3),
        Group("sleep", "Sleep", 3),
        Group("workouts", "Workouts", 2),
        Group("events", "Events", 5),
        Group("finance", "Finance", 6),
        Group("food", "Food and drink", 6),
        Group("health", "Health and body", 8),
        Group("location", "Location", 9),
        Group("media", "Media", 7),
        Group("social", "Social", 7),
        Group("weather", "Weather", 10),
        Group("symptoms", "Symptoms", 11),
        Group("medication", "Medication", 12),
        Group("custom", "Daily tags", 3),
    )
}

READ_SCOPES: Final = frozenset({f"{name}_read" for name in GROUPS} | {"manual_read"})
"""The 17 scopes for reading."""

SCOPES: Final = READ_SCOPES | {f"{name}_write" for name in GROUPS} | {"manual_write"}
"""All 34 scopes."""


def validate_scopes(scopes: Iterable[str]) -> frozenset[str]:
    """Return scopes as a set; a string is a single scope.

    Raises:
        ValueError: A scope is unknown.
    """
    requested = frozenset([scopes] if isinstance(scopes, str) else scopes)
    unknown = requested - SCOPES
    if unknown:
        raise ValueError(f"unknown scopes: {', '.join(sorted(unknown))}")
    return requested


@attrs.frozen
class GroupAccess:
    """The access that a set of scopes gives to the attributes of one group, or with those tracked by hand."""

    label: str
    read: bool
    write: bool


def group_access(scopes: Container[str]) -> Sequence[GroupAccess]:
    """Return one row for each group that the scopes name, in Exist's order, and one for attributes tracked by hand."""
    labels = {name: group.label for name, group in GROUPS.items()} | {"manual": "Everything tracked by hand"}
    rows = [GroupAccess(label, f"{name}_read" in scopes, f"{name}_write" in scopes) for name, label in labels.items()]
    return [row for row in rows if row.read or row.write]
