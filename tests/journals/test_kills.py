"""Jobs whose process is killed again and again, with a real file and a sandbox in another process."""

from pathlib import Path
from random import Random

import pytest
from killing import CONCURRENCY, Job, items_of, prepare

from exist_async import Journal, OutcomeStatus
from exist_async.sandbox import Sandbox

pytestmark = pytest.mark.slow

KILLS = 6


@pytest.mark.timeout(120)
async def test_a_backfill_that_is_killed_is_finished_by_starting_it_again(tmp_path: Path) -> None:
    sandbox = Sandbox(rate_limit=None, latency=0.005)
    prepare(sandbox)
    path, count, random = tmp_path / "journal.db", 1400, Random(1)
    async with sandbox.serve() as url:
        job = Job(sandbox, url, path, "update", count, random)
        for _ in range(KILLS):
            await job.run(kill_after=random.randrange(8))
        assert await job.run()
        requests = len(sandbox.requests)
        assert await job.run()
        assert len(sandbox.requests) == requests  # a finished journal costs none

    assert requests <= count // 35 + KILLS * CONCURRENCY
    for item in items_of("update", count):
        assert sandbox.values(item.name)[item.date] == item.value


@pytest.mark.timeout(120)
async def test_increments_of_a_job_that_is_killed_are_added_at_most_once(tmp_path: Path) -> None:
    sandbox = Sandbox(rate_limit=None, latency=0.005)
    prepare(sandbox)
    path, count, random = tmp_path / "journal.db", 1400, Random(2)
    async with sandbox.serve() as url:
        job = Job(sandbox, url, path, "increment", count, random)
        for _ in range(KILLS):
            await job.run(kill_after=random.randrange(8))
        assert await job.run()
        requests = len(sandbox.requests)
        assert await job.run()
        assert len(sandbox.requests) == requests

    assert requests <= count // 35  # nothing was sent twice
    async with Journal(path) as journal:
        counts = (await journal.summary()).counts
    succeeded, unknown = counts[OutcomeStatus.SUCCEEDED], counts[OutcomeStatus.UNKNOWN]
    applied = sum(sandbox.values("attribute_0").values())
    assert succeeded + unknown == count
    assert succeeded <= applied <= succeeded + unknown
    assert unknown <= KILLS * CONCURRENCY * 35
