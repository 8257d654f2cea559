"""Seeds a user's data past the API and its rules, and refuses only what makes no sense."""

from collections.abc import Iterable, Mapping
from datetime import date

import attrs

from exist_async.sandbox.attributes import Attribute, name_from_label
from exist_async.sandbox.creation import from_template
from exist_async.sandbox.groups import GROUPS
from exist_async.sandbox.services import Service
from exist_async.sandbox.templates import TEMPLATES
from exist_async.sandbox.users import User
from exist_async.sandbox.values import Value, checked

__all__ = ["attribute_of", "seed_attribute", "seed_values"]


def attribute_of(user: User, name: str) -> Attribute:
    """Return a user's attribute.

    Raises:
        ValueError: There is none of this name.
    """
    attribute = user.attribute(name)
    if attribute is None:
        raise ValueError(f"{user.username} has no attribute {name!r}")
    return attribute


def seed_attribute(
    user: User,
    template: str | None,
    *,
    name: str | None,
    label: str | None,
    group: str,
    value_type: int,
    service: Service | None,
    available_services: Iterable[Service],
    active: bool,
    manual: bool,
    priority: int | None,
) -> Attribute:
    """Give a user an attribute.

    Raises:
        ValueError: The user has it already, or there is no such template or group, or neither name nor label.
    """
    if template is not None:
        if template not in TEMPLATES:
            raise ValueError(f"There is no template {template!r}")
        if user.templated(template) is not None:
            raise ValueError(f"{user.username} has an attribute of the template {template!r} already")
        attribute = from_template(user, TEMPLATES[template], manual=manual)
    else:
        if group not in GROUPS:
            raise ValueError(f"There is no group {group!r}")
        if not (name or label):
            raise ValueError("A custom attribute needs a name or a label")
        name = name or name_from_label(label or "")
        if user.attribute(name) is not None:
            raise ValueError(f"{user.username} has an attribute {name!r} already")
        attribute = Attribute(name=name, label=label or name, group=GROUPS[group], value_type=value_type, manual=manual)
    if priority is not None:
        attribute = attrs.evolve(attribute, priority=priority)
    if service is not None:
        attribute.take(service)
    attribute.available_services.extend(available_services)
    attribute.active = active
    return user.keep(attribute)


def seed_values(user: User, name: str, values: Mapping[date, Value]) -> None:
    """Give an attribute values, all of them or, when one is wrong, none.

    Raises:
        ValueError: There is no such attribute, a day is no date, or a value is of another type or out of range.
    """
    attribute = attribute_of(user, name)
    kept: dict[date, Value] = {}
    for day, value in values.items():
        if type(day) is not date:
            raise ValueError(f"A day is a datetime.date, not {day!r}")
        try:
            kept[day] = checked(attribute.value_type, value)
        except ValueError as error:
            raise ValueError(f"{name!r} on {day}: {error}") from error
    attribute.history.record(kept)
