"""Runs the statements of the classes that keep their data in PostgreSQL, and creates their tables."""

import asyncio
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar, Final, LiteralString, Self, TypeVar
from weakref import WeakKeyDictionary

from attrs import define, field

from exist_async._checks import check_seconds, check_text
from exist_async._per_loop import PerLoop
from exist_async._postgres.addresses import address_of
from exist_async._postgres.connections import Connections, OwnConnections, PoolConnections
from exist_async._postgres.failures import (
    DROPPED,
    NO_PRIVILEGE,
    NOT_SUPPORTED,
    READ_ONLY,
    ROLLED_BACK,
    PostgresFailedError,
    reason_of,
)
from exist_async._postgres.locks import LockSession, PostgresLock, lock_key
from exist_async._secrets import hides_locals
from exist_async.errors import ConfigurationError

if TYPE_CHECKING:
    from psycopg import AsyncConnection, Error
    from psycopg_pool import AsyncConnectionPool

    Connection = AsyncConnection[Any]
    Pool = AsyncConnectionPool[Any]

T = TypeVar("T")

Rows = list[tuple[Any, ...]]

_LONGEST_NAME: Final = 63  # bytes of an identifier

_BODY_QUOTE: Final = "$function$"
"""The quotes around the bodies of functions in migrations, which contain the name of the schema."""

_MIGRATION_LOCK: Final = 0x457869737441
"""The key of the lock under which tables are created. All versions of the package must use the same one."""

_MIGRATION_TIMEOUT: Final = 30.0
"""Seconds for creating or changing tables, where `timeout` is shorter. Some processes may wait for one another."""

_MOST_ROLLED_BACK: Final = 20
"""Attempts for a statement that PostgreSQL rolls back because of another one, which succeeds then.

By default it never does. At the isolation levels above "read committed", it does for all but one that change a row at
once.
"""

_CREATE_PARTS: Final = """
CREATE TABLE IF NOT EXISTS {schema}.part (name text PRIMARY KEY, version integer NOT NULL)
"""
_GET_VERSION: Final = "SELECT version FROM {schema}.part WHERE name = %s"
_SET_VERSION: Final = """
INSERT INTO {schema}.part VALUES (%s, %s) ON CONFLICT (name) DO UPDATE SET version = EXCLUDED.version
"""


@define(eq=False)
class _OnLoop:
    """The connections of one event loop.

    Attributes:
        connections: The connections.
        locks: The session that holds the locks.
        turns: Limits the statements that are sent at once, so that the others do not wait for a connection: only the
            time of PostgreSQL itself counts towards the timeout.
        timeouts: Number of statements that PostgreSQL did not answer in time.
        ready: The schema and name of each part whose tables are there.
        migrating: Held by the task that looks whether they are.
        failures: The message and the SQLSTATE of the last error of such a task, by part.
    """

    connections: Connections
    locks: LockSession
    turns: asyncio.Semaphore
    timeouts: int = 0
    ready: set[tuple[str, str]] = field(factory=set[tuple[str, str]])
    migrating: asyncio.Lock = field(factory=asyncio.Lock)
    failures: dict[tuple[str, str], tuple[str, str | None]] = field(
        factory=dict[tuple[str, str], tuple[str, str | None]]
    )


@define(eq=False)
class _OfPool:
    """All that is known of a pool of the caller's.

    Attributes:
        loop: The event loop that used it first.
        process: The process that did.
        opened: The connections, which all objects over this pool share.
    """

    loop: asyncio.AbstractEventLoop
    process: int
    opened: PerLoop[_OnLoop]


_pools: "WeakKeyDictionary[Pool, _OfPool]" = WeakKeyDictionary()


