"""Seeds attributes, past the API and its rules."""

from collections.abc import Mapping
from typing import Any, TypedDict, cast

from exist_async.sandbox.attio.attributes import Attribute
from exist_async.sandbox.attio.creation import create, slug_taken
from exist_async.sandbox.attio.holders import Holder, Target
from exist_async.sandbox.attio.workspace import Workspace

__all__ = ["AttributeFields", "attribute_of", "holder_of", "seed_attribute"]


class AttributeFields(TypedDict, total=False):
    """What may be chosen about an attribute, named and shaped as in the API.

    Attributes:
        description: None by default.
        is_system_attribute: Whether it is Attio's own, which can't be updated.
        is_writable: Whether its values can be written.
        is_required: Whether new records must have a value.
        is_unique: Whether new values must be unique.
        is_multiselect: Whether there can be several values.
        is_archived: Whether it is hidden from listings.
        default_value: A dynamic or a static one, or None.
        config: As it is sent: `currency` and `record_reference`, each optional, with any currency code.
        relationship: As it is sent: `object`, `title`, `api_slug` and `is_multiselect` of the other side, which is made
            as well.
        created_at: Now by default, with three and with nine digits after the point by turns.
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


def holder_of(workspace: Workspace, target: Target, identifier: str) -> Holder:
    """Return the object or list of this UUID or slug.

    Raises:
        ValueError: There is none.
    """
    found = workspace.holder(target, identifier)
    if found is None:
        raise ValueError(f"There is no {identifier!r} among the {target}")
    return found


def attribute_of(workspace: Workspace, target: Target, identifier: str, attribute: str) -> Attribute:
    """Return the attribute of this UUID or slug, archived or not.

    Raises:
        ValueError: There is none, or no such object or list.
    """
    found = workspace.attribute(holder_of(workspace, target, identifier), attribute)
    if found is None:
        raise ValueError(f"There is no attribute {attribute!r} of {identifier!r}")
    return found


def seed_attribute(
    workspace: Workspace,
    holder: Holder,
    title: str,
    api_slug: str,
    type_: str,
    fields: AttributeFields,
) -> Attribute:
    """Give an object or a list an attribute, of any type.

    Raises:
        ValueError: A slug is taken, or there is no such object.
    """
    data: dict[str, Any] = {**fields, "title": title, "api_slug": api_slug, "type": type_}
    config = cast("Mapping[str, Any]", data.get("config", {}))
    reference = config.get("record_reference")
    if reference is not None:
        allowed = [holder_of(workspace, "objects", named) for named in reference["allowed_objects"]]
        data["config"] = {**config, "record_reference": {"allowed_objects": allowed}}
    other = data.get("relationship")
    if other is not None:
        data["relationship"] = {**other, "object": holder_of(workspace, "objects", other["object"])}
    taken = slug_taken(workspace, holder, data)
    if taken is not None:
        raise ValueError(f"There is an attribute {taken!r} already")
    return create(workspace, holder, data)
