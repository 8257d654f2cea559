"""Sends statements to PostgreSQL, over its own connections or a pool of the caller's, without revealing their values."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar, Final, LiteralString, Self
from weakref import WeakKeyDictionary

from exist_async._checks import check_seconds, check_text
from exist_async._per_loop import PerLoop
from exist_async._secrets import hides_locals
from exist_async.errors import ConfigurationError

if TYPE_CHECKING:
    from psycopg import AsyncConnection
    from psycopg_pool import AsyncConnectionPool

Rows = list[tuple[Any, ...]]

_CONNECTIONS: Final = 8
"""Connections of an object that opens its own. A statement takes a millisecond, so they serve any number of users."""

_LONGEST_NAME: Final = 63  # bytes of an identifier
_EXPECTED: Final = "postgres must be a URL or conninfo string like 'postgresql://localhost/app'"

# The key of the lock under which tables are created, which all programs must share.
_MIGRATION_LOCK: Final = 0x457869737441

# The parts of each schema whose tables are known to be there, by pool.
_migrated: "WeakKeyDictionary[AsyncConnectionPool, set[tuple[str, str]]]" = WeakKeyDictionary()


class PostgresFailedError(Exception):
    """PostgreSQL did not carry out a statement. The message has the address and the reason, and no other error.

    Attributes:
        code: PostgreSQL's SQLSTATE, such as "53100" for a full disk; None without an answer.
    """

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code


class PostgresBacked:
    """Base of the public classes that keep their data in PostgreSQL, each in tables of its own in one schema.

    A subclass names its part of the schema, and has the statements that create its tables: one text for each version,
    which are run in order when the part is first used. In statements, `{schema}` is the quoted name of the schema.
    """

    _part: ClassVar[str]
    _migrations: ClassVar[Sequence[str]]

    def __init__(self, postgres: "str | AsyncConnectionPool", schema: str, timeout: float) -> None:
        if find_spec("psycopg") is None or find_spec("psycopg_pool") is None:
            owner = type(self).__name__
            raise ConfigurationError(f'{owner} needs the package psycopg: pip install "exist-async[postgres]"')
        check_text("schema", schema)
        if len(schema.encode()) > _LONGEST_NAME or "\0" in schema:
            raise ConfigurationError(f"schema must have at most {_LONGEST_NAME} bytes, and no NUL character")
        check_seconds("timeout", timeout)
        self._schema = '"' + schema.replace('"', '""') + '"'
        self._timeout = timeout
        self._postgres = postgres
        self._where = f"PostgreSQL at {_address(postgres)}"  # without the password
        self._pools = PerLoop(self._open_pool)

    async def aclose(self) -> None:
        """Close its connections. Those of other event loops are closed there; a pool of your own stays open."""
        await self._pools.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    @hides_locals
    async def _fetch(self, statement: LiteralString, values: Sequence[object] = ()) -> Rows:
        """Run one statement in a transaction of its own, and return its rows; raise PostgresFailedError.

        Its parameters are written %s. The tables of the part are created before the first statement.
        """
        pool = await self._pools.get()
        known = _migrated.setdefault(pool, set())
        if (self._schema, self._part) not in known:
            await self._migrate(pool)
            known.add((self._schema, self._part))
        return await self._run(pool, statement, values)

    @hides_locals
    async def _run(self, pool: "AsyncConnectionPool", statement: LiteralString, values: Sequence[object] = ()) -> Rows:
        from psycopg import Error
        from psycopg.rows import tuple_row

        code: str | None = None
        try:
            async with asyncio.timeout(self._timeout), pool.connection() as connection:
                was_autocommit = connection.autocommit
                await connection.set_autocommit(True)
                try:
                    async with connection.cursor(row_factory=tuple_row) as cursor:
                        await cursor.execute(statement.replace("{schema}", self._schema), values)
                        return await cursor.fetchall() if cursor.description else []
                finally:
                    await connection.set_autocommit(was_autocommit)
        except TimeoutError:
            reason = f"gave no answer within {self._timeout:g} s"
        except Error as error:
            code = error.sqlstate
            # Not the whole text: its details quote the values of rows.
            reason = f"can't be used: {error.diag.message_primary or error}"
        # Outside the handler: psycopg's errors refer to their connections, which hold the password.
        raise PostgresFailedError(f"{self._where} {reason.removesuffix('.')}", code)

    async def _migrate(self, pool: "AsyncConnectionPool") -> None:
        """Create or upgrade the tables of this part."""
        rows = await self._run(pool, "SELECT to_regclass(%s) IS NOT NULL", [f"{self._schema}.part"])
        version = 0
        if rows[0][0]:
            rows = await self._run(pool, "SELECT version FROM {schema}.part WHERE name = %s", [self._part])
            version = rows[0][0] if rows else 0
        newest = len(self._migrations)
        if version > newest:
            raise PostgresFailedError(
                f"{self._where}: the tables of {self._schema} were made by a newer version of exist_async "
                f"({self._part} {version}): use that version"
            )
        if version == newest:
            return
        async with pool.connection() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock(%s)", [_MIGRATION_LOCK])
            await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {self._schema}")  # type: ignore[arg-type]
            await connection.execute(
                f"CREATE TABLE IF NOT EXISTS {self._schema}.part (name text PRIMARY KEY, version integer NOT NULL)"  # type: ignore[arg-type]
            )
            cursor = await connection.execute(
                f"SELECT version FROM {self._schema}.part WHERE name = %s",  # type: ignore[arg-type]
                [self._part],
            )
            row = await cursor.fetchone()
            for text in self._migrations[row[0] if row else 0 :]:
                await connection.execute(text.replace("{schema}", self._schema))  # type: ignore[arg-type]
            await connection.execute(
                f"INSERT INTO {self._schema}.part VALUES (%s, %s) "  # type: ignore[arg-type]
                "ON CONFLICT (name) DO UPDATE SET version = EXCLUDED.version",
                [self._part, newest],
            )

    def _lock(self, name: str) -> "PostgresLock":
        """Return a lock among all that share the schema, which is free when its process has died."""
        return PostgresLock(self, name)

    async def _open_pool(self) -> "AsyncGenerator[AsyncConnectionPool, None]":
        # A generator: see PerLoop.
        from psycopg_pool import AsyncConnectionPool

        if not isinstance(self._postgres, str):
            yield self._postgres
            return
        pool = AsyncConnectionPool(
            self._postgres,
            min_size=0,
            max_size=_CONNECTIONS,
            timeout=self._timeout,
            kwargs={"autocommit": True},
            open=False,
        )
        await pool.open()
        try:
            yield pool
        finally:
            await pool.close()


class PostgresLock:
    """A session-level advisory lock.

    Attributes:
        is_held: Whether this process has the lock; False again after the connection that held it was lost.
    """

    def __init__(self, owner: PostgresBacked, name: str) -> None:
        self._owner = owner
        self._name = name
        self.is_held = False

    async def try_acquire(self) -> bool:
        """Take the lock if it is free, and return whether it was."""
        raise NotImplementedError

    async def release(self) -> None:
        """Release the lock, if it is held."""
        raise NotImplementedError


def _address(postgres: "str | AsyncConnectionPool") -> str:
    """Return the host, port and database of a pool, or those in a URL or conninfo string."""
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    conninfo = postgres if isinstance(postgres, str) else getattr(postgres, "conninfo", None)
    try:
        options = conninfo_to_dict(conninfo) if isinstance(conninfo, str) else {}
    except ProgrammingError:
        options = None
    if options is None:
        # Outside the handler, and without the text: both can hold the password.
        raise ConfigurationError(f"{_EXPECTED}, with options that libpq supports")
    host = options.get("host") or options.get("hostaddr") or "localhost"
    return f"{host}:{options.get('port') or 5432}/{options.get('dbname') or options.get('user') or ''}".rstrip("/")
