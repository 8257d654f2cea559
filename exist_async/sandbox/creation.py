"""Creates attributes, from a template or from a label: `attributes/create/`."""

from exist_async.sandbox.attributes import Attribute, name_from_label
from exist_async.sandbox.batches import Item, Refusal, answer_each
from exist_async.sandbox.calls import Call
from exist_async.sandbox.groups import GROUPS, Group
from exist_async.sandbox.replies import Reply
from exist_async.sandbox.templates import TEMPLATES, Template
from exist_async.sandbox.users import User
from exist_async.sandbox.value_types import BOOLEAN, CREATABLE

__all__ = ["check_scope", "create_attributes", "from_template", "known_template"]


def create_attributes(call: Call) -> Reply:
    """Answer `attributes/create/`."""
    return answer_each(call, _create)


def known_template(name: str) -> Template:
    """Return the template of this name, or refuse the item."""
    template = TEMPLATES.get(name)
    if template is None:
        raise Refusal("not_found", f"Attribute template '{name}' does not exist")
    return template


def check_scope(call: Call, group: Group, *, manual: bool) -> None:
    """Refuse the item when the write scopes do not reach it."""
    if not call.token.may_write(group, manual=manual):
        raise Refusal("not_allowed", f"This client may not write to the group '{group.name}'")


def from_template(user: User, template: Template, *, manual: bool) -> Attribute:
    """Make a user's attribute from a template; one of the user's own may have taken its name already."""
    return Attribute(
        name=user.free_name(template.name),
        label=template.label,
        group=template.group,
        value_type=template.value_type,
        template=template.name,
        priority=template.priority,
        manual=manual,
    )


def _create(call: Call, item: Item) -> dict[str, object]:
    manual = item.boolean("manual")
    # By hand unless said otherwise: also for a service that means to send the data itself.
    make = _templated if item.sent.get("template") else _custom
    attribute = make(call, item, manual=True if manual is None else manual)
    # Not `take`: Exist answers a fresh attribute with its service, and with no available services.
    attribute.service = call.token.service
    call.token.user.keep(attribute)
    if call.flag("success_objects"):
        return attribute.shape()
    return {**item.sent, "name": attribute.name, "priority": attribute.priority, "group": attribute.group.name}


def _templated(call: Call, item: Item, *, manual: bool) -> Attribute:
    template = known_template(item.text("template"))
    check_scope(call, template.group, manual=manual)
    user = call.token.user
    if user.templated(template.name) is not None:
        raise Refusal("exists", f"Attribute with template '{template.name}' already exists")
    return from_template(user, template, manual=manual)


def _custom(call: Call, item: Item, *, manual: bool) -> Attribute:
    item.require("label", "group", "value_type")
    label, group = item.text("label"), GROUPS.get(item.text("group"))
    if group is None:
        raise item.invalid("group", "the name of a group")
    value_type = item.sent["value_type"]
    if isinstance(value_type, bool) or not isinstance(value_type, int) or value_type not in CREATABLE:
        raise item.invalid("value_type", "an integer from 0 to 8 other than 6")
    if group.name == "custom" and value_type != BOOLEAN:
        raise item.invalid("value_type", "7, a boolean, in the group 'custom'")
    check_scope(call, group, manual=manual)
    user = call.token.user
    if user.labelled(label) is not None:
        raise Refusal("exists", f"Attribute with label '{label}' already exists")
    return Attribute(
        name=user.free_name(name_from_label(label)), label=label, group=group, value_type=value_type, manual=manual
    )
