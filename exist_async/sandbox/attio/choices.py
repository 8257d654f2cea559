"""Choices: the options of a select attribute, and the statuses of a status attribute."""

from collections.abc import Mapping

import attrs

__all__ = ["Option", "Status"]


@attrs.define(eq=False)
class Option:
    """An option of a select attribute; every field may be set at any time, apart from the ID."""

    id: str = attrs.field(on_setattr=attrs.setters.frozen)
    title: str
    is_archived: bool = False

    def show(self, attribute: Mapping[str, str]) -> dict[str, object]:
        """Return it as Attio shows it, below the ID of its attribute."""
        return {"id": {**attribute, "option_id": self.id}, "title": self.title, "is_archived": self.is_archived}


@attrs.define(eq=False)
class Status:
    """A status of a status attribute; every field may be set at any time, apart from the ID.

    Attributes:
        celebration_enabled: Whether there is confetti when something gets there.
        target_time_in_status: How long things should stay, an ISO-8601 duration, or None.
    """

    id: str = attrs.field(on_setattr=attrs.setters.frozen)
    title: str
    is_archived: bool = False
    celebration_enabled: bool = False
    target_time_in_status: str | None = None

    def show(self, attribute: Mapping[str, str]) -> dict[str, object]:
        """Return it as Attio shows it, below the ID of its attribute."""
        return {
            "id": {**attribute, "status_id": self.id},
            "title": self.title,
            "is_archived": self.is_archived,
            "celebration_enabled": self.celebration_enabled,
            "target_time_in_status": self.target_time_in_status,
        }
