"""The outcome of each item, as the service answered."""

from typing import Any

import httpx
import pytest

from exist_async import (
    Attribute,
    BatchError,
    BatchResult,
    ByName,
    ByTemplate,
    ExistClient,
    Outcome,
    OutcomeStatus,
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
