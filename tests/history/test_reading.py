"""The history between two days: every value once, and newest first, whatever happens meanwhile."""

import asyncio
import datetime as dt
import gc
from collections.abc import Callable
from contextlib import aclosing, suppress
from typing import Any

import httpx
import pytest
from histories import END, VALUES, asked, back, read, track

from exist_async import (
    ConfigurationError,
    DayValue,
    ExistClient,
    NoAnswerError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
)
from exist_async.sandbox import Sandbox
from support import Answering

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


async def test_it_can_start_on_the_first_day_of_the_calendar(exist: ExistClient, sandbox: Sandbox) -> None:
    sandbox.add_attribute(template="weight")
    sandbox.set_values("weight", {END: 71.5})
    sandbox.missing_days = "absent"

    assert await read(exist.values.history(dt.date.min, END, attributes=["weight"])) == {
        "weight": [DayValue(END, 71.5)]
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


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("count", [1, 5])
async def test_attributes_of_low_priority_come_too(
    exist: ExistClient, sandbox: Sandbox, count: int, named: bool
) -> None:
    tracked = track(sandbox, count, 120)
    sandbox.add_attribute(template="tracks", priority=11)
    sandbox.set_value("tracks", back(110), 12)

    history = exist.values.history(back(120), END, attributes=[*tracked, "tracks"] if named else None)

    assert await read(history) == {**tracked, "tracks": [DayValue(back(110), 12)]}
    assert history.inaccessible == ()


@pytest.mark.parametrize("count", [0, 1, 9])
@pytest.mark.parametrize("days", [10, 250])
async def test_named_attributes_that_are_inactive_or_not_there_are_skipped_and_named(
    exist: ExistClient, sandbox: Sandbox, caplog: pytest.LogCaptureFixture, count: int, days: int
) -> None:
    tracked = track(sandbox, count, days)
    sandbox.add_attribute(template="tracks", active=False)
    sandbox.set_value("tracks", END, 12)
    history = exist.values.history(back(days), END, attributes=["no_such_thing", *tracked, "tracks"])

    assert await read(history) == tracked
    assert sorted(history.inaccessible) == ["no_such_thing", "tracks"]
    assert sorted(record.getMessage() for record in caplog.records if record.levelname == "WARNING") == [
        "The history omits values of 'no_such_thing': the attribute is inactive or not there.",
        "The history omits values of 'tracks': the attribute is inactive or not there.",
    ]

    sandbox.user.attribute("tracks").active = True
    assert await read(history) == {**tracked, "tracks": [DayValue(END, 12)]}
    assert history.inaccessible == ("no_such_thing",)


async def test_inactive_attributes_that_were_not_named_are_left_out(exist: ExistClient, sandbox: Sandbox) -> None:
    tracked = track(sandbox, 3, 40)
    sandbox.add_attribute(template="tracks", active=False)
    history = exist.values.history(back(40), END)

    assert await read(history) == tracked
    assert history.inaccessible == ()


async def test_an_attribute_that_becomes_inactive_between_two_of_its_pages_does_not_stop_the_others(
    exist: ExistClient, sandbox: Sandbox
) -> None:
    tracked = track(sandbox, 2, 450)
    found: dict[str, list[DayValue]] = {name: [] for name in tracked}
    history = exist.with_options(concurrency=1).values.history(back(450), END, attributes=tracked)

    async for name, value in history:
        if name == "thing_001":
            sandbox.user.attribute("thing_000").active = False
        found[name].append(value)

    assert found["thing_001"] == tracked["thing_001"]
    assert len(found["thing_000"]) < 450
    assert history.inaccessible == ("thing_000",)


@pytest.mark.parametrize("names", [["thing_000", "thing_001"], [f"thing_{n:03}" for n in range(9)]])
async def test_a_404_of_a_proxy_is_no_inactive_attribute(
    exist: ExistClient, sandbox: Sandbox, names: list[str]
) -> None:
    track(sandbox, 2, 250)
    history = exist.values.history(back(250), END, attributes=names)
    sandbox.fail_next(99, status=404, body="<html>no upstream</html>", path="attributes/values/")

    with pytest.raises(NotFoundError, match="It was the request for the values of 'thing_00"):
        await read(history)


# What is missing


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("page", [2, 3])
@pytest.mark.parametrize("names", [None, ["thing_000"]])
async def test_a_page_that_is_missing_is_requested_again_and_its_values_are_never_left_out(
    exist: ExistClient, sandbox: Sandbox, names: list[str] | None, page: int, times: int
) -> None:
    tracked = track(sandbox, 250 if names is None else 1, 62 if names is None else 250)
    original, left = sandbox.app, times

    async def losing(scope: Any, receive: Any, send: Any) -> None:
        nonlocal left
        if httpx.QueryParams(scope["query_string"].decode()).get("page") == str(page) and left:
            left -= 1
            await httpx_reply(send, 404, b"<html>no upstream</html>")
        else:
            await original(scope, receive, send)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(losing)) as http_client:
        client = ExistClient(sandbox.token, http_client=http_client, rate_limiter=None, concurrency=1)
        history = client.values.history(back(62 if names is None else 250), END, attributes=names)
        if times == 1:
            assert await read(history) == tracked
        else:
            with pytest.raises(NoAnswerError, match=rf"{100 * (page - 1)} of 250 results came, but page {page} was"):
                await read(history)


