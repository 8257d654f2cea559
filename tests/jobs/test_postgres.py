"""Jobs whose tokens, budgets and journals are in PostgreSQL, beside Procrastinate's queue."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import procrastinate
import pytest
from guides import block_under
from jobs_support import DAY, USERS, Service, increment, update
from postgres_server import PostgresServer
from psycopg_pool import AsyncConnectionPool

from exist_async import (
    ExistClient,
    JournalError,
    OAuthToken,
    OutcomeStatus,
    PostgresJournal,
    PostgresRateLimiter,
    PostgresTokenStore,
    ReauthorizationRequired,
)
from exist_async.jobs import SyncJob, retry_stalled, run, run_all

GUIDE = "exist_async/jobs/README.md"


class Stores:
    """The token store, journals and client of a worker, over one pool."""

    def __init__(self, pool: AsyncConnectionPool[Any], schema: str, service: Service) -> None:
        self.pool = pool
        self.store = PostgresTokenStore(pool, schema=schema)
        self.journal = PostgresJournal(pool, schema=schema)
        limiter = PostgresRateLimiter(pool, schema=schema)
        http_client = httpx.AsyncClient(transport=service.sandbox.transport())
        self.shared = ExistClient(httpx.Auth(), http_client=http_client, rate_limiter=limiter, max_retries=0)

    async def run(self, job: SyncJob) -> Any:
        return await run(job, self.shared, self.store, journal=self.journal)

    async def sign_in(self, service: Service, *users: str) -> None:
        for user in users:
            token = await service.store.load(user)
            assert token is not None
            await self.store.save(user, token)


@asynccontextmanager
async def stores_in(server: PostgresServer, service: Service) -> AsyncGenerator[Stores, None]:
    async with AsyncConnectionPool(server.url, min_size=1, max_size=4, open=False) as pool:
        yield Stores(pool, server.schema, service)


@pytest.fixture
async def stores(postgres: PostgresServer, service: Service) -> AsyncGenerator[Stores, None]:
    async with stores_in(postgres, service) as stores:
        await stores.sign_in(service, *USERS)
        yield stores


async def test_a_finished_job_sends_nothing_from_any_machine(
    stores: Stores, service: Service, postgres: PostgresServer
) -> None:
    job = increment("ada", 1, 2)
    report = await stores.run(job)
    assert report.ok

    async with stores_in(postgres, service) as elsewhere:
        assert await elsewhere.run(job) == report

    assert service.values("ada") == {DAY: 3}
    assert len(service.written) == 1


async def test_a_job_that_another_worker_runs_is_put_off(stores: Stores, service: Service) -> None:
    job = update("ada", 1)

    async with stores.journal.for_job(job.id):
        with pytest.raises(JournalError, match="open elsewhere"):
            await stores.run(job)

    assert service.written == []


async def test_many_jobs_of_one_process_share_the_pool(stores: Stores, service: Service) -> None:
    jobs = [increment(USERS[n % 3], 1) for n in range(30)]

    reports = await run_all(jobs, stores.shared, stores.store, journal=stores.journal)

    assert all(report.ok for report in reports)
    assert [service.values(user) for user in USERS] == [{DAY: 10}] * 3


async def test_a_job_whose_user_has_to_sign_in_is_listed_with_the_reason(stores: Stores) -> None:
    failed = update("eve", 1)
    await stores.run(update("ada", 1))
    with pytest.raises(ReauthorizationRequired):
        await stores.run(failed)

    (job,) = [job async for job in stores.journal.jobs(user="eve", failed=True)]

    assert job.id == str(failed.id)
    assert job.error is not None
    assert job.error.startswith("ReauthorizationRequired: The token store has no token of 'eve'. Sign them in")
    assert [job async for job in stores.journal.jobs(user="ada", failed=True)] == []


async def test_no_token_is_in_a_table_but_that_of_tokens(
    stores: Stores, postgres: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    await stores.store.save("ada", OAuthToken("a-token-that-is-rejected"))
    with pytest.raises(ReauthorizationRequired):
        await stores.run(update("ada", 1))
    token = await stores.store.load("grace")
    assert token is not None
    await stores.run(update("grace", 1))

    select = "SELECT table_name FROM information_schema.tables WHERE table_schema = %s"
    tables = [str(name) for (name,) in postgres.execute(select, postgres.schema)]
    texts = {name: str(postgres.execute(f'SELECT t::text FROM "{postgres.schema}"."{name}" AS t')) for name in tables}

    assert len(tables) > 4
    for secret in ("a-token-that-is-rejected", token.access_token):
        forms = (secret, secret.encode().hex())  # as text, and as PostgreSQL shows bytes
        found = [name for name, text in texts.items() if any(form in text for form in forms)]
        assert len(found) == 1
        assert "token" in found[0]
        assert secret not in caplog.text


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("event", ["end_connections", "restart"])
async def test_jobs_go_on_after_postgres_was_gone_in_the_middle(
    event: str, postgres_server: PostgresServer, service: Service
) -> None:
    jobs = [increment(USERS[n % 3], 1) for n in range(60)]
    async with stores_in(postgres_server, service) as stores:
        await stores.sign_in(service, *USERS)
        running = asyncio.create_task(run_all(jobs, stores.shared, stores.store, journal=stores.journal))
        while len(service.written) < 10:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        if event == "restart":
            await asyncio.to_thread(postgres_server.stop)
            await asyncio.sleep(0.5)
            await asyncio.to_thread(postgres_server.start)
        else:
            for _ in range(3):
                await asyncio.to_thread(postgres_server.end_connections)

        reports = await running

    assert all(report.finished for report in reports), [str(report) for report in reports if not report.finished]
    succeeded = sum(report.counts[OutcomeStatus.SUCCEEDED] for report in reports)
    unknown = sum(report.counts[OutcomeStatus.UNKNOWN] for report in reports)
    applied = sum(service.values(user)[DAY] for user in USERS)
    assert succeeded + unknown == 60
    assert succeeded <= applied <= 60


# The worker of the guide


@pytest.fixture
async def worker(
    postgres: PostgresServer, service: Service, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Callable[[str], Any], None]:
    """The names of the worker in the guide, whose requests go to the sandbox."""
    schema = postgres.schema.replace(" ", "_")
    database = f"guide_{schema}"
    postgres.execute(f'CREATE DATABASE "{database}"')
    url = postgres.url.rpartition("/")[0] + f"/{database}"
    block = block_under("On many machines", guide=GUIDE)
    code = block.code.replace("postgresql://localhost/app", url).replace(
        "ExistClient(httpx.Auth(), ", "ExistClient(httpx.Auth(), http_client=HTTP_CLIENT, "
    )
    http_client = httpx.AsyncClient(transport=service.sandbox.transport())
    names: dict[str, Any] = {"__name__": "sync_worker", "HTTP_CLIENT": http_client}
    exec(compile(code, str(block), "exec"), names)
    yield names
    await http_client.aclose()
    postgres.execute(f'DROP DATABASE "{database}" WITH (FORCE)')


@pytest.mark.slow
async def test_the_worker_of_the_guide_runs_jobs_and_goes_on_with_those_of_a_dead_one(
    worker: dict[str, Any], service: Service
) -> None:
    app: procrastinate.App = worker["app"]
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(worker["pool"])
        await stack.enter_async_context(app.open_async(pool))
        await app.schema_manager.apply_schema_async()
        for user in USERS:
            token = await service.store.load(user)
            assert token is not None
            await worker["store"].save(user, token)
            for job in (update(user, 1), increment(user, 2)):
                await app.configure_task("sync", lock=user).defer_async(job=job.to_json())
        dead = await app.job_manager.register_worker()
        assert await app.job_manager.fetch_job(queues=None, worker_id=dead) is not None
        await app.connector.execute_query_async("UPDATE procrastinate_workers SET last_heartbeat = '2026-01-01'")

        assert await retry_stalled(app) == 1
        for _ in range(2):  # a worker that does not wait leaves jobs whose lock is taken
            await app.run_worker_async(wait=False, install_signal_handlers=False, concurrency=1)

        left = await app.job_manager.list_jobs_async(task="sync", status="todo")
        assert list(left) == []
    assert [service.values(user) for user in USERS] == [{DAY: 3}] * 3
