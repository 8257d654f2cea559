"""A Redis server for tests, on a port of its own on this machine."""

import os
import random
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

PROGRAM = os.environ.get("EXIST_TEST_REDIS") or shutil.which("redis-server")

# Redis has no port 0. The system gives none of these to a connection or to a server that asks for any port.
PORTS = range(20_000, 32_000)


class RedisServer:
    """A server that keeps nothing on disk. It can be paused, ended, and started again on the same port."""

    def __init__(self, directory: Path, *options: str, ports: range = PORTS) -> None:
        if PROGRAM is None:
            pytest.skip("no Redis: apt-get install redis-server")
        self._options = ["--bind", "127.0.0.1", "--save", "", "--dir", str(directory), *options]
        for _ in range(20):
            self.port = random.SystemRandom().choice(ports)
            if self._run():
                break
        else:
            raise AssertionError(f"{PROGRAM} does not run")
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it again after its end."""
        assert self._run(), f"port {self.port} was taken meanwhile"

    def _run(self) -> bool:
        """Start a server, and return whether it is the one that answers: another may have had the port already."""
        command = [PROGRAM, "--port", str(self.port), *self._options]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        give_up = time.monotonic() + 30
        while time.monotonic() < give_up:
            if self._process.poll() is not None:
                return False
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                    connection.sendall(b"INFO server\r\n")
                    if f"process_id:{self._process.pid}\r\n".encode() in connection.recv(4096):
                        return True
            except OSError:
                pass  # not up yet
            time.sleep(0.01)
        self.end()
        raise AssertionError(f"{PROGRAM} gives no answer")

    def pause(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
