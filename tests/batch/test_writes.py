"""Writes of any length: one outcome for every item, whatever happens on the way."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest

from exist_async import (
    Attribute,
    AuthenticationError,
    BatchError,
    BatchResult,
    ByName,
    ByTemplate,
    ClientClosedError,
    ConfigurationError,
    ConnectionFailedError,
    CustomAttribute,
    ExistClient,
    Outcome,
    OutcomeStatus,
    OutcomeUnknownError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    StatusError,
)
from exist_async.sandbox import Sandbox

Answering = Callable[..., ExistClient]

ACQUIRE = "attributes/acquire/"


def names(count: int) -> list[ByName]:
    return [ByName(f"tag_{n}") for n in range(count)]


def with_tags(sandbox: Sandbox, count: int) -> list[ByName]:
    for name in names(count):
        sandbox.add_attribute(name=name.name)
    return names(count)


def succeed(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json={"success": json.loads(request.content), "failed": []})


def statuses(result: BatchResult[Any, Any]) -> list[OutcomeStatus]:
    return [outcome.status for outcome in result]


# Cutting and sending


async def test_a_hundred_names_travel_in_three_requests(exist: ExistClient, sandbox: Sandbox) -> None:
    result = await exist.attributes.acquire(with_tags(sandbox, 100))

    assert sorted(sandbox.batch_sizes) == [30, 35, 35]
    assert result.ok
    assert [outcome.index for outcome in result] == list(range(100))
    assert [attribute.name for attribute in result.succeeded] == [f"tag_{n}" for n in range(100)]


@pytest.mark.parametrize(("count", "requests"), [(0, 0), (1, 1), (34, 1), (35, 1), (36, 2), (70, 2), (71, 3)])
async def test_a_request_holds_at_most_35(exist: ExistClient, sandbox: Sandbox, count: int, requests: int) -> None:
    result = await exist.attributes.acquire(with_tags(sandbox, count))

    assert result.ok
    assert len(result) == count
    assert len(sandbox.requests) == requests


async def test_requests_are_sent_concurrently_up_to_the_concurrency(answering: Answering) -> None:
    under_way, most = 0, 0

    async def slow(request: httpx.Request) -> httpx.Response:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        for _ in range(5):
            await asyncio.sleep(0)
        under_way -= 1
        return succeed(request)

    await answering(slow, concurrency=3).attributes.acquire(names(400))

    assert most == 3


async def generated(items: list[Any]) -> AsyncIterator[Any]:
    for item in items:
        await asyncio.sleep(0)
        yield item


@pytest.mark.parametrize(
    "iterable",
    [list, tuple, iter, generated, lambda items: (item for item in items), lambda items: dict.fromkeys(items).keys()],
)
async def test_any_iterable_will_do(
    exist: ExistClient, sandbox: Sandbox, iterable: Callable[[list[ByName]], Any]
) -> None:
    result = await exist.attributes.acquire(iterable(with_tags(sandbox, 80)))

    assert result.ok
    assert len(result) == 80


async def test_a_stream_is_read_only_as_far_as_it_can_be_sent(answering: Answering) -> None:
    read = 0
    gate = asyncio.Event()

    async def wait(request: httpx.Request) -> httpx.Response:
        await gate.wait()
        return succeed(request)

    def counted() -> Iterator[ByName]:
        nonlocal read
        for name in names(1000):
            read += 1
            yield name

    task = asyncio.create_task(answering(wait, concurrency=2).attributes.acquire(counted()))
    for _ in range(20):
        await asyncio.sleep(0)
    assert read == 3 * 35

    gate.set()
    assert len(await task) == 1000


@pytest.mark.parametrize("items", ["mood", b"mood", {"name": "mood"}, 7, None])
async def test_what_is_no_list_is_refused_before_any_request(exist: ExistClient, sandbox: Sandbox, items: Any) -> None:
    for write in [exist.attributes.create, exist.attributes.acquire, exist.attributes.release, exist.attributes.ensure]:
        with pytest.raises(ConfigurationError, match="items is a list"):
            await write(items)

    assert sandbox.requests == []


async def test_of_a_sequence_nothing_is_sent_when_one_item_is_wrong(exist: ExistClient, sandbox: Sandbox) -> None:
    with pytest.raises(ConfigurationError, match=r"items\[99\]: .*not int"):
        await exist.attributes.acquire([*names(99), 7])  # type: ignore[list-item]

    assert sandbox.requests == []


@pytest.mark.parametrize("kind", [iter, generated])
async def test_of_a_stream_the_chunks_before_a_wrong_item_are_sent(
    exist: ExistClient, sandbox: Sandbox, kind: Callable[[list[Any]], Any]
) -> None:
    good = with_tags(sandbox, 80)

    with pytest.raises(ConfigurationError, match=r"items\[80\]") as caught:
        await exist.attributes.acquire(kind([*good, "", *good]))

    assert sandbox.batch_sizes == [35, 35]
    assert caught.value.result is not None
    assert statuses(caught.value.result) == [OutcomeStatus.SUCCEEDED] * 70 + [OutcomeStatus.NOT_SENT] * 10


async def test_a_stream_that_breaks_gives_its_error_and_every_outcome(exist: ExistClient, sandbox: Sandbox) -> None:
    with_tags(sandbox, 50)

    def broken() -> Iterator[ByName]:
        yield from names(40)
        raise OSError("the file is gone")

    with pytest.raises(BatchError, match="the file is gone") as caught:
        await exist.attributes.acquire(broken())

    assert caught.value.result is not None
    assert statuses(caught.value.result) == [OutcomeStatus.SUCCEEDED] * 35 + [OutcomeStatus.NOT_SENT] * 5
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.errors == (caught.value.__cause__,)


async def test_two_items_about_one_thing_never_travel_at_once(answering: Answering) -> None:
    log: list[str] = []

    async def note(request: httpx.Request) -> httpx.Response:
        about_it = b'"same"' in request.content
        log.extend(["begin"] * about_it)
        for _ in range(3):
            await asyncio.sleep(0)
        log.extend(["end"] * about_it)
        return succeed(request)

    items = [*names(34), ByName("same"), ByTemplate("same"), *names(200)[100:134], ByName("same")]
    result = await answering(note).attributes.acquire(items, success_objects=False)

    assert log == ["begin", "end", "begin", "end", "begin", "end"]
    assert [outcome.item for outcome in result] == items


async def test_items_that_come_twice_are_packed_into_full_requests(answering: Answering) -> None:
    sizes: list[int] = []

    def count(request: httpx.Request) -> httpx.Response:
        sizes.append(len(json.loads(request.content)))
        return succeed(request)

    pairs = [name for name in names(200) for _ in range(2)]
    result = await answering(count).attributes.acquire(pairs, success_objects=False)

    assert result.ok
    assert [outcome.item for outcome in result] == pairs
    assert sorted(sizes) == [25, 25] + [35] * 10


# Outcomes


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


async def test_a_callback_that_breaks_stops_the_write_and_loses_nothing(answering: Answering) -> None:
    def broken(outcome: Outcome[Any, Any]) -> None:
        raise LookupError("no such progress bar")

    with pytest.raises(BatchError, match="no such progress bar") as caught:
        await answering(succeed, concurrency=1).attributes.acquire(names(100), on_outcome=broken)

    assert caught.value.result is not None
    assert statuses(caught.value.result) == [OutcomeStatus.SUCCEEDED] * 35 + [OutcomeStatus.NOT_SENT] * 65


@pytest.mark.parametrize(
    "mine", [RateLimitError("mine", retry_after=1, status_code=None), ConfigurationError("mine"), LookupError()]
)
@pytest.mark.parametrize("count", [0, 35, 40])
async def test_an_error_of_any_class_from_the_caller_s_stream_is_not_swallowed(
    answering: Answering, mine: Exception, count: int
) -> None:
    async def broken() -> AsyncIterator[ByName]:
        for name in names(count):
            yield name
        raise mine

    for write in [answering(succeed).attributes.release, answering(succeed).attributes.ensure]:
        with pytest.raises(BatchError) as caught:
            await write(broken())
        assert caught.value.__cause__ is mine
        assert caught.value.result is not None
        assert len(caught.value.result) == count


@pytest.mark.parametrize("mine", [RateLimitError("mine", retry_after=1, status_code=None), ConfigurationError("mine")])
async def test_an_error_of_any_class_from_the_caller_s_callback_is_not_swallowed(
    answering: Answering, mine: Exception
) -> None:
    def broken(outcome: Outcome[Any, Any]) -> None:
        raise mine

    with pytest.raises(BatchError) as caught:
        await answering(succeed).attributes.release(names(10), on_outcome=broken)

    assert caught.value.__cause__ is mine


async def test_what_was_read_of_a_slow_stream_when_the_write_stops_is_not_sent(answering: Answering) -> None:
    async def slow() -> AsyncIterator[ByName]:
        for name in names(45):
            yield name
        await asyncio.Event().wait()

    def refuse(request: httpx.Request) -> httpx.Response:
        return httpx.Response(401)

    with pytest.raises(AuthenticationError) as caught:
        await asyncio.wait_for(answering(refuse).attributes.acquire(slow()), 2)

    assert caught.value.result is not None
    assert statuses(caught.value.result) == ["refused"] * 35 + ["not_sent"] * 10


async def test_an_iterable_that_cannot_even_begin_is_the_caller_s_error(answering: Answering) -> None:
    class Broken:
        def __iter__(self) -> Iterator[str]:
            raise FileNotFoundError("no such list")

    for write in [answering(succeed).attributes.acquire, answering(succeed).attributes.ensure]:
        with pytest.raises(BatchError, match="no such list"):
            await write(Broken())  # type: ignore[operator]


async def test_a_stream_that_waited_for_something_cancelled_does_not_cancel_the_write(answering: Answering) -> None:
    async def broken() -> AsyncIterator[ByName]:
        for name in names(35):
            yield name
        raise asyncio.CancelledError

    with pytest.raises(BatchError, match="cancelled from inside") as caught:
        await answering(succeed).attributes.release(broken())

    assert caught.value.result is not None
    assert statuses(caught.value.result) == ["succeeded"] * 35


async def test_a_transport_that_cancels_itself_leaves_its_items_unknown(answering: Answering) -> None:
    async def cancel(request: httpx.Request) -> httpx.Response:
        raise asyncio.CancelledError

    with pytest.raises(BatchError) as caught:
        await answering(cancel).attributes.release(names(40))

    assert caught.value.result is not None
    assert set(statuses(caught.value.result)) <= {"unknown", "not_sent"}


async def test_strings_of_other_libraries_are_strings(exist: ExistClient, sandbox: Sandbox) -> None:
    class TheirString(str):
        __slots__ = ()

    result = await exist.attributes.acquire([TheirString("steps"), ByTemplate(TheirString("mood"))])

    assert result.ok
    assert sandbox.requests[0].json == [{"template": "steps"}, {"template": "mood"}]


async def test_words_nested_without_end_are_not_shown(answering: Answering) -> None:
    def nested(request: httpx.Request) -> httpx.Response:
        deep = b"[" * 400 + b"]" * 400
        return httpx.Response(202, content=b'{"failed": [{"name": "a", "error_code": "no", "error": ' + deep + b"}]}")

    result = await answering(nested).attributes.release(["a"])

    assert result[0].error_code == "no"
    assert result[0].error is not None


@pytest.mark.parametrize("on_outcome", [7, "print"])
async def test_a_callback_that_cannot_be_called_is_refused_before_any_request(
    exist: ExistClient, sandbox: Sandbox, on_outcome: Any
) -> None:
    for write in [exist.attributes.acquire, exist.attributes.ensure]:
        with pytest.raises(ConfigurationError, match="on_outcome") as caught:
            await write(["steps"], on_outcome=on_outcome)
        assert caught.value.result == BatchResult(())

    assert sandbox.requests == []


async def test_many_requests_that_fail_alike_are_told_once(answering: Answering) -> None:
    def half(request: httpx.Request) -> httpx.Response:
        return succeed(request) if b"tag_0" in request.content else httpx.Response(503)

    with pytest.raises(BatchError) as caught:
        await answering(half).attributes.acquire(names(400))

    assert len(caught.value.errors) == 1


@pytest.mark.parametrize("mine", [KeyError(1), StopIteration(), asyncio.CancelledError()])
async def test_a_callback_that_broke_is_not_called_again(answering: Answering, mine: BaseException) -> None:
    calls: list[int] = []

    def broken(outcome: Outcome[Any, Any]) -> None:
        calls.append(outcome.index)
        raise mine

    tags = [CustomAttribute(f"Tag {n}", "custom", 7) for n in range(3)]
    for write in [
        answering(succeed).attributes.release(names(100), on_outcome=broken),
        answering(succeed).attributes.create(tags, success_objects=False, on_outcome=broken),
    ]:
        calls.clear()
        with pytest.raises(BatchError):
            await write
        assert len(calls) == 1


async def test_one_request_that_is_cancelled_by_others_leaves_its_items_unknown(answering: Answering) -> None:
    async def slow(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0.1)
        return succeed(request)

    write = asyncio.create_task(answering(slow).attributes.release(names(40)))
    await asyncio.sleep(0.02)
    next(task for task in asyncio.all_tasks() if "begin" in repr(task.get_coro())).cancel()

    with pytest.raises(BatchError) as caught:
        await write
    assert caught.value.result is not None
    assert {"unknown"} < set(statuses(caught.value.result)) <= {"unknown", "succeeded"}


async def test_an_iterator_of_next_alone_is_read(answering: Answering) -> None:
    class Counter:
        number = 0

        def __next__(self) -> str:
            self.number += 1
            if self.number > 3:
                raise StopIteration
            return f"tag_{self.number}"

    class Counting:
        def __iter__(self) -> Any:
            return Counter()

    assert len(await answering(succeed).attributes.release(Counting())) == 3


async def test_only_the_end_of_a_stream_is_its_end(answering: Answering) -> None:
    def broken() -> Iterator[str]:
        yield "a"
        raise StopAsyncIteration("mine")

    with pytest.raises(BatchError, match="StopAsyncIteration: mine"):
        await answering(succeed).attributes.release(broken())


async def test_an_error_that_cannot_be_shown_costs_no_outcome(answering: Answering) -> None:
    class MuteError(Exception):
        def __str__(self) -> str:
            raise ValueError("no text")

    def broken(outcome: Outcome[Any, Any]) -> None:
        raise MuteError

    with pytest.raises(BatchError, match=r"MuteError: \(no text\)") as caught:
        await answering(succeed).attributes.release(names(3), on_outcome=broken)

    assert caught.value.result is not None
    assert caught.value.result.ok


# Failing


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


async def test_an_error_of_the_caller_s_own_auth_reaches_them_with_every_outcome() -> None:
    class Broken(httpx.Auth):
        def auth_flow(self, request: httpx.Request) -> Any:
            raise KeyError("no token for this user")
            yield

    http_client = httpx.AsyncClient(transport=httpx.MockTransport(succeed))
    with pytest.raises(BatchError, match="no token for this user") as caught:
        await ExistClient(Broken(), http_client=http_client).attributes.acquire(names(500))

    assert caught.value.result is not None
    assert len(caught.value.result) == 500


async def test_a_write_that_is_cancelled_is_cancelled(answering: Answering) -> None:
    async def never(request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        return succeed(request)

    task = asyncio.create_task(answering(never).attributes.acquire(names(100)))
    await asyncio.sleep(0.01)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() == {asyncio.current_task()}


# The result


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
    assert repr(result) == "BatchResult(outcomes=<3 outcomes>)"


def test_an_empty_result_is_a_good_one() -> None:
    assert BatchResult(()).ok
    assert BatchResult(()).raise_for_failures() == BatchResult(())


def test_an_outcome_reads_as_a_line() -> None:
    refused = Outcome(0, ByName("mood"), OutcomeStatus.REFUSED, error_code="not_found", error="no such attribute")

    assert str(refused) == "ByName(name='mood', manual=None): refused, not_found: no such attribute"
