"""Signing in as people do it: a process of its own, a browser that BROWSER names, and a terminal."""

import os
import pty
import select
import signal
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from exist_async.sandbox import Sandbox

pytestmark = pytest.mark.slow

# It reads the form of the page, presses Allow, and follows the redirect.
BROWSER = """\
import sys
from html import unescape
from re import findall
from urllib.parse import urljoin

import httpx

page = sys.argv[1]
with httpx.Client(trust_env=False, follow_redirects=True) as client:
    html = client.get(page).text
    fields = {name: unescape(value) for name, value in findall('type="hidden" name="(.*?)" value="(.*?)"', html)}
    action = urljoin(page, findall('action="(.*?)"', html)[0])
    shown = client.post(action, data={**fields, "decision": "allow"})
    assert "Signed in" in shown.text
"""


@pytest.fixture
def browser_of_environment(tmp_path: Path, redirect_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "browser.py"
    program.write_text(BROWSER)
    monkeypatch.setenv("BROWSER", f"{sys.executable} {program} %s")


@pytest.fixture
def no_browser(redirect_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROWSER", "true %s")


def test_signing_in_from_the_first_command_to_the_last(
    browser_of_environment: None, script: str, sandbox: Sandbox, stored: Callable, token_file: Path, url: str
) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([script, *arguments], capture_output=True, text=True, timeout=60)

    signed_in = run("login")
    secrets = [stored()[url]["access_token"], stored()[url]["refresh_token"], "app-secret"]
    ran = [signed_in, run("whoami"), run("acquire", "steps"), run("owned"), run("logout"), run("owned")]

    assert [each.returncode for each in ran] == [0, 0, 0, 0, 0, 1]
    assert signed_in.stdout == f"Signed in as ada at {url}; token stored in {token_file}\n"
    assert ran[3].stdout.startswith("steps\t")
    assert stored() == {}
    for each in ran:
        for secret in secrets:
            assert secret not in each.stdout + each.stderr


def test_ctrl_c_while_the_browser_is_awaited_ends_without_a_traceback(
    no_browser: None, script: str, redirect_uri: str
) -> None:
    with subprocess.Popen([script, "login"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        told = ""
        while "Waiting for the browser" not in told:
            line = running.stderr.readline()
            assert line, told
            told += line
        running.send_signal(signal.SIGINT)

        assert running.wait(timeout=30) == 130
        assert running.stdout.read() + running.stderr.read() == ""


class Terminal:
    """A terminal with a command in it."""

    def __init__(self, *command: str) -> None:
        self.ours, self.theirs = pty.openpty()
        self.running = subprocess.Popen(
            command, stdin=self.theirs, stdout=self.theirs, stderr=self.theirs, start_new_session=True
        )
        self.shown = ""

    def wait_for(self, words: str) -> None:
        while words not in self.shown:
            assert select.select([self.ours], [], [], 30)[0], f"it only says: {self.shown}"
            self.shown += os.read(self.ours, 65536).decode()

    def type(self, text: str) -> None:
        os.write(self.ours, text.encode())

    @property
    def echoes(self) -> bool:
        return bool(termios.tcgetattr(self.theirs)[3] & termios.ECHO)

    def close(self) -> None:
        self.running.kill()
        self.running.wait()
        os.close(self.theirs)
        os.close(self.ours)


@pytest.fixture
def terminal(no_browser: None, script: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    """A terminal in which somebody signs in whose environment holds no app."""
    monkeypatch.delenv("EXIST_CLIENT_ID")
    monkeypatch.delenv("EXIST_CLIENT_SECRET")
    terminal = Terminal(script, "login", "--paste")
    yield terminal
    terminal.close()


def test_a_terminal_is_asked_for_what_is_missing_and_does_not_show_the_secret(
    terminal: Terminal, sandbox: Sandbox, url: str
) -> None:
    terminal.wait_for("Client ID: ")
    terminal.type("app-id\n")
    terminal.wait_for("Client secret (not shown): ")
    terminal.type("app-secret\n")
    terminal.wait_for("Paste it here: ")
    page = next(line.strip() for line in terminal.shown.splitlines() if "/oauth2/authorize?" in line)
    terminal.type(sandbox.authorize(page) + "\n")
    terminal.wait_for(f"Signed in as ada at {url}; ")

    assert terminal.running.wait(timeout=30) == 0
    assert terminal.shown.startswith("Copy the client ID and the client secret from what exist-async sandbox printed.")
    assert "app-secret" not in terminal.shown


def test_who_pastes_something_else_is_told_so_and_asked_again(terminal: Terminal, sandbox: Sandbox, url: str) -> None:
    terminal.wait_for("Client ID: ")
    terminal.type("app-id\n")
    terminal.wait_for("Client secret (not shown): ")
    terminal.type("app-secret\n")
    terminal.wait_for("Paste it here: ")
    page = next(line.strip() for line in terminal.shown.splitlines() if "/oauth2/authorize?" in line)
    for pasted, problem in (
        ("", "It is empty."),
        ("what do I paste?", "It holds neither a code nor an error: it is not where signing in ends."),
        ("no idea", "It is neither a URL nor a code."),
        ("x" * 201, "It is neither a URL nor a code."),
    ):
        terminal.shown = ""
        terminal.type(f"{pasted}\n")
        terminal.wait_for("Paste it here: ")
        assert f"exist-async: That can't be used. {problem}\r\n" in terminal.shown
    terminal.type(sandbox.authorize(page) + "\n")
    terminal.wait_for(f"Signed in as ada at {url}; ")

    assert terminal.running.wait(timeout=30) == 0


def test_ctrl_c_at_the_hidden_prompt_gives_the_terminal_back_as_it_was(terminal: Terminal) -> None:
    terminal.wait_for("Client ID: ")
    terminal.type("app-id\n")
    terminal.wait_for("Client secret (not shown): ")
    assert not terminal.echoes
    terminal.running.send_signal(signal.SIGINT)

    assert terminal.running.wait(timeout=30) == 130
    assert terminal.echoes


def test_the_end_of_input_at_a_prompt_is_one_line(terminal: Terminal) -> None:
    terminal.wait_for("Client ID: ")
    terminal.type("app-id\n")
    terminal.wait_for("Client secret (not shown): ")
    terminal.type("\x04")
    terminal.wait_for("exist-async: client_secret is empty")

    assert terminal.running.wait(timeout=30) == 1


def test_ctrl_c_while_an_address_is_awaited_ends_at_once(
    no_browser: None, script: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal(script, "login", "--paste")
    terminal.wait_for("Paste it here: ")
    terminal.running.send_signal(signal.SIGINT)

    assert terminal.running.wait(timeout=30) == 130
    terminal.close()
    assert "Traceback" not in terminal.shown
