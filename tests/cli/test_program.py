"""The program: help, errors, exit codes, and missing packages."""

import io
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stdout

import pytest

from exist_async.cli.output import one_line
from exist_async.cli.program import run
from exist_async.client import ExistClient
from exist_async.errors import ConfigurationError
from exist_async.sandbox import Sandbox

WITHOUT_MODULE = "import sys; sys.modules[{!r}] = None; sys.argv[1:] = {!r}; from exist_async.cli import main; main()"


def run_without(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    code = WITHOUT_MODULE.format(module, list(arguments))
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)


def test_the_help_lists_every_command(cli: Callable) -> None:
    result = cli("--help")

    assert result.code == 0
    commands = [line.split()[1] for line in result.out.splitlines() if line.startswith("│ ") and line[2] != " "]
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
        "mirror",
        "export",
        "show",
        "update",
        "increment",
        "--help",
        "--version",
    ]


def test_without_arguments_it_prints_the_help(cli: Callable) -> None:
    assert cli() == cli("--help")


def test_it_prints_the_version_of_the_package(cli: Callable) -> None:
    assert cli("--version") == (0, "exist-async 0.1.0\n", "")


def test_its_output_can_be_redirected_within_the_process() -> None:
    with redirect_stdout(io.StringIO()) as output:
        assert run(["--version"]) == 0

    assert output.getvalue() == "exist-async 0.1.0\n"


def test_the_help_imports_no_command() -> None:
    code = (
        "import sys; from exist_async.cli.program import run; run(['--help']); "
        "heavy = ('uvicorn', 'starlette', 'aiohttp', 'platformdirs', 'exist_async.sandbox', "
        "'exist_async.cli.write_command', 'exist_async.cli.commands.demo', 'exist_async.cli.commands.login'); "
        "print(sys.modules.keys() & set(heavy))"
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
            "- can't be combined with names: give names, or - to read them from standard input",
        ),
        (["history"], "history needs --start"),
        (["history", "--start"], "--start needs a value"),
        (["increment", "steps"], "increment needs VALUE"),
        (["owned", "--active"], "Unknown option: --active. Did you mean --inactive?"),
        (["sandbox", "--port", "70000"], 'Invalid value "70000" for --port. Must be <= 65535.'),
        (["values", "steps", "--days", "0"], 'Invalid value "0" for --days. Must be >= 1.'),
        (
            ["history", "--start", "2026-1-1"],
            'Invalid value "2026-1-1" for --start. Write a day as YYYY-MM-DD, today or yesterday.',
        ),
        (
            ["history", "--start", "2026-02-30"],
            'Invalid value "2026-02-30" for --start. Write a day as YYYY-MM-DD, today or yesterday.',
        ),
        (
            ["update", "values.csv", "-"],
            "- can't be combined with a file: give a file, or - to read standard input",
        ),
        (["increment", "steps", "nan"], "'nan' is not a number"),
        (["sandbox", "--rate-limit", "0"], 'Invalid value "0" for --rate-limit. Must be >= 1.'),
    ],
)
def test_an_invalid_command_line_is_reported_in_one_line_with_exit_code_2(
    cli: Callable, arguments: list[str], line: str
) -> None:
    assert cli(*arguments) == (2, "", f"exist-async: {line}\n")


@pytest.mark.parametrize("arguments", [["owned"], ["acquire", "steps"], ["release", "steps"], ["whoami"]])
def test_without_a_token_one_line_names_the_remedy(
    cli: Callable, monkeypatch: pytest.MonkeyPatch, arguments: list[str], url: str
) -> None:
    monkeypatch.delenv("EXIST_TOKEN")

    assert cli(*arguments) == (
        1,
        "",
        (
            f"exist-async: You are not signed in at {url}. Copy the access token from the output of exist-async "
            "sandbox and export EXIST_TOKEN=your-access-token, or run: exist-async login --base-url "
            f"{url}\n"
        ),
    )


def test_without_a_token_for_exist_itself_one_line_contains_the_apps_page(
    cli: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EXIST_TOKEN")

    assert cli("owned", "--base-url", "https://exist.io").err == (
        "exist-async: You are not signed in at https://exist.io. Copy the access token from your app's page "
        "(https://exist.io/account/apps/) and export EXIST_TOKEN=your-access-token, or run: exist-async login\n"
    )


def test_an_error_of_the_client_is_printed_in_one_line_with_exit_code_1(cli: Callable, sandbox: Sandbox) -> None:
    sandbox.fail_next(status=403, json={"detail": "Not\nyours"})

    result = cli("owned")

    assert (result.code, result.out, result.err.count("\n")) == (1, "", 1)
    assert result.err.startswith("exist-async: ")
    assert all(part in result.err for part in ("GET /api/2/attributes/owned/", "403", "Not yours", "scope"))


def test_a_base_url_without_tls_is_reported_in_one_line(cli: Callable) -> None:
    with pytest.raises(ConfigurationError) as error:
        ExistClient("a-token", base_url="http://exist.io")

    message = str(error.value).replace("base_url", "--base-url (or EXIST_BASE_URL)")
    assert cli("owned", "--base-url", "http://exist.io") == (1, "", f"exist-async: {message}\n")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["history", "--start", "today", "--attribute", ""], "--attribute is empty"),
        (["history", "--start", "today", "--group", ""], "--group is empty"),
        (["sandbox", "--redirect-uri", "nope"], "--redirect-uri must be an absolute URL"),
        (["owned", "--base-url", "nope"], "--base-url (or EXIST_BASE_URL) must be an origin"),
    ],
)
def test_a_wrong_argument_is_called_as_at_the_command_line(cli: Callable, arguments: list[str], line: str) -> None:
    assert f"exist-async: {line}" in cli(*arguments).err


