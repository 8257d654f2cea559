"""Signing in by pasting the address that a browser ended up at."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from exist_async.sandbox import Sandbox

pytestmark = pytest.mark.slow


class Pasting:
    """The command `login --paste`, up to where it reads."""

    def __init__(self, script: str) -> None:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.running = subprocess.Popen([script, "login", "--paste"], text=True, **pipes)
        self.told = ""
        while "copy that whole address" not in self.told.lower():
            line = self.running.stderr.readline()
            assert line, self.told
            self.told += line
        self.page = next(line.strip() for line in self.told.splitlines() if "/oauth2/authorize?" in line)

    def end(self, pasted: str) -> tuple[int, str, str]:
        out, err = self.running.communicate(pasted, timeout=30)
        return self.running.returncode, out, err


@pytest.fixture
def pasting(script: str, redirect_uri: str, monkeypatch: pytest.MonkeyPatch) -> Pasting:
    # Were it to open a browser or to listen after all, it would fail.
    monkeypatch.setenv("BROWSER", "false %s")
    return Pasting(script)


def test_the_address_that_the_browser_ended_up_at_signs_in(
    pasting: Pasting, sandbox: Sandbox, redirect_uri: str, token_file: Path, url: str
) -> None:
    address = sandbox.authorize(pasting.page)

    assert pasting.end(f"\n  {address}\n") == (0, f"Signed in as ada at {url}; token stored in {token_file}\n", "")
    assert redirect_uri in pasting.told


def test_a_bare_code_signs_in_too_with_nothing_to_compare(pasting: Pasting, sandbox: Sandbox) -> None:
    code = sandbox.authorize(pasting.page).partition("code=")[2].partition("&")[0]

    ended, _, err = pasting.end(code)

    assert (ended, err) == (
        0,
        "exist-async: no state came back to compare; it is taken for yours, since you have just begun this\n",
    )


def test_a_no_can_be_pasted_too(pasting: Pasting, sandbox: Sandbox, token_file: Path) -> None:
    ended = pasting.end(sandbox.deny(pasting.page))

    assert ended == (1, "", "exist-async: You said no. Nothing was stored.\n")
    assert not token_file.exists()


@pytest.mark.parametrize(
    ("pasted", "problem"),
    [
        ("", "It is empty."),
        ("no idea", "It is neither a URL nor a code."),
        ("x" * 201, "It is neither a URL nor a code."),
        ("{uri}?code=forged-code&state=forged", "It belongs to another attempt to sign in."),
        ("{page}", "It holds neither a code nor an error: it is not where signing in ends."),
    ],
)
def test_an_address_that_is_no_use_is_one_line(
    pasting: Pasting, redirect_uri: str, token_file: Path, pasted: str, problem: str
) -> None:
    ended = pasting.end(pasted.format(uri=redirect_uri, page=pasting.page))

    assert ended == (1, "", f"exist-async: That address can't be used: nothing was stored. {problem}\n")
    assert not token_file.exists()


def test_a_redirect_uri_that_leads_elsewhere_is_no_hindrance(
    cli: Callable, sandbox: Sandbox, redirect_uri: str, standard_input: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.add_service("web", "Web", client_id="web-id", client_secret="web-secret", redirect_uri="https://a.example/")
    monkeypatch.setenv("EXIST_CLIENT_ID", "web-id")
    monkeypatch.setenv("EXIST_CLIENT_SECRET", "web-secret")
    monkeypatch.setenv("EXIST_REDIRECT_URI", "https://a.example/")
    asked = "http://any/oauth2/authorize?response_type=code&scope=mood_read&client_id=web-id"
    standard_input(sandbox.authorize(f"{asked}&redirect_uri=https://a.example/").encode())

    assert cli("login", "--paste").code == 0
