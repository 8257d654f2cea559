"""Converters and validators of request models, whose fields check themselves."""

from typing import Any

import attrs

from exist_async._http import checks


def plain(value: str) -> str:
    """Convert a string to one of Python's own: those of other libraries are of subclasses that no encoder knows."""
    return str.__str__(value) if isinstance(value, str) else value  # pyright: ignore[reportUnnecessaryIsInstance]


def is_text(_: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    """Check a name or a label."""
    checks.text(attribute.name, value)


def is_flag(_: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    """Check a flag that may be left out."""
    if value is not None:
        checks.flag(attribute.name, value)


def is_day(_: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    """Check a day; one that may be left out has None as its default."""
    if value is not None or attribute.default is attrs.NOTHING:
        checks.day(attribute.name, value)