def test_a_wrong_setting_of_the_app_is_called_as_at_the_command_line(
    cli: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXIST_CLIENT_ID", "an id")
    monkeypatch.setenv("EXIST_CLIENT_SECRET", "secret")

    assert cli("login").err.startswith("exist-async: the client ID contains a space")


@pytest.mark.parametrize("value", ["{url}/", " {url}\n", "{url}/\r\n"])
def test_the_base_url_of_the_environment_is_read_as_in_python(
    cli: Callable, monkeypatch: pytest.MonkeyPatch, url: str, value: str
) -> None:
    monkeypatch.setenv("EXIST_BASE_URL", value.format(url=url))

    result = cli("whoami")

    assert (result.code, result.err) == (0, "")
    assert f"Service\t{url}\n" in result.out
    assert cli("whoami", "--base-url", f"{url}/") == result


@pytest.mark.parametrize("value", ["exist.io", "http://exist.io", "https://ada:hunter2@exist.io"])
def test_a_wrong_base_url_in_the_environment_is_named_by_its_variable(
    cli: Callable, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("EXIST_BASE_URL", value)

    result = cli("whoami")

    assert (result.code, result.out, result.err.count("\n")) == (1, "", 1)
    assert result.err.startswith("exist-async: --base-url (or EXIST_BASE_URL) ")
    assert result.err.count("EXIST_BASE_URL") == 1
    assert "hunter2" not in result.err


@pytest.mark.parametrize("value", ["", " "])
def test_a_blank_base_url_is_none_in_the_environment_and_wrong_as_an_option(
    cli: Callable, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.delenv("EXIST_TOKEN")
    monkeypatch.setenv("EXIST_BASE_URL", value)

    assert "not signed in at https://exist.io" in cli("whoami").err
    assert cli("whoami", "--base-url", value).err.startswith("exist-async: --base-url (or EXIST_BASE_URL) is not")


def test_the_token_is_never_printed(cli: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXIST_TOKEN", "not-for-others")
    refused = cli("acquire", "steps", "mood")
    monkeypatch.setenv("EXIST_TOKEN", "not for others")
    invalid = cli("owned")

    assert (refused.code, invalid.code) == (1, 1)
    assert "others" not in refused.out + refused.err + invalid.out + invalid.err


@pytest.mark.parametrize("module", ["cyclopts", "platformdirs", "rich"])
def test_without_the_extra_cli_one_line_contains_the_command_that_installs_it(module: str) -> None:
    result = run_without(module, "owned")

    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr == f'exist-async: the command line needs {module}: pip install "exist-async[cli]"\n'


@pytest.mark.parametrize(("command", "feature"), [("demo", "the demo"), ("sandbox", "the sandbox")])
def test_without_the_sandboxs_packages_one_line_contains_the_command_that_installs_them(
    command: str, feature: str
) -> None:
    result = run_without("uvicorn", command)

    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr == f'exist-async: {feature} needs uvicorn: pip install "exist-async[all]"\n'


def test_a_missing_package_is_named_as_pip_names_it() -> None:
    result = run_without("python_multipart", "sandbox")

    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == 'exist-async: the sandbox needs python-multipart: pip install "exist-async[all]"\n'


def test_another_missing_module_is_not_reported_as_a_missing_extra() -> None:
    result = run_without("exist_async.cli.output", "owned")

    assert result.returncode == 1
    assert "exist-async[" not in result.stderr
    assert result.stderr.splitlines()[-1].startswith("ModuleNotFoundError")


def test_printed_text_is_one_line_in_which_unsafe_characters_are_escaped() -> None:
    assert one_line("a\tb\r\nc \x1b[31mred\x9b \u2028Café 👩‍👧\n") == r"a b c \x1b[31mred\x9b  Café 👩‍👧"
    assert one_line("\x00\x07\x7f\u202egnp.exe\u2066\u200b\ufeff\u200e") == (
        r"\x00\x07\x7f\u202egnp.exe\u2066\u200b\ufeff\u200e"
    )


@pytest.mark.slow
def test_closed_standard_streams_are_not_an_error_unless_they_are_needed(script: str, sandbox: Sandbox) -> None:
    def shell(command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["sh", "-c", command, script], capture_output=True, text=True, timeout=20)

    assert shell('"$0" acquire steps >&-').returncode == 0
    assert shell('"$0" --version >&-').returncode == 0
    closed = shell('"$0" acquire - <&-')
    assert (closed.returncode, closed.stderr) == (
        2,
        "exist-async: standard input is closed: no names can be read from it\n",
    )
    closed = shell('"$0" update <&-')
    assert (closed.returncode, closed.stderr) == (
        2,
        "exist-async: standard input is closed: no values can be read from it\n",
    )


def test_characters_that_the_terminal_cannot_show_are_escaped(
    script: str, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.add_attribute(name="tea", label="Thé", service=sandbox.service)
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")

    assert "Th\\xe9" in subprocess.check_output([script, "owned"], text=True)


def test_white_space_around_the_token_is_ignored(
    cli: Callable, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXIST_TOKEN", f" {sandbox.token}\n")

    assert cli("owned").code == 0
