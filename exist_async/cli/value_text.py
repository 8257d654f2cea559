"""Converts values and dates between Python and text, as people read them and as files contain them."""

import datetime as dt
import re
import unicodedata

from exist_async.attributes import ValueType
from exist_async.errors import ConfigurationError

# `date.fromisoformat` alone also accepts "20220513" and "2022-W19-5".
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d{1,30}", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_BOOLEANS = {"true": 1, "yes": 1, "false": 0, "no": 0}
_NUMERIC = frozenset(ValueType) - {ValueType.STRING}


def format_value(value: float | str | None, value_type: ValueType | None) -> str:
    """Return a value in everyday units: 7 h 30 min, 23:15, yes, 55 %."""
    if value is None:
        return ""
    try:
        converted = value if value_type is None else value_type.to_python(value)
    except ConfigurationError:
        # The value contradicts the attribute's type: show it unchanged.
        return str(value)
    match converted:
        case bool():
            return "yes" if converted else "no"
        case dt.timedelta():
            return _format_duration(converted)
        case dt.time():
            return f"{converted:%H:%M}"
        case float() if value_type is ValueType.PERCENTAGE:
            return f"{converted * 100:.6g} %"
        case _:
            return str(converted)


def parse_date(text: str) -> dt.date:
    """Parse a date.

    Raises:
        ValueError: The text is not a date, or not written as YYYY-MM-DD.
    """
    if _DATE.fullmatch(text):
        try:
            return dt.date.fromisoformat(text)
        except ValueError:
            raise ValueError(f"{text} does not exist in the calendar") from None
    raise ValueError(f"{text[:40]!r} is not a date: write YYYY-MM-DD")


def is_date(text: str) -> bool:
    """Whether a text is a valid date, written as YYYY-MM-DD."""
    try:
        parse_date(text)
    except ValueError:
        return False
    return True


def is_blank(value: object) -> bool:
    """Whether a field is no value: None, or a text of white space and invisible characters alone."""
    return value is None or (isinstance(value, str) and not strip_invisible(value).strip())


def strip_invisible(text: str) -> str:
    """Return a text without control and format characters, such as a byte order mark or a space of no width."""
    return text if text.isascii() and text.isprintable() else "".join(filter(_is_visible, text))


def _is_visible(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) not in ("Cc", "Cf")


def parse_number(text: str) -> int | float:
    """Parse an integer or a decimal number.

    Raises:
        ValueError: The text is not a number. NaN and infinity are refused, too.
    """
    if _INTEGER.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text):
        return float(text)
    raise ValueError(f"{shorten(text)!r} is not a number")


def parse_value(text: str, value_type: ValueType | None) -> int | float | str:
    """Parse a value in Exist's own units: durations in minutes, percentages from 0.0 to 1.0.

    Args:
        text: The value; a boolean may also be true, false, yes or no.
        value_type: The value type of the attribute. Without it, a text that looks like a number becomes one.

    Raises:
        ValueError: The text is not a value of this type.
    """
    if value_type is ValueType.STRING:
        return text
    stripped = text.strip()
    if value_type is ValueType.BOOLEAN and stripped.lower() in _BOOLEANS:
        return _BOOLEANS[stripped.lower()]
    if value_type is not None and value_type in _NUMERIC:
        return value_type.from_python(parse_number(stripped))
    try:
        return parse_number(stripped)
    except ValueError:
        return text


def check_json_value(value: object, value_type: ValueType | None) -> int | float | str:
    """Check a value from JSON, in Exist's own units, and return it.

    Args:
        value: The value; a boolean may also be true or false.
        value_type: The value type of the attribute. Without it, any number or string is accepted.

    Raises:
        ValueError: It is not a value of this type.
    """
    match value:
        case bool() if value_type not in (None, ValueType.BOOLEAN):
            expected = "string" if value_type is ValueType.STRING else "number"
            raise ValueError(f"{str(value).lower()} is not a {expected}")
        case str() if value_type in _NUMERIC:
            raise ValueError(f"{shorten(value)!r} is not a number: write numbers without quotes")
        case int() | float() if value_type is ValueType.STRING:
            raise ValueError(f"{value} is not a string: write strings in quotes")
        case int() | float() | str():
            return value if value_type is None else value_type.from_python(value)
        case _:
            raise ValueError("a value must be a number or a string")


def _format_duration(duration: dt.timedelta) -> str:
    minutes = round(duration / dt.timedelta(minutes=1))
    hours, rest = divmod(abs(minutes), 60)
    parts = [f"{hours} h"] if hours else []
    if rest or not hours:
        parts.append(f"{rest} min")
    return ("-" if minutes < 0 else "") + " ".join(parts)


def shorten(text: str) -> str:
    """Return a text that is short enough to be quoted in a message."""
    return text if len(text) <= 40 else text[:40] + "…"
