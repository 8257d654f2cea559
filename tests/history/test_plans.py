"""Plans of histories: the fewest requests, and their number before reading."""

import datetime as dt

import pytest
from histories import END, VALUES, WITH_VALUES, asked, back, read, track

from exist_async import ExistClient
from exist_async.sandbox import Sandbox


@pytest.mark.parametrize(
    ("count", "days", "requests"),
    [
        (1, 31, 1),  # the first page is all
        (1, 131, 2),  # the first page, and a hundred days more
        (3, 3650, 112),  # 1 + 3 x 37 by attribute, against 118 by window
        (4, 3650, 118),  # 118 windows, against 1 + 4 x 37
        (120, 3650, 236),  # 118 windows x 2 pages
    ],
)
async def test_all_attributes_are_read_in_the_fewest_requests(
    exist: ExistClient, sandbox: Sandbox, count: int, days: int, requests: int
) -> None:
    track(sandbox, count, 1)
    for name in ("thing_000", "thing_001", "thing_002")[:count]:
        sandbox.set_values(name, {back(days): 1, back(days // 2): 2})
    history = exist.values.history(back(days), END)

    assert await history.plan() == requests
    await read(history)

    assert len(sandbox.requests) == requests


@pytest.mark.parametrize(
    ("count", "days", "path", "requests"),
    [
        (1, 3650, VALUES, 37),
        (3, 3650, VALUES, 111),
        (4, 3650, WITH_VALUES, 118),
        (3, 31, WITH_VALUES, 1),
        (150, 31, WITH_VALUES, 2),
    ],
)
async def test_named_attributes_are_read_in_the_fewest_requests(
    exist: ExistClient, sandbox: Sandbox, count: int, days: int, path: str, requests: int
) -> None:
    names = list(track(sandbox, count, 1))
    for name in names[:3]:
        sandbox.set_value(name, back(days), 1)
    history = exist.values.history(back(days), END, attributes=names)

    assert await history.plan() == requests
    await read(history)

    assert asked(sandbox, path) == len(sandbox.requests) == requests


async def test_a_plan_that_needs_no_question_asks_none(exist: ExistClient, sandbox: Sandbox) -> None:
    assert await exist.values.history(back(500), END, attributes=["steps"]).plan() == 5
    assert sandbox.requests == []


async def test_an_attribute_with_few_values_takes_fewer_requests_than_planned(
    exist: ExistClient, sandbox: Sandbox
) -> None:
    sandbox.missing_days = "absent"
    sandbox.add_attribute(template="steps")
    sandbox.set_values("steps", {END - dt.timedelta(days=30 * n): n for n in range(120)})
    history = exist.values.history(back(3650), END, attributes=["steps"])

    assert await history.plan() == 37
    assert len((await read(history))["steps"]) == 120
    assert len(sandbox.requests) == 2


async def test_named_attributes_that_are_hidden_are_planned_for(exist: ExistClient, sandbox: Sandbox) -> None:
    names = list(track(sandbox, 6, 1))
    for name in names[:2]:
        sandbox.user.attribute(name).active = False
        sandbox.set_value(name, back(250), 1)
    history = exist.values.history(back(250), END, attributes=names)

    # Nine windows, and up to three pages for each of the two: Exist may answer with 404 instead, as here.
    assert await history.plan() == 9 + 2 * 3
    await read(history)

    assert len(sandbox.requests) == 9 + 2


async def test_long_names_are_cut_into_addresses_that_servers_take(exist: ExistClient, sandbox: Sandbox) -> None:
    names = [f"{'ä' * 80}_{n}" for n in range(20)]
    for name in names:
        sandbox.add_attribute(name=name)
        sandbox.set_value(name, END, 1)

    history = await read(exist.values.history(back(2), END, attributes=names))

    assert sorted(history) == sorted(names)
    assert all(len(request.query["attributes"]) < 700 for request in sandbox.requests)
    assert len(sandbox.requests) == 5


async def test_two_hundred_and_fifty_names_are_three_listings(exist: ExistClient, sandbox: Sandbox) -> None:
    tracked = track(sandbox, 250, 40)
    history = exist.values.history(back(40), END, attributes=tracked)

    assert await history.plan() == 6
    assert await read(history) == tracked
    assert asked(sandbox, WITH_VALUES) == len(sandbox.requests) == 6


async def test_the_whole_of_the_calendar_is_a_span_too(exist: ExistClient, sandbox: Sandbox) -> None:
    assert await exist.values.history(dt.date.min, dt.date.max, attributes=["steps"]).plan() == 36_521


async def test_a_plan_is_made_once_however_often_it_is_asked_for(exist: ExistClient, sandbox: Sandbox) -> None:
    track(sandbox, 4, 93)
    history = exist.values.history(back(93), END)

    assert [await history.plan(), await history.plan()] == [3, 3]
    assert asked(sandbox, WITH_VALUES) == 1
