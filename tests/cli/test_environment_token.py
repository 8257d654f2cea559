"""The token in EXIST_TOKEN, personal or simple, and users without a home directory."""

import pwd
from collections.abc import Callable

import pytest

from exist_async.sandbox import Sandbox


@pytest.fixture
def no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of a user without a home directory, as in a container with a user ID of its own."""

    def unknown_user(number: int) -> None:
        raise KeyError(number)

    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name)
    monkeypatch.setattr(pwd, "getpwuid", unknown_user)


@pytest.mark.parametrize("form", ["{}", "Token {}", "token   {}", " {}\n"])
def test_a_simple_token_reads(cli: Callable, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    sandbox.add_attribute(template="mood")
    monkeypatch.setenv("EXIST_TOKEN", form.format(sandbox.issue_simple_token()))

    assert cli("values", "mood") == (0, "", "")


@pytest.mark.parametrize("form", ["Bearer {}", "bearer {}"])
def test_the_kind_of_a_personal_token_may_be_given(
    cli: Callable, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setenv("EXIST_TOKEN", form.format(sandbox.token))

    assert cli("acquire", "mood").code == 0
    assert [request.status for request in sandbox.requests] == [200, 200, 200]


def test_the_kind_of_a_token_is_found_out_once(
    cli: Callable, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.fail_next(status=503)
    monkeypatch.setenv("EXIST_TOKEN", sandbox.issue_simple_token())

    assert cli("history", "--start", "2026-01-01", "--format", "table").code == 0
    statuses = [request.status for request in sandbox.requests]
    assert statuses[:2] == [503, 401]
    assert statuses[2:] == [200] * (len(statuses) - 2)


def test_a_simple_token_that_should_write_is_reported_as_read_only(
    cli: Callable, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXIST_TOKEN", sandbox.issue_simple_token())

    result = cli("acquire", "mood")

    assert result.code == 1
    assert "read-only" in result.err


def test_a_token_of_neither_kind_is_reported_with_the_remedy(
    cli: Callable, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXIST_TOKEN", "no-such-token")

    result = cli("owned")

    assert (result.code, result.err.count("\n")) == (1, 1)
    assert "copy it again from the output of exist-async sandbox" in result.err
    assert "no-such-token" not in result.err


@pytest.mark.parametrize("token", ["Bearer", "Token ", "Basic abcdef", "Token a b"])
def test_a_token_that_cannot_be_one_is_reported_without_it(
    cli: Callable, monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, token: str
) -> None:
    monkeypatch.setenv("EXIST_TOKEN", token)

    result = cli("owned")

    assert result.code == 1
    assert result.err.startswith("exist-async: EXIST_TOKEN: the token ")
    assert "abcdef" not in result.err


@pytest.mark.parametrize("arguments", [["whoami"], ["logout"], ["acquire", "steps"]])
def test_without_a_home_directory_one_line_says_what_to_set(
    cli: Callable, no_home: None, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.delenv("EXIST_TOKEN")

    assert cli(*arguments) == (
        1,
        "",
        (
            "exist-async: This user has no home directory for the token that login stores: export "
            "EXIST_TOKEN=your-access-token, or set HOME or XDG_CONFIG_HOME to an absolute path\n"
        ),
    )


def test_without_a_home_directory_a_token_in_the_environment_is_used(cli: Callable, no_home: None) -> None:
    assert cli("whoami").code == 0
