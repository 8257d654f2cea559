"""The ownership endpoints: `attributes/acquire/` and `attributes/release/`."""

from exist_async.sandbox.attributes import Attribute
from exist_async.sandbox.batches import Item, ItemError, process_batch
from exist_async.sandbox.calls import Call
from exist_async.sandbox.creation import check_write_scope, from_template, require_template
from exist_async.sandbox.replies import Reply

__all__ = ["acquire_attributes", "release_attributes", "require_owned_attribute"]


def acquire_attributes(call: Call) -> Reply:
    """Answer `attributes/acquire/`; the old flag `allow_user_defined` has no effect, as in the current API."""
    return process_batch(call, _acquire)


def release_attributes(call: Call) -> Reply:
    """Answer `attributes/release/`."""
    return process_batch(call, _release)


def require_owned_attribute(call: Call, item: Item) -> Attribute:
    """Return the attribute that an item names and the service may write to.

    Raises:
        ItemError: There is none of this name, the service doesn't own it, or the scopes don't include its group.
    """
    attribute = _require_attribute(call, item)
    if attribute.service is None or attribute.service is not call.token.service:
        raise ItemError("unauthorised", f"Attribute '{attribute.name}' does not belong to this service")
    check_write_scope(call, attribute.group, manual=attribute.manual)
    return attribute


def _acquire(call: Call, item: Item) -> dict[str, object]:
    manual = item.boolean("manual")
    find = _find_by_template if item.fields.get("template") else _find_by_name
    attribute = find(call, item, manual)
    if manual is not None:
        attribute.manual = manual
    # A token without a service may only read, and the attribute was not found for it.
    assert call.token.service is not None
    if attribute.service is not call.token.service:
        attribute.add_default(call.today())
    attribute.set_owner(call.token.service)
    if call.flag("success_objects"):
        return attribute.to_json()
    return {**item.fields, "active": attribute.active}


def _find_by_template(call: Call, item: Item, manual: bool | None) -> Attribute:
    """Return the user's attribute of the template; create it when there is none."""
    template = require_template(item.string("template"))
    user = call.token.user
    attribute = user.attribute_by_template(template.name)
    if attribute is not None:
        _check_acquirable(call, attribute, manual)
        return attribute
    new_manual = True if manual is None else manual
    check_write_scope(call, template.group, manual=new_manual)
    return user.add_attribute(from_template(user, template, manual=new_manual))


def _find_by_name(call: Call, item: Item, manual: bool | None) -> Attribute:
    attribute = _require_attribute(call, item)
    _check_acquirable(call, attribute, manual)
    return attribute


def _require_attribute(call: Call, item: Item) -> Attribute:
    name = item.string("name")
    attribute = call.token.user.attribute(name)
    if attribute is None:
        raise ItemError("not_found", f"Attribute '{name}' does not exist")
    return attribute


def _check_acquirable(call: Call, attribute: Attribute, manual: bool | None) -> None:
    # `manual_write` counts only for an attribute that is manual both before and after.
    check_write_scope(call, attribute.group, manual=attribute.manual and manual is not False)


def _release(call: Call, item: Item) -> dict[str, object]:
    attribute = require_owned_attribute(call, item)
    next_owner = attribute.release_owner()
    return {**item.fields, "service": "" if next_owner is None else next_owner.name, "active": attribute.active}
