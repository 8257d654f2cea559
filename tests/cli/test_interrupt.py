"""Ctrl-C, and the output of commands in a terminal."""

import asyncio
import datetime as dt
import io
import re
import signal
import subprocess
from collections.abc import Callable

import pytest

from exist_async.cli.progress import progress_bar
from exist_async.sandbox import Sandbox

pytestmark = pytest.mark.slow


def test_ctrl_c_while_names_are_awaited_ends_it_at_once_and_prints_the_known_outcomes(
    open_terminal: Callable, sandbox: Sandbox
) -> None:
    terminal = open_terminal("acquire", "-", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    terminal.process.stdin.write(b"".join(b"name_%d\n" % number for number in range(40)))
    terminal.process.stdin.flush()
    # The progress bar: the outcomes of the first request have arrived.
    terminal.read_until(r"35/\?")
    terminal.process.send_signal(signal.SIGINT)

    assert terminal.read_to_end() == 130
    printed = terminal.process.stdout.read().decode().splitlines()
    assert [line.split()[:2] for line in printed if line.startswith("name_")] == [
        [f"name_{number}", "refused"] for number in range(35)
    ]
    without_escapes = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", terminal.screen)
    assert "exist-async: stopped: items that are not counted above were not sent" in without_escapes


@pytest.fixture
def interrupt_in_flight(start: Callable, wait_until: Callable, sandbox: Sandbox) -> Callable:
    """Run a command, press Ctrl-C while its write is in flight, and return what it printed."""

    def run(*arguments: str, stdin: bytes = b"", times: int = 1) -> subprocess.CompletedProcess[str]:
        sandbox.latency = 1.0 if times == 1 else 5.0
        running = start(*arguments)
        running.stdin.write(stdin)
        running.stdin.close()
        running.stdin = None
        wait_until(lambda: sandbox.requests and sandbox.requests[-1].method == "POST")
        for number in range(times):
            if number:
                assert running.stderr.readline().endswith(b"Press Ctrl-C again to stop at once\n")
            running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=30)
        return subprocess.CompletedProcess(arguments, running.returncode, out.decode(), err.decode())

    return run


def test_ctrl_c_while_an_increment_is_in_flight_prints_that_it_was_added(
    interrupt_in_flight: Callable, sandbox: Sandbox
) -> None:
    sandbox.add_attribute(template="coffees", service=sandbox.service)

    result = interrupt_in_flight("increment", "coffees", "1", "--date", "2026-11-20")

    assert (result.returncode, result.stdout) == (130, "1\n")
    assert result.stderr.splitlines()[-1] == (
        "exist-async: stopped after it was added: running the command again would add it twice"
    )
    assert sandbox.values("coffees") == {dt.date(2026, 11, 20): 1}


def test_ctrl_c_while_an_increment_is_in_flight_prints_its_refusal(
    interrupt_in_flight: Callable, sandbox: Sandbox
) -> None:
    result = interrupt_in_flight("increment", "coffees", "1", "--date", "2026-11-20")

    assert (result.returncode, result.stdout) == (130, "")
    assert "exist-async: coffees was refused: not_found: Attribute 'coffees' does not exist\n" in result.stderr
    assert "added" not in result.stderr


def test_ctrl_c_while_an_increment_is_in_flight_prints_that_its_outcome_is_unknown(
    interrupt_in_flight: Callable, sandbox: Sandbox
) -> None:
    sandbox.add_attribute(template="coffees", service=sandbox.service)
    sandbox.fail_next(status=500, path="increment/")

    result = interrupt_in_flight("increment", "coffees", "1", "--date", "2026-11-20")

    assert (result.returncode, result.stdout) == (130, "")
    assert "may have been carried out" in result.stderr


def test_a_second_ctrl_c_ends_an_increment_at_once_and_says_that_it_may_have_been_added(
    interrupt_in_flight: Callable, sandbox: Sandbox
) -> None:
    sandbox.add_attribute(template="coffees", service=sandbox.service)

    result = interrupt_in_flight("increment", "coffees", "1", "--date", "2026-11-20", times=2)

    assert (result.returncode, result.stdout) == (130, "")
    assert "may have been" in result.stderr
    assert "Traceback" not in result.stderr


def test_ctrl_c_before_an_increment_is_sent_prints_that_nothing_was_added(
    start: Callable, wait_until: Callable, sandbox: Sandbox
) -> None:
    sandbox.add_attribute(template="coffees", service=sandbox.service)
    sandbox.latency = 1.0
    running = start("increment", "coffees", "1")
    wait_until(lambda: sandbox.requests)  # the request for the user's current day
    running.send_signal(signal.SIGINT)

    out, err = running.communicate(timeout=30)
    assert (running.returncode, out, err) == (130, b"", b"exist-async: stopped: nothing was added\n")
    assert sandbox.values("coffees") == {}


@pytest.mark.parametrize(
    ("arguments", "stdin", "label"),
    [
        (["update", "-"], b"steps,2026-11-20,7\n", "written"),
        (["release", "steps"], b"", "released"),
        (["acquire", "steps"], b"", "acquired"),
    ],
)
def test_ctrl_c_while_a_write_is_in_flight_prints_the_outcome_that_still_arrives(
    interrupt_in_flight: Callable, sandbox: Sandbox, arguments: list[str], stdin: bytes, label: str
) -> None:
    sandbox.add_attribute(template="steps", service=sandbox.service)

    result = interrupt_in_flight(*arguments, stdin=stdin)

    assert result.returncode == 130
    assert [label, "1"] in [line.split() for line in result.stdout.splitlines()]
    assert result.stderr.splitlines()[-1] == "exist-async: stopped: items that are not counted above were not sent"


def test_a_second_ctrl_c_ends_a_write_at_once_and_says_that_items_may_have_been_sent(
    interrupt_in_flight: Callable, sandbox: Sandbox
) -> None:
    result = interrupt_in_flight("acquire", "steps", times=2)

    assert result.returncode == 130
    assert "exist-async: stopped: items that are not counted above may have been sent\n" in result.stderr
    assert ["unknown", "1"] in [line.split() for line in result.stdout.splitlines()]
    assert "Traceback" not in result.stderr


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
    terminal = open_terminal("acquire", "--yes", *(f"template_{number}" for number in range(300)), "steps")

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
