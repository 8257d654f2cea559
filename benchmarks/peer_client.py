"""Measures the PyPI package exist-client, which needs an environment of its own: it pins an old attrs."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, Final

NAME: Final = "exist-client"
"""The row of its figures."""

_REQUIREMENT: Final = "exist-client==0.4.0"
_CHUNK: Final = 35


@contextmanager
def running(url: str) -> Generator[Callable[[int], tuple[float, float]] | None]:
    """Run it while a block lasts: what it gives acquires so many attributes, and returns seconds of wall time and CPU.

    It gives None, and says so, where the environment can't be made.
    """
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        print(f"{NAME} is left out: uv, which makes an environment for it, is missing.", file=sys.stderr)
        yield None
        return
    command = [uv, "run", "--quiet", "--isolated", "--no-project", "--python", sys.executable]
    command += ["--with", _REQUIREMENT, "python", "-P", __file__, url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

        def acquire(count: int) -> tuple[float, float]:
            assert process.stdin is not None
            assert process.stdout is not None
            print(count, file=process.stdin, flush=True)
            acquired, wall, cpu = process.stdout.readline().split()
            assert int(acquired) == count
            return float(wall), float(cpu)

        try:
            assert process.stdout is not None
            ready = bool(process.stdout.readline())
            if not ready:
                print(f"{NAME} is left out: its environment could not be made.", file=sys.stderr)
            yield acquire if ready else None
        finally:
            assert process.stdin is not None
            process.stdin.close()


def _answer(url: str) -> None:
    """Acquire as many attributes as each line of the input says, 35 a call, since its list is not cut."""
    from exist_client import ExistClient
    from exist_client.models import AttributeByName

    client: Any = ExistClient(token="a-token", base_url=url)
    print("ready", flush=True)
    for line in sys.stdin:
        names = [f"tag_{n}" for n in range(int(line))]
        wall, cpu = time.perf_counter(), time.process_time()
        acquired = 0
        for start in range(0, len(names), _CHUNK):
            acquisitions = [AttributeByName(name=name) for name in names[start : start + _CHUNK]]
            acquired += len(client.acquire_attributes(acquisitions=acquisitions).success)
        print(acquired, time.perf_counter() - wall, time.process_time() - cpu, flush=True)


if __name__ == "__main__":
    _answer(sys.argv[1])
