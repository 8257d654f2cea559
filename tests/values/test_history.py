"""The history between two days: every value once, newest first, in the fewest requests."""

import datetime as dt
import gc
from collections import defaultdict
from typing import Any

import httpx
import pytest

from exist_async import (
    AttributeWithValues,
    ConfigurationError,
    DayValue,
    ExistClient,
    NotFoundError,
    PermissionDeniedError,
    ServerError,
)
from exist_async.sandbox import Sandbox
from exist_async.values import History

END = dt.date(2026, 11, 20)
WITH_VALUES = "/api/2/attributes/with-values/"
VALUES = "/api/2/attributes/values/"


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(now=lambda: dt.datetime(2026, 11, 20, 1, tzinfo=dt.UTC))


def track(sandbox: Sandbox, count: int, days: int, **options: Any) -> dict[str, list[DayValue]]:
    """Give the user attributes with a value on each day, and return what their history is."""
    tracked = {}
    for n in range(count):
        name = f"thing_{n:03}"
        sandbox.add_attribute(name=name, group="health", value_type=0, **options)
        values = {END - dt.timedelta(days=day): n * 1000 + day for day in range(days)}
        sandbox.set_values(name, values)
        tracked[name] = [DayValue(date, value) for date, value in values.items()]
    return tracked


async def read(history: History) -> dict[str, list[DayValue]]:
    found = defaultdict(list)
    async for name, value in history:
        found[name].append(value)
    return dict(found)


def back(days: int) -> dt.date:
    """Return the first of so many days."""
    return END - dt.timedelta(days=days - 1)


def asked(sandbox: Sandbox, path: str) -> int:
    return [request.path for request in sandbox.requests].count(path)


# What comes


@pytest.mark.parametrize("missing_days", ["null", "absent"])
@pytest.mark.parametrize("count", [1, 2, 5, 130])
async def test_every_value_comes_once_and_newest_first(
    exist: ExistClient, sandbox: Sandbox, count: int, missing_days: Any
) -> None:
    sandbox.missing_days = missing_days
    tracked = track(sandbox, count, 100)

    assert await read(exist.values.history(back(100), END)) == tracked


@pytest.mark.parametrize("names", [["thing_001"], ["thing_003", "thing_000"], [f"thing_{n:03}" for n in range(5)]])
async def test_named_attributes_come_and_no_others(exist: ExistClient, sandbox: Sandbox, names: list[str]) -> None:
    tracked = track(sandbox, 6, 250)

    history = await read(exist.values.history(back(250), END, attributes=names))

    assert history == {name: tracked[name] for name in names}


async def test_the_first_and_the_last_day_belong_to_it_and_no_other(exist: ExistClient, sandbox: Sandbox) -> None:
    tracked = track(sandbox, 1, 50)
    start, end = END - dt.timedelta(days=40), END - dt.timedelta(days=5)

    for names in (None, ["thing_000"]):
        assert await read(exist.values.history(start, end, attributes=names)) == {
            "thing_000": tracked["thing_000"][5:41]
        }


async def test_days_without_a_value_are_left_out(exist: ExistClient, sandbox: Sandbox) -> None:
    sandbox.add_attribute(template="weight")
    sandbox.set_values("weight", {END: 71.5, back(60): 72.0})

    for names in (None, ["weight"]):
        assert await read(exist.values.history(back(90), END, attributes=names)) == {
            "weight": [DayValue(END, 71.5), DayValue(back(60), 72.0)]
        }


async def test_groups_are_a_filter(exist: ExistClient, sandbox: Sandbox) -> None:
    track(sandbox, 2, 40)
    sandbox.add_attribute(template="mood")
    sandbox.set_value("mood", back(40), 7)

    assert await read(exist.values.history(back(40), END, groups=["mood"])) == {"mood": [DayValue(back(40), 7)]}
    assert await read(exist.values.history(back(40), END, groups=["mood"], attributes=["mood", "thing_000"])) == {
        "mood": [DayValue(back(40), 7)]
    }


async def test_it_can_be_read_again(exist: ExistClient, sandbox: Sandbox) -> None:
    tracked = track(sandbox, 4, 40)
    history = exist.values.history(back(40), END)

    assert await read(history) == tracked
    assert await read(history) == tracked


async def test_a_user_without_attributes_has_an_empty_history(exist: ExistClient, sandbox: Sandbox) -> None:
    assert await read(exist.values.history(back(3650), END)) == {}


@pytest.mark.parametrize("count", [1, 5])
async def test_named_attributes_that_listings_hide_come_too(exist: ExistClient, sandbox: Sandbox, count: int) -> None:
    tracked = track(sandbox, count, 120)
    sandbox.add_attribute(template="tracks", active=False)
    sandbox.set_value("tracks", back(110), 12)

    history = await read(exist.values.history(back(120), END, attributes=[*tracked, "tracks"]))

    assert history == {**tracked, "tracks": [DayValue(back(110), 12)]}


@pytest.mark.parametrize("count", [0, 9])
async def test_a_name_that_the_user_lacks_is_named(exist: ExistClient, sandbox: Sandbox, count: int) -> None:
    names = [*track(sandbox, count, 10), "no_such_thing"]

    with pytest.raises(NotFoundError, match="asked for the values of 'no_such_thing': the user has no such attribute"):
        await read(exist.values.history(back(10), END, attributes=names))


async def test_names_that_the_service_ignores_are_heeded_here(exist: ExistClient, sandbox: Sandbox) -> None:
    tracked = track(sandbox, 230, 40)
    names = list(tracked)[:7]

    original = sandbox.app

    async def ignoring(scope: Any, receive: Any, send: Any) -> None:
        query = httpx.QueryParams(scope["query_string"].decode()).remove("attributes")
        await original({**scope, "query_string": str(query).encode()}, receive, send)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(ignoring)) as http_client:
        client = ExistClient(sandbox.token, http_client=http_client)
        assert await read(client.values.history(back(40), END, attributes=names)) == {
            name: tracked[name] for name in names
        }


