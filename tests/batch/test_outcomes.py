"""The outcome of each item, as the service answered."""

import datetime as dt
import json
import pickle
from typing import Any

import httpx
import pytest

from exist_async import (
    Attribute,
    BatchError,
    BatchResult,
    ByName,
    ByTemplate,
    ConnectionFailedError,
    ExistClient,
    Outcome,
    OutcomeStatus,
    OutcomeUnknownError,
    ServerError,
    ValueEcho,
    ValueType,
    ValueUpdate,
)
from exist_async.sandbox import Sandbox
from support import Answering, statuses, with_tags


async def test_a_refusal_keeps_its_code_and_its_words(exist: ExistClient, sandbox: Sandbox) -> None:
    result = await exist.attributes.acquire(["steps", "stepz", "mood"])

    refused = result.refused[0]
    assert not result.ok
    assert statuses(result) == ["succeeded", "refused", "succeeded"]
    assert (refused.index, refused.item, refused.error_code, refused.cause) == (
        1,
        ByTemplate("stepz"),
        "not_found",
        None,
    )
    assert refused.error is not None
    assert "stepz" in refused.error


async def test_failed_decides_and_not_the_status(answering: Answering) -> None:
    def lying(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"failed": [{"name": "a", "error_code": "not_found", "error": "no"}]})

    result = await answering(lying).attributes.release(["a"])

    assert result[0].status is OutcomeStatus.REFUSED


async def test_words_that_are_no_string_are_still_shown(answering: Answering) -> None:
    def odd(request: httpx.Request) -> httpx.Response:
        return httpx.Response(202, json={"failed": [{"name": "a", "error_code": 7, "error": {"value": ["wrong"]}}]})

    result = await answering(odd).attributes.release(["a"])

    assert (result[0].error_code, result[0].error) == ("7", '{"value":["wrong"]}')


async def test_raise_for_failures_returns_a_good_result_and_raises_for_another(exist: ExistClient) -> None:
    good = await exist.attributes.acquire(["steps"])
    bad = await exist.attributes.acquire(["steps", "a", "b", "c", "d"])

    assert good.raise_for_failures() is good
    with pytest.raises(BatchError, match=r"4 of 5 items did not succeed: .*not_found") as caught:
        bad.raise_for_failures()
    assert caught.value.result is bad


async def test_outcomes_are_told_as_requests_end(exist: ExistClient, sandbox: Sandbox) -> None:
    told: list[Outcome[Any, Any]] = []

    result = await exist.attributes.acquire(with_tags(sandbox, 50), on_outcome=told.append)

    assert sorted(told, key=lambda outcome: outcome.index) == list(result)


async def test_words_nested_without_end_are_not_shown(answering: Answering) -> None:
    def nested(request: httpx.Request) -> httpx.Response:
        deep = b"[" * 400 + b"]" * 400
        return httpx.Response(202, content=b'{"failed": [{"name": "a", "error_code": "no", "error": ' + deep + b"}]}")

    result = await answering(nested).attributes.release(["a"])

    assert result[0].error_code == "no"
    assert result[0].error is not None


def test_a_result_is_a_sequence() -> None:
    outcomes = tuple(
        Outcome(n, ByName(f"tag_{n}"), OutcomeStatus.SUCCEEDED, value=Attribute(f"tag_{n}")) for n in range(3)
    )
    result = BatchResult(outcomes)

    assert (len(result), result[0], result[-1], result[1:], list(result)) == (
        3,
        outcomes[0],
        outcomes[2],
        outcomes[1:],
        list(outcomes),
    )
    assert outcomes[1] in result
    assert result.index(outcomes[2]) == 2
    assert repr(result) == "<BatchResult: 3 items: 3 succeeded>"


def test_an_empty_result_is_a_good_one() -> None:
    assert BatchResult(()).ok
    assert BatchResult(()).raise_for_failures() == BatchResult(())


def test_an_outcome_reads_as_a_line() -> None:
    refused = Outcome(0, ByName("mood"), OutcomeStatus.REFUSED, error_code="not_found", error="no such attribute")

    assert str(refused) == "ByName(name='mood', manual=None): refused, not_found: no such attribute"


