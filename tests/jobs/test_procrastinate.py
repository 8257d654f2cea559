"""Jobs on Procrastinate, with a real worker and a real PostgreSQL."""

import asyncio
import datetime as dt
import subprocess
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import procrastinate
import psycopg
import pytest
from jobs_support import DAY, Service, increment, update
from postgres_server import PostgresServer
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job

import exist_async.jobs
from exist_async import (
    ConfigurationError,
    ExistClient,
    MemoryRateLimiter,
    RateLimitError,
    ReauthorizationRequired,
    ValueUpdate,
)
from exist_async.jobs import ExistRetry, JobReport, JournalFolder, SyncJob, retry_stalled, run
from support import until

POLLING = 0.05
"""Seconds after which a worker looks for jobs whose time has come."""


@pytest.fixture
async def app(postgres: PostgresServer) -> AsyncGenerator[procrastinate.App, None]:
    schema = f"procrastinate_{uuid4().hex}"
    postgres.execute(f"CREATE SCHEMA {schema}")
    options = {"options": f"-c search_path={schema}"}
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=postgres.url, kwargs=options))
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        yield app
    postgres.execute(f"DROP SCHEMA {schema} CASCADE")


class Queue:
    """The task that runs jobs, as in the guide, and what became of each attempt.

    Attributes:
        ended: The user of each attempt that ended, and the value of the job's first item, or the class of the error.
    """

    def __init__(self, app: procrastinate.App, service: Service, shared: ExistClient, folder: JournalFolder) -> None:
        self.app = app
        self.ended: list[tuple[str, str]] = []
        self.raise_for_failures = False
        self._service = service
        self._folder = folder
        self.shared = shared

        @app.task(name="sync", retry=ExistRetry(first_wait=0.1, longest_wait=0.2), pass_context=True)
        async def sync(context: procrastinate.JobContext, job: str) -> None:
            await self._run(SyncJob.from_json(job))

        self._task = sync

    async def _run(self, job: SyncJob) -> JobReport:
        try:
            report = await run(job, self.shared, self._service.store, journal=self._folder, max_wait=0.0)
        except BaseException as error:
            self.ended.append((job.user, type(error).__name__))
            raise
        self.ended.append((job.user, str(job.items[0].value)))
        if self.raise_for_failures:
            report.raise_for_failures()
        return report

    async def defer(self, *jobs: SyncJob) -> None:
        for job in jobs:
            await self._task.configure(lock=job.user).defer_async(job=job.to_json())

    @asynccontextmanager
    async def worker(self, **options: Any) -> AsyncIterator[None]:
        """Run a worker until the block ends."""
        options = {"concurrency": 4, "fetch_job_polling_interval": POLLING} | options
        running = asyncio.create_task(self.app.run_worker_async(install_signal_handlers=False, **options))
        try:
            yield
        finally:
            running.cancel()
            await asyncio.wait([running])

    async def jobs(self, status: str | None = None, **wanted: Any) -> list[Job]:
        return list(await self.app.job_manager.list_jobs_async(status=status, **wanted))

    async def wait_for(self, status: str, count: int) -> list[Job]:
        async with asyncio.timeout(20):
            while len(jobs := await self.jobs(status)) < count:  # noqa: ASYNC110  (the database gives no sign)
                await asyncio.sleep(POLLING / 2)
        return jobs

    async def run_all(self, status: str = "succeeded", count: int = 1, **options: Any) -> list[Job]:
        """Run a worker until so many jobs have a status."""
        async with self.worker(**options):
            return await self.wait_for(status, count)


@pytest.fixture
def queue(app: procrastinate.App, service: Service, shared: ExistClient, folder: JournalFolder) -> Queue:
    return Queue(app, service, shared, folder)


async def test_a_job_is_run_by_a_worker(queue: Queue, service: Service) -> None:
    await queue.defer(update("ada", 7))

    (job,) = await queue.run_all()

    assert job.attempts == 1
    assert service.values("ada") == {DAY: 7}


