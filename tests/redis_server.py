"""A Redis server for tests, on a free port of this machine."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

PROGRAM = os.environ.get("EXIST_TEST_REDIS") or shutil.which("redis-server")


class RedisServer:
    """A server that keeps nothing on disk; it can be stopped for a while, and ended."""

    def __init__(self, directory: Path) -> None:
        if PROGRAM is None:
            pytest.skip("no Redis: apt-get install redis-server")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._directory = directory
        self.start()

    def start(self) -> None:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self._directory)]
        self._process = subprocess.Popen([PROGRAM, *options], stdout=subprocess.DEVNULL)
        for _ in range(500):
            try:
                with socket.create_connection(("127.0.0.1", self.port)) as connection:
                    connection.sendall(b"PING\r\n")
                    if connection.recv(7) == b"+PONG\r\n":
                        return
            except OSError:
                assert self._process.poll() is None, f"{PROGRAM} does not run"
            time.sleep(0.01)
        raise AssertionError(f"{PROGRAM} gives no answer")

    def pause(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
