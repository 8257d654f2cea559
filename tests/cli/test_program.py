"""The program: help, errors, exit codes, and what is missing."""

import subprocess
import sys
from collections.abc import Callable

import pytest

from exist_async.cli.text import one_line
from exist_async.sandbox import Sandbox

BLOCKED = "import sys; sys.modules[{!r}] = None; sys.argv[1:] = {!r}; from exist_async.cli import main; main()"


def run_without(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    code = BLOCKED.format(module, list(arguments))
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)


def test_help_names_every_command(cli: Callable) -> None:
    ran = cli("--help")

    assert ran.code == 0
    commands = [line.split()[1] for line in ran.out.splitlines() if line.startswith("│ ") and line[2] != " "]
    assert commands == [
        "demo",
        "sandbox",
        "login",
        "logout",
        "whoami",
        "owned",
        "acquire",
        "release",
        "values",
        "history",
        "update",
        "increment",
        "--help",
        "--version",
    ]


def test_no_arguments_ask_for_help(cli: Callable) -> None:
    assert cli() == cli("--help")


def test_the_version_is_the_packages(cli: Callable) -> None:
    assert cli("--version") == (0, "exist-async 0.1.0\n", "")


@pytest.mark.slow
def test_help_loads_no_command() -> None:
    code = (
        "import sys; from exist_async.cli.program import run; run(['--help']); "
        "heavy = ('uvicorn', 'starlette', 'aiohttp', 'platformdirs', 'exist_async.sandbox', 'exist_async.cli.demo', "
        "'exist_async.cli.login', 'exist_async.cli.writing'); print(sys.modules.keys() & set(heavy))"
    )
    printed = subprocess.check_output([sys.executable, "-c", code], text=True)

    assert printed.splitlines()[-1] == "set()"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["acquire"], "give names, or - to read them from standard input, one a line"),
        (["release"], "give names, or - to read them from standard input, one a line"),
        (
            ["acquire", "steps", "-"],
            "- stands alone: give names, or - to read them from standard input, not both",
        ),
        (["history"], "history needs --start"),
        (["history", "--start"], "--start needs a value"),
        (["increment", "steps"], "increment needs VALUE"),
        (["owned", "--active"], "Unknown option: --active. Did you mean --inactive?"),
        (["sandbox", "--port", "70000"], 'Invalid value "70000" for --port. Must be <= 65535.'),
        (["values", "steps", "--days", "0"], 'Invalid value "0" for --days. Must be >= 1.'),
        (
            ["history", "--start", "2026-1-1"],
            'Invalid value "2026-1-1" for --start. Write a day as YYYY-MM-DD, or today, or yesterday.',
        ),
        (
            ["history", "--start", "2026-02-30"],
            'Invalid value "2026-02-30" for --start. Write a day as YYYY-MM-DD, or today, or yesterday.',
        ),
        (
            ["update", "values.csv", "-"],
            "- stands alone: give a file, or - to read standard input, not both",
        ),
        (["increment", "steps", "nan"], "'nan' is no number"),
        (["sandbox", "--rate-limit", "0"], 'Invalid value "0" for --rate-limit. Must be >= 1.'),
    ],
)
def test_a_command_line_that_makes_no_sense_is_one_line_and_code_2(
    cli: Callable, arguments: list[str], line: str
) -> None:
    assert cli(*arguments) == (2, "", f"exist-async: {line}\n")


@pytest.mark.parametrize("arguments", [["owned"], ["acquire", "steps"], ["release", "steps"], ["whoami"]])
def test_without_a_token_one_line_says_what_to_do(
    cli: Callable, monkeypatch: pytest.MonkeyPatch, arguments: list[str], url: str
) -> None:
    monkeypatch.delenv("EXIST_TOKEN")

    assert cli(*arguments) == (
        1,
        "",
        (
            f"exist-async: You are not signed in at {url}. Copy the access token from what exist-async "
            f"sandbox printed and export EXIST_TOKEN=your-access-token, or run: exist-async login --base-url {url}\n"
        ),
    )


