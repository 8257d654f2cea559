"""Sync jobs: what is to be written for one user, run in one process or by workers on many machines."""

from typing import TYPE_CHECKING

from exist_async.jobs.job import JobKind, SyncJob
from exist_async.jobs.journal_folder import JournalFolder
from exist_async.jobs.journals import JournalSource
from exist_async.jobs.report import FailedItem, JobReport
from exist_async.jobs.retry import RetryPolicy
from exist_async.jobs.run import run
from exist_async.jobs.run_all import run_all

# Procrastinate is an extra, and imported when one of these is first used.
if TYPE_CHECKING:
    from exist_async.jobs.procrastinate import ExistRetry, retry_stalled
else:

    def __getattr__(name: str) -> object:
        if name not in ("ExistRetry", "retry_stalled"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        try:
            from exist_async.jobs import procrastinate
        except ModuleNotFoundError as error:
            raise ImportError(f'{name} needs Procrastinate: pip install "exist-async[jobs]"') from error
        value = globals()[name] = getattr(procrastinate, name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


__all__ = [
    "ExistRetry",
    "FailedItem",
    "JobKind",
    "JobReport",
    "JournalFolder",
    "JournalSource",
    "RetryPolicy",
    "SyncJob",
    "retry_stalled",
    "run",
    "run_all",
]
