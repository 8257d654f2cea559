"""Answers a write item by item: what succeeded, what failed, and why."""

from collections.abc import Callable
from typing import Final, cast

import attrs

from exist_async.sandbox.calls import Call
from exist_async.sandbox.replies import ApiError, Reply, json_reply, refuse

__all__ = ["LARGEST_BATCH", "Item", "Refusal", "answer_each"]

LARGEST_BATCH: Final = 35


class Refusal(Exception):  # noqa: N818  (it is an answer to an item)
    """Fails one item of a write, and no other."""

    def __init__(self, error_code: str, error: str) -> None:
        super().__init__(error)
        self.error_code = error_code
        self.error = error


@attrs.frozen
class Item:
    """One object of the array that was sent."""

    index: int
    sent: dict[str, object]

    def require(self, *fields: str) -> None:
        """Refuse the item when any of these fields is absent, null or an empty string."""
        missing = [field for field in fields if self.sent.get(field) in (None, "")]
        if missing:
            named = ", ".join(f"'{field}'" for field in missing)
            raise Refusal("missing_field", f"Object at index {self.index} missing field(s) {named}")

    def text(self, field: str) -> str:
        """Return a required field that has to be a string."""
        self.require(field)
        value = self.sent[field]
        if not isinstance(value, str):
            raise self.invalid(field, "a string")
        return value

    def boolean(self, field: str) -> bool | None:
        """Return an optional field that has to be true or false."""
        value = self.sent.get(field)
        if value is not None and not isinstance(value, bool):
            raise self.invalid(field, "a boolean")
        return value

    def invalid(self, field: str, expected: str) -> Refusal:
        """Return the refusal of a field that is not what it has to be."""
        return Refusal("validation", f"Object at index {self.index} has an invalid '{field}', expected {expected}")


def answer_each(call: Call, write: Callable[[Call, Item], dict[str, object]]) -> Reply:
    """Write every object of the body by itself, in order; 200 when all succeeded, else 202.

    Raises:
        ApiError: 400 for a body that is no array or too long a one; then nothing was written.
    """
    success: list[dict[str, object]] = []
    failed: list[dict[str, object]] = []
    for index, sent in enumerate(_objects(call)):
        if not isinstance(sent, dict):
            failed.append({"error": f"Object at index {index} is not an object", "error_code": "validation"})
            continue
        item = Item(index, cast("dict[str, object]", sent))
        try:
            success.append(write(call, item))
        except Refusal as refusal:
            failed.append({**item.sent, "error": refusal.error, "error_code": refusal.error_code})
    return json_reply({"success": success, "failed": failed}, 202 if failed else 200)


def _objects(call: Call) -> list[object]:
    body = call.json()
    if not isinstance(body, list):
        raise refuse(400, f'Expected a list of items but got type "{type(body).__name__}".')
    objects = cast("list[object]", body)
    if len(objects) > LARGEST_BATCH:
        message = f"Ensure this field has no more than {LARGEST_BATCH} elements."
        raise ApiError(json_reply({"non_field_errors": [message]}, 400))
    return objects