async def httpx_reply(send: Any, status: int, body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": body})


async def test_an_empty_first_page_of_a_window_is_no_end_of_it(exist: ExistClient, sandbox: Sandbox) -> None:
    tracked = track(sandbox, 3, 93)
    sandbox.rewrite_next(lambda page: {**page, "results": [], "next": "more"}, 1)

    assert await read(exist.values.history(back(93), END)) == tracked


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
        (END, back(2), {}, "end 2026-11-19 is before start 2026-11-20"),
        (
            dt.datetime(2026, 11, 20, tzinfo=dt.UTC),
            END,
            {},
            "start must be a date in the user's time zone, not a datetime",
        ),
        (END, "2026-11-20", {}, r"end must be a datetime\.date, not str"),
        (END, END, {"attributes": "steps"}, "attributes must be a list of names, not a bare str"),
        (END, END, {"attributes": []}, "attributes is empty"),
        (END, END, {"groups": "mood"}, "groups must be a list of names"),
    ],
)
def test_wrong_arguments_are_named(exist: ExistClient, start: Any, end: Any, options: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        exist.values.history(start, end, **options)


async def test_the_budget_of_a_user_counts_every_request(exist: ExistClient, sandbox: Sandbox) -> None:
    track(sandbox, 5, 1)
    sandbox.rate_limit = 10

    with pytest.raises(RateLimitError):
        await read(exist.with_options(max_wait=0).values.history(back(3650), END))


# What changes meanwhile


async def test_an_attribute_that_leaves_the_listing_costs_no_value(exist: ExistClient, sandbox: Sandbox) -> None:
    tracked = track(sandbox, 130, 93)
    found: dict[str, list[DayValue]] = {name: [] for name in tracked}

    # All that follows moves up by one, so that the hundred and first falls between two pages.
    history = exist.with_options(concurrency=1).values.history(back(93), END)
    async for name, value in history:
        sandbox.user.attribute("thing_000").active = False
        found[name].append(value)

    del tracked["thing_000"]
    assert {name: found[name] for name in tracked} == tracked
    assert history.inaccessible == ("thing_000",)


async def test_an_attribute_that_leaves_the_listing_before_the_oldest_days_costs_no_value(
    exist: ExistClient, sandbox: Sandbox
) -> None:
    tracked = track(sandbox, 4, 124)

    def without_the_last(page: Any) -> Any:
        return {**page, "count": 3, "results": page["results"][:3]}

    sandbox.rewrite_next(without_the_last, path="with-values/", skip=3)

    assert await read(exist.values.history(back(124), END)) == tracked
    assert asked(sandbox, VALUES) == 1


async def test_an_attribute_that_comes_into_the_listing_late_has_all_of_its_values(
    exist: ExistClient, sandbox: Sandbox
) -> None:
    tracked = track(sandbox, 4, 93)
    sandbox.user.attribute("thing_002").active = False
    found: dict[str, list[DayValue]] = {name: [] for name in tracked}

    async for name, value in exist.with_options(concurrency=1).values.history(back(93), END):
        sandbox.user.attribute("thing_002").active = True
        found[name].append(value)

    assert found == tracked


async def test_an_attribute_that_is_gone_for_good_ends_there(exist: ExistClient, sandbox: Sandbox) -> None:
    tracked = track(sandbox, 4, 93)
    one_by_one = exist.with_options(concurrency=1)
    found = []

    async for name, value in one_by_one.values.history(back(93), END):
        if not found:
            sandbox.user.attribute("thing_003").active = False
            sandbox.fail_next(9, status=404, json={"detail": "Not found."}, path="attributes/values/")
        found.append((name, value))

    assert [value for name, value in found if name == "thing_001"] == tracked["thing_001"]
    assert len([value for name, value in found if name == "thing_003"]) < 93


async def test_each_iteration_asks_anew(exist: ExistClient, sandbox: Sandbox) -> None:
    track(sandbox, 4, 1)
    history = exist.values.history(back(31), END)
    await read(history)
    sandbox.set_value("thing_000", END, 77)

    assert (await read(history))["thing_000"] == [DayValue(END, 77)]


# Services that do not keep to their word


def lying(**changes: Any) -> Callable[[Any], Any]:
    """Say something else of a page than is true."""
    return lambda page: {**page, **changes}


@pytest.mark.parametrize("count", [0, 1, -1, 10**18, None])
async def test_a_wrong_count_costs_no_value_and_no_endless_requests(
    exist: ExistClient, sandbox: Sandbox, count: int | None
) -> None:
    tracked = track(sandbox, 130, 93)
    sandbox.rewrite_next(lying(count=count), 999)

    assert await read(exist.values.history(back(93), END)) == tracked
    # Six, and as many as run ahead before the end is seen.
    assert len(sandbox.requests) <= 6 + 2 * 8


@pytest.mark.parametrize("count", [0, 1, 10**18, None])
async def test_a_wrong_count_of_one_attributes_values_does_no_more_harm(
    exist: ExistClient, sandbox: Sandbox, count: int | None
) -> None:
    tracked = track(sandbox, 1, 350)
    sandbox.rewrite_next(lying(count=count), 999)

    assert await read(exist.values.history(back(1000), END, attributes=["thing_000"])) == tracked
    assert len(sandbox.requests) <= 10


async def test_without_a_count_the_pages_of_one_attribute_are_still_asked_for_at_once(
    answering: Any,
) -> None:
    under_way, most = 0, 0

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.02)
        under_way -= 1
        first = (int(request.url.params.get("page", 1)) - 1) * 100
        days = [(END - dt.timedelta(days=first + n)).isoformat() for n in range(100)]
        results = [{"date": day, "value": 1} for day in days]
        return httpx.Response(200, json={"next": "x", "results": results})

    history = await read(answering(answer).values.history(back(2000), END, attributes=["steps"]))

    assert len(history["steps"]) == 2000
    assert most == 8


