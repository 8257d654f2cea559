"""A journal in a SQLite file."""

import asyncio
import os
import random
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, TypeVar
from weakref import WeakSet

from exist_async import _json
from exist_async._checks import check_file_path
from exist_async._sqlite import Failure, check_length, create_file, failure_of, is_locked, keep_open, resolve, submit
from exist_async.errors import ConfigurationError, JournalError
from exist_async.journals import records
from exist_async.journals.base import Note, StoredJournal
from exist_async.journals.records import INTERRUPTED, STATUS_CODES, STATUS_NAMES, Kind, Row
from exist_async.outcomes import OutcomeStatus

if TYPE_CHECKING:
    import sqlite3

T = TypeVar("T")

_APPLICATION: Final = 0x45784A6C  # marks the files of this class
_VERSION: Final = 1

_SCHEMA: Final = (
    "CREATE TABLE job (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    # The index is `position` here, because INDEX is a keyword. A status that is NULL: not sent yet. The others are
    # numbers, which change the size of a row by a byte at most: otherwise the pages of the file would be split.
    "CREATE TABLE item (position INTEGER PRIMARY KEY, item TEXT NOT NULL, status INTEGER, outcome TEXT)",
    "CREATE TABLE status (code INTEGER PRIMARY KEY, name TEXT NOT NULL)",
    # The requests that are being sent, with the positions of their items, such as "0-33,35".
    "CREATE TABLE request (id INTEGER PRIMARY KEY, positions TEXT NOT NULL)",
    f"PRAGMA application_id = {_APPLICATION}",
    f"PRAGMA user_version = {_VERSION}",
)

# With as many rows in a statement, Python's lock is taken and given up less often. SQLite allows 999 parameters.
_ROWS_IN_STATEMENT: Final = 400

# Notes of several requests share a transaction: it takes a third of the time that sending a request does.
_COMMIT_DELAY: Final = 0.001  # seconds

_ATTEMPTS: Final = 5
_LONGEST_PAUSE: Final = 0.05  # seconds

_SELECT: Final = "SELECT position, item, status, outcome FROM item"
_UPDATE: Final = "UPDATE item SET status = ?, outcome = ? WHERE position BETWEEN ? AND ?"

_open_journals: WeakSet["Journal"] = WeakSet()

_KEY: Final = f"substr(item, 1, instr(item, '{records.END_OF_KEY}'))"


