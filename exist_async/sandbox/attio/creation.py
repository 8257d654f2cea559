"""Creates attributes, and the other side of a relationship with them."""

from collections.abc import Mapping
from typing import Any

from exist_async.sandbox.attio.attributes import Attribute
from exist_async.sandbox.attio.bodies import creation, read
from exist_async.sandbox.attio.calls import Call
from exist_async.sandbox.attio.configs import configure
from exist_async.sandbox.attio.defaults import check_default
from exist_async.sandbox.attio.holders import Holder
from exist_async.sandbox.attio.problems import Path, Problems
from exist_async.sandbox.attio.refusals import slug_conflict
from exist_async.sandbox.attio.workspace import Workspace

__all__ = ["create", "create_attribute", "slug_taken"]


def create_attribute(call: Call) -> object:
    """Answer `POST …/attributes`."""
    holder = call.holder()
    problems = Problems()
    data = read(call, creation(call.workspace), problems)
    check_default(data.get("default_value"), holder, data["type"], problems)
    _check_relationship(data, holder, problems)
    problems.refuse()
    taken = slug_taken(call.workspace, holder, data)
    if taken is not None:
        raise slug_conflict(taken)
    return create(call.workspace, holder, data).show()


def slug_taken(workspace: Workspace, holder: Holder, data: Mapping[str, Any]) -> str | None:
    """Return the slug that an attribute, or the other side of it, can't have because there is one; or None."""
    wanted: list[tuple[Holder, str]] = [(holder, data["api_slug"])]
    other = data.get("relationship")
    if other is not None:
        wanted.append((other["object"], other["api_slug"]))
    for place in wanted:
        if workspace.slugged(*place) is not None or wanted.count(place) > 1:
            return place[1]
    return None


def create(workspace: Workspace, holder: Holder, data: Mapping[str, Any]) -> Attribute:
    """Create an attribute from fields that were checked, whose slugs are free and whose objects were looked up."""
    fields = {name: value for name, value in data.items() if name not in {"config", "relationship"}}
    attribute = workspace.add_attribute(holder, **fields)
    configure(attribute, data.get("config", {}))
    other = data.get("relationship")
    if other is not None:
        attribute.allowed_object_ids = [other["object"].id]
        attribute.related = workspace.add_attribute(
            other["object"],
            title=other["title"],
            api_slug=other["api_slug"],
            type=attribute.type,
            is_multiselect=other["is_multiselect"],
            is_system_attribute=attribute.is_system_attribute,
            allowed_object_ids=[holder.id],
            related=attribute,
        )
    return attribute


def _check_relationship(data: Mapping[str, Any], holder: Holder, problems: Problems) -> None:
    other = data.get("relationship")
    if other is None:
        return
    path: Path = ("data", "relationship")
    if data["type"] != "record-reference":
        problems.add("custom", path, f"An attribute of the type '{data['type']}' has no relationship")
    if holder.target == "lists":
        problems.add("custom", path, "An attribute of a list has no relationship: nothing leads to the entries of one")
    allowed = data["config"].get("record_reference", {}).get("allowed_objects", [other["object"]])
    if allowed != [other["object"]]:
        path = ("data", "config", "record_reference", "allowed_objects")
        problems.add("custom", path, "This must contain only the object of the relationship")
