"""The journals of jobs: one that is given for one job, or a source that has one for each."""

from typing import Protocol, runtime_checkable
from uuid import UUID

from exist_async._checks import wrong_type
from exist_async.journals.base import StoredJournal


@runtime_checkable
class JournalSource(Protocol):
    """Has a journal for each job: a `JournalFolder`, or a `PostgresJournal` that was created without a job."""

    def for_job(self, job_id: UUID, /) -> StoredJournal:
        """Return the journal of the job with an id. It is not open, and need not exist yet."""
        ...


def check_source(journal: object) -> JournalSource:
    """Check a source of journals, and return it."""
    if not isinstance(journal, JournalSource):
        raise wrong_type("journal", "a JournalFolder or another source with for_job(id)", journal)
    return journal


def journal_for(journal: StoredJournal | JournalSource, job_id: UUID) -> StoredJournal:
    """Return the journal for the job with an id: the one that is given, or the one that a source has."""
    if isinstance(journal, JournalSource):
        return journal.for_job(job_id)
    if not isinstance(journal, StoredJournal):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise wrong_type("journal", "a Journal, or a source of journals such as a JournalFolder", journal)
    return journal
