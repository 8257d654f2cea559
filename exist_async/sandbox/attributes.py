"""An attribute of one user: what it is, who owns it, what it had on each day, and how Exist shows it."""

import re
import unicodedata

import attrs

from exist_async.sandbox.groups import Group
from exist_async.sandbox.history import History
from exist_async.sandbox.services import Service
from exist_async.sandbox.value_types import describe

__all__ = ["Attribute", "name_from_label"]


def _no_services() -> list[Service]:
    return []


@attrs.define(eq=False)
class Attribute:
    """An attribute of one user; what it is stays, who owns it and whether it is active may be set at any time."""

    name: str = attrs.field(on_setattr=attrs.setters.frozen)
    label: str
    group: Group = attrs.field(on_setattr=attrs.setters.frozen)
    value_type: int
    template: str | None = attrs.field(default=None, on_setattr=attrs.setters.frozen)
    priority: int = attrs.field(default=1, on_setattr=attrs.setters.frozen)
    manual: bool = True
    active: bool = True
    service: Service | None = None
    available_services: list[Service] = attrs.field(factory=_no_services)
    history: History = attrs.field(init=False, factory=History, repr=False, on_setattr=attrs.setters.frozen)

    @property
    def order(self) -> tuple[int, str, int, str]:
        """The place in a listing: by group, then by priority, then by name."""
        return self.group.priority, self.group.name, self.priority, self.name

    def take(self, service: Service) -> None:
        """Make a service the owner; it and the one before it have shown that they can provide this attribute."""
        for able in (self.service, service):
            if able is not None and able not in self.available_services:
                self.available_services.append(able)
        self.service = service
        self.active = True

    def give_back(self) -> Service | None:
        """Pass from the owner to the next available service and return it, or else become inactive."""
        self.available_services = [able for able in self.available_services if able != self.service]
        self.service = self.available_services[0] if self.available_services else None
        self.active = self.service is not None
        return self.service

    def shape(self) -> dict[str, object]:
        """Return the attribute as Exist answers it."""
        return {
            **self.shape_without_services(),
            "available_services": [service.shape for service in self.available_services],
        }

    def shape_as_template(self) -> dict[str, object]:
        """Return what a template of this attribute would say, as Exist has it inside insights."""
        return {
            "name": self.name,
            "label": self.label,
            "group": self.group.shape,
            "priority": self.priority,
            "value_type": self.value_type,
            "value_type_description": describe(self.value_type),
        }

    def shape_without_services(self) -> dict[str, object]:
        """Return the attribute as Exist answers it beside values: without the services that can provide it."""
        return {
            "template": self.template,
            "name": self.name,
            "label": self.label,
            "group": self.group.shape,
            "service": None if self.service is None else self.service.shape,
            "active": self.active,
            "priority": self.priority,
            "manual": self.manual,
            "value_type": self.value_type,
            "value_type_description": describe(self.value_type),
        }


def name_from_label(label: str) -> str:
    """Make a name of lower-case ASCII letters, digits and underscores, as in "Café crème" → "cafe_creme"."""
    plain = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_") or "attribute"
