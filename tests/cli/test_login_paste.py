"""The command `login --paste`: the address that a browser was redirected to is pasted."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from exist_async.sandbox import Sandbox

pytestmark = pytest.mark.slow


class PastedLogin:
    """The command `login --paste`, waiting for an address.

    Attributes:
        instructions: Text that it printed.
        page: URL of the authorisation page.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.instructions = ""
        while "Copy the whole address" not in self.instructions:
            line = process.stderr.readline()
            assert line, self.instructions
            self.instructions += line
        self.page = next(line.strip() for line in self.instructions.splitlines() if "/oauth2/authorize?" in line)

    def paste(self, text: str) -> tuple[int, str, str]:
        """Send a text to its standard input, and return exit code, output and errors."""
        out, err = self._process.communicate(text, timeout=30)
        return self._process.returncode, out, err


@pytest.fixture
def pasted_login(start: Callable, redirect_uri: str, monkeypatch: pytest.MonkeyPatch) -> PastedLogin:
    # Opening a browser would fail.
    monkeypatch.setenv("BROWSER", "false %s")
    return PastedLogin(start("login", "--paste", text=True))


def test_the_address_that_the_browser_was_redirected_to_signs_in(
    pasted_login: PastedLogin, sandbox: Sandbox, redirect_uri: str, token_file: Path, url: str
) -> None:
    address = sandbox.authorize(pasted_login.page)

    assert pasted_login.paste(f"\n  {address}\n") == (
        0,
        f"Signed in as ada at {url}; token stored in {token_file}\n",
        "",
    )
    assert redirect_uri in pasted_login.instructions


@pytest.mark.parametrize("pasted", ["{code}", "http://localhost/?code={code}"])
def test_without_a_terminal_a_code_without_the_state_is_refused(
    pasted_login: PastedLogin, sandbox: Sandbox, token_file: Path, pasted: str
) -> None:
    code = sandbox.authorize(pasted_login.page).partition("code=")[2].partition("&")[0]

    exit_code, out, err = pasted_login.paste(pasted.format(code=code))

    assert (exit_code, out) == (1, "")
    assert "The address contains no state" in err
    assert "Give the whole address if you gave only its code." in err
    assert not token_file.exists()


def test_the_address_after_denying_access_stores_nothing(
    pasted_login: PastedLogin, sandbox: Sandbox, token_file: Path
) -> None:
    result = pasted_login.paste(sandbox.deny(pasted_login.page))

    assert result == (1, "", "exist-async: You denied access. Nothing was stored.\n")
    assert not token_file.exists()


@pytest.mark.parametrize(
    ("pasted", "problem"),
    [
        ("", "It is empty."),
        ("no idea", "It is neither a URL nor a code."),
        ("x" * 201, "It is neither a URL nor a code."),
        ("{uri}?code=forged-code&state=forged", "It belongs to another attempt to sign in."),
        ("{page}", "It contains neither a code nor an error: it is not the address that signing in ends at."),
    ],
)
def test_an_unusable_address_is_reported_in_one_line(
    pasted_login: PastedLogin, redirect_uri: str, token_file: Path, pasted: str, problem: str
) -> None:
    result = pasted_login.paste(pasted.format(uri=redirect_uri, page=pasted_login.page))

    assert result == (1, "", f"exist-async: This address can't be used; nothing was stored. {problem}\n")
    assert not token_file.exists()


def test_a_redirect_uri_of_another_machine_can_be_used(
    start: Callable, sandbox: Sandbox, redirect_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.add_service("web", "Web", client_id="web-id", client_secret="web-secret", redirect_uri="https://a.example/")
    monkeypatch.setenv("EXIST_CLIENT_ID", "web-id")
    monkeypatch.setenv("EXIST_CLIENT_SECRET", "web-secret")
    monkeypatch.setenv("EXIST_REDIRECT_URI", "https://a.example/")
    pasted_login = PastedLogin(start("login", "--paste", text=True))

    assert pasted_login.paste(sandbox.authorize(pasted_login.page))[0] == 0
