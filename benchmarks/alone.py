"""Runs a measure in an interpreter of its own, where nothing was imported, allocated or cached before."""

import json
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from typing import TypeAlias

Figures: TypeAlias = dict[str, float]
"""What one run of a measure gave, by name."""


def alone(measure: Callable[..., Figures], *args: str) -> Figures:
    """Call a measure, which a module of this package has at its top, and return its figures."""
    command = [sys.executable, "-m", "benchmarks.alone", measure.__module__, measure.__name__, *args]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    figures: Figures = json.loads(ended.stdout)
    return figures


if __name__ == "__main__":
    module, name, *arguments = sys.argv[1:]
    print(json.dumps(getattr(import_module(module), name)(*arguments)))
