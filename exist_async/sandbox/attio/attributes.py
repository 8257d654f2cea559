"""An attribute of an object or a list: what it is, and how Attio shows it."""

from typing import Any, Final, Optional

import attrs

from exist_async.sandbox.attio.choices import Option, Status
from exist_async.sandbox.attio.holders import Holder

__all__ = ["CREATABLE", "Attribute"]

CREATABLE: Final = (
    "text",
    "number",
    "checkbox",
    "currency",
    "date",
    "timestamp",
    "rating",
    "status",
    "select",
    "record-reference",
    "actor-reference",
    "location",
    "domain",
    "email-address",
    "phone-number",
)
"""The types that can be created; there are attributes of others, which Attio made."""


def _no_options() -> list[Option]:
    return []


def _no_statuses() -> list[Status]:
    return []


@attrs.define(eq=False)
class Attribute:
    """An attribute; every field may be set at any time, apart from the first three and when it was created.

    Attributes:
        default_value: As the API has it, or None.
        default_currency_code: Of a currency, or None.
        display_type: How a currency is displayed, or None.
        allowed_object_ids: The objects that a record reference leads to; None for any.
        related: The other side of a relationship, or None.
        options: Of a select attribute, archived ones included.
        statuses: Of a status attribute, archived ones included.
    """

    workspace_id: str = attrs.field(on_setattr=attrs.setters.frozen)
    holder: Holder = attrs.field(on_setattr=attrs.setters.frozen)
    id: str = attrs.field(on_setattr=attrs.setters.frozen)
    created_at: str = attrs.field(on_setattr=attrs.setters.frozen, kw_only=True)
    title: str = attrs.field(kw_only=True)
    api_slug: str = attrs.field(kw_only=True)
    type: str = attrs.field(kw_only=True)
    description: str | None = None
    is_system_attribute: bool = False
    is_writable: bool = True
    is_required: bool = False
    is_unique: bool = False
    is_multiselect: bool = False
    is_archived: bool = False
    default_value: dict[str, Any] | None = None
    default_currency_code: str | None = None
    display_type: str | None = None
    allowed_object_ids: list[str] | None = None
    related: Optional["Attribute"] = attrs.field(default=None, repr=False)
    options: list[Option] = attrs.field(init=False, factory=_no_options, repr=False)
    statuses: list[Status] = attrs.field(init=False, factory=_no_statuses, repr=False)

    @property
    def identity(self) -> dict[str, str]:
        """The ID as Attio shows it."""
        return {"workspace_id": self.workspace_id, "object_id": self.holder.id, "attribute_id": self.id}

    def show(self) -> dict[str, object]:
        """Return it as Attio shows it, whole."""
        return {
            "id": self.identity,
            "title": self.title,
            "description": self.description,
            "api_slug": self.api_slug,
            "type": self.type,
            "is_system_attribute": self.is_system_attribute,
            "is_writable": self.is_writable,
            "is_required": self.is_required,
            "is_unique": self.is_unique,
            "is_multiselect": self.is_multiselect,
            # "Must be true when is_required is true", with a value or without.
            "is_default_value_enabled": self.is_required or self.default_value is not None,
            "is_archived": self.is_archived,
            "default_value": self.default_value,
            "relationship": None if self.related is None else self.related._show_as_related(),
            "created_at": self.created_at,
            "config": {
                "currency": {
                    "default_currency_code": self.default_currency_code,
                    "display_type": self.display_type,
                },
                "record_reference": {"allowed_object_ids": self.allowed_object_ids},
            },
        }

    def _show_as_related(self) -> dict[str, object]:
        return {
            "id": self.identity,
            "object_slug": self.holder.slug,
            "title": self.title,
            "api_slug": self.api_slug,
            "is_multiselect": self.is_multiselect,
        }
