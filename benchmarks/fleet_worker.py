"""A worker of the fleet, as it would run on a machine of its own: Procrastinate's worker, and all else in its pool."""

import asyncio
import json
import logging
import os
import subprocess
import sys
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Final

import procrastinate
from attrs import asdict, frozen
from psycopg import AsyncConnection, Connection
from psycopg_pool import AsyncConnectionPool

from benchmarks.fleet_jobs import BUDGETS, budget_of, number_of
from exist_async import ExistClient, PostgresJournal, PostgresRateLimiter, PostgresTokenStore, jobs
from exist_async.jobs import ExistRetry, SyncJob

if TYPE_CHECKING:
    from procrastinate import JobContext

TASK: Final = "sync"
"""The name of the task that runs a job."""

_SETTINGS: Final = "EXIST_ASYNC_FLEET"

CONCURRENCY: Final = 10
"""Jobs that a worker runs at a time."""

POLLING: Final = 1.0
"""Seconds after which an idle worker looks for jobs."""

# Short, so that jobs of a killed worker go on within a run. In use, Procrastinate's 10 s and a minute do.
HEARTBEAT: Final = 1.0
"""Seconds between the signs of life of a worker."""

STALLED: Final = 4.0
"""Seconds without a sign of life after which a worker counts as dead."""


@frozen
class Settings:
    """The settings of a worker.

    Attributes:
        postgres: The URL of the database.
        service: The origin of the service.
    """

    postgres: str
    service: str


def start(settings: Settings) -> "subprocess.Popen[bytes]":
    """Start a worker, which ends when its input does."""
    # Not an argument, which every user of a machine can read: it has a password.
    environment = {**os.environ, _SETTINGS: json.dumps(asdict(settings))}
    command = [sys.executable, "-c", f"from {__name__} import main; main()"]
    return subprocess.Popen(command, env=environment, stdin=subprocess.PIPE)


def app_to_defer(database: str) -> procrastinate.App:
    """Return an app that is not open, to defer jobs with, as any program may that runs none."""

    def set_autocommit(connection: Connection) -> None:
        connection.autocommit = True

    return procrastinate.App(connector=procrastinate.SyncPsycopgConnector(conninfo=database, configure=set_autocommit))


def main() -> None:
    """Run a worker with the settings in the environment, until its input ends."""
    # That jobs of killed workers go on is counted here, and needs no warning of each.
    logging.getLogger("exist_async").setLevel(logging.ERROR)
    asyncio.run(_run(Settings(**json.loads(os.environ[_SETTINGS]))))


async def _run(settings: Settings) -> None:
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(
            AsyncConnectionPool(
                settings.postgres,
                min_size=2,
                max_size=CONCURRENCY,
                # Each statement is a transaction. As `kwargs` of the pool it would fail: Procrastinate sets it, too.
                configure=_set_autocommit,
                open=False,
            )
        )
        store, journal = PostgresTokenStore(pool), PostgresJournal(pool)
        client = await stack.enter_async_context(ExistClient("nobody-s-token", base_url=settings.service))
        # Other programs need only one: all users of Exist have the same budget.
        clients = {
            budget: client.with_options(rate_limiter=PostgresRateLimiter(pool, budget.limit, budget.period))
            for budget in BUDGETS
        }
        app = procrastinate.App(connector=procrastinate.PsycopgConnector())

        @app.task(name=TASK, retry=ExistRetry(), pass_context=True)
        async def sync(_: "JobContext", job: str) -> None:
            to_write = SyncJob.from_json(job)
            shared = clients[budget_of(number_of(to_write.user))]
            await jobs.run(to_write, shared, store, journal=journal)

        # Before all other jobs, or those of a dead worker would wait until the others are done.
        @app.periodic(cron="* * * * * */2", priority=1, queueing_lock="retry_stalled")
        @app.task(name="retry_stalled", pass_context=True)
        async def go_on(context: "JobContext", timestamp: int) -> None:  # noqa: ARG001  (Procrastinate passes it by name)
            await jobs.retry_stalled(context.app, seconds=STALLED)

        await stack.enter_async_context(app.open_async(pool))
        worker = asyncio.create_task(
            app.run_worker_async(
                concurrency=CONCURRENCY,
                # A job that was put off, or waited for another of its user, is found by looking, not by a notification.
                fetch_job_polling_interval=POLLING,
                update_heartbeat_interval=HEARTBEAT,
                stalled_worker_timeout=STALLED,
                install_signal_handlers=False,
            )
        )
        ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), ended.set)
        input_end = asyncio.create_task(ended.wait())
        await asyncio.wait([worker, input_end], return_when=asyncio.FIRST_COMPLETED)
        # Procrastinate's worker stops by itself when it can't use the database; a supervisor has to start it again.
        if worker.done():
            sys.exit("the worker has stopped")
        worker.cancel()
        await asyncio.wait([worker])


async def _set_autocommit(connection: AsyncConnection) -> None:
    await connection.set_autocommit(True)
