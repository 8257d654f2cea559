"""Bodies: what has to be sent to create an attribute, and what may be sent to update one."""

from typing import Any, Final

import attrs

from exist_async.sandbox.attio.attributes import CREATABLE
from exist_async.sandbox.attio.calls import Call
from exist_async.sandbox.attio.checks import Check, Each, Known, Nullable, Record, boolean, name, text
from exist_async.sandbox.attio.defaults import DefaultValue
from exist_async.sandbox.attio.holders import Holder
from exist_async.sandbox.attio.problems import Path, Problems
from exist_async.sandbox.attio.workspace import Workspace

__all__ = ["creation", "read", "update"]

_DISPLAY_TYPES: Final = ("code", "name", "narrowSymbol", "symbol")


@attrs.frozen
class _Object:
    """The slug or UUID of an object, kept as the object itself."""

    workspace: Workspace
    expected: str = "string"

    def __call__(self, value: object, path: Path, problems: Problems) -> Holder | None:
        text(value, path, problems)
        found = self.workspace.holder("objects", value) if isinstance(value, str) else None
        if found is None and isinstance(value, str):
            problems.add("custom", path, f"Could not find object with slug/ID '{value}'", received=value)
        return found


def creation(workspace: Workspace) -> Check:
    """Return the check of what is sent to create an attribute."""
    related: dict[str, Check] = {
        "object": _Object(workspace),
        "title": name,
        "api_slug": name,
        "is_multiselect": boolean,
    }
    required: dict[str, Check] = {
        "title": name,
        "description": Nullable(text),
        "api_slug": name,
        "type": Known(CREATABLE),
        "is_required": boolean,
        "is_unique": boolean,
        "is_multiselect": boolean,
        "config": _config(workspace),
    }
    optional = {"default_value": Nullable(DefaultValue()), "relationship": Nullable(Record(related, related))}
    return Record({**required, **optional}, required)


def update(workspace: Workspace) -> Check:
    """Return the check of what is sent to update an attribute: any part of it, and no type."""
    return Record(
        {
            "title": name,
            "description": Nullable(text),
            "api_slug": name,
            "is_required": boolean,
            "is_unique": boolean,
            "default_value": Nullable(DefaultValue()),
            "config": _config(workspace),
            "is_archived": boolean,
        }
    )


def read(call: Call, check: Check, problems: Problems) -> dict[str, Any]:
    """Return what is in the `data` of a body.

    Raises:
        ApiError: 400 for a body that does not pass the check.
    """
    body: dict[str, dict[str, Any]] = Record({"data": check}, ["data"])(call.json(), (), problems)
    problems.refuse()
    return body["data"]


def _config(workspace: Workspace) -> Check:
    # Both parts are taken of an attribute of any type, as the documentation's own example has them.
    currency = {"default_currency_code": Known(sorted(workspace.currencies)), "display_type": Known(_DISPLAY_TYPES)}
    objects = {"allowed_objects": Each(_Object(workspace), least=1)}
    return Record({"currency": Record(currency, currency), "record_reference": Record(objects, objects)})
