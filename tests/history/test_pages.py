"""The pages of a history: each says which attributes and days have been read completely with it."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from contextlib import aclosing
from typing import Any

import pytest
from histories import END, VALUES, back, track

from exist_async import DayValue, ExistClient
from exist_async.sandbox import Sandbox
from exist_async.values.history import History
from exist_async.values.history_plan import Span


async def read_pages(
    history: History, **options: Any
) -> tuple[dict[str, list[DayValue]], Counter[tuple[str, dt.date]]]:
    """Return the values by attribute, and how often each day was covered.

    Each page is checked: the days that it covers have all of the values that the history yields for them.
    """
    values: dict[str, list[DayValue]] = {}
    covered = Counter[tuple[str, dt.date]]()
    last: dict[tuple[str, dt.date], int] = {}
    first_covered: dict[tuple[str, dt.date], int] = {}
    async with aclosing(history.pages(**options)) as pages:
        number = 0
        async for page in pages:
            number += 1
            for name, value in page.values:
                values.setdefault(name, []).append(value)
                last[name, value.date] = number
            for name, span in page.covered:
                for day in days_of(span):
                    covered[name, day] += 1
                    first_covered.setdefault((name, day), number)
    assert all(number <= first_covered[day] for day, number in last.items())
    return values, covered


def days_of(span: Span) -> Iterable[dt.date]:
    return (span.start + dt.timedelta(days=day) for day in range(span.days))


def every_day(names: Iterable[str], days: int) -> Counter[tuple[str, dt.date]]:
    return Counter((name, day) for name in names for day in days_of(Span(back(days), END)))


@pytest.mark.parametrize("missing_days", ["null", "absent"])
@pytest.mark.parametrize(("count", "named"), [(1, True), (2, False), (6, False), (6, True), (130, False)])
async def test_every_day_of_every_attribute_is_covered_once(
    exist: ExistClient, sandbox: Sandbox, count: int, named: bool, missing_days: Any
) -> None:
    sandbox.missing_days = missing_days
    tracked = track(sandbox, count, 250)
    # Its values end long before the history does.
    sandbox.add_attribute(name="young", group="health", value_type=0)
    sandbox.set_value("young", END, 1)
    names = [*tracked, "young"]

    values, covered = await read_pages(exist.values.history(back(250), END, attributes=names if named else None))

    assert values == {**tracked, "young": [DayValue(END, 1)]}
    assert covered == every_day(names, 250)


async def test_inaccessible_attributes_are_not_covered(exist: ExistClient, sandbox: Sandbox) -> None:
    tracked = track(sandbox, 1, 40)
    sandbox.add_attribute(template="tracks", active=False)

    history = exist.values.history(back(40), END, attributes=["no_such_thing", "thing_000", "tracks"])
    values, covered = await read_pages(history)

    assert values == tracked
    assert covered == every_day(tracked, 40)


async def test_an_attribute_that_is_released_meanwhile_is_covered_as_far_as_it_was_read(
    exist: ExistClient, sandbox: Sandbox
) -> None:
    tracked = track(sandbox, 1, 450)
    history = exist.with_options(concurrency=1).values.history(back(450), END, attributes=tracked)
    covered: list[tuple[str, Span]] = []

    async with aclosing(history.pages()) as pages:
        async for page in pages:
            covered += page.covered
            sandbox.user.attribute("thing_000").active = False

    assert history.inaccessible == ("thing_000",)
    assert covered == [("thing_000", Span(back(100), END))]


async def test_an_attribute_that_moves_to_the_next_page_is_covered_once(exist: ExistClient, sandbox: Sandbox) -> None:
    """A mirror would take it for one whose values were removed: the second page has none that are new."""
    tracked = track(sandbox, 120, 70)
    history = exist.values.history(back(70), END)
    await history.plan()  # reads the first page
    sandbox.add_attribute(name="aaa", group="health", value_type=0)

    values, covered = await read_pages(history)

    assert values == tracked
    assert {name: count for name, count in covered.items() if count > 1} == {}


async def test_attributes_that_appear_and_disappear_are_covered_completely(
    exist: ExistClient, sandbox: Sandbox
) -> None:
    tracked = track(sandbox, 104, 150)
    listed = sandbox.user.attribute("thing_050")
    listed.active = False
    history = exist.with_options(concurrency=1).values.history(back(150), END)
    covered = Counter[str]()

    async with aclosing(history.pages()) as pages:
        number = 0
        async for page in pages:
            number += 1
            for name, span in page.covered:
                covered[name] += span.days
            if number == 3:
                listed.active = True
            if number == 5:
                sandbox.user.attribute("thing_000").active = False

    assert "thing_000" in history.inaccessible
    # The newest window, and those whose pages were read before it was released.
    assert 31 <= covered.pop("thing_000") <= 93
    assert covered == Counter({name: 150 for name in tracked if name != "thing_000"})


async def test_pages_are_requested_only_as_far_ahead_as_was_said(exist: ExistClient, sandbox: Sandbox) -> None:
    track(sandbox, 130, 1000)
    history = exist.values.history(back(1000), END)

    async with aclosing(history.pages(ahead=3)) as pages:
        number = 0
        async for _ in pages:
            number += 1
            # Two first pages of the newest window were read for the plan, at most.
            assert len(sandbox.requests) <= number + 3
            if number == 12:
                break


async def test_one_attribute_s_pages_are_requested_only_as_far_ahead_as_was_said(
    exist: ExistClient, sandbox: Sandbox
) -> None:
    tracked = track(sandbox, 1, 2000)

    async with aclosing(exist.values.history(back(2000), END, attributes=tracked).pages(ahead=2)) as pages:
        number = 0
        async for _ in pages:
            number += 1
            requests = [request for request in sandbox.requests if request.path == VALUES]
            assert len(requests) <= number + 2
