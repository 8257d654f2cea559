"""Default values: their schema, and the attributes that support them."""

import re
from typing import Any, Final, cast

import attrs

from exist_async.sandbox.attio.schemas import STRING, ArraySchema, EnumSchema, ObjectSchema
from exist_async.sandbox.attio.targets import ObjectOrList
from exist_async.sandbox.attio.validation import JsonPath, ValidationErrors

__all__ = ["DefaultValueSchema", "check_default"]

_DURATION: Final = re.compile(
    r"[+-]?P(?=[\dT])(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+([.,]\d+)?S)?)?", re.ASCII
)


@attrs.frozen
class _AnyObjectSchema:
    """An object with any keys: the keys of a static value depend on the attribute's type and are not checked."""

    expected: str = "object"

    def __call__(self, value: object, path: JsonPath, errors: ValidationErrors) -> object:
        if isinstance(value, dict):
            return cast("dict[str, object]", value)
        errors.add_wrong_type(path, self.expected, value)
        return value


_DYNAMIC: Final = ObjectSchema({"type": EnumSchema(["dynamic"]), "template": STRING}, ["type", "template"])
_STATIC: Final = ObjectSchema(
    {"type": EnumSchema(["static", "dynamic"]), "template": ArraySchema(_AnyObjectSchema())}, ["type", "template"]
)


@attrs.frozen
class DefaultValueSchema:
    """A default value: dynamic with the name of a template, or static with an array of values."""

    expected: str = "object"

    def __call__(self, value: object, path: JsonPath, errors: ValidationErrors) -> Any:
        """Validate a default value according to its `type`."""
        return (_DYNAMIC if _is_dynamic(value) else _STATIC)(value, path, errors)


def check_default(default: dict[str, Any] | None, parent: ObjectOrList, type_: str, errors: ValidationErrors) -> None:
    """Add an error when an attribute of this type can't have this default value."""
    path = ("data", "default_value")
    if default is None:
        return
    if not parent.supports_defaults:
        errors.add("custom", path, f"Default values are not supported on the object '{parent.slug}'")
    if default["type"] == "dynamic" and not _is_valid_template(default["template"], type_):
        message = f"'{default['template']}' is no dynamic default value of the type '{type_}'"
        errors.add("custom", (*path, "template"), message)


def _is_dynamic(value: object) -> bool:
    return isinstance(value, dict) and cast("dict[str, object]", value).get("type") == "dynamic"


def _is_valid_template(template: str, type_: str) -> bool:
    if type_ == "actor-reference":
        return template == "current-user"
    return type_ in {"date", "timestamp"} and _DURATION.fullmatch(template) is not None
