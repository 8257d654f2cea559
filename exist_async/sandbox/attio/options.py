"""Options of select attributes, and statuses of status attributes."""

from collections.abc import Mapping

import attrs

__all__ = ["Option", "Status"]


@attrs.define(eq=False)
class Option:
    """An option of a select attribute; every field but the ID may be set at any time."""

    id: str = attrs.field(on_setattr=attrs.setters.frozen)
    title: str
    is_archived: bool = False

    def to_json(self, attribute_id: Mapping[str, str]) -> dict[str, object]:
        """Return the option as in Attio's replies; its ID contains that of the attribute."""
        return {"id": {**attribute_id, "option_id": self.id}, "title": self.title, "is_archived": self.is_archived}


@attrs.define(eq=False)
class Status:
    """A status of a status attribute; every field but the ID may be set at any time.

    Attributes:
        celebration_enabled: Whether Attio shows confetti when an entry gets this status.
        target_time_in_status: Target time for entries in this status, an ISO-8601 duration, or None.
    """

    id: str = attrs.field(on_setattr=attrs.setters.frozen)
    title: str
    is_archived: bool = False
    celebration_enabled: bool = False
    target_time_in_status: str | None = None

    def to_json(self, attribute_id: Mapping[str, str]) -> dict[str, object]:
        """Return the status as in Attio's replies; its ID contains that of the attribute."""
        return {
            "id": {**attribute_id, "status_id": self.id},
            "title": self.title,
            "is_archived": self.is_archived,
            "celebration_enabled": self.celebration_enabled,
            "target_time_in_status": self.target_time_in_status,
        }
