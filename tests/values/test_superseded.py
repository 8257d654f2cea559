"""Several values for one day: only the last is sent, and the earlier ones share its fate."""

import asyncio
import datetime as dt
import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any

import httpx
import pytest

from exist_async import (
    AuthenticationError,
    BatchError,
    ConfigurationError,
    ConnectionFailedError,
    ExistAsyncError,
    ExistClient,
    Outcome,
    OutcomeStatus,
    OutcomeUnknownError,
    PermissionDeniedError,
    RateLimitError,
    ValueIncrement,
    ValueUpdate,
)
from exist_async.batch.writes import BLOCK_SIZE
from exist_async.sandbox import Sandbox
from support import Answering, statuses, succeed, until

DAY = dt.date(2026, 11, 20)
SUPERSEDED, NOT_SENT = OutcomeStatus.SUPERSEDED, OutcomeStatus.NOT_SENT


def moods(*values: float) -> list[ValueUpdate]:
    return [ValueUpdate("mood", DAY, value) for value in values]


def samples(days: int, rows: int) -> list[ValueUpdate]:
    """Rows of each day, the last of which is the number of rows."""
    return [ValueUpdate("steps", DAY - dt.timedelta(days=day), row + 1) for day in range(days) for row in range(rows)]


def sent_by(requests: Iterable[httpx.Request]) -> list[list[Any]]:
    return [[item["value"] for item in json.loads(request.content)] for request in requests]


def generated(items: Iterable[Any]) -> Iterator[Any]:
    yield from items


async def streamed(items: Iterable[Any]) -> AsyncIterator[Any]:
    for item in items:
        yield item


EVERY_KIND = pytest.mark.parametrize("kind", [list, generated, streamed])


@EVERY_KIND
@pytest.mark.parametrize(("days", "rows", "requests"), [(365, 3, 11), (7, 288, 1), (35, 2, 1)])
async def test_only_the_last_row_of_a_day_takes_room_in_a_request(
    exist: ExistClient, sandbox: Sandbox, kind: Callable[..., Any], days: int, rows: int, requests: int
) -> None:
    items = samples(days, rows)

    result = await exist.values.update(kind(items))

    assert result.ok
    assert result.raise_for_failures() is result
    assert [outcome.item for outcome in result] == items
    assert len(sandbox.requests) == requests
    assert len(result.succeeded) == days
    assert len(result.superseded) == days * (rows - 1)
    assert set(sandbox.values("steps").values()) == {rows}


async def test_each_row_is_reported_once_and_a_superseded_one_with_its_superseder(exist: ExistClient) -> None:
    told: list[Outcome[Any, Any]] = []

    result = await exist.values.update([*moods(1, 2), ValueUpdate("steps", DAY, 7), *moods(3)], on_outcome=told.append)

    assert sorted(told, key=lambda outcome: outcome.index) == list(result)
    assert statuses(result) == ["superseded", "superseded", "succeeded", "succeeded"]
    assert (result[0].value, result[0].error, result[0].cause) == (None, None, None)


async def test_an_invalid_last_row_hides_no_good_one(exist: ExistClient, sandbox: Sandbox) -> None:
    told: list[int] = []

    result = await exist.values.update(moods(3, 5, 99, 98), on_outcome=lambda outcome: told.append(outcome.index))

    assert [(outcome.status, outcome.error_code) for outcome in result] == [
        ("superseded", None),
        ("succeeded", None),
        ("refused", "validation"),
        ("refused", "validation"),
    ]
    assert [[item["value"] for item in request.json] for request in sandbox.requests] == [[98], [99], [5]]
    assert told == [3, 2, 1, 0]
    assert sandbox.values("mood") == {DAY: 5}


async def test_rows_that_are_all_invalid_are_all_tried_and_refused(exist: ExistClient, sandbox: Sandbox) -> None:
    result = await exist.values.update(moods(97, 98, 99))

    assert [outcome.error_code for outcome in result] == ["validation"] * 3
    assert len(sandbox.requests) == 3


async def test_the_rows_before_invalid_ones_of_many_days_travel_together(exist: ExistClient, sandbox: Sandbox) -> None:
    items = [
        ValueUpdate("mood", DAY - dt.timedelta(days=day), value) for day in range(20) for value in (day % 9 + 1, 99)
    ]

    result = await exist.values.update(items)

    assert sandbox.batch_sizes == [20, 20]
    assert statuses(result) == ["succeeded", "refused"] * 20


