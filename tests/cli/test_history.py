"""The command `history`."""

import datetime as dt
import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exist_async.sandbox import Sandbox

TODAY = dt.date(2026, 11, 21)
YESTERDAY = dt.date(2026, 11, 20)


@pytest.fixture
def filled(sandbox: Sandbox) -> Sandbox:
    """The sandbox, with a few days of sleep and one note."""
    sandbox.add_attribute(template="sleep")
    sandbox.add_attribute(template="mood_note")
    sandbox.set_values("sleep", {TODAY: 450, YESTERDAY: 400, dt.date(2026, 11, 1): 300})
    sandbox.set_value("mood_note", YESTERDAY, 'so "so",\nand é')
    return sandbox


def left_out(names: str) -> str:
    return (
        f"exist-async: left out, because they are inactive or not there: {names}. Acquire them to read their values.\n"
    )


def test_in_a_pipe_it_prints_csv_attribute_by_attribute_newest_day_first(cli: Callable, filled: Sandbox) -> None:
    assert cli("history", "--start", "2026-11-20") == (
        0,
        'name,date,value\nmood_note,2026-11-20,"so ""so"",\nand é"\nsleep,2026-11-21,450\nsleep,2026-11-20,400\n',
        "",
    )


def test_the_format_jsonl_prints_json_lines(cli: Callable, filled: Sandbox) -> None:
    result = cli("history", "--start", "yesterday", "--end", "yesterday", "--format", "jsonl")

    assert (result.code, result.err) == (0, "")
    assert [json.loads(line) for line in result.out.splitlines()] == [
        {"name": "mood_note", "date": "2026-11-20", "value": 'so "so",\nand é'},
        {"name": "sleep", "date": "2026-11-20", "value": 400},
    ]


def test_in_a_terminal_it_prints_a_table_with_values_in_everyday_units(at_terminal: Callable, filled: Sandbox) -> None:
    filled.add_attribute(name="a_name_that_is_longer_than_the_others")
    filled.set_value("a_name_that_is_longer_than_the_others", TODAY, 1)

    result = at_terminal("history", "--start", "yesterday")

    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert lines[:2] == ["Name                     Date         Value", "─" * 46]
    assert sorted(lines[2:]) == [
        "a_name_that_is_longer_than_the_others   2026-11-21   yes",
        'mood_note                               2026-11-20   so "so", and é',
        "sleep                                   2026-11-20   6 h 40 min",
        "sleep                                   2026-11-21   7 h 30 min",
    ]


def test_attributes_and_groups_can_be_selected(cli: Callable, filled: Sandbox) -> None:
    filled.add_attribute(template="steps")
    filled.set_value("steps", TODAY, 7)

    def names(*options: str) -> set[str]:
        return {line.split(",")[0] for line in cli("history", "--start", "today", *options).out.splitlines()[1:]}

    assert names() == {"sleep", "steps"}
    assert names("--attribute", "sleep") == {"sleep"}
    assert names("--attribute", "sleep", "--attribute", "steps") == {"sleep", "steps"}
    assert names("--attribute", "sleep,steps") == {"sleep", "steps"}
    assert names("--group", "activity") == {"steps"}
    assert names("--group", "activity,mood,sleep") == {"sleep", "steps"}


def test_without_values_it_prints_the_header_alone(cli: Callable, sandbox: Sandbox) -> None:
    assert cli("history", "--start", "2026-01-01") == (0, "name,date,value\n", "")


def test_an_end_before_the_start_is_reported_in_one_line(cli: Callable) -> None:
    result = cli("history", "--start", "2026-01-02", "--end", "2026-01-01")

    assert (result.code, result.out, result.err.count("\n")) == (1, "", 1)
    assert result.err.startswith("exist-async: end 2026-01-01 ")
    assert "start 2026-01-02" in result.err


