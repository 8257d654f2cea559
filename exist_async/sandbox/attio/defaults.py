"""Default values: what one looks like, and which attribute may have which."""

import re
from typing import Any, Final, cast

import attrs

from exist_async.sandbox.attio.checks import Each, Known, Record, text
from exist_async.sandbox.attio.holders import Holder
from exist_async.sandbox.attio.problems import Path, Problems

__all__ = ["DefaultValue", "check_default"]

_DURATION: Final = re.compile(
    r"[+-]?P(?=[\dT])(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+([.,]\d+)?S)?)?", re.ASCII
)


@attrs.frozen
class _Anything:
    """An object whose keys are not looked at: those of a value follow from its type, and are not documented here."""

    expected: str = "object"

    def __call__(self, value: object, path: Path, problems: Problems) -> object:
        if isinstance(value, dict):
            return cast("dict[str, object]", value)
        problems.wrong_type(path, self.expected, value)
        return value


_DYNAMIC: Final = Record({"type": Known(["dynamic"]), "template": text}, ["type", "template"])
_STATIC: Final = Record({"type": Known(["static", "dynamic"]), "template": Each(_Anything())}, ["type", "template"])


@attrs.frozen
class DefaultValue:
    """A default value: a dynamic one with a word for what is looked up, or a static one with values."""

    expected: str = "object"

    def __call__(self, value: object, path: Path, problems: Problems) -> Any:
        """Check a default value as its own `type` has it."""
        return (_DYNAMIC if _is_dynamic(value) else _STATIC)(value, path, problems)


def check_default(default: dict[str, Any] | None, holder: Holder, type_: str, problems: Problems) -> None:
    """Note when an attribute of this type can't have this default value."""
    path = ("data", "default_value")
    if default is None:
        return
    if not holder.takes_defaults:
        problems.add("custom", path, f"Default values are not supported on the object '{holder.slug}'")
    if default["type"] == "dynamic" and not _may_be(default["template"], type_):
        message = f"'{default['template']}' is no dynamic default value of the type '{type_}'"
        problems.add("custom", (*path, "template"), message)


def _is_dynamic(value: object) -> bool:
    return isinstance(value, dict) and cast("dict[str, object]", value).get("type") == "dynamic"


def _may_be(template: str, type_: str) -> bool:
    if type_ == "actor-reference":
        return template == "current-user"
    return type_ in {"date", "timestamp"} and _DURATION.fullmatch(template) is not None
