"""Retries of requests that may have been carried out, and the meaning of the second answer."""

from collections.abc import Callable
from datetime import date
from typing import Any

import httpx
import pytest

from exist_async import (
    BatchError,
    ConnectionFailedError,
    CustomAttribute,
    ExistClient,
    NoAnswerError,
    OutcomeStatus,
    OutcomeUnknownError,
    RateLimitError,
    ServerError,
    ValueIncrement,
    ValueType,
    ValueUpdate,
)
from exist_async.sandbox import Sandbox
from support import names, statuses, succeed

Answering = Callable[..., ExistClient]

DAY = date(2026, 11, 20)
TEA = CustomAttribute("Cups of tea", "food", ValueType.INTEGER)


def script(*answers: httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]) -> Any:
    """Answer one request after another so, and the last of it for ever."""
    left = list(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        answer.requests += 1  # type: ignore[attr-defined]
        what = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(what, Exception):
            raise what
        return what if isinstance(what, httpx.Response) else what(request)

    answer.requests = 0  # type: ignore[attr-defined]
    return answer


LOST = [
    httpx.ReadError("reset"),
    httpx.ReadTimeout("late"),
    httpx.Response(503),
    httpx.Response(408),
    httpx.Response(200),
]


@pytest.mark.parametrize("lost", LOST, ids=repr)
async def test_an_update_whose_answer_is_lost_is_sent_again(answering: Answering, lost: Any) -> None:
    service = script(lost, succeed)

    result = await answering(service).values.update([ValueUpdate("steps", DAY, 1)])

    assert result.ok
    assert service.requests == 2


@pytest.mark.parametrize("lost", LOST, ids=repr)
async def test_an_increment_whose_answer_is_lost_is_unknown_and_sent_once(answering: Answering, lost: Any) -> None:
    service = script(lost, succeed)

    with pytest.raises(OutcomeUnknownError) as caught:
        await answering(service).values.increment([ValueIncrement("coffees", 1, DAY)])

    assert not caught.value.repeatable
    assert service.requests == 1


async def test_an_answer_that_cannot_be_read_is_asked_for_once_more_only(answering: Answering) -> None:
    service = script(httpx.Response(200, text="<html>"))

    with pytest.raises(NoAnswerError):
        await answering(service, max_retries=5).profile.get()

    assert service.requests == 2


async def test_a_service_that_fails_for_ever_is_left_alone_after_max_retries(answering: Answering) -> None:
    service = script(httpx.Response(502))

    with pytest.raises(ServerError):
        await answering(service).profile.get()

    assert service.requests == 3


@pytest.mark.parametrize(
    "then",
    [httpx.ConnectError("refused"), httpx.Response(429, headers={"Retry-After": "600"}), httpx.Response(400)],
    ids=repr,
)
async def test_what_may_have_been_done_at_first_stays_unknown_whatever_happens_then(
    answering: Answering, then: Any
) -> None:
    service = script(httpx.ReadError("reset"), then)

    with pytest.raises(OutcomeUnknownError, match="earlier attempt") as caught:
        await answering(service).values.update([ValueUpdate("steps", DAY, 1)])

    assert caught.value.repeatable
    assert caught.value.result is not None
    assert statuses(caught.value.result) == ["unknown"]


async def test_what_was_never_sent_stays_not_sent(answering: Answering) -> None:
    with pytest.raises(ConnectionFailedError) as caught:
        await answering(script(httpx.ConnectError("refused"))).values.increment([ValueIncrement("coffees", 1, DAY)])

    assert caught.value.result is not None
    assert statuses(caught.value.result) == ["not_sent"]


async def test_a_release_that_finds_nothing_left_to_release_has_succeeded(exist: ExistClient, sandbox: Sandbox) -> None:
    sandbox.add_attribute(name="tag_0", service=sandbox.service)
    sandbox.fail_next(status=502, when="after", path="attributes/release/")

    result = await exist.attributes.release(names(1))

    assert result.ok
    assert result.succeeded[0].name == "tag_0"
    assert [request.status for request in sandbox.requests] == [502, 202]


async def test_a_release_of_what_was_never_ours_is_refused(exist: ExistClient, sandbox: Sandbox) -> None:
    sandbox.add_attribute(name="tag_0")

    result = await exist.attributes.release(names(1))

    assert [outcome.error_code for outcome in result.refused] == ["unauthorised"]


@pytest.mark.parametrize("write", ["release", "update"])
async def test_a_refusal_that_no_earlier_attempt_can_have_caused_stays_one(answering: Answering, write: str) -> None:
    failed = [{"name": "tag_0", "error_code": "validation", "error": "Not like this"}]
    answer = script(httpx.ReadError("reset"), httpx.Response(202, json={"success": [], "failed": failed}))
    exist = answering(answer)

    if write == "release":
        (outcome,) = await exist.attributes.release(names(1))
    else:
        (outcome,) = await exist.values.update([ValueUpdate("tag_0", DAY, 1)])

    assert (outcome.status, outcome.error_code, outcome.error) == ("refused", "validation", "Not like this")
    assert answer.requests == 2


@pytest.mark.parametrize("code", ["exists", "validation"])
async def test_a_created_attribute_that_is_then_refused_is_unknown(
    exist: ExistClient, sandbox: Sandbox, code: str
) -> None:
    def recode(reply: Any) -> Any:
        return {"failed": [{**entry, "error_code": code} for entry in reply["failed"]]}

    sandbox.fail_next(status=502, when="after", path="attributes/create/")
    sandbox.rewrite_next(recode, path="attributes/create/")

    with pytest.raises(OutcomeUnknownError) as caught:
        await exist.attributes.create([TEA])

    assert caught.value.result is not None
    outcome = caught.value.result[0]
    assert (outcome.status, outcome.error_code) == (OutcomeStatus.UNKNOWN, code)
    assert outcome.error


async def test_ensure_finds_out_what_became_of_it(exist: ExistClient, sandbox: Sandbox) -> None:
    sandbox.fail_next(status=502, when="after", path="attributes/create/")

    result = await exist.attributes.ensure([TEA])

    assert result.ok
    assert result.succeeded[0].label == "Cups of tea"


async def test_all_share_the_retries_that_are_left(answering: Answering) -> None:
    service = script(httpx.Response(503))
    client = answering(service, max_retries=2)
    views = [client.with_options(auth=f"user-{n}") for n in range(80)]

    for view in views:
        with pytest.raises(ServerError):
            await view.profile.get()

    assert service.requests == 80 + 100


async def test_answers_bring_retries_back(answering: Answering) -> None:
    down = True

    def service(request: httpx.Request) -> httpx.Response:
        nonlocal requests
        requests += 1
        return httpx.Response(503) if down else httpx.Response(200, json={"username": "ada"})

    requests = 0
    client = answering(service, max_retries=200, rate_limiter=None)
    with pytest.raises(ServerError):
        await client.profile.get()
    assert requests == 101
    down = False
    for _ in range(10):
        await client.profile.get()

    down, requests = True, 0
    with pytest.raises(ServerError):
        await client.profile.get()

    assert requests == 2


async def test_a_failing_service_is_asked_again_when_it_wants_to_be(answering: Answering, clock: Any) -> None:
    failing = httpx.Response(503, headers={"Retry-After": "20"})

    await answering(script(failing, httpx.Response(200, json={"username": "ada"}))).profile.get()
    await answering(script(failing, succeed)).values.update([ValueUpdate("steps", DAY, 1)])

    assert clock.slept == [20.0, 20.0]


async def test_a_failing_service_that_wants_longer_than_max_wait_is_not_waited_for(answering: Answering) -> None:
    service = script(httpx.Response(503, headers={"Retry-After": "61"}))

    with pytest.raises(ServerError) as caught:
        await answering(service).profile.get()

    assert caught.value.retry_after == 61.0
    assert service.requests == 1


async def test_the_rest_of_a_write_goes_on_while_one_request_is_tried_again(answering: Answering) -> None:
    service = script(httpx.ReadError("reset"), succeed)

    result = await answering(service).attributes.release(names(100))

    assert result.ok
    assert service.requests == 4


async def test_items_of_one_failed_request_leave_the_others_alone(answering: Answering) -> None:
    service = script(httpx.Response(503), succeed)

    with pytest.raises(BatchError) as caught:
        await answering(service, max_retries=0, concurrency=1).attributes.release(names(40))

    assert caught.value.result is not None
    assert statuses(caught.value.result) == ["unknown"] * 35 + ["succeeded"] * 5


async def test_a_429_that_is_given_up_was_not_carried_out(answering: Answering) -> None:
    service = script(httpx.Response(429, headers={"Retry-After": "600"}))

    with pytest.raises(RateLimitError) as caught:
        await answering(service).values.increment([ValueIncrement("coffees", 1, DAY)])

    assert caught.value.result is not None
    assert statuses(caught.value.result) == ["not_sent"]
