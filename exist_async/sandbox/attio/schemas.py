"""Composable schemas that validate JSON values."""

from collections.abc import Collection, Mapping
from typing import Any, Protocol, cast

import attrs

from exist_async.sandbox.attio.validation import JsonPath, ValidationErrors

__all__ = [
    "BOOLEAN",
    "NON_EMPTY_STRING",
    "STRING",
    "ArraySchema",
    "EnumSchema",
    "NullableSchema",
    "ObjectSchema",
    "Schema",
]


class Schema(Protocol):
    """Validates a JSON value."""

    @property
    def expected(self) -> str:
        """Name of the JSON type that the schema expects, for error messages."""
        ...

    def __call__(self, value: object, path: JsonPath, errors: ValidationErrors) -> Any:
        """Add the errors of the value at this path, and return the value as it is stored.

        The result is valid only if no errors were added.
        """
        ...


@attrs.frozen
class _StringSchema:
    allow_empty: bool
    expected: str = "string"

    def __call__(self, value: object, path: JsonPath, errors: ValidationErrors) -> object:
        if not isinstance(value, str):
            errors.add_wrong_type(path, self.expected, value)
        elif not value and not self.allow_empty:
            errors.add("too_small", path, "String must contain at least 1 character(s)")
        return value


@attrs.frozen
class _BooleanSchema:
    expected: str = "boolean"

    def __call__(self, value: object, path: JsonPath, errors: ValidationErrors) -> object:
        if not isinstance(value, bool):
            errors.add_wrong_type(path, self.expected, value)
        return value


STRING = _StringSchema(allow_empty=True)
NON_EMPTY_STRING = _StringSchema(allow_empty=False)
BOOLEAN = _BooleanSchema()


@attrs.frozen
class EnumSchema:
    """One of several strings."""

    members: Collection[str]
    expected: str = "string"

    def __call__(self, value: object, path: JsonPath, errors: ValidationErrors) -> object:
        """Validate that the value is one of the strings."""
        if not isinstance(value, str):
            errors.add_wrong_type(path, self.expected, value)
        elif value not in self.members:
            alternatives = " | ".join(f"'{member}'" for member in self.members)
            message = f"Invalid enum value. Expected {alternatives}, received '{value}'"
            errors.add("invalid_enum_value", path, message, received=value)
        return value


@attrs.frozen
class NullableSchema:
    """Null, or a value of another schema."""

    schema: Schema

    @property
    def expected(self) -> str:
        """Name of the JSON type of a value that is not null."""
        return self.schema.expected

    def __call__(self, value: object, path: JsonPath, errors: ValidationErrors) -> Any:
        """Validate a value that is not null."""
        return None if value is None else self.schema(value, path, errors)


@attrs.frozen
class ArraySchema:
    """An array of items with the same schema."""

    items: Schema
    min_length: int = 0
    expected: str = "array"

    def __call__(self, value: object, path: JsonPath, errors: ValidationErrors) -> object:
        """Validate the length and each item."""
        if not isinstance(value, list):
            errors.add_wrong_type(path, self.expected, value)
            return value
        items = cast("list[object]", value)
        if len(items) < self.min_length:
            errors.add("too_small", path, f"Array must contain at least {self.min_length} element(s)")
        return [self.items(item, (*path, index), errors) for index, item in enumerate(items)]


@attrs.frozen
class ObjectSchema:
    """A JSON object with these keys and no others."""

    properties: Mapping[str, Schema]
    required: Collection[str] = ()
    expected: str = "object"

    def __call__(self, value: object, path: JsonPath, errors: ValidationErrors) -> Any:
        """Validate each value, the required keys, and that there are no unknown keys."""
        if not isinstance(value, dict):
            errors.add_wrong_type(path, self.expected, value)
            return {}
        received = cast("dict[str, object]", value)
        for key in self.required:
            if key not in received:
                errors.add_missing((*path, key), self.properties[key].expected)
        unknown = [f"'{key}'" for key in received if key not in self.properties]
        if unknown:
            errors.add("unrecognized_keys", path, f"Unrecognized key(s) in object: {', '.join(unknown)}")
        return {
            key: schema(received[key], (*path, key), errors)
            for key, schema in self.properties.items()
            if key in received
        }
