"""Charts: their axes, what is drawn of values, and what is said about them."""

import datetime as dt
import itertools
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from exist_async.attributes import ValueType
from exist_async.cli.chart import Glyphs, Series, draw_charts
from exist_async.cli.chart_days import DayAxis
from exist_async.cli.chart_scale import format_rounded, make_scale

UNICODE = Glyphs.for_encoding("utf-8")
ASCII = Glyphs.for_encoding("ascii")
END = dt.date(2026, 11, 21)


def day(days_ago: int) -> dt.date:
    return END - dt.timedelta(days=days_ago)


def series(value_type: ValueType | None, values: Mapping[dt.date, Any], name: str = "steps", label: str = "") -> Series:
    return Series(name, label, value_type, values)


def draw(*drawn: Series, days: int = 4, width: int = 30, glyphs: Glyphs = UNICODE) -> list[str]:
    return [line.plain for line in draw_charts(drawn, day(days - 1), END, width=width, glyphs=glyphs)]


def newest_first(*values: Any) -> dict[dt.date, Any]:
    return {day(index): value for index, value in enumerate(values) if value is not None}


# Whole charts


def test_a_chart_has_its_label_facts_both_axes_and_the_days() -> None:
    assert draw(series(ValueType.INTEGER, newest_first(4000, 3000, 2000, 1000), label="Steps taken")) == [
        "Steps taken (steps)",
        "4000 on 2026-11-21 · mean 2500",
        "1000 to 4000",
        "values on 4 of 4 days",
        "4000 ┤                    ⢀⡠⠔⠊",
        "     │                 ⣀⠤⠒⠁",
        "3000 ┤             ⢀⡠⠔⠉",
        "     │         ⢀⡠⠔⠊⠁",
        "2000 ┤      ⣀⠤⠊⠁",
        "     │  ⢀⡠⠔⠉",
        "1000 ┤⠔⠊⠁",
        "     │",
        "   0 ┤",
        "     └┬──────────────┬────────",
        "      18 Nov         20 Nov",
        "2026-11-18 to 2026-11-21",
    ]


def test_days_without_a_value_are_gaps_and_a_value_between_them_is_a_point() -> None:
    drawn = series(ValueType.INTEGER, newest_first(1, 2, None, 4, None, 6, 7))

    assert draw(drawn, days=7)[3:12] == [
        "8 ┤",
        "  │⠑⠢⢄⡀",
        "6 ┤   ⠈⠑",
        "  │",
        "4 ┤             ⠂",
        "  │",
        "2 ┤                      ⢄⡀",
        "  │                       ⠈⠑⠢⢄",
        "0 ┤",
    ]


def test_without_braille_patterns_it_is_drawn_in_ascii() -> None:
    drawn = series(ValueType.INTEGER, newest_first(1, 2, None, 4, None, 6, 7))

    assert draw(drawn, days=7, glyphs=ASCII) == [
        "steps",
        "1 on 2026-11-21 | mean 4",
        "1 to 7 | values on 5 of 7 days",
        "8 +",
        "  |':..",
        "6 +   ''",
        "  |",
        "4 +             '",
        "  |",
        "2 +                      ..",
        "  |                       '':.",
        "0 +",
        "  ++------------+------------+",
        "   15 Nov       18 Nov  21 Nov",
        "2026-11-15 to 2026-11-21",
    ]


def test_a_boolean_is_a_bar_in_the_row_of_its_value() -> None:
    assert draw(series(ValueType.BOOLEAN, newest_first(1, 0, None, 1)))[1:5] == [
        "yes on 2026-11-21 · 66.7 % yes",
        "values on 3 of 4 days",
        "yes ┤⡇                       ⢸",
        " no ┤                ⢸",
    ]


def test_several_charts_share_the_date_axis_and_the_width_of_their_labels() -> None:
    sleep = series(ValueType.DURATION, newest_first(450, 400, 300, 410), "sleep")
    mood = series(ValueType.SCALE, newest_first(9, 2, 3, 4), "mood")
    lines = draw(sleep, mood, series(ValueType.INTEGER, {}, "nothing"))

    assert [line for line in lines if not set("┤│") & set(line)] == [
        "sleep",
        "7 h 30 min on 2026-11-21",
        "mean 6 h 30 min",
        "5 h to 7 h 30 min",
        "values on 4 of 4 days",
        "",
        "mood",
        "9 on 2026-11-21 · mean 4.5",
        "2 to 9 · values on 4 of 4 days",
        "",
        "nothing",
        "no values",
        "    └┬───────────────┬────────",
        "     18 Nov          20 Nov",
        "2026-11-18 to 2026-11-21",
    ]
    assert {line.index(mark) for line in lines for mark in "┤│" if mark in line} == {4}
    assert sum("┬" in line for line in lines) == 1


