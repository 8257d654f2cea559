"""How much CPU does the import cost a program that starts?"""

import os
import subprocess
import sys
from collections.abc import Callable
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.report import OURS, Comparison
from benchmarks.server import Origins
from benchmarks.turns import by_turns

_HTTPX: Final = "asyncio, httpx"
_STATEMENTS: Final = {_HTTPX: "import asyncio, httpx", OURS: "from exist_async import ExistClient"}
_SETTINGS: Final = {"as installed": "", "without click": "import sys; sys.modules['click'] = None"}
_TURNS: Final = 15


def run(_origins: Origins) -> list[Comparison]:
    """Measure the CPU time of the import statement alone, each in a new interpreter."""
    with TemporaryDirectory() as folder:
        samples = by_turns(
            {
                f"{name}, {setting}": _measure(before, statement, folder)
                for setting, before in _SETTINGS.items()
                for name, statement in _STATEMENTS.items()
            },
            _TURNS,
        )
    installed, alone = ({name: samples[f"{name}, {setting}"] for name in _STATEMENTS} for setting in _SETTINGS)
    late = "aiohttp is not in it: the client imports it at its first request, in a thread."
    click = "Where click, rich and Pygments are installed, as they are here, httpx imports its command line with them."
    question = "CPU of the import, bytecode warm"
    return [
        Comparison(question, "milliseconds", installed, _HTTPX, target=1.4, note=late),
        Comparison(f"{question}, without click", "milliseconds", alone, _HTTPX, note=click),
    ]


def _measure(before: str, statement: str, folder: str) -> Callable[[], float]:
    # Where bytecode is not kept, most of an import is compiling, whatever is imported.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = folder
    program = f"{before}\nimport time\nstart = time.process_time()\n{statement}\nprint(time.process_time() - start)"

    def milliseconds() -> float:
        command = [sys.executable, "-c", program]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return float(ended.stdout) * 1e3

    return milliseconds
