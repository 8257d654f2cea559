"""Seeds attributes directly, without the restrictions of the API."""

from collections.abc import Mapping
from typing import Any, TypedDict, cast

from exist_async.sandbox.attio.attributes import Attribute
from exist_async.sandbox.attio.targets import ObjectOrList, Target
from exist_async.sandbox.attio.workspace import Workspace
from exist_async.sandbox.attio.writing import add_validated_attribute, find_slug_conflict

__all__ = ["AttributeFields", "require_attribute", "require_object_or_list", "seed_attribute"]


class AttributeFields(TypedDict, total=False):
    """Optional fields of an attribute, named as in the API.

    Attributes:
        description: Description, or None.
        is_system_attribute: Whether it is a system attribute, which can't be updated.
        is_writable: Whether its values can be written.
        is_required: Whether new records must have a value.
        is_unique: Whether values must be unique.
        is_multiselect: Whether there can be several values.
        is_archived: Whether listings leave it out by default.
        default_value: A dynamic or static default value, or None.
        config: `currency` and `record_reference` in the format of requests, each optional; any currency code is valid.
        relationship: `object`, `title`, `api_slug` and `is_multiselect` of the related attribute, which is added too.
        created_at: Time of creation; now by default, alternately with three and nine fractional digits.
    """

    description: str | None
    is_system_attribute: bool
    is_writable: bool
    is_required: bool
    is_unique: bool
    is_multiselect: bool
    is_archived: bool
    default_value: dict[str, Any] | None
    config: Mapping[str, Any]
    relationship: Mapping[str, Any] | None
    created_at: str


def require_object_or_list(workspace: Workspace, target: Target, identifier: str) -> ObjectOrList:
    """Return the object or list of this UUID or slug.

    Raises:
        ValueError: It does not exist.
    """
    found = workspace.find_object_or_list(target, identifier)
    if found is None:
        raise ValueError(f"{target} contain no {identifier!r}")
    return found


def require_attribute(workspace: Workspace, target: Target, identifier: str, attribute: str) -> Attribute:
    """Return the attribute of this UUID or slug, archived or not.

    Raises:
        ValueError: The attribute, or its object or list, does not exist.
    """
    found = workspace.find_attribute(require_object_or_list(workspace, target, identifier), attribute)
    if found is None:
        raise ValueError(f"{identifier!r} has no attribute {attribute!r}")
    return found


def seed_attribute(
    workspace: Workspace,
    parent: ObjectOrList,
    title: str,
    api_slug: str,
    type_: str,
    fields: AttributeFields,
) -> Attribute:
    """Add an attribute of any type to an object or a list.

    Raises:
        ValueError: A slug is in use, or an object does not exist.
    """
    data: dict[str, Any] = {**fields, "title": title, "api_slug": api_slug, "type": type_}
    config = cast("Mapping[str, Any]", data.get("config", {}))
    reference = config.get("record_reference")
    if reference is not None:
        allowed = [
            require_object_or_list(workspace, "objects", identifier) for identifier in reference["allowed_objects"]
        ]
        data["config"] = {**config, "record_reference": {"allowed_objects": allowed}}
    relationship = data.get("relationship")
    if relationship is not None:
        related_object = require_object_or_list(workspace, "objects", relationship["object"])
        data["relationship"] = {**relationship, "object": related_object}
    conflict = find_slug_conflict(workspace, parent, data)
    if conflict is not None:
        raise ValueError(f"api_slug {conflict!r} is already in use: choose another")
    return add_validated_attribute(workspace, parent, data)
