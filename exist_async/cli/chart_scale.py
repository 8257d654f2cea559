"""The value axis of a chart: its range and its labels, in the words of the attribute's type."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from attrs import frozen

from exist_async.attributes import ValueType
from exist_async.cli.value_text import format_value

LARGEST_NUMBER: Final = 1e100
"""Numbers beyond it are not drawn: the difference of two could be too large for a float."""

_DAY_MINUTES: Final = 24 * 60
_STEPS_IN_MINUTES: Final = (1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720, _DAY_MINUTES)
_TIMES: Final = (ValueType.TIME_OF_DAY, ValueType.TIME_FROM_MIDDAY)
_WHOLE: Final = (ValueType.INTEGER, ValueType.SCALE)
_SCALE_RANGE: Final = (1, 9)
_MOST_TICKS: Final = 6
_FEW_TICKS: Final = 4
_LEAST_DIFFERENCE: Final = 1e-9  # of numbers, as part of them: less is drawn as none
_LEAST_NUMBER: Final = 1e-100


@frozen
class Scale:
    """A value axis.

    Attributes:
        low: The value at the lower end.
        high: The value at the upper end, which is greater.
        ticks: The values that have a label, from the lowest to the highest, and their labels.
    """

    low: float
    high: float
    ticks: Sequence[tuple[float, str]]

    def position(self, value: float) -> float:
        """Return where a value is between the ends: 0.0 at the lower and 1.0 at the upper one."""
        return (value - self.low) / (self.high - self.low)


def make_scale(numbers: Iterable[float], value_type: ValueType | None, rows: int) -> Scale:
    """Return the value axis for some numbers, at least one.

    Args:
        numbers: The numbers, in Exist's format; booleans as parts of 1 that are yes.
        value_type: The attribute's type.
        rows: Height of the chart in rows.
    """
    numbers = list(numbers)
    low, high = min(numbers), max(numbers)
    most = min(_MOST_TICKS, rows // 2 + 2)
    if value_type is ValueType.SCALE and _SCALE_RANGE[0] <= low and high <= _SCALE_RANGE[1]:
        return _ticks(*_SCALE_RANGE, 2 if most > _FEW_TICKS else 4, value_type)
    if value_type is ValueType.BOOLEAN and low >= 0 and high <= 1:
        return _ticks(0, 1, 0.25 if most > _FEW_TICKS else 0.5, value_type)
    steps = _steps_for(value_type)
    if high - low <= abs(high) * _LEAST_DIFFERENCE:
        margin = max(steps(0.0), abs(low) / 20)
        low, high = low - margin, high + margin
    if 0 <= low < high / 2 and value_type not in _TIMES:
        low = 0
    if min(numbers) >= 0:
        low = max(low, 0)
    step = steps((high - low) / most)
    while math.ceil(high / step) - math.floor(low / step) + 1 > most:
        step = steps(step * 1.0001)
    return _ticks(math.floor(low / step) * step, math.ceil(high / step) * step, step, value_type)


def format_rounded(number: float, value_type: ValueType | None) -> str:
    """Return a number, such as a mean, in the words of its type: 7 h 5 min, 23:15, 24.2 %, 7512.

    Durations and times are rounded to minutes, other numbers to three or four digits, those of percentages too.
    """
    match value_type:
        case ValueType.DURATION:
            return _format_minutes(number, value_type)
        case ValueType.TIME_OF_DAY | ValueType.TIME_FROM_MIDDAY:
            return format_value(round(number) % _DAY_MINUTES, value_type)
        case ValueType.PERCENTAGE | ValueType.BOOLEAN:
            return f"{_round(number * 100, 3)} %"
        case _:
            return _round(number, 4)


def _format_minutes(minutes: float, value_type: ValueType) -> str:
    # Python's longest timedelta has 10^9 days.
    return format_value(round(minutes), value_type) if abs(minutes) < 1e12 else f"{minutes:.4g} min"


def _round(number: float, digits: int) -> str:
    if 1000 <= abs(number) < 1e15:
        return f"{number:.0f}"
    return f"{number:.{digits}g}"


def _ticks(low: float, high: float, step: float, value_type: ValueType | None) -> Scale:
    # Not by adding the step again and again, which would add its error as well.
    values = [low + index * step for index in range(round((high - low) / step) + 1)]
    return Scale(low, high, [(value, _label(value, step, value_type)) for value in values])


def _label(value: float, step: float, value_type: ValueType | None) -> str:
    if value_type is ValueType.TIME_OF_DAY and value == _DAY_MINUTES:
        return "24:00"  # 00:00 is the other end of the day
    if value_type in (*_TIMES, ValueType.DURATION):
        return format_rounded(value, value_type)
    shown, step, unit = (value, step, "")
    if value_type in (ValueType.PERCENTAGE, ValueType.BOOLEAN):
        shown, step, unit = (value * 100, step * 100, " %")
    if abs(shown) >= 1e15 or 0 < step < 1e-6:
        return f"{shown:.3g}{unit}"
    decimals = max(0, -math.floor(math.log10(step) + 1e-9)) if step % 1 else 0
    return f"{shown:.{decimals}f}{unit}"


def _steps_for(value_type: ValueType | None) -> Callable[[float], float]:
    """Return the function that returns the smallest good step between labels that is not less than a number."""
    if value_type in (*_TIMES, ValueType.DURATION):
        return _step_in_minutes
    return _whole_step if value_type in _WHOLE else _decimal_step


def _step_in_minutes(least: float) -> float:
    for step in _STEPS_IN_MINUTES:
        if step >= least:
            return step
    return _DAY_MINUTES * _whole_step(least / _DAY_MINUTES)


def _whole_step(least: float) -> float:
    return max(1, _decimal_step(least))


def _decimal_step(least: float) -> float:
    if least < _LEAST_NUMBER:
        return 0.01
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least)
