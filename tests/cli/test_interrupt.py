"""Ctrl-C, and what is shown while the work lasts."""

import asyncio
import fcntl
import io
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable

import pytest

from exist_async.cli.progress import progress_bar
from exist_async.sandbox import Sandbox

pytestmark = pytest.mark.slow


def wait_until(condition: Callable[[], object]) -> None:
    give_up = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < give_up, "it never happened"
        time.sleep(0.01)


def in_a_terminal(*command: str) -> tuple[int, str]:
    """Run a command in a terminal of 100 columns, and return its exit code and all that was shown."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True) as running:
        os.close(theirs)
        shown = b""
        try:
            while block := os.read(ours, 65536):
                shown += block
        except OSError:
            pass  # what Linux says when the other end is closed
    os.close(ours)
    return running.returncode, shown.decode()


def test_ctrl_c_while_names_are_awaited_ends_at_once_and_says_how_far_it_came(script: str, sandbox: Sandbox) -> None:
    with subprocess.Popen(
        [script, "acquire", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        running.stdin.write(b"".join(b"name_%d\n" % number for number in range(40)))
        running.stdin.flush()
        wait_until(lambda: sandbox.requests and sandbox.requests[0].status)
        time.sleep(1.5)  # for the answer to arrive there
        running.send_signal(signal.SIGINT)

        assert running.wait(timeout=20) == 130
        assert running.stdout.read() == b""
        assert running.stderr.read() == (
            b"exist-async: stopped: 35 items had been acquired or refused, and others may have been, too\n"
        )


def test_ctrl_c_ends_the_sandbox_without_a_traceback(script: str) -> None:
    with subprocess.Popen(
        [script, "sandbox", "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout.readline() == "An Exist in memory, until Ctrl-C\n"
        running.send_signal(signal.SIGINT)

        assert running.wait(timeout=20) == 130
        assert running.stderr.read() == ""


def test_long_work_shows_a_bar_in_a_terminal_and_takes_it_away(script: str, sandbox: Sandbox) -> None:
    sandbox.latency = 0.35

    code, shown = in_a_terminal(script, "acquire", *(f"template_{number}" for number in range(300)), "steps")

    assert code == 1
    assert "Acquiring" in shown
    assert max(int(count) for count in re.findall(r"(\d+)/301", shown)) > 0
    assert "\x1b[2K" in shown.partition("Outcome")[0]
    assert shown.rstrip().splitlines()[-1].split()[-1] == "300"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("patience", "shown"), [(0.0, True), (3600.0, False)])
async def test_only_work_that_lasts_shows_a_bar(monkeypatch: pytest.MonkeyPatch, patience: float, shown: bool) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr("exist_async.cli.progress._PATIENCE", patience)
    monkeypatch.setenv("TERM", "xterm-256color")

    with progress_bar("Acquiring", 3):
        for _ in range(5):
            await asyncio.sleep(0.01)

    assert ("Acquiring" in terminal.getvalue()) is shown


@pytest.mark.parametrize("length", [30, 63, 90])
def test_in_a_terminal_the_owned_are_a_table_in_which_names_are_whole_and_nothing_is_cut_off(
    script: str, sandbox: Sandbox, length: int
) -> None:
    name = "n" * length
    sandbox.add_attribute(name=name, label="l" * 60 + "abel", service=sandbox.service)

    code, shown = in_a_terminal(script, "owned")

    assert code == 0
    assert name in shown
    assert "…" not in shown
    assert shown.count("l") - shown.count("boolean") - shown.count("client") - shown.count("Value") >= 60
    assert all(word in shown for word in ("Label", "Group", "Value", "type", "Active", "Service", "client"))
    assert shown.splitlines()[-1] == "1 owned"


def test_in_a_terminal_a_history_says_first_how_many_requests_it_takes(script: str, sandbox: Sandbox) -> None:
    code, shown = in_a_terminal(script, "history", "--start", "2026-01-01", "--format", "csv")

    assert code == 0
    assert shown.splitlines() == ["Requests that reading takes: 1, of 300 an hour.", "name,date,value"]


def test_ctrl_c_ends_the_demo_without_a_traceback(script: str) -> None:
    with subprocess.Popen([script, "demo"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        running.stdout.readline()
        running.send_signal(signal.SIGINT)

        assert running.wait(timeout=20) == 130
        assert running.stderr.read() == ""