async def test_another_refusal_is_that_of_the_earlier_rows_too(exist: ExistClient, sandbox: Sandbox) -> None:
    sandbox.user.attribute("mood").service = None

    result = await exist.values.update(moods(1, 2, 3))

    assert [outcome.error_code for outcome in result] == ["unauthorised"] * 3
    assert len({outcome.error for outcome in result}) == 1
    assert len(sandbox.requests) == 1


async def test_a_refusal_of_the_whole_request_is_that_of_the_earlier_rows_too(
    exist: ExistClient, sandbox: Sandbox
) -> None:
    sandbox.fail_next(status=403, path="update/")

    with pytest.raises(PermissionDeniedError) as caught:
        await exist.values.update(moods(1, 2, 3))

    assert caught.value.result is not None
    assert statuses(caught.value.result) == ["refused"] * 3
    assert {id(outcome.cause) for outcome in caught.value.result} == {id(caught.value)}


@pytest.mark.parametrize(
    ("failure", "status", "cls", "words"),
    [
        (httpx.ReadError("cut"), OutcomeStatus.UNKNOWN, OutcomeUnknownError, "is unknown"),
        (httpx.ConnectError("refused"), NOT_SENT, ConnectionFailedError, "was not sent"),
        (
            httpx.Response(429, headers={"Retry-After": "600"}),
            NOT_SENT,
            RateLimitError,
            "was not sent",
        ),
    ],
)
async def test_while_the_last_row_is_open_the_earlier_ones_were_not_sent_and_say_why(
    answering: Answering,
    failure: Exception | httpx.Response,
    status: OutcomeStatus,
    cls: type[ExistAsyncError],
    words: str,
) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        if isinstance(failure, Exception):
            raise failure
        return failure

    with pytest.raises(cls) as caught:
        await answering(fail).values.update(moods(1, 2, 3))

    result = caught.value.result
    assert result is not None
    assert statuses(result) == [NOT_SENT, NOT_SENT, status]
    assert result[2].cause is caught.value
    for outcome in result[:2]:
        assert str(outcome.cause) == f"items[2], a later item for the same attribute and day, {words}: {caught.value}"
        assert outcome.cause is not None
        assert outcome.cause.__cause__ is caught.value
    assert [item.value for item in result.remainder()] == [1, 2, 3]


async def test_why_an_earlier_row_was_not_sent_keeps_when_to_try_again(answering: Answering) -> None:
    with pytest.raises(RateLimitError) as caught:
        await answering(lambda _: httpx.Response(429, headers={"Retry-After": "600"})).values.update(moods(1, 2))

    assert caught.value.result is not None
    first = caught.value.result[0].cause
    assert isinstance(first, RateLimitError)
    assert first.retry_after == caught.value.retry_after


