"""Runs the benchmarks, all or those named: `uv run python -m benchmarks [NAME ...] [--turns N] [--json FILE]`."""

import argparse
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from benchmarks.turns import limit_turns

_NAMES: Final = (
    *(
        "writes",
        "cpu",
        "listing",
        "decoding",
        "history",
        "tables",
        "mirror",
        "sync",
        "journal",
        "views",
        "users",
        "renewals",
        "limiters",
    ),
    *("growth", "startup"),
)
_AGAIN: Final = "EXIST_ASYNC_BENCHMARKS_AGAIN"


def main() -> int:
    """Print one table for each question, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(_NAMES)}; all by default")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to a file, too")
    parser.add_argument("--turns", type=int, metavar="N", help="measure each N times at most, to see that it runs")
    given = parser.parse_args()
    names: list[str] = given.names or list(_NAMES)
    if unknown := set(names) - set(_NAMES):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(_NAMES)}")
    if find_spec("pydantic") is None:
        return _run_again_with_pydantic(sys.argv[1:])
    if given.turns is not None:
        limit_turns(given.turns)
    _compare(names, given.json)
    return 0


def _compare(names: list[str], file: Path | None) -> None:
    # They import pydantic, which the check above is about.
    from benchmarks import report, server

    print(report.machine(), end="\n\n", flush=True)
    figures: dict[str, Any] = {}
    with server.serving() as origins:
        for name in names:
            comparisons = import_module(f"benchmarks.{name}").run(origins)
            for comparison in comparisons:
                report.show(comparison)
            figures[name] = [comparison.as_json() for comparison in comparisons]
            if file is not None:
                _write(file, report.machine(), figures)


def _write(file: Path, machine: str, figures: dict[str, Any]) -> None:
    document = {"machine": machine, "date": datetime.now(UTC).date().isoformat(), "benchmarks": figures}
    file.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _run_again_with_pydantic(arguments: list[str]) -> int:
    """Run the same in an environment of uv's that has the group `benchmarks`, and leave the one in use as it is."""
    uv = os.environ.get("UV")
    if uv is None or _AGAIN in os.environ:
        print(
            "pydantic, which is compared with, is missing: pip install -e . --group dev --group benchmarks",
            file=sys.stderr,
        )
        return 1
    print("pydantic is missing here: running in an environment with the group `benchmarks`.", file=sys.stderr)
    command = [uv, "run", "--isolated", "--python", sys.executable, "--group", "benchmarks"]
    command += ["python", "-m", "benchmarks", *arguments]
    return subprocess.run(command, env={**os.environ, _AGAIN: "1"}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
