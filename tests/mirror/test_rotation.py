"""The rotation: which windows were read longest ago."""

import datetime as dt
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from exist_async.mirror.coverage import Covered, add_covered
from exist_async.mirror.rotation import oldest_windows, rotation_windows
from exist_async.values.history_plan import Span

# The first day of a window.
FIRST = dt.date.fromordinal(31 * 23_840)
READ_AT = dt.datetime(2026, 11, 20, 1, tzinfo=dt.UTC)


def span(first: int, last: int) -> Span:
    return Span(FIRST + dt.timedelta(days=first), FIRST + dt.timedelta(days=last))


def at(day: int) -> dt.datetime:
    return READ_AT + dt.timedelta(days=day)


@given(st.integers(0, 400), st.integers(1, 400))
def test_windows_have_every_day_once_and_begin_on_the_same_days_always(first: int, days: int) -> None:
    whole = span(first, first + days - 1)

    windows = list(rotation_windows(whole))

    assert sum(window.days for window in windows) == days
    assert windows[0].end == whole.end
    assert windows[-1].start == whole.start
    for newer, older in pairwise(windows):
        assert newer.start == older.end + dt.timedelta(days=1)
        assert (newer.start - FIRST).days % 31 == 0
    assert all(window.days <= 31 for window in windows)


def test_the_windows_that_were_read_longest_ago_come_and_the_newest_of_equally_old_ones() -> None:
    coverage = {"a": [Covered(span(0, 30), at(2)), Covered(span(31, 61), at(1)), Covered(span(62, 154), at(2))]}

    assert oldest_windows(coverage, ["a"], span(0, 154), 1, before=at(9)) == [span(31, 61)]
    assert oldest_windows(coverage, ["a"], span(0, 154), 2, before=at(9)) == [span(124, 154), span(31, 61)]
    assert oldest_windows(coverage, ["a"], span(0, 154), 0, before=at(9)) == []


def test_windows_that_follow_each_other_are_read_together() -> None:
    coverage = {"a": [Covered(span(0, 154), at(2))]}

    assert oldest_windows(coverage, ["a"], span(5, 150), 3, before=at(9)) == [span(62, 150)]
    assert oldest_windows(coverage, ["a"], span(5, 150), 9, before=at(9)) == [span(5, 150)]


def test_a_window_is_as_old_as_the_oldest_value_in_it() -> None:
    coverage = {
        "a": [Covered(span(0, 61), at(2))],
        "b": [Covered(span(0, 3), at(1)), Covered(span(4, 61), at(3))],
    }

    assert oldest_windows(coverage, ["a", "b"], span(0, 61), 1, before=at(9)) == [span(0, 30)]
    assert oldest_windows(coverage, ["a", "b"], span(4, 61), 1, before=at(9)) == [span(31, 61)]
    # An attribute that can't be read makes none older.
    assert oldest_windows(coverage, ["b"], span(0, 61), 2, before=at(3)) == [span(0, 30)]


def test_what_was_read_just_now_is_not_read_again() -> None:
    coverage = {"a": [Covered(span(0, 30), at(1)), Covered(span(31, 61), at(2))]}

    assert oldest_windows(coverage, ["a"], span(0, 61), 9, before=at(2)) == [span(0, 30)]
    assert oldest_windows(coverage, ["a"], span(0, 61), 9, before=at(1)) == []


@given(st.integers(1, 200), st.integers(1, 5), st.integers(1, 40))
def test_everything_is_read_again_within_as_many_pulls_as_there_are_windows_for(
    days: int, count: int, last: int
) -> None:
    covered = [Covered(span(0, days - 1), at(0))]
    pulls = -(-len(list(rotation_windows(span(0, days - 1)))) // count)

    for day in range(1, pulls + 1):
        # Meanwhile, days leave the last ones, which each pull reads.
        for window in oldest_windows({"a": covered}, ["a"], span(0, days - 1 + day), count, before=at(day)):
            covered = add_covered(covered, Covered(window, at(day)))
        covered = add_covered(covered, Covered(span(days + day, days + day + last), at(day)))

    assert all(part.read_at > at(0) for part in covered if part.span.start <= span(0, days - 1).end)
