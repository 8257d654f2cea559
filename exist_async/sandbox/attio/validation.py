"""Collects the validation errors of a request."""

from typing import Final, TypeAlias

from exist_async.sandbox.attio.errors import invalid_request

__all__ = ["JsonPath", "ValidationErrors"]

JsonPath: TypeAlias = tuple[str | int, ...]
"""Position in a JSON document: keys and indices."""

_JSON_TYPES: Final[dict[type, str]] = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}


class ValidationErrors:
    """The `validation_errors` of one request."""

    def __init__(self, message: str = "Body payload validation error.") -> None:
        self._message = message
        self._errors: list[dict[str, object]] = []

    def add(
        self, code: str, path: JsonPath, message: str, *, expected: str | None = None, received: str | None = None
    ) -> None:
        """Add an error."""
        error: dict[str, object] = {"code": code, "path": list(path), "message": message}
        if expected is not None:
            error["expected"] = expected
        if received is not None:
            error["received"] = received
        self._errors.append(error)

    def add_wrong_type(self, path: JsonPath, expected: str, value: object) -> None:
        """Add the error for a value of the wrong type."""
        received = _JSON_TYPES[type(value)]
        self.add(
            "invalid_type", path, f"Expected {expected}, received {received}", expected=expected, received=received
        )

    def add_missing(self, path: JsonPath, expected: str) -> None:
        """Add the error for a missing value."""
        self.add("invalid_type", path, "Required", expected=expected, received="undefined")

    def raise_if_any(self) -> None:
        """Raise when there are errors.

        Raises:
            ApiError: 400 with all errors.
        """
        if self._errors:
            raise invalid_request(self._message, self._errors)
