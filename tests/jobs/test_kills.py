"""Workers in processes of their own that are killed again and again, or whose PostgreSQL is."""

import asyncio
import datetime as dt
from random import Random

import procrastinate
import pytest
from job_worker import Worker, app
from jobs_support import DAY, Service, increment
from postgres_server import PostgresServer

from exist_async import OutcomeStatus, PostgresJournal, PostgresTokenStore, ValueUpdate
from exist_async.jobs import SyncJob

pytestmark = pytest.mark.slow

USERS = tuple(f"user_{n}" for n in range(10))
EVENTS = 2
UPDATES = 100
INCREMENTS = 5


@pytest.mark.timeout(240)
@pytest.mark.parametrize("event", ["a worker is killed", "PostgreSQL is restarted"])
async def test_jobs_go_on_and_increment_at_most_once(event: str, postgres_server: PostgresServer) -> None:
    service, random = Service(USERS, latency=0.02), Random(1)
    await service.sign_in()
    store = PostgresTokenStore(postgres_server.url)
    for user in USERS:
        token = await service.store.load(user)
        assert token is not None
        await store.save(user, token)
    await store.aclose()
    increments = {user: increment(user, *[1] * INCREMENTS, name="coffees") for user in USERS}

    connector = procrastinate.PsycopgConnector(conninfo=postgres_server.url, min_size=1)
    with app.replace_connector(connector) as queue:
        async with queue.open_async():
            await queue.schema_manager.apply_schema_async()
            for user in USERS:
                days = [DAY + dt.timedelta(days=n) for n in range(UPDATES)]
                update = SyncJob(user, "update", [ValueUpdate("steps", day, n + 1) for n, day in enumerate(days)])
                for job in (update, increments[user]):
                    await queue.configure_task("sync", lock=user).defer_async(job=job.to_json())

    async with service.sandbox.serve() as url:
        first, second = Worker(postgres_server.url, url), Worker(postgres_server.url, url)
        async with first, second:
            for _ in range(EVENTS):
                before = len(service.written)
                while len(service.written) < before + 4 and unfinished(postgres_server):  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
                if event == "a worker is killed":
                    random.choice([first, second]).kill()
                else:
                    await asyncio.to_thread(postgres_server.stop)
                    await asyncio.sleep(0.2)
                    await asyncio.to_thread(postgres_server.start)
            while unfinished(postgres_server):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    # A worker that can't fetch a job ends, and its supervisor starts it again.
    assert (first.ends + second.ends > 0) == (event == "PostgreSQL is restarted")

    select = "SELECT DISTINCT status::text FROM procrastinate_jobs WHERE task_name = 'sync'"
    assert postgres_server.execute(select) == [("succeeded",)]
    journals, unknown = PostgresJournal(postgres_server.url), 0
    for user in USERS:
        assert list(service.values(user).values()) == [*range(1, UPDATES + 1)]
        async with journals.for_job(increments[user].id) as journal:
            counts = (await journal.summary()).counts
        unknown += counts[OutcomeStatus.UNKNOWN]
        assert counts[OutcomeStatus.SUCCEEDED] + counts[OutcomeStatus.UNKNOWN] == INCREMENTS
        added = service.values(user, "coffees").get(DAY, 0)
        assert counts[OutcomeStatus.SUCCEEDED] <= added <= INCREMENTS
    await journals.aclose()
    assert unknown <= EVENTS * 8 * INCREMENTS


def unfinished(server: PostgresServer) -> bool:
    """Whether a job has not ended."""
    rows = server.execute("SELECT status::text FROM procrastinate_jobs WHERE task_name = 'sync'")
    return any(status in ("todo", "doing") for (status,) in rows)
