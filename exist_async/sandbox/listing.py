"""The attribute listings, `attributes/` and `attributes/owned/`, and the filters that all listings share."""

from collections.abc import Iterable
from typing import Final

from exist_async.sandbox.attributes import Attribute
from exist_async.sandbox.calls import Call
from exist_async.sandbox.pagination import paginate
from exist_async.sandbox.replies import Reply
from exist_async.sandbox.templates import LOW_PRIORITY

__all__ = ["filter_attributes", "list_attributes", "list_owned", "readable_attributes"]

_BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}


def list_attributes(call: Call) -> Reply:
    """Answer `attributes/`: the readable attributes."""
    attributes = readable_attributes(call)
    if call.flag("owned"):
        attributes = [attribute for attribute in attributes if _is_owned(call, attribute)]
    return paginate(call, _filter_by_flags(call, attributes), Attribute.to_json)


def list_owned(call: Call) -> Reply:
    """Answer `attributes/owned/`: the service's own attributes within its scopes, read or write."""
    token = call.token
    attributes = [
        attribute
        for attribute in token.user.attributes
        if _is_owned(call, attribute)
        and (token.may_read(attribute) or token.may_write(attribute.group, manual=attribute.manual))
    ]
    return paginate(call, _filter_by_flags(call, attributes), Attribute.to_json)


def readable_attributes(call: Call) -> list[Attribute]:
    """Return the attributes that the token may read, inactive ones included."""
    return [attribute for attribute in call.token.user.attributes if call.token.may_read(attribute)]


def filter_attributes(
    call: Call, attributes: Iterable[Attribute], *, inactive: bool = False, low_priority: bool = False
) -> list[Attribute]:
    """Apply the filters of all listings: `groups`, `attributes` and `manual`.

    Args:
        call: The request with the filters.
        attributes: The attributes to filter.
        inactive: Whether to include inactive attributes.
        low_priority: Whether to include low-priority attributes.
    """
    groups = call.list_parameter("groups")
    names = call.list_parameter("attributes")
    manual = _BOOLEANS.get((call.parameter("manual") or "").lower())
    return [
        attribute
        for attribute in attributes
        if (inactive or attribute.active)
        and (low_priority or attribute.priority < LOW_PRIORITY)
        and (not groups or attribute.group.name in groups)
        and (not names or attribute.name in names)
        and (manual is None or attribute.manual is manual)
    ]


def _is_owned(call: Call, attribute: Attribute) -> bool:
    return attribute.service is not None and attribute.service is call.token.service


def _filter_by_flags(call: Call, attributes: Iterable[Attribute]) -> list[Attribute]:
    if call.flag("exclude_custom"):
        attributes = [attribute for attribute in attributes if attribute.template is not None]
    inactive, low_priority = call.flag("include_inactive"), call.flag("include_low_priority")
    return filter_attributes(call, attributes, inactive=inactive, low_priority=low_priority)
