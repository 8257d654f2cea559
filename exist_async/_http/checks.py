"""Checks arguments before anything is sent, and names the one that is wrong."""

import datetime as dt
import os
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from inspect import iscoroutinefunction
from ipaddress import ip_address
from pathlib import Path
from typing import cast

from exist_async.errors import ConfigurationError

# Control characters, and halves of surrogate pairs. What Unicode has not assigned yet may be a newer Python's emoji.
_NO_TEXT = frozenset(("Cc", "Cs"))

# The largest number that a count has anywhere: Python refuses to write out much larger ones.
_LARGEST = 2**31 - 1


def shown(value: object) -> str:
    """Return what a caller gave as an error quotes it; some things can't say what they are."""
    try:
        return repr(value)
    except Exception:  # noqa: BLE001  (Python's own for a number of five thousand digits, or of any class)
        return type(value).__name__


def wrong(name: str, wanted: str, value: object) -> ConfigurationError:
    """Make the error for an argument of another class than is wanted."""
    return ConfigurationError(f"{name} is {wanted}, not {type(value).__name__}")


def seconds(name: str, value: object, *, zero: bool = False) -> None:
    """Check a number of seconds: finite, and above 0, or from 0 where that has a meaning."""
    # bool is an int to Python.
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigurationError(f"{name} is a number of seconds, not {type(value).__name__}")
    if not abs(value) <= _LARGEST or value < 0 or (value == 0 and not zero):
        raise ConfigurationError(f"{name} is a number of seconds {'from' if zero else 'above'} 0, and finite")


def whole(name: str, value: object, *, least: int, most: int = _LARGEST) -> None:
    """Check a whole number, and that it lies between two others."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigurationError(f"{name} is a whole number, not {type(value).__name__}")
    if not least <= value <= most:
        shown = f", not {value}" if abs(value) <= _LARGEST else ""
        raise ConfigurationError(f"{name} is a number from {least} to {most}{shown}")


def flag(name: str, value: object) -> None:
    """Check a boolean."""
    if not isinstance(value, bool):
        raise ConfigurationError(f"{name} is True or False, not {shown(value)}")


def function(name: str, value: object) -> None:
    """Check something that is called."""
    if not callable(value):
        raise ConfigurationError(f"{name} is a function, not {type(value).__name__}")


def listener(name: str, heard: str, value: object) -> None:
    """Check a function that is called with something and that nobody waits for, or None."""
    if value is None:
        return
    if iscoroutinefunction(value) or not callable(value):
        kind = "an async one" if iscoroutinefunction(value) else type(value).__name__
        raise ConfigurationError(f"{name} is a function of {heard} or None, not {kind}")


def text(name: str, value: object) -> None:
    """Check a string: not blank, without control characters."""
    if not isinstance(value, str):
        raise ConfigurationError(f"{name} is a string, not {type(value).__name__}")
    if not value.strip():
        raise ConfigurationError(f"{name} is empty")
    if not value.isprintable() and any(unicodedata.category(character) in _NO_TEXT for character in value):
        raise ConfigurationError(f"{name} {value!r} holds a control character")


def day(name: str, value: object) -> None:
    """Check a day: a date, and not a moment, which is one day here and another day there."""
    if isinstance(value, dt.datetime):
        raise ConfigurationError(
            f"{name} is a day where the user is, not a datetime: convert it to their time zone, and give its .date()"
        )
    if not isinstance(value, dt.date):
        raise ConfigurationError(f"{name} is a datetime.date, not {type(value).__name__}")


def file_path(name: str, value: object) -> Path:
    """Check the path of a file, and return it from the root, so that changing the working directory changes nothing."""
    path: object = os.fspath(cast("str | os.PathLike[str]", value)) if isinstance(value, str | os.PathLike) else None
    if not isinstance(path, str) or not path or "\0" in path:
        raise ConfigurationError(f"{name} is the path of a file, not {shown(value)}")  # pyright: ignore[reportUnknownArgumentType]
    try:
        absolute = Path(path).expanduser().absolute()
        os.fsencode(absolute)
    except (RuntimeError, UnicodeEncodeError) as error:
        raise ConfigurationError(f"{name} {path!r} can't be used: {error}") from None
    return absolute


@lru_cache(maxsize=64)  # each request asks
def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def names(name: str, values: object) -> list[str]:
    """Check a list of names for a filter, which joins them with commas, and return it.

    Raises:
        ConfigurationError: It is a bare string or no iterable, is empty, or one of its names is wrong.
    """
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise ConfigurationError(f"{name} is a list of names, not a bare {type(values).__name__}")
    checked: list[str] = []
    for value in cast("Iterable[object]", values):
        text(name, value)
        assert isinstance(value, str)
        if "," in value:
            raise ConfigurationError(f"{name}: {value!r} holds a comma, which separates names there")
        checked.append(value)
    if not checked:
        raise ConfigurationError(f"{name} is empty: leave it out to get all")
    return checked
