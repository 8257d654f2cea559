"""Texts of values as people read them: 6 h 14 min, 23:15, 24.2 %, 6 of 9."""

from typing import Final

from exist_async.sandbox.value_types import BOOLEAN, DURATION, PERCENTAGE, SCALE, TIME_FROM_MIDDAY, TIME_OF_DAY
from exist_async.sandbox.values import Value

__all__ = ["format_value", "shorten"]

_DAY: Final = 24 * 60
_MIDDAY: Final = 12 * 60

# Beyond it a float no longer holds every integer, and Python refuses to write integers of thousands of digits.
_EXACT: Final = 2**53


def format_value(value: Value, value_type: int) -> str:
    """Return a value in everyday units; a value that contradicts its type stays a plain number or text."""
    if isinstance(value, str):
        return value
    if abs(value) >= _EXACT or value != value:  # NaN is not equal to itself.
        return f"{value:.6g}" if isinstance(value, float) else _format_large(value)
    if value_type == PERCENTAGE:
        return f"{value * 100:,.6g} %"
    if value != int(value):
        return f"{value:,.10g}"
    return _format_whole(int(value), value_type)


def shorten(text: str, limit: int) -> str:
    """Return a text of at most `limit` characters; a longer one ends with "…"."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def _format_large(value: int) -> str:
    bits = value.bit_length()
    return f"{value:,}" if bits <= 64 else f"about {'-' if value < 0 else ''}2^{bits}"


def _format_whole(value: int, value_type: int) -> str:
    if value_type == DURATION and value >= 0:
        hours, minutes = divmod(value, 60)
        return " ".join([f"{hours:,} h"] * bool(hours) + [f"{minutes} min"] * bool(minutes or not hours))
    if value_type in (TIME_OF_DAY, TIME_FROM_MIDDAY) and 0 <= value < _DAY:
        hours, minutes = divmod((value + (_MIDDAY if value_type == TIME_FROM_MIDDAY else 0)) % _DAY, 60)
        return f"{hours:02}:{minutes:02}"
    if value_type == BOOLEAN and value in (0, 1):
        return "yes" if value else "no"
    if value_type == SCALE and 1 <= value <= 9:
        return f"{value} of 9"
    return f"{value:,}"
