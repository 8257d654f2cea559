"""An attribute of an object or a list, and its JSON."""

from typing import Any, Final, Optional

import attrs

from exist_async.sandbox.attio.options import Option, Status
from exist_async.sandbox.attio.targets import ObjectOrList

__all__ = ["CREATABLE_TYPES", "Attribute"]

CREATABLE_TYPES: Final = (
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
"""The types that can be created; system attributes may have others."""


@attrs.define(eq=False)
class Attribute:
    """An attribute; every field but the first three and `created_at` may be set at any time.

    Attributes:
        parent: The object or list that it belongs to.
        default_value: Default value in the format of the API, or None.
        default_currency_code: Default currency of a currency attribute, or None.
        display_type: Display type of a currency attribute, or None.
        allowed_object_ids: Objects that a record reference may point to; None for any.
        related: The related attribute on the other side of a relationship, or None.
        options: Options of a select attribute, archived ones included.
        statuses: Statuses of a status attribute, archived ones included.
    """

    workspace_id: str = attrs.field(on_setattr=attrs.setters.frozen)
    parent: ObjectOrList = attrs.field(on_setattr=attrs.setters.frozen)
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
    options: list[Option] = attrs.field(init=False, factory=list[Option], repr=False)
    statuses: list[Status] = attrs.field(init=False, factory=list[Status], repr=False)

    @property
    def full_id(self) -> dict[str, str]:
        """The ID as in Attio's replies."""
        return {"workspace_id": self.workspace_id, "object_id": self.parent.id, "attribute_id": self.id}

    def to_json(self) -> dict[str, object]:
        """Return the attribute as in Attio's replies."""
        return {
            "id": self.full_id,
            "title": self.title,
            "description": self.description,
            "api_slug": self.api_slug,
            "type": self.type,
            "is_system_attribute": self.is_system_attribute,
            "is_writable": self.is_writable,
            "is_required": self.is_required,
            "is_unique": self.is_unique,
            "is_multiselect": self.is_multiselect,
            # The documentation: "Must be true when is_required is true".
            "is_default_value_enabled": self.is_required or self.default_value is not None,
            "is_archived": self.is_archived,
            "default_value": self.default_value,
            "relationship": None if self.related is None else self.related._to_relationship_json(),
            "created_at": self.created_at,
            "config": {
                "currency": {
                    "default_currency_code": self.default_currency_code,
                    "display_type": self.display_type,
                },
                "record_reference": {"allowed_object_ids": self.allowed_object_ids},
            },
        }

    def _to_relationship_json(self) -> dict[str, object]:
        return {
            "id": self.full_id,
            "object_slug": self.parent.slug,
            "title": self.title,
            "api_slug": self.api_slug,
            "is_multiselect": self.is_multiselect,
        }
