"""Schemas of the request bodies for creating and updating attributes."""

from typing import Any, Final

import attrs

from exist_async.sandbox.attio.attributes import CREATABLE_TYPES
from exist_async.sandbox.attio.calls import Call
from exist_async.sandbox.attio.defaults import DefaultValueSchema
from exist_async.sandbox.attio.schemas import (
    BOOLEAN,
    NON_EMPTY_STRING,
    STRING,
    ArraySchema,
    EnumSchema,
    NullableSchema,
    ObjectSchema,
    Schema,
)
from exist_async.sandbox.attio.targets import ObjectOrList
from exist_async.sandbox.attio.validation import JsonPath, ValidationErrors
from exist_async.sandbox.attio.workspace import Workspace

__all__ = ["create_schema", "read_data", "update_schema"]

_DISPLAY_TYPES: Final = ("code", "name", "narrowSymbol", "symbol")


@attrs.frozen
class _ObjectReferenceSchema:
    """The slug or UUID of an object, validated to the object itself."""

    workspace: Workspace
    expected: str = "string"

    def __call__(self, value: object, path: JsonPath, errors: ValidationErrors) -> ObjectOrList | None:
        STRING(value, path, errors)
        found = self.workspace.find_object_or_list("objects", value) if isinstance(value, str) else None
        if found is None and isinstance(value, str):
            errors.add("custom", path, f"Could not find object with slug/ID '{value}'", received=value)
        return found


def create_schema(workspace: Workspace) -> Schema:
    """Return the schema of the data for creating an attribute."""
    relationship: dict[str, Schema] = {
        "object": _ObjectReferenceSchema(workspace),
        "title": NON_EMPTY_STRING,
        "api_slug": NON_EMPTY_STRING,
        "is_multiselect": BOOLEAN,
    }
    required: dict[str, Schema] = {
        "title": NON_EMPTY_STRING,
        "description": NullableSchema(STRING),
        "api_slug": NON_EMPTY_STRING,
        "type": EnumSchema(CREATABLE_TYPES),
        "is_required": BOOLEAN,
        "is_unique": BOOLEAN,
        "is_multiselect": BOOLEAN,
        "config": _config_schema(workspace),
    }
    optional = {
        "default_value": NullableSchema(DefaultValueSchema()),
        "relationship": NullableSchema(ObjectSchema(relationship, relationship)),
    }
    return ObjectSchema({**required, **optional}, required)


def update_schema(workspace: Workspace) -> Schema:
    """Return the schema of the data for updating an attribute; every key is optional."""
    return ObjectSchema(
        {
            "title": NON_EMPTY_STRING,
            "description": NullableSchema(STRING),
            "api_slug": NON_EMPTY_STRING,
            "is_required": BOOLEAN,
            "is_unique": BOOLEAN,
            "default_value": NullableSchema(DefaultValueSchema()),
            "config": _config_schema(workspace),
            "is_archived": BOOLEAN,
        }
    )


def read_data(call: Call, schema: Schema, errors: ValidationErrors) -> dict[str, Any]:
    """Return the validated `data` of a body.

    Raises:
        ApiError: 400 for a body that does not match the schema.
    """
    body: dict[str, dict[str, Any]] = ObjectSchema({"data": schema}, ["data"])(call.json(), (), errors)
    errors.raise_if_any()
    return body["data"]


def _config_schema(workspace: Workspace) -> Schema:
    # Both parts are accepted for an attribute of any type, as in the example of Attio's documentation.
    currency = {
        "default_currency_code": EnumSchema(sorted(workspace.currencies)),
        "display_type": EnumSchema(_DISPLAY_TYPES),
    }
    reference = {"allowed_objects": ArraySchema(_ObjectReferenceSchema(workspace), min_length=1)}
    return ObjectSchema(
        {"currency": ObjectSchema(currency, currency), "record_reference": ObjectSchema(reference, reference)}
    )
