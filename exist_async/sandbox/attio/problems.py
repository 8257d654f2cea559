"""Problems: everything that is wrong with what was sent, collected before it is refused."""

from typing import Final, TypeAlias

from exist_async.sandbox.attio.refusals import invalid

__all__ = ["Path", "Problems", "kind"]

Path: TypeAlias = tuple[str | int, ...]
"""Where in the body: the keys and indices that lead there."""

_KINDS: Final[dict[type, str]] = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}


class Problems:
    """The `validation_errors` of one request."""

    def __init__(self, message: str = "Body payload validation error.") -> None:
        self._message = message
        self._found: list[dict[str, object]] = []

    def add(
        self, code: str, path: Path, message: str, *, expected: str | None = None, received: str | None = None
    ) -> None:
        """Note a problem."""
        problem: dict[str, object] = {"code": code, "path": list(path), "message": message}
        if expected is not None:
            problem["expected"] = expected
        if received is not None:
            problem["received"] = received
        self._found.append(problem)

    def wrong_type(self, path: Path, expected: str, value: object) -> None:
        """Note that a value is of another type than it has to be."""
        received = kind(value)
        self.add(
            "invalid_type", path, f"Expected {expected}, received {received}", expected=expected, received=received
        )

    def missing(self, path: Path, expected: str) -> None:
        """Note that a value is not there."""
        self.add("invalid_type", path, "Required", expected=expected, received="undefined")

    def refuse(self) -> None:
        """End the request when there are problems.

        Raises:
            ApiError: 400 with every problem.
        """
        if self._found:
            raise invalid(self._message, self._found)


def kind(value: object) -> str:
    """Return what JSON calls the type of a decoded value."""
    return _KINDS[type(value)]
