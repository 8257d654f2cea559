"""Text of the service in a terminal, where it must neither control the terminal nor be taken for markup."""

import csv
import datetime as dt
import io
import json
import re
from collections.abc import Callable

import pytest

from exist_async.cli.callback_pages import sign_in_failed_page
from exist_async.cli.output import one_line
from exist_async.sandbox import Sandbox

TODAY = dt.date(2026, 11, 21)
HOSTILE = "[/x] [bold]a\x1b]0;title\x07\x1b[2J\x9b31m\x7f\u202eb\u200b :smile:"
ESCAPED = r"[/x] [bold]a\x1b]0;title\x07\x1b[2J\x9b31m\x7f\u202eb\u200b :smile:"
UNSAFE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200b]")


@pytest.fixture
def hostile(sandbox: Sandbox) -> Sandbox:
    """The sandbox, with an attribute whose label and value are hostile, and a user of such a name."""
    sandbox.add_attribute(name="note", label=HOSTILE, value_type=2, service=sandbox.add_service("other", HOSTILE))
    sandbox.add_attribute(name="own", label=HOSTILE, service=sandbox.service)
    sandbox.set_value("note", TODAY, HOSTILE)
    sandbox.rewrite_next(lambda reply: {**reply, "first_name": HOSTILE, "timezone": HOSTILE}, path="profile/")
    return sandbox


@pytest.mark.parametrize(
    "arguments",
    [
        ["whoami"],
        ["owned"],
        ["values", "note"],
        ["history", "--start", "2026-11-21"],
        ["history", "--start", "2026-11-21", "--format", "csv"],
    ],
)
def test_in_a_terminal_text_of_the_service_is_escaped(
    at_terminal: Callable, hostile: Sandbox, arguments: list[str]
) -> None:
    result = at_terminal(*arguments)

    assert (result.code, result.err) == (0, "")
    assert UNSAFE.search(result.out) is None
    # A cell may be wrapped.
    assert ESCAPED.replace(" ", "") in re.sub(r"\s", "", result.out) or arguments == ["owned"]
    assert r"\x1b" in result.out
    assert "[bold]" in result.out


def test_in_a_terminal_an_attribute_of_a_hostile_name_keeps_its_type(at_terminal: Callable, sandbox: Sandbox) -> None:
    sandbox.add_attribute(name="went\u200b_running", value_type=7)
    sandbox.set_value("went\u200b_running", TODAY, 1)

    last_line = at_terminal("history", "--start", "2026-11-21").out.splitlines()[-1]

    assert last_line.split() == [r"went\u200b_running", "2026-11-21", "yes"]


def test_in_a_terminal_json_lines_are_escaped_and_mean_the_same(at_terminal: Callable, hostile: Sandbox) -> None:
    result = at_terminal("history", "--start", "2026-11-21", "--format", "jsonl")

    assert UNSAFE.search(result.out) is None
    assert json.loads(result.out)["value"] == HOSTILE


def test_csv_and_json_lines_in_a_pipe_are_exact(cli: Callable, hostile: Sandbox) -> None:
    rows = csv.reader(io.StringIO(cli("history", "--start", "2026-11-21", "--format", "csv").out, newline=""))
    line = cli("history", "--start", "2026-11-21", "--format", "jsonl").out

    assert list(rows)[1][2] == HOSTILE
    assert HOSTILE[-9:] in line
    assert json.loads(line)["value"] == HOSTILE


@pytest.mark.parametrize("command", [["acquire", "steps"], ["release", "own"], ["increment", "own", "1"]])
def test_refusals_and_errors_of_the_service_are_escaped(
    at_terminal: Callable, hostile: Sandbox, command: list[str]
) -> None:
    def refuse(reply: dict) -> dict:
        entries = [*reply["success"], *reply["failed"]]
        return {"success": [], "failed": [{**entries[0], "error_code": HOSTILE, "error": HOSTILE}]}

    hostile.rewrite_next(refuse, path=f"{command[0]}/")
    refused = at_terminal(*command)
    hostile.fail_next(status=403, json={"detail": HOSTILE}, path=f"{command[0]}/")
    failed = at_terminal(*command)

    for result in (refused, failed):
        assert result.code == 1
        assert UNSAFE.search(result.out + result.err) is None
        assert r"\x1b]0;title" in result.out + result.err


def test_the_page_of_the_browser_shows_an_error_without_markup_or_control_characters() -> None:
    page = sign_in_failed_page(f"<script>{HOSTILE}")

    assert UNSAFE.search(page) is None
    assert f"&lt;script&gt;{ESCAPED}" in page


def test_text_on_one_line_keeps_what_people_write() -> None:
    text = "Café 👩‍👧 ❤️ שלום سلام 日本語 = C:\\new [kg]"

    assert one_line(f" {text}\r\n") == text


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_safe_cells_keep_a_spreadsheet_from_running_text(cli: Callable, sandbox: Sandbox, text: str) -> None:
    sandbox.add_attribute(name="note", value_type=2)
    sandbox.set_values("note", {TODAY: text, TODAY - dt.timedelta(days=1): "a=b"})
    sandbox.add_attribute(name="level", value_type=1)
    sandbox.set_value("level", TODAY, -7.5)

    def values(*options: str) -> list[str]:
        out = cli("history", "--start", "2026-11-01", *options).out
        return sorted(row[2] for row in csv.reader(io.StringIO(out, newline=""), strict=True))

    assert values() == sorted(["-7.5", text, "a=b", "value"])
    assert values("--safe-cells") == sorted(["-7.5", f"'{text}", "a=b", "value"])


@pytest.mark.parametrize("options", [["--format", "jsonl"], ["--format", "table"]])
def test_safe_cells_of_another_format_than_csv_are_a_wrong_command_line(cli: Callable, options: list[str]) -> None:
    assert cli("history", "--start", "today", "--safe-cells", *options) == (
        2,
        "",
        "exist-async: --safe-cells is an option of CSV: add --format csv\n",
    )
