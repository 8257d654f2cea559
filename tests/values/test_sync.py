"""Syncing: only the values that differ are written, and reading them first costs a quarter at most."""

import asyncio
import datetime as dt
import random
import weakref
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from math import ceil
from typing import Any
from unittest.mock import patch

import httpx
import pytest
from attrs import evolve
from histories import END, VALUES, WITH_VALUES, asked, back, track
from hypothesis import given, settings
from hypothesis import strategies as st

from exist_async import (
    AuthenticationError,
    BatchError,
    BatchResult,
    Comparison,
    ConfigurationError,
    DeadlineExceededError,
    ExistAsyncError,
    ExistClient,
    Outcome,
    OutcomeStatus,
    PermissionDeniedError,
    RateLimitError,
    ValueUpdate,
)
from exist_async.sandbox import Sandbox
from exist_async.values import sync, writes
from exist_async.values.requests import conflict_key
from support import statuses, until

UPDATE = "/api/2/attributes/update/"
Answer = Callable[[httpx.Request], Awaitable[httpx.Response]]


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox()


def rows_there(sandbox: Sandbox, count: int, days: int, **options: Any) -> list[ValueUpdate]:
    """Give the user attributes with values, and return these as rows."""
    tracked = track(sandbox, count, days, service=sandbox.service, **options)
    return [ValueUpdate(name, day.date, day.value) for name, days in tracked.items() for day in days]  # type: ignore[arg-type]


def changed(row: ValueUpdate, value: float | str = -1) -> ValueUpdate:
    return ValueUpdate(row.name, row.date, value)


