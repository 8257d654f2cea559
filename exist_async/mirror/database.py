"""The SQLite file of a mirror: who may read and write it, and the errors when it can't be used."""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, Final, ParamSpec, TypeVar
from urllib.parse import quote
from weakref import WeakSet

from exist_async._sqlite import Failure, check_length, create_file, failure_of, keep_open, numbers_in_header, submit
from exist_async.errors import ConfigurationError, ExistAsyncError, MirrorError
from exist_async.mirror import schema

if TYPE_CHECKING:
    import sqlite3

    from filelock import FileLock

P = ParamSpec("P")
T = TypeVar("T")

_TIMEOUT: Final = 5.0
"""Seconds to wait while another program has locked the file."""

_open_databases: WeakSet["Database"] = WeakSet()


class Database:
    """The file of a mirror. One thread of its own uses it, so that nothing blocks the event loop.

    Reading creates nothing and keeps nobody from writing. Writing is possible in `async with database.locked():`, by
    one Database at a time, which creates the file if it does not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._thread: ThreadPoolExecutor | None = None
        self._connection: sqlite3.Connection | None = None
        self._is_locked = False
        self._lock: FileLock | None = None

    def __str__(self) -> str:
        return f"the mirror {self.path}"

    def open(self) -> None:
        """Make it ready. The file is opened when it is first used."""
        if self._thread is not None:
            raise ConfigurationError(f"{self} is open already")
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="exist_async-mirror")
        _open_databases.add(self)

    async def close(self) -> None:
        """Close the file, after what is being done with it."""
        if self._thread is None:
            return
        thread, self._thread = self._thread, None
        closed = submit(thread, self._close_file)
        thread.shutdown(wait=False)
        await asyncio.shield(closed)

    async def read(
        self, function: Callable[Concatenate["sqlite3.Connection", P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Call a function that reads, with the connection and the arguments, in the thread.

        Raises:
            MirrorError: The file can't be read.
        """

        def run() -> T:
            with self._reading() as connection:
                return function(connection, *args, **kwargs)

        return await self._call(run)

    async def write(
        self, function: Callable[Concatenate["sqlite3.Connection", P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Call a function that writes, as one transaction, in the thread. It ends also if the caller is cancelled.

        Raises:
            MirrorError: The file can't be written; it is as it was before.
        """

        def run() -> T:
            with self._transaction() as connection:
                return function(connection, *args, **kwargs)

        return await self._call(run)

    @asynccontextmanager
    async def locked(self) -> AsyncGenerator[None, None]:
        """Keep other mirrors from writing the file, which is created or migrated before.

        Raises:
            MirrorError: Another one writes it, or it can't be written, or is no mirror.
        """
        if self._is_locked:
            raise self._locked_error()
        self._is_locked = True
        try:
            await self._call(self._open_for_writing)
            yield
        finally:
            self._is_locked = False
            with suppress(ConfigurationError):  # it was closed meanwhile
                await self._call(self._close_file)

    async def _call(self, function: Callable[[], T]) -> T:
        if self._thread is None:
            raise ConfigurationError(f"{self} is not open: use it in `async with Mirror(...) as mirror:`")
        return await asyncio.shield(submit(self._thread, function))

    # In the thread:

    @contextmanager
    def _reading(self) -> Generator["sqlite3.Connection"]:
        with self._errors("can't be read"):
            is_fixed = self._is_in_fixed_folder()
            if self._connection is None:
                self._connection = self._open_for_reading("immutable=1" if is_fixed else "mode=rw")
            if not is_fixed:
                yield self._connection
                return
            before = self.path.stat()
            try:
                yield self._connection
            finally:
                self._close_connection()
            if self.path.stat().st_mtime_ns != before.st_mtime_ns:
                raise MirrorError(f"{self} was written while it was read: read it again")

    @contextmanager
    def _transaction(self) -> Generator["sqlite3.Connection"]:
        assert self._connection is not None, "written without locked()"
        assert self._lock is not None, "written without locked()"
        with self._errors("can't be written"):
            connection = self._connection
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    def _open_for_reading(self, option: str) -> "sqlite3.Connection":
        application = self._check_kind()
        if application is None:
            raise MirrorError(f"{self} does not exist: pull into it first, which creates it")
        if application == 0:
            raise self._empty_error()
        connection = self._connect(option)
        try:
            connection.execute("PRAGMA query_only = ON")
            self._check_is_migrated(self._check_version(_user_version(connection)))
        except BaseException:
            connection.close()
            raise
        return connection

    def _open_for_writing(self) -> None:
        self._close_connection()
        with self._errors("can't be opened"):
            exists = self._check_kind() is not None
            path = os.path.realpath(self.path)  # of a link, the file is created
            if not Path(path).parent.is_dir():  # the lock would create it
                raise MirrorError(f"{self} can't be created: its folder does not exist. Create the folder")
            self._acquire_lock(path)
            if not exists:
                create_file(path)
            connection = self._connection = self._connect("mode=rw")
            self._check_pages(connection)
            if self._check_application(connection) == 0:
                # By itself, so that a file whose creation was interrupted is known for an unfinished mirror.
                connection.execute(f"PRAGMA application_id = {schema.APPLICATION}")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            self._migrate(connection)

    def _check_pages(self, connection: "sqlite3.Connection") -> None:
        damage = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if damage != "ok":
            raise self._damaged(" ".join(damage.split()))

    def _migrate(self, connection: "sqlite3.Connection") -> None:
        connection.execute("BEGIN IMMEDIATE")
        try:
            version = self._check_version(_user_version(connection))
            # Also if there is nothing to migrate: a read-only file is found before anything is requested.
            schema.migrate(connection, version)
            if version < schema.latest_version():
                connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")

    def _check_kind(self) -> int | None:
        """Return the file's application ID: that of mirrors, 0 if it is empty, None if it does not exist.

        Raises:
            MirrorError: It is no mirror, or one of a newer version.
        """
        if not self.path.exists():
            return None
        if not self.path.is_file():
            kind = "a folder" if self.path.is_dir() else "no regular file"
            raise MirrorError(f"{self.path} is {kind}, and no mirror: name another file")
        path = os.path.realpath(self.path)
        check_length(path)
        # A mirror's application ID is written before there is a write-ahead log, so that the header tells mirrors
        # apart. If a crash or a full disk interrupted a checkpoint, the rest of the file is not valid without the log.
        try:
            application, version = numbers_in_header(path)
        except PermissionError:
            raise MirrorError(
                f"{self} can't be read by this user of the system: run the program as its owner"
            ) from None
        if application == schema.APPLICATION:
            self._check_version(version)
            return application
        # A connection of this kind reads the file alone: it neither locks it nor writes to it.
        with closing(self._connect("immutable=1")) as connection:
            application = self._check_application(connection)
        if application == 0 and Path(f"{path}-wal").exists():
            raise self._foreign_error()
        return application

    def _check_application(self, connection: "sqlite3.Connection") -> int:
        """Check that a file is a mirror or empty, and return its application ID."""
        application = int(connection.execute("PRAGMA application_id").fetchone()[0])
        if application == schema.APPLICATION:
            return application
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if application or tables or _user_version(connection):
            raise self._foreign_error()
        return 0

    def _check_version(self, version: int) -> int:
        """Check that a mirror was not written by a newer version, and return the version of its schema."""
        if version > schema.latest_version():
            raise MirrorError(
                f"{self} was written by a newer version of exist_async (schema {version}): use that version"
            )
        return version

    def _check_is_migrated(self, version: int) -> None:
        if version == 0:
            raise self._empty_error()
        if version < schema.latest_version():
            raise MirrorError(f"{self} was written by an older version of exist_async: pull into it once")

    def _connect(self, option: str) -> "sqlite3.Connection":
        import sqlite3

        path = quote(os.fsencode(os.path.realpath(self.path)))
        return sqlite3.connect(
            f"file:{path}?{option}", timeout=_TIMEOUT, isolation_level=None, check_same_thread=False, uri=True
        )

    def _is_in_fixed_folder(self) -> bool:
        """Whether the file is read without a write-ahead log, as there is none, and its folder is read-only."""
        path = os.path.realpath(self.path)
        return not os.access(Path(path).parent, os.W_OK) and not Path(f"{path}-wal").exists()

    def _acquire_lock(self, path: str) -> None:
        # Imported here, because it takes a tenth of a second.
        from filelock import FileLock, Timeout

        lock = FileLock(f"{path}.lock", timeout=0, mode=0o600, thread_local=False)
        try:
            lock.acquire()
        except Timeout:
            raise self._locked_error() from None
        self._lock = lock

    def _close_file(self) -> None:
        try:
            with self._errors("can't be closed"):
                self._close_connection()
        finally:
            lock, self._lock = self._lock, None
            if lock is not None:
                lock.release()

    def _close_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    @contextmanager
    def _errors(self, event: str) -> Generator[None]:
        """Raise MirrorError for errors of the file."""
        import sqlite3

        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise self._error(event, error) from error
        except ExistAsyncError:  # ConfigurationError is a ValueError
            raise
        except ValueError as error:
            raise self._damaged(str(error)) from error

    def _error(self, event: str, error: Exception) -> MirrorError:
        match failure_of(error, self.path):
            case Failure.LOCKED:
                return MirrorError(f"{self} {event}: another program has locked it. End that program, and call again")
            case Failure.FULL:
                return MirrorError(f"{self} {event}: its disk is full. Make space, and call again")
            case Failure.DAMAGED:
                return self._damaged(str(error))
            case Failure.READ_ONLY_FOLDER:
                return MirrorError(f"{self} {event}: its folder is read-only ({error})")
            case Failure.READ_ONLY:
                return MirrorError(f"{self} {event}: it is read-only")
            case Failure.OTHER:
                return MirrorError(f"{self} {event}: {error}. Check that it is a file, and its folder exists")

    def _empty_error(self) -> MirrorError:
        return MirrorError(f"{self} is empty: pull into it first")

    def _foreign_error(self) -> MirrorError:
        return MirrorError(f"{self.path} is another SQLite file, and no mirror: name another file")

    def _damaged(self, reason: str) -> MirrorError:
        return MirrorError(f"{self} is damaged, or no mirror: {reason}. Pull into another file")

    def _locked_error(self) -> MirrorError:
        return MirrorError(f"another pull into {self} is running, in this program or another: wait until it has ended")

    def _leave_file(self) -> None:
        """Become closed in a child process, without closing what the parent process uses."""
        keep_open(self._connection)
        keep_open(self._lock)
        self._connection = self._lock = self._thread = None
        self._is_locked = False


def _user_version(connection: "sqlite3.Connection") -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _leave_open_files() -> None:
    for database in list(_open_databases):
        database._leave_file()  # pyright: ignore[reportPrivateUsage]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_open_files)
