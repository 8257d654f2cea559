"""A folder with a journal for each job."""

import asyncio
import os
import time
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from exist_async._checks import check_file_path, check_flag, check_seconds, wrong_type
from exist_async.errors import JournalError
from exist_async.journals.sqlite import Journal
from exist_async.outcomes import FINE, OutcomeStatus, WriteSummary

_OWNER_ONLY: Final = 0o700
_DAY: Final = 86_400.0
_SUFFIXES: Final = ("-wal", "-shm", "")


class JournalFolder:
    """A folder of journals, one SQLite file for each job, for jobs that run on one machine.

    The file of a finished job stays, so that running the job again sends nothing: see `remove_finished`.

    Args:
        path: The folder. It is created with mode 0700 when the first job runs; the folder around it must exist. It must
            be on a local disk.
        retry_refused: Whether items that the service refused are sent again when a job is run again.

    Raises:
        ConfigurationError: An argument is wrong.
    """

    def __init__(self, path: str | os.PathLike[str], *, retry_refused: bool = False) -> None:
        check_flag("retry_refused", retry_refused)
        self._path = check_file_path("path", path)
        self._retry_refused = retry_refused

    def __repr__(self) -> str:
        return f"JournalFolder({str(self._path)!r})"

    def for_job(self, id: UUID) -> Journal:  # noqa: A002  (the name of the job's field)
        """Return the journal of the job with an id, which is not open. Its file need not exist yet.

        Raises:
            JournalError: The folder can't be created.
        """
        if not isinstance(id, UUID):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise wrong_type("id", "a uuid.UUID", id)
        try:
            self._path.mkdir(mode=_OWNER_ONLY, exist_ok=True)
        except OSError as error:
            raise JournalError(
                f"the folder of journals {self._path} can't be created: {error.strerror}. Check that it is a folder, "
                "and the folder around it exists"
            ) from error
        return Journal(self._path / f"{id}.db", retry_refused=self._retry_refused)

    async def remove_finished(self, *, days: float = 30.0) -> int:
        """Remove journals of finished jobs to which nothing was written for some days, and return their number.

        Call it once a day, for example. A journal with items that another run would send stays, whatever its age, and
        so does one that is open. If a job whose journal was removed is run again, it is written again: with its
        increments.

        Args:
            days: Days since the last change of a journal.

        Raises:
            JournalError: The folder can't be read, or a journal can't be removed.
        """
        check_seconds("days", days, zero=True)
        removed = 0
        for path in await asyncio.to_thread(self._find_old, time.time() - days * _DAY):
            if await self._is_finished(path):
                await asyncio.to_thread(self._remove, path)
                removed += 1
        return removed

    def _find_old(self, latest: float) -> list[Path]:
        """Return the files of journals of which no part was changed after a time."""
        try:
            files = {path.name: path.stat().st_mtime for path in self._path.iterdir()} if self._path.exists() else {}
        except OSError as error:
            raise self._error(error) from error
        return [
            self._path / name
            for name in sorted(files)
            if name.endswith(".db") and all(files.get(name + suffix, 0) <= latest for suffix in _SUFFIXES)
        ]

    async def _is_finished(self, path: Path) -> bool:
        try:
            async with Journal(path) as journal:
                summary = await journal.summary()
        except JournalError:  # it is open, or damaged
            return False
        return len(summary) > 0 and _is_final(summary)

    def _remove(self, path: Path) -> None:
        try:
            for suffix in _SUFFIXES:
                path.with_name(path.name + suffix).unlink(missing_ok=True)
        except OSError as error:
            raise self._error(error) from error

    def _error(self, error: OSError) -> JournalError:
        return JournalError(f"the folder of journals {self._path} can't be used: {error.strerror}")


def _is_final(summary: WriteSummary[Any, Any]) -> bool:
    """Whether no item would be sent again. If not all that failed are known, this is not sure."""
    if sum(count for status, count in summary.counts.items() if status not in FINE) > len(summary.failed):
        return False
    return all(
        outcome.refused_for_itself
        or (outcome.status is OutcomeStatus.UNKNOWN and not getattr(outcome.cause, "repeatable", True))
        for outcome in summary.failed
    )
