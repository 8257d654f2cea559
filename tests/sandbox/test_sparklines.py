"""Charts of the last 30 days."""

import math
import re
from datetime import date, timedelta

import pytest

from exist_async.sandbox.sparklines import HEIGHT, WIDTH, draw_sparkline
from exist_async.sandbox.value_types import BOOLEAN, DECIMAL, DURATION, INTEGER, SCALE, STRING

TODAY = date(2026, 11, 21)


def draw(numbers, value_type):
    """Draw values by the number of days ago."""
    return draw_sparkline({TODAY - timedelta(days): value for days, value in numbers.items()}, value_type, TODAY)


def points(path):
    return [(float(x), float(y)) for x, y in re.findall(r"[ML]([\d.]+) ([\d.]+)", path)]


def test_a_month_of_numbers_is_one_line_from_edge_to_edge():
    chart = draw({days: days for days in range(30)}, INTEGER)

    assert chart.text == "Last 30 days: 0 to 29, on 30 days"
    assert (chart.bars, chart.dots) == ("", "")
    assert re.sub(r"[\d. ]", "", chart.line) == "M" + "L" * 29
    assert points(chart.line)[0] == (4.0, 4.0)
    assert points(chart.line)[-1] == (WIDTH - 4, HEIGHT - 4)
    assert points(chart.line) == sorted(points(chart.line))
    assert points(chart.last) == points(chart.line)[-1:]


def test_a_day_without_a_value_interrupts_the_line():
    chart = draw({0: 1, 1: 2, 3: 3, 4: 4, 6: 5}, INTEGER)

    assert re.sub(r"[\d. ]", "", chart.line) == "MLML"
    assert points(chart.dots) == [(WIDTH - 4 - 6 * 4, 4.0)]


def test_a_single_number_is_a_dot():
    chart = draw({5: 371}, DURATION)

    assert chart.text == "Last 30 days: 6 h 11 min, on 1 day"
    assert chart.line == ""
    assert chart.dots == chart.last
    assert points(chart.last) == [(100.0, HEIGHT / 2)]


def test_equal_numbers_are_a_line_in_the_middle():
    chart = draw({0: 3, 1: 3}, INTEGER)

    assert {y for _, y in points(chart.line)} == {HEIGHT / 2}


def test_a_scale_is_drawn_from_1_to_9():
    chart = draw({0: 3, 1: 7, 2: 5}, SCALE)
    assert [y for _, y in points(chart.line)] == [14.0, 9.0, 19.0]
    assert [y for _, y in points(draw({0: 5, 1: 5}, SCALE).line)] == [14.0, 14.0]


def test_booleans_are_bars_for_yes_and_dots_for_no():
    chart = draw({0: 1, 1: 0, 3: 1}, BOOLEAN)

    assert chart.text == "Last 30 days: yes on 2, no on 1"
    assert chart.bars == "M108.0 24V8M120.0 24V8M116.0 24h0"
    assert (chart.line, chart.dots, chart.last) == ("", "", "")


def test_a_month_without_a_no_does_not_mention_it():
    assert draw({0: 1}, BOOLEAN).text == "Last 30 days: yes on 1"


@pytest.mark.parametrize("values", [{}, {30: 5}, {-1: 5}, {0: "a text"}, {0: math.nan}, {0: math.inf}, {0: 10**400}])
def test_days_without_numbers_have_no_chart(values):
    assert draw(values, DECIMAL) is None


def test_texts_have_no_chart():
    assert draw({0: "fine"}, STRING) is None
    assert draw({0: 7}, STRING) is None


def test_the_largest_numbers_stay_in_the_chart():
    chart = draw({0: 9e299, 1: -9e299, 2: math.nan, 3: 0.0}, DECIMAL)

    assert points(chart.line) == [(116.0, 24.0), (120.0, 4.0)]
    assert points(chart.dots) == [(108.0, 14.0)]


def test_a_boolean_with_other_numbers_is_a_line():
    assert draw({0: 2, 1: 0}, BOOLEAN).line


def test_the_first_days_of_the_calendar_have_none_before_them():
    chart = draw_sparkline({date(1, 1, 1): 1, date(1, 1, 2): 2}, INTEGER, date(1, 1, 2))

    assert points(chart.line) == [(116.0, 24.0), (120.0, 4.0)]
