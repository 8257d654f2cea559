"""Hands attributes from service to service: `attributes/acquire/` and `attributes/release/`."""

from exist_async.sandbox.attributes import Attribute
from exist_async.sandbox.batches import Item, Refusal, answer_each
from exist_async.sandbox.calls import Call
from exist_async.sandbox.creation import check_scope, from_template, known_template
from exist_async.sandbox.replies import Reply

__all__ = ["acquire_attributes", "owned_attribute", "release_attributes"]


def acquire_attributes(call: Call) -> Reply:
    """Answer `attributes/acquire/`; the older flag `allow_user_defined` changes nothing, as a name reaches them all."""
    return answer_each(call, _acquire)


def release_attributes(call: Call) -> Reply:
    """Answer `attributes/release/`."""
    return answer_each(call, _release)


def owned_attribute(call: Call, item: Item) -> Attribute:
    """Return the attribute that an item names, or refuse the item when the service may not write to it."""
    attribute = _existing(call, item)
    if attribute.service is None or attribute.service is not call.token.service:
        raise Refusal("unauthorised", f"Attribute '{attribute.name}' does not belong to this service")
    check_scope(call, attribute.group, manual=attribute.manual)
    return attribute


def _acquire(call: Call, item: Item) -> dict[str, object]:
    manual = item.boolean("manual")
    attribute = _by_template(call, item, manual) if item.sent.get("template") else _by_name(call, item, manual)
    if manual is not None:
        attribute.manual = manual
    if call.token.service is not None:
        attribute.take(call.token.service)
    if call.flag("success_objects"):
        return attribute.shape()
    return {**item.sent, "active": attribute.active}


def _by_template(call: Call, item: Item, manual: bool | None) -> Attribute:
    template = known_template(item.text("template"))
    user = call.token.user
    attribute = user.templated(template.name)
    if attribute is not None:
        return _allowed(call, attribute, manual)
    wanted = True if manual is None else manual
    check_scope(call, template.group, manual=wanted)
    return user.keep(from_template(user, template, manual=wanted))


def _by_name(call: Call, item: Item, manual: bool | None) -> Attribute:
    return _allowed(call, _existing(call, item), manual)


def _existing(call: Call, item: Item) -> Attribute:
    name = item.text("name")
    attribute = call.token.user.attribute(name)
    if attribute is None:
        raise Refusal("not_found", f"Attribute '{name}' does not exist")
    return attribute


def _allowed(call: Call, attribute: Attribute, manual: bool | None) -> Attribute:
    # Before and after: the scope for what is tracked by hand must not take what is not, nor make it so first.
    check_scope(call, attribute.group, manual=attribute.manual and manual is not False)
    return attribute


def _release(call: Call, item: Item) -> dict[str, object]:
    attribute = owned_attribute(call, item)
    heir = attribute.give_back()
    return {**item.sent, "service": "" if heir is None else heir.name, "active": attribute.active}