def test_the_remainder_is_what_is_harmless_to_send_again_in_order() -> None:
    harmless = OutcomeUnknownError("no answer", repeatable=True)
    counted_twice = OutcomeUnknownError("no answer", repeatable=False)
    fates = [
        (OutcomeStatus.UNKNOWN, harmless),
        (OutcomeStatus.SUCCEEDED, None),
        (OutcomeStatus.NOT_SENT, ConnectionFailedError("refused")),
        (OutcomeStatus.UNKNOWN, counted_twice),
        (OutcomeStatus.REFUSED, None),
        (OutcomeStatus.SUPERSEDED, None),
        (OutcomeStatus.UNKNOWN, LookupError("an error of the caller's auth")),
        (OutcomeStatus.NOT_SENT, None),
        (OutcomeStatus.UNCHANGED, None),
    ]
    outcomes = [Outcome(n, ByName(f"tag_{n}"), status, cause=cause) for n, (status, cause) in enumerate(fates)]

    assert [item.name for item in BatchResult(tuple(outcomes)).remainder()] == ["tag_0", "tag_2", "tag_7"]
    assert BatchResult(tuple(outcomes), frozenset({0})).remainder() == [ByName("tag_2"), ByName("tag_7")]


def test_a_superseded_item_is_fine_and_has_a_view_of_its_own() -> None:
    item, day = "steps", dt.date(2026, 11, 20)
    result = BatchResult(
        (
            Outcome(0, ValueUpdate(item, day, 1), OutcomeStatus.SUPERSEDED),
            Outcome(1, ValueUpdate(item, day, 2), OutcomeStatus.SUCCEEDED, value=ValueEcho(item, day, 2)),
        )
    )

    assert result.ok
    assert result.raise_for_failures() is result
    assert result.superseded == [result[0]]
    assert result.succeeded == [result[1].value]
    assert repr(result) == "<BatchResult: 2 items: 1 superseded, 1 succeeded>"


def test_an_unchanged_item_is_fine_and_has_a_view_of_its_own() -> None:
    day = dt.date(2026, 11, 20)
    unchanged = Outcome(0, ValueUpdate("steps", day, 1), OutcomeStatus.UNCHANGED)
    result = BatchResult[ValueUpdate, ValueEcho]((unchanged,))

    assert result.ok
    assert result.raise_for_failures() is result
    assert result.unchanged == [unchanged]
    assert result.succeeded == []
    assert repr(result) == "<BatchResult: 1 items: 1 unchanged>"
    assert json.loads(result.to_json()) == [
        {"index": 0, "item": {"name": "steps", "date": "2026-11-20", "value": 1}, "status": "unchanged"}
    ]


def test_a_result_can_be_written_as_json() -> None:
    day = dt.date(2026, 11, 20)
    unknown = OutcomeUnknownError("no answer", repeatable=True)
    result = BatchResult(
        (
            Outcome(0, ValueUpdate("mood", day, 7), OutcomeStatus.SUCCEEDED, value=ValueEcho("mood", day, 7)),
            Outcome(1, ByName("a", manual=False), OutcomeStatus.REFUSED, error_code="not_found", error="no such 🍵"),
            Outcome(2, ByTemplate("b"), OutcomeStatus.UNKNOWN, cause=unknown),
            Outcome(
                3, ByName("c"), OutcomeStatus.SUCCEEDED, value=Attribute("c", active=True, value_type=ValueType.SCALE)
            ),
        )
    )

    assert json.loads(result.to_json()) == [
        {
            "index": 0,
            "item": {"name": "mood", "date": "2026-11-20", "value": 7},
            "status": "succeeded",
            "value": {"name": "mood", "date": "2026-11-20", "value": 7},
        },
        {
            "index": 1,
            "item": {"name": "a", "manual": False},
            "status": "refused",
            "error_code": "not_found",
            "error": "no such 🍵",
        },
        {
            "index": 2,
            "item": {"template": "b"},
            "status": "unknown",
            "cause": {"type": "OutcomeUnknownError", "message": "no answer"},
        },
        {
            "index": 3,
            "item": {"name": "c"},
            "status": "succeeded",
            "value": {"name": "c", "active": True, "value_type": 8, "available_services": []},
        },
    ]
    assert json.loads(BatchResult(()).to_json()) == []


async def test_a_result_with_any_outcome_survives_pickling_and_json(answering: Answering) -> None:
    day = dt.date(2026, 11, 20)

    with pytest.raises(OutcomeUnknownError) as caught:
        await answering(lambda _: httpx.Response(500), max_retries=0).values.update(
            [ValueUpdate("mood", day, 1), ValueUpdate("mood", day, 2)]
        )

    result = caught.value.result
    assert result is not None
    copy = pickle.loads(pickle.dumps(result))
    assert statuses(copy) == ["not_sent", "unknown"]
    assert copy.remainder() == result.remainder()
    assert [str(outcome) for outcome in copy] == [str(outcome) for outcome in result]
    assert isinstance(copy[1].cause.__cause__, ServerError)
    assert [each["status"] for each in json.loads(copy.to_json())] == ["not_sent", "unknown"]
