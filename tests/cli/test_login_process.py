"""Signing in with the program as a process, a browser from BROWSER, and a terminal."""

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from exist_async.sandbox import Sandbox

pytestmark = pytest.mark.slow

# Submits the form of the page with the button Allow, and follows the redirect.
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
    response = client.post(action, data={**fields, "decision": "allow"})
    assert "Signed in" in response.text
"""


@pytest.fixture
def browser_of_environment(tmp_path: Path, redirect_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "browser.py"
    program.write_text(BROWSER)
    monkeypatch.setenv("BROWSER", f"{sys.executable} {program} %s")


@pytest.fixture
def no_browser(redirect_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROWSER", "true %s")


def test_signing_in_using_the_token_and_signing_out(
    browser_of_environment: None, script: str, sandbox: Sandbox, stored: Callable, token_file: Path, url: str
) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([script, *arguments], capture_output=True, text=True, timeout=60)

    login = run("login")
    secrets = [stored()[url]["access_token"], stored()[url]["refresh_token"], "app-secret"]
    results = [login, run("whoami"), run("acquire", "steps"), run("owned"), run("logout"), run("owned")]

    assert [result.returncode for result in results] == [0, 0, 0, 0, 0, 1]
    assert login.stdout == f"Signed in as ada at {url}; token stored in {token_file}\n"
    assert results[3].stdout.startswith("steps\t")
    assert stored() == {}
    for result in results:
        for secret in secrets:
            assert secret not in result.stdout + result.stderr


def test_ctrl_c_while_the_browser_is_awaited_ends_it_without_a_traceback(
    no_browser: None, start: Callable, redirect_uri: str
) -> None:
    running = start("login", text=True)
    instructions = ""
    while "Waiting for the browser" not in instructions:
        line = running.stderr.readline()
        assert line, instructions
        instructions += line
    running.send_signal(signal.SIGINT)

    assert running.wait(timeout=30) == 130
    assert running.stdout.read() + running.stderr.read() == ""


@pytest.fixture
def terminal(no_browser: None, open_terminal: Callable, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A terminal in which `login --paste` prompts for the client secret."""
    monkeypatch.delenv("EXIST_CLIENT_ID")
    monkeypatch.delenv("EXIST_CLIENT_SECRET")
    terminal = open_terminal("login", "--paste")
    terminal.read_until("Client ID: ")
    terminal.type("app-id\n")
    terminal.read_until(r"Client secret \(not shown\): ")
    return terminal


def enter_secret(terminal) -> str:
    """Enter the client secret, and return the URL of the authorisation page."""
    terminal.type("app-secret\n")
    terminal.read_until("Paste the address here: ")
    return next(line.strip() for line in terminal.screen.splitlines() if "/oauth2/authorize?" in line)


def test_in_a_terminal_it_prompts_for_the_app_and_does_not_show_the_secret(
    terminal, sandbox: Sandbox, url: str
) -> None:
    page = enter_secret(terminal)
    terminal.type(sandbox.authorize(page) + "\n")
    terminal.read_until(f"Signed in as ada at {re.escape(url)}; ")

    assert terminal.process.wait(timeout=30) == 0
    assert terminal.screen.startswith(
        "Copy the client ID and the client secret from the output of exist-async sandbox."
    )
    assert "app-secret" not in terminal.screen


def test_after_an_unusable_address_it_prompts_again(terminal, sandbox: Sandbox, url: str) -> None:
    page = enter_secret(terminal)
    for pasted, problem in (
        ("", "It is empty."),
        ("what do I paste?", "It contains neither a code nor an error: it is not the address that signing in ends at."),
        ("no idea", "It is neither a URL nor a code."),
        ("x" * 201, "It is neither a URL nor a code."),
    ):
        terminal.screen = ""
        terminal.type(f"{pasted}\n")
        terminal.read_until("Paste the address here: ")
        assert f"exist-async: This address can't be used. {problem}\r\n" in terminal.screen
    terminal.type(sandbox.authorize(page) + "\n")
    terminal.read_until(f"Signed in as ada at {re.escape(url)}; ")

    assert terminal.process.wait(timeout=30) == 0


@pytest.fixture
def visit(redirect_uri: str) -> Iterator[Callable[[str], Future[httpx.Response]]]:
    """Open an address in a browser, in the background."""
    with ThreadPoolExecutor() as browsers:
        yield lambda address: browsers.submit(httpx.get, address, trust_env=False, timeout=30)


def open_login(open_terminal: Callable, *arguments: str, until: str) -> tuple[Any, str]:
    """Start `login` in a terminal, and return it and the URL of the authorisation page."""
    terminal = open_terminal("login", *arguments)
    terminal.read_until(until)
    return terminal, next(line.strip() for line in terminal.screen.splitlines() if "/oauth2/authorize?" in line)


