"""The endpoints that create and update attributes."""

from collections.abc import Mapping
from typing import Any

from exist_async.sandbox.attio.attributes import Attribute
from exist_async.sandbox.attio.bodies import create_schema, read_data, update_schema
from exist_async.sandbox.attio.calls import Call
from exist_async.sandbox.attio.defaults import check_default
from exist_async.sandbox.attio.errors import attio_error, slug_conflict
from exist_async.sandbox.attio.targets import ObjectOrList
from exist_async.sandbox.attio.validation import JsonPath, ValidationErrors
from exist_async.sandbox.attio.workspace import Workspace

__all__ = ["add_validated_attribute", "create_attribute", "find_slug_conflict", "update_attribute"]


def create_attribute(call: Call) -> object:
    """Answer `POST …/attributes`."""
    parent = call.object_or_list()
    errors = ValidationErrors()
    data = read_data(call, create_schema(call.workspace), errors)
    check_default(data.get("default_value"), parent, data["type"], errors)
    _check_relationship(data, parent, errors)
    errors.raise_if_any()
    conflict = find_slug_conflict(call.workspace, parent, data)
    if conflict is not None:
        raise slug_conflict(conflict)
    return add_validated_attribute(call.workspace, parent, data).to_json()


def update_attribute(call: Call) -> object:
    """Answer `PATCH …/attributes/{attribute}`: change the given fields and return the whole attribute."""
    attribute = call.attribute()
    errors = ValidationErrors()
    data = read_data(call, update_schema(call.workspace), errors)
    check_default(data.get("default_value"), attribute.parent, attribute.type, errors)
    errors.raise_if_any()
    if attribute.is_system_attribute:
        message = f'The attribute "{attribute.api_slug}" is a system attribute, which cannot be edited.'
        raise attio_error(400, "system_edit_unauthorized", message)
    slug = data.get("api_slug", attribute.api_slug)
    if call.workspace.find_attribute_by_slug(attribute.parent, slug) not in {None, attribute}:
        raise slug_conflict(slug)
    _apply_config(attribute, data.pop("config", {}))
    for name, value in data.items():
        setattr(attribute, name, value)
    return attribute.to_json()


def find_slug_conflict(workspace: Workspace, parent: ObjectOrList, data: Mapping[str, Any]) -> str | None:
    """Return the slug of a new attribute, or of its related attribute, that is in use; None when both are free."""
    slugs: list[tuple[ObjectOrList, str]] = [(parent, data["api_slug"])]
    relationship = data.get("relationship")
    if relationship is not None:
        slugs.append((relationship["object"], relationship["api_slug"]))
    for parent_and_slug in slugs:
        if workspace.find_attribute_by_slug(*parent_and_slug) is not None or slugs.count(parent_and_slug) > 1:
            return parent_and_slug[1]
    return None


def add_validated_attribute(workspace: Workspace, parent: ObjectOrList, data: Mapping[str, Any]) -> Attribute:
    """Add an attribute, and its related attribute, from validated data with free slugs and resolved objects."""
    fields = {name: value for name, value in data.items() if name not in {"config", "relationship"}}
    attribute = workspace.add_attribute(parent, **fields)
    _apply_config(attribute, data.get("config", {}))
    relationship = data.get("relationship")
    if relationship is not None:
        attribute.allowed_object_ids = [relationship["object"].id]
        attribute.related = workspace.add_attribute(
            relationship["object"],
            title=relationship["title"],
            api_slug=relationship["api_slug"],
            type=attribute.type,
            is_multiselect=relationship["is_multiselect"],
            is_system_attribute=attribute.is_system_attribute,
            allowed_object_ids=[parent.id],
            related=attribute,
        )
    return attribute


def _apply_config(attribute: Attribute, config: Mapping[str, Any]) -> None:
    """Apply the part of a config for the attribute's type, if present; other parts have no effect."""
    currency = config.get("currency")
    if currency is not None and attribute.type == "currency":
        attribute.default_currency_code = currency["default_currency_code"]
        attribute.display_type = currency["display_type"]
    reference = config.get("record_reference")
    if reference is not None and attribute.type == "record-reference":
        attribute.allowed_object_ids = [allowed.id for allowed in reference["allowed_objects"]]


def _check_relationship(data: Mapping[str, Any], parent: ObjectOrList, errors: ValidationErrors) -> None:
    relationship = data.get("relationship")
    if relationship is None:
        return
    path: JsonPath = ("data", "relationship")
    if data["type"] != "record-reference":
        errors.add("custom", path, f"An attribute of the type '{data['type']}' has no relationship")
    if parent.target == "lists":
        errors.add("custom", path, "An attribute of a list has no relationship: nothing leads to the entries of one")
    allowed = data["config"].get("record_reference", {}).get("allowed_objects", [relationship["object"]])
    if allowed != [relationship["object"]]:
        path = ("data", "config", "record_reference", "allowed_objects")
        errors.add("custom", path, "This must contain only the object of the relationship")
