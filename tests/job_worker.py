"""A worker of Procrastinate in a process of its own, which tests kill."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import httpx
import procrastinate

from exist_async import ExistClient, FileTokenStore
from exist_async.jobs import ExistRetry, JournalFolder, SyncJob, retry_stalled, run

STALLED = 1.0
"""Seconds without a sign of life after which a worker counts as dead."""


def app_of(database: str, schema: str) -> procrastinate.App:
    """Return an app whose tables are in a schema, with the tasks of the worker."""
    options = {"options": f"-c search_path={schema}"}
    connector = procrastinate.PsycopgConnector(conninfo=database, kwargs=options, min_size=1)
    app = procrastinate.App(connector=connector)

    @app.task(name="sync", retry=ExistRetry(first_wait=0.1, longest_wait=0.5), pass_context=True)
    async def sync(context: procrastinate.JobContext, job: str) -> None:
        await run(SyncJob.from_json(job), **context.additional_context)  # type: ignore[arg-type]

    @app.periodic(cron="* * * * * *")
    @app.task(name="retry_stalled_jobs", queueing_lock="retry_stalled_jobs", pass_context=True)
    async def retry_stalled_jobs(context: procrastinate.JobContext, timestamp: int) -> None:
        await retry_stalled(context.app, seconds=STALLED)

    return app


class Worker:
    """A worker that is started again after each kill."""

    def __init__(self, *arguments: str) -> None:
        # Not as a program: Procrastinate warns of an app in the main module.
        code = f"import asyncio, {__name__} as worker; asyncio.run(worker.main{arguments!r})"
        self._command = [sys.executable, "-c", code]
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        self._process = await asyncio.create_subprocess_exec(*self._command, env=environment)

    async def kill(self) -> None:
        assert self._process is not None
        assert self._process.returncode is None, "it ended by itself"
        self._process.send_signal(signal.SIGKILL)
        await self._process.wait()


async def main(database: str, schema: str, url: str, folder: str) -> None:
    async with ExistClient(httpx.Auth(), base_url=url, rate_limiter=None) as shared:
        app = app_of(database, schema)
        async with app.open_async():
            await app.run_worker_async(
                concurrency=4,
                fetch_job_polling_interval=0.05,
                update_heartbeat_interval=0.2,
                stalled_worker_timeout=STALLED,
                additional_context={
                    "shared": shared,
                    "store": FileTokenStore(Path(folder) / "tokens.json"),
                    "journal": JournalFolder(Path(folder) / "journals"),
                },
            )
