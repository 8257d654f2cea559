"""A PostgreSQL server for tests, on a free port of this machine, with its data in a temporary folder."""

import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg
import pytest
from redis_server import PORTS

# PostgreSQL does not run as root.
ACCOUNT = "postgres" if os.name == "posix" and os.geteuid() == 0 else None

# No file system needs to be safe here; a test of a power failure kills the server, not the machine.
FIXED = ("listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off")


def _programs() -> Path | None:
    """Return the folder of initdb and postgres, which Debian keeps out of PATH."""
    if named := os.environ.get("EXIST_TEST_POSTGRES"):
        return Path(named)
    found = shutil.which("initdb")
    candidates = [Path(found)] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return candidates[-1].parent if candidates else None


PROGRAMS = _programs()


class PostgresServer:
    """A server that can be paused, stopped, killed, and started again on the same port.

    Attributes:
        url: The URL of its database, with a password.
        schema: A name for the schema of a test.
    """

    password = "pass-word-of-the-database"

    def __init__(self, *options: str, folder: Path | None = None) -> None:
        """Start a server with settings such as "max_connections=20", in a temporary folder or a given one."""
        if PROGRAMS is None:
            pytest.skip("no PostgreSQL: apt-get install postgresql")
        self.schema = "exist_async"
        self._options = [option for each in (*FIXED, *options) for option in ("-c", each)]
        # Not in pytest's own folder, which the account can't enter.
        self._folder = Path(tempfile.mkdtemp(prefix="exist_async-postgres-", dir=folder))
        secret = self._folder / "password"
        secret.write_text(self.password)
        if ACCOUNT is not None:
            for path in (self._folder, secret):
                shutil.chown(path, ACCOUNT, ACCOUNT)
        initdb = ["initdb", "--no-sync", "--auth=scram-sha-256", "--username=postgres", f"--pwfile={secret}"]
        self._popen(*initdb, "--encoding=UTF8", "--locale=C", "-D", str(self._data)).wait(60)
        for _ in range(20):
            self.port = random.SystemRandom().choice(PORTS)
            self.url = f"postgresql://postgres:{self.password}@127.0.0.1:{self.port}/postgres"
            if self._start():
                return
        raise AssertionError(self.log)

    def start(self) -> None:
        """Start it again after its end."""
        assert self._start(), self.log

    def _start(self) -> bool:
        """Start it, and return whether it runs: another server may have its port."""
        self._process = self._popen("postgres", "-D", str(self._data), "-c", f"port={self.port}", *self._options)
        give_up = time.monotonic() + 30
        while time.monotonic() < give_up:
            if self._process.poll() is not None:
                return False
            try:
                psycopg.connect(self.url, connect_timeout=2).close()
                return True
            except psycopg.OperationalError:
                time.sleep(0.02)
        self.kill()
        raise AssertionError(self.log)

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    @property
    def log(self) -> str:
        """The text that it has logged."""
        return (self._folder / "log").read_text(errors="replace")

    def execute(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        """Run a statement over a connection of its own, and return its rows."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement, values)  # type: ignore[call-overload]
            return cursor.fetchall() if cursor.description else []

    def end_connections(self) -> None:
        """End all connections of clients, as an administrator does."""
        self.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )

    def pause(self) -> None:
        """Let it answer nothing, on open connections and new ones."""
        for process in self._processes():
            os.kill(process, signal.SIGSTOP)

    def resume(self) -> None:
        for process in self._processes():
            os.kill(process, signal.SIGCONT)

    def stop(self) -> None:
        """Shut it down at once, and properly: nothing that was committed is lost."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(30)

    def kill(self) -> None:
        """Kill it, as a power failure would."""
        for process in self._processes():
            os.kill(process, signal.SIGKILL)
        self._process.wait()

    def end(self) -> None:
        """Stop it, if it runs, and delete its data."""
        if self._process.poll() is None:
            self.resume()
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(30)
        shutil.rmtree(self._folder)

    def _processes(self) -> list[int]:
        """Return the ids of the server's process and of its children."""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        return [self._process.pid, *map(int, children)]

    def _popen(self, program: str, *arguments: str) -> "subprocess.Popen[bytes]":
        assert PROGRAMS is not None
        account = {} if ACCOUNT is None else {"user": ACCOUNT, "group": ACCOUNT, "extra_groups": []}
        with (self._folder / "log").open("ab") as log:
            command = [str(PROGRAMS / program), *arguments]
            return subprocess.Popen(command, stdout=log, stderr=log, cwd="/", **account)  # type: ignore[call-overload]
