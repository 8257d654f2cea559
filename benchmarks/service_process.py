"""Runs a benchmark's service in a process of its own."""

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def serving(module: str, *arguments: object) -> Generator[str]:
    """Run a module that serves while a block lasts, and give the line that it prints once it does: where it is."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            # It ends with its input, so that it is not left behind by a run that was killed either.
            process.stdin.close()