def test_without_a_token_of_exist_itself_one_line_says_where_it_is(
    cli: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EXIST_TOKEN")

    assert cli("owned", "--base-url", "https://exist.io").err == (
        "exist-async: You are not signed in at https://exist.io. Copy the access token from your app's page "
        "(https://exist.io/account/apps/) and export EXIST_TOKEN=your-access-token, or run: exist-async login\n"
    )


def test_an_error_of_the_client_is_one_line_and_code_1(cli: Callable, sandbox: Sandbox) -> None:
    sandbox.fail_next(status=403, json={"detail": "Not\nyours"})

    assert cli("owned") == (
        1,
        "",
        (
            "exist-async: GET /api/2/attributes/owned/ was answered with 403: Not yours. The token lacks the scope for "
            "this, or is read-only: sign in again and ask for the scope.\n"
        ),
    )


def test_a_wrong_base_url_is_one_line(cli: Callable) -> None:
    ran = cli("owned", "--base-url", "http://exist.io")

    assert ran == (
        1,
        "",
        "exist-async: base_url 'http://exist.io' is plain http: the token would travel in the clear. Use https\n",
    )


def test_the_token_is_in_no_output(cli: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXIST_TOKEN", "not-for-others")
    refused = cli("acquire", "steps", "mood")
    monkeypatch.setenv("EXIST_TOKEN", "not for others")
    impossible = cli("owned")

    assert (refused.code, impossible.code) == (1, 1)
    assert "others" not in refused.out + refused.err + impossible.out + impossible.err


@pytest.mark.parametrize("module", ["cyclopts", "platformdirs", "rich"])
def test_without_the_extra_one_line_says_how_to_install_it(module: str) -> None:
    ran = run_without(module, "owned")

    assert ran.returncode == 1
    assert ran.stdout == ""
    assert ran.stderr == f'exist-async: the command line needs {module}: pip install "exist-async[cli]"\n'


@pytest.mark.slow
@pytest.mark.parametrize(("arguments", "what"), [("demo", "the demo"), ("sandbox", "the sandbox")])
def test_without_the_sandboxs_packages_one_line_says_how_to_install_them(arguments: str, what: str) -> None:
    ran = run_without("uvicorn", arguments)

    assert ran.returncode == 1
    assert ran.stdout == ""
    assert ran.stderr == f'exist-async: {what} needs uvicorn: pip install "exist-async[all]"\n'


@pytest.mark.slow
def test_what_is_missing_is_named_as_pip_names_it() -> None:
    ran = run_without("python_multipart", "sandbox")

    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == 'exist-async: the sandbox needs python-multipart: pip install "exist-async[all]"\n'


@pytest.mark.slow
def test_another_module_that_is_missing_is_no_matter_of_extras() -> None:
    ran = run_without("exist_async.cli.text", "owned")

    assert ran.returncode == 1
    assert "exist-async[" not in ran.stderr
    assert ran.stderr.splitlines()[-1].startswith("ModuleNotFoundError")


def test_text_of_others_cannot_break_a_line_or_command_the_terminal() -> None:
    assert one_line("a\tb\r\nc \x1b[31mred\x9b \u2028Café 👩‍👧\n") == "a b c  [31mred   Café 👩‍👧"


@pytest.mark.slow
def test_closed_streams_are_no_reason_to_fail(script: str, sandbox: Sandbox) -> None:
    def shell(command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["sh", "-c", command, script], capture_output=True, text=True, timeout=20)

    assert shell('"$0" acquire steps >&-').returncode == 0
    assert shell('"$0" --version >&-').returncode == 0
    closed = shell('"$0" acquire - <&-')
    assert (closed.returncode, closed.stderr) == (
        2,
        "exist-async: standard input is closed: there are no names to read\n",
    )
    closed = shell('"$0" update <&-')
    assert (closed.returncode, closed.stderr) == (
        2,
        "exist-async: standard input is closed: there are no values to read\n",
    )


@pytest.mark.slow
def test_a_label_that_the_terminal_cannot_show_is_shown_in_ascii(
    script: str, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.add_attribute(name="tea", label="Thé", service=sandbox.service)
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")

    assert "Th\\xe9" in subprocess.check_output([script, "owned"], text=True)


def test_white_space_around_the_token_is_no_part_of_it(
    cli: Callable, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXIST_TOKEN", f" {sandbox.token}\n")

    assert cli("owned").code == 0