class Journal(StoredJournal):
    """Notes what a write sends and what became of it, so that the same call goes on where an earlier one stopped.

    Use it as an async context manager, and give it to a write as `journal=`. After a crash, call the write again with
    the same items. What has succeeded, was refused for itself, is unchanged or superseded is not sent again: its
    outcome comes from the journal, and `on_outcome` is not called for it. What was not sent, or refused with its whole
    request, is sent. What was being sent is sent again, except increments and creations: these are `unknown`, and are
    never sent again by themselves.

    A journal belongs to one list of items, kind of write, user and service. The list may have grown at its end. Close
    the client before the journal, as in `async with Journal(path) as journal, ExistClient() as exist`: it waits for
    what a cancelled write has in flight.

    Args:
        path: The SQLite file, which need not exist yet. It is created with mode 0600. It must be on a local disk.
            After a crash, part of the notes is in another file, whose name ends in `-wal`: they belong together.
        user: Name of the user. None takes the one by which rate limiters know the user: a hash of an access token, or
            the user of an `OAuth2`. Give it for another `httpx.Auth`, or for a token that may be replaced.
        retry_refused: Whether items that the service refused are sent again.

    Raises:
        ConfigurationError: An argument is wrong.
        JournalError: When it is opened: another journal has the file open, the disk is full, the folder can't be
            written, or the file is damaged, is no journal, or was written by a newer version.
    """

    _place = "file"

    def __init__(self, path: str | os.PathLike[str], *, user: str | None = None, retry_refused: bool = False) -> None:
        super().__init__(user, retry_refused=retry_refused)
        self._path = check_file_path("path", path)
        self._connection: sqlite3.Connection | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._lock = Lock()
        self._notes: list[tuple[Note, asyncio.Future[None]]] = []
        self._failure: JournalError | None = None

    def __repr__(self) -> str:
        return f"Journal({str(self._path)!r})"

    def __str__(self) -> str:
        return f"the journal {self._path}"

    async def _open(self) -> None:
        if self._thread is not None:
            raise ConfigurationError(f"{self} is open already")
        self._failure = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="exist_async-journal")
        try:
            self._kind = await self._call(self._open_file)
            _open_journals.add(self)
        except BaseException:
            # Also after a cancellation: the file may be open by now.
            await self._close()
            raise

    async def _close(self) -> None:
        if self._thread is None:
            return
        thread, self._thread = self._thread, None
        closed = submit(thread, self._close_file)
        thread.shutdown(wait=False)
        await asyncio.shield(closed)

    def _leave_file(self) -> None:
        """Become closed without closing the file, which would delete what the parent process has noted."""
        keep_open(self._connection)
        self._connection = self._thread = None

    async def _compute(self, function: Callable[[], T], count: int) -> T:  # noqa: ARG002  (the thread is there)
        return await self._call(function)

    async def _identity(self, job: Mapping[str, str]) -> Mapping[str, str]:
        return await self._call(self._read_identity, job)

    async def _begin(self, kind: Kind) -> int:
        return await self._call(self._prepare, kind)

    async def _supersede(self, repeated: Sequence[str]) -> None:
        await self._call(self._supersede_outdated, repeated)

    async def _load(self, first: int, count: int) -> list[Row]:
        query = f"{_SELECT} WHERE position >= ? AND position < ? ORDER BY position"
        return await self._call(self._read_rows, query, (first, first + count))

    async def _select(self, after: int, statuses: Sequence[str | None] | None, limit: int) -> list[Row]:
        condition, values = ("1", []) if statuses is None else _status_in(statuses)
        query = f"{_SELECT} WHERE position > ? AND {condition} ORDER BY position LIMIT ?"
        return await self._call(self._read_rows, query, (after, *values, limit))

    async def _count_statuses(self, left_out: Sequence[int]) -> Mapping[str | None, int]:
        return await self._call(self._read_counts, left_out)

    def _note(self, note: Note) -> "asyncio.Future[None]":
        noted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._thread is None:
            noted.set_exception(JournalError(f"{self} was closed before this was noted"))
            return noted
        with self._lock:
            self._notes.append((note, noted))
            is_first = len(self._notes) == 1
        if is_first:
            # Until the thread takes them, further notes join: they share a transaction.
            self._thread.submit(self._store_notes)
        return noted

    async def _call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call a function in the thread of the file. It is carried out also if the caller is cancelled."""
        if self._thread is None:
            raise ConfigurationError(f"{self} is not open: use it in `async with Journal(...) as journal:`")
        return await asyncio.shield(submit(self._thread, function, *arguments))

    # In the thread:

    def _open_file(self) -> Kind | None:
        import sqlite3

        _json.prepare()
        path = os.path.realpath(self._path)  # of a link, the file is created
        for attempt in range(_ATTEMPTS):
            try:
                # It stays if the rest fails, empty: another program may have opened it meanwhile.
                create_file(path)
                check_length(path)
                self._connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
                return self._check_file(self._connection)
            except (sqlite3.Error, OSError) as error:
                self._close_file()
                if attempt < _ATTEMPTS - 1 and is_locked(error):
                    # Of programs that begin at the same time, each may keep the others from locking it.
                    time.sleep(random.uniform(0.2, 1) * _LONGEST_PAUSE)  # noqa: S311  (no secret)
                    continue
                raise self._error("can't be opened", error) from error
            except ValueError as error:
                self._close_file()
                raise self._damaged(str(error)) from error
            except JournalError:
                self._close_file()
                raise
        raise AssertionError("the last attempt returns or raises")

    def _check_file(self, connection: "sqlite3.Connection") -> Kind | None:
        """Check that it is a journal, lock it, and return the kind of its write."""
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        application, version, tables = (
            connection.execute(query).fetchone()[0]
            for query in ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_master")
        )
        if application != _APPLICATION and (application or version or tables):
            raise JournalError(f"{self._path} is another SQLite file, and no journal: name another file")
        if version > _VERSION:
            raise JournalError(
                f"{self} was written by a newer version of exist_async (schema {version}): use that version"
            )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN IMMEDIATE")
        if not tables:
            for statement in _SCHEMA:
                connection.execute(statement)
            names = [(code, name) for name, code in STATUS_CODES.items() if code is not None]
            connection.executemany("INSERT INTO status VALUES (?, ?)", names)
        damage = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if damage != "ok":
            raise self._damaged(" ".join(damage.split()))
        row = connection.execute("SELECT value FROM job WHERE name = 'kind'").fetchone()
        kind = self._kind_from(None if row is None else row[0])
        if kind is None:
            # Written now, so that a full disk and a read-only folder are found before anything is sent.
            connection.execute("INSERT OR REPLACE INTO job VALUES ('version', ?)", (str(_VERSION),))
        else:
            self._mark_interrupted(connection, kind)
        connection.execute("COMMIT")
        return kind

    def _mark_interrupted(self, connection: "sqlite3.Connection", kind: Kind) -> None:
        """Record that the items of requests without an end were being sent when a program ended."""
        outcome = records.interrupted_outcome(kind)
        for (positions,) in connection.execute("SELECT positions FROM request").fetchall():
            rows = [(STATUS_CODES[INTERRUPTED], outcome, *run) for run in records.positions_from(positions)]
            connection.executemany(_UPDATE, rows)
        connection.execute("DELETE FROM request")

    def _close_file(self) -> None:
        import sqlite3

        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.close()
            except sqlite3.Error as error:
                raise self._error("can't be closed", error) from error

    def _read_identity(self, job: Mapping[str, str]) -> Mapping[str, str]:
        with self._transaction() as connection:
            known = dict(connection.execute("SELECT name, value FROM job"))
            if "kind" not in known:
                connection.executemany("INSERT INTO job VALUES (?, ?)", list(job.items()))
                return job
            if "error" in known:
                connection.execute("DELETE FROM job WHERE name = 'error'")
            return known

    def _prepare(self, kind: Kind) -> int:
        self._failure = None
        with self._connected() as connection:
            # Losing the last notes with the machine's power is harmless where sending again is.
            connection.execute(f"PRAGMA synchronous = {'FULL' if kind.is_sent_once else 'NORMAL'}")
            return int(connection.execute("SELECT coalesce(max(position) + 1, 0) FROM item").fetchone()[0])

    def _supersede_outdated(self, repeated: Sequence[str]) -> None:
        condition, values = _status_in((None, *repeated))
        with self._transaction() as connection:
            connection.execute("CREATE TEMP TABLE unfinished (key TEXT, position INTEGER)")
            connection.execute(
                f"INSERT INTO unfinished SELECT {_KEY}, position FROM item WHERE {condition}",  # noqa: S608
                values,
            )
            connection.execute("CREATE INDEX unfinished_by_key ON unfinished (key)")
            connection.execute(
                "UPDATE item SET status = ?, outcome = NULL WHERE position IN ("  # noqa: S608
                "SELECT unfinished.position FROM item AS later "
                f"JOIN unfinished ON unfinished.key = {_KEY.replace('item', 'later.item')} "
                "WHERE later.status IN (?, ?) AND later.position > unfinished.position "
                "AND later.position > (SELECT min(position) FROM unfinished))",
                [
                    STATUS_CODES[status.value]
                    for status in (OutcomeStatus.SUPERSEDED, OutcomeStatus.SUCCEEDED, OutcomeStatus.UNCHANGED)
                ],
            )
            connection.execute("DROP TABLE unfinished")

    def _read_rows(self, query: str, values: Sequence[Any]) -> list[Row]:
        with self._connected() as connection:
            rows = connection.execute(query, values)
            return [Row(position, item, STATUS_NAMES[code], outcome) for position, item, code, outcome in rows]

    def _read_counts(self, left_out: Sequence[int]) -> Mapping[str | None, int]:
        with self._connected() as connection:
            counts = dict(connection.execute("SELECT status, count(*) FROM item GROUP BY status"))
            for position in left_out:
                row = connection.execute("SELECT status FROM item WHERE position = ?", (position,)).fetchone()
                if row is not None:
                    counts[row[0]] -= 1
            return {STATUS_NAMES[code]: count for code, count in counts.items()}

    def _store_notes(self) -> None:
        """Store all notes that wait, in one transaction, or each by itself if that fails."""
        if len(self._requests) > 1:
            time.sleep(_COMMIT_DELAY)
        with self._lock:
            notes, self._notes = self._notes, []
        failures: list[JournalError | None] = [None] * len(notes)
        try:
            self._store([note for note, _ in notes])
        except Exception:  # noqa: BLE001  (each is stored by itself then)
            failures = [self._failure_of(note) for note, _ in notes]
        resolve([(noted, failure) for (_, noted), failure in zip(notes, failures, strict=True)])

    def _failure_of(self, note: Note) -> JournalError | None:
        """Store one note, and return the error if that fails."""
        failure: JournalError | None = None
        try:
            self._store([note])
        except JournalError as error:
            failure = error
        except Exception as error:  # noqa: BLE001  (whoever waits for the note must not wait for ever)
            failure = JournalError(f"{self} can't be used: {type(error).__name__}: {error}")
            failure.__cause__ = error
        if failure is not None and note.items:
            self._failure = failure
        return failure

    def _store(self, notes: Sequence[Note]) -> None:
        if self._failure is not None:
            raise JournalError(str(self._failure)) from self._failure
        with self._transaction() as connection:
            for note in notes:
                if note.items:
                    _insert(connection, note.first, note.items)
                if note.sending:
                    positions = records.text_of_positions(note.sending)
                    connection.execute("INSERT INTO request VALUES (?, ?)", (note.request, positions))
                if note.outcomes:
                    assert self._kind is not None
                    runs = records.runs_of(note.outcomes, self._kind)
                    rows = [(STATUS_CODES[run.status], run.outcome, run.first, run.last) for run in runs]
                    connection.executemany(_UPDATE, rows)
                for request in note.ended:
                    connection.execute("DELETE FROM request WHERE id = ?", (request,))
                if note.error is not None:
                    connection.execute("INSERT OR REPLACE INTO job VALUES ('error', ?)", (note.error,))

    @contextmanager
    def _transaction(self) -> Generator["sqlite3.Connection"]:
        with self._connected() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    @contextmanager
    def _connected(self) -> Generator["sqlite3.Connection"]:
        """Give the connection, and raise JournalError for errors of the file."""
        import sqlite3

        assert self._connection is not None, "it is closed after everything else in this thread"
        try:
            yield self._connection
        except sqlite3.Error as error:
            raise self._error("can't be used", error) from error
        except (KeyError, UnicodeDecodeError) as error:
            raise self._damaged(f"{type(error).__name__}: {error}") from error

    def _error(self, event: str, error: Exception) -> JournalError:
        """Return the error for one of SQLite or of the system, with the remedy."""
        match failure_of(error, self._path):
            case Failure.LOCKED:
                failure = self._open_elsewhere()
            case Failure.FULL:
                failure = self._full(event)
            case Failure.DAMAGED:
                failure = JournalError(self._advice(f"is damaged, or no journal: {error}"))
            case Failure.READ_ONLY_FOLDER:
                text = f"its folder is read-only ({error}). Name a file in another one"
                failure = JournalError(f"{self} {event}: {text}")
            case Failure.READ_ONLY | Failure.OTHER:
                failure = JournalError(f"{self} {event}: {error}. Check that it is a file, and its folder exists")
        failure.__cause__ = error
        return failure


def _leave_open_files() -> None:
    """Take open journals from a process that was forked: its parent goes on with them."""
    for journal in list(_open_journals):
        journal._leave_file()  # pyright: ignore[reportPrivateUsage]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_open_files)


def _insert(connection: "sqlite3.Connection", first: int, items: Sequence[str]) -> None:
    for start in range(0, len(items), _ROWS_IN_STATEMENT):
        some = items[start : start + _ROWS_IN_STATEMENT]
        values: list[int | str] = []
        for position, item in enumerate(some, first + start):
            values += (position, item)
        rows = ",".join(["(?, ?)"] * len(some))
        connection.execute(f"INSERT INTO item (position, item) VALUES {rows}", values)  # noqa: S608


def _status_in(statuses: Sequence[str | None]) -> tuple[str, list[int]]:
    """Return a condition for some statuses, and its values."""
    values = records.status_codes(statuses)
    condition = f"status IN ({', '.join('?' * len(values))})"
    return (f"({condition} OR status IS NULL)" if None in statuses else condition), values
