"""Sync jobs: what is to be written for one user, run in one process or by workers on many machines."""

from exist_async.jobs.job import JobKind, SyncJob
from exist_async.jobs.journal_folder import JournalFolder
from exist_async.jobs.journals import JournalSource
from exist_async.jobs.report import FailedItem, JobReport
from exist_async.jobs.retry import RetryPolicy
from exist_async.jobs.run import run

__all__ = [
    "FailedItem",
    "JobKind",
    "JobReport",
    "JournalFolder",
    "JournalSource",
    "RetryPolicy",
    "SyncJob",
    "run",
]
