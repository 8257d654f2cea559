"""An attribute of a user: its definition, its owner, its values by day, and its JSON."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date

import attrs

from exist_async.sandbox.groups import Group
from exist_async.sandbox.services import Service
from exist_async.sandbox.value_types import describe_value_type
from exist_async.sandbox.values import Value, default_value

__all__ = ["Attribute", "name_from_label"]


@attrs.define(eq=False)
class History:
    """The values of one attribute; a value can be replaced but not removed.

    Attributes:
        by_day: The values that were written by day, unordered.
        defaults: Values that nobody wrote, by day: those of the days on which the attribute was created or acquired.
        first: The earliest day with a value, or None.
        last: The latest day with a value, or None.
    """

    by_day: dict[date, Value] = attrs.field(init=False, factory=dict[date, Value])
    defaults: dict[date, Value | None] = attrs.field(init=False, factory=dict[date, Value | None])
    first: date | None = attrs.field(init=False, default=None)
    last: date | None = attrs.field(init=False, default=None)

    def record(self, values: Mapping[date, Value]) -> None:
        """Set the values of some days."""
        if not values:
            return
        self.by_day.update(values)
        # Stored, because finding them among all days made each page of a listing a thousand times as expensive.
        self.first = min(values) if self.first is None else min(self.first, *values)
        self.last = max(values) if self.last is None else max(self.last, *values)

    @property
    def readable(self) -> Mapping[date, Value | None]:
        """All values, as the API returns them."""
        return {**self.defaults, **self.by_day} if self.defaults else self.by_day


@attrs.define(eq=False)
class Attribute:
    """An attribute of one user; its identity is fixed, its owner and its flags may be set at any time."""

    name: str = attrs.field(on_setattr=attrs.setters.frozen)
    label: str
    group: Group = attrs.field(on_setattr=attrs.setters.frozen)
    value_type: int
    template: str | None = attrs.field(default=None, on_setattr=attrs.setters.frozen)
    priority: int = attrs.field(default=1, on_setattr=attrs.setters.frozen)
    manual: bool = True
    active: bool = True
    service: Service | None = None
    available_services: list[Service] = attrs.field(factory=list[Service])
    history: History = attrs.field(init=False, factory=History, repr=False, on_setattr=attrs.setters.frozen)

    @property
    def sort_key(self) -> tuple[int, str, int, str]:
        """The order in listings: by group, then by priority, then by name."""
        return self.group.priority, self.group.name, self.priority, self.name

    def set_owner(self, service: Service) -> None:
        """Make a service the owner; it and the previous owner are available services from then on."""
        for provider in (self.service, service):
            if provider is not None and provider not in self.available_services:
                self.available_services.append(provider)
        self.service = service
        self.active = True

    def add_default(self, day: date) -> None:
        """Give the day on which the attribute is created or acquired a value, unless it has one."""
        self.history.defaults.setdefault(day, default_value(self.value_type))

    def release_owner(self) -> Service | None:
        """Make the next available service the owner and return it; without one, deactivate and return None."""
        self.available_services = [provider for provider in self.available_services if provider != self.service]
        self.service = self.available_services[0] if self.available_services else None
        self.active = self.service is not None
        return self.service

    def to_json(self) -> dict[str, object]:
        """Return the attribute as in Exist's replies."""
        return {
            **self.to_json_without_services(),
            "available_services": [service.as_json for service in self.available_services],
        }

    def to_json_without_services(self) -> dict[str, object]:
        """Return the attribute as in Exist's replies with values, which leave out the available services."""
        return {
            "template": self.template,
            "name": self.name,
            "label": self.label,
            "group": self.group.as_json,
            "service": None if self.service is None else self.service.as_json,
            "active": self.active,
            "priority": self.priority,
            "manual": self.manual,
            "value_type": self.value_type,
            "value_type_description": describe_value_type(self.value_type),
        }

    def to_template_json(self) -> dict[str, object]:
        """Return the attribute in the form of a template, as in Exist's insights."""
        return {
            "name": self.name,
            "label": self.label,
            "group": self.group.as_json,
            "priority": self.priority,
            "value_type": self.value_type,
            "value_type_description": describe_value_type(self.value_type),
        }


def name_from_label(label: str) -> str:
    """Return a name of lower-case ASCII letters, digits and underscores, as in "Café crème" → "cafe_creme"."""
    plain = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_") or "attribute"
