"""Checks: the shape that a value of a body has to have, made of the shapes of its parts."""

from collections.abc import Collection, Mapping
from typing import Any, Protocol, cast

import attrs

from exist_async.sandbox.attio.problems import Path, Problems

__all__ = ["Check", "Each", "Known", "Nullable", "Record", "boolean", "name", "text"]


class Check(Protocol):
    """Notes what is wrong with a value, and returns it as it is kept."""

    @property
    def expected(self) -> str:
        """What JSON calls the type of the value."""
        ...

    def __call__(self, value: object, path: Path, problems: Problems) -> Any:
        """Check a value that was sent at this path; what is returned counts only when there are no problems."""
        ...


@attrs.frozen
class _Text:
    empty: bool
    expected: str = "string"

    def __call__(self, value: object, path: Path, problems: Problems) -> object:
        if not isinstance(value, str):
            problems.wrong_type(path, self.expected, value)
        elif not value and not self.empty:
            problems.add("too_small", path, "String must contain at least 1 character(s)")
        return value


@attrs.frozen
class _Boolean:
    expected: str = "boolean"

    def __call__(self, value: object, path: Path, problems: Problems) -> object:
        if not isinstance(value, bool):
            problems.wrong_type(path, self.expected, value)
        return value


text = _Text(empty=True)
name = _Text(empty=False)
boolean = _Boolean()


@attrs.frozen
class Known:
    """A string that has to be one of some."""

    known: Collection[str]
    expected: str = "string"

    def __call__(self, value: object, path: Path, problems: Problems) -> object:
        """Check that it is one of them."""
        if not isinstance(value, str):
            problems.wrong_type(path, self.expected, value)
        elif value not in self.known:
            wanted = " | ".join(f"'{known}'" for known in self.known)
            message = f"Invalid enum value. Expected {wanted}, received '{value}'"
            problems.add("invalid_enum_value", path, message, received=value)
        return value


@attrs.frozen
class Nullable:
    """A value that may be null."""

    check: Check

    @property
    def expected(self) -> str:
        """That of the value."""
        return self.check.expected

    def __call__(self, value: object, path: Path, problems: Problems) -> Any:
        """Check a value that is not null."""
        return None if value is None else self.check(value, path, problems)


@attrs.frozen
class Each:
    """An array whose every item has one shape."""

    check: Check
    least: int = 0
    expected: str = "array"

    def __call__(self, value: object, path: Path, problems: Problems) -> object:
        """Check every item, and that there are enough of them."""
        if not isinstance(value, list):
            problems.wrong_type(path, self.expected, value)
            return value
        items = cast("list[object]", value)
        if len(items) < self.least:
            problems.add("too_small", path, f"Array must contain at least {self.least} element(s)")
        return [self.check(item, (*path, index), problems) for index, item in enumerate(items)]


@attrs.frozen
class Record:
    """An object with these keys and no others."""

    checks: Mapping[str, Check]
    required: Collection[str] = ()
    expected: str = "object"

    def __call__(self, value: object, path: Path, problems: Problems) -> Any:
        """Check the value of every key, that no required key is missing, and that there are no others."""
        if not isinstance(value, dict):
            problems.wrong_type(path, self.expected, value)
            return {}
        sent = cast("dict[str, object]", value)
        for key in self.required:
            if key not in sent:
                problems.missing((*path, key), self.checks[key].expected)
        unknown = [f"'{key}'" for key in sent if key not in self.checks]
        if unknown:
            problems.add("unrecognized_keys", path, f"Unrecognized key(s) in object: {', '.join(unknown)}")
        return {key: check(sent[key], (*path, key), problems) for key, check in self.checks.items() if key in sent}
