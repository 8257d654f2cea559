"""Writes with a journal, through crashes at any point: nothing is lost, and no increment is added twice."""

import asyncio
import contextlib
import datetime as dt
import json
import tempfile
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

import pytest
from crashing import CrashingFiles, CrashingJobs, Service
from hypothesis import given, settings
from hypothesis import strategies as st
from postgres_server import PostgresServer

from exist_async import (
    BatchResult,
    ExistAsyncError,
    OutcomeStatus,
    ValueIncrement,
    ValueUpdate,
    WriteSummary,
)
from exist_async.journals.base import StoredJournal

pytestmark = pytest.mark.slow

DAY = dt.date(2026, 11, 20)
CONCURRENCY = 3


async def streamed(items: list[Any]) -> AsyncIterator[Any]:
    for item in items:
        yield item


def given_as(kind: str, items: list[Any]) -> Any:
    return {"list": list, "generator": iter, "async generator": streamed}[kind](items)


def prepare(service: Service, days: int) -> None:
    service.sandbox.add_attribute(name="steps", group="health", value_type=0, service=service.sandbox.service)
    service.sandbox.set_values("steps", {DAY - dt.timedelta(days=day): 0 for day in range(days)})


Store = CrashingFiles | CrashingJobs


async def go_through_crashes(
    service: Service, items: list[Any], method: str, random: Random, new_journal: Store, crashes: int, keep: bool
) -> tuple[Any, StoredJournal, Counter[int]]:
    """Write with several crashes; return the last result, its journal, and how often each outcome was told."""
    told = Counter[int]()
    kind = random.choice(["list", "generator", "async generator"])

    async def write(journal: StoredJournal) -> Any:
        exist = service.client(concurrency=CONCURRENCY)
        call = getattr(exist.values, method)
        on_outcome = lambda outcome: told.update([outcome.index])  # noqa: E731
        given = given_as(kind, items)
        return await call(given, journal=journal, keep_outcomes=keep, on_outcome=on_outcome)

    for _ in range(crashes):
        async with new_journal() as journal:
            await service.crash(
                lambda journal=journal: write(journal),
                1 + random.randrange(1 + len(items) // 3),
                lambda journal=journal: new_journal.crash(journal),
            )
    service.failing = False
    journal = new_journal()
    async with journal:
        try:
            result = await write(journal)
        except ExistAsyncError as error:
            result = error.result if keep else error.summary
        before = service.requests
        # Finished: nothing is sent, and nothing is told again.
        had = told.copy()
        try:
            again = await write(journal)
        except ExistAsyncError as error:
            again = error.result if keep else error.summary
        assert service.requests == before
        assert told == had
        assert counts_of(again) == counts_of(result)
        assert (await journal.summary()).counts == counts_of(result)
        assert [outcome.index async for outcome in journal.outcomes()] == list(range(len(items)))
    return result, journal, told


def counts_of(result: BatchResult[Any, Any] | WriteSummary[Any, Any]) -> dict[OutcomeStatus, int]:
    if isinstance(result, WriteSummary):
        return dict(result.counts)
    counts = Counter(outcome.status for outcome in result)
    return {status: counts[status] for status in OutcomeStatus}


SMALL_REQUESTS = (
    patch("exist_async.batch.items.CHUNK_SIZE", 3),
    patch("exist_async.batch.writes.CHUNK_SIZE", 3),
)


FILES = settings(max_examples=60, deadline=None)
POSTGRES = settings(max_examples=12, deadline=None)


@pytest.fixture(scope="session")
def server(_shared_postgres: PostgresServer) -> PostgresServer:
    """For all examples of a test."""
    return _shared_postgres


@contextlib.asynccontextmanager
async def journals_of(server: PostgresServer | None) -> AsyncGenerator[Store, None]:
    """Make the journal of a job in a file, or in PostgreSQL."""
    with tempfile.TemporaryDirectory() as folder:
        new_journal = CrashingFiles(Path(folder)) if server is None else CrashingJobs(server)
        yield new_journal
        await new_journal.aclose()


UPDATES = given(
    seed=st.integers(0, 2**32),
    days=st.lists(st.integers(0, 14), min_size=1, max_size=40),
    crashes=st.integers(0, 4),
    failing=st.booleans(),
    keep=st.booleans(),
    method=st.sampled_from(["update", "sync"]),
    block=st.sampled_from([4, 10, 10_000]),
)


def check_updates(
    server: PostgresServer | None,
    *,
    seed: int,
    days: list[int],
    crashes: int,
    failing: bool,
    keep: bool,
    method: str,
    block: int,
) -> None:
    random = Random(seed)
    items = [ValueUpdate("steps", DAY - dt.timedelta(days=day), number + 1) for number, day in enumerate(days)]

    async def main() -> None:
        service = Service(random, failing=failing)
        prepare(service, 15)
        async with journals_of(server) as new_journal:
            result, _, _ = await go_through_crashes(service, items, method, random, new_journal, crashes, keep)
        assert result.ok
        last = {item.date: item.value for item in items}
        stored = service.sandbox.values("steps")
        assert {day: stored[day] for day in last} == last
        if not failing and len(set(days)) == len(days) and method == "update":
            assert service.requests <= -(-len(items) // 3) + max(0, -(-len(items) // block) - 1) + CONCURRENCY * crashes

    with SMALL_REQUESTS[0], SMALL_REQUESTS[1], patch("exist_async.batch.writes.BLOCK_SIZE", block):
        asyncio.run(main())


@FILES
@UPDATES
def test_every_update_is_applied_and_the_last_of_a_day_stays(**example: Any) -> None:
    check_updates(None, **example)


@POSTGRES
@UPDATES
def test_every_update_is_applied_with_a_journal_in_postgres(server: PostgresServer, **example: Any) -> None:
    check_updates(server, **example)


INCREMENTS = given(
    seed=st.integers(0, 2**32),
    days=st.lists(st.integers(0, 5), min_size=1, max_size=40),
    crashes=st.integers(0, 4),
    failing=st.booleans(),
    keep=st.booleans(),
)


def check_increments(
    server: PostgresServer | None, *, seed: int, days: list[int], crashes: int, failing: bool, keep: bool
) -> None:
    random = Random(seed)
    # Each has a value of its own, so that it can be told from the others.
    items = [ValueIncrement("steps", 2**number, DAY - dt.timedelta(days=day)) for number, day in enumerate(days)]

    async def main() -> None:
        service = Service(random, failing=failing)
        prepare(service, 6)
        async with journals_of(server) as new_journal:
            result, journal, told = await go_through_crashes(
                service, items, "increment", random, new_journal, crashes, keep
            )
            async with journal:
                outcomes = [outcome async for outcome in journal.outcomes()]
        assert counts_of(result)[OutcomeStatus.NOT_SENT] == 0
        stored = service.sandbox.values("steps")
        for outcome in outcomes:
            times = service.applied[json.dumps(_json(outcome.item), sort_keys=True)]
            assert times <= 1
            assert times == 1 or outcome.status is not OutcomeStatus.SUCCEEDED
            assert times == 0 or outcome.status in (OutcomeStatus.SUCCEEDED, OutcomeStatus.UNKNOWN)
        assert sum(stored.values()) == sum(json.loads(item)["value"] for item in service.applied.elements())
        if not failing:
            assert service.requests <= -(-len(items) // 3) + CONCURRENCY * crashes
            assert counts_of(result)[OutcomeStatus.UNKNOWN] <= 3 * CONCURRENCY * crashes
        if not crashes:
            assert set(told) == set(range(len(items)))

    with SMALL_REQUESTS[0], SMALL_REQUESTS[1]:
        asyncio.run(main())


@FILES
@INCREMENTS
def test_an_increment_is_added_at_most_once(**example: Any) -> None:
    check_increments(None, **example)


@POSTGRES
@INCREMENTS
def test_an_increment_is_added_at_most_once_with_a_journal_in_postgres(server: PostgresServer, **example: Any) -> None:
    check_increments(server, **example)


def _json(item: ValueIncrement) -> dict[str, Any]:
    assert item.date is not None
    return {"name": item.name, "value": item.value, "date": item.date.isoformat()}


CANCELLATIONS = given(
    seed=st.integers(0, 2**32),
    days=st.lists(st.integers(0, 5), min_size=1, max_size=40),
    cancelled_after=st.lists(st.integers(0, 120), max_size=5),
    method=st.sampled_from(["update", "sync", "increment"]),
    reacquire=st.booleans(),
    keep=st.booleans(),
)


def check_cancellations(
    server: PostgresServer | None,
    *,
    seed: int,
    days: list[int],
    cancelled_after: list[int],
    method: str,
    reacquire: bool,
    keep: bool,
) -> None:
    random = Random(seed)
    model: Any = ValueIncrement if method == "increment" else ValueUpdate
    items = [model(name="steps", date=DAY - dt.timedelta(days=day), value=2**number) for number, day in enumerate(days)]
    told: list[Any] = []

    async def main() -> None:
        service = Service(random)
        prepare(service, 6)
        if reacquire:
            service.sandbox.user.attribute("steps").service = None
        exist = service.client(concurrency=CONCURRENCY)
        async with journals_of(server) as new_journal, new_journal() as journal:

            def write() -> "asyncio.Task[Any]":
                given = given_as(random.choice(["list", "generator", "async generator"]), items)
                return asyncio.ensure_future(
                    getattr(exist.values, method)(
                        given, journal=journal, keep_outcomes=keep, on_outcome=told.append, reacquire=reacquire
                    )
                )

            for turns in cancelled_after:
                task = write()
                for _ in range(turns):
                    await asyncio.sleep(random.choice([0, 0, 0.0005]))
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            result = await write()
            noted = [outcome async for outcome in journal.outcomes()]
            assert counts_of(await journal.summary()) == counts_of(result)
        assert result.ok
        # What came from the journal was told when it became known. Refusals that are handled are not final.
        final = [outcome for outcome in told if outcome.status is not OutcomeStatus.REFUSED]
        assert reacquire or final == told
        assert sorted(final, key=lambda outcome: outcome.index) == noted
        assert [outcome.index for outcome in noted] == list(range(len(items)))
        stored = service.sandbox.values("steps")
        for day in {item.date for item in items}:
            values = [item.value for item in items if item.date == day]
            assert stored[day] == (sum(values) if method == "increment" else values[-1])

    with SMALL_REQUESTS[0], SMALL_REQUESTS[1]:
        asyncio.run(main())


@FILES
@CANCELLATIONS
def test_a_write_that_is_cancelled_again_and_again_loses_nothing_and_tells_each_outcome_once(**example: Any) -> None:
    check_cancellations(None, **example)


@POSTGRES
@CANCELLATIONS
def test_a_write_that_is_cancelled_loses_nothing_with_a_journal_in_postgres(
    server: PostgresServer, **example: Any
) -> None:
    check_cancellations(server, **example)