async def test_a_spent_budget_frees_the_worker_and_keeps_the_order_of_its_user(
    queue: Queue, service: Service, clock: Any
) -> None:
    limiter = MemoryRateLimiter(limit=2, clock=clock)
    queue.shared = queue.shared.with_options(rate_limiter=limiter)
    await queue.defer(*(update("ada", n) for n in (1, 2, 3, 4)), update("grace", 5), update("grace", 6))
    before = dt.datetime.now(dt.UTC)

    # With one place, a job that waited would hold up all others.
    async with queue.worker(concurrency=1):
        await queue.wait_for("succeeded", 4)
        assert queue.ended == [
            ("ada", "1"),
            ("ada", "2"),
            ("ada", "RateLimitError"),
            ("grace", "5"),
            ("grace", "6"),
        ]
        put_off, behind = await queue.jobs("todo")
        assert put_off.scheduled_at is not None
        assert 3599 < (put_off.scheduled_at - before).total_seconds() < 3600 * 1.05 + 60
        assert (put_off.lock, put_off.attempts, behind.lock, behind.attempts) == ("ada", 1, "ada", 0)

        clock.now += 3600
        await execute(queue, "UPDATE procrastinate_jobs SET scheduled_at = now() WHERE scheduled_at IS NOT NULL")
        await queue.wait_for("succeeded", 6)

    assert queue.ended[5:] == [("ada", "3"), ("ada", "4")]
    assert len(service.written) == 6
    assert service.values("ada") == {DAY: 4}


async def test_a_job_without_an_answer_is_tried_again_and_keeps_its_lock(queue: Queue, service: Service) -> None:
    service.sandbox.fail_next(2, status=502)
    await queue.defer(update("ada", 7))

    (job,) = await queue.run_all()

    assert (job.attempts, job.lock) == (3, "ada")
    assert queue.ended == [("ada", "OutcomeUnknownError")] * 2 + [("ada", "7")]


async def test_an_increment_without_an_answer_is_sent_once(queue: Queue, service: Service) -> None:
    service.sandbox.fail_next(1, status=502, when="after")
    await queue.defer(increment("ada", 7))

    (job,) = await queue.run_all()

    assert job.attempts == 1
    assert service.values("ada") == {DAY: 7}


