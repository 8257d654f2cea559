"""Updating values: 35 a request, each item with its outcome, in order where order counts."""

import asyncio
import datetime as dt
import json
import logging
from typing import Any

import attrs
import httpx
import pytest

from exist_async import (
    BatchError,
    ConfigurationError,
    ConnectionFailedError,
    ExistClient,
    OutcomeStatus,
    OutcomeUnknownError,
    PermissionDeniedError,
    RateLimitError,
    ValueEcho,
    ValueUpdate,
)
from exist_async._http.call import Call
from exist_async._http.pool import Pool
from exist_async.sandbox import Sandbox
from support import Answering, statuses, until

DAY = dt.date(2026, 11, 20)


def days(count: int) -> list[ValueUpdate]:
    return [ValueUpdate("steps", DAY - dt.timedelta(days=n), 1000 + n) for n in range(count)]


async def test_a_value_is_written(exist: ExistClient, sandbox: Sandbox) -> None:
    result = await exist.values.update([ValueUpdate("steps", DAY, 8123)])

    assert result.succeeded == [ValueEcho("steps", DAY, 8123)]
    assert sandbox.values("steps") == {DAY: 8123}
    assert sandbox.requests[0].json == [{"name": "steps", "date": "2026-11-20", "value": 8123}]


async def test_a_hundred_days_travel_in_three_requests(exist: ExistClient, sandbox: Sandbox) -> None:
    result = await exist.values.update(days(100))

    assert result.ok
    assert sorted(sandbox.batch_sizes) == [30, 35, 35]
    assert sandbox.values("steps")[DAY - dt.timedelta(days=99)] == 1099


async def test_a_generator_of_days_is_written_as_it_comes(exist: ExistClient, sandbox: Sandbox) -> None:
    result = await exist.values.update(item for item in days(40))

    assert len(result.succeeded) == 40
    assert len(sandbox.values("steps")) == 40


async def test_an_empty_text_erases_the_note_of_the_day(exist: ExistClient, sandbox: Sandbox) -> None:
    sandbox.set_value("mood_note", DAY, "a note")

    assert (await exist.values.update([ValueUpdate("mood_note", DAY, "")])).ok
    assert sandbox.values("mood_note") == {DAY: ""}


async def test_of_two_values_for_one_day_the_later_one_stays(exist: ExistClient, sandbox: Sandbox) -> None:
    result = await exist.values.update(ValueUpdate("steps", DAY, n) for n in range(1, 6))

    assert result.ok
    assert [echo.value for echo in result.succeeded] == [5]
    assert sandbox.values("steps") == {DAY: 5}


async def test_refused_values_say_why_and_the_others_are_written(exist: ExistClient, sandbox: Sandbox) -> None:
    sandbox.add_attribute(template="tracks")
    result = await exist.values.update(
        [
            ValueUpdate("steps", DAY, 8123),
            ValueUpdate("mood", DAY, 12),
            ValueUpdate("tracks", DAY, 3),
            ValueUpdate("no_such_attribute", DAY, 3),
            ValueUpdate("mood_note", DAY, "fine"),
        ]
    )

    assert [(outcome.index, outcome.error_code) for outcome in result.refused] == [
        (1, "validation"),
        (2, "unauthorised"),
        (3, "not_found"),
    ]
    assert len(result.succeeded) == 2


