"""Seeds a user's data directly, without the restrictions of the API."""

from collections.abc import Iterable, Mapping
from datetime import date

import attrs

from exist_async.sandbox.attributes import Attribute, name_from_label
from exist_async.sandbox.creation import custom_attribute, from_template
from exist_async.sandbox.groups import GROUPS
from exist_async.sandbox.services import Service
from exist_async.sandbox.templates import TEMPLATES
from exist_async.sandbox.users import User
from exist_async.sandbox.values import Value, validate_value

__all__ = ["require_attribute", "seed_attribute", "seed_values"]


def require_attribute(user: User, name: str) -> Attribute:
    """Return a user's attribute by name.

    Raises:
        ValueError: The user has none of this name.
    """
    attribute = user.attribute(name)
    if attribute is None:
        raise ValueError(f"user {user.username!r} has no attribute {name!r}")
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
    """Add an attribute to a user.

    Raises:
        ValueError: The user has it already, the template or group is unknown, or both name and label are missing.
    """
    if template is not None:
        if template not in TEMPLATES:
            raise ValueError(f"unknown template {template!r}")
        if user.attribute_by_template(template) is not None:
            raise ValueError(f"user {user.username!r} already has an attribute from the template {template!r}")
        attribute = from_template(user, TEMPLATES[template], manual=manual)
    else:
        if group not in GROUPS:
            raise ValueError(f"unknown group {group!r}")
        if not (name or label):
            raise ValueError("a custom attribute needs name or label")
        name = name or name_from_label(label or "")
        if user.attribute(name) is not None:
            raise ValueError(f"user {user.username!r} already has an attribute {name!r}")
        attribute = custom_attribute(name, label or name, GROUPS[group], value_type, manual=manual)
    if priority is not None:
        attribute = attrs.evolve(attribute, priority=priority)
    if service is not None:
        attribute.set_owner(service)
    attribute.available_services.extend(available_services)
    attribute.active = active
    return user.add_attribute(attribute)


def seed_values(user: User, name: str, values: Mapping[date, Value]) -> None:
    """Set values of an attribute; when one of them is invalid, none is set.

    Raises:
        ValueError: The user has no such attribute, a day is not a date, or a value has another type or is out of range.
    """
    attribute = require_attribute(user, name)
    validated: dict[date, Value] = {}
    for day, value in values.items():
        if type(day) is not date:
            raise ValueError(f"the keys of values must be datetime.date, not {day!r}")
        try:
            validated[day] = validate_value(attribute.value_type, value)
        except ValueError as error:
            raise ValueError(f"{name!r} on {day}: {error}") from error
    attribute.history.record(validated)
