"""Lists a user's attributes: `attributes/` and `attributes/owned/`."""

from collections.abc import Iterable
from typing import Final

from exist_async.sandbox.attributes import Attribute
from exist_async.sandbox.calls import Call
from exist_async.sandbox.pages import page_of
from exist_async.sandbox.replies import Reply
from exist_async.sandbox.templates import LOW_PRIORITY

__all__ = ["list_attributes", "list_owned", "matching", "readable"]

_TRUTH: Final = {"true": True, "1": True, "false": False, "0": False}


def list_attributes(call: Call) -> Reply:
    """Answer `attributes/`: what the read scopes reach."""
    visible = readable(call)
    if call.flag("owned"):
        visible = [attribute for attribute in visible if _owns(call, attribute)]
    return page_of(call, _filtered(call, visible), Attribute.shape)


def list_owned(call: Call) -> Reply:
    """Answer `attributes/owned/`: what the service owns and any of its scopes reaches, write scopes included."""
    token = call.token
    owned = [
        attribute
        for attribute in token.user.attributes
        if _owns(call, attribute)
        and (token.may_read(attribute) or token.may_write(attribute.group, manual=attribute.manual))
    ]
    return page_of(call, _filtered(call, owned), Attribute.shape)


def readable(call: Call) -> list[Attribute]:
    """Return the attributes that the read scopes reach, inactive ones included."""
    return [attribute for attribute in call.token.user.attributes if call.token.may_read(attribute)]


def matching(
    call: Call, attributes: Iterable[Attribute], *, inactive: bool = False, low_priority: bool = False
) -> list[Attribute]:
    """Apply the filters that all listings have: groups, names, `manual`, and to hide what is not asked for."""
    groups = call.listed("groups")
    names = call.listed("attributes")
    manual = _TRUTH.get((call.parameter("manual") or "").lower())
    return [
        attribute
        for attribute in attributes
        if (inactive or attribute.active)
        and (low_priority or attribute.priority < LOW_PRIORITY)
        and (not groups or attribute.group.name in groups)
        and (not names or attribute.name in names)
        and (manual is None or attribute.manual is manual)
    ]


def _owns(call: Call, attribute: Attribute) -> bool:
    return attribute.service is not None and attribute.service is call.token.service


def _filtered(call: Call, attributes: Iterable[Attribute]) -> list[Attribute]:
    if call.flag("exclude_custom"):
        attributes = [attribute for attribute in attributes if attribute.template is not None]
    inactive, low_priority = call.flag("include_inactive"), call.flag("include_low_priority")
    return matching(call, attributes, inactive=inactive, low_priority=low_priority)
