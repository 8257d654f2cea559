"""Small charts of an attribute's last 30 days, as the paths of an inline SVG."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final, TypeAlias

import attrs

from exist_async.sandbox.value_text import format_value
from exist_async.sandbox.value_types import BOOLEAN, SCALE, STRING
from exist_async.sandbox.values import Value

__all__ = ["DAYS", "HEIGHT", "VIEW_BOX", "WIDTH", "Sparkline", "draw_sparkline"]

DAYS: Final = 30
WIDTH: Final = 124
HEIGHT: Final = 28
VIEW_BOX: Final = f"0 0 {WIDTH} {HEIGHT}"

_MARGIN: Final = 4
_STEP: Final = (WIDTH - 2 * _MARGIN) / (DAYS - 1)
_BASE: Final = HEIGHT - _MARGIN

# Differences of larger numbers overflow.
_LARGEST: Final = 1e300

_Point: TypeAlias = tuple[int, float]
"""A day, counted from 0 to 29, and its number."""


@attrs.frozen
class Sparkline:
    """A chart of numbers, or of booleans, by day; a day without a value is a gap.

    Attributes:
        text: The chart in words.
        bars: Path of one bar for each yes, and one dot for each no.
        line: Path of a line through the numbers of consecutive days.
        dots: Path of a dot for each number between two gaps.
        last: Path of a dot for the last number.
    """

    text: str
    bars: str = ""
    line: str = ""
    dots: str = ""
    last: str = ""


def draw_sparkline(by_day: Mapping[date, Value], value_type: int, today: date) -> Sparkline | None:
    """Return the chart of the 30 days up to today, or None when they have no numbers."""
    if value_type == STRING:
        return None
    last = today.toordinal()
    values = [by_day.get(date.fromordinal(day)) for day in range(max(last - DAYS, 0) + 1, last + 1)]
    points = [
        (DAYS - len(values) + index, float(value))
        for index, value in enumerate(values)
        if isinstance(value, int | float) and abs(value) < _LARGEST
    ]
    if not points:
        return None
    if value_type == BOOLEAN and all(number in (0, 1) for _, number in points):
        return _draw_bars(points)
    return _draw_line(points, value_type)


def _draw_bars(points: Sequence[_Point]) -> Sparkline:
    yes = [day for day, number in points if number]
    no = [day for day, number in points if not number]
    text = f"Last {DAYS} days: yes on {len(yes)}" + (f", no on {len(no)}" if no else "")
    bars = [f"M{_x(day)} {_BASE}V{_MARGIN * 2}" for day in yes] + [_dot(f"{_x(day)} {_BASE}") for day in no]
    return Sparkline(text, bars="".join(bars))


def _draw_line(points: Sequence[_Point], value_type: int) -> Sparkline:
    numbers = [number for _, number in points]
    low, high = min(numbers), max(numbers)
    days = "1 day" if len(points) == 1 else f"{len(points)} days"
    lowest, highest = format_value(low, value_type), format_value(high, value_type)
    text = f"Last {DAYS} days: {lowest}" + (f" to {highest}" if lowest != highest else "") + f", on {days}"
    if value_type == SCALE and low >= 1 and high <= 9:
        low, high = 1, 9
    at = {
        day: f"{_x(day)} {_BASE - ((number - low) / (high - low) if high > low else 0.5) * (_BASE - _MARGIN):.1f}"
        for day, number in points
    }
    line = (f"{'L' if day - 1 in at else 'M'}{at[day]}" for day in at if day - 1 in at or day + 1 in at)
    dots = (_dot(at[day]) for day in at if day - 1 not in at and day + 1 not in at)
    return Sparkline(text, line="".join(line), dots="".join(dots), last=_dot(at[points[-1][0]]))


def _dot(at: str) -> str:
    # A stroke of no length, of which the round ends remain.
    return f"M{at}h0"


def _x(day: int) -> str:
    return f"{_MARGIN + day * _STEP:.1f}"
