"""A worker of Procrastinate in a process of its own, with all that it needs in PostgreSQL; tests kill it."""

import asyncio
import os
import signal
import sys
from typing import Self

import httpx
import procrastinate
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from exist_async import ExistClient, PostgresJournal, PostgresRateLimiter, PostgresTokenStore
from exist_async.jobs import ExistRetry, SyncJob, retry_stalled, run

STALLED = 1.0
"""Seconds without a sign of life after which a worker counts as dead."""

app = procrastinate.App(connector=procrastinate.PsycopgConnector())


@app.task(name="sync", retry=ExistRetry(first_wait=0.1, longest_wait=0.5), pass_context=True)
async def sync(context: procrastinate.JobContext, job: str) -> None:
    await run(SyncJob.from_json(job), **context.additional_context)  # type: ignore[arg-type]


@app.periodic(cron="* * * * * *")
@app.task(name="retry_stalled", queueing_lock="retry_stalled", priority=1, pass_context=True)
async def retry_stalled_jobs(context: procrastinate.JobContext, timestamp: int) -> None:
    await retry_stalled(context.app, seconds=STALLED)


class Worker:
    """A worker that is started again whenever it has ended, as a supervisor does it.

    Attributes:
        ends: Number of times that it ended by itself.
    """

    def __init__(self, *arguments: str) -> None:
        self.ends = 0
        # Not as a program: Procrastinate warns of an app in the main module.
        code = f"import asyncio, {__name__} as worker; asyncio.run(worker.main{arguments!r})"
        self._command = [sys.executable, "-c", code]
        self._process: asyncio.subprocess.Process | None = None
        self._is_killed = False
        self._supervision: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._supervision = asyncio.create_task(self._supervise())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._supervision is not None
        self._supervision.cancel()
        self.kill()
        if self._process is not None:
            await self._process.wait()

    def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._is_killed = True
            self._process.send_signal(signal.SIGKILL)

    async def _supervise(self) -> None:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        while True:
            self._is_killed = False
            self._process = await asyncio.create_subprocess_exec(
                *self._command, env=environment, stderr=asyncio.subprocess.DEVNULL
            )
            await self._process.wait()
            self.ends += not self._is_killed


async def main(database: str, url: str) -> None:
    async with (
        AsyncConnectionPool(database, min_size=1, max_size=4, configure=set_autocommit, open=False) as pool,
        ExistClient(httpx.Auth(), base_url=url, rate_limiter=PostgresRateLimiter(pool)) as shared,
        app.open_async(pool),
    ):
        await app.run_worker_async(
            concurrency=4,
            fetch_job_polling_interval=0.05,
            update_heartbeat_interval=0.2,
            stalled_worker_timeout=STALLED,
            additional_context={
                "shared": shared,
                "store": PostgresTokenStore(pool),
                "journal": PostgresJournal(pool),
            },
        )


async def set_autocommit(connection: AsyncConnection) -> None:
    await connection.set_autocommit(True)
