"""Jobs whose process is killed again and again, with a real file or database and a sandbox in another process."""

import signal
from random import Random

import pytest
from killing import CONCURRENCY, Job, Place, items_of, journal_at, prepare
from postgres_server import PostgresServer

from exist_async import BatchError, ExistClient, OutcomeStatus
from exist_async.sandbox import Sandbox
from support import until

pytestmark = pytest.mark.slow


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("place", "kills"), [("sqlite", 6)], indirect=["place"])
async def test_a_backfill_that_is_killed_is_finished_by_starting_it_again(place: Place, kills: int) -> None:
    sandbox = Sandbox(rate_limit=None, latency=0.005)
    prepare(sandbox)
    count, random = 1400, Random(1)
    async with sandbox.serve() as url:
        job = Job(sandbox, url, place, "update", count, random)
        for _ in range(kills):
            await job.run(kill_after=random.randrange(8))
        assert await job.run()
        requests = len(sandbox.requests)
        assert await job.run()
        assert len(sandbox.requests) == requests  # a finished journal costs none

    assert requests <= count // 35 + kills * CONCURRENCY
    for item in items_of("update", count):
        assert sandbox.values(item.name)[item.date] == item.value


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("place", "kills"), [("sqlite", 6), ("postgres", 3)], indirect=["place"])
async def test_increments_of_a_job_that_is_killed_are_added_at_most_once(place: Place, kills: int) -> None:
    sandbox = Sandbox(rate_limit=None, latency=0.005)
    prepare(sandbox)
    count, random = 1400, Random(2)
    async with sandbox.serve() as url:
        job = Job(sandbox, url, place, "increment", count, random)
        for _ in range(kills):
            await job.run(kill_after=random.randrange(8))
        assert await job.run()
        requests = len(sandbox.requests)
        assert await job.run()
        assert len(sandbox.requests) == requests

    assert requests <= count // 35  # nothing was sent twice
    async with journal_at(place) as journal:
        counts = (await journal.summary()).counts
    succeeded, unknown = counts[OutcomeStatus.SUCCEEDED], counts[OutcomeStatus.UNKNOWN]
    applied = sum(sandbox.values("attribute_0").values())
    assert succeeded + unknown == count
    assert succeeded <= applied <= succeeded + unknown
    assert unknown <= kills * CONCURRENCY * 35


@pytest.mark.timeout(120)
async def test_a_process_that_was_paused_while_its_job_was_opened_elsewhere_sends_nothing_more(
    postgres: PostgresServer,
) -> None:
    sandbox = Sandbox(rate_limit=None, latency=0.005)
    prepare(sandbox)
    place, count = (postgres.url, postgres.schema), 1400
    async with sandbox.serve() as url:
        process = await Job(sandbox, url, place, "increment", count, Random(3)).start()
        await until(lambda: len(sandbox.requests) > 5)
        process.send_signal(signal.SIGSTOP)
        # So that its machine seems to be gone.
        postgres.end_connections()
        async with (
            journal_at(place) as journal,
            ExistClient(sandbox.token, base_url=url, rate_limiter=None) as exist,
        ):
            with pytest.raises(BatchError):
                await exist.values.increment(items_of("increment", count), journal=journal)
            counts = (await journal.summary()).counts
            requests = len(sandbox.requests)
            process.send_signal(signal.SIGCONT)
            _, errors = await process.communicate()
    assert process.returncode == 1
    assert b"was opened elsewhere or deleted while it was in use here" in errors
    assert len(sandbox.requests) == requests <= count // 35
    succeeded, unknown = counts[OutcomeStatus.SUCCEEDED], counts[OutcomeStatus.UNKNOWN]
    assert succeeded + unknown == count
    assert unknown <= CONCURRENCY * 35
    assert succeeded <= sum(sandbox.values("attribute_0").values()) <= count
