"""Functions for SQLite files that one thread of this package uses: creating them, and telling errors apart."""

import asyncio
import errno
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from enum import Enum, auto
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_OWNER_ONLY: Final = 0o600
_SMALLEST: Final = 512  # bytes of a SQLite file


class Failure(Enum):
    """The reason why a SQLite file can't be used."""

    LOCKED = auto()
    """Another connection has locked it."""
    FULL = auto()
    """Its disk is full."""
    DAMAGED = auto()
    """It is damaged, or no SQLite file."""
    READ_ONLY = auto()
    """It is read-only."""
    READ_ONLY_FOLDER = auto()
    """Its folder is read-only."""
    OTHER = auto()


def failure_of(error: Exception, path: Path) -> Failure:
    """Return the reason of an error of SQLite, or of the system, that the use of a file raised."""
    import sqlite3

    code = _code_of(error)
    if is_locked(error):
        return Failure.LOCKED
    if code == sqlite3.SQLITE_FULL or getattr(error, "errno", None) == errno.ENOSPC:
        return Failure.FULL
    # SQLITE_ERROR is a missing table, and Python's own error a text that is not valid.
    is_undecodable = isinstance(error, sqlite3.OperationalError) and code == 0
    if is_undecodable or code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR):
        return Failure.DAMAGED
    if path.parent.is_dir() and not os.access(path.parent, os.W_OK):
        return Failure.READ_ONLY_FOLDER
    return Failure.READ_ONLY if code == sqlite3.SQLITE_READONLY else Failure.OTHER


def is_locked(error: Exception) -> bool:
    """Whether another connection has locked the file."""
    import sqlite3

    return _code_of(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _code_of(error: Exception) -> int:
    """Return SQLite's primary result code of an error; 0 for other errors."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def create_file(path: str | Path) -> None:
    """Create a file that only its owner can read, unless it exists. SQLite would leave its mode to the umask."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _OWNER_ONLY))


def check_length(path: str | Path) -> None:
    """Raise SQLite's error for a file that is no database where it is so short that SQLite would overwrite it."""
    import sqlite3

    if 0 < Path(path).stat().st_size < _SMALLEST:
        error = sqlite3.DatabaseError("file is not a database")
        error.sqlite_errorcode = sqlite3.SQLITE_NOTADB
        raise error


def keep_open(thing: object) -> None:
    """Keep an object that was inherited from the parent process from ever being closed or deleted.

    Closing a connection would delete what the parent process has written to its write-ahead log, and releasing a lock
    would release that of the parent process.
    """
    import ctypes

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


def submit(
    thread: ThreadPoolExecutor, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
) -> "asyncio.Future[T]":
    """Call a function in a thread, and return a future whose cancellation does not keep the call from being made."""
    future: asyncio.Future[T] = asyncio.get_running_loop().create_future()

    def run() -> None:
        try:
            result = function(*args, **kwargs)
        except Exception as error:  # noqa: BLE001  (it is raised where the future is awaited)
            resolve([(future, error)])
        else:
            resolve([(future, None)], result)

    thread.submit(run)
    return future


def resolve(futures: Sequence[tuple["asyncio.Future[Any]", Exception | None]], result: Any = None) -> None:
    """Resolve futures, each on its event loop, with an error or else a result."""
    loops = {future.get_loop() for future, _ in futures}
    for loop in loops:
        own = [(future, error) for future, error in futures if future.get_loop() is loop]
        with suppress(RuntimeError):  # the loop was closed: nobody waits
            loop.call_soon_threadsafe(_resolve_here, own, result)


def _resolve_here(futures: Iterable[tuple["asyncio.Future[Any]", Exception | None]], result: Any) -> None:
    for future, error in futures:
        if future.done():
            continue
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
