"""Journals of many jobs in a PostgreSQL database."""

import asyncio
import datetime as dt
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, TypeVar
from uuid import UUID

from attrs import define, field, frozen

from exist_async._checks import check_flag, check_seconds, check_text, wrong_type
from exist_async._postgres import PostgresFailedError, PostgresLock
from exist_async.errors import ConfigurationError, JournalError
from exist_async.journals.base import Note, StoredJournal
from exist_async.journals.job_tables import JobTables, OpenedJob
from exist_async.journals.records import Kind, Row

if TYPE_CHECKING:
    from psycopg_pool import AsyncConnectionPool

T = TypeVar("T")

_PAGE: Final = 1000
"""Number of jobs that are read at a time."""

_LONGEST_ID: Final = 255  # characters

_MANY: Final = 500
"""Number of items whose records are made in a thread: they take a millisecond."""

# A killed process may keep the lock of its job a little longer.
_ATTEMPTS: Final = 5
_PAUSE: Final = 0.05  # seconds

_JOINING_TIME: Final = 0.02
"""Seconds for which new items wait for the note of the first request."""

_DISK_FULL: Final = "53100"
_REFUSED_VALUES: Final = ("22", "23", "54")  # classes of SQLSTATE

_log = logging.getLogger("exist_async")


@frozen
class JournaledJob:
    """A job whose journal is in a database.

    Attributes:
        id: Its id.
        service: The origin of the service; None, as for `user` and `kind`, if nothing was written yet.
        user: The user, as the journal was given it, or as rate limiters name the user.
        kind: The kind of write, such as `update`.
        begun_at: When it was begun, by the clock of PostgreSQL.
        used_at: When it was last opened or closed.
        ended_at: When all its items were finished; None if some are not, or its program was killed.
        error: The error with which it last ended; None if there was none.
    """

    id: str
    service: str | None
    user: str | None
    kind: str | None
    begun_at: dt.datetime
    used_at: dt.datetime
    ended_at: dt.datetime | None
    error: str | None


@define(eq=False)
class _Queue:
    """Notes that wait to be stored.

    Attributes:
        job: The job.
        notes: The notes, with the futures of those who wait for them.
        writer: The task that stores them, if it runs.
        timer: Starts the task a little later, if it waits for further notes.
    """

    job: OpenedJob
    notes: list[tuple[Note, "asyncio.Future[None]"]] = field(factory=list[tuple[Note, "asyncio.Future[None]"]])
    writer: "asyncio.Task[None] | None" = None
    timer: asyncio.TimerHandle | None = None


