"""A rate limiter that keeps its window in a small SQLite file, shared by the processes of a machine."""

import asyncio
import os
import random
import time
import weakref
from collections.abc import Awaitable, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from exist_async._checks import check_file_path, check_seconds
from exist_async._sqlite import check_length, create_file
from exist_async.rate_limits.queue import StoredRateLimiter, StoreUnavailableError, WhenUnavailable
from exist_async.rate_limits.slots import LONGEST_FLIGHT, Slot
from exist_async.rate_limits.window import Window

if TYPE_CHECKING:
    import sqlite3

# The moment is the time from which a request counts; that of one in flight is still to come.
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS taken (user TEXT NOT NULL, moment REAL NOT NULL)",
    "CREATE INDEX IF NOT EXISTS taken_by_user ON taken (user, moment)",
    "CREATE INDEX IF NOT EXISTS taken_by_moment ON taken (moment)",
    "CREATE TABLE IF NOT EXISTS held (user TEXT PRIMARY KEY, until REAL NOT NULL)",
)

# The one thread that opens a file, by process and path. Closing a file releases all POSIX locks that this process has
# on it, including those of SQLite in another thread.
_threads: weakref.WeakValueDictionary[tuple[int, str], ThreadPoolExecutor] = weakref.WeakValueDictionary()
_starting = Lock()


_REMOVE = "DELETE FROM taken WHERE rowid = (SELECT rowid FROM taken WHERE user = ? AND moment = ? LIMIT 1)"

T = TypeVar("T")


