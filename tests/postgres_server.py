"""A PostgreSQL server for tests, on a free port of this machine, with its data in a temporary folder."""

import atexit
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

import psycopg
import pytest
from redis_server import PORTS

# PostgreSQL does not run as root.
ACCOUNT = "postgres" if os.name == "posix" and os.geteuid() == 0 else None

# No file system needs to be safe here; a test of a power failure kills the server, not the machine.
# A connection that a client has opened and sent nothing over keeps the server from stopping for the last time.
FIXED = ("listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "authentication_timeout=10")


def _programs() -> Path | None:
    """Return the folder of initdb and postgres, which Debian keeps out of PATH."""
    if named := os.environ.get("EXIST_TEST_POSTGRES"):
        return Path(named)
    found = shutil.which("initdb")
    candidates = [Path(found)] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return candidates[-1].parent if candidates else None


PROGRAMS = _programs()
PASSWORD = "pass-word-of-the-database"


def _run(command: list[str], log: Path) -> "subprocess.Popen[bytes]":
    account = {} if ACCOUNT is None else {"user": ACCOUNT, "group": ACCOUNT, "extra_groups": []}
    with log.open("ab") as file:
        return subprocess.Popen(command, stdout=file, stderr=file, cwd="/", **account)  # type: ignore[call-overload]


def _give_to_account(*paths: Path) -> None:
    if ACCOUNT is not None:
        for path in paths:
            shutil.chown(path, ACCOUNT, ACCOUNT)


@cache
def _new_data() -> Path:
    """Return a folder with the data of a new server, which are copied for each: making them takes a second."""
    assert PROGRAMS is not None
    folder = Path(tempfile.mkdtemp(prefix="exist_async-postgres-"))
    atexit.register(shutil.rmtree, folder)
    secret = folder / "password"
    secret.write_text(PASSWORD)
    _give_to_account(folder, secret)
    data, log = folder / "data", folder / "log"
    command = [str(PROGRAMS / "initdb"), "--no-sync", "--auth=scram-sha-256", "--username=postgres", "-D", str(data)]
    command += [f"--pwfile={secret}", "--encoding=UTF8", "--locale=C", "--wal-segsize=1"]
    assert _run(command, log).wait(60) == 0, log.read_text()
    return data


def _is_running(process: int) -> bool:
    try:
        return bool(Path(f"/proc/{process}/cmdline").read_bytes())  # empty for one that has ended
    except OSError:
        return False


class PostgresServer:
    """A server that can be paused, stopped, killed, and started again on the same port.

    Attributes:
        url: The URL of its database, with a password.
        schema: A name for the schema of a test.
    """

    password = PASSWORD

    def __init__(self, *options: str, folder: Path | None = None) -> None:
        """Start a server with settings such as "max_connections=20", in a temporary folder or a given one."""
        if PROGRAMS is None:
            pytest.skip("no PostgreSQL: apt-get install postgresql")
        self.schema = "exist_async"
        self._options = [option for each in (*FIXED, *options) for option in ("-c", each)]
        # Not in pytest's own folder, which the account can't enter.
        self._folder = Path(tempfile.mkdtemp(prefix="exist_async-postgres-", dir=folder))
        _give_to_account(self._folder)
        subprocess.run(["cp", "-a", str(_new_data()), str(self._folder)], check=True)
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
        assert PROGRAMS is not None
        program = [str(PROGRAMS / "postgres"), "-D", str(self._data), "-c", f"port={self.port}"]
        self._process = _run([*program, *self._options], self._folder / "log")
        give_up = time.monotonic() + 30
        while time.monotonic() < give_up:
            if self._process.poll() is not None:
                return False
            try:
                with psycopg.connect(self.url, connect_timeout=2) as connection:
                    # Another server may have the port, until this one notices that and ends.
                    if connection.execute("SHOW data_directory").fetchone() == (str(self._data),):
                        return True
            except psycopg.OperationalError:
                pass
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
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """Shut it down at once, and properly: nothing that was committed is lost."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(30)

    def kill(self) -> None:
        """Kill it, as a power failure would."""
        children = self._signal(signal.SIGKILL)
        self._process.wait()
        give_up = time.monotonic() + 10
        while any(map(_is_running, children)) and time.monotonic() < give_up:
            time.sleep(0.001)

    def end(self) -> None:
        """Stop it, if it runs, and delete its data."""
        if self._process.poll() is None:
            self.kill()
        shutil.rmtree(self._folder)

    def _signal(self, number: int) -> list[int]:
        """Send a signal to the server's process and its children, and return the ids of these."""
        os.kill(self._process.pid, signal.SIGSTOP)  # so that it starts no more of them
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        for child in children:
            with suppress(ProcessLookupError):  # it has ended meanwhile
                os.kill(int(child), number)
        os.kill(self._process.pid, number)
        return [int(child) for child in children]