async def test_a_user_who_has_to_sign_in_again_has_a_failed_job_that_is_found_by_name(
    queue: Queue, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    await queue.defer(update("eve", 7), update("ada", 7))

    await queue.run_all("failed")

    (job,) = await queue.jobs(status="failed", lock="eve")
    assert SyncJob.from_json(job.task_kwargs["job"]).user == "eve"  # type: ignore[arg-type]
    assert queue.ended.count(("eve", ReauthorizationRequired.__name__)) == 1
    assert "The token store has no token of 'eve'. Sign them in" in caplog.text
    service._users["eve"] = service.sandbox.add_user("eve")
    service.sandbox.add_attribute(template="steps", service=service.sandbox.service, user=service._users["eve"])
    await service.sign_in("eve")

    await queue.app.job_manager.retry_job(job)
    await queue.run_all(count=2)

    assert service.values("eve") == {DAY: 7}


async def test_refused_items_fail_a_job_at_once_where_that_is_asked_for(queue: Queue, service: Service) -> None:
    refused = SyncJob("ada", "update", [ValueUpdate("nothing", DAY, 7)])
    await queue.defer(refused)
    await queue.run_all()

    queue.raise_for_failures = True
    await queue.defer(refused)

    (job,) = await queue.run_all("failed")
    assert job.attempts == 1


async def test_a_job_that_can_t_be_read_fails_at_once(queue: Queue) -> None:
    await queue._task.defer_async(job='{"version": 2}')

    (job,) = await queue.run_all("failed")

    assert job.attempts == 1


async def test_a_journal_that_another_worker_has_open_puts_the_job_off(
    queue: Queue, service: Service, folder: JournalFolder
) -> None:
    job = update("ada", 7)
    await queue.defer(job)

    async with queue.worker():
        async with folder.for_job(job.id):  # as a worker has it that only seems dead
            await until(lambda: ("ada", "JournalError") in queue.ended)
            assert service.written == []
        await queue.wait_for("succeeded", 1)

    assert service.values("ada") == {DAY: 7}


@pytest.fixture
async def slow(service: Service) -> AsyncGenerator[ExistClient, None]:
    """A client whose requests are not answered before the end of the test."""
    inner, ended = service.sandbox.transport(), asyncio.Event()

    async def answer(request: httpx.Request) -> httpx.Response:
        await ended.wait()
        return await inner.handle_async_request(request)

    http_client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    async with ExistClient(httpx.Auth(), http_client=http_client) as client:
        yield client
        ended.set()


async def test_a_job_that_a_worker_aborts_when_it_is_shut_down_is_run_by_the_next(
    queue: Queue, slow: ExistClient, service: Service
) -> None:
    fast, queue.shared = queue.shared, slow
    await queue.defer(update("ada", 7))

    async with queue.worker(shutdown_graceful_timeout=0):
        await queue.wait_for("doing", 1)
    (job,) = await queue.jobs()
    assert (job.status, job.attempts) == ("todo", 1)

    queue.shared = fast
    await queue.run_all()
    assert service.values("ada") == {DAY: 7}


async def test_a_job_that_a_user_aborts_is_not_run_again(queue: Queue, slow: ExistClient) -> None:
    queue.shared = slow
    await queue.defer(update("ada", 7))

    async with queue.worker(abort_job_polling_interval=POLLING):
        (job,) = await queue.wait_for("doing", 1)
        assert job.id is not None
        await queue.app.job_manager.cancel_job_by_id_async(job.id, abort=True)
        await queue.wait_for("failed", 1)


# Stalled jobs


async def stall(queue: Queue, *, seconds: float) -> None:
    """Let a worker take a job and die, some seconds ago."""
    worker = await queue.app.job_manager.register_worker()
    assert await queue.app.job_manager.fetch_job(queues=None, worker_id=worker) is not None
    await execute(queue, f"UPDATE procrastinate_workers SET last_heartbeat = now() - interval '{seconds} s'")


async def execute(queue: Queue, statement: Any) -> None:
    await queue.app.connector.execute_query_async(statement)


async def test_a_job_whose_worker_died_goes_on_before_the_next_of_its_user(queue: Queue, service: Service) -> None:
    await queue.defer(update("ada", 1), update("ada", 2))
    await stall(queue, seconds=90)

    assert await retry_stalled(queue.app, seconds=60) == 1

    (first, second) = await queue.run_all(count=2)
    assert (first.lock, first.attempts, second.attempts) == ("ada", 2, 1)
    assert queue.ended == [("ada", "1"), ("ada", "2")]


async def test_a_job_whose_worker_gave_a_sign_of_life_is_left_alone(queue: Queue) -> None:
    await queue.defer(update("ada", 1))
    await stall(queue, seconds=50)

    assert await retry_stalled(queue.app) == 0
    assert [job.status for job in await queue.jobs()] == ["doing"]


async def test_a_job_whose_worker_is_forgotten_goes_on(queue: Queue) -> None:
    await queue.defer(update("ada", 1))
    await stall(queue, seconds=50)
    await execute(queue, "DELETE FROM procrastinate_workers")

    assert await retry_stalled(queue.app) == 1


@pytest.mark.parametrize(("minutes", "left"), [(59, 1), (61, 0)])
async def test_workers_without_a_sign_of_life_for_an_hour_are_forgotten(queue: Queue, minutes: int, left: int) -> None:
    await queue.app.job_manager.register_worker()
    await execute(queue, f"UPDATE procrastinate_workers SET last_heartbeat = now() - interval '{minutes} minutes'")

    await retry_stalled(queue.app)

    assert len(await queue.app.connector.execute_query_all_async("SELECT * FROM procrastinate_workers")) == left


async def test_jobs_of_other_tasks_are_left_alone(queue: Queue) -> None:
    @queue.app.task(name="other", retry=True)
    async def other() -> None:
        raise AssertionError

    await other.defer_async()
    await stall(queue, seconds=90)
    del queue.app.tasks["other"]
    assert await retry_stalled(queue.app) == 0
    queue.app.tasks["other"] = other

    assert await retry_stalled(queue.app) == 0


async def test_a_job_that_has_ended_meanwhile_is_not_tried_again(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    await queue.defer(update("ada", 1), update("grace", 2))
    await stall(queue, seconds=90)
    await stall(queue, seconds=90)
    stalled = await queue.app.job_manager.get_stalled_jobs(seconds_since_heartbeat=60)
    await execute(queue, "UPDATE procrastinate_jobs SET status = 'succeeded' WHERE lock = 'ada'")

    async def stalled_before(**_: Any) -> Any:
        return stalled

    monkeypatch.setattr(queue.app.job_manager, "get_stalled_jobs", stalled_before)

    assert await retry_stalled(queue.app) == 1
    assert [job.status for job in await queue.jobs()] == ["succeeded", "todo"]


async def test_a_job_that_another_one_waits_for_with_the_same_queueing_lock_is_left_alone(queue: Queue) -> None:
    periodic = queue.app.task(name="periodic", retry=ExistRetry(), queueing_lock="periodic")(lambda: None)
    await periodic.defer_async()
    await stall(queue, seconds=90)
    await periodic.defer_async()
    await queue.defer(update("ada", 1))
    await execute(queue, "UPDATE procrastinate_jobs SET status = 'doing' WHERE lock = 'ada'")

    assert await retry_stalled(queue.app) == 1

    assert [job.status for job in await queue.jobs()] == ["doing", "todo", "todo"]


async def test_a_database_that_fails_is_an_error(queue: Queue) -> None:
    await queue.defer(update("ada", 1))
    await stall(queue, seconds=90)
    await execute(queue, "ALTER TABLE procrastinate_events RENAME TO other")

    with pytest.raises(ConnectorException):
        await retry_stalled(queue.app)


async def test_a_wrong_argument_is_named(queue: Queue) -> None:
    with pytest.raises(ConfigurationError, match=r"app must be a procrastinate\.App"):
        await retry_stalled("app")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="seconds"):
        await retry_stalled(queue.app, seconds=0)


# The decision


def decide(error: BaseException, attempts: int = 0, **options: Any) -> float | None:
    """Return the seconds after which a job is tried again."""
    job = Job(id=1, queue="default", lock="ada", queueing_lock=None, task_name="sync", attempts=attempts)
    decision = ExistRetry(**options).get_retry_decision(exception=error, job=job)
    if decision is None:
        return None
    assert decision.retry_at is not None
    assert (decision.lock, decision.priority, decision.queue) == (None, None, None)  # as they were
    return (decision.retry_at - dt.datetime.now(dt.UTC)).total_seconds()


def test_a_job_is_tried_again_as_the_policy_decides() -> None:
    assert decide(RateLimitError("spent", retry_after=600)) == pytest.approx(615, abs=16)
    assert decide(RateLimitError("spent", retry_after=600), 100, max_attempts=3) == pytest.approx(615, abs=16)
    assert decide(ReauthorizationRequired("sign in")) is None
    assert decide(KeyError("of the task")) is None


@pytest.mark.parametrize("error", [psycopg.OperationalError("gone"), ConnectorException("gone")])
def test_a_database_that_is_gone_is_waited_for(error: Exception) -> None:
    assert decide(error, 2, first_wait=4) == pytest.approx(12, abs=4.1)
    assert decide(error, 2, max_attempts=3) is None


@pytest.mark.parametrize("arguments", [{"max_attempts": 0}, {"first_wait": -1}, {"longest_wait": "60"}])
def test_a_wrong_argument_of_the_strategy_is_named(arguments: dict[str, Any]) -> None:
    (name,) = arguments

    with pytest.raises(ConfigurationError, match=name):
        ExistRetry(**arguments)


def test_the_strategy_shows_its_settings() -> None:
    assert "max_attempts=7" in repr(ExistRetry(7))


def test_without_procrastinate_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "procrastinate", None)
    monkeypatch.delitem(sys.modules, "exist_async.jobs.procrastinate")
    monkeypatch.delattr(exist_async.jobs, "procrastinate")
    monkeypatch.delattr(exist_async.jobs, "ExistRetry")

    with pytest.raises(ImportError, match=r'pip install "exist-async\[jobs\]"'):
        _ = exist_async.jobs.ExistRetry


