"""A PostgreSQL server for the fleet, which has to be as safe as one in use, and the work that it has done."""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import psycopg
from attrs import frozen

_TESTS: Final = Path(__file__).parents[1] / "tests"
_OPTIONS: Final = (
    "fsync=on",
    "max_wal_size=1GB",  # as it is by default, where segments of the log are not as small as in tests
    "shared_preload_libraries=pg_stat_statements",
    "pg_stat_statements.track=top",
)
_TICKS: Final = os.sysconf("SC_CLK_TCK")

WATCHING: Final = "watching"
"""Statements with this name in them are not counted."""

# Statements by who sent them; those that only begin or end a transaction are apart.
_STATEMENTS: Final = f"""
    SELECT CASE
             WHEN query ~* '^(BEGIN|START|COMMIT|ROLLBACK)' THEN 'transactions'
             WHEN query ~ 'procrastinate_' OR query ~ '^LISTEN' THEN 'engine'
             ELSE 'ours'
           END, sum(calls)::bigint
    FROM pg_stat_statements JOIN pg_database ON pg_database.oid = dbid
    WHERE datname = current_database() AND query !~ 'pg_stat_|^ANALYZE|{WATCHING}'
    GROUP BY 1
"""
_WRITES: Final = """
    SELECT pg_current_wal_lsn() - '0/0', (SELECT wal_sync FROM pg_stat_wal),
           (SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()),
           pg_database_size(current_database())
"""


@frozen
class Usage:
    """The work of the server up to a moment. What sessions did that are still open is not all in it.

    Attributes:
        statements: Number of statements of one database by who sent them: "engine", "ours", and "transactions" for
            those that only begin or end one.
        log: Bytes of the write-ahead log.
        flushes: Number of times that this log was flushed to the disk.
        commits: Number of transactions of one database.
        size: Bytes of the files of one database.
        cpu: Seconds of CPU time.
    """

    statements: dict[str, int]
    log: int
    flushes: int
    commits: int
    size: int
    cpu: float

    def since(self, earlier: "Usage") -> "Usage":
        """Return the work after an earlier moment."""
        return Usage(
            {name: count - earlier.statements.get(name, 0) for name, count in self.statements.items()},
            self.log - earlier.log,
            self.flushes - earlier.flushes,
            self.commits - earlier.commits,
            self.size - earlier.size,
            self.cpu - earlier.cpu,
        )


class Server:
    """The server of the tests, with settings of its own.

    Attributes:
        version: The version of PostgreSQL.
    """

    def __init__(self, server: Any) -> None:
        self._server = server
        self.version = str(server.execute("SHOW server_version")[0][0]).partition(" ")[0]
        # The file begins with the id of the main process.
        self._process = int(server.execute("SELECT pg_read_file('postmaster.pid')")[0][0].partition("\n")[0])

    def create_database(self, name: str) -> str:
        """Create a database, and return its URL."""
        self._server.execute(f"CREATE DATABASE {name}")
        url = str(self._server.url).removesuffix("postgres") + name
        execute(url, "CREATE EXTENSION pg_stat_statements")
        return url

    def usage(self, url: str) -> Usage:
        """Return the work that was done so far."""
        statements = {str(name): int(count) for name, count in execute(url, _STATEMENTS)}
        log, flushes, commits, size = map(int, execute(url, _WRITES)[0])
        return Usage(statements, log, flushes, commits, size, self._cpu())

    def _cpu(self) -> float:
        """Return the CPU time of all its processes, those that have ended included."""
        children = Path(f"/proc/{self._process}/task/{self._process}/children").read_text().split()
        return cpu_of(self._process, with_ended_children=True) + sum(cpu_of(int(child)) for child in children)


@contextmanager
def serving() -> Generator[Server]:
    """Run a server while a block lasts."""
    # The tests have a class for it; they are no package.
    sys.path.append(str(_TESTS))
    tests = import_module("postgres_server")
    if tests.PROGRAMS is None:
        sys.exit("There is no PostgreSQL: apt-get install postgresql")
    server = tests.PostgresServer(*_OPTIONS)
    try:
        yield Server(server)
    finally:
        server.end()


def execute(url: str, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """Run a statement over a connection of its own, and return its rows."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode(), values)
        return cursor.fetchall() if cursor.description else []


def cpu_of(process: int, *, with_ended_children: bool = False) -> float:
    """Return the seconds of CPU time of a process; 0 if it has ended."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11 : 15 if with_ended_children else 13])) / _TICKS