def with_changes(rows: list[ValueUpdate], count: int) -> list[ValueUpdate]:
    """Return the rows with changed values, evenly spread."""
    places = {place * len(rows) // count for place in range(count)} if count else set()
    return [changed(row) if place in places else row for place, row in enumerate(rows)]


def generated(items: Iterable[Any]) -> Iterator[Any]:
    yield from items


async def streamed(items: Iterable[Any]) -> AsyncIterator[Any]:
    for item in items:
        yield item


EVERY_KIND = pytest.mark.parametrize("kind", [list, generated, streamed])


class Through(httpx.AsyncBaseTransport):
    """Answers with the sandbox, through a function that may change or lose what goes through."""

    def __init__(self, sandbox: Sandbox, through: Callable[[httpx.Request, Answer], Awaitable[httpx.Response]]) -> None:
        self._sandbox = sandbox.transport()
        self._through = through

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._through(request, self._sandbox.handle_async_request)


def client_through(sandbox: Sandbox, through: Any, **options: Any) -> ExistClient:
    http_client = httpx.AsyncClient(transport=Through(sandbox, through))
    return ExistClient(sandbox.token, http_client=http_client, **{"rate_limiter": None, "max_retries": 0} | options)


# The number of requests

FIGURES = pytest.mark.parametrize(
    ("attributes", "days", "changes", "written", "requests"),
    [
        pytest.param(20, 365, 30, 30, 13, id="a year with some changes"),
        pytest.param(100, 31, 0, 0, 1, id="one full request"),
        pytest.param(5, 3650, 0, 0, 118, id="ten years of few attributes"),
        pytest.param(1, 1, 0, 1, 1, id="one value"),
        pytest.param(1, 3650, 0, 1050, 26 + 30, id="one attribute, read as far as a quarter of 105 requests goes"),
        pytest.param(4, 365, 0, 220, 10 + 7, id="so few attributes that two of twelve windows are not read"),
        pytest.param(3, 35, 0, 105, 3, id="so few values that reading them is more than a quarter"),
        pytest.param(4, 35, 0, 16, 2, id="so few in the second window that they are written without reading"),
        pytest.param(101, 400, 0, 0, 13 + 4, id="one attribute too many for the windows is read alone"),
        pytest.param(120, 3650, 0, 0, 236, id="ten years of many attributes", marks=pytest.mark.slow),
    ],
)


@FIGURES
async def test_values_that_are_there_take_few_requests(
    sandbox: Sandbox, exist: ExistClient, attributes: int, days: int, changes: int, written: int, requests: int
) -> None:
    rows = with_changes(rows_there(sandbox, attributes, days), changes)

    result = await exist.values.sync(rows)

    assert len(sandbox.requests) == requests
    assert result.ok
    assert [outcome.item for outcome in result] == rows
    assert (len(result.unchanged), len(result.succeeded)) == (len(rows) - written, written)
    assert sandbox.values(rows[0].name)[rows[0].date] == rows[0].value


async def test_comparing_sends_reads_alone_and_says_what_syncing_would_write(
    sandbox: Sandbox, exist: ExistClient
) -> None:
    there = rows_there(sandbox, 20, 365)
    rows = with_changes(there, 70)

    comparison = await exist.values.compare(rows)

    assert comparison == Comparison(
        [row for row, old in zip(rows, there, strict=True) if row != old], len(rows) - 70, 0, reads=12, writes=2
    )
    assert [request.path for request in sandbox.requests] == [WITH_VALUES] * 12


async def test_one_value_is_not_compared_as_writing_it_takes_no_more(sandbox: Sandbox, exist: ExistClient) -> None:
    rows = rows_there(sandbox, 1, 1)

    assert await exist.values.compare(rows) == Comparison(rows, 0, 0, reads=0, writes=1)
    assert sandbox.requests == []
    assert await exist.values.compare([]) == Comparison([], 0, 0, 0, 0)
    assert (await exist.values.sync([])).ok


async def test_what_would_be_written_is_in_the_order_of_the_rows(exist: ExistClient) -> None:
    rows = [ValueUpdate(name, END, value) for name, value in (("b", 1), ("a", 2), ("c", 3), ("b", 4))]

    assert await exist.values.compare(rows) == Comparison(rows[1:], 0, 1, reads=0, writes=1)


async def test_comparing_a_stream_keeps_only_what_would_be_written(sandbox: Sandbox, exist: ExistClient) -> None:
    there = rows_there(sandbox, 10, 31)
    rows: list[weakref.ref[ValueUpdate]] = []
    alive: list[int] = []

    def fresh() -> Iterator[ValueUpdate]:
        for _ in range(4):
            for row in there:
                copy = changed(row, row.value)
                rows.append(weakref.ref(copy))
                yield copy
            alive.append(sum(row() is not None for row in rows))

    with patch("exist_async.values.sync.BLOCK_SIZE", 310):
        comparison = await exist.values.compare(fresh())

    assert comparison.unchanged == 4 * 310
    assert max(alive) <= 2 * 310 + 10


async def test_of_days_far_apart_only_those_with_rows_are_read(sandbox: Sandbox, exist: ExistClient) -> None:
    tracked = rows_there(sandbox, 20, 3000)
    rows = [
        row for row in tracked if row.date > back(20) or back(1500) < row.date < back(1480) or row.date < back(2990)
    ]

    result = await exist.values.sync(rows)

    assert len(result.unchanged) == len(rows)
    assert sorted(request.query["date_max"] for request in sandbox.requests) == sorted(
        day.isoformat() for day in (END, back(1481), back(2991))
    )


async def test_a_few_values_of_other_days_are_written_without_reading(sandbox: Sandbox, exist: ExistClient) -> None:
    tracked = rows_there(sandbox, 20, 1000)
    rows = [row for row in tracked if row.date > back(32)]
    lonely = [row for row in tracked if row.name == "thing_003" and row.date in (back(500), back(900))]

    result = await exist.values.sync([*rows, *lonely])

    assert len(result.unchanged) == len(rows)
    assert [outcome.item for outcome in result if outcome.status is OutcomeStatus.SUCCEEDED] == lonely
    assert len(sandbox.requests) == 2


async def test_attributes_of_different_years_are_not_mixed_in_one_request(sandbox: Sandbox, exist: ExistClient) -> None:
    tracked = rows_there(sandbox, 200, 731)
    # The odd ones of this year, the even ones of the year before last.
    rows = [row for row in tracked if (row.date > back(63)) == (int(row.name[-3:]) % 2 == 1)]
    rows = [row for row in rows if row.date > back(63) or row.date < back(670)]

    result = await exist.values.sync(rows)

    assert result.unchanged == list(result)
    assert len(sandbox.requests) == 2 + 2


async def test_a_name_with_a_comma_is_read_alone(sandbox: Sandbox, exist: ExistClient) -> None:
    rows = rows_there(sandbox, 20, 200)
    sandbox.add_attribute(name="salt, pepper", group="health", value_type=0, service=sandbox.service)
    sandbox.set_values("salt, pepper", {row.date: 1 for row in rows})
    spices = [ValueUpdate("salt, pepper", row.date, 1) for row in rows[:200]]

    result = await exist.values.sync([*rows, *spices])

    assert result.unchanged == list(result)
    assert (asked(sandbox, WITH_VALUES), asked(sandbox, VALUES)) == (7, 2)


@pytest.mark.parametrize("length", [2001, 100_000])
async def test_values_of_a_name_that_fits_into_no_url_are_written_without_reading(
    sandbox: Sandbox, exist: ExistClient, length: int
) -> None:
    rows = rows_there(sandbox, 20, 31)
    misnamed = [ValueUpdate("x" * length, back(day), 1) for day in range(1, 101)]

    result = await exist.values.sync([*rows, *misnamed])

    assert len(result.unchanged) == len(rows)
    assert {outcome.error_code for outcome in result[len(rows) :]} == {"not_found"}
    assert (asked(sandbox, WITH_VALUES), asked(sandbox, VALUES)) == (1, 0)


@pytest.mark.parametrize("limit", [3, 7, 30])
async def test_smaller_pages_than_requested_are_read_on_as_far_as_the_quarter_goes(
    sandbox: Sandbox, limit: int
) -> None:
    rows = rows_there(sandbox, 60, 62)

    async def shorten(request: httpx.Request, answer: Answer) -> httpx.Response:
        return await answer(_with_params(request, limit=str(limit)) if request.method == "GET" else request)

    result = await client_through(sandbox, shorten).values.sync(rows)

    assert result.ok
    assert len(result.unchanged) > 0.6 * len(rows)
    assert asked(sandbox, WITH_VALUES) <= ceil(len(rows) / 35) / 4


async def test_a_listing_that_ignores_the_filter_is_read_to_the_names_that_were_asked_for(sandbox: Sandbox) -> None:
    rows = [row for row in rows_there(sandbox, 150, 31) if row.name >= "thing_120"]

    async def ignore(request: httpx.Request, answer: Answer) -> httpx.Response:
        return await answer(_with_params(request, attributes=""))

    result = await client_through(sandbox, ignore).values.sync(rows)

    assert result.unchanged == list(result)
    assert len(sandbox.requests) == 2


def _with_params(request: httpx.Request, **params: str) -> httpx.Request:
    return httpx.Request(request.method, request.url.copy_merge_params(params), headers=request.headers)


async def test_reads_go_out_together(sandbox: Sandbox) -> None:
    under_way: list[int] = [0]
    most = 0

    async def count(request: httpx.Request, answer: Answer) -> httpx.Response:
        nonlocal most
        under_way[0] += 1
        most = max(most, under_way[0])
        for _ in range(20):
            await asyncio.sleep(0)
        under_way[0] -= 1
        return await answer(request)

    await client_through(sandbox, count, concurrency=4).values.compare(rows_there(sandbox, 20, 365))

    assert most == 4


async def test_other_tasks_run_between_the_steps_of_comparing_very_many_values(
    sandbox: Sandbox, exist: ExistClient
) -> None:
    rows = rows_there(sandbox, 10, 31)
    turns = 0
    turns_before_planning: list[int] = []

    async def take_turns() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    plan_now = sync._plan

    def plan(positions: Any) -> Any:
        turns_before_planning.append(turns)
        return plan_now(positions)

    with patch("exist_async.values.sync._plan", plan):
        other = asyncio.create_task(take_turns())
        await exist.values.compare(rows)
        other.cancel()

    assert turns_before_planning[0] >= 1


# Equality


@pytest.mark.parametrize(
    ("value_type", "stored", "value", "is_same"),
    [
        (0, 7, 7, True),
        (0, 7, 7.0, True),
        (0, 7, 8, False),
        (0, 0, 0, True),
        (0, None, 0, False),
        (1, 7.0, 7, True),
        (1, 71.5, 71.5, True),
        (1, 0.1, 0.1 + 0.2 - 0.2, False),
        (1, 0.30000000000000004, 0.1 + 0.2, True),
        (1, float(2**53), 2**53 + 1, True),
        (0, 2**53, 2**53 + 1, False),
        (2, "7", "7", True),
        (2, "7", "7 ", False),
        (2, "Tea", "tea", False),
        (2, "café", "cafe\u0301", False),
        (2, "7", 7, False),
        (2, None, "", False),
        (7, 1, True, True),
        (7, 0, False, True),
        (7, 1, False, False),
    ],
)
async def test_equal_is_what_would_be_stored(
    sandbox: Sandbox, exist: ExistClient, value_type: int, stored: Any, value: Any, is_same: bool
) -> None:
    others = rows_there(sandbox, 10, 31)
    sandbox.add_attribute(name="it", group="health", value_type=value_type, service=sandbox.service)
    if stored is not None:
        sandbox.set_value("it", END, stored)
    row = ValueUpdate("it", END, value)

    comparison = await exist.values.compare([*others, row])

    assert comparison.changed == ([] if is_same else [row])


@pytest.mark.parametrize("missing", ["null", "absent"])
async def test_a_day_without_a_value_differs(sandbox: Sandbox, exist: ExistClient, missing: Any) -> None:
    sandbox.missing_days = missing
    there = rows_there(sandbox, 10, 20)
    rows = [ValueUpdate(f"thing_{n:03}", back(day), 0) for n in range(10) for day in range(21, 32)]

    comparison = await exist.values.compare([*there, *rows])

    assert (comparison.changed, comparison.unchanged) == (rows, len(there))
    assert comparison.reads == 1


# Several rows of one day


@EVERY_KIND
async def test_rows_before_an_unchanged_last_one_are_superseded_and_each_is_told_once(
    sandbox: Sandbox, exist: ExistClient, kind: Callable[..., Any]
) -> None:
    there = rows_there(sandbox, 10, 31)
    rows = [changed(there[0]), *there, changed(there[1], 5), changed(there[0], 6), there[0]]
    told: list[Outcome[Any, Any]] = []

    comparison = await exist.values.compare(kind(rows))
    result = await exist.values.sync(kind(rows), on_outcome=told.append)

    assert comparison == Comparison([rows[-3]], 309, 4, reads=1, writes=1)
    assert statuses(result[:3]) == ["superseded", "superseded", "superseded"]  # type: ignore[arg-type]
    assert statuses(result[-3:]) == ["succeeded", "superseded", "unchanged"]  # type: ignore[arg-type]
    assert sorted(told, key=lambda outcome: outcome.index) == list(result)
    assert sandbox.values("thing_000")[END] == there[0].value
    assert sandbox.values("thing_000")[back(2)] == 5


async def test_an_invalid_last_row_that_differs_hides_no_good_one(sandbox: Sandbox, exist: ExistClient) -> None:
    there = rows_there(sandbox, 10, 31)

    result = await exist.values.sync([changed(there[0], 5), *there[1:], changed(there[0], "many")])

    assert (result[0].status, result[-1].error_code) == (OutcomeStatus.SUCCEEDED, "validation")
    assert sandbox.values("thing_000")[END] == 5


@pytest.mark.parametrize("kind", [generated, streamed])
async def test_a_later_block_that_takes_a_value_back_is_not_taken_for_unchanged(
    sandbox: Sandbox, kind: Callable[..., Any]
) -> None:
    there = rows_there(sandbox, 10, 31)
    other = [changed(row) for row in there]
    reading = asyncio.Event()

    async def hold_writes(request: httpx.Request, answer: Answer) -> httpx.Response:
        """Carry out the writes of the first block only when the second one is read or written."""
        if request.method == "GET" and len(sandbox.requests) > 0:
            reading.set()
        elif request.method == "POST" and not reading.is_set():
            waiting = asyncio.create_task(reading.wait())
            await asyncio.wait([waiting], timeout=0.2)
            waiting.cancel()
        return await answer(request)

    with patch("exist_async.batch.writes.BLOCK_SIZE", 310), patch("exist_async.values.sync.BLOCK_SIZE", 310):
        exist = client_through(sandbox, hold_writes, concurrency=30)
        comparison = await exist.values.compare(kind([*other, *there]))
        result = await exist.values.sync(kind([*other, *there]))

    assert result.ok
    assert comparison.changed == [*other, *there]
    assert [ValueUpdate(row.name, row.date, sandbox.values(row.name)[row.date]) for row in there] == there


async def _sync_twice(
    exist: ExistClient, first: list[ValueUpdate], second: list[ValueUpdate], waits_for: OutcomeStatus
) -> BatchResult[Any, Any]:
    """Sync two blocks of rows, the second once a row of the first has some outcome; return the result of the error."""
    told = asyncio.Event()

    def tell(outcome: Outcome[Any, Any]) -> None:
        if outcome.status is waits_for:
            told.set()

    async def blocks() -> AsyncIterator[ValueUpdate]:
        for row in first:
            yield row
        await told.wait()
        for row in second:
            yield row

    with patch("exist_async.batch.writes.BLOCK_SIZE", len(first)), pytest.raises(ExistAsyncError) as caught:
        await asyncio.wait_for(exist.values.sync(blocks(), on_outcome=tell), 20)
    assert caught.value.result is not None
    return caught.value.result


async def test_a_value_whose_outcome_is_unknown_is_written_again_not_compared(sandbox: Sandbox) -> None:
    there = rows_there(sandbox, 10, 31)
    lost: list[httpx.Request] = []

    async def lose(request: httpx.Request, answer: Answer) -> httpx.Response:
        if request.method == "POST" and not lost:
            lost.append(request)
            raise httpx.ReadError("cut")
        return await answer(request)

    first = [changed(there[0]), *there[1:]]
    result = await _sync_twice(client_through(sandbox, lose), first, there, OutcomeStatus.UNKNOWN)

    assert statuses(result[:1] + result[310:311]) == ["unknown", "succeeded"]  # type: ignore[arg-type]
    assert len(result.unchanged) == 618
    assert result.remainder() == []


async def test_a_refused_value_that_is_about_to_be_sent_again_is_not_compared(sandbox: Sandbox) -> None:
    there = rows_there(sandbox, 10, 31)
    attribute = sandbox.user.attribute("thing_000")
    assert attribute is not None
    attribute.service = sandbox.add_service("tracker", "Fitness tracker")
    second_read = asyncio.Event()
    refused: list[httpx.Request] = []

    async def hold_acquiring(request: httpx.Request, answer: Answer) -> httpx.Response:
        if request.url.path.endswith("acquire/"):
            refused.append(request)
            await asyncio.wait_for(second_read.wait(), 20)
        response = await answer(request)
        if asked(sandbox, WITH_VALUES) == 2:
            second_read.set()
        return response

    async def blocks() -> AsyncIterator[ValueUpdate]:
        for row in [changed(there[0]), *there[1:]]:
            yield row
        await until(lambda: refused)
        for row in there:
            yield row

    with patch("exist_async.batch.writes.BLOCK_SIZE", 310):
        result = await client_through(sandbox, hold_acquiring).values.sync(blocks(), reacquire=True)

    assert result.ok
    assert sandbox.values("thing_000")[END] == there[0].value


async def test_a_value_is_compared_after_an_earlier_one_for_its_day_was_refused_for_good(
    sandbox: Sandbox, exist: ExistClient
) -> None:
    there = rows_there(sandbox, 10, 31)
    attribute = sandbox.user.attribute("thing_000")
    assert attribute is not None
    attribute.service = sandbox.add_service("tracker", "Fitness tracker")
    refused: list[Any] = []

    async def blocks() -> AsyncIterator[ValueUpdate]:
        for row in [changed(there[0]), *there[1:]]:
            yield row
        await until(lambda: refused)
        for row in there:
            yield row

    def tell(outcome: Outcome[Any, Any]) -> None:
        if outcome.status is OutcomeStatus.REFUSED:
            refused.append(outcome)

    with patch("exist_async.batch.writes.BLOCK_SIZE", 310):
        result = await exist.values.sync(blocks(), on_outcome=tell)

    assert len(refused) == 1
    assert len(result.unchanged) == 309 + 310


async def test_a_long_stream_without_answers_takes_no_longer_for_each_block(sandbox: Sandbox) -> None:
    keys = Counter[object]()

    def counted_key(row: ValueUpdate) -> tuple[str, dt.date | None]:
        key = conflict_key(row)
        keys[key] += 1
        return key

    async def fail(request: httpx.Request, answer: Answer) -> httpx.Response:
        return httpx.Response(501)

    rows = [ValueUpdate("mood", back(day), 1) for day in range(1, 1501)]
    operation = evolve(writes.UPDATE, conflict_key=counted_key)
    with (
        patch("exist_async.values.writes.UPDATE", operation),
        patch("exist_async.batch.writes.BLOCK_SIZE", 30),
        pytest.raises(ExistAsyncError) as caught,
    ):
        await client_through(sandbox, fail).values.sync(generated(rows))

    assert caught.value.result is not None
    assert statuses(caught.value.result) == ["unknown"] * len(rows)
    assert max(keys.values()) <= 20


async def test_an_older_row_is_not_to_be_sent_again_over_an_unchanged_one(sandbox: Sandbox) -> None:
    there = rows_there(sandbox, 10, 31)

    async def refuse_connections(request: httpx.Request, answer: Answer) -> httpx.Response:
        if request.method == "POST":
            raise httpx.ConnectError("refused")
        return await answer(request)

    first = [changed(there[0]), *there[1:]]
    result = await _sync_twice(client_through(sandbox, refuse_connections), first, there, OutcomeStatus.NOT_SENT)

    assert statuses(result[:1] + result[310:311]) == ["not_sent", "unchanged"]  # type: ignore[arg-type]
    assert result.remainder() == []


async def test_a_listing_that_contradicts_itself_is_not_believed(sandbox: Sandbox, exist: ExistClient) -> None:
    there = rows_there(sandbox, 10, 31)

    def contradict(reply: Any) -> Any:
        attribute = reply["results"][0]
        return reply | {"results": [*reply["results"], attribute | {"values": [{"date": "2026-11-20", "value": 99}]}]}

    sandbox.rewrite_next(contradict)
    comparison = await exist.values.compare(there)

    assert comparison.changed == [there[0]]


@pytest.mark.parametrize("has_ended", [True, False], ids=["has ended", "was cancelled just now"])
async def test_what_a_cancelled_write_may_still_change_is_not_compared(sandbox: Sandbox, has_ended: bool) -> None:
    there = rows_there(sandbox, 10, 31)
    sent, go_on = asyncio.Event(), asyncio.Event()

    async def hold(request: httpx.Request, answer: Answer) -> httpx.Response:
        if request.method == "POST" and not sent.is_set():
            sent.set()
            await go_on.wait()
        return await answer(request)

    exist = client_through(sandbox, hold)
    cancelled = asyncio.create_task(exist.values.update([changed(there[0])]))
    await sent.wait()
    cancelled.cancel()
    if has_ended:
        await asyncio.wait([cancelled])
    syncing = asyncio.create_task(exist.values.sync(there))
    comparison = await exist.values.compare(there)
    await until(lambda: asked(sandbox, WITH_VALUES) == 2)
    go_on.set()
    result = await syncing

    assert comparison.changed == [there[0]]
    assert result[0].status is OutcomeStatus.SUCCEEDED
    assert len(result.unchanged) == 309
    assert sandbox.values("thing_000")[END] == there[0].value


# What can't be read


async def test_attributes_that_cannot_be_read_are_written_without_comparing(
    sandbox: Sandbox, exist: ExistClient
) -> None:
    rows = rows_there(sandbox, 10, 31)
    hidden = sandbox.user.attribute("thing_003")
    assert hidden is not None
    hidden.active = False

    result = await exist.values.sync([*rows, ValueUpdate("no_such_thing", END, 1)], reacquire=True)

    assert {outcome.item.name for outcome in result if outcome.status is OutcomeStatus.SUCCEEDED} == {"thing_003"}
    assert result[-1].error_code == "not_found"
    assert len(result.unchanged) == 9 * 31


async def test_unchanged_values_of_another_service_are_not_acquired(sandbox: Sandbox, exist: ExistClient) -> None:
    rows = rows_there(sandbox, 10, 31)
    other = sandbox.add_service("tracker", "Fitness tracker")
    attribute = sandbox.user.attribute("thing_003")
    assert attribute is not None
    attribute.service = other

    result = await exist.values.sync(rows, reacquire=True)

    assert result.unchanged == list(result)
    assert attribute.service is other


@pytest.mark.parametrize("status", [400, 404, 405, 500, 502])
async def test_a_part_whose_reading_fails_is_written_without_comparing(
    sandbox: Sandbox, exist: ExistClient, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    rows = rows_there(sandbox, 20, 62)
    sandbox.fail_next(status=status, path="with-values/", times=1 if status < 500 else 3)

    result = await exist.with_options(concurrency=1).values.sync(rows)

    assert result.ok
    assert (len(result.succeeded), len(result.unchanged)) == (620, 620)
    assert "Values of 20 attributes from 2026-10-21 to 2026-11-20 are written without comparing" in caplog.text


@pytest.mark.parametrize("failure", [httpx.ReadError("cut"), httpx.ConnectError("refused"), "not JSON"])
async def test_so_is_one_whose_reading_is_not_answered(sandbox: Sandbox, failure: Any) -> None:
    rows = rows_there(sandbox, 20, 31)

    async def fail(request: httpx.Request, answer: Answer) -> httpx.Response:
        if request.method == "GET":
            if isinstance(failure, str):
                return httpx.Response(200, text=failure)
            raise failure
        return await answer(request)

    result = await client_through(sandbox, fail).values.sync(rows)

    assert len(result.succeeded) == len(rows)


@pytest.mark.parametrize("attributes", [5, 20])
@pytest.mark.parametrize(
    "failure", [httpx.ReadTimeout("slow"), httpx.Response(503), httpx.Response(200, text="<html>")]
)
async def test_repeats_of_failed_reads_count_towards_the_quarter(
    sandbox: Sandbox, clock: Any, attributes: int, failure: Any
) -> None:
    rows = rows_there(sandbox, attributes, 730)
    requests = 0

    async def fail(request: httpx.Request, answer: Answer) -> httpx.Response:
        nonlocal requests
        requests += 1
        if request.method == "POST":
            return await answer(request)
        if isinstance(failure, Exception):
            raise failure
        return failure  # type: ignore[no-any-return]

    result = await client_through(sandbox, fail, max_retries=2, sleep=clock.sleep).values.sync(rows)

    written = ceil(len(rows) / 35)
    assert len(result.succeeded) == len(rows)
    assert written + 24 < requests <= written * 1.25


async def test_a_read_that_fails_once_is_repeated(sandbox: Sandbox, exist: ExistClient) -> None:
    rows = rows_there(sandbox, 20, 365)
    sandbox.fail_next(status=503, path="with-values/", times=1)

    result = await exist.values.sync(rows)

    assert result.unchanged == list(result)
    assert len(sandbox.requests) == 13


@pytest.mark.parametrize(
    ("status", "cls"), [(401, AuthenticationError), (403, PermissionDeniedError), (429, RateLimitError)]
)
async def test_an_error_that_every_request_ends_in_ends_the_call(
    sandbox: Sandbox, exist: ExistClient, status: int, cls: type[ExistAsyncError]
) -> None:
    rows = rows_there(sandbox, 20, 365)
    exist = exist.with_options(max_wait=0)
    sandbox.fail_next(status=status, path="with-values/", times=20)

    with pytest.raises(cls) as caught:
        await exist.values.sync(rows)

    assert caught.value.result is not None
    assert set(statuses(caught.value.result)) == {"not_sent"}
    assert len(caught.value.result) == len(rows)
    assert caught.value.result.remainder() == rows
    assert asked(sandbox, UPDATE) == 0
    with pytest.raises(cls):
        await exist.values.compare(rows)


async def test_a_budget_that_is_spent_while_reading_ends_the_call(sandbox: Sandbox, exist: ExistClient) -> None:
    rows = rows_there(sandbox, 20, 365)
    sandbox.rate_limit = 5

    with pytest.raises(RateLimitError) as caught:
        await exist.values.sync(rows)

    assert caught.value.result is not None
    assert caught.value.result.remainder() == rows


async def test_reading_and_writing_share_one_deadline(sandbox: Sandbox, clock: Any) -> None:
    rows = with_changes(rows_there(sandbox, 20, 31), 3)

    async def slow(request: httpx.Request, answer: Answer) -> httpx.Response:
        clock.now += 40
        return await answer(request)

    with pytest.raises(DeadlineExceededError) as caught:
        await client_through(sandbox, slow, clock=clock, sleep=clock.sleep, deadline=30).values.sync(rows)

    assert caught.value.result is not None
    assert (len(caught.value.result.unchanged), len(caught.value.result.not_sent)) == (617, 3)
    assert asked(sandbox, UPDATE) == 0


class _BrokenAuth(httpx.Auth):
    """Signs nothing: it raises an error."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def auth_flow(self, request: httpx.Request) -> Any:
        raise self.error
        yield request


@pytest.mark.parametrize("error", [LookupError("no such key"), asyncio.CancelledError("from inside")])
async def test_an_error_of_the_caller_s_auth_ends_the_call(
    sandbox: Sandbox, exist: ExistClient, error: BaseException
) -> None:
    rows = rows_there(sandbox, 20, 31)

    with pytest.raises(BatchError, match="write stopped by") as caught:
        await exist.with_options(auth=_BrokenAuth(error)).values.sync(rows)

    assert statuses(caught.value.result) == ["not_sent"] * len(rows)
    assert sandbox.requests == []


# Whatever happens, one outcome for each item


async def test_a_callback_that_raises_at_an_unchanged_value_stops_before_anything_is_written(
    sandbox: Sandbox, exist: ExistClient
) -> None:
    rows = with_changes(rows_there(sandbox, 20, 31), 40)

    def tell(outcome: Outcome[Any, Any]) -> None:
        raise LookupError("no such progress bar")

    with pytest.raises(BatchError, match="no such progress bar") as caught:
        await exist.values.sync(rows, on_outcome=tell)

    assert asked(sandbox, UPDATE) == 0
    assert (len(caught.value.result.unchanged), len(caught.value.result.not_sent)) == (580, 40)


@pytest.mark.parametrize("kind", [generated, streamed])
async def test_the_rows_before_a_wrong_one_of_a_stream_are_compared_and_written(
    sandbox: Sandbox, exist: ExistClient, kind: Callable[..., Any]
) -> None:
    rows = with_changes(rows_there(sandbox, 20, 31), 40)

    with pytest.raises(ConfigurationError, match=r"items\[620\]") as caught:
        await exist.values.sync(kind([*rows, "mood"]))

    assert caught.value.result is not None
    assert (len(caught.value.result.unchanged), len(caught.value.result.succeeded)) == (580, 40)
    with pytest.raises(ConfigurationError, match=r"items\[620\]"):
        await exist.values.compare(kind([*rows, "mood"]))


async def test_a_list_with_a_wrong_row_sends_nothing(sandbox: Sandbox, exist: ExistClient) -> None:
    rows: list[Any] = [*rows_there(sandbox, 20, 31), "mood"]

    for call in (exist.values.sync, exist.values.compare):
        with pytest.raises(ConfigurationError, match=r"items\[620\]"):
            await call(rows)
        with pytest.raises(ConfigurationError, match="a bare str"):
            await call("mood")  # type: ignore[arg-type]

    assert sandbox.requests == []


async def test_the_error_of_a_stream_reaches_the_caller_with_the_outcomes_before_it(
    sandbox: Sandbox, exist: ExistClient
) -> None:
    def broken() -> Iterator[ValueUpdate]:
        yield from with_changes(rows_there(sandbox, 20, 31), 40)
        raise LookupError("no such row")

    with pytest.raises(BatchError, match="no such row") as caught:
        await exist.values.sync(broken())

    assert (len(caught.value.result.unchanged), len(caught.value.result.succeeded)) == (580, 40)


async def test_the_error_of_a_stream_is_raised_as_it_is_by_a_comparison(sandbox: Sandbox, exist: ExistClient) -> None:
    def broken() -> Iterator[ValueUpdate]:
        yield ValueUpdate("mood", END, 1)
        raise LookupError("no such row")

    with pytest.raises(LookupError, match="no such row"):
        await exist.values.compare(broken())


async def test_cancelling_while_it_reads_writes_nothing(sandbox: Sandbox) -> None:
    rows = with_changes(rows_there(sandbox, 20, 365), 300)
    reading = asyncio.Event()

    async def hang(request: httpx.Request, answer: Answer) -> httpx.Response:
        reading.set()
        await asyncio.Event().wait()
        raise AssertionError

    told: list[Any] = []
    syncing = asyncio.create_task(client_through(sandbox, hang).values.sync(rows, on_outcome=told.append))
    await reading.wait()
    syncing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await syncing

    assert (told, sandbox.requests) == ([], [])


async def test_a_write_that_stops_ends_the_reading_of_the_next_block(sandbox: Sandbox) -> None:
    rows = rows_there(sandbox, 10, 31)
    second_read = asyncio.Event()

    async def refuse(request: httpx.Request, answer: Answer) -> httpx.Response:
        if request.method == "POST":
            await second_read.wait()
            return httpx.Response(401, json={"detail": "no"})
        if asked(sandbox, WITH_VALUES):
            second_read.set()
            await asyncio.Event().wait()
        return await answer(request)

    later = [ValueUpdate(row.name, row.date - dt.timedelta(days=100), 1) for row in rows]
    with patch("exist_async.batch.writes.BLOCK_SIZE", 310), pytest.raises(AuthenticationError) as caught:
        await asyncio.wait_for(
            client_through(sandbox, refuse).values.sync(generated([changed(rows[0]), *rows[1:], *later])), 20
        )

    result = caught.value.result
    assert result is not None
    assert (len(result.refused), len(result.unchanged), len(result.not_sent)) == (1, 309, 310)


# Anything at all


def _disturb(rng: random.Random) -> Any:
    """Return what loses, refuses or garbles some requests, before or after they were carried out."""
    reliable = rng.random() < 0.3

    async def through(request: httpx.Request, answer: Answer) -> httpx.Response:
        way = 99 if reliable else rng.randrange(30)
        if way == 0:
            raise httpx.ConnectError("refused")
        if way == 1:
            return httpx.Response(rng.choice([400, 403, 404, 429]), json={"detail": "no"})
        if way == 2:
            raise httpx.ReadError("cut")
        for _ in range(rng.choice([0, 0, 3, 100])):
            await asyncio.sleep(0)
        response = await answer(request)
        if way == 3:
            return httpx.Response(rng.choice([500, 502]), text="<html>")
        if way == 4:
            return httpx.Response(200, text=rng.choice(["", "<html>", "[]", '{"results": [7]}']))
        if way == 5:
            raise httpx.ReadError("cut")
        return response

    return through


def _some_rows(sandbox: Sandbox, rng: random.Random) -> list[ValueUpdate]:
    """Give the user some attributes, some of which can't be read or written, and return rows, half of which are new."""
    names = [f"thing_{n}" for n in range(rng.randint(1, 12))]
    days = [back(day + rng.choice([0, 0, 0, 400])) for day in range(1, rng.randint(2, 90))]
    stored: dict[tuple[str, dt.date], int] = {}
    for name in names:
        sandbox.add_attribute(
            name=name,
            group="health",
            value_type=0,
            service=rng.choice([sandbox.service] * 5 + [None]),
            active=rng.random() < 0.9,
            priority=rng.choice([1, 10]),
        )
        stored |= {(name, day): rng.randrange(3) for day in days if rng.random() < 0.8}
        sandbox.set_values(name, {day: value for (its, day), value in stored.items() if its == name})
    share = rng.choice([0.0, 0.1, 1.0])
    rows = [
        ValueUpdate(name, day, rng.randrange(3) if rng.random() < share else stored.get((name, day), 1))
        for name in [*names, "no_such_thing"]
        for day in days
        for _ in range(rng.choice([1, 1, 1, 2]))
    ]
    rng.shuffle(rows)
    return rows


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([list, generated]), st.booleans())
def test_whatever_happens_exist_has_the_last_row_of_each_day_that_is_fine(
    seed: int, kind: Callable[..., Any], reacquire: bool
) -> None:
    rng = random.Random(seed)
    sandbox = Sandbox()
    rows = _some_rows(sandbox, rng)
    block_size = rng.choice([200, 350, 10_000]) if kind is generated else len(rows)
    told: list[Any] = []

    async def sync() -> BatchResult[Any, Any]:
        exist = client_through(sandbox, _disturb(rng), concurrency=rng.randint(1, 8), max_wait=0.0)
        try:
            return await exist.values.sync(kind(rows), reacquire=reacquire, on_outcome=told.append)
        except ExistAsyncError as error:
            return error.result or BatchResult(())

    with patch("exist_async.batch.writes.BLOCK_SIZE", block_size):
        result = asyncio.run(sync())

    assert [(outcome.index, outcome.item) for outcome in result] == list(enumerate(rows[: len(result)]))
    assert len(result) == len(rows) or not result.ok
    assert sorted(told, key=lambda outcome: outcome.index) == list(result)
    last = {(row.name, row.date): outcome for row, outcome in zip(rows, result, strict=False)}
    for (name, day), outcome in last.items():
        assert outcome.status is not OutcomeStatus.SUPERSEDED
        if outcome.status in (OutcomeStatus.SUCCEEDED, OutcomeStatus.UNCHANGED):
            assert sandbox.values(name)[day] == outcome.item.value
    blocks = [rows[start : start + block_size] for start in range(0, len(rows), block_size)]
    update_takes = sum(ceil(len({(row.name, row.date) for row in block}) / 35) for block in blocks)
    reads = asked(sandbox, WITH_VALUES) + asked(sandbox, VALUES)
    assert reads <= update_takes / 4
    if not reacquire:
        assert len(sandbox.requests) - reads <= update_takes