def test_with_more_days_than_dots_each_point_is_a_mean_and_the_last_line_says_so() -> None:
    # 46 dots: the means of pairs are all the same.
    lines = draw(series(ValueType.DECIMAL, newest_first(*[1, 3] * 40)), days=80, width=26)

    assert lines[-2:] == ["2026-09-03 to 2026-11-21", "each point is the mean of 2 days"]
    assert len([line for line in lines if set(line) & set(map(chr, range(0x2801, 0x2900)))]) == 1


def test_a_boolean_of_many_days_is_a_share() -> None:
    lines = draw(series(ValueType.BOOLEAN, newest_first(*[1, 1, 0, 1] * 20)), days=80, width=26)

    assert [line.split("┤")[0].strip() for line in lines if "┤" in line] == ["100 %", "75 %", "50 %", "25 %", "0 %"]


def test_a_value_that_is_always_the_same_is_a_line_in_the_middle() -> None:
    lines = draw(series(ValueType.INTEGER, newest_first(4, 4, 4, 4)))

    assert lines[1] == "4 on 2026-11-21 · always 4"
    assert [line for line in lines if "┤" in line] == ["5 ┤", f"4 ┤{'⠒' * 27}", "3 ┤"]


@pytest.mark.parametrize("charts", [1, 2, 3])
@pytest.mark.parametrize("value_type", [each for each in ValueType if each is not ValueType.STRING])
@pytest.mark.parametrize("greatest", [1, 3, 14, 37, 440, 1434])
def test_the_labels_of_the_value_axis_are_equally_far_apart(charts: int, value_type: ValueType, greatest: int) -> None:
    drawn = series(value_type, newest_first(greatest, greatest / 3, 0))

    lines = draw(*[drawn] * charts)

    first = next(index for index, line in enumerate(lines) if "┤" in line)
    length = next(index for index, line in enumerate(lines[first:]) if not set(line) & set("┤│"))
    labelled = [index for index, line in enumerate(lines[first : first + length]) if "┤" in line]
    assert len({second - first for first, second in itertools.pairwise(labelled)}) == 1
    assert (labelled[0], labelled[-1]) == (0, length - 1)


def test_texts_and_numbers_without_bounds_are_counted_and_not_drawn() -> None:
    lines = draw(series(ValueType.INTEGER, newest_first(10**400, "ten\x1b[31m", 3)))

    assert lines[1:4] == [f"1{'0' * 39}… on 2026-11-21", "values on 3 of 4 days", "2 can't be drawn"]
    assert "\x1b" not in "".join(lines)


def test_without_numbers_there_is_no_axis() -> None:
    assert draw(series(None, newest_first("a", "b"))) == [
        "steps",
        "a on 2026-11-21",
        "values on 2 of 4 days",
        "2 can't be drawn",
        "2026-11-18 to 2026-11-21",
    ]


@pytest.mark.parametrize("label", ["起床時間", "Coffee ☕", "wake\x1b[31m up\n\u202e", "[bold]x[/]"])
def test_labels_are_safe_for_terminals(label: str) -> None:
    (first, *_) = draw(series(ValueType.INTEGER, newest_first(1, 2), label=label))

    assert first.startswith(label[:4])
    assert not set(first) & set("\x1b\n\u202e")