class PostgresBacked:
    """Base of the public classes that keep their data in PostgreSQL, each in tables of its own in one schema.

    A subclass names its part of the schema, and has the statements that create its tables: one text for each version,
    which are run in order when the part is first used. In statements, `{schema}` is the quoted name of the schema. Once
    released, a text is never changed.

    Processes of two versions run side by side during an upgrade, so a migration only adds: tables, functions of a new
    name, columns that have a default and that older statements need not name. What no supported version uses any more
    may be dropped. A process of the older version goes on when the tables are those of a newer one, but one that starts
    then gets an error.
    """

    _part: ClassVar[str]
    _migrations: ClassVar[Sequence[LiteralString]]

    def __init__(self, postgres: "str | AsyncConnectionPool[Any]", schema: str, timeout: float) -> None:
        if find_spec("psycopg") is None or find_spec("psycopg_pool") is None:
            owner = type(self).__name__
            raise ConfigurationError(f'{owner} needs the package psycopg: pip install "exist-async[postgres]"')
        check_text("schema", schema)
        if len(schema.encode()) > _LONGEST_NAME:
            raise ConfigurationError(f"schema must have at most {_LONGEST_NAME} bytes")
        if _BODY_QUOTE in schema:
            raise ConfigurationError(f"schema must not contain {_BODY_QUOTE}: choose another name")
        check_seconds("timeout", timeout)
        self._schema = '"' + schema.replace('"', '""') + '"'
        self._schema_name = schema
        self._timeout = timeout
        self._postgres = postgres
        self._where = f"PostgreSQL at {address_of(postgres)}"  # without the password
        # Of this object, and of those that it shares its connections with; not used for a pool of the caller's.
        self._own = PerLoop(self._open_own)

    async def aclose(self) -> None:
        """Close its connections. Those of other event loops are closed there; a pool of your own stays open."""
        if isinstance(self._postgres, str):
            await self._own.aclose()
        elif (of_pool := _pools.get(self._postgres)) is not None and of_pool.loop is asyncio.get_running_loop():
            # Other objects over this pool may hold locks.
            (await of_pool.opened.get()).locks.close_if_unused()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    @hides_locals
    async def _fetch(
        self, statement: LiteralString, values: Sequence[object] = (), *, repeatable: bool = False
    ) -> Rows:
        """Run one statement in a transaction of its own, and return its rows; raise PostgresFailedError.

        It takes one round trip. Its parameters are written %s, and a percent sign %%. The tables of the part are
        created before the first statement.

        Args:
            statement: The statement.
            values: The values of its parameters.
            repeatable: Whether it is harmless to run it twice: then it is sent again on another connection if the first
                breaks before the answer. A statement that was certainly not carried out is sent again in any case.
        """
        here = await self._on_loop()
        part = (self._schema, self._part)
        if part not in here.ready:
            await self._make_ready(here)
        try:
            return await self._run(here, statement, values, repeatable=repeatable)
        except PostgresFailedError as error:
            if error.code in DROPPED:
                here.ready.discard(part)  # the next call creates it again
            raise

    def _lock(
        self, name: str, *, is_bounded: bool = False, on_lost: Callable[[], object] | None = None
    ) -> PostgresLock:
        """Return a lock among all objects of this class that share the schema, also in other processes.

        Args:
            name: The name of the lock.
            is_bounded: Whether it counts towards the most locks that a process holds at once: others wait then.
            on_lost: Called when the connection that holds it is lost; see `PostgresLock`.
        """

        async def session() -> LockSession:
            return (await self._on_loop()).locks

        return PostgresLock(
            session, lock_key(self._schema_name, self._part, name), is_bounded=is_bounded, on_lost=on_lost
        )

    async def _on_loop(self) -> _OnLoop:
        """Return the connections of this event loop, which are opened if there are none yet."""
        pool = self._postgres
        if isinstance(pool, str):
            return await self._own.get()
        if pool.closed:
            raise ConfigurationError(
                f"the connection pool {pool.name!r} is not open: open it before it is used, with async with or open()"
            )
        loop = asyncio.get_running_loop()
        of_pool = _pools.get(pool)
        if of_pool is None:
            connections = PoolConnections(pool)
            open_resource = partial(_open, lambda: connections, self._where, self._timeout)
            of_pool = _pools[pool] = _OfPool(loop, os.getpid(), PerLoop(open_resource))
        elif of_pool.process != os.getpid():
            raise ConfigurationError(
                f"the connection pool {pool.name!r} belongs to the process that this one was forked from: make another"
            )
        elif of_pool.loop is not loop:
            raise ConfigurationError(
                f"the connection pool {pool.name!r} can be used only on the event loop that used it first: give "
                f"{type(self).__name__} a URL instead, from which it opens connections on each loop"
            )
        return await of_pool.opened.get()

    def _open_own(self) -> AsyncGenerator[_OnLoop, None]:
        conninfo = self._postgres
        assert isinstance(conninfo, str)
        return _open(lambda: OwnConnections(conninfo, self._timeout), self._where, self._timeout)

    async def _run(
        self, here: _OnLoop, statement: LiteralString, values: Sequence[object], *, repeatable: bool
    ) -> Rows:
        text = statement.replace("{schema}", self._schema.replace("%", "%%"))
        return await self._on_connection(
            here, lambda connection: _execute(connection, text, values), self._timeout, repeatable=repeatable
        )

    async def _on_connection(
        self,
        here: _OnLoop,
        work: "Callable[[Connection], Awaitable[T]]",
        timeout: float,  # noqa: ASYNC109  (it begins when it is this call's turn)
        *,
        repeatable: bool,
    ) -> T:
        """Call a function with a connection, and return its result; raise PostgresFailedError.

        Calls that wait for others fail at once when one of those gets no answer in time, or each would wait for that in
        turn.
        """
        from psycopg import Error

        task = asyncio.current_task()
        assert task is not None
        cancellations = task.cancelling()
        code: str | None = None
        reason = f"gave no answer within {timeout:g} s"
        timeouts = here.timeouts
        async with here.turns:
            if here.timeouts == timeouts:
                try:
                    return await _attempt(here.connections, work, timeout, repeatable=repeatable)
                except TimeoutError:
                    here.timeouts += 1
                except Error as error:
                    code, reason = error.sqlstate, reason_of(error)
                    if code == NO_PRIVILEGE:
                        reason += f". {self._rights()}"
                except UnicodeEncodeError:
                    reason = "can't store half of a surrogate pair"
                finally:
                    # Older versions of psycopg use asyncio.wait_for(), which loses some cancellations before 3.12.
                    if task.cancelling() > cancellations:
                        raise asyncio.CancelledError
        # Outside the handler: psycopg's errors refer to their connections, which hold the password.
        raise PostgresFailedError(f"{self._where} {reason}", code)

    def _rights(self) -> str:
        return (
            f"Its role needs a schema of its own: CREATE SCHEMA {self._schema} AUTHORIZATION the_role. Or let it use "
            f"one that is there: GRANT USAGE, CREATE ON SCHEMA {self._schema} TO the_role; and GRANT SELECT, INSERT, "
            f"UPDATE, DELETE ON ALL TABLES IN SCHEMA {self._schema} TO the_role"
        )

    async def _make_ready(self, here: _OnLoop) -> None:
        """Create or upgrade the tables of this part, if that is necessary. Calls that wait for that fail with it."""
        part = (self._schema, self._part)
        failure = here.failures.get(part)
        async with here.migrating:
            if part in here.ready:
                return
            if (other := here.failures.get(part)) is not None and other is not failure:
                raise PostgresFailedError(*other)
            try:
                await self._migrate(here)
            except PostgresFailedError as error:
                failed = (str(error), error.code)
            else:
                here.ready.add(part)
                return
            here.failures[part] = failed
        message, code = failed
        raise PostgresFailedError(message, code)

    async def _migrate(self, here: _OnLoop) -> None:
        newest = len(self._migrations)
        try:
            rows = await self._run(here, _GET_VERSION, [self._part], repeatable=True)
        except PostgresFailedError as error:
            if error.code not in DROPPED:
                raise
            rows = []
        version: int = rows[0][0] if rows else 0
        if version < newest:
            timeout = max(self._timeout, _MIGRATION_TIMEOUT)
            version = await self._on_connection(here, self._upgrade, timeout, repeatable=True)
        if version > newest:
            raise PostgresFailedError(
                f"{self._where} has tables of a newer version of exist_async in the schema {self._schema}: upgrade "
                "exist_async",
                NOT_SUPPORTED,
            )

    async def _upgrade(self, connection: "Connection") -> int:
        """Run the migrations that have not been run yet, and return the version of the tables."""

        async def execute(statement: LiteralString, *values: object) -> Rows:
            # Without values, a text may have several statements, and percent signs as they are.
            schema = self._schema.replace("%", "%%") if values else self._schema
            return await _execute(connection, statement.replace("{schema}", schema), values or None)

        # Not psycopg's own: it waits for the server when it is cancelled. And whatever the default of the database is,
        # each statement must see what was committed while this one waited for the lock.
        await execute("BEGIN ISOLATION LEVEL READ COMMITTED")
        await execute("SELECT pg_advisory_xact_lock(%s)", _MIGRATION_LOCK)
        # CREATE SCHEMA IF NOT EXISTS needs the privilege to create one also where it exists.
        if not await execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", self._schema_name):
            await execute("CREATE SCHEMA {schema}")
        await execute(_CREATE_PARTS)
        rows = await execute(_GET_VERSION, self._part)
        version: int = rows[0][0] if rows else 0
        for migration in self._migrations[version:]:
            await execute(migration)
        newest = max(version, len(self._migrations))
        await execute(_SET_VERSION, self._part, newest)
        await execute("COMMIT")
        return newest


