"""The objects, lists and attributes that a new Attio sandbox contains."""

from collections.abc import Mapping
from typing import Any, Final, Unpack
from uuid import uuid4

from exist_async.sandbox.attio.attributes import Attribute
from exist_async.sandbox.attio.options import Option, Status
from exist_async.sandbox.attio.seeding import AttributeFields, seed_attribute
from exist_async.sandbox.attio.targets import ObjectOrList
from exist_async.sandbox.attio.workspace import Workspace

__all__ = ["add_standard_objects"]

_TEAM_RELATIONSHIP: Final[Mapping[str, Any]] = {
    "object": "companies",
    "title": "Team",
    "api_slug": "team",
    "is_multiselect": True,
}
_USD_CONFIG: Final = {"currency": {"default_currency_code": "USD", "display_type": "symbol"}}


def add_standard_objects(workspace: Workspace) -> None:
    """Add people, companies, deals and two lists, with system attributes and custom ones."""
    people, companies, deals = (
        workspace.add_object_or_list("objects", slug) for slug in ("people", "companies", "deals")
    )
    sales, hiring = (workspace.add_object_or_list("lists", slug) for slug in ("sales", "hiring"))
    for parent in (people, companies, deals, sales, hiring):
        _add_system(workspace, parent, "Created at", "timestamp", is_writable=False)
    _add_people(workspace, people)
    _add_companies(workspace, companies)
    _add_deals(workspace, deals)
    _add_sales(workspace, sales)
    _add_custom(workspace, hiring, "Interview", "timestamp")
    _add_custom(workspace, hiring, "Impression", "rating")


def _add_people(workspace: Workspace, people: ObjectOrList) -> None:
    _add_system(workspace, people, "Name", "personal-name")
    _add_system(workspace, people, "Email addresses", "email-address", is_unique=True, is_multiselect=True)
    _add_system(workspace, people, "Company", "record-reference", relationship=_TEAM_RELATIONSHIP)
    _add_system(workspace, people, "Last interaction", "interaction", is_writable=False)
    source = _add_custom(workspace, people, "Lead source", "select", description="Where we met")
    source.options += [_option("Website"), _option("Referral"), _option("Fax", is_archived=True)]
    _add_custom(workspace, people, "Old score", "number", is_archived=True)


def _add_companies(workspace: Workspace, companies: ObjectOrList) -> None:
    _add_system(workspace, companies, "Name", "text")
    _add_system(workspace, companies, "Domains", "domain", is_unique=True, is_multiselect=True)
    _add_custom(workspace, companies, "Annual revenue", "currency", config=_USD_CONFIG)
    _add_custom(
        workspace, companies, "Advisers", "record-reference", is_multiselect=True, config=_reference_to("people")
    )


def _add_deals(workspace: Workspace, deals: ObjectOrList) -> None:
    _add_system(workspace, deals, "Name", "text", is_required=True)
    _add_system(workspace, deals, "Value", "currency", config=_USD_CONFIG)
    _add_custom(workspace, deals, "Expected close", "date", default_value={"type": "dynamic", "template": "P1M"})


def _add_sales(workspace: Workspace, sales: ObjectOrList) -> None:
    stage = _add_custom(workspace, sales, "Stage", "status", description="How far along we are")
    stage.statuses += [
        _status("Lead", target_time_in_status="P7D"),
        _status("In progress"),
        _status("Won", celebration_enabled=True),
        _status("Lost to fax", is_archived=True),
    ]
    current = {"type": "dynamic", "template": "current-user"}
    _add_custom(workspace, sales, "Owner", "actor-reference", default_value=current)
    _add_custom(workspace, sales, "Seats", "number", default_value={"type": "static", "template": [{"value": 5}]})


def _add_system(
    workspace: Workspace, parent: ObjectOrList, title: str, type_: str, **fields: Unpack[AttributeFields]
) -> Attribute:
    fields["is_system_attribute"] = True
    return _add_custom(workspace, parent, title, type_, **fields)


def _add_custom(
    workspace: Workspace, parent: ObjectOrList, title: str, type_: str, **fields: Unpack[AttributeFields]
) -> Attribute:
    return seed_attribute(workspace, parent, title, title.lower().replace(" ", "_"), type_, fields)


def _reference_to(*slugs: str) -> Mapping[str, Any]:
    return {"record_reference": {"allowed_objects": list(slugs)}}


def _option(title: str, *, is_archived: bool = False) -> Option:
    return Option(str(uuid4()), title, is_archived)


def _status(title: str, **more: Any) -> Status:
    return Status(str(uuid4()), title, **more)
