"""Charts in a terminal: the values of attributes below each other, over the same days."""

import datetime as dt
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from attrs import frozen
from rich.cells import cell_len
from rich.text import Text

from exist_async.attributes import ValueType
from exist_async.cli.chart_days import DayAxis
from exist_async.cli.chart_scale import LARGEST_NUMBER, Scale, format_rounded, make_scale
from exist_async.cli.output import one_line
from exist_async.cli.value_text import format_value, shorten

_BRAILLE: Final = 0x2800
_UPPER_DOTS: Final = 0b00011011
_LEAST_COLUMNS: Final = 10
_MOST_COLUMNS: Final = 500
_ROWS: Final = {1: 10, 2: 7}  # by the number of charts; about so many
_LEAST_ROWS: Final = 5
_STYLE: Final = "cyan"
_AXIS_STYLE: Final = "dim"


@frozen
class Series:
    """The values of an attribute.

    Attributes:
        name: The attribute's name.
        label: Its label; "" if it has none.
        value_type: Its type, if that is known.
        values: Its values by day, in Exist's format.
    """

    name: str
    label: str
    value_type: ValueType | None
    values: Mapping[dt.date, float | str]

    @property
    def numbers(self) -> dict[dt.date, float]:
        """The values that can be drawn, by day."""
        return {day: float(value) for day, value in self.values.items() if _is_drawable(value)}


@frozen
class Glyphs:
    """The characters that a chart is drawn with.

    Attributes:
        vertical, tick, corner, horizontal, day_tick: The axes.
        separator: Stands between facts.
        has_braille: Whether values are drawn with Braille patterns, of eight dots in a character.
    """

    vertical: str
    tick: str
    corner: str
    horizontal: str
    day_tick: str
    separator: str
    has_braille: bool

    @classmethod
    def for_encoding(cls, encoding: str) -> "Glyphs":
        """Return the characters for an encoding, such as a code page of Windows, which has no Braille patterns."""
        try:
            "".join((*_UNICODE[:-1], "⣿")).encode(encoding)
        except (UnicodeEncodeError, LookupError):
            return cls(*_ASCII, has_braille=False)
        return cls(*_UNICODE, has_braille=True)


_UNICODE: Final = ("│", "┤", "└", "─", "┬", " · ")
_ASCII: Final = ("|", "+", "+", "-", "+", " | ")


@frozen
class _Panel:
    """The chart of one attribute.

    Attributes:
        series: Its values.
        points: The numbers to draw, by their place on the date axis: means, where several days share one.
        scale: Its value axis; None if there is nothing to draw.
        rows: Its height: so many that the labels of the value axis are equally far apart.
    """

    series: Series
    points: Mapping[int, float]
    scale: Scale | None
    rows: int

    @classmethod
    def make(cls, series: Series, axis: DayAxis, rows: int) -> "_Panel":
        groups: dict[int, list[float]] = {}
        for day, number in series.numbers.items():
            groups.setdefault(axis.step_of(day), []).append(number)
        points = {step: sum(numbers) / len(numbers) for step, numbers in sorted(groups.items())}
        if not points:
            return cls(series, points, None, 0)
        if series.value_type is ValueType.BOOLEAN and set(points.values()) <= {0, 1}:
            return cls(series, points, _YES_OR_NO, len(_YES_OR_NO.ticks))
        scale = make_scale(points.values(), series.value_type, rows)
        return cls(series, points, scale, _even_rows(len(scale.ticks) - 1, rows))

    @property
    def label_width(self) -> int:
        """Width of the widest label of the value axis."""
        return max((cell_len(label) for _, label in self.scale.ticks), default=0) if self.scale else 0


# A day is a bar in the row that its value names.
_YES_OR_NO: Final = Scale(0, 1, [(0, "no"), (1, "yes")])


def draw_charts(
    series: Sequence[Series], start: dt.date, end: dt.date, *, width: int, glyphs: Glyphs
) -> Iterator[Text]:
    """Yield the lines of the charts of some attributes, and of their common date axis.

    Args:
        series: The attributes.
        start: The first day.
        end: The last day.
        width: Width of the terminal in columns.
        glyphs: The characters to draw with.
    """
    rows = _ROWS.get(len(series), _LEAST_ROWS)
    label_width = 0
    while True:
        columns = width - label_width - len(" |")
        axis = DayAxis(start, end, min(max(columns, _LEAST_COLUMNS), _MOST_COLUMNS))
        panels = [_Panel.make(each, axis, rows) for each in series]
        widest = max(panel.label_width for panel in panels)
        if widest <= label_width:
            break
        # Fewer columns may have other means, and these other labels.
        label_width = widest
    for panel in panels:
        yield from _headings(panel.series, axis.days, width, glyphs)
        if panel.scale is not None:
            yield from _draw(panel, panel.scale, axis, label_width, glyphs)
            if panel is not panels[-1]:
                yield Text()
    if any(panel.scale for panel in panels):
        yield from _draw_days(axis, label_width, glyphs)
    facts = [f"{start} to {end}"]
    if axis.days_per_dot > 1:
        facts.append(f"each point is the mean of {axis.days_per_dot} days")
    for line in _join(facts, width, glyphs.separator):
        yield Text(line, style=_AXIS_STYLE)


