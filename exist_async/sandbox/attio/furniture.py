"""The furniture: the objects, lists and attributes that an Attio begins with."""

from collections.abc import Mapping
from typing import Any, Final, Unpack
from uuid import uuid4

from exist_async.sandbox.attio.attributes import Attribute
from exist_async.sandbox.attio.choices import Option, Status
from exist_async.sandbox.attio.holders import Holder
from exist_async.sandbox.attio.seeding import AttributeFields, seed_attribute
from exist_async.sandbox.attio.workspace import Workspace

__all__ = ["furnish"]

_TEAM: Final[Mapping[str, Any]] = {"object": "companies", "title": "Team", "api_slug": "team", "is_multiselect": True}
_DOLLARS: Final = {"currency": {"default_currency_code": "USD", "display_type": "symbol"}}


def furnish(workspace: Workspace) -> None:
    """Add people, companies, deals and two lists, with attributes of Attio's own and of the workspace's."""
    people, companies, deals = (workspace.add_holder("objects", slug) for slug in ("people", "companies", "deals"))
    sales, hiring = (workspace.add_holder("lists", slug) for slug in ("sales", "hiring"))
    for holder in (people, companies, deals, sales, hiring):
        _own(workspace, holder, "Created at", "timestamp", is_writable=False)
    _furnish_people(workspace, people)
    _furnish_companies(workspace, companies)
    _furnish_deals(workspace, deals)
    _furnish_sales(workspace, sales)
    _add(workspace, hiring, "Interview", "timestamp")
    _add(workspace, hiring, "Impression", "rating")


def _furnish_people(workspace: Workspace, people: Holder) -> None:
    _own(workspace, people, "Name", "personal-name")
    _own(workspace, people, "Email addresses", "email-address", is_unique=True, is_multiselect=True)
    _own(workspace, people, "Company", "record-reference", relationship=_TEAM)
    _own(workspace, people, "Last interaction", "interaction", is_writable=False)
    source = _add(workspace, people, "Lead source", "select", description="Where we met")
    source.options += [_option("Website"), _option("Referral"), _option("Fax", is_archived=True)]
    _add(workspace, people, "Old score", "number", is_archived=True)


def _furnish_companies(workspace: Workspace, companies: Holder) -> None:
    _own(workspace, companies, "Name", "text")
    _own(workspace, companies, "Domains", "domain", is_unique=True, is_multiselect=True)
    _add(workspace, companies, "Annual revenue", "currency", config=_DOLLARS)
    _add(workspace, companies, "Advisers", "record-reference", is_multiselect=True, config=_leading_to("people"))


def _furnish_deals(workspace: Workspace, deals: Holder) -> None:
    _own(workspace, deals, "Name", "text", is_required=True)
    _own(workspace, deals, "Value", "currency", config=_DOLLARS)
    _add(workspace, deals, "Expected close", "date", default_value={"type": "dynamic", "template": "P1M"})


def _furnish_sales(workspace: Workspace, sales: Holder) -> None:
    stage = _add(workspace, sales, "Stage", "status", description="How far along we are")
    stage.statuses += [
        _status("Lead", target_time_in_status="P7D"),
        _status("In progress"),
        _status("Won", celebration_enabled=True),
        _status("Lost to fax", is_archived=True),
    ]
    current = {"type": "dynamic", "template": "current-user"}
    _add(workspace, sales, "Owner", "actor-reference", default_value=current)
    _add(workspace, sales, "Seats", "number", default_value={"type": "static", "template": [{"value": 5}]})


def _own(workspace: Workspace, holder: Holder, title: str, type_: str, **fields: Unpack[AttributeFields]) -> Attribute:
    fields["is_system_attribute"] = True
    return _add(workspace, holder, title, type_, **fields)


def _add(workspace: Workspace, holder: Holder, title: str, type_: str, **fields: Unpack[AttributeFields]) -> Attribute:
    return seed_attribute(workspace, holder, title, title.lower().replace(" ", "_"), type_, fields)


def _leading_to(*slugs: str) -> Mapping[str, Any]:
    return {"record_reference": {"allowed_objects": list(slugs)}}


def _option(title: str, *, is_archived: bool = False) -> Option:
    return Option(str(uuid4()), title, is_archived)


def _status(title: str, **more: Any) -> Status:
    return Status(str(uuid4()), title, **more)