class SqliteRateLimiter(StoredRateLimiter):
    """Allows at most `limit` requests of a user in any `period` seconds, counted over all processes of a machine.

    The count is kept in a file, for programs that cron starts every few minutes. The file is created with mode 0600 and
    is only open while a slot is taken: there is nothing to close. All processes that share it must use the same limit
    and period. Times are those of the wall clock: if it is set back, the window is longer once, by a period or a minute
    at most; if it is set forward, requests may be sent too early, and Exist refuses them.

    The arguments that are missing here are those of `MemoryRateLimiter`.

    Args:
        path: The file, which need not exist yet. It must be on a local disk.
        when_unavailable: Whether requests are refused or sent while the file can't be used (no space, locked, damaged):
            "stop" raises RateLimitError, "go_on" sends them without a budget and logs a warning.
        timeout: Seconds to wait while other processes have the file locked.
        wall_clock: Seconds since the epoch.
        fraction: Returns random numbers from 0 to 1, so that processes do not wake at once.

    Raises:
        ConfigurationError: An argument is wrong. Its methods raise it for a user who is not a string.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        limit: int = 300,
        period: float = 3600.0,
        *,
        when_unavailable: WhenUnavailable = "stop",
        timeout: float = 5.0,
        max_waiting: int = 1000,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        fraction: Callable[[], float] = random.random,
    ) -> None:
        super().__init__(limit, period, max_waiting, clock, sleep, fraction, when_unavailable)
        check_seconds("timeout", timeout)
        self._path = check_file_path("path", path)
        self._timeout = timeout
        self._wall_clock = wall_clock
        self._thread: ThreadPoolExecutor | None = None
        self._process = 0
        self._file_failures = 0
        self._file_failure = ""

    def __repr__(self) -> str:
        return f"SqliteRateLimiter({str(self._path)!r}, limit={self._limit}, period={self._period})"

    async def _take_in_store(self, name: str, ahead: int, slot: Slot | None) -> float:
        return await self._in_thread(self._take_in_file, name, ahead, slot)

    async def _refund_in_store(self, name: str, hold: float, slot: Slot | None) -> None:
        await self._in_thread(self._refund_in_file, name, hold, slot)

    async def _settle_in_store(self, name: str, slot: Slot) -> None:
        await self._in_thread(self._settle_in_file, name, slot)

    async def _free_in_store(self, name: str) -> int:
        return await self._in_thread(self._free_in_file, name)

    async def _in_thread(self, function: Callable[..., T], *arguments: object) -> T:
        """Call a function in the file's own thread. If the file fails while it waits for its turn, it fails too."""
        # Not in asyncio's threads: they also look up host names. After a fork, the thread exists only in the parent.
        if self._thread is None or self._process != os.getpid():
            self._process = os.getpid()
            self._thread = _thread_of(self._path, self._process)
        failures = self._file_failures

        def run() -> T:
            if self._file_failures != failures:
                raise StoreUnavailableError(self._file_failure)
            try:
                return function(*arguments)
            except StoreUnavailableError as error:
                self._file_failure = str(error)
                self._file_failures += 1
                raise

        return await asyncio.get_running_loop().run_in_executor(self._thread, run)

    def _take_in_file(self, name: str, ahead: int, slot: Slot | None) -> float:
        with self._locked_window(name) as (connection, window, now):
            wait = window.wait(now, ahead)
            if wait <= 0 and ahead == 0:
                moment = now if slot is None else now + LONGEST_FLIGHT
                connection.execute("INSERT INTO taken VALUES (?, ?)", (name, moment))
                if slot is not None:
                    slot.mark = moment
            return wait

    def _refund_in_file(self, name: str, hold: float, slot: Slot | None) -> None:
        with self._locked_window(name) as (connection, window, now):
            settled = [moment for moment in window.taken if moment <= now]
            mark = (settled[-1] if settled else None) if slot is None else slot.mark
            connection.execute(_REMOVE, (name, mark))
            if hold > 0:
                until = max(window.held_until, now + hold)
                connection.execute("INSERT OR REPLACE INTO held VALUES (?, ?)", (name, until))

    def _settle_in_file(self, name: str, slot: Slot) -> None:
        with self._locked_window(name) as (connection, _, now):
            connection.execute(_REMOVE, (name, slot.mark))
            connection.execute("INSERT INTO taken VALUES (?, ?)", (name, now))

    def _free_in_file(self, name: str) -> int:
        with self._locked_window(name) as (_, window, now):
            return window.free(now)

    @contextmanager
    def _locked_window(self, name: str) -> Generator[tuple["sqlite3.Connection", Window, float], None, None]:
        """Lock the file in a transaction, and read a user's window and the time; raise StoreUnavailableError."""
        import sqlite3

        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            create_file(self._path)
            check_length(self._path)
            with closing(sqlite3.connect(self._path, timeout=self._timeout, isolation_level=None)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                for statement in _SCHEMA:
                    connection.execute(statement)
                now = self._wall_clock()
                yield connection, self._window(connection, name, now), now
                connection.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            raise StoreUnavailableError(
                f"The budget file {self._path} can't be used: {error}. Check that it can be written and that its disk "
                "has space. It holds only the times of the last requests: if it is damaged, delete it."
            ) from error

    def _window(self, connection: "sqlite3.Connection", name: str, now: float) -> Window:
        """Remove the expired requests of all users, and read the window of one user."""
        connection.execute("DELETE FROM taken WHERE moment <= ?", (now - self._period,))
        connection.execute("DELETE FROM held WHERE until <= ?", (now,))
        # The clock was set back: these requests were sent before now.
        connection.execute("UPDATE taken SET moment = ? WHERE moment > ?", (now, now + LONGEST_FLIGHT))
        longest = now + self._period
        connection.execute("UPDATE held SET until = ? WHERE until > ?", (longest, longest))
        taken = connection.execute("SELECT moment FROM taken WHERE user = ? ORDER BY moment", (name,)).fetchall()
        held = connection.execute("SELECT until FROM held WHERE user = ?", (name,)).fetchone()
        return Window(self._limit, self._period, (moment for (moment,) in taken), held[0] if held else 0.0)


def _thread_of(path: Path, process: int) -> ThreadPoolExecutor:
    """Return the thread that opens a file, which all limiters with that file share; it ends with the last of them."""
    key = process, os.path.realpath(path)
    with _starting:
        thread = _threads.get(key)
        if thread is None:
            thread = _threads[key] = ThreadPoolExecutor(1, thread_name_prefix="exist_async-budget")
        return thread