async def test_many_days_that_fail_alike_raise_one_error(answering: Answering) -> None:
    def cut(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("cut")

    with pytest.raises(OutcomeUnknownError) as caught:
        await answering(cut, max_retries=0).values.update(samples(100, 3))

    assert caught.value.result is not None
    with pytest.raises(BatchError, match="300 of 300") as failed:
        caught.value.result.raise_for_failures()
    assert len(failed.value.errors) == 1


async def test_rows_of_an_attribute_that_is_acquired_again_are_superseded(exist: ExistClient, sandbox: Sandbox) -> None:
    sandbox.user.attribute("mood").service = None
    told: list[int] = []

    result = await exist.values.update(
        moods(1, 2, 99), reacquire=True, on_outcome=lambda outcome: told.append(outcome.index)
    )

    assert statuses(result) == ["superseded", "succeeded", "refused"]
    assert sorted(told) == [0, 1, 2]
    assert sandbox.values("mood") == {DAY: 2}
    assert [request.path.rpartition("attributes/")[2] for request in sandbox.requests] == [
        "update/",
        "acquire/",
        "update/",
        "update/",
    ]


async def test_rows_of_an_attribute_that_cannot_be_acquired_stay_refused(exist: ExistClient, sandbox: Sandbox) -> None:
    items = [ValueUpdate("no_such_thing", DAY, value) for value in (1, 2)]

    result = await exist.values.update(items, reacquire=True)

    assert [outcome.error_code for outcome in result] == ["not_found", "not_found"]
    assert len(sandbox.requests) == 2


async def test_increments_of_one_day_are_never_merged(exist: ExistClient, sandbox: Sandbox) -> None:
    result = await exist.values.increment(streamed([ValueIncrement("coffees", 1, DAY)] * 70))

    assert len(result.succeeded) == 70
    assert sandbox.values("coffees") == {DAY: 70}


async def test_a_list_is_one_block_however_long(exist: ExistClient, sandbox: Sandbox) -> None:
    filler = [ValueUpdate("steps", DAY - dt.timedelta(days=day % 35), day) for day in range(BLOCK_SIZE + 100)]

    result = await exist.values.update([*moods(1), *filler, *moods(2)])

    assert result.ok
    assert len(sandbox.requests) == 2
    assert result[0].status is SUPERSEDED


@pytest.mark.parametrize("kind", [generated, streamed])
async def test_across_the_blocks_of_a_stream_the_order_is_kept(
    exist: ExistClient, sandbox: Sandbox, kind: Callable[..., Any]
) -> None:
    result = await exist.values.update(kind(moods(*([1] * BLOCK_SIZE), 2, 3)))

    assert result.ok
    assert [[item["value"] for item in request.json] for request in sandbox.requests] == [[1], [3]]
    assert sandbox.values("mood") == {DAY: 3}
    assert len(result.succeeded) == 2


async def test_a_value_of_a_later_block_waits_for_the_end_of_the_earlier(answering: Answering) -> None:
    under_way = 0

    async def slow(request: httpx.Request) -> httpx.Response:
        nonlocal under_way
        under_way += 1
        assert under_way == 1
        for _ in range(5):
            await asyncio.sleep(0)
        under_way -= 1
        return succeed(request)

    result = await answering(slow).values.update(generated(moods(*([1] * BLOCK_SIZE), 2)))

    assert result.ok


async def test_what_a_later_block_has_replaced_is_not_to_be_sent_again(answering: Answering) -> None:
    def lose_the_first(request: httpx.Request) -> httpx.Response:
        if json.loads(request.content)[0]["value"] == 1:
            raise httpx.ReadError("cut")
        return succeed(request)

    with pytest.raises(BatchError) as caught:
        await answering(lose_the_first, max_retries=0).values.update(
            generated([ValueUpdate("mood", DAY - dt.timedelta(days=1), 1), *moods(*([1] * (BLOCK_SIZE - 1)), 2)])
        )

    assert caught.value.result is not None
    assert [item.date for item in caught.value.result.remainder()] == [DAY - dt.timedelta(days=1)]


async def test_a_pause_of_an_async_stream_ends_the_block(answering: Answering) -> None:
    asked, more = asyncio.Event(), asyncio.Event()
    requests: list[httpx.Request] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        asked.set()
        return succeed(request)

    async def slow() -> AsyncIterator[ValueUpdate]:
        for item in moods(1, 2):
            yield item
        await more.wait()
        for item in moods(3, 4):
            yield item

    writing = asyncio.create_task(answering(answer).values.update(slow()))
    await asyncio.wait_for(asked.wait(), 20)
    more.set()
    result = await writing

    assert sent_by(requests) == [[2], [4]]
    assert statuses(result) == ["superseded", "succeeded", "superseded", "succeeded"]


async def test_a_shorter_pause_does_not_end_it(answering: Answering, clock: Any) -> None:
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return succeed(request)

    async def sleep(seconds: float) -> None:
        """Sleep on the clock, in steps: others take theirs meanwhile."""
        end = clock.now + seconds
        await until(lambda: clock.now >= end)

    async def steady() -> AsyncIterator[ValueUpdate]:
        for item in moods(*range(1, 8)):
            for _ in range(4):
                clock.now += 0.01
                await asyncio.sleep(0)
            yield item

    result = await answering(answer, sleep=sleep).values.update(steady())

    assert sent_by(requests) == [[7]]
    assert statuses(result) == [*[SUPERSEDED] * 6, "succeeded"]


async def test_an_async_stream_that_ends_is_not_waited_for(answering: Answering, clock: Any) -> None:
    async def never(seconds: float) -> None:
        await asyncio.Event().wait()

    async def brief() -> AsyncIterator[ValueUpdate]:
        for item in moods(1, 2):
            await asyncio.sleep(0)
            yield item

    result = await asyncio.wait_for(answering(succeed, sleep=never).values.update(brief()), 20)

    assert statuses(result) == ["superseded", "succeeded"]


async def test_of_an_async_stream_no_more_than_a_block_is_read_ahead(answering: Answering) -> None:
    read = 0
    asked = asyncio.Event()

    async def hang(request: httpx.Request) -> httpx.Response:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    async def counted() -> AsyncIterator[ValueUpdate]:
        nonlocal read
        for value in range(5 * BLOCK_SIZE):
            read += 1
            yield ValueUpdate("mood", DAY, value)

    writing = asyncio.create_task(answering(hang, concurrency=1).values.update(counted()))
    await asked.wait()
    for _ in range(50):
        await asyncio.sleep(0)
    writing.cancel()
    await asyncio.wait([writing])

    assert read <= 2 * BLOCK_SIZE + 1


async def test_one_task_reads_a_stream_to_its_end(exist: ExistClient) -> None:
    readers: set[Any] = set()

    async def bound_to_its_task() -> AsyncIterator[ValueUpdate]:
        async with asyncio.timeout(60):
            for item in moods(*([1] * BLOCK_SIZE), 2, 3):
                readers.add(asyncio.current_task())
                yield item

    result = await exist.values.update(bound_to_its_task())

    assert result.ok
    assert len(readers) == 1


@pytest.mark.parametrize("kind", [generated, streamed])
async def test_the_good_items_before_a_wrong_one_are_sent(
    exist: ExistClient, sandbox: Sandbox, kind: Callable[..., Any]
) -> None:
    read: list[Any] = []

    def noting(items: Iterable[Any]) -> Iterator[Any]:
        for item in items:
            read.append(item)
            yield item

    with pytest.raises(ConfigurationError, match=r"items\[43\]: .*not str") as caught:
        await exist.values.update(kind(noting([*samples(40, 1), *moods(4, 5, 99), "mood", *moods(6)])))

    assert caught.value.result is not None
    assert statuses(caught.value.result) == ["succeeded"] * 40 + ["superseded", "succeeded", "refused"]
    assert read[-1] == "mood"
    assert sandbox.values("mood") == {DAY: 5}


@pytest.mark.parametrize("wait", [False, True])
async def test_the_items_before_an_error_of_the_stream_are_sent(
    exist: ExistClient, sandbox: Sandbox, wait: bool
) -> None:
    async def broken() -> AsyncIterator[ValueUpdate]:
        for item in samples(40, 2):
            yield item
        if wait:
            await asyncio.sleep(0.01)
        raise OSError("the file is gone")

    with pytest.raises(BatchError, match="the file is gone") as caught:
        await exist.values.update(broken())

    assert caught.value.result is not None
    assert statuses(caught.value.result) == ["superseded", "succeeded"] * 40
    assert len(sandbox.values("steps")) == 40


async def test_of_a_list_with_a_wrong_item_nothing_is_sent(exist: ExistClient, sandbox: Sandbox) -> None:
    with pytest.raises(ConfigurationError, match=r"items\[3\]"):
        await exist.values.update([*moods(1, 2, 3), "mood"])  # type: ignore[list-item]

    assert sandbox.requests == []


async def test_a_stream_whose_reading_is_cancelled_by_others_is_no_complete_one(exist: ExistClient) -> None:
    waiting = asyncio.Event()

    async def endless() -> AsyncIterator[ValueUpdate]:
        yield moods(1)[0]
        waiting.set()
        await asyncio.Event().wait()

    writing = asyncio.create_task(exist.values.update(endless()))
    await waiting.wait()
    for task in asyncio.all_tasks():
        if "_read_all" in repr(task.get_coro()):
            task.cancel()

    with pytest.raises(BatchError, match="cancelled from inside"):
        await writing


async def test_a_cancelled_write_ends_the_reading_of_its_stream(answering: Answering) -> None:
    waiting, ended = asyncio.Event(), asyncio.Event()

    async def endless() -> AsyncIterator[ValueUpdate]:
        try:
            waiting.set()
            await asyncio.Event().wait()
            yield moods(1)[0]
        finally:
            ended.set()

    writing = asyncio.create_task(answering(succeed).values.update(endless()))
    await waiting.wait()
    writing.cancel()
    await asyncio.wait([writing])

    assert writing.cancelled()
    assert ended.is_set()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_stream_that_goes_on_after_its_cancellation_is_left(answering: Answering) -> None:
    waiting = asyncio.Event()

    async def stubborn() -> AsyncIterator[ValueUpdate]:
        while True:
            try:
                waiting.set()
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                yield moods(1)[0]

    writing = asyncio.create_task(answering(succeed).values.update(stubborn()))
    await waiting.wait()
    writing.cancel()

    async with asyncio.timeout(20):
        await asyncio.wait([writing])
    assert writing.cancelled()


async def test_an_error_of_a_stream_while_a_request_is_in_flight_ends_the_write_after_it(answering: Answering) -> None:
    asked, raised = asyncio.Event(), asyncio.Event()

    async def answer(request: httpx.Request) -> httpx.Response:
        asked.set()
        await raised.wait()
        return succeed(request)

    async def broken() -> AsyncIterator[ValueUpdate]:
        yield moods(1)[0]
        await asked.wait()
        # The reader waits for the request of this one, which waits for that of the first.
        yield moods(2)[0]
        raised.set()
        raise OSError("the file is gone")

    with pytest.raises(BatchError, match="the file is gone") as caught:
        await asyncio.wait_for(answering(answer, concurrency=1).values.update(broken()), 20)

    assert caught.value.result is not None
    assert statuses(caught.value.result) == ["succeeded", "succeeded"]


async def test_a_write_that_stops_does_not_wait_for_a_slow_stream(answering: Answering) -> None:
    asked, more = asyncio.Event(), asyncio.Event()

    async def refuse(request: httpx.Request) -> httpx.Response:
        asked.set()
        await more.wait()
        return httpx.Response(401)

    async def slow() -> AsyncIterator[ValueUpdate]:
        for item in moods(1, 2):
            yield item
        await asked.wait()
        yield moods(3)[0]
        more.set()
        await asyncio.Event().wait()

    with pytest.raises(AuthenticationError) as caught:
        await asyncio.wait_for(answering(refuse, concurrency=1).values.update(slow()), 20)

    assert caught.value.result is not None
    assert statuses(caught.value.result) == ["refused", "refused", "not_sent"]
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_an_error_of_the_caller_s_sleep_reaches_them_with_every_outcome(answering: Answering) -> None:
    async def broken(seconds: float) -> None:
        raise LookupError("no clock")

    async def slow() -> AsyncIterator[ValueUpdate]:
        yield moods(1)[0]
        await asyncio.Event().wait()

    with pytest.raises(BatchError, match="no clock") as caught:
        await asyncio.wait_for(answering(succeed, sleep=broken).values.update(slow()), 20)

    assert caught.value.result is not None
    assert statuses(caught.value.result) == ["succeeded"]


@pytest.mark.parametrize("stage", ["acquire/", "update/ again"])
async def test_a_cancellation_while_rows_are_acquired_or_sent_again_tells_each_once(
    answering: Answering, stage: str
) -> None:
    told: list[Outcome[Any, Any]] = []
    paths: list[str] = []
    reached, may_answer = asyncio.Event(), asyncio.Event()

    async def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path.rpartition("attributes/")[2]
        paths.append(path + " again" if path in paths else path)
        if paths[-1] == stage:
            reached.set()
            await may_answer.wait()
        if paths == ["update/"]:
            failed = [{**item, "error_code": "unauthorised"} for item in json.loads(request.content)]
            return httpx.Response(202, json={"failed": failed})
        return succeed(request)

    client = answering(answer)
    writing = asyncio.create_task(client.values.update(moods(1, 2), reacquire=True, on_outcome=told.append))
    await reached.wait()
    writing.cancel()
    await asyncio.wait([writing])
    may_answer.set()
    await client.aclose()

    expected = ["refused", "refused"] if stage == "acquire/" else ["superseded", "succeeded"]
    assert [str(outcome.status) for outcome in sorted(told, key=lambda outcome: outcome.index)] == expected


async def test_a_cancellation_while_an_earlier_row_is_sent_leaves_it_to_its_request(
    exist: ExistClient, sandbox: Sandbox
) -> None:
    told: list[Outcome[Any, Any]] = []

    def cancel_at_the_first(outcome: Outcome[Any, Any]) -> None:
        told.append(outcome)
        writing.cancel()

    writing = asyncio.create_task(exist.values.update(moods(1, 2, 99), on_outcome=cancel_at_the_first))
    await asyncio.wait([writing])
    await exist._session.aclose()

    assert writing.cancelled()
    assert len({outcome.index for outcome in told}) == len(told)
    assert (told[0].index, told[0].status) == (2, "refused")
    assert (sandbox.values("mood") == {DAY: 2}) == (len(told) == 3)
