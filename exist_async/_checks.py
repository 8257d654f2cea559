"""Checks arguments before anything is sent; each error names the argument and what it should be."""

import datetime as dt
import os
import unicodedata
from collections.abc import Iterable
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

# The largest number that any count can be; Python refuses to print much larger ones.
_LARGEST = 2**31 - 1


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
    if not abs(value) <= _LARGEST or value < 0 or (value == 0 and not zero):
        raise ConfigurationError(f"{name} must be a finite number of seconds, {'at least' if zero else 'above'} 0")


def check_int(name: str, value: object, *, least: int, most: int = _LARGEST) -> None:
    """Check an integer and its range."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong_type(name, "an integer", value)
    if not least <= value <= most:
        given = f", not {value}" if abs(value) <= _LARGEST else ""
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
    """Check a synchronous callback, or None.

    Args:
        name: The name of the argument.
        argument: A word for what the callback is called with.
        value: The callback.
    """
    if value is None:
        return
    if iscoroutinefunction(value) or not callable(value):
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
    """Check a date. A datetime is refused: which date it is depends on the time zone."""
    if isinstance(value, dt.datetime):
        raise ConfigurationError(
            f"{name} must be a date in the user's time zone, not a datetime: convert it, and give its .date()"
        )
    if not isinstance(value, dt.date):
        raise wrong_type(name, "a datetime.date", value)


def check_file_path(name: str, value: object) -> Path:
    """Check the path of a file, and return it as an absolute path, which no change of the working directory moves."""
    path: object = os.fspath(cast("str | os.PathLike[str]", value)) if isinstance(value, str | os.PathLike) else None
    if not isinstance(path, str) or not path or "\0" in path:
        raise ConfigurationError(f"{name} must be the path of a file, not {safe_repr(value)}")  # pyright: ignore[reportUnknownArgumentType]
    try:
        absolute = Path(path).expanduser().absolute()
        os.fsencode(absolute)
    except (RuntimeError, UnicodeEncodeError) as error:
        raise ConfigurationError(f"{name} {path!r} can't be used: {error}") from None
    return absolute


def check_names(name: str, values: object) -> list[str]:
    """Check the names for a filter, which joins them with commas, and return them as a list.

    Raises:
        ConfigurationError: It is a bare string, not an iterable, or empty; or one of the names is wrong.
    """
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise ConfigurationError(f"{name} must be a list of names, not a bare {type(values).__name__}")
    checked: list[str] = []
    for value in cast("Iterable[object]", values):
        check_text(name, value)
        assert isinstance(value, str)
        if "," in value:
            raise ConfigurationError(f"{name}: {value!r} contains a comma, which separates names in a filter")
        checked.append(value)
    if not checked:
        raise ConfigurationError(f"{name} is empty: leave it out to get all")
    return checked


@lru_cache(maxsize=64)  # each request asks
def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def plain_string(value: str) -> str:
    """Convert a subclass of str to str itself: no JSON encoder knows other libraries' subclasses."""
    return str.__str__(value) if isinstance(value, str) else value  # pyright: ignore[reportUnnecessaryIsInstance]


def is_text(_: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    """Validate an attrs field that is a name or a label."""
    check_text(attribute.name, value)


def is_flag(_: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    """Validate an attrs field that is a boolean."""
    check_flag(attribute.name, value)


def is_day(_: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    """Validate an attrs field that is a date."""
    check_day(attribute.name, value)


def is_seconds(_: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    """Validate an attrs field that is a duration in seconds, above 0."""
    check_seconds(attribute.name, value)