def without_state(address: str) -> str:
    return address.partition("&state=")[0]


def test_in_a_terminal_a_code_of_somebody_else_is_shown_and_refused_and_the_browser_still_awaited(
    no_browser: None, open_terminal: Callable, sandbox: Sandbox, visit: Callable, stored: Callable, url: str
) -> None:
    terminal, page = open_login(open_terminal, until="Waiting for the browser")
    forged = visit(without_state(sandbox.authorize(page, sandbox.add_user("mallory"))))
    terminal.read_until(r"(?s)signs you in as mallory at .*Is that your account\? \[y/N\] ")
    terminal.type("\n")
    terminal.read_until("(?s)did not confirm that mallory is you. .*Still waiting for the browser")
    assert "<h1>Not signed in</h1>" in forged.result().text
    assert stored() == {}

    visit(sandbox.authorize(page))
    terminal.read_until("Signed in as ada at ")

    assert terminal.process.wait(timeout=30) == 0
    assert set(stored()) == {url}


def test_in_a_terminal_an_invalid_code_without_the_state_does_not_end_the_waiting(
    no_browser: None, open_terminal: Callable, sandbox: Sandbox, visit: Callable, redirect_uri: str
) -> None:
    terminal, page = open_login(open_terminal, until="Waiting for the browser")
    visit(f"{redirect_uri}?code=forged-code")
    terminal.read_until("(?s)invalid_grant.*Still waiting for the browser")

    visit(sandbox.authorize(page))
    terminal.read_until("Signed in as ada at ")

    assert terminal.process.wait(timeout=30) == 0


def test_in_a_terminal_the_user_can_confirm_an_account_if_the_service_returns_no_state(
    no_browser: None, open_terminal: Callable, sandbox: Sandbox, visit: Callable
) -> None:
    sandbox.passes_state = False
    terminal, page = open_login(open_terminal, until="Waiting for the browser")
    returned = visit(sandbox.authorize(page))
    terminal.read_until(r"(?s)signs you in as ada at .*\[y/N\] ")
    terminal.type("y\n")
    terminal.read_until("Signed in as ada at ")

    assert terminal.process.wait(timeout=30) == 0
    assert "<h1>Signed in</h1>" in returned.result().text


def test_in_a_terminal_an_account_without_a_name_is_refused_if_the_service_returns_no_state(
    no_browser: None, open_terminal: Callable, sandbox: Sandbox, stored: Callable
) -> None:
    terminal, page = open_login(open_terminal, "--paste", until="Paste the address here: ")
    terminal.type(without_state(sandbox.authorize(page, sandbox.add_user(""))).partition("code=")[2] + "\n")
    terminal.read_until("has no username by which you could check. Nothing was stored.")

    assert terminal.process.wait(timeout=30) == 1
    assert stored() == {}


@pytest.mark.parametrize(("answer", "exit_code"), [("yes", 0), ("no", 1)])
def test_in_a_terminal_the_account_of_a_pasted_code_is_confirmed(
    no_browser: None, open_terminal: Callable, sandbox: Sandbox, stored: Callable, answer: str, exit_code: int
) -> None:
    terminal, page = open_login(open_terminal, "--paste", until="Paste the address here: ")
    terminal.type(without_state(sandbox.authorize(page)).partition("code=")[2] + "\n")
    terminal.read_until(r"(?s)signs you in as ada at .*\[y/N\] ")
    terminal.type(f"{answer}\n")

    terminal.read_to_end()
    assert terminal.process.wait(timeout=30) == exit_code
    assert bool(stored()) is (exit_code == 0)


def test_ctrl_c_at_the_hidden_prompt_restores_the_terminal(terminal) -> None:
    assert not terminal.echoes
    terminal.process.send_signal(signal.SIGINT)

    assert terminal.process.wait(timeout=30) == 130
    assert terminal.echoes


def test_the_end_of_input_at_a_prompt_is_reported_in_one_line(terminal) -> None:
    terminal.type("\x04")
    terminal.read_until("exist-async: the client secret .*empty")

    assert terminal.process.wait(timeout=30) == 1


def test_ctrl_c_while_an_address_is_awaited_ends_it_at_once(no_browser: None, open_terminal: Callable) -> None:
    terminal = open_terminal("login", "--paste")
    terminal.read_until("Paste the address here: ")
    terminal.process.send_signal(signal.SIGINT)

    assert terminal.read_to_end() == 130
    assert "Traceback" not in terminal.screen
