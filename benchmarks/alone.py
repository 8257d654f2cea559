"""Runs a measure in an interpreter of its own, where nothing was imported, allocated or cached before."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from typing import TypeAlias

Figures: TypeAlias = dict[str, float]
"""The figures of one run of a measurement, by name."""


def environment(bytecode: str) -> dict[str, str]:
    """Return the environment of an interpreter that keeps its bytecode in a folder, so that the next one finds it.

    Where none is kept, most of a start is compiling, whatever is imported.
    """
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": bytecode}


def alone(measure: Callable[..., Figures], *args: str, bytecode: str) -> Figures:
    """Call a measure, which a module of this package has at its top, and return its figures.

    Args:
        measure: The measure.
        *args: What it is called with.
        bytecode: The folder that keeps the interpreter's bytecode.
    """
    command = [sys.executable, "-m", "benchmarks.alone", measure.__module__, measure.__name__, *args]
    ended = subprocess.run(command, env=environment(bytecode), stdout=subprocess.PIPE, text=True, check=True)
    figures: Figures = json.loads(ended.stdout)
    return figures


if __name__ == "__main__":
    module, name, *arguments = sys.argv[1:]
    print(json.dumps(getattr(import_module(module), name)(*arguments)))
