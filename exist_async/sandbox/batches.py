"""Batch writes: validates the body and answers each item on its own."""

from collections.abc import Callable
from typing import Final, cast

import attrs

from exist_async.sandbox.calls import Call
from exist_async.sandbox.replies import ApiError, Reply, detail_error, json_reply

__all__ = ["MAX_BATCH_SIZE", "Item", "ItemError", "process_batch"]

MAX_BATCH_SIZE: Final = 35


class ItemError(Exception):
    """Raised when one item of a batch fails; the other items are not affected."""

    def __init__(self, error_code: str, error: str) -> None:
        super().__init__(error)
        self.error_code = error_code
        self.error = error


@attrs.frozen
class Item:
    """One JSON object of a batch.

    Attributes:
        index: Its position in the batch.
        fields: Its content.
    """

    index: int
    fields: dict[str, object]

    def require(self, *names: str) -> None:
        """Check that these fields are present and neither null nor an empty string.

        Raises:
            ItemError: A field is missing.
        """
        missing = [name for name in names if self.fields.get(name) in (None, "")]
        if missing:
            quoted = ", ".join(f"'{name}'" for name in missing)
            raise ItemError("missing_field", f"Object at index {self.index} missing field(s) {quoted}")

    def string(self, name: str) -> str:
        """Return a required string field.

        Raises:
            ItemError: The field is missing or not a string.
        """
        self.require(name)
        value = self.fields[name]
        if not isinstance(value, str):
            raise self.invalid(name, "a string")
        return value

    def boolean(self, name: str) -> bool | None:
        """Return an optional boolean field; None when it is absent.

        Raises:
            ItemError: The field is not a boolean.
        """
        value = self.fields.get(name)
        if value is not None and not isinstance(value, bool):
            raise self.invalid(name, "a boolean")
        return value

    def invalid(self, name: str, expected: str) -> ItemError:
        """Return the error for an invalid field."""
        return ItemError("validation", f"Object at index {self.index} has an invalid '{name}', expected {expected}")


def process_batch(call: Call, write: Callable[[Call, Item], dict[str, object]]) -> Reply:
    """Write each object of the body on its own, in order, and return a 200 when all succeeded, otherwise a 202.

    Raises:
        ApiError: 400 for a body that is not an array or has too many elements; nothing is written then.
    """
    success: list[dict[str, object]] = []
    failed: list[dict[str, object]] = []
    for index, element in enumerate(_parse_batch(call)):
        if not isinstance(element, dict):
            failed.append({"error": f"Object at index {index} is not an object", "error_code": "validation"})
            continue
        item = Item(index, cast("dict[str, object]", element))
        try:
            success.append(write(call, item))
        except ItemError as error:
            failed.append({**item.fields, "error": error.error, "error_code": error.error_code})
    return json_reply({"success": success, "failed": failed}, 202 if failed else 200)


def _parse_batch(call: Call) -> list[object]:
    body = call.json()
    if not isinstance(body, list):
        raise detail_error(400, f'Expected a list of items but got type "{type(body).__name__}".')
    elements = cast("list[object]", body)
    if len(elements) > MAX_BATCH_SIZE:
        message = f"Ensure this field has no more than {MAX_BATCH_SIZE} elements."
        raise ApiError(json_reply({"non_field_errors": [message]}, 400))
    return elements
