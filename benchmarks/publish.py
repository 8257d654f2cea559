"""Puts the figures of a run into the README beside this file, and draws the chart."""

import argparse
import json
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks.chart import Panel, draw
from benchmarks.report import OURS, figure, verdict

_README: Final = Path(__file__).with_name("README.md")
_CHART: Final = Path(__file__).with_name("chart.svg")
_HEADING: Final = "## The last run"
_IDEAL: Final = "ideal"
_LABELS: Final[dict[str, str]] = {
    "documentation's loop": "documentation's loop, one by one",
    "exist-client": "exist-client, one by one, names only",
    "httpx + gather, pydantic models": "httpx + gather, pydantic",
}


def main() -> None:
    """Rewrite both."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.publish", description=__doc__)
    parser.add_argument("file", type=Path, help="what `python -m benchmarks --json FILE` wrote")
    run: dict[str, Any] = json.loads(parser.parse_args().file.read_text(encoding="utf-8"))
    if missing := {"writes", "cpu"} - run["benchmarks"].keys():
        parser.error(f"the run lacks {', '.join(sorted(missing))}, which the chart shows")
    before, heading, _ = _README.read_text(encoding="utf-8").partition(_HEADING)
    comparisons = [comparison for each in run["benchmarks"].values() for comparison in each]
    parts = [f"{run['machine']}, {run['date']}.", *map(_section, comparisons)]
    _README.write_text(f"{before}{heading}\n\n" + "\n\n".join(parts) + "\n", encoding="utf-8")
    seconds = _panel("Acquiring 1,050 attributes at 100 ms latency", run["benchmarks"]["writes"][1], "s")
    cpu = _panel("CPU of the client for a request of 35 attributes", run["benchmarks"]["cpu"][0], "µs")
    _CHART.write_text(draw([seconds, cpu]), encoding="utf-8")


def _section(comparison: dict[str, Any]) -> str:
    samples: dict[str, list[float]] = comparison["samples"]
    least = min(samples[comparison["baseline"]])
    lines = [
        f"### {comparison['question']}",
        "",
        f"{comparison['unit'].capitalize()}.",
        "",
        "| | min | median | max | ratio of mins |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, figures in samples.items():
        shown = f"**{name}**" if name == OURS else name
        numbers = " | ".join(figure(of(figures)) for of in (min, median, max))
        lines.append(f"| {shown} | {numbers} | {min(figures) / least:.2f} |")
    for target in comparison["targets"]:
        lines += ["", f"Target {verdict(target['against'], target['at_most'], target['reached'])}."]
    if comparison["note"]:
        lines += ["", comparison["note"]]
    return "\n".join(lines)


def _panel(title: str, comparison: dict[str, Any], unit: str) -> Panel:
    least: dict[str, float] = {
        name: min(figures) for name, figures in comparison["samples"].items() if not name.startswith(_IDEAL)
    }
    in_order = dict(sorted(least.items(), key=lambda item: item[1]))
    return Panel(title, unit, {_LABELS.get(name, name): number for name, number in in_order.items()})


if __name__ == "__main__":
    main()
