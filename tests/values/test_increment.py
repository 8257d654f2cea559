"""Incrementing values: never twice, and by default for the user's own day."""

import asyncio
import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from exist_async import (
    ExistClient,
    OutcomeStatus,
    OutcomeUnknownError,
    ValueEcho,
    ValueIncrement,
)
from exist_async.sandbox import Sandbox
from support import Answering, statuses

DAY = dt.date(2026, 11, 20)


async def test_a_value_is_added_to(exist: ExistClient, sandbox: Sandbox) -> None:
    sandbox.set_value("coffees", DAY, 2)

    result = await exist.values.increment([ValueIncrement("coffees", 1, DAY)])

    assert result.succeeded == [ValueEcho("coffees", DAY, 1, current=3)]
    assert sandbox.values("coffees") == {DAY: 3}


async def test_a_hundred_events_of_a_day_travel_in_three_requests(exist: ExistClient, sandbox: Sandbox) -> None:
    result = await exist.values.increment(ValueIncrement("coffees", 1, DAY) for _ in range(100))

    assert sandbox.batch_sizes == [35, 35, 30]
    assert [echo.current for echo in result.succeeded] == list(range(1, 101))


async def test_an_increment_without_a_day_is_sent_without_one_and_counts_for_the_users_today(
    exist: ExistClient, sandbox: Sandbox
) -> None:
    today = await exist.profile.today()
    sandbox.reset_requests()

    result = await exist.values.increment([ValueIncrement("coffees", 1)])

    assert [request.path[7:] for request in sandbox.requests] == ["attributes/increment/"]
    assert sandbox.requests[0].json == [{"name": "coffees", "value": 1}]
    assert sandbox.values("coffees") == {today: 1}
    assert result[0].item.date is None
    assert result.succeeded == [ValueEcho("coffees", None, 1, current=1)]


async def test_increments_without_a_day_of_one_attribute_keep_their_order(exist: ExistClient, sandbox: Sandbox) -> None:
    result = await exist.values.increment(ValueIncrement("coffees", 1) for _ in range(70))

    assert [echo.current for echo in result.succeeded] == list(range(1, 71))


@pytest.mark.parametrize("as_given", [list, iter])
@pytest.mark.parametrize("days", [[DAY] * 70, [None] * 70])
async def test_increments_of_one_day_never_travel_at_the_same_time(
    answering: Answering, as_given: Callable[[Any], Any], days: list[dt.date | None]
) -> None:
    arrived: list[int] = []
    answered = 0

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal answered
        arrived.append(answered)
        for _ in range(100):
            await asyncio.sleep(0)
        answered += 1
        return httpx.Response(200, json={"success": json.loads(request.content), "failed": []})

    items = as_given([ValueIncrement("coffees", 1, day) for day in days])
    result = await answering(answer).values.increment(items)

    assert result.ok
    assert arrived == [0, 1]


async def test_increments_of_different_days_travel_at_the_same_time(answering: Answering) -> None:
    both_arrived = asyncio.Barrier(2)

    async def answer(request: httpx.Request) -> httpx.Response:
        await asyncio.wait_for(both_arrived.wait(), 5)
        return httpx.Response(200, json={"success": json.loads(request.content), "failed": []})

    days = [DAY] * 35 + [DAY - dt.timedelta(days=1)] * 35
    result = await answering(answer).values.increment([ValueIncrement("coffees", 1, day) for day in days])

    assert result.ok


DATED, UNDATED = ValueIncrement("coffees", 1, DAY), ValueIncrement("coffees", 1)