@pytest.mark.parametrize("width", [40, 80, 250])
@pytest.mark.parametrize("days", [1, 2, 30, 90, 365, 4000])
def test_no_line_is_wider_than_the_terminal(width: int, days: int) -> None:
    drawn = [
        series(ValueType.DURATION, newest_first(*[450, 400, None, 555] * (days // 4 + 1)), "sleep", "Schlaf 睡眠"),
        series(ValueType.TIME_FROM_MIDDAY, newest_first(*[675, 780] * (days // 2 + 1)), "sleep_start"),
        series(ValueType.BOOLEAN, newest_first(*[0, 1, 1] * (days // 3 + 1)), "tea"),
    ]

    for line in draw(*drawn, days=days, width=width):
        assert cell_len(line) <= width, line


def test_on_a_terminal_of_any_width_it_has_a_size_that_can_be_drawn() -> None:
    assert max(map(len, draw(series(None, newest_first(1, 2)), width=99_999))) < 600


@given(
    numbers=st.lists(
        st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.text(max_size=3), max_size=9
    ),
    value_type=st.sampled_from([None, *ValueType]),
    width=st.integers(1, 120),
    height=st.integers(1, 3),
)
def test_whatever_the_values_are_it_can_be_drawn(
    numbers: list[Any], value_type: ValueType | None, width: int, height: int
) -> None:
    assert draw(*[series(value_type, newest_first(*numbers))] * height, days=9, width=width)


# Value axes


@pytest.mark.parametrize(
    ("value_type", "low", "high", "labels"),
    [
        (ValueType.INTEGER, 2215, 13929, ["0", "5000", "10000", "15000"]),
        (ValueType.INTEGER, 9000, 13929, ["9000", "10000", "11000", "12000", "13000", "14000"]),
        (ValueType.INTEGER, 0, 1, ["0", "1"]),
        (ValueType.INTEGER, -3, 5, ["-4", "-2", "0", "2", "4", "6"]),
        (ValueType.DECIMAL, 72.1, 72.9, ["72.0", "72.2", "72.4", "72.6", "72.8", "73.0"]),
        (ValueType.DECIMAL, 0, 0, ["0.000", "0.002", "0.004", "0.006", "0.008", "0.010"]),
        (ValueType.DURATION, 374, 533, ["6 h", "7 h", "8 h", "9 h"]),
        (ValueType.DURATION, 0, 70, ["0 min", "15 min", "30 min", "45 min", "1 h", "1 h 15 min"]),
        (ValueType.TIME_OF_DAY, 350, 520, ["05:00", "06:00", "07:00", "08:00", "09:00"]),
        (ValueType.TIME_OF_DAY, 5, 1435, ["00:00", "06:00", "12:00", "18:00", "24:00"]),
        (ValueType.TIME_FROM_MIDDAY, 600, 778, ["22:00", "23:00", "00:00", "01:00"]),
        (ValueType.PERCENTAGE, 0.242, 0.262, ["24.0 %", "24.5 %", "25.0 %", "25.5 %", "26.0 %", "26.5 %"]),
        (ValueType.PERCENTAGE, 0.2, 0.96, ["0 %", "20 %", "40 %", "60 %", "80 %", "100 %"]),
        (ValueType.SCALE, 4, 7, ["1", "3", "5", "7", "9"]),
        (ValueType.SCALE, 0, 7, ["0", "2", "4", "6", "8"]),
        (ValueType.BOOLEAN, 0.2, 0.5, ["0 %", "25 %", "50 %", "75 %", "100 %"]),
        (None, 1e15, 3e15, ["0", "1e+15", "2e+15", "3e+15"]),
    ],
)
def test_the_labels_of_the_value_axis_are_round_in_the_words_of_the_type(
    value_type: ValueType | None, low: float, high: float, labels: list[str]
) -> None:
    scale = make_scale([low, high], value_type, rows=10)

    assert [label for _, label in scale.ticks] == labels
    assert scale.low <= low <= high <= scale.high


@pytest.mark.parametrize(
    ("value", "value_type", "text"),
    [
        (455.4, ValueType.DURATION, "7 h 35 min"),
        (1e13, ValueType.DURATION, "1e+13 min"),
        (1395.6, ValueType.TIME_OF_DAY, "23:16"),
        (1440, ValueType.TIME_OF_DAY, "00:00"),
        (675, ValueType.TIME_FROM_MIDDAY, "23:15"),
        (0.2421, ValueType.PERCENTAGE, "24.2 %"),
        (0.5, ValueType.BOOLEAN, "50 %"),
        (8649.4, ValueType.INTEGER, "8649"),
        (72.6562, ValueType.DECIMAL, "72.66"),
        (5.0, None, "5"),
    ],
)
def test_means_are_rounded_in_the_words_of_the_type(value: float, value_type: ValueType | None, text: str) -> None:
    assert format_rounded(value, value_type) == text


# Date axes


@pytest.mark.parametrize(
    ("days", "columns", "labels"),
    [
        (1, 72, ["21 Nov"]),
        (3, 72, ["19 Nov", "20 Nov", "21 Nov"]),
        (14, 72, ["8 Nov", "10 Nov", "12 Nov", "14 Nov", "16 Nov", "18 Nov", "20 Nov"]),
        (90, 72, ["24 Aug", "7 Sep", "21 Sep", "5 Oct", "19 Oct", "2 Nov", "16 Nov"]),
        (90, 30, ["1 Sep", "1 Oct", "1 Nov"]),
        (365, 72, ["1 Jan", "1 Mar", "1 May", "1 Jul", "1 Sep", "1 Nov"]),
        (800, 72, ["Jan 2025", "Jul 2025", "Jan 2026", "Jul 2026"]),
        (3650, 72, [str(year) for year in range(2017, 2027)]),
        (90, 4, []),
    ],
)
def test_the_days_of_the_axis_are_labelled_as_densely_as_they_fit(days: int, columns: int, labels: list[str]) -> None:
    axis = DayAxis(day(days - 1), END, columns)

    assert [label.text for label in axis.labels()] == labels


@given(days=st.integers(1, 20_000), columns=st.integers(1, 200))
def test_each_day_has_a_place_and_the_last_days_share_the_last_one(days: int, columns: int) -> None:
    axis = DayAxis(day(days - 1), END, columns)

    assert 0 <= axis.step_of(axis.start) <= axis.step_of(axis.end) == axis.steps - 1
    assert {axis.dot_of(step) for step in range(axis.steps)} <= set(range(2 * columns))
    ends = [label.column + len(label.text) for label in axis.labels()]
    assert all(end <= columns for end in ends)


def test_the_first_days_of_the_calendar_have_an_axis() -> None:
    assert DayAxis(dt.date.min, dt.date.max, 72).labels()
