"""Checks arguments before anything is sent; each error names the argument and what it should be."""

import datetime as dt
import os
import unicodedata
from collections.abc import Callable, Iterable
from functools import lru_cache
from inspect import iscoroutinefunction
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from exist_async.errors import ConfigurationError

if TYPE_CHECKING:
    import attrs

# Control characters, and halves of surrogate pairs. Unassigned characters are allowed: they may be a newer emoji.
_NOT_TEXT = frozenset(("Cc", "Cs"))

# No count is larger; Python refuses to print much larger integers.
_LARGEST_COUNT = 2**31 - 1


def safe_repr(value: object) -> str:
    """Return the repr of an argument for an error message, or its class where repr fails."""
    try:
        return repr(value)
    except Exception:  # noqa: BLE001  (an integer of five thousand digits, or a repr of the caller's)
        return type(value).__name__


def wrong_type(name: str, expected: str, value: object) -> ConfigurationError:
    """Return the error for an argument of the wrong class."""
    return ConfigurationError(f"{name} must be {expected}, not {type(value).__name__}")


def check_seconds(name: str, value: object, *, zero: bool = False) -> None:
    """Check a duration in seconds: finite, and greater than 0, or at least 0 where `zero` is allowed."""
    # bool is an int to Python.
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong_type(name, "a number of seconds", value)
    if not abs(value) <= _LARGEST_COUNT or value < 0 or (value == 0 and not zero):
        raise ConfigurationError(f"{name} must be a finite number of seconds, {'at least' if zero else 'above'} 0")


def check_int(name: str, value: object, *, least: int, most: int = _LARGEST_COUNT) -> None:
    """Check an integer and its range."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong_type(name, "an integer", value)
    if not least <= value <= most:
        given = f", not {value}" if abs(value) <= _LARGEST_COUNT else ""
        raise ConfigurationError(f"{name} must be from {least} to {most}{given}")


def check_flag(name: str, value: object) -> None:
    """Check a boolean."""
    if not isinstance(value, bool):
        raise ConfigurationError(f"{name} must be True or False, not {safe_repr(value)}")


def check_function(name: str, value: object) -> None:
    """Check a callable."""
    if not callable(value):
        raise wrong_type(name, "a function", value)


def check_callback(name: str, argument: str, value: object) -> None:
    """Check a synchronous callback that takes one argument, described by `argument`; None is allowed."""
    if value is not None and (iscoroutinefunction(value) or not callable(value)):
        kind = "an async function" if iscoroutinefunction(value) else type(value).__name__
        raise ConfigurationError(f"{name} must be a function that takes {argument}, or None, not {kind}")


def check_text(name: str, value: object) -> None:
    """Check a string: not blank, and without control characters."""
    if not isinstance(value, str):
        raise wrong_type(name, "a string", value)
    if not value.strip():
        raise ConfigurationError(f"{name} is empty")
    if not value.isprintable() and any(unicodedata.category(character) in _NOT_TEXT for character in value):
        raise ConfigurationError(f"{name} {value!r} contains a control character")


def check_day(name: str, value: object) -> None:
    """Check a date. A datetime is refused: its date depends on the time zone."""
    if isinstance(value, dt.datetime):
        raise ConfigurationError(
            f"{name} must be a date in the user's time zone, not a datetime: convert it, and give its .date()"
        )
    if not isinstance(value, dt.date):
        raise wrong_type(name, "a datetime.date", value)


def environment_value(variable: str) -> str | None:
    """Return an environment variable without white space around it; None if it is not set, or blank."""
    return os.environ.get(variable, "").strip() or None


def check_file_path(name: str, value: object) -> Path:
    """Check the path of a file and return it as an absolute path, which doesn't depend on the working directory."""
    path: object = os.fspath(cast("str | os.PathLike[str]", value)) if isinstance(value, str | os.PathLike) else None
    if not isinstance(path, str) or not path or "\0" in path:
        raise ConfigurationError(f"{name} must be the path of a file, not {safe_repr(value)}")  # pyright: ignore[reportUnknownArgumentType]
    try:
        absolute = Path(path).expanduser().absolute()
        os.fsencode(absolute)
    except (RuntimeError, UnicodeEncodeError) as error:
        raise ConfigurationError(f"{name} {path!r} can't be used: {error}") from None
    return absolute


def check_names(name: str, values: object, *, commas: bool = False) -> list[str]:
    """Check a list of names, and return them as a list.

    Those of a filter are sent joined by commas: they can't contain one.
    """
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise ConfigurationError(f"{name} must be a list of names, not a bare {type(values).__name__}")
    checked: list[str] = []
    for value in cast("Iterable[object]", values):
        check_text(name, value)
        assert isinstance(value, str)
        if "," in value and not commas:
            raise ConfigurationError(f"{name}: {value!r} contains a comma, which separates names in a filter")
        checked.append(value)
    if not checked:
        raise ConfigurationError(f"{name} is empty: leave it out to get all")
    return checked


@lru_cache(maxsize=64)  # called for each request
def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def plain_string(value: str) -> str:
    """Convert a subclass of str to str itself: JSON encoders don't support other libraries' subclasses."""
    return str.__str__(value) if isinstance(value, str) else value  # pyright: ignore[reportUnnecessaryIsInstance]


def validator(check: Callable[[str, object], None]) -> "Callable[[object, attrs.Attribute[Any], object], None]":
    """Return an attrs validator that applies a check to a field, under the field's name."""
    return lambda _, attribute, value: check(attribute.name, value)


is_text = validator(check_text)
is_flag = validator(check_flag)
is_day = validator(check_day)
is_function = validator(check_function)
is_seconds = validator(check_seconds)
