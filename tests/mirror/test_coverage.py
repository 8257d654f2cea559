"""The days that have been read: no day is lost or counted twice, and the others are read in few requests."""

import datetime as dt
from collections.abc import Iterable
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from exist_async.mirror.coverage import Covered, Reading, add_covered, plan_readings, unread_spans
from exist_async.values.history_plan import Span

FIRST = dt.date(2026, 1, 1)
READ_AT = dt.datetime(2026, 11, 20, 1, tzinfo=dt.UTC)


def span(first: int, last: int) -> Span:
    """Return the days from one to another, counted from the first of January."""
    return Span(FIRST + dt.timedelta(days=first), FIRST + dt.timedelta(days=last))


def covered(first: int, last: int, hour: int = 0) -> Covered:
    return Covered(span(first, last), READ_AT + dt.timedelta(hours=hour))


def days_of(*spans: Span) -> list[int]:
    return [
        (days.start - FIRST).days + number
        for days in sorted(spans, key=lambda days: days.start)
        for number in range(days.days)
    ]


def by_day(parts: Iterable[Covered]) -> dict[int, dt.datetime]:
    return {day: part.read_at for part in parts for day in days_of(part.span)}


spans = st.tuples(st.integers(0, 120), st.integers(0, 120)).map(lambda ends: span(min(ends), max(ends)))
readings = st.lists(
    st.builds(Covered, spans, st.integers(0, 3).map(lambda hour: READ_AT + dt.timedelta(hours=hour))), max_size=8
)


@given(readings)
def test_each_day_has_been_read_when_it_was_read_last(parts: list[Covered]) -> None:
    expected: dict[int, dt.datetime] = {}
    result: list[Covered] = []
    for part in parts:
        expected |= by_day([part])
        result = add_covered(result, part)

    assert by_day(result) == expected
    # No day twice, oldest first, and as few parts as possible.
    assert days_of(*(part.span for part in result)) == sorted(expected)
    assert result == sorted(result, key=lambda part: part.span.start)
    for earlier, later in pairwise(result):
        assert earlier.read_at != later.read_at or earlier.span.end + dt.timedelta(days=1) < later.span.start


@given(readings, spans)
def test_unread_are_the_days_that_no_reading_covers(parts: list[Covered], wanted: Span) -> None:
    result: list[Covered] = []
    for part in parts:
        result = add_covered(result, part)

    unread = unread_spans(result, wanted)

    assert days_of(*unread) == sorted(set(days_of(wanted)) - set(by_day(result)))


@given(st.dictionaries(st.sampled_from("abcdef"), readings, max_size=6), spans)
def test_readings_cover_every_unread_day_in_no_more_requests_than_one_by_one(
    parts: dict[str, list[Covered]], wanted: Span
) -> None:
    coverage: dict[str, list[Covered]] = {name: [] for name in parts}
    for name, some in parts.items():
        for part in some:
            coverage[name] = add_covered(coverage[name], part)

    planned = plan_readings(coverage, coverage.keys(), wanted)

    read = {(name, day) for reading in planned for name in reading.names for day in days_of(reading.span)}
    unread = {name: unread_spans(coverage[name], wanted) for name in coverage}
    assert {(name, day) for name, some in unread.items() for day in days_of(*some)} <= read
    assert set(read) <= {(name, day) for name in coverage for day in days_of(wanted)}
    one_by_one = sum(some.page_count for unread_of_name in unread.values() for some in unread_of_name)
    assert sum(reading.requests for reading in planned) <= one_by_one
    assert [reading.span.end for reading in planned] == sorted((reading.span.end for reading in planned), reverse=True)


def test_what_was_never_read_is_one_reading_of_everything() -> None:
    names = [f"thing_{number:03}" for number in range(120)]

    (reading,) = plan_readings({}, names, span(0, 3649))

    assert reading == Reading(span(0, 3649), frozenset(names))
    assert reading.requests == 236


def test_attributes_are_read_each_by_itself_if_that_takes_fewer_requests() -> None:
    coverage = {"a": [Covered(span(0, 0), READ_AT)], "b": [Covered(span(2, 100), READ_AT)]}

    assert plan_readings(coverage, coverage, span(0, 100)) == [
        Reading(span(1, 100), frozenset("a")),
        Reading(span(0, 1), frozenset("b")),
    ]


def test_nothing_is_left_to_read_without_attributes_or_days() -> None:
    assert plan_readings({}, [], span(0, 100)) == []
    assert plan_readings({"a": [covered(0, 100)]}, ["a"], span(0, 100)) == []


def test_pages_that_an_interruption_lost_are_not_read_with_those_that_came() -> None:
    # The first page of a window came, with a hundred attributes, and the second one did not.
    names = [f"thing_{number:03}" for number in range(120)]
    coverage = {name: [covered(500 if number < 100 else 531, 999)] for number, name in enumerate(names)}

    planned = plan_readings(coverage, names, span(0, 999))

    assert planned == [Reading(span(500, 530), frozenset(names[100:])), Reading(span(0, 499), frozenset(names))]
    assert sum(reading.requests for reading in planned) == 1 + 17 * 2


def test_days_between_two_unread_ones_are_read_again_if_that_takes_no_more_requests() -> None:
    coverage = {"a": [covered(10, 20)], "b": [covered(10, 20)]}

    assert plan_readings(coverage, ["a", "b"], span(0, 30)) == [Reading(span(0, 30), frozenset("ab"))]


def test_few_attributes_over_many_days_are_counted_one_by_one() -> None:
    assert Reading(span(0, 999), frozenset("ab")).requests == 2 * 10
    assert Reading(span(0, 999), frozenset("abcdef")).requests == 33
