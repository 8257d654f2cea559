"""Locks in PostgreSQL that are free when the process that holds them has died."""

import asyncio
import hashlib
import itertools
import os
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, LiteralString

from attrs import define, field

from exist_async._postgres.failures import PostgresFailedError, reason_of

if TYPE_CHECKING:
    from psycopg import AsyncConnection

    Connection = AsyncConnection[Any]

_POLL_INTERVAL: Final = 0.1  # seconds between two attempts to take a lock that another process holds
_FIRST_PAUSE: Final = 0.1  # seconds before another attempt to connect again; twice as many before each further one
_LONGEST_PAUSE: Final = 2.0
_MOST_DOUBLINGS: Final = 5

_MOST_BOUNDED: Final = 100
"""Locks that a process may hold at once among those that are bounded.

PostgreSQL keeps all locks of all programs in one table of fixed size: by default, there are 6,400 for everything.
"""

# The server ends the session of a machine that answers nothing any more after 25 seconds, and the locks with it. An
# administrator may have limited the time for which a session may be idle; this one has to be.
_SETTINGS: Final = {
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "25000",
    "idle_session_timeout": "0",
}
_CONFIGURE: Final = """
SELECT set_config(name, wanted.setting, false)
FROM unnest(%s::text[], %s::text[]) AS wanted (name, setting) JOIN pg_settings USING (name)
"""

# Session-level locks are not transactional: each is taken or released when its row is made, in the order of the rows.
_STEP: Final = """
SELECT key, CASE WHEN releasing THEN pg_advisory_unlock(key) ELSE pg_try_advisory_lock(key) END, releasing
FROM unnest(%s::bigint[], %s::boolean[]) AS step (key, releasing)
"""