@pytest.mark.parametrize("attributes", [None, ["thing_000"]])
@pytest.mark.parametrize("count", [1, None, 10**18])
async def test_a_service_that_does_not_turn_its_pages_is_not_followed_for_ever(
    answering: Any, attributes: list[str] | None, count: int | None
) -> None:
    asked = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        value = {"date": END.isoformat(), "value": 1}
        result = {"name": "thing_000", "values": [value]} if "with-values" in request.url.path else value
        return httpx.Response(200, json={"count": count, "next": "x", "results": [result]})

    history = answering(answer).values.history(back(40), END, attributes=attributes)

    if count == 10**18:
        with pytest.raises(NoAnswerError, match="page 3 repeats the pages before it"):
            await read(history)
    else:
        assert await read(history) == {"thing_000": [DayValue(END, 1)]}
    assert asked < 60


async def test_pages_smaller_than_asked_for_are_read_to_their_end(exist: ExistClient, sandbox: Sandbox) -> None:
    tracked = track(sandbox, 30, 70)
    original = sandbox.app

    async def seven(scope: Any, receive: Any, send: Any) -> None:
        query = httpx.QueryParams(scope["query_string"].decode()).set("limit", "7")
        await original({**scope, "query_string": str(query).encode()}, receive, send)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(seven)) as http_client:
        client = ExistClient(sandbox.token, http_client=http_client)
        assert await read(client.values.history(back(70), END)) == tracked
        one = await read(client.values.history(back(70), END, attributes=["thing_003"]))
        assert one == {"thing_003": tracked["thing_003"]}


