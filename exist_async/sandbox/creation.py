"""The creation endpoint, for attributes from a template or from a label: `attributes/create/`."""

from typing import Final

from exist_async.sandbox.attributes import Attribute, name_from_label
from exist_async.sandbox.batches import Item, ItemError, process_batch
from exist_async.sandbox.calls import Call
from exist_async.sandbox.groups import GROUPS, Group
from exist_async.sandbox.replies import Reply
from exist_async.sandbox.templates import TEMPLATES, Template
from exist_async.sandbox.users import User
from exist_async.sandbox.value_types import BOOLEAN, CREATABLE

__all__ = ["check_write_scope", "create_attributes", "custom_attribute", "from_template", "require_template"]

_CUSTOM_PRIORITY: Final = 9
_TAG_PRIORITY: Final = 2


def create_attributes(call: Call) -> Reply:
    """Answer `attributes/create/`."""
    return process_batch(call, _create)


def require_template(name: str) -> Template:
    """Return the template of this name.

    Raises:
        ItemError: There is none.
    """
    template = TEMPLATES.get(name)
    if template is None:
        raise ItemError("not_found", f"Attribute template '{name}' does not exist")
    return template


def check_write_scope(call: Call, group: Group, *, manual: bool) -> None:
    """Check that the token may write to an attribute of this group.

    Raises:
        ItemError: It may not.
    """
    if not call.token.may_write(group, manual=manual):
        raise ItemError("not_allowed", f"This client may not write to the group '{group.name}'")


def from_template(user: User, template: Template, *, manual: bool) -> Attribute:
    """Return a new attribute from a template; its name has a number where a custom attribute has the template's."""
    return Attribute(
        name=user.free_name(template.name),
        label=template.label,
        group=template.group,
        value_type=template.value_type,
        template=template.name,
        priority=template.priority,
        manual=manual,
    )


def custom_attribute(name: str, label: str, group: Group, value_type: int, *, manual: bool) -> Attribute:
    """Return a new attribute without a template, with the priority that Exist gives it."""
    priority = _TAG_PRIORITY if group.name == "custom" else _CUSTOM_PRIORITY
    return Attribute(name=name, label=label, group=group, value_type=value_type, priority=priority, manual=manual)


def _create(call: Call, item: Item) -> dict[str, object]:
    manual = item.boolean("manual")
    # Manual by default, also for a service that is going to send the data itself.
    build = _templated_attribute if item.fields.get("template") else _custom_attribute
    attribute = build(call, item, manual=True if manual is None else manual)
    # Not `set_owner`: Exist returns a new attribute with its service and with no available services.
    attribute.service = call.token.service
    attribute.add_default(call.today())
    call.token.user.add_attribute(attribute)
    if call.flag("success_objects"):
        return attribute.to_json()
    return {**item.fields, "name": attribute.name, "priority": attribute.priority, "group": attribute.group.name}


def _templated_attribute(call: Call, item: Item, *, manual: bool) -> Attribute:
    template = require_template(item.string("template"))
    check_write_scope(call, template.group, manual=manual)
    user = call.token.user
    if user.attribute_by_template(template.name) is not None:
        raise ItemError("exists", f"Attribute with template '{template.name}' already exists")
    return from_template(user, template, manual=manual)


def _custom_attribute(call: Call, item: Item, *, manual: bool) -> Attribute:
    item.require("label", "group", "value_type")
    label, group = item.string("label"), GROUPS.get(item.string("group"))
    if group is None:
        raise item.invalid("group", "the name of a group")
    value_type = item.fields["value_type"]
    if isinstance(value_type, bool) or not isinstance(value_type, int) or value_type not in CREATABLE:
        raise item.invalid("value_type", "an integer from 0 to 8 other than 6")
    if group.name == "custom" and value_type != BOOLEAN:
        raise item.invalid("value_type", "7, a boolean, in the group 'custom'")
    check_write_scope(call, group, manual=manual)
    user = call.token.user
    if user.attribute_by_label(label) is not None:
        raise ItemError("exists", f"Attribute with label '{label}' already exists")
    return custom_attribute(user.free_name(name_from_label(label)), label, group, value_type, manual=manual)