async def test_values_that_come_in_another_order_are_put_in_order(exist: ExistClient, sandbox: Sandbox) -> None:
    tracked = track(sandbox, 4, 20)

    def reversed_(page: Any) -> Any:
        for attribute in page["results"]:
            attribute["values"].reverse()
        return page

    sandbox.rewrite_next(reversed_, 9)

    assert await read(exist.values.history(back(20), END)) == tracked


async def test_an_attribute_that_is_made_meanwhile_costs_no_value_and_doubles_none(
    exist: ExistClient, sandbox: Sandbox
) -> None:
    tracked = track(sandbox, 100, 90)
    history = exist.values.history(back(90), END)
    await history.plan()
    # It comes first in the listing, and moves the last of the hundred to a page of its own.
    sandbox.add_attribute(template="steps")
    sandbox.set_value("steps", END, 1)

    found = await read(history)

    assert {name: found[name] for name in tracked} == tracked


async def test_a_day_that_is_tracked_meanwhile_doubles_none(exist: ExistClient, sandbox: Sandbox) -> None:
    sandbox.missing_days = "absent"
    values = {END - dt.timedelta(days=n): n for n in range(1, 301)}
    sandbox.add_attribute(template="steps")
    sandbox.set_values("steps", values)
    found = []

    async for _, value in exist.values.history(back(400), END, attributes=["steps"]):
        if not found:
            sandbox.set_value("steps", END, 0)
        found.append(value)

    assert found == [DayValue(date, value) for date, value in values.items()]


# What it costs


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


async def test_breaking_out_asks_for_little_more(over_http: ExistClient, sandbox: Sandbox) -> None:
    track(sandbox, 100, 3650)
    async for _ in over_http.values.history(back(3650), END):
        break
    gc.collect()
    await over_http.profile.get()
    so_far = len(sandbox.requests)
    await over_http.profile.get()

    assert so_far <= 2 + 2 * 8
    assert len(sandbox.requests) == so_far + 1


# What goes wrong


async def test_a_failure_on_the_way_is_raised_after_what_came_before_it(exist: ExistClient, sandbox: Sandbox) -> None:
    track(sandbox, 4, 93)
    sandbox.fail_next(9, status=500, path="with-values/", skip=2)
    found: list[DayValue] = []

    async def follow() -> None:
        async for _, value in exist.with_options(concurrency=1).values.history(back(93), END):
            found.append(value)

    with pytest.raises(ServerError):
        await follow()
    assert len(found) == 4 * 62


async def test_what_the_token_may_not_read_is_an_error(exist: ExistClient, sandbox: Sandbox) -> None:
    sandbox.fail_next(status=403)

    with pytest.raises(PermissionDeniedError):
        await exist.values.history(back(3), END).plan()


@pytest.mark.parametrize(
    ("start", "end", "options", "message"),
    [
        (END, back(2), {}, "end 2026-11-19 lies before start 2026-11-20"),
        (dt.datetime(2026, 11, 20, tzinfo=dt.UTC), END, {}, "start is a day where the user is, not a datetime"),
        (END, "2026-11-20", {}, r"end is a datetime\.date, not str"),
        (END, END, {"attributes": "steps"}, "attributes is a list of names, not a bare str"),
        (END, END, {"attributes": []}, "attributes is empty"),
        (END, END, {"groups": "mood"}, "groups is a list of names"),
    ],
)
def test_wrong_arguments_are_named(exist: ExistClient, start: Any, end: Any, options: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        exist.values.history(start, end, **options)


async def test_the_whole_of_the_calendar_is_a_span_too(exist: ExistClient, sandbox: Sandbox) -> None:
    assert await exist.values.history(dt.date.min, dt.date.max, attributes=["steps"]).plan() == 36_521


# Listings


async def test_the_values_of_one_attribute_are_listed_newest_first(exist: ExistClient, sandbox: Sandbox) -> None:
    tracked = track(sandbox, 1, 250)["thing_000"]

    assert await exist.values.of("thing_000").collect() == tracked
    assert await exist.values.of("thing_000", date_max=back(201)).collect() == tracked[200:]
    assert sandbox.requests[-1].query["date_max"] == back(201).isoformat()


async def test_recent_values_come_with_their_attributes(exist: ExistClient, sandbox: Sandbox) -> None:
    track(sandbox, 2, 10)
    sandbox.add_attribute(template="mood", manual=True)

    attributes = await exist.values.recent(3, END, groups=["health"]).collect()

    assert all(isinstance(attribute, AttributeWithValues) for attribute in attributes)
    assert attributes[1].values == (DayValue(END, 1000), DayValue(back(2), 1001), DayValue(back(3), 1002))
    assert attributes[0].available_services == ()


async def test_the_filters_of_recent_values_are_exists_own(exist: ExistClient, sandbox: Sandbox) -> None:
    filters = exist.values.recent(7, END, groups=["mood"], attributes=["a", "b"], templates=["mood"], manual=False)
    await filters.collect()

    assert sandbox.requests[0].query == {
        "days": "7",
        "date_max": "2026-11-20",
        "groups": "mood",
        "attributes": "a,b",
        "templates": "mood",
        "manual": "false",
        "limit": "100",
    }


@pytest.mark.parametrize("days", [0, 32, True, "7"])
def test_recent_values_are_of_one_to_thirty_one_days(exist: ExistClient, days: Any) -> None:
    with pytest.raises(ConfigurationError, match="days is"):
        exist.values.recent(days)
