"""A user: the person whose attributes are read and written."""

from bisect import insort
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import attrs

from exist_async.sandbox.attributes import Attribute
from exist_async.sandbox.findings import Correlation, Insight

__all__ = ["User"]


def _no_attributes() -> list[Attribute]:
    return []


def _no_correlations() -> list[Correlation]:
    return []


def _no_insights() -> list[Insight]:
    return []


def _no_names() -> dict[str, Attribute]:
    return {}


@attrs.define(eq=False)
class User:
    """A person with an account at Exist; every field may be set at any time, apart from the name."""

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
    correlations: list[Correlation] = attrs.field(init=False, factory=_no_correlations, repr=False)
    insights: list[Insight] = attrs.field(init=False, factory=_no_insights, repr=False)
    _sorted: list[Attribute] = attrs.field(init=False, factory=_no_attributes, repr=False)
    _by_name: dict[str, Attribute] = attrs.field(init=False, factory=_no_names, repr=False)

    @property
    def attributes(self) -> Sequence[Attribute]:
        """All of the user's attributes, inactive ones included, in the order of a listing."""
        return self._sorted

    def local(self, moment: datetime) -> datetime:
        """Return a moment on the user's own clock."""
        return moment.astimezone(ZoneInfo(self.timezone))

    def attribute(self, name: str) -> Attribute | None:
        """Return the attribute of this name, or None."""
        return self._by_name.get(name)

    def templated(self, template: str) -> Attribute | None:
        """Return the attribute made from this template, or None; its name may be another."""
        named = self._by_name.get(template)
        if named is not None and named.template == template:
            return named
        return next((attribute for attribute in self._sorted if attribute.template == template), None)

    def labelled(self, label: str) -> Attribute | None:
        """Return the attribute of this label, or None."""
        return next((attribute for attribute in self._sorted if attribute.label == label), None)

    def free_name(self, wanted: str) -> str:
        """Return the wanted name, or with the first number that makes it unique: `tea`, `tea_2`, `tea_3`."""
        name, number = wanted, 1
        while name in self._by_name:
            number += 1
            name = f"{wanted}_{number}"
        return name

    def keep(self, attribute: Attribute) -> Attribute:
        """Add an attribute whose name is free."""
        self._by_name[attribute.name] = attribute
        insort(self._sorted, attribute, key=lambda kept: kept.order)
        return attribute