@pytest.mark.parametrize("items", [[DATED, UNDATED], [UNDATED, DATED]])
@pytest.mark.parametrize("refused", [DATED, UNDATED])
async def test_of_a_refused_and_an_added_increment_the_one_without_a_day_is_told_by_having_none(
    answering: Answering, items: list[ValueIncrement], refused: ValueIncrement
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        success, failed = [], []
        for item in json.loads(request.content):
            if ("date" in item) == (refused is DATED):
                failed.append({**item, "error": "no", "error_code": "validation"})
            else:
                success.append({**item, "current": 5})
        return httpx.Response(202, json={"success": success, "failed": failed})

    result = await answering(answer).values.increment(items)

    assert [outcome.item for outcome in result.refused] == [refused]
    assert len(result.succeeded) == 1


async def test_the_day_that_the_reply_gives_an_increment_without_one_is_no_contradiction(answering: Answering) -> None:
    items = [ValueIncrement("coffees", 1), ValueIncrement("coffees", 2), ValueIncrement("coffees", 3, DAY)]

    def answer(request: httpx.Request) -> httpx.Response:
        entries = [{"name": "coffees", "date": DAY.isoformat(), "value": value} for value in (3, 2, 1)]
        failed = [{**entries[1], "error": "no", "error_code": "validation"}]
        return httpx.Response(202, json={"success": [entries[0], entries[2]], "failed": failed})

    result = await answering(answer).values.increment(items)

    assert [outcome.error_code for outcome in result] == [None, "validation", None]


@pytest.mark.parametrize("items", [[DATED, UNDATED], [UNDATED, DATED]])
async def test_entries_that_may_be_about_either_of_two_increments_are_given_to_none(
    answering: Answering, items: list[ValueIncrement]
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        entry = {"name": "coffees", "date": DAY.isoformat(), "value": 1}
        failed = [{**entry, "error": "no", "error_code": "validation"}]
        return httpx.Response(202, json={"success": [{**entry, "current": 5}], "failed": failed})

    with pytest.raises(OutcomeUnknownError) as caught:
        await answering(answer).values.increment(items)

    assert statuses(caught.value.result) == [OutcomeStatus.UNKNOWN] * 2


@pytest.mark.parametrize("items", [[DATED, UNDATED], [UNDATED, DATED]])
async def test_one_entry_for_two_increments_that_it_may_be_about_leaves_both_unknown(
    answering: Answering, items: list[ValueIncrement]
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        entry = {"name": "coffees", "date": DAY.isoformat(), "value": 1, "current": 5}
        return httpx.Response(200, json={"success": [entry], "failed": []})

    with pytest.raises(OutcomeUnknownError) as caught:
        await answering(answer).values.increment(items)

    assert statuses(caught.value.result) == [OutcomeStatus.UNKNOWN] * 2


@pytest.mark.parametrize("fault", [{"status": 503}, {"status": 408}, {"drop": True}, {"status": 200, "body": "<html>"}])
async def test_an_increment_whose_answer_is_lost_is_never_sent_again(
    exist: ExistClient, sandbox: Sandbox, fault: dict
) -> None:
    sandbox.fail_next(when="after", path="attributes/increment/", **fault)

    with pytest.raises(OutcomeUnknownError) as caught:
        await exist.values.increment([ValueIncrement("coffees", 1, DAY)])

    assert not caught.value.repeatable
    assert statuses(caught.value.result) == [OutcomeStatus.UNKNOWN]
    assert sandbox.values("coffees") == {DAY: 1}


async def test_events_of_one_day_that_differ_in_their_fate_are_told_apart_by_value(
    exist: ExistClient, sandbox: Sandbox
) -> None:
    result = await exist.values.increment([ValueIncrement("coffees", value, DAY) for value in (1, 1.5, 2)])

    assert [outcome.error_code for outcome in result] == [None, "validation", None]
    assert sandbox.values("coffees") == {DAY: 3}


async def test_equal_events_with_two_fates_and_no_positions_are_not_told(answering: Answering) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        first, second = json.loads(request.content)
        failed = [{**second, "error": "no", "error_code": "validation"}]
        return httpx.Response(202, json={"success": [first], "failed": failed})

    with pytest.raises(OutcomeUnknownError) as caught:
        await answering(answer).values.increment([ValueIncrement("coffees", 1, DAY)] * 2)

    assert statuses(caught.value.result) == [OutcomeStatus.UNKNOWN] * 2


async def test_an_echo_without_day_or_value_is_known_by_its_name(answering: Answering) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(
            200, json={"success": [{"name": "steps", "current": 9}, {"name": "coffees", "current": 3}]}
        )

    result = await answering(answer).values.increment(
        [ValueIncrement("coffees", 1, DAY), ValueIncrement("steps", 9, DAY)]
    )

    assert [echo.current for echo in result.succeeded] == [3, 9]


async def test_types_that_cannot_be_added_to_are_refused(exist: ExistClient) -> None:
    result = await exist.values.increment([ValueIncrement("mood", 1, DAY), ValueIncrement("mood_note", 1, DAY)])

    assert [outcome.error_code for outcome in result] == ["validation", "validation"]


# Reacquiring


@pytest.mark.parametrize("date", [DAY, None])
async def test_what_another_service_took_is_acquired_and_added_to_once(
    exist: ExistClient, sandbox: Sandbox, date: dt.date | None
) -> None:
    day = date or await exist.profile.today()
    sandbox.user.attribute("coffees").service = sandbox.add_service("other", "Another service")
    sandbox.reset_requests()
    told: list[int] = []

    result = await exist.values.increment(
        [ValueIncrement("coffees", 1, date), ValueIncrement("steps", 7, date), ValueIncrement("coffees", 2, date)],
        reacquire=True,
        on_outcome=lambda outcome: told.append(outcome.index),
    )

    assert [echo.current for echo in result.succeeded] == [1, 7, 3]
    assert sorted(told) == [0, 1, 2]
    assert [(request.path[7:], len(request.json)) for request in sandbox.requests] == [
        ("attributes/increment/", 3),
        ("attributes/acquire/", 1),
        ("attributes/increment/", 2),
    ]
    assert (sandbox.values("coffees"), sandbox.values("steps")) == ({day: 3}, {day: 7})


async def test_what_the_user_lacks_is_made_from_its_template_and_added_to(exist: ExistClient, sandbox: Sandbox) -> None:
    result = await exist.values.increment([ValueIncrement("floors", 12, DAY)], reacquire=True)

    assert result.ok
    assert sandbox.requests[1].json == [{"template": "floors", "manual": False}]
    assert sandbox.values("floors") == {DAY: 12}


async def test_without_being_asked_nothing_is_acquired(exist: ExistClient, sandbox: Sandbox) -> None:
    result = await exist.values.increment([ValueIncrement("floors", 12, DAY)])

    assert [outcome.error_code for outcome in result] == ["not_found"]
    assert len(sandbox.requests) == 1


async def test_an_increment_that_cannot_be_acquired_says_why(exist: ExistClient, sandbox: Sandbox) -> None:
    sandbox.user.attribute("coffees").service = None
    token = sandbox.issue_token(scopes=["activity_read", "activity_write", "food_read"])

    result = await exist.with_options(auth=token).values.increment([ValueIncrement("coffees", 1, DAY)], reacquire=True)

    assert result[0].error.endswith(
        "Acquiring it was refused: not_allowed: This client may not write to the group 'food'"
    )


async def test_an_increment_without_an_answer_is_not_sent_again_for_being_reacquired(
    exist: ExistClient, sandbox: Sandbox
) -> None:
    sandbox.fail_next(drop=True, when="after", path="attributes/increment/")

    with pytest.raises(OutcomeUnknownError):
        await exist.values.increment([ValueIncrement("coffees", 1, DAY)], reacquire=True)

    assert [request.path[7:] for request in sandbox.requests] == ["attributes/increment/"]
    assert sandbox.values("coffees") == {DAY: 1}


async def test_an_answer_that_is_lost_after_reacquiring_leaves_the_increment_unknown_and_added_once(
    exist: ExistClient, sandbox: Sandbox
) -> None:
    sandbox.user.attribute("coffees").service = None

    def lose_the_next(reply: dict) -> dict:
        sandbox.fail_next(drop=True, when="after", path="attributes/increment/")
        return reply

    sandbox.rewrite_next(lose_the_next, path="attributes/acquire/")

    with pytest.raises(OutcomeUnknownError) as caught:
        await exist.values.increment([ValueIncrement("coffees", 1, DAY)], reacquire=True)

    assert statuses(caught.value.result) == [OutcomeStatus.UNKNOWN]
    assert sandbox.values("coffees") == {DAY: 1}
