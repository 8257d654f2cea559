"""Jobs on Procrastinate: when a task is tried again, and jobs of workers that died."""

import asyncio
import datetime as dt
import logging
from typing import TYPE_CHECKING, Any, Final, cast

import procrastinate
import psycopg
from procrastinate.exceptions import ConnectorException, JobAborted, UniqueViolation
from procrastinate.jobs import Job

from exist_async._checks import check_seconds, wrong_type
from exist_async.jobs.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Mapping

_AFTER_ABORT: Final = 1.0  # seconds
_FORGOTTEN: Final = 3600.0  # seconds without a heartbeat

_log = logging.getLogger("exist_async")


class ExistRetry(procrastinate.BaseRetryStrategy):
    """Decides when a task that raised an error is tried again, as `RetryPolicy` does: `@app.task(retry=ExistRetry())`.

    The worker is free meanwhile, and jobs with the same `lock` wait, so that those of one user stay in order. A job
    that a worker aborts because it is shut down is tried again by another one.

    Procrastinate counts each run as an attempt. So waiting for the budget never fails a job, but makes the pauses after
    later failures longer, and counts for `max_attempts`.

    Args:
        max_attempts: The most attempts of a job; a failure of the last one fails it. None is no limit.
        first_wait: Seconds to wait after the first attempt that fails.
        longest_wait: The most seconds to wait after an attempt that fails.

    Raises:
        ConfigurationError: An argument is wrong.
    """

    def __init__(
        self, max_attempts: int | None = None, *, first_wait: float = 2.0, longest_wait: float = 300.0
    ) -> None:
        self._policy = RetryPolicy(max_attempts, first_wait=first_wait, longest_wait=longest_wait)

    def __repr__(self) -> str:
        return f"ExistRetry({self._policy!r})"

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> procrastinate.RetryDecision | None:
        """Return when a job is tried again; None if it is not."""
        if isinstance(exception, asyncio.CancelledError | JobAborted):
            # The worker is being shut down. If a user has asked to abort the job, Procrastinate fails it all the same.
            seconds: float | None = _AFTER_ABORT
        else:
            # A statement of the task's own can fail, too.
            is_database = isinstance(exception, psycopg.OperationalError | ConnectorException)
            error = ConnectionError("the database failed") if is_database else exception
            seconds = self._policy.seconds_before_retry(error, job.attempts)
        if seconds is None:
            return None
        return procrastinate.RetryDecision(retry_at=dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds))


async def retry_stalled(app: procrastinate.App, *, seconds: float = 60.0) -> int:
    """Try jobs again whose worker has died, and return their number. Call it in a periodic task, every minute.

    These are jobs of tasks whose `retry` is an `ExistRetry`. They keep their lock and their place in the order. If a
    worker lives after all, no increment is sent twice: it holds the lock of the job's journal, so that the other one
    tries again later; if it was cut off from PostgreSQL, it can note nothing, and so sends nothing more.

    Args:
        app: The app, which is open: `context.app` in a task.
        seconds: A worker has died if it has given no sign of life for so long. Workers give one every ten seconds.

    Raises:
        ConfigurationError: An argument is wrong.
    """
    if not isinstance(app, procrastinate.App):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise wrong_type("app", "a procrastinate.App", app)
    check_seconds("seconds", seconds)
    tasks = cast("Mapping[str, Any]", app.tasks)  # pyright: ignore[reportUnknownMemberType]
    retried = 0
    for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=seconds):
        if not isinstance(getattr(tasks.get(job.task_name), "retry_strategy", None), ExistRetry):
            continue
        try:
            await app.job_manager.retry_job(job)
        except UniqueViolation:  # a job with its `queueing_lock` waits, as good as this one
            continue
        except ConnectorException as error:
            if isinstance(error.__cause__, psycopg.errors.RaiseException):  # it has ended meanwhile
                continue
            raise
        retried += 1
        _log.warning("The worker of job %s of the task %s has died: it is tried again", job.id, job.task_name)
    # Workers that start do this too, after 30 seconds. One that is only slow stops when it finds itself forgotten.
    await app.job_manager.prune_stalled_workers(max(seconds, _FORGOTTEN))
    return retried
