"""Connections of one event loop: its own, which are opened when they are needed, or those of the caller's pool."""

import asyncio
import inspect
import math
import select
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, cast
from weakref import ReferenceType, ref

from exist_async.errors import ConfigurationError

if TYPE_CHECKING:
    from psycopg import AsyncConnection
    from psycopg_pool import AsyncConnectionPool

    Connection = AsyncConnection[Any]
    Pool = AsyncConnectionPool[Any]

_CANCEL_TIMEOUT: Final = 1.0  # seconds in which the server is asked to end a statement that nobody waits for

_CONNECTIONS: Final = 8
"""Connections of an object that opens its own. A statement takes a millisecond, so they serve any number of users."""

_INTERVAL: Final = 0.1  # seconds, as in psycopg: it looks whether Ctrl-C was pressed

_SHORTEST_CONNECT_TIMEOUT: Final = 2  # seconds, of psycopg and libpq

# Defaults of the options of a connection. One to a machine that answers nothing is given up after 25 seconds.
_DEFAULTS: Final = {
    "fallback_application_name": "exist_async",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
}


class Connections(ABC):
    """Lends connections, each to one task at a time. They are in autocommit mode, and in no transaction.

    Attributes:
        limit: The number of connections that can be lent at once.
        more_time: Seconds that `take` may last longer than a statement, because there are several hosts to try.
    """

    def __init__(self, limit: int, more_time: float = 0.0) -> None:
        self.limit = limit
        self.more_time = more_time
        self._is_closed = False
        # Event loops hold only weak references to their tasks.
        self._background: set[asyncio.Task[None]] = set()

    @abstractmethod
    async def take(self) -> "Connection":
        """Return a connection that is free or new, which the server has not closed as far as is known without asking.

        psycopg's errors are raised as they are. Nothing was sent then.
        """

    @abstractmethod
    async def give_back(self, connection: "Connection") -> None:
        """Keep a connection whose statement has ended for the next one."""

    @abstractmethod
    def discard(self, connection: "Connection") -> None:
        """Close a connection, and let the server end the statement that it runs for it; returns at once."""

    @abstractmethod
    async def connect(self) -> "Connection":
        """Return a new connection that is not among those that are lent, and that the caller closes."""

    @abstractmethod
    def close_idle(self) -> None:
        """Close its own connections that are free, so that the next ones are new."""

    async def aclose(self) -> None:
        """Close its own connections: the free ones now, the others when they are given back."""
        self._is_closed = True
        self.close_idle()
        for task in self._background:
            task.cancel()
        if self._background:
            await asyncio.wait(self._background)

    def _start(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task


class OwnConnections(Connections):
    """Connections to a URL or conninfo string."""

    def __init__(self, conninfo: str, timeout: float) -> None:
        from psycopg.conninfo import conninfo_to_dict, make_conninfo

        # psycopg would take the encoding of the database: of ASCII, it returns bytes.
        options = {**_DEFAULTS, **conninfo_to_dict(conninfo), "client_encoding": "utf8"}
        hosts = str(options.get("host") or options.get("hostaddr") or "").count(",") + 1
        each = max(_SHORTEST_CONNECT_TIMEOUT, math.ceil(timeout))
        if hosts > 1:
            # Otherwise the time would be over before the second host is tried.
            options.setdefault("connect_timeout", str(each))
        super().__init__(_CONNECTIONS, more_time=(hosts - 1) * each)
        self._conninfo = make_conninfo("", **options)
        self._idle: list[Connection] = []

    async def take(self) -> "Connection":
        while self._idle:
            connection = self._idle.pop()
            if _is_usable(connection):
                return connection
            connection.pgconn.finish()
        return await self.connect()

    async def give_back(self, connection: "Connection") -> None:
        if self._is_closed or not _is_idle(connection):
            connection.pgconn.finish()
        else:
            self._idle.append(connection)

    def discard(self, connection: "Connection") -> None:
        if self._is_closed or not _is_running(connection):
            connection.pgconn.finish()
        else:
            # Also when the task is cancelled before it starts.
            self._start(_end_statement(connection)).add_done_callback(lambda _: connection.pgconn.finish())

    async def connect(self) -> "Connection":
        from psycopg import AsyncConnection

        connection: Connection = await AsyncConnection.connect(self._conninfo, autocommit=True)
        _end_when_cancelled(connection)
        return connection

    def close_idle(self) -> None:
        while self._idle:
            connection = self._idle.pop()  # named: it must last until it is closed
            connection.pgconn.finish()


class PoolConnections(Connections):
    """Connections of a pool of the caller's, which gets each of them back as it was. The pool is never closed here."""

    def __init__(self, pool: "Pool") -> None:
        super().__init__(pool.max_size or _CONNECTIONS)
        # Weak, because what is known of a pool lasts only as long as the pool.
        self._pool: ReferenceType[Pool] = ref(pool)
        self._with_transactions: set[Connection] = set()

    async def take(self) -> "Connection":
        pool = self._opened_pool()
        connection: Connection
        while not _is_usable(connection := await pool.getconn()):
            connection.pgconn.finish()
            await self._return(connection)
        if connection.info.encoding != "utf-8":
            await self._return(connection)
            raise ConfigurationError(
                f"the connections of the pool {pool.name!r} must have the encoding UTF8: use a database that has it, "
                'or create the pool with kwargs={"client_encoding": "utf8"}'
            )
        _end_when_cancelled(connection)
        if not connection.autocommit:
            self._with_transactions.add(connection)
            try:
                await connection.set_autocommit(True)
            except BaseException:
                self.discard(connection)
                raise
        return connection

    async def give_back(self, connection: "Connection") -> None:
        if not _is_idle(connection):
            connection.pgconn.finish()
        elif connection in self._with_transactions:
            try:
                await connection.set_autocommit(False)
            except BaseException:
                self.discard(connection)
                raise
        await self._return(connection)

    def discard(self, connection: "Connection") -> None:
        self._start(self._close_and_return(connection))

    async def connect(self) -> "Connection":
        pool = cast("Any", self._opened_pool())
        # Either may be a function since psycopg_pool 3.3.
        conninfo, options = [
            await _result_of(given()) if callable(given) else given for given in (pool.conninfo, pool.kwargs)
        ]
        make: Callable[..., Awaitable[Connection]] = pool.connection_class.connect
        connection = await make(conninfo or "", **{**(options or {}), "autocommit": True})
        _end_when_cancelled(connection)
        return connection

    def close_idle(self) -> None:
        """Leave the caller's connections alone."""

    async def _close_and_return(self, connection: "Connection") -> None:
        try:
            await _end_statement(connection)
        finally:
            connection.pgconn.finish()
            await self._return(connection)

    async def _return(self, connection: "Connection") -> None:
        self._with_transactions.discard(connection)
        cast("Any", connection).__dict__.pop("wait", None)
        # In a task of its own: a cancellation in the meantime would lose the connection for the pool.
        await asyncio.shield(self._start(self._opened_pool().putconn(connection)))

    def _opened_pool(self) -> "Pool":
        pool = self._pool()
        assert pool is not None, "the objects that use it refer to it"
        return pool


async def _result_of(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value


def _end_when_cancelled(connection: "Connection") -> None:
    """Let a statement of a connection end at once when its task is cancelled; the connection has to be discarded then.

    psycopg itself waits until the server has ended the statement: for ten seconds if it does not answer, and in some
    versions for ever.
    """
    from psycopg.waiting import wait_async

    pgconn = connection.pgconn

    async def wait(generator: Any, *args: Any, **options: Any) -> Any:
        return await wait_async(generator, pgconn.socket, *args, **{"interval": _INTERVAL, **options})

    cast("Any", connection).wait = wait


async def _end_statement(connection: "Connection") -> None:
    """Ask the server to end the statement of a connection: one that waits for a lock would keep its session."""
    from psycopg import capabilities

    if _is_running(connection) and capabilities.has_cancel_safe():
        with suppress(Exception):
            await connection.cancel_safe(timeout=_CANCEL_TIMEOUT)


def _is_idle(connection: "Connection") -> bool:
    from psycopg.pq import TransactionStatus

    return connection.pgconn.transaction_status == TransactionStatus.IDLE


def _is_running(connection: "Connection") -> bool:
    from psycopg.pq import TransactionStatus

    return connection.pgconn.transaction_status == TransactionStatus.ACTIVE


def _is_usable(connection: "Connection") -> bool:
    """Whether a connection is open, in no transaction, and has received nothing since its last statement.

    A server that closes a connection says so first, and then ends the stream.
    """
    return _is_idle(connection) and not _is_readable(connection.pgconn.socket)


def _is_readable(descriptor: int) -> bool:
    if not hasattr(select, "poll"):  # Windows
        return bool(select.select([descriptor], [], [], 0)[0])
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