async def test_failures_that_leave_out_name_and_date_are_found_by_their_position(
    answering: Answering,
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        sent = json.loads(request.content)
        failed = [{"error": "Object at index 1 missing field(s) 'value'", "error_code": "missing_field"}]
        return httpx.Response(202, json={"success": [sent[0], sent[2]], "failed": failed})

    result = await answering(answer).values.update(days(3))

    assert [outcome.error_code for outcome in result] == [None, "missing_field", None]


async def test_failures_that_repeat_the_name_alone_are_of_the_days_that_are_left(answering: Answering) -> None:
    items = [ValueUpdate("a", DAY, 1), ValueUpdate("b", DAY, 2), ValueUpdate("a", DAY - dt.timedelta(days=1), 3)]

    def answer(request: httpx.Request) -> httpx.Response:
        sent = json.loads(request.content)
        failed = [{"name": "b", "error": "no b", "error_code": "x"}, {"name": "a", "error": "no a", "error_code": "y"}]
        return httpx.Response(202, json={"success": [sent[2]], "failed": failed})

    result = await answering(answer).values.update(items)

    assert [outcome.error for outcome in result] == ["no a", "no b", None]


async def test_failures_of_two_names_are_not_mixed_up_when_they_come_in_another_order(answering: Answering) -> None:
    items = [ValueUpdate(name, DAY - dt.timedelta(days=n), 1) for name in "ab" for n in range(2)]

    def answer(request: httpx.Request) -> httpx.Response:
        failed = [{"name": name, "error": f"no {name}", "error_code": "x"} for name in "bbaa"]
        return httpx.Response(202, json={"success": [], "failed": failed})

    result = await answering(answer).values.update(items)

    assert [outcome.error for outcome in result] == ["no a", "no a", "no b", "no b"]


async def test_an_answer_about_another_day_is_no_answer(answering: Answering) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        echo = {**json.loads(request.content)[0], "date": "2020-01-01"}
        return httpx.Response(200, json={"success": [echo], "failed": []})

    with pytest.raises(OutcomeUnknownError) as caught:
        await answering(answer).values.update([*days(1), ValueUpdate("mood", DAY, 7)])

    assert statuses(caught.value.result) == [OutcomeStatus.UNKNOWN, OutcomeStatus.UNKNOWN]


async def test_of_a_success_and_a_failure_without_days_neither_is_told(answering: Answering) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        failed = [{"name": "steps", "error": "no", "error_code": "validation"}]
        return httpx.Response(202, json={"success": [{"name": "steps"}], "failed": failed})

    with pytest.raises(OutcomeUnknownError) as caught:
        await answering(answer).values.update(days(2))

    assert statuses(caught.value.result) == [OutcomeStatus.UNKNOWN] * 2


async def test_values_without_names_are_laid_beside_the_items_that_have_them(answering: Answering) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        failed = [{"value": value, "error": f"no {value}", "error_code": "validation"} for value in (1002, 1001)]
        return httpx.Response(202, json={"success": [json.loads(request.content)[0]], "failed": failed})

    result = await answering(answer).values.update(days(3))

    assert [outcome.error for outcome in result] == [None, "no 1001", "no 1002"]


async def test_dates_of_other_libraries_are_dates(exist: ExistClient, sandbox: Sandbox) -> None:
    class Moon(dt.date):
        """A date with more to it."""

    result = await exist.values.update([ValueUpdate("steps", Moon(2026, 11, 20), 8123)])

    assert result.ok
    assert sandbox.values("steps") == {DAY: 8123}


async def test_what_cannot_be_written_as_json_was_not_sent(exist: ExistClient, sandbox: Sandbox) -> None:
    @attrs.frozen
    class Noted(ValueUpdate):
        note: object = None

    with pytest.raises(ConfigurationError, match="can't be written as JSON") as caught:
        await exist.values.update([Noted("steps", DAY, 1, note=object()), ValueUpdate("mood", DAY, 7)])

    assert statuses(caught.value.result) == [OutcomeStatus.NOT_SENT] * 2
    assert sandbox.requests == []


# Reacquiring


async def test_what_another_service_took_is_acquired_and_written_again(exist: ExistClient, sandbox: Sandbox) -> None:
    sandbox.user.attribute("steps").service = sandbox.add_service("other", "Another service")
    told: list[int] = []

    result = await exist.values.update(
        [ValueUpdate("mood", DAY, 7), *days(3)], reacquire=True, on_outcome=lambda outcome: told.append(outcome.index)
    )

    assert result.ok
    assert sorted(told) == [0, 1, 2, 3]
    assert [(request.path[7:], len(request.json)) for request in sandbox.requests] == [
        ("attributes/update/", 4),
        ("attributes/acquire/", 1),
        ("attributes/update/", 3),
    ]
    assert sandbox.requests[1].json == [{"name": "steps"}]


async def test_what_the_user_lacks_is_made_from_its_template(exist: ExistClient, sandbox: Sandbox) -> None:
    result = await exist.values.update([ValueUpdate("floors", DAY, 12)], reacquire=True)

    assert result.ok
    assert sandbox.requests[1].json == [{"template": "floors", "manual": False}]
    assert sandbox.values("floors") == {DAY: 12}


async def test_what_has_no_template_either_stays_refused(exist: ExistClient, sandbox: Sandbox) -> None:
    result = await exist.values.update([ValueUpdate("no_such_thing", DAY, 12)], reacquire=True)

    assert [outcome.error_code for outcome in result] == ["not_found"]
    assert len(sandbox.requests) == 2


async def test_an_attribute_is_acquired_once_for_any_number_of_requests(exist: ExistClient, sandbox: Sandbox) -> None:
    sandbox.user.attribute("steps").service = None

    result = await exist.values.update(days(350), reacquire=True)

    assert result.ok
    acquired = [request.json for request in sandbox.requests if request.path.endswith("acquire/")]
    assert acquired == [[{"name": "steps"}]]


async def test_what_is_refused_a_second_time_stays_refused(exist: ExistClient, sandbox: Sandbox) -> None:
    refused = {"success": [], "failed": [{"name": "steps", "error": "no", "error_code": "unauthorised"}]}
    sandbox.fail_next(2, status=202, json=refused, path="attributes/update/")

    result = await exist.values.update(days(1), reacquire=True)

    assert [outcome.error_code for outcome in result] == ["unauthorised"]
    assert len(sandbox.requests) == 3


async def test_other_refusals_acquire_nothing(exist: ExistClient, sandbox: Sandbox) -> None:
    result = await exist.values.update([ValueUpdate("mood", DAY, 12)], reacquire=True)

    assert [outcome.error_code for outcome in result] == ["validation"]
    assert len(sandbox.requests) == 1


async def test_without_being_asked_nothing_is_acquired(exist: ExistClient, sandbox: Sandbox) -> None:
    result = await exist.values.update([ValueUpdate("floors", DAY, 12)])

    assert [outcome.error_code for outcome in result] == ["not_found"]
    assert len(sandbox.requests) == 1


async def test_when_acquiring_fails_the_value_was_not_sent_and_the_others_keep_their_outcomes(
    exist: ExistClient, sandbox: Sandbox
) -> None:
    sandbox.fail_next(3, status=429, headers={"Retry-After": "3000"}, path="attributes/acquire/")

    with pytest.raises(BatchError) as caught:
        await exist.values.update([ValueUpdate("steps", DAY, 1), ValueUpdate("floors", DAY, 12)], reacquire=True)

    assert statuses(caught.value.result) == [OutcomeStatus.SUCCEEDED, OutcomeStatus.NOT_SENT]
    assert isinstance(caught.value.result[1].cause, RateLimitError)
    assert caught.value.errors == (caught.value.result[1].cause,)


async def test_what_may_not_be_acquired_says_why(exist: ExistClient, sandbox: Sandbox) -> None:
    scopes = ["activity_read", "activity_write", "mood_read"]
    sandbox.user.attribute("mood").service = None
    token = sandbox.issue_token(scopes=scopes)

    result = await exist.with_options(auth=token).values.update([ValueUpdate("mood", DAY, 7)], reacquire=True)

    assert result[0].error_code == "unauthorised"
    assert result[0].error.endswith(
        "Acquiring it was refused: not_allowed: This client may not write to the group 'mood'"
    )


async def test_a_refusal_without_words_gets_those_of_acquiring_alone(answering: Answering) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        failed = [{"name": "steps", "error_code": "unauthorised"}]
        return httpx.Response(202, json={"failed": failed})

    result = await answering(answer).values.update(days(1), reacquire=True)

    assert result[0].error == "Acquiring it was refused: unauthorised"


async def test_what_acquiring_may_have_done_is_not_told_of_the_value(exist: ExistClient, sandbox: Sandbox) -> None:
    sandbox.user.attribute("mood").service = None
    sandbox.fail_next(9, status=500, path="attributes/acquire/")

    with pytest.raises(BatchError) as caught:
        await exist.values.update([ValueUpdate("mood", DAY, 7)], reacquire=True)

    (outcome,) = caught.value.result
    assert (outcome.status, outcome.error_code) == (OutcomeStatus.NOT_SENT, "unauthorised")
    assert isinstance(outcome.cause, OutcomeUnknownError)


async def test_a_refusal_of_the_token_while_acquiring_stops_the_write(exist: ExistClient, sandbox: Sandbox) -> None:
    sandbox.user.attribute("steps").service = None
    sandbox.fail_next(9, status=403, path="attributes/acquire/")

    with pytest.raises(PermissionDeniedError) as caught:
        await exist.with_options(concurrency=1).values.update(days(100), reacquire=True)

    assert len(sandbox.requests) == 2
    assert statuses(caught.value.result) == [OutcomeStatus.NOT_SENT] * 100


async def test_after_a_callback_that_breaks_nothing_is_acquired(exist: ExistClient, sandbox: Sandbox) -> None:
    sandbox.user.attribute("mood").service = None

    def broken(outcome: Any) -> None:
        raise LookupError("no such progress bar")

    with pytest.raises(BatchError, match="no such progress bar") as caught:
        await exist.values.update(
            [ValueUpdate("steps", DAY, 1), ValueUpdate("mood", DAY, 7)], reacquire=True, on_outcome=broken
        )

    assert [(outcome.status, outcome.error_code) for outcome in caught.value.result] == [
        ("succeeded", None),
        ("refused", "unauthorised"),
    ]
    assert [request.path for request in sandbox.requests] == ["/api/2/attributes/update/"]


async def test_a_refusal_with_a_day_that_is_no_date_is_known_by_its_name(answering: Answering) -> None:
    failed = [{"name": "mood", "date": "20 November", "error_code": "validation", "error": "no"}]
    reply = {"success": [{"name": "steps", "date": "2026-11-20", "value": 1}], "failed": failed}

    result = await answering(lambda request: httpx.Response(202, json=reply)).values.update(
        [ValueUpdate("mood", DAY, 70), ValueUpdate("steps", DAY, 1)]
    )

    assert [outcome.error_code for outcome in result] == ["validation", None]


async def test_an_echo_of_nothing_but_the_value_is_known_by_it(answering: Answering) -> None:
    reply = {"success": [{"value": 2}, {"value": 1}]}

    result = await answering(lambda request: httpx.Response(200, json=reply)).values.update(
        [ValueUpdate("mood", DAY, 1), ValueUpdate("steps", DAY, 2)]
    )

    assert result.succeeded == [ValueEcho(value=1), ValueEcho(value=2)]


async def test_when_acquiring_meets_no_server_the_write_raises_that(answering: Answering) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("acquire/"):
            raise httpx.ConnectError("nobody there")
        failed = [{**item, "error": "no", "error_code": "unauthorised"} for item in json.loads(request.content)]
        return httpx.Response(202, json={"failed": failed})

    with pytest.raises(ConnectionFailedError) as caught:
        await answering(answer).values.update(days(1), reacquire=True)

    assert statuses(caught.value.result) == [OutcomeStatus.NOT_SENT]


@pytest.mark.parametrize("is_sent", [True, False])
async def test_a_cancellation_while_lost_values_are_sent_again_tells_each_once(
    is_sent: bool,
    exist: ExistClient,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    told: list[tuple[int, str]] = []
    again = asyncio.Event()
    send = Pool.send

    async def hold(pool: Pool, call: Call, *rest: Any) -> httpx.Response:
        if call.path.endswith("acquire/"):
            again.set()
        elif again.is_set() and not is_sent:
            await asyncio.Event().wait()
        answer = await send(pool, call, *rest)
        if again.is_set() and not call.path.endswith("acquire/"):
            await asyncio.sleep(0.01)
        return answer

    monkeypatch.setattr(Pool, "send", hold)
    updating = asyncio.create_task(
        exist.values.update(
            [ValueUpdate("floors", DAY, 7), *days(3)],
            reacquire=True,
            on_outcome=lambda outcome: told.append((outcome.index, outcome.status)),
        )
    )
    with caplog.at_level(logging.INFO, "exist_async"):
        await until(lambda: len(sandbox.requests) >= 2)
        await asyncio.sleep(0.005)
        updating.cancel()
        await asyncio.wait([updating])
        assert sorted(told)[-3:] == [(1, "succeeded"), (2, "succeeded"), (3, "succeeded")]
        await exist._session.aclose()

    assert sorted(told) == [
        (0, "succeeded" if is_sent else "refused"),
        (1, "succeeded"),
        (2, "succeeded"),
        (3, "succeeded"),
    ]
    assert sandbox.values("floors") == ({DAY: 7} if is_sent else {})
    logged = [record.getMessage() for record in caplog.records if record.getMessage().startswith("items[")]
    assert sorted(line[6] for line in logged) == ["0", "1", "2", "3"]


@pytest.mark.parametrize("reacquire", [True, False])
async def test_what_may_have_been_written_before_the_attribute_was_lost_is_unknown(
    exist: ExistClient, sandbox: Sandbox, reacquire: bool
) -> None:
    gone = {"success": [], "failed": [{"name": "steps", "error_code": "unauthorised", "error": "Not yours"}]}
    sandbox.fail_next(status=502, when="after", path="attributes/update/")
    sandbox.fail_next(status=202, json=gone, path="attributes/update/")

    with pytest.raises(OutcomeUnknownError) as caught:
        await exist.values.update([ValueUpdate("steps", DAY, 1)], reacquire=reacquire)

    assert caught.value.result is not None
    assert [(outcome.status, outcome.error_code) for outcome in caught.value.result] == [("unknown", "unauthorised")]
    assert sandbox.values("steps") == {DAY: 1}


async def test_an_echo_holds_the_name_and_the_day_of_its_item_and_no_copies(exist: ExistClient) -> None:
    item = ValueUpdate("st" + "eps".lower(), DAY, 7)

    result = await exist.values.update([item])

    assert result[0].value == ValueEcho("steps", DAY, 7)
    assert result[0].value.name is item.name
    assert result[0].value.date is item.date


@pytest.mark.parametrize(
    "changes",
    [
        {"date": "2026-11-20T00:00:00"},
        {"date": "today"},
        {"value": {"was": 7}},
        {"name": None, "date": 7},
        {"current": []},
    ],
)
@pytest.mark.parametrize("others", [0, 34])
async def test_an_odd_field_of_the_reply_does_not_make_a_success_unknown(
    answering: Answering, changes: dict[str, Any], others: int, caplog: pytest.LogCaptureFixture
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        first, *rest = json.loads(request.content)
        return httpx.Response(200, json={"success": [{**first, **changes}, *rest], "failed": []})

    with caplog.at_level(logging.DEBUG, "exist_async"):
        result = await answering(answer).values.update(days(1 + others))

    assert statuses(result) == [OutcomeStatus.SUCCEEDED] * (1 + others)
    left_out = changes.keys() - ({"date"} if "00:00" in str(changes) else {"name"})
    assert all(f"$.success[0].{name}" in caplog.text for name in left_out)


async def test_a_refusal_that_repeats_the_day_with_a_time_is_that_of_its_day(answering: Answering) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        refused, taken = json.loads(request.content)
        failed = {"name": refused["name"], "date": f"{refused['date']}T00:00:00", "error_code": "validation"}
        return httpx.Response(202, json={"success": [{"name": taken["name"]}], "failed": [failed]})

    result = await answering(answer).values.update(days(2))

    assert statuses(result) == [OutcomeStatus.REFUSED, OutcomeStatus.SUCCEEDED]
