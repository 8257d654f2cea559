"""Workers in processes of their own that are killed again and again."""

import asyncio
import datetime as dt
from pathlib import Path
from random import Random
from uuid import uuid4

import pytest
from job_worker import Worker, app_of
from jobs_support import DAY, Service, increment
from postgres_server import PostgresServer

from exist_async import FileTokenStore, OutcomeStatus, ValueUpdate
from exist_async.jobs import JournalFolder, SyncJob

pytestmark = pytest.mark.slow

KILLS = 3
UPDATES = 100
INCREMENTS = 5


@pytest.mark.timeout(180)
async def test_jobs_of_workers_that_are_killed_go_on_and_increment_at_most_once(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    users = tuple(f"user_{n}" for n in range(10))
    service = Service(users, latency=0.02)
    await service.sign_in()
    tokens = FileTokenStore(tmp_path / "tokens.json")
    for user in users:
        token = await service.store.load(user)
        assert token is not None
        await tokens.save(user, token)
    schema = f"procrastinate_{uuid4().hex}"
    postgres.execute(f"CREATE SCHEMA {schema}")
    app = app_of(postgres.url, schema)
    increments = {user: increment(user, *[1] * INCREMENTS, name="coffees") for user in users}
    random = Random(1)

    async with service.sandbox.serve() as url, app.open_async():
        await app.schema_manager.apply_schema_async()
        for user in users:
            days = [DAY + dt.timedelta(days=n) for n in range(UPDATES)]
            update = SyncJob(user, "update", [ValueUpdate("steps", day, n + 1) for n, day in enumerate(days)])
            for job in (update, increments[user]):
                await app.configure_task("sync", lock=user).defer_async(job=job.to_json())
        workers = [Worker(postgres.url, schema, url, str(tmp_path)) for _ in range(2)]
        for worker in workers:
            await worker.start()

        for _ in range(KILLS):
            before = len(service.written)
            async with asyncio.timeout(60):
                while len(service.written) < before + 4 and await unfinished(app):  # noqa: ASYNC110
                    await asyncio.sleep(0.001)
            worker = random.choice(workers)
            await worker.kill()
            await worker.start()
        async with asyncio.timeout(120):
            while await unfinished(app):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        for worker in workers:
            await worker.kill()
        jobs = [job for job in await app.job_manager.list_jobs_async() if job.task_name == "sync"]

    assert {job.status for job in jobs} == {"succeeded"}
    folder, unknown = JournalFolder(tmp_path / "journals"), 0
    for user in users:
        assert list(service.values(user).values()) == [*range(1, UPDATES + 1)]
        async with folder.for_job(increments[user].id) as journal:
            counts = (await journal.summary()).counts
        unknown += counts[OutcomeStatus.UNKNOWN]
        assert counts[OutcomeStatus.SUCCEEDED] + counts[OutcomeStatus.UNKNOWN] == INCREMENTS
        added = service.values(user, "coffees").get(DAY, 0)
        assert counts[OutcomeStatus.SUCCEEDED] <= added <= INCREMENTS
    assert unknown <= KILLS * 4 * INCREMENTS
    postgres.execute(f"DROP SCHEMA {schema} CASCADE")


async def unfinished(app: object) -> int:
    """Return the number of jobs that have not ended."""
    jobs = await app.job_manager.list_jobs_async(task="sync")  # type: ignore[attr-defined]
    return sum(job.status in ("todo", "doing") for job in jobs)
