"""The command `demo`."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from exist_async import Attribute, BatchResult, Outcome, OutcomeStatus
from exist_async.attributes import Attributes
from exist_async.cli.commands import demo


@pytest.mark.slow
def test_it_runs_all_steps_and_prints_measured_figures(cli: Callable) -> None:
    result = cli("demo")

    assert (result.code, result.err) == (0, "")
    lines = [" ".join(line.split()) for line in result.out.splitlines()]
    for line in (
        "86 templates, from Steps to Weather icon",
        "habbit_007 refused not_found Attribute 'habbit_007' does not exist",
        "sleep_hours refused not_found Attribute template 'sleep_hours' does not exist",
        "acquired 406",
        "page 5: 6 of 406, weather_precipitation to weather_icon",
        "released 406",
        "requests 52",
        "refused items, each with a reason 8",
        "items with an outcome all 1554 of 1554",
    ):
        assert line in lines
    seconds = {label: float(figure) for label, figure in re.findall(r"(.+) (\d+\.\d\d) s", "\n".join(lines))}
    concurrent, sequential = seconds["wall time of acquiring 414 items"], seconds["the same, one request at a time"]
    assert sequential >= 12 * 0.1
    assert concurrent < sequential


async def test_an_item_without_an_outcome_makes_it_fail(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def release(_: Attributes, items: list[Attribute], on_outcome: Any) -> BatchResult[Any, Any]:
        return BatchResult(tuple(Outcome(index, item, OutcomeStatus.SUCCEEDED) for index, item in enumerate(items[1:])))

    monkeypatch.setattr(Attributes, "release", release)
    monkeypatch.setattr(demo, "_LATENCY", 0.0)
    monkeypatch.setattr(demo, "_HABITS", demo._HABITS[:10])

    assert await demo.demo() == 1
    assert capsys.readouterr().out.splitlines()[-1].split()[-3:] == ["313", "of", "314"]