def lock_key(*names: str) -> int:
    """Return the number of the lock with some names: 64 bits of a hash."""
    digest = hashlib.blake2b("\0".join(names).encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


@define(eq=False)
class _Request:
    """A lock that is waited for.

    Attributes:
        lock: The lock.
        end: Time of the event loop after which no further attempt to take it is made.
        taken: Whether it was taken, or the error.
    """

    lock: "PostgresLock"
    end: float
    taken: "asyncio.Future[bool]" = field(factory=lambda: asyncio.get_running_loop().create_future())


class LockSession:
    """Holds the locks of a process, in one session of PostgreSQL on a connection of its own.

    One task takes and releases all that is waited for in one statement, and polls the locks that are held elsewhere. If
    the connection is lost, the locks are: the task tries to take them again until they are released, and those that are
    waited for, once.
    """

    def __init__(self, connect: "Callable[[], Awaitable[Connection]]", where: str, timeout: float) -> None:
        self._connect = connect
        self._where = where
        self._timeout = timeout
        self._connection: Connection | None = None
        self._watched: int | None = None
        self._held: dict[int, PostgresLock] = {}  # also those that were lost, until they are released
        self._requests: dict[int, deque[_Request]] = {}
        self._releases: dict[int, asyncio.Future[None]] = {}
        self._worker: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()

    async def acquire(self, lock: "PostgresLock", seconds: float) -> bool:
        """Take a lock, and return whether that was possible within some seconds; one attempt is made in any case.

        Raises:
            PostgresFailedError: The connection failed.
        """
        request = _Request(lock, asyncio.get_running_loop().time() + seconds)
        self._requests.setdefault(lock.key, deque()).append(request)
        self._work_on()
        try:
            return await request.taken
        except asyncio.CancelledError:
            taken = request.taken
            if taken.done() and not taken.cancelled() and taken.exception() is None and taken.result():
                self._start_release(lock)
            raise

    async def release(self, lock: "PostgresLock") -> None:
        """Release a lock, if it is held. It is released even if the caller is cancelled meanwhile."""
        released = self._start_release(lock)
        if released is not None:
            await asyncio.shield(released)

    def close_if_unused(self) -> None:
        """Close the connection, unless a lock is held or waited for."""
        if not self._held and self._worker is None:
            self._disconnect()

    def close(self) -> None:
        """Close the connection, which releases all locks."""
        held, self._held = self._held, {}
        for lock in held.values():
            lock.is_held = False
        if self._worker is not None:
            self._worker.cancel()
            self._worker = None
        self._fail(self._closed_error())

    def _start_release(self, lock: "PostgresLock") -> "asyncio.Future[None] | None":
        if self._held.get(lock.key) is not lock:
            return None
        del self._held[lock.key]
        if lock.key in self._requests:
            self._work_on()
        if not lock.is_held:
            # It was lost. If the task is taking it again just now, it finds no holder.
            return None
        lock.is_held = False
        return self._release_key(lock.key)

    def _release_key(self, key: int) -> "asyncio.Future[None]":
        released = self._releases[key] = asyncio.get_running_loop().create_future()
        self._work_on()
        return released

    def _work_on(self) -> None:
        self._wake.set()
        if self._worker is None:
            self._worker = asyncio.get_running_loop().create_task(self._work())

    async def _work(self) -> None:
        failures = 0
        try:
            while True:
                self._wake.clear()
                self._forget_ended_requests()
                releasing, taking = list(self._releases), self._keys_to_take()
                if releasing or taking:
                    try:
                        await self._step(releasing, taking)
                        failures = 0
                    except PostgresFailedError as error:
                        failures += 1
                        if failures == 1 and self._connection is not None and self._connection.closed:
                            self._disconnect()
                            continue
                        self._fail(error)
                self._end_late_requests()
                if not (self._requests or self._releases or self._lost_keys()):
                    return
                pause = _POLL_INTERVAL
                if failures:
                    pause = min(_FIRST_PAUSE * 2 ** min(failures, _MOST_DOUBLINGS), _LONGEST_PAUSE)
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._wake.wait()
        except asyncio.CancelledError:
            # By `close`, or because the event loop ends.
            self._fail(self._closed_error())
            raise
        finally:
            if self._worker is asyncio.current_task():
                self._worker = None

    def _closed_error(self) -> PostgresFailedError:
        return PostgresFailedError(f"the connection to {self._where} was closed meanwhile")

    def _forget_ended_requests(self) -> None:
        for key in list(self._requests):
            waiting = deque(request for request in self._requests[key] if not request.taken.done())
            if waiting:
                self._requests[key] = waiting
            else:
                del self._requests[key]

    def _end_late_requests(self) -> None:
        now = asyncio.get_running_loop().time()
        for request in itertools.chain.from_iterable(self._requests.values()):
            if request.end <= now and not request.taken.done():
                request.taken.set_result(False)
        self._forget_ended_requests()

    def _lost_keys(self) -> list[int]:
        return [key for key, lock in self._held.items() if not lock.is_held]

    def _keys_to_take(self) -> list[int]:
        room = _MOST_BOUNDED - sum(lock.is_bounded for lock in self._held.values())
        wanted: list[int] = []
        for key, requests in self._requests.items():
            if key not in self._held:
                is_bounded = requests[0].lock.is_bounded
                if not is_bounded or room > 0:
                    wanted.append(key)
                    room -= is_bounded
        return self._lost_keys() + wanted

    async def _step(self, releasing: list[int], taking: list[int]) -> None:
        flags = [True] * len(releasing) + [False] * len(taking)
        rows = await self._execute(_STEP, [releasing + taking, flags])
        for key, done, was_release in rows:
            if was_release:
                _resolve(self._releases.pop(key, None))
            elif done:
                self._give(key)
            else:
                self._put_off(key)

    def _give(self, key: int) -> None:
        """Give a lock that this session has taken to its holder, who lost it, or to the first who waits for it."""
        if (holder := self._held.get(key)) is not None:
            holder.is_held = True
            return
        waiting = self._requests.get(key, deque())
        while waiting:
            request = waiting.popleft()
            if not request.taken.done():
                self._held[key] = request.lock
                request.lock.is_held = True
                request.taken.set_result(True)
                return
        self._release_key(key)

    def _put_off(self, key: int) -> None:
        """Let the requests for a lock wait, after those for other locks."""
        if (waiting := self._requests.pop(key, None)) is not None:
            self._requests[key] = waiting

    def _fail(self, error: PostgresFailedError) -> None:
        self._disconnect()
        requests, self._requests = self._requests, {}
        for request in itertools.chain.from_iterable(requests.values()):
            if not request.taken.done():
                request.taken.set_exception(PostgresFailedError(str(error), error.code))

    async def _execute(self, statement: LiteralString, values: Sequence[object]) -> list[Any]:
        from psycopg import AsyncCursor, Error
        from psycopg.rows import tuple_row

        code = None
        try:
            async with asyncio.timeout(self._timeout):
                if self._connection is None:
                    connection = self._connection = await self._connect_unless_closed()
                    configuring = AsyncCursor(connection, row_factory=tuple_row)
                    await configuring.execute(_CONFIGURE, [list(_SETTINGS), list(_SETTINGS.values())])
                cursor = AsyncCursor(self._connection, row_factory=tuple_row)
                await cursor.execute(statement, values)
                rows = await cursor.fetchall()
        except TimeoutError:
            reason = f"gave no answer within {self._timeout:g} s"
        except Error as error:
            code, reason = error.sqlstate, reason_of(error)
        except Exception as error:  # noqa: BLE001  (of a function of the caller's pool, or of a name that is no host)
            reason = f"can't be reached: {type(error).__name__}"
        else:
            self._watch(self._connection)
            return rows
        # Outside the handler: psycopg's errors refer to their connections, which hold the password.
        raise PostgresFailedError(f"{self._where} {reason}", code)

    async def _connect_unless_closed(self) -> "Connection":
        connection = await self._connect()
        if self._worker is not asyncio.current_task():
            # Older versions of psycopg lose some cancellations before Python 3.12.
            connection.pgconn.finish()
            raise asyncio.CancelledError
        return connection

    def _watch(self, connection: "Connection") -> None:
        """Notice the end of the connection also when nothing is sent. psycopg has removed its own reader by now."""
        self._watched = connection.pgconn.socket
        asyncio.get_running_loop().add_reader(self._watched, self._read, connection)

    def _read(self, connection: "Connection") -> None:
        from psycopg import OperationalError

        with suppress(OperationalError):
            connection.pgconn.consume_input()
            if not connection.closed:
                return
        self._disconnect()
        if self._held:
            self._work_on()

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if self._watched is not None:
            asyncio.get_running_loop().remove_reader(self._watched)
            self._watched = None
        connection.pgconn.finish()
        releases, self._releases = self._releases, {}
        for released in releases.values():
            _resolve(released)
        for lock in list(self._held.values()):
            if lock.is_held:
                lock.lose()


class PostgresLock:
    """A lock among all programs that use the database, which is free when its process has died.

    Attributes:
        was_lost: Whether the lock was lost at some time since it was acquired: others may have had it meanwhile.
    """

    def __init__(
        self,
        session: Callable[[], Awaitable[LockSession]],
        key: int,
        *,
        is_bounded: bool,
        on_lost: Callable[[], object] | None,
    ) -> None:
        self._session = session
        self._on_lost = on_lost
        self._holder: LockSession | None = None
        self.key = key
        self.is_bounded = is_bounded
        self.was_lost = False
        self._process: int | None = None

    @property
    def is_held(self) -> bool:
        """Whether this process has the lock.

        It becomes False when the connection that held it is lost, and True again if the lock could be taken again.
        """
        return self._process is not None and self._process == os.getpid()

    @is_held.setter
    def is_held(self, is_held: bool) -> None:
        # A process that was forked holds no lock of its parent.
        self._process = os.getpid() if is_held else None

    async def try_acquire(self) -> bool:
        """Take the lock if it is free, and return whether it was; raise PostgresFailedError."""
        return await self.acquire(0.0)

    async def acquire(self, seconds: float) -> bool:
        """Wait until the lock is free, and take it; return False after some seconds; raise PostgresFailedError."""
        self.was_lost = False
        self._holder = await self._session()
        return await self._holder.acquire(self, seconds)

    async def release(self) -> None:
        """Release the lock, if it is held. It is released even if the caller is cancelled meanwhile."""
        if self._holder is not None:
            await self._holder.release(self)

    def lose(self) -> None:
        """Note that the connection was lost, and the lock with it."""
        self.is_held = False
        self.was_lost = True
        if self._on_lost is not None:
            self._on_lost()


def _resolve(future: "asyncio.Future[None] | None") -> None:
    if future is not None and not future.done():
        future.set_result(None)
