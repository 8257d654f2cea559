"""Time that the package adds to the start of a program."""

import resource
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from benchmarks.alone import environment
from benchmarks.report import OURS, Comparison, Target
from benchmarks.turns import by_turns

if TYPE_CHECKING:
    from benchmarks.server import Origins

_HTTPX: Final = "import asyncio, httpx"
_STATEMENTS: Final = {_HTTPX: _HTTPX, OURS: "from exist_async import ExistClient"}
_IMPORT_TURNS: Final = 15
_HELP_TURNS: Final = 9
_CYCLOPTS: Final = "cyclopts, two commands"
_PROGRAM: Final = '''"""A program with two commands."""

from cyclopts import App

app = App(name="two", help="Two commands.")


@app.command
def add(name: str, *, times: int = 1) -> None:
    """Add something.

    Args:
        name: Its name.
        times: How often.
    """


@app.command
def remove(name: str) -> None:
    """Remove something.

    Args:
        name: Its name.
    """


app()
'''


def run(_origins: "Origins") -> list[Comparison]:
    """Measure the CPU time of new interpreters."""
    with TemporaryDirectory() as folder:
        imports = by_turns(
            {name: _importing(statement, folder) for name, statement in _STATEMENTS.items()}, _IMPORT_TURNS
        )
        program = Path(folder, "two.py")
        program.write_text(_PROGRAM)
        command = str(Path(sysconfig.get_path("scripts"), "exist-async"))
        helps = by_turns(
            {
                _CYCLOPTS: _running([sys.executable, str(program), "--help"], folder),
                OURS: _running([sys.executable, command, "--help"], folder),
            },
            _HELP_TURNS,
        )
    late = "aiohttp, cattrs and msgspec are not in it: the client imports them at its first request, in a thread."
    return [
        Comparison("CPU of the import, bytecode warm", "milliseconds", imports, _HTTPX, [Target(1.4, _HTTPX)], late),
        Comparison("CPU of `exist-async --help`", "milliseconds", helps, _CYCLOPTS, [Target(2.5, _CYCLOPTS)]),
    ]


def _importing(statement: str, folder: str) -> Callable[[], float]:
    program = f"import time\nstart = time.process_time()\n{statement}\nprint(time.process_time() - start)"

    def milliseconds() -> float:
        command = [sys.executable, "-c", program]
        ended = subprocess.run(command, env=environment(folder), capture_output=True, text=True, check=True)
        return float(ended.stdout) * 1e3

    return milliseconds


def _running(command: list[str], folder: str) -> Callable[[], float]:
    def milliseconds() -> float:
        before = _cpu_of_children()
        subprocess.run(command, env=environment(folder), stdout=subprocess.DEVNULL, check=True)
        return (_cpu_of_children() - before) * 1e3

    return milliseconds


def _cpu_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