def _headings(series: Series, days: int, width: int, glyphs: Glyphs) -> Iterator[Text]:
    """Yield the label of an attribute, and facts about its values in lines that are no longer than the width."""
    name, label = one_line(series.name), one_line(series.label)
    yield Text(f"{label} ({name})" if label and label != name else name, style="bold")
    yield from map(Text, _join(_facts(series, days), width, glyphs.separator))


def _join(facts: Iterable[str], width: int, separator: str) -> Iterator[str]:
    """Join facts to lines that are no longer than the width, unless one alone is."""
    line = ""
    for fact in facts:
        longer = f"{line}{separator}{fact}" if line else fact
        if line and cell_len(longer) > width:
            yield line
            longer = fact
        line = longer
    yield line


def _facts(series: Series, days: int) -> Iterator[str]:
    if not series.values:
        yield "no values"
        return
    numbers, value_type = series.numbers, series.value_type
    last = max(series.values)
    if last not in numbers or value_type is ValueType.BOOLEAN:
        yield f"{shorten(one_line(format_value(series.values[last], value_type)))} on {last}"
    else:
        yield f"{format_rounded(numbers[last], value_type)} on {last}"
    if len(numbers) > 1:
        least, greatest, mean = (
            format_rounded(number, value_type)
            for number in (min(numbers.values()), max(numbers.values()), math.fsum(numbers.values()) / len(numbers))
        )
        if value_type is ValueType.BOOLEAN:
            yield f"{mean} yes"
        elif least == greatest:
            yield f"always {least}"
        else:
            yield f"mean {mean}"
            yield f"{least} to {greatest}"
    yield f"values on {len(series.values)} of {days} day{'' if days == 1 else 's'}"
    if left_out := len(series.values) - len(numbers):
        yield f"{left_out} can't be drawn"


def _draw(panel: _Panel, scale: Scale, axis: DayAxis, label_width: int, glyphs: Glyphs) -> Iterator[Text]:
    """Yield the rows of a chart, with its value axis."""
    top = 4 * panel.rows - 1  # the highest dot

    def row_of(value: float) -> int:
        return panel.rows - 1 - round(scale.position(value) * top) // 4

    labels = {row_of(value): label for value, label in scale.ticks}
    for row, line in enumerate(_draw_values(panel, scale, axis)):
        label = labels.get(row)
        text = Text(" " * (label_width - cell_len(label or "")) + (label or ""))
        text.append(f" {glyphs.vertical if label is None else glyphs.tick}", style=_AXIS_STYLE)
        text.append(line if glyphs.has_braille else line.translate(_ASCII_DOTS), style=_STYLE)
        text.rstrip()
        yield text


def _draw_values(panel: _Panel, scale: Scale, axis: DayAxis) -> Sequence[str]:
    """Return the rows of a chart in Braille patterns: a line between values of days that follow each other."""
    # It has types, but no py.typed that says so.
    from plotille import Canvas  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]

    # In dots, from 0 in the lower left corner.
    canvas = Canvas(axis.columns, panel.rows, 0, 0, 2 * axis.columns, 4 * panel.rows)
    dots = {
        step: (axis.dot_of(step), round(scale.position(number) * (4 * panel.rows - 1)))
        for step, number in panel.points.items()
    }
    if scale is _YES_OR_NO:
        for column, height in dots.values():
            canvas.line(column, height // 4 * 4, column, height // 4 * 4 + 3)
    else:
        for step, (column, height) in dots.items():
            canvas.line(*dots.get(step - 1, (column, height)), column, height)
    plot: str = canvas.plot(linesep="\n")
    return plot.replace(chr(_BRAILLE), " ").split("\n")


def _draw_days(axis: DayAxis, label_width: int, glyphs: Glyphs) -> Iterator[Text]:
    """Yield the line of the date axis, and the line of its labels."""
    line = [glyphs.horizontal] * axis.columns
    labels = ""
    for label in axis.labels():
        line[label.tick] = glyphs.day_tick
        labels = f"{labels:{label.column}}{label.text}"
    margin = " " * (label_width + 1)
    yield Text(f"{margin}{glyphs.corner}{''.join(line)}", style=_AXIS_STYLE)
    yield Text(f"{margin} {labels}")


def _even_rows(intervals: int, rows: int) -> int:
    """Return the number of rows, near a given one, with which the labels of the value axis are equally far apart."""
    return max(1, round((rows - 1) / intervals)) * intervals + 1


def _is_drawable(value: float | str) -> bool:
    return not isinstance(value, str) and abs(value) <= LARGEST_NUMBER


def _ascii_dots() -> dict[int, str]:
    """Return a character of ASCII for each Braille pattern, by where its dots are: above, below, or both."""
    lower = 0xFF - _UPPER_DOTS
    return {
        _BRAILLE + dots: ":" if dots & _UPPER_DOTS and dots & lower else "'" if dots & _UPPER_DOTS else "."
        for dots in range(1, 256)
    }


_ASCII_DOTS: Final = _ascii_dots()