async def _open(
    connect: "Callable[[], Connections]",
    where: str,
    timeout: float,  # noqa: ASYNC109  (that of each statement)
) -> AsyncGenerator[_OnLoop, None]:
    # A generator: see PerLoop.
    if isinstance(asyncio.get_running_loop(), getattr(asyncio, "ProactorEventLoop", ())):
        raise ConfigurationError(
            "psycopg can't use the event loop that asyncio makes on Windows: start the program with "
            "asyncio.run(main(), loop_factory=asyncio.SelectorEventLoop)"
        )
    process = os.getpid()
    connections = connect()
    locks = LockSession(connections.connect, where, timeout + connections.more_time)
    try:
        yield _OnLoop(connections, locks, asyncio.Semaphore(connections.limit))
    finally:
        if os.getpid() == process:  # a process that was forked would end its parent's connections
            locks.close()
            await connections.aclose()


async def _attempt(
    connections: Connections,
    work: "Callable[[Connection], Awaitable[T]]",
    timeout: float,  # noqa: ASYNC109  (of one statement: it begins when that has a connection)
    *,
    repeatable: bool,
) -> T:
    from psycopg import Error

    time = asyncio.get_running_loop().time
    end = time() + timeout + connections.more_time
    async with asyncio.timeout_at(end) as limit:
        attempts = 0
        while True:
            attempts += 1
            connection = await connections.take()
            limit.reschedule(min(end, time() + timeout))
            try:
                result = await work(connection)
            except Error as error:
                if error.sqlstate == READ_ONLY:
                    # All lead to a server that was the primary.
                    connections.close_idle()
                    connections.discard(connection)
                else:
                    await connections.give_back(connection)
                most = _MOST_ROLLED_BACK if error.sqlstate in ROLLED_BACK else 2
                if attempts >= most or not _may_repeat(error, repeatable=repeatable):
                    raise
            except BaseException:
                connections.discard(connection)
                raise
            else:
                await connections.give_back(connection)
                return result


def _may_repeat(error: "Error", *, repeatable: bool) -> bool:
    """Whether to send a statement again: it was not carried out, or may be carried out twice."""
    if error.sqlstate in (READ_ONLY, *ROLLED_BACK):
        return True
    # Those of class 57P are sent by a server that ends the session.
    return repeatable and (error.sqlstate or "57P").startswith("57P")


async def _execute(connection: "Connection", statement: str, values: Sequence[object] | None) -> Rows:
    from psycopg import AsyncCursor
    from psycopg.rows import tuple_row

    # Not the connection's own cursor: the caller's pool may have set another kind of rows and parameters.
    cursor = AsyncCursor(connection, row_factory=tuple_row)
    await cursor.execute(statement.encode(), values)
    return await cursor.fetchall() if cursor.description is not None else []
