"""A user account: profile, attributes, correlations and insights."""

from bisect import insort
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import attrs

from exist_async.sandbox.attributes import Attribute
from exist_async.sandbox.findings import Correlation, Insight

__all__ = ["User"]


@attrs.define(eq=False)
class User:
    """A user with an Exist account; every field but the username may be set at any time."""

    username: str = attrs.field(on_setattr=attrs.setters.frozen)
    timezone: str
    password: str = attrs.field(repr=False)
    first_name: str = ""
    last_name: str = ""
    avatar: str = ""
    imperial_distance: bool = False
    imperial_weight: bool = False
    imperial_energy: bool = False
    imperial_liquid: bool = False
    imperial_temperature: bool = False
    trial: bool = False
    delinquent: bool = False
    correlations: list[Correlation] = attrs.field(init=False, factory=list[Correlation], repr=False)
    insights: list[Insight] = attrs.field(init=False, factory=list[Insight], repr=False)
    _sorted: list[Attribute] = attrs.field(init=False, factory=list[Attribute], repr=False)
    _by_name: dict[str, Attribute] = attrs.field(init=False, factory=dict[str, Attribute], repr=False)

    @property
    def attributes(self) -> Sequence[Attribute]:
        """All attributes, inactive ones included, in the order of listings."""
        return self._sorted

    def local_time(self, moment: datetime) -> datetime:
        """Return a moment in the user's time zone."""
        return moment.astimezone(ZoneInfo(self.timezone))

    def attribute(self, name: str) -> Attribute | None:
        """Return the attribute of this name, or None."""
        return self._by_name.get(name)

    def attribute_by_template(self, template: str) -> Attribute | None:
        """Return the attribute from this template, or None; its name may differ from the template's."""
        same_name = self._by_name.get(template)
        if same_name is not None and same_name.template == template:
            return same_name
        return next((attribute for attribute in self._sorted if attribute.template == template), None)

    def attribute_by_label(self, label: str) -> Attribute | None:
        """Return the attribute of this label, or None."""
        return next((attribute for attribute in self._sorted if attribute.label == label), None)

    def free_name(self, base: str) -> str:
        """Return a free attribute name: the given one, or with a number, as in `tea`, `tea_2`, `tea_3`."""
        name, number = base, 1
        while name in self._by_name:
            number += 1
            name = f"{base}_{number}"
        return name

    def add_attribute(self, attribute: Attribute) -> Attribute:
        """Add an attribute; its name must be free."""
        self._by_name[attribute.name] = attribute
        insort(self._sorted, attribute, key=lambda item: item.sort_key)
        return attribute
