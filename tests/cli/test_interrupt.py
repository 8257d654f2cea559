"""Ctrl-C, and the output of commands in a terminal."""

import asyncio
import io
import re
import signal
import subprocess
from collections.abc import Callable

import pytest

from exist_async.cli.progress import progress_bar
from exist_async.sandbox import Sandbox

pytestmark = pytest.mark.slow


def test_ctrl_c_while_names_are_awaited_ends_it_at_once_and_prints_the_number_of_answered_items(
    open_terminal: Callable, sandbox: Sandbox
) -> None:
    terminal = open_terminal("acquire", "-", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    terminal.process.stdin.write(b"".join(b"name_%d\n" % number for number in range(40)))
    terminal.process.stdin.flush()
    # The progress bar: the outcomes of the first request have arrived.
    terminal.read_until(r"35/\?")
    terminal.process.send_signal(signal.SIGINT)

    assert terminal.read_to_end() == 130
    assert terminal.process.stdout.read() == b""
    without_escapes = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", terminal.screen)
    assert "exist-async: stopped: 35 items were acquired or refused, others may have been as well" in without_escapes


def test_ctrl_c_ends_the_sandbox_without_a_traceback(start: Callable) -> None:
    running = start("sandbox", "--port", "0", text=True)
    assert running.stdout.readline() == "Exist sandbox, in memory; press Ctrl-C to stop it\n"
    running.send_signal(signal.SIGINT)

    assert running.wait(timeout=20) == 130
    assert running.stderr.read() == ""


def test_ctrl_c_ends_the_demo_without_a_traceback(start: Callable) -> None:
    running = start("demo", text=True)
    running.stdout.readline()
    running.send_signal(signal.SIGINT)

    assert running.wait(timeout=20) == 130
    assert running.stderr.read() == ""


def test_a_long_write_in_a_terminal_shows_a_progress_bar_and_removes_it(
    open_terminal: Callable, sandbox: Sandbox
) -> None:
    sandbox.latency = 0.35
    terminal = open_terminal("acquire", *(f"template_{number}" for number in range(300)), "steps")

    assert terminal.read_to_end() == 1
    assert "Acquiring" in terminal.screen
    assert max(int(count) for count in re.findall(r"(\d+)/301", terminal.screen)) > 0
    assert "\x1b[2K" in terminal.screen.partition("Outcome")[0]
    assert terminal.screen.rstrip().splitlines()[-1].split()[-1] == "300"


class TerminalOutput(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("delay", "is_shown"), [(0.0, True), (3600.0, False)])
async def test_the_progress_bar_appears_only_after_a_delay(
    monkeypatch: pytest.MonkeyPatch, delay: float, is_shown: bool
) -> None:
    terminal = TerminalOutput()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr("exist_async.cli.progress._SHOW_AFTER", delay)
    monkeypatch.setenv("TERM", "xterm-256color")

    with progress_bar("Acquiring", 3):
        for _ in range(5):
            await asyncio.sleep(0.01)

    assert ("Acquiring" in terminal.getvalue()) is is_shown


@pytest.mark.parametrize("length", [30, 63, 90])
def test_owned_in_a_terminal_prints_a_table_with_whole_names_and_nothing_cut_off(
    open_terminal: Callable, sandbox: Sandbox, length: int
) -> None:
    name = "n" * length
    sandbox.add_attribute(name=name, label="l" * 60 + "abel", service=sandbox.service)
    terminal = open_terminal("owned")

    assert terminal.read_to_end() == 0
    screen = terminal.screen
    assert name in screen
    assert "…" not in screen
    assert screen.count("l") - screen.count("boolean") - screen.count("client") - screen.count("Value") >= 60
    assert all(word in screen for word in ("Label", "Group", "Value", "type", "Active", "Service", "client"))
    assert screen.splitlines()[-1] == "1 owned"


def test_history_in_a_terminal_first_prints_the_number_of_requests(open_terminal: Callable, sandbox: Sandbox) -> None:
    terminal = open_terminal("history", "--start", "2026-01-01", "--format", "csv")

    assert terminal.read_to_end() == 0
    assert terminal.screen.splitlines() == ["Requests needed: 1 (300 are allowed in an hour)", "name,date,value"]
