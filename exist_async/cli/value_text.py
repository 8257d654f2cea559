"""Values as people read them, and as they are written in a file."""

import datetime as dt
import re

from exist_async.attributes import ValueType
from exist_async.errors import ConfigurationError
from exist_async.values.models import Value

_WHOLE = re.compile(r"[+-]?\d{1,30}", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_TRUTH = {"true": 1, "yes": 1, "false": 0, "no": 0}
_NUMERIC = frozenset(ValueType) - {ValueType.STRING}
_EMPTY = "the value is empty: what a day has can be changed, and not taken away again"


def for_people(value: Value | None, value_type: ValueType | None) -> str:
    """Return a value as people write it: 7 h 30 min, 23:15, yes, 55 %."""
    if value is None:
        return ""
    try:
        meant = value if value_type is None else value_type.to_python(value)
    except ConfigurationError:
        # It contradicts its own type; people may make more of it as it is.
        return str(value)
    match meant:
        case bool():
            return "yes" if meant else "no"
        case dt.timedelta():
            return _duration(meant)
        case dt.time():
            return f"{meant:%H:%M}"
        case float() if value_type is ValueType.PERCENTAGE:
            return f"{meant * 100:.6g} %"
        case _:
            return str(meant)


def number(text: str) -> int | float:
    """Read a number, whole or with a decimal point.

    Raises:
        ValueError: It is none; what only computers call a number, such as NaN, is none either.
    """
    if _WHOLE.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text):
        return float(text)
    raise ValueError(f"{_shortened(text)!r} is no number")


def from_text(text: str, value_type: ValueType | None) -> int | float | str:
    """Read a value that is written as Exist counts it: durations in minutes, percentages from 0.0 to 1.0.

    Args:
        text: The value; for a boolean also true, false, yes or no.
        value_type: The type of its attribute. Where nobody knows it, what looks like a number is one.

    Raises:
        ValueError: It is no value of this type.
    """
    if value_type is ValueType.STRING:
        return text
    written = text.strip()
    if value_type is ValueType.BOOLEAN and written.lower() in _TRUTH:
        return _TRUTH[written.lower()]
    if value_type is not None and value_type in _NUMERIC:
        if not written:
            raise ValueError(_EMPTY)
        return value_type.from_python(number(written))
    try:
        return number(written)
    except ValueError:
        return text


def from_json(value: object, value_type: ValueType | None) -> int | float | str:
    """Read a value of JSON, where numbers and strings are told apart already.

    Args:
        value: The value, as Exist counts it; for a boolean also true and false.
        value_type: The type of its attribute. Where nobody knows it, any number or string is taken.

    Raises:
        ValueError: It is no value of this type.
    """
    match value:
        case None:
            raise ValueError(_EMPTY)
        case bool() if value_type not in (None, ValueType.BOOLEAN):
            raise ValueError(f"{str(value).lower()} is no {'string' if value_type is ValueType.STRING else 'number'}")
        case str() if value_type in _NUMERIC:
            raise ValueError(f"{_shortened(value)!r} is no number: write numbers without quotes")
        case int() | float() if value_type is ValueType.STRING:
            raise ValueError(f"{value} is no string: write strings in quotes")
        case int() | float() | str():
            return value if value_type is None else value_type.from_python(value)
        case _:
            raise ValueError("a value is a number or a string")


def _duration(duration: dt.timedelta) -> str:
    minutes = round(duration / dt.timedelta(minutes=1))
    hours, rest = divmod(abs(minutes), 60)
    parts = [f"{hours} h"] if hours else []
    if rest or not hours:
        parts.append(f"{rest} min")
    return ("-" if minutes < 0 else "") + " ".join(parts)


def _shortened(text: str) -> str:
    return text if len(text) <= 40 else text[:40] + "…"
