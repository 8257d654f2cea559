"""Writes with a journal whose callers are cancelled, whose programs end, and what is said of them meanwhile."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from journal_stores import JournalStore, hold_notes

from exist_async import (
    BatchError,
    ExistClient,
    JournalError,
    MemoryRateLimiter,
    Outcome,
    OutcomeStatus,
    OutcomeUnknownError,
    ValueIncrement,
    ValueUpdate,
)
from exist_async.batch.journal import WriteJournal
from support import Answering, HeldService, statuses, succeed, until

DAY = dt.date(2026, 11, 20)


def increments(count: int) -> list[ValueIncrement]:
    return [ValueIncrement("steps", 1, DAY - dt.timedelta(days=day)) for day in range(count)]


async def cancelled(task: "asyncio.Task[Any]") -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_a_cancelled_write_has_in_flight_is_noted_when_it_ends(
    answering: Answering, new_journal: JournalStore
) -> None:
    service, told = HeldService(), list[int]()
    exist = answering(service, concurrency=1)
    items = increments(100)

    def write(journal: WriteJournal) -> "asyncio.Task[Any]":
        tell = lambda outcome: told.append(outcome.index)  # noqa: E731
        return asyncio.create_task(exist.values.increment(items, journal=journal, on_outcome=tell))

    async with new_journal() as journal:
        first = write(journal)
        await until(lambda: service.requests == 1)
        await cancelled(first)
        assert (await journal.summary()).counts[OutcomeStatus.UNKNOWN] == 35
        # The next one waits for it: otherwise it would take these increments for unknown.
        second = write(journal)
        await asyncio.sleep(0.05)
        assert service.requests == 1
        service.may_answer.set()
        assert (await second).ok

    assert service.requests == 3
    assert sorted(told) == list(range(100))


async def test_what_is_answered_after_it_was_closed_stays_noted_as_being_sent(
    answering: Answering, new_journal: JournalStore, caplog: pytest.LogCaptureFixture
) -> None:
    service = HeldService()
    exist = answering(service, concurrency=1)
    async with new_journal() as journal:
        write = asyncio.create_task(exist.values.increment(increments(40), journal=journal))
        await until(lambda: service.requests == 1)
        await cancelled(write)
    service.may_answer.set()
    await until(lambda: "was closed before this was noted" in caplog.text)

    told: list[Outcome[Any, Any]] = []
    async with new_journal() as journal:
        summary = await journal.summary()
        with pytest.raises(BatchError) as caught:
            await exist.values.increment(increments(40), journal=journal, on_outcome=told.append)
        with pytest.raises(BatchError):
            await exist.values.increment(increments(40), journal=journal, on_outcome=told.append)

    assert (summary.counts[OutcomeStatus.UNKNOWN], summary.counts[OutcomeStatus.NOT_SENT]) == (35, 5)
    assert [outcome.index for outcome in summary.failed] == list(range(40))
    assert caught.value.result is not None
    assert statuses(caught.value.result) == ["unknown"] * 35 + ["succeeded"] * 5
    assert isinstance(caught.value.result[0].cause, OutcomeUnknownError)
    assert "being sent when the program ended" in str(caught.value.result[0].cause)
    # Nobody was told before that these are unknown; and once is enough.
    assert sorted(outcome.index for outcome in told) == list(range(40))
    assert service.requests == 2


async def test_updates_that_were_being_sent_are_sent_again(answering: Answering, new_journal: JournalStore) -> None:
    service = HeldService()
    exist = answering(service, concurrency=1)
    items = [ValueUpdate("steps", item.date or DAY, 1) for item in increments(40)]
    async with new_journal() as journal:
        write = asyncio.create_task(exist.values.update(items, journal=journal))
        await until(lambda: service.requests == 1)
        await cancelled(write)
    service.may_answer.set()
    await asyncio.sleep(0.01)

    async with new_journal() as journal:
        summary = await journal.summary()
        cause = summary.failed[0].cause
        assert isinstance(cause, OutcomeUnknownError)
        assert cause.repeatable
        assert (await exist.values.update(items, journal=journal)).ok

    assert summary.counts[OutcomeStatus.UNKNOWN] == 35
    assert service.requests == 3


async def test_what_waits_for_the_budget_is_not_being_sent(new_journal: JournalStore) -> None:
    never = asyncio.Event()
    limiter = MemoryRateLimiter(limit=1, sleep=lambda _: never.wait())
    http_client = httpx.AsyncClient(transport=httpx.MockTransport(succeed))
    exist = ExistClient("a-token", http_client=http_client, rate_limiter=limiter, max_wait=None)
    async with new_journal() as journal:
        write = asyncio.create_task(exist.values.increment(increments(100), journal=journal))
        async with asyncio.timeout(20):
            while (await journal.summary()).counts[OutcomeStatus.SUCCEEDED] < 35:  # noqa: ASYNC110  (a file has no event)
                await asyncio.sleep(0.01)
        counts = (await journal.summary()).counts
        await cancelled(write)

    assert counts[OutcomeStatus.UNKNOWN] == 0
    assert counts[OutcomeStatus.NOT_SENT] == 65


async def test_a_request_that_is_cancelled_while_it_is_being_noted_is_not_sent(
    answering: Answering, new_journal: JournalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    exist = answering(succeed)
    journal = new_journal()
    async with journal:
        may_go_on = hold_notes(journal, monkeypatch)
        write = asyncio.create_task(exist.values.increment(increments(10), journal=journal))
        await until(lambda: journal._request_of)
        await cancelled(write)
        may_go_on.set()
        assert (await journal.summary()).counts[OutcomeStatus.NOT_SENT] == 10
        assert (await exist.values.increment(increments(10), journal=journal)).ok


async def test_what_waits_after_a_429_is_not_being_sent(new_journal: JournalStore) -> None:
    waits, never = asyncio.Event(), asyncio.Event()
    refusals = [httpx.Response(429, headers={"retry-after": "3000"}) for _ in range(2)]

    async def sleep(_: float) -> None:
        waits.set()
        await never.wait()

    def answer(request: httpx.Request) -> httpx.Response:
        return refusals.pop() if refusals else succeed(request)

    http_client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    exist = ExistClient("a-token", http_client=http_client, rate_limiter=None, max_wait=None, sleep=sleep)
    async with new_journal() as journal:
        write = asyncio.create_task(exist.values.increment(increments(10), journal=journal))
        await waits.wait()
        await cancelled(write)
        assert (await journal.summary()).counts[OutcomeStatus.NOT_SENT] == 10
        waits.clear()
        write = asyncio.create_task(exist.values.increment(increments(10), journal=journal))
        await waits.wait()
        held_back = (await journal.summary()).counts
        never.set()
        assert (await write).ok
        finished = (await journal.summary()).counts

    assert held_back[OutcomeStatus.NOT_SENT] == 10
    assert finished[OutcomeStatus.SUCCEEDED] == 10


async def test_a_write_that_was_cancelled_before_it_sent_anything_leaves_nothing_unknown(
    answering: Answering, new_journal: JournalStore
) -> None:
    exist = answering(succeed)
    items = increments(100)
    for turns in range(60):
        async with new_journal() as journal:
            write = asyncio.create_task(exist.values.increment(items, journal=journal))
            for _ in range(turns):
                await asyncio.sleep(0)
            write.cancel()
            await asyncio.gather(write, return_exceptions=True)
        async with new_journal() as journal:
            counts = (await journal.summary()).counts
            if turns == 0:
                assert sum(counts.values()) == 0
            finished = counts[OutcomeStatus.SUCCEEDED]
    async with new_journal() as journal:
        await asyncio.gather(exist.values.increment(items, journal=journal), return_exceptions=True)
        counts = (await journal.summary()).counts
    assert counts[OutcomeStatus.SUCCEEDED] >= finished
    assert counts[OutcomeStatus.NOT_SENT] == 0


async def test_an_error_of_the_caller_s_callback_stops_it_and_loses_nothing(
    answering: Answering, new_journal: JournalStore
) -> None:
    exist = answering(succeed, concurrency=1)

    def tell(_: object) -> None:
        raise LookupError("no such progress bar")

    async with new_journal() as journal:
        with pytest.raises(BatchError, match="LookupError"):
            await exist.values.increment(increments(100), journal=journal, on_outcome=tell)
        assert (await journal.summary()).counts[OutcomeStatus.SUCCEEDED] == 35
        assert (await exist.values.increment(increments(100), journal=journal)).ok


def test_it_can_be_used_from_one_event_loop_after_another(new_journal: JournalStore, answering: Answering) -> None:
    exist = answering(succeed)
    journal = new_journal()

    async def opened() -> None:
        await journal.__aenter__()
        await exist.values.increment(increments(10), journal=journal)

    async def go_on() -> None:
        async with journal:
            pass

    asyncio.run(opened())

    async def close() -> None:
        assert (await exist.values.increment(increments(20), journal=journal)).ok
        await journal.aclose()
        await journal.aclose()

    asyncio.run(close())
    asyncio.run(go_on())


def test_a_request_of_another_event_loop_is_not_waited_for(new_journal: JournalStore, answering: Answering) -> None:
    service = HeldService()
    exist = answering(service, concurrency=1)
    journal = new_journal()

    async def begin() -> None:
        await journal.__aenter__()
        write = asyncio.create_task(exist.values.increment(increments(40), journal=journal))
        await until(lambda: service.requests == 1)
        await cancelled(write)

    async def go_on() -> None:
        with pytest.raises(JournalError, match="a request of another event loop is not answered"):
            await exist.values.increment(increments(40), journal=journal)
        await journal.aclose()

    async def end() -> None:
        service.may_answer.set()
        await asyncio.sleep(0.01)

    with asyncio.Runner() as first:
        first.run(begin())
        with asyncio.Runner() as second:
            second.run(go_on())
        first.run(end())


async def test_a_journal_that_is_closed_during_a_write_ends_it(answering: Answering, new_journal: JournalStore) -> None:
    service = HeldService()
    exist = answering(service, concurrency=1)
    async with new_journal() as journal:
        write = asyncio.create_task(exist.values.increment(increments(100), journal=journal))
        await until(lambda: service.requests == 1)
    service.may_answer.set()
    with pytest.raises(JournalError, match="was closed before this was noted") as caught:
        await write

    assert caught.value.result is not None
    assert statuses(caught.value.result) == ["succeeded"] * 35 + ["not_sent"] * 65
    assert service.requests == 1


async def test_a_stream_whose_journal_is_closed_meanwhile_ends(answering: Answering, new_journal: JournalStore) -> None:
    exist, wait, closed = answering(succeed), asyncio.Event(), asyncio.Event()

    async def rows() -> AsyncIterator[ValueIncrement]:
        for number, item in enumerate(increments(70)):
            if number == 35:
                wait.set()
                await closed.wait()
            yield item

    async with new_journal() as journal:
        write = asyncio.create_task(exist.values.increment(rows(), journal=journal))
        await wait.wait()
        await until(lambda: not journal._requests)
    closed.set()
    with pytest.raises(JournalError, match="was closed while it was in use"):
        await write