def test_an_unknown_attribute_is_named_in_one_line(cli: Callable, filled: Sandbox) -> None:
    result = cli("history", "--start", "today", "--attribute", "sleep", "--attribute", "sleeep")

    assert result.code == 1
    assert result.out == "name,date,value\nsleep,2026-11-21,450\n"
    assert result.err == left_out("sleeep")


def test_an_inactive_attribute_does_not_stop_the_others(cli: Callable, filled: Sandbox) -> None:
    filled.user.attribute("mood_note").active = False

    named = cli("history", "--start", "yesterday", "--attribute", "sleep,mood_note")

    assert named == (
        1,
        "name,date,value\nsleep,2026-11-21,450\nsleep,2026-11-20,400\n",
        left_out("mood_note"),
    )
    assert cli("history", "--start", "yesterday") == (0, named.out, "")


def test_an_attribute_that_becomes_inactive_during_an_export_of_all_is_named(cli: Callable, filled: Sandbox) -> None:
    def without_notes(page: Any) -> Any:
        filled.user.attribute("mood_note").active = False
        return page

    filled.rewrite_next(without_notes, path="with-values/")

    result = cli("history", "--start", "2026-10-01")

    assert result.code == 0
    assert result.err == left_out("mood_note")


def test_the_values_before_an_error_are_printed(cli: Callable, sandbox: Sandbox) -> None:
    sandbox.add_attribute(template="steps")
    sandbox.set_values("steps", {TODAY - dt.timedelta(days=days): days for days in range(300)})
    sandbox.fail_next(status=403, path="attributes/values/", skip=1)

    result = cli("history", "--start", "2026-01-01", "--attribute", "steps")

    assert result.code == 1
    assert result.out.splitlines()[1] == "steps,2026-11-21,0"
    assert result.err.count("\n") == 1


def test_update_reads_the_exported_csv(cli: Callable, filled: Sandbox, standard_input: Callable[[bytes], None]) -> None:
    filled.add_attribute(template="body_fat")
    filled.set_value("body_fat", TODAY, 0.1 + 0.2)
    filled.set_values("mood_note", {TODAY: "7", dt.date(2026, 11, 2): "a\r\nb\rc"})
    written = {name: filled.values(name) for name in ("sleep", "mood_note", "body_fat")}
    exported = cli("history", "--start", "2026-11-01").out
    for attribute in filled.user.attributes:
        attribute.set_owner(filled.service)
        attribute.history.by_day.clear()
    standard_input(exported.encode())

    result = cli("update")

    assert (result.code, result.out.split()[-2:]) == (0, ["written", "7"])
    assert {name: filled.values(name) for name in written} == written


@pytest.mark.slow
def test_a_file_is_written_in_utf_8_regardless_of_the_terminals_encoding(
    script: str, filled: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    with (tmp_path / "history.csv").open("wb") as file:
        subprocess.run([script, "history", "--start", "yesterday"], stdout=file, check=True, timeout=20)

    assert "and é" in (tmp_path / "history.csv").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_reader_that_closes_the_pipe_ends_it_without_a_message(start: Callable, sandbox: Sandbox) -> None:
    sandbox.add_attribute(template="steps")
    sandbox.set_values("steps", {TODAY - dt.timedelta(days=days): days for days in range(5000)})
    running = start("history", "--start", "2010-01-01", "--attribute", "steps")
    assert running.stdout.readline() == b"name,date,value\n"
    running.stdout.close()

    assert running.stderr.read() == b""


@pytest.mark.slow
def test_ctrl_c_ends_it_without_a_traceback(start: Callable, sandbox: Sandbox) -> None:
    sandbox.add_attribute(template="steps")
    sandbox.set_values("steps", {TODAY - dt.timedelta(days=days): 12345678 for days in range(12000)})
    sandbox.latency = 0.3
    running = start("history", "--start", "1990-01-01", "--attribute", "steps")
    # The size of the output buffer: once it arrives, the export is under way.
    running.stdout.read(4096)
    running.send_signal(signal.SIGINT)
    running.stdout.read()

    assert running.wait(timeout=20) == 130
    assert running.stderr.read() == b""