@pytest.mark.slow
def test_importing_jobs_loads_neither_procrastinate_nor_psycopg() -> None:
    code = (
        "import sys, exist_async.jobs as jobs; "
        "assert not {'procrastinate', 'psycopg', 'psycopg_pool'} & sys.modules.keys(); "
        "assert set(jobs.__all__) <= set(dir(jobs)) and not hasattr(jobs, 'ExistRetri'); "
        "from exist_async.jobs import *; retry_stalled"
    )

    subprocess.check_call([sys.executable, "-c", code])


async def tables_as_text(queue: Queue) -> str:
    """Return all that Procrastinate has stored."""
    parts = []
    for table in ("jobs", "events", "workers", "periodic_defers"):
        rows = await queue.app.connector.execute_query_all_async(f"SELECT * FROM procrastinate_{table}")  # type: ignore[arg-type]
        parts += map(str, rows)
    return "\n".join(parts)


async def test_no_token_is_in_a_table_or_log_of_the_queue(
    queue: Queue, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    token = await service.store.load("ada")
    assert token is not None
    service.sandbox.fail_next(1, status=502)
    await queue.defer(update("ada", 7), update("eve", 8))
    async with queue.worker():
        await queue.wait_for("succeeded", 1)
        await queue.wait_for("failed", 1)

    stored = await tables_as_text(queue)

    assert '"user":"ada"' in stored.replace("\\", "")
    assert token.access_token not in stored
    assert token.access_token not in caplog.text