class PostgresJournal(StoredJournal):
    """Notes what a write sends and what became of it, like a `Journal`, in a database that holds those of many jobs.

    A job can be begun on one machine, and gone on with on another. It is open in one place at a time; a process that
    lost its connection while another one opened the job can't send anything of which the other does not know.

        async with PostgresJournal(pool, "backfill-ada") as journal:
            await exist.values.update(rows, journal=journal)

    Without a job it is a source of journals, which share its connections: see `for_job`.

    The tables are created in a schema of their own when they are first needed. Jobs whose items are all finished are
    deleted some time after they were last used: if such a job is run again, everything in it is sent again.

    Args:
        postgres: URL or conninfo string, whose connections are closed with the journal, or an `AsyncConnectionPool` of
            psycopg_pool. It must reach the server itself, or a proxy that keeps sessions.
        job: Name or UUID of the job.
        user: As for `Journal`.
        retry_refused: As for `Journal`.
        schema: Schema of the tables.
        keep: Time after which a finished job that was not used may be deleted, as a timedelta or in seconds; None
            deletes none. Jobs with unfinished items are never deleted.
        timeout: Seconds within which a note must be stored, also if PostgreSQL can't be reached at first.

    Raises:
        ConfigurationError: An argument is wrong, or psycopg is not installed.
        JournalError: When it is opened: the job is open elsewhere, or PostgreSQL can't be used.
    """

    _place = "job"

    def __init__(
        self,
        postgres: "str | AsyncConnectionPool[Any]",
        job: str | UUID | None = None,
        *,
        user: str | None = None,
        retry_refused: bool = False,
        schema: str = "exist_async",
        keep: dt.timedelta | float | None = dt.timedelta(days=30),
        timeout: float = 10.0,
    ) -> None:
        super().__init__(user, retry_refused=retry_refused)
        seconds = keep.total_seconds() if isinstance(keep, dt.timedelta) else keep
        if seconds is not None:
            check_seconds("keep", seconds)
        self._job = None if job is None else _checked_id(job)
        self._tables = JobTables(postgres, schema, timeout, seconds)
        self._is_shared = False
        self._forget()

    def __repr__(self) -> str:
        return f"PostgresJournal({self._tables.where!r}, {self._job!r})"

    def __str__(self) -> str:
        return f"the journal {self._job} in {self._tables.where}"

    def for_job(
        self, job: str | UUID, *, user: str | None = None, retry_refused: bool | None = None
    ) -> "PostgresJournal":
        """Return the journal of a job, which shares the connections.

        Args:
            job: Name or UUID of the job.
            user: Name of the user; None takes that of this journal.
            retry_refused: Whether items that the service refused are sent again; None takes that of this journal.

        Raises:
            ConfigurationError: An argument is wrong, or this is the journal of another job.
        """
        job = _checked_id(job)
        if self._job not in (None, job):
            raise ConfigurationError(f"this is {self}: a source of journals is a PostgresJournal without a job")
        journal = object.__new__(PostgresJournal)
        if retry_refused is None:
            retry_refused = self._retry_refused
        StoredJournal.__init__(journal, self._user if user is None else user, retry_refused=retry_refused)
        journal._job = job
        journal._tables = self._tables
        journal._is_shared = True
        journal._forget()
        return journal

    async def jobs(self, user: str | None = None, *, failed: bool = False) -> AsyncIterator[JournaledJob]:
        """Read the jobs in the schema, in the order in which they were begun. A few are in memory at a time.

        Args:
            user: Only those of this user.
            failed: Only those that last ended with an error.

        Raises:
            ConfigurationError: An argument is wrong.
            JournalError: PostgreSQL can't be used.
        """
        if user is not None:
            check_text("user", user)
        check_flag("failed", failed)
        number = 0
        while True:
            rows = await self._run("can't be read", self._tables.select_jobs(number, user, failed, _PAGE))
            for _, job, service, owner, kind, begun, used, ended, error in rows:
                yield JournaledJob(
                    job,
                    service,
                    owner,
                    kind,
                    dt.datetime.fromtimestamp(begun, dt.UTC),
                    dt.datetime.fromtimestamp(used, dt.UTC),
                    None if ended is None else dt.datetime.fromtimestamp(ended, dt.UTC),
                    error,
                )
            if len(rows) < _PAGE:
                return
            number = rows[-1][0]

    async def aclose(self) -> None:
        """Wait until all that is known is noted, and close the journal; also its connections, if they are its own.

        Requests of a cancelled write that are still in flight stay noted as being sent: close the client first, which
        waits for them.
        """
        await super().aclose()
        await self._close_connections()

    async def _close_connections(self) -> None:
        if not self._is_shared:
            await self._tables.aclose()

    def _forget(self) -> None:
        """Become closed."""
        self._opened: OpenedJob | None = None
        self._process = os.getpid()
        self._lock: PostgresLock | None = None
        self._lock_loop: asyncio.AbstractEventLoop | None = None
        self._queues: dict[asyncio.AbstractEventLoop, _Queue] = {}
        self._last_note = 0
        self._whose: Mapping[str, str] = {}
        self._new_identity: Mapping[str, str] | None = None  # until a note has stored it
        self._has_error = False
        self._failure: JournalError | None = None  # of a note of new items, without which no other can be stored
        self._is_count_known = True
        self._is_taken = False

    async def _open(self) -> None:
        if self._job is None:
            raise ConfigurationError(self._without_job())
        if self._opened is not None and self._process == os.getpid():
            raise ConfigurationError(f"{self} is open already")
        self._forget()
        lock = self._tables.lock_of(self._job)
        try:
            await self._run("can't be opened", self._take(lock))
            opened = await self._run("can't be opened", self._tables.open_job(self._job))
            self._kind = self._kind_from(opened.identity.get("kind"))
        except BaseException:
            await lock.release()
            await self._close_connections()
            raise
        self._lock, self._lock_loop = lock, asyncio.get_running_loop()
        self._opened, self._count = opened, opened.count
        self._has_error = opened.has_error
        self._whose = opened.identity

    async def _take(self, lock: PostgresLock) -> None:
        for attempt in range(_ATTEMPTS):
            if await lock.try_acquire():
                return
            if attempt < _ATTEMPTS - 1:
                await asyncio.sleep(_PAUSE)
        raise self._open_elsewhere()

    async def _close(self) -> None:
        opened, lock, self._opened = self._opened, self._lock, None
        if opened is None or lock is None or self._process != os.getpid():
            return
        await asyncio.shield(asyncio.ensure_future(self._close_job(opened, lock)))

    async def _close_job(self, opened: OpenedJob, lock: PostgresLock) -> None:
        """Wait for all notes, record whether the job has ended, and let others open it."""
        kind = self._kind
        await self._flush()
        try:
            repeated = () if kind is None else kind.repeated_statuses
            await self._tables.close_job(opened, self._new_identity, repeated)
        except PostgresFailedError as error:
            _log.warning("%s was not recorded as ended: %s", self, error)
        finally:
            await self._release(lock)
        try:
            await self._tables.sweep()
        except PostgresFailedError as error:
            _log.warning("Jobs that ended long ago were not deleted: %s", error)

    async def _compute(self, function: Callable[[], T], count: int) -> T:
        return function() if count < _MANY else await asyncio.to_thread(function)

    async def _identity(self, job: Mapping[str, str]) -> Mapping[str, str]:
        self._whose = self._checked_job().identity or self._whose or job
        return self._whose

    async def _begin(self, kind: Kind) -> int:  # noqa: ARG002  (each note says whether it has to be durable)
        opened = self._checked_job()
        await self._flush()
        if not opened.identity or opened.is_ended or self._has_error:
            # The first note also says that the job has not ended, or not with that error.
            self._new_identity, self._has_error = self._whose, False
        if self._failure is not None:
            self._failure, self._is_count_known = None, False
        if self._is_count_known:
            return self._count
        # What seemed to have failed may still be stored until the next note is, and not afterwards.
        await self._note(Note())
        count = await self._run("can't be read", self._tables.count_items(opened))
        self._is_count_known = True
        return count

    async def _supersede(self, repeated: Sequence[str]) -> None:
        opened = self._checked_job()
        is_unchanged = opened.is_ended and not self._last_note and not self._retry_refused
        if self._count == 0 or is_unchanged:
            return
        await self._flush()
        if not await self._run("can't be used", self._tables.supersede(opened, repeated)):
            raise self._taken()

    async def _load(self, first: int, count: int) -> list[Row]:
        opened, kind = self._checked_job(), self._checked_kind()
        await self._flush()
        return await self._read(self._tables.load(opened, kind, first, count))

    async def _select(self, after: int, statuses: Sequence[str | None] | None, limit: int) -> list[Row]:
        opened = self._checked_job()
        await self._flush()
        if self._kind is None:
            return []
        return await self._read(self._tables.select(opened, self._kind, after, statuses, limit))

    async def _count_statuses(self, left_out: Sequence[int]) -> Mapping[str | None, int]:
        opened = self._checked_job()
        await self._flush()
        return await self._read(self._tables.count_statuses(opened, left_out))

    def _note(self, note: Note) -> "asyncio.Future[None]":
        loop = asyncio.get_running_loop()
        noted: asyncio.Future[None] = loop.create_future()
        if self._opened is None or self._process != os.getpid():
            noted.set_exception(JournalError(f"{self} was closed before this was noted"))
            return noted
        queue = self._queues.setdefault(loop, _Queue(self._opened))
        queue.notes.append((note, noted))
        if queue.writer is None:
            if note.items and queue.timer is None:
                # Nobody waits for it, and the first request may follow at once: they share a statement.
                queue.timer = loop.call_later(_JOINING_TIME, self._start_writer, queue)
            else:
                self._start_writer(queue)
        return noted

    def _start_writer(self, queue: _Queue) -> None:
        if queue.timer is not None:
            queue.timer.cancel()
            queue.timer = None
        if queue.writer is None and queue.notes:
            # Until it takes them, and while it stores others, further notes join.
            queue.writer = asyncio.get_running_loop().create_task(self._store_notes(queue))

    async def _flush(self) -> None:
        """Wait until all notes are stored that were begun on this event loop."""
        queue = self._queues.get(asyncio.get_running_loop())
        if queue is not None:
            self._start_writer(queue)
            if queue.writer is not None:
                await asyncio.wait([queue.writer])

    async def _store_notes(self, queue: _Queue) -> None:
        """Store all notes that wait, in one statement, and then those that have come meanwhile."""
        taken: list[tuple[Note, asyncio.Future[None]]] = []
        try:
            while queue.notes:
                taken, queue.notes = queue.notes, []
                failures = await self._failures_of([note for note, _ in taken], queue.job)
                for (_, noted), failure in zip(taken, failures, strict=True):
                    _resolve(noted, failure)
        finally:
            queue.writer = None
            for _, noted in (*taken, *queue.notes):
                _resolve(noted, JournalError(f"{self} could not note this, because its event loop ended"))
            queue.notes.clear()

    async def _failures_of(self, notes: Sequence[Note], opened: OpenedJob) -> list[JournalError | None]:
        """Store notes, together or else each by itself, and return the error of each."""
        try:
            return [await self._store(notes, opened)] * len(notes)
        except Exception as error:  # noqa: BLE001  (whoever waits for a note must not wait for ever)
            if len(notes) > 1:
                return [each for note in notes for each in await self._failures_of([note], opened)]
            failure = JournalError(f"{self} can't be used: {type(error).__name__}: {error}")
        if notes[0].items:
            self._failure = failure
        return [failure]

    async def _store(self, notes: Sequence[Note], opened: OpenedJob) -> JournalError | None:
        """Store notes in one statement, and return the error if PostgreSQL can't.

        Raises:
            PostgresFailedError: One of several notes has a value that it refuses.
        """
        if self._is_taken:
            return self._taken()
        if self._failure is not None:
            return JournalError(str(self._failure))
        await self._move_lock()
        identity = self._new_identity
        self._last_note += 1
        try:
            is_stored = await self._tables.note(opened, self._last_note, notes, self._kind, identity)
        except PostgresFailedError as error:
            if len(notes) > 1 and (error.code or "").startswith(_REFUSED_VALUES):
                raise
            failure = self._error("can't be used", error)
        else:
            if is_stored:
                self._new_identity = None
                self._has_error = self._has_error or any(note.error is not None for note in notes)
                return None
            self._is_taken = True
            return self._taken()
        if any(note.items for note in notes):
            self._failure = failure
        return failure

    async def _move_lock(self) -> None:
        """Take the lock on this event loop if it was lost because the one on which it was taken has ended.

        Otherwise it takes care of itself. Going on without it is safe: once the job was opened elsewhere, nothing is
        noted.
        """
        loop = asyncio.get_running_loop()
        if self._lock is None or self._lock.is_held or self._lock_loop is loop:
            return
        self._lock_loop = loop
        try:
            await self._lock.try_acquire()
        except PostgresFailedError as error:
            _log.debug("The lock of %s was not taken again: %s", self, error)

    async def _release(self, lock: PostgresLock) -> None:
        """Release the lock on the event loop on which it was taken."""
        loop = self._lock_loop
        if loop is None or loop is asyncio.get_running_loop():
            await lock.release()
            return
        with suppress(RuntimeError):  # it is closed, and the connection with it
            loop.call_soon_threadsafe(lambda: asyncio.ensure_future(lock.release()))

    async def _run(self, event: str, statement: Awaitable[T]) -> T:
        try:
            return await statement
        except PostgresFailedError as error:
            failure = self._error(event, error)
        raise failure

    async def _read(self, statement: Awaitable[T]) -> T:
        try:
            return await self._run("can't be read", statement)
        except KeyError as error:
            raise self._damaged(f"there is no status {error}") from error

    def _checked_job(self) -> OpenedJob:
        if self._job is None:
            raise ConfigurationError(self._without_job())
        if self._opened is None or self._process != os.getpid():
            raise ConfigurationError(f"{self} is not open: use it in `async with PostgresJournal(...) as journal:`")
        return self._opened

    def _without_job(self) -> str:
        return (
            "a PostgresJournal without a job can't be written to: name the job, as in PostgresJournal(postgres, "
            '"backfill-ada"), or take the journal of one, as in journal.for_job("backfill-ada")'
        )

    def _error(self, event: str, error: PostgresFailedError) -> JournalError:
        """Return the error for one of PostgreSQL, with the remedy."""
        if error.code == _DISK_FULL:
            return self._full(event)
        reason = str(error).removeprefix(f"{self._tables.where} ").removeprefix("can't be used: ")
        return JournalError(f"{self} {event}: {reason}. When that is mended, call again: it goes on then")

    def _taken(self) -> JournalError:
        return JournalError(
            f"{self} was opened elsewhere or deleted while it was in use here: nothing more is sent here. What was "
            "being sent is unknown there"
        )


def _checked_id(job: object) -> str:
    """Return the id of a job as text."""
    if isinstance(job, UUID):
        return str(job)
    if not isinstance(job, str):
        raise wrong_type("job", "a string or UUID", job)
    check_text("job", job)
    if len(job) > _LONGEST_ID:
        raise ConfigurationError(f"job must have at most {_LONGEST_ID} characters")
    return job


def _resolve(noted: "asyncio.Future[None]", failure: JournalError | None) -> None:
    if noted.done():
        return
    if failure is None:
        noted.set_result(None)
    else:
        noted.set_exception(failure)