async def test_values_outside_of_what_was_asked_for_and_doubles_are_left_out(
    exist: ExistClient, sandbox: Sandbox
) -> None:
    tracked = track(sandbox, 5, 93)

    def more(page: Any) -> Any:
        for attribute in page["results"]:
            attribute["values"] += [
                *attribute["values"],
                {"date": "2026-10-01", "value": 5},
                {"date": "2030-01-01", "value": 5},
            ]
        return page

    sandbox.rewrite_next(more, 1)

    assert await read(exist.values.history(back(93), END)) == tracked


# Ending early


@pytest.mark.parametrize("take", [1, 3100, 3101, 9000])
async def test_closing_a_history_leaves_no_task(over_http: ExistClient, sandbox: Sandbox, take: int) -> None:
    track(sandbox, 100, 400)
    before = asyncio.all_tasks()
    async with aclosing(aiter(over_http.values.history(back(400), END))) as history:
        for _ in range(take):
            await anext(history)

    assert not [task for task in asyncio.all_tasks() - before if "ordered_map" in repr(task.get_coro())]


async def test_a_reader_who_is_cancelled_leaves_no_task(exist: ExistClient, sandbox: Sandbox) -> None:
    track(sandbox, 100, 400)
    begun = asyncio.Event()

    async def follow() -> None:
        async for _ in exist.values.history(back(400), END):
            begun.set()
            await asyncio.sleep(0)

    before = asyncio.all_tasks()
    reader = asyncio.create_task(follow())
    await begun.wait()
    reader.cancel()
    with suppress(asyncio.CancelledError):
        await reader
    # The iterator of an `async for` is closed by the event loop.
    gc.collect()
    for _ in range(5):
        await asyncio.sleep(0)

    assert asyncio.all_tasks() == before


@pytest.mark.slow
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


@pytest.mark.slow
async def test_a_reader_who_stops_in_the_middle_is_asked_for_no_more_than_a_few_pages(
    over_http: ExistClient, sandbox: Sandbox
) -> None:
    track(sandbox, 100, 3650)
    async with aclosing(aiter(over_http.values.history(back(3650), END))) as history:
        for _ in range(20 * 3100 + 1):
            await anext(history)
        await asyncio.sleep(0.5)

        assert len(sandbox.requests) <= 21 + 2 * 8


UNREADABLE = ["null", '[{"date": 7}]', '[{"date": "2026-11-20", "value": [1]}]', '"a-token"']


@pytest.mark.parametrize("values", UNREADABLE)
async def test_values_that_cannot_be_read_twice_are_an_error(answering: Answering, values: str) -> None:
    asked = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        return two_attributes(values)

    with pytest.raises(NoAnswerError, match=r"can't be read .*results\[1\]") as caught:
        await read(answering(answer).values.history(END, END))

    assert asked == 2
    assert "a-token" not in repr(caught.value) + repr(caught.value.__cause__) + repr(caught.value.__context__)


@pytest.mark.parametrize("values", UNREADABLE)
async def test_values_that_cannot_be_read_are_asked_for_again(answering: Answering, values: str) -> None:
    answers = [two_attributes(values), two_attributes(f'[{{"date": "{END}", "value": 2}}]')]

    history = await read(answering(lambda request: answers.pop(0)).values.history(END, END))

    assert history == {"a": [DayValue(END, 1)], "b": [DayValue(END, 2)]}


def two_attributes(values: str) -> httpx.Response:
    first = f'{{"name": "a", "values": [{{"date": "{END}", "value": 1}}]}}'
    page = f'{{"results": [{first}, {{"name": "b", "values": {values}}}], "count": 2}}'
    return httpx.Response(200, text=page, headers={"content-type": "application/json"})


async def test_pages_of_a_window_that_come_in_another_order_are_read_concurrently_and_within_the_limit(
    answering: Answering,
) -> None:
    in_flight = most = 0
    asked: list[int] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal in_flight, most
        number = int(request.url.params.get("page", 1))
        asked.append(number)
        in_flight += 1
        most = max(most, in_flight)
        # The last page of a window comes before its first one.
        for _ in range(200 // number):
            await asyncio.sleep(0)
        in_flight -= 1
        names = [f"thing_{n:03}" for n in range(350)][100 * (number - 1) : 100 * number]
        results = [{"name": name, "values": []} for name in names]
        return httpx.Response(200, json={"count": 350, "next": None if number == 4 else "x", "results": results})

    assert await read(answering(answer, concurrency=3).values.history(back(31 * 6), END)) == {}
    assert most == 3
    assert sorted(asked) == [1] * 6 + [2] * 6 + [3] * 6 + [4] * 6
