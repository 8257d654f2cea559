"""Requests that fail: every item has its outcome all the same."""

import json

import httpx
import pytest

from exist_async import (
    AuthenticationError,
    BatchError,
    ClientClosedError,
    ConnectionFailedError,
    ExistClient,
    OutcomeStatus,
    OutcomeUnknownError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    StatusError,
)
from exist_async.sandbox import Sandbox
from support import Answering, names, statuses, succeed, with_tags


async def test_many_requests_that_fail_alike_are_told_once(answering: Answering) -> None:
    def half(request: httpx.Request) -> httpx.Response:
        return succeed(request) if b"tag_0" in request.content else httpx.Response(503)

    with pytest.raises(BatchError) as caught:
        await answering(half).attributes.acquire(names(400))

    assert len(caught.value.errors) == 1


@pytest.mark.parametrize(
    ("failure", "status", "cls"),
    [
        (httpx.ConnectError("refused"), OutcomeStatus.NOT_SENT, ConnectionFailedError),
        (httpx.ReadError("cut"), OutcomeStatus.UNKNOWN, OutcomeUnknownError),
        (httpx.Response(500, text="<html>"), OutcomeStatus.UNKNOWN, OutcomeUnknownError),
        (httpx.Response(408), OutcomeStatus.UNKNOWN, OutcomeUnknownError),
        (httpx.Response(200, text="<html>"), OutcomeStatus.UNKNOWN, OutcomeUnknownError),
        (httpx.Response(200, json=[]), OutcomeStatus.UNKNOWN, OutcomeUnknownError),
        (httpx.Response(200, json={"success": {}}), OutcomeStatus.UNKNOWN, OutcomeUnknownError),
        (httpx.Response(200, json={}), OutcomeStatus.UNKNOWN, OutcomeUnknownError),
        (httpx.Response(429, headers={"Retry-After": "600"}), OutcomeStatus.NOT_SENT, RateLimitError),
        (httpx.Response(400, json={"detail": "no"}), OutcomeStatus.REFUSED, StatusError),
        (httpx.Response(404, json={"detail": "no"}), OutcomeStatus.REFUSED, StatusError),
        (httpx.Response(302), OutcomeStatus.REFUSED, StatusError),
    ],
)
async def test_when_all_requests_fail_alike_that_error_is_raised_with_every_outcome(
    answering: Answering, failure: httpx.Response | Exception, status: OutcomeStatus, cls: type[Exception]
) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        if isinstance(failure, Exception):
            raise failure
        return failure

    with pytest.raises(cls) as caught:
        await answering(fail).attributes.acquire(names(50))

    result = caught.value.result  # type: ignore[attr-defined]
    assert statuses(result) == [status] * 50
    assert all(isinstance(outcome.cause, cls) for outcome in result)
    assert not any(outcome.error_code for outcome in result)


async def test_one_failed_request_among_good_ones_makes_a_batch_error(answering: Answering) -> None:
    def fail_the_second(request: httpx.Request) -> httpx.Response:
        return httpx.Response(503, text="busy") if b"tag_35" in request.content else succeed(request)

    with pytest.raises(BatchError, match="100 items: 65 succeeded, 35 unknown") as caught:
        await answering(fail_the_second).attributes.acquire(names(100))

    result = caught.value.result
    assert result is not None
    assert [outcome.index for outcome in result.unknown] == list(range(35, 70))
    assert len(result.succeeded) == 65
    (error,) = caught.value.errors
    assert isinstance(error, OutcomeUnknownError)
    assert isinstance(error.__cause__, ServerError)


async def test_requests_that_fail_differently_make_a_batch_error(answering: Answering) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        return httpx.Response(400 if b"tag_0" in request.content else 404, json={"detail": "no"})

    with pytest.raises(BatchError) as caught:
        await answering(fail).attributes.acquire(names(50))

    assert [type(error).__name__ for error in caught.value.errors] == ["BadRequestError", "NotFoundError"]


@pytest.mark.parametrize(("status", "cls"), [(401, AuthenticationError), (403, PermissionDeniedError)])
async def test_a_refused_token_stops_what_was_not_yet_sent(
    answering: Answering, status: int, cls: type[Exception]
) -> None:
    asked = 0

    def refuse(request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        return httpx.Response(status, json={"detail": "no"})

    with pytest.raises(cls) as caught:
        await answering(refuse, concurrency=2).attributes.acquire(names(1000))

    assert asked <= 3
    result = caught.value.result  # type: ignore[attr-defined]
    assert len(result) == 1000
    assert len(result.refused) == 35 * asked
    assert len(result.not_sent) == 1000 - 35 * asked


async def test_an_item_that_the_reply_leaves_out_is_unknown(answering: Answering) -> None:
    def leave_out(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"success": json.loads(request.content)[:-1]})

    with pytest.raises(BatchError, match="leaves out 1 of 3") as caught:
        await answering(leave_out).attributes.acquire(names(3), success_objects=False)

    assert caught.value.result is not None
    assert statuses(caught.value.result) == ["succeeded", "succeeded", "unknown"]


async def test_a_spent_budget_leaves_the_rest_unsent(exist: ExistClient, sandbox: Sandbox) -> None:
    sandbox.rate_limit = 2

    with pytest.raises(BatchError, match="70 succeeded, 30 not sent") as caught:
        await exist.with_options(concurrency=1).attributes.acquire(with_tags(sandbox, 100))

    assert isinstance(caught.value.errors[0], RateLimitError)


async def test_a_closed_client_sends_nothing_of_a_write(answering: Answering) -> None:
    client = answering(succeed)
    await client.aclose()

    with pytest.raises(ClientClosedError) as caught:
        await client.attributes.acquire(names(50))

    assert caught.value.result is not None
    assert statuses(caught.value.result) == [OutcomeStatus.NOT_SENT] * 50


async def test_a_refusal_that_repeats_the_token_does_not_show_it(answering: Answering) -> None:
    def echo(request: httpx.Request) -> httpx.Response:
        failed = [{"name": "tag_0", "error_code": "a-token", "error": {"sent": request.headers["authorization"]}}]
        return httpx.Response(202, json={"success": [], "failed": failed})

    result = await answering(echo).attributes.release(names(1))

    assert (result[0].error_code, result[0].error) == ("[secret]", '{"sent":"Bearer [secret]"}')
