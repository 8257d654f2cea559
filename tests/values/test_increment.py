"""Incrementing values: never twice, and with the user's own day."""

import datetime as dt
import itertools
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from exist_async import (
    ExistClient,
    NoAnswerError,
    OutcomeStatus,
    OutcomeUnknownError,
    ServerError,
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


async def test_events_without_a_day_get_the_users_own_which_is_asked_once(exist: ExistClient, sandbox: Sandbox) -> None:
    today = await exist.profile.today()
    sandbox.reset_requests()

    result = await exist.values.increment([ValueIncrement("coffees", 1) for _ in range(70)])

    assert {outcome.item.date for outcome in result} == {today}
    assert [request.path[7:] for request in sandbox.requests] == [
        "accounts/profile/",
        "attributes/increment/",
        "attributes/increment/",
    ]
    assert sandbox.values("coffees") == {today: 70}


async def test_of_a_stream_the_day_is_asked_once_too(exist: ExistClient, sandbox: Sandbox) -> None:
    await exist.values.increment(ValueIncrement("coffees", 1) for _ in range(70))

    assert [request.method for request in sandbox.requests].count("GET") == 1


async def test_a_stream_that_goes_on_over_midnight_goes_on_with_the_next_day(
    exist: ExistClient, sandbox: Sandbox, clock: Any
) -> None:
    today = await exist.profile.today()

    async def events() -> AsyncIterator[ValueIncrement]:
        for n in range(70):
            if n == 35:
                clock.now += 86_400.0
            yield ValueIncrement("coffees", 1)

    await exist.values.increment(events())

    assert sandbox.values("coffees") == {today: 35, today + dt.timedelta(days=1): 35}


async def test_events_that_have_a_day_ask_for_none(exist: ExistClient, sandbox: Sandbox) -> None:
    await exist.values.increment([ValueIncrement("coffees", 1, DAY)])

    assert len(sandbox.requests) == 1


async def test_when_the_day_cannot_be_had_nothing_was_sent(exist: ExistClient, sandbox: Sandbox) -> None:
    sandbox.fail_next(3, status=500, path="accounts/profile/")

    with pytest.raises(ServerError) as caught:
        await exist.values.increment([ValueIncrement("coffees", 1), ValueIncrement("steps", 1, DAY)])

    assert statuses(caught.value.result) == [OutcomeStatus.NOT_SENT] * 2
    assert sandbox.batch_sizes == []


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


async def test_a_clock_at_the_end_of_time_is_no_fault_of_the_caller(answering: Answering) -> None:
    seconds = itertools.count()
    last = {"username": "ada", "local_time": "9999-12-31T23:59:59.999999+00:00"}

    client = answering(lambda request: httpx.Response(200, json=last), clock=lambda: next(seconds))
    with pytest.raises(NoAnswerError, match="the last possible one") as caught:
        await client.values.increment([ValueIncrement("coffees", 1)])

    assert caught.value.result is not None
    assert [outcome.status for outcome in caught.value.result] == ["not_sent"]
