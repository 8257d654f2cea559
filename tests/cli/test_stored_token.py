"""The stored token: use, renewal and expiry, and the commands `whoami` and `logout`."""

import datetime as dt
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from exist_async.sandbox import Sandbox


@pytest.fixture
def logged_in(login: Callable, sandbox: Sandbox) -> None:
    """A user has signed in."""
    assert login().code == 0
    sandbox.reset_requests()


@pytest.fixture
def without_app(logged_in: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The app is no longer in the environment."""
    monkeypatch.delenv("EXIST_CLIENT_ID")
    monkeypatch.delenv("EXIST_CLIENT_SECRET")


def requested_paths(sandbox: Sandbox) -> list[str]:
    return [request.path for request in sandbox.requests]


def test_commands_use_the_stored_token_without_further_requests(
    without_app: None, cli: Callable, sandbox: Sandbox
) -> None:
    assert cli("acquire", "steps").code == 0
    listings = ["/api/2/attributes/", "/api/2/attributes/owned/"]
    assert requested_paths(sandbox) == [*listings, "/api/2/attributes/acquire/"]


def test_a_token_in_the_environment_takes_precedence(
    logged_in: None, cli: Callable, monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    monkeypatch.setenv("EXIST_TOKEN", sandbox.issue_token(sandbox.add_user("bob")))

    assert cli("whoami").out.splitlines()[0] == "Username\tbob"
    assert cli("whoami").out.splitlines()[-1] == "Signed in by\tEXIST_TOKEN"


def test_the_token_is_not_sent_to_another_service(logged_in: None, cli: Callable, sandbox: Sandbox, url: str) -> None:
    other = url.replace("127.0.0.1", "localhost")

    assert cli("owned", "--base-url", other) == (
        1,
        "",
        (
            f"exist-async: You are not signed in at {other}. Copy the access token from the output of exist-async "
            "sandbox and export EXIST_TOKEN=your-access-token, or run: exist-async login --base-url "
            f"{other}\n"
        ),
    )
    assert sandbox.requests == []


def test_another_spelling_of_an_origin_is_the_same_service(
    logged_in: None, cli: Callable, stored: Callable, token_file: Path, url: str
) -> None:
    token_file.write_text(json.dumps({"users": {"https://exist.io": stored()[url]}}))

    assert cli("logout", "--base-url", "https://EXIST.io:443").out.startswith("Signed out: ")


def test_an_expired_token_is_renewed_if_the_app_is_known(
    logged_in: None, cli: Callable, sandbox: Sandbox, stored: Callable, url: str
) -> None:
    before = stored()[url]
    sandbox.expire_tokens()

    result = cli("owned")

    assert result == (0, "", "")
    assert requested_paths(sandbox) == ["/api/2/attributes/owned/", "/oauth2/access_token", "/api/2/attributes/owned/"]
    assert stored()[url]["access_token"] != before["access_token"]
    assert stored()[url]["refresh_token"] != before["refresh_token"]
    assert cli("owned").code == 0


def test_an_expired_token_without_the_app_is_reported_with_the_remedy(
    without_app: None, cli: Callable, sandbox: Sandbox, url: str
) -> None:
    sandbox.expire_tokens()

    result = cli("owned")

    assert (result.code, result.out, result.err.count("\n")) == (1, "", 1)
    assert result.err.startswith("exist-async: ")
    assert all(part in result.err for part in ("GET /api/2/attributes/owned/", "401", "Invalid token."))
    assert result.err.endswith(
        " Set EXIST_CLIENT_ID and EXIST_CLIENT_SECRET to have it renewed, or sign in again: "
        f"exist-async login --base-url {url}\n"
    )


def test_a_token_that_cannot_be_renewed_is_reported_with_the_command_to_sign_in_again(
    logged_in: None, cli: Callable, sandbox: Sandbox, token_file: Path, tmp_path: Path, url: str
) -> None:
    shutil.copy(token_file, tmp_path / "old")
    sandbox.expire_tokens()
    cli("owned")
    shutil.copy(tmp_path / "old", token_file)

    assert cli("owned") == (
        1,
        "",
        (f"exist-async: The stored token can't be renewed. Sign in again: exist-async login --base-url {url}\n"),
    )


def test_a_refused_token_from_the_environment_is_reported_as_such(
    cli: Callable, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("EXIST_TOKEN", "wrong-token")

    result = cli("acquire", "steps")

    assert result.code == 1
    assert result.err.endswith(
        "The token comes from EXIST_TOKEN: copy it again from the output of exist-async sandbox, or unset EXIST_TOKEN "
        f"and run: exist-async login --base-url {url}\n"
    )


def test_a_token_that_expires_during_a_write_is_reported_with_the_same_remedy(
    without_app: None, cli: Callable, sandbox: Sandbox, url: str
) -> None:
    names = [sandbox.add_attribute(name=f"tag_{number}").name for number in range(70)]
    sandbox.fail_next(status=401, json={"detail": "Expired"}, path="attributes/acquire/", skip=1)

    result = cli("acquire", "--by-name", *names)

    assert result.code == 1
    assert result.out.split()[-4:] == ["acquired", "35", "refused", "35"]
    assert result.err.endswith(f"or sign in again: exist-async login --base-url {url}\n")


def test_whoami_prints_the_user_the_service_and_the_scopes_of_the_token(
    without_app: None, cli: Callable, token_file: Path, stored: Callable, url: str
) -> None:
    expires = dt.datetime.fromisoformat(stored()[url]["expires_at"]).astimezone()

    assert cli("whoami") == (
        0,
        (
            "Username\tada\n"
            "Name\tAda Example\n"
            "Time zone\tAustralia/Melbourne\n"
            "Local time\t2026-11-21 07:00\n"
            f"Service\t{url}\n"
            f"Signed in by\tthe token in {token_file}\n"
            "Scopes\tall\n"
            f"Expires\t{expires:%Y-%m-%d %H:%M %Z}\n"
        ),
        "",
    )


def test_whoami_lists_the_scopes_unless_they_are_all(login: Callable, cli: Callable, token_file: Path) -> None:
    login("--scope", "mood_write,mood_read")

    lines = cli("whoami").out.splitlines()

    assert f"Signed in by\tthe token in {token_file}, renewed with EXIST_CLIENT_ID and EXIST_CLIENT_SECRET" in lines
    assert "Scopes\tmood_read, mood_write" in lines


def test_whoami_in_a_terminal_prints_a_table(without_app: None, at_terminal: Callable) -> None:
    lines = at_terminal("whoami").out.splitlines()

    assert lines[0].split() == ["Username", "ada"]
    assert lines[1].split() == ["Name", "Ada", "Example"]


def test_logout_deletes_the_token_and_reports_that_it_remains_valid(
    logged_in: None, cli: Callable, stored: Callable, token_file: Path, url: str
) -> None:
    assert cli("logout") == (
        0,
        (
            f"Signed out: the token of {url} was deleted from {token_file}\n"
            "The service was not notified: it accepts the token until it expires\n"
        ),
        "",
    )
    assert stored() == {}
    assert cli("logout") == (0, f"You are not signed in at {url}: there is no token to delete\n", "")
    assert cli("owned").code == 1


def test_logout_from_exist_prints_where_to_revoke_the_access(
    logged_in: None, cli: Callable, stored: Callable, token_file: Path, url: str
) -> None:
    token_file.write_text(json.dumps({"users": {"https://exist.io": stored()[url], url: stored()[url]}}))

    result = cli("logout", "--base-url", "https://exist.io")

    assert result.out.splitlines()[-1] == (
        "The service was not notified: it accepts the token until it expires, unless you revoke the app's access at "
        "https://exist.io/account/apps/"
    )
    assert set(stored()) == {url}


def test_logout_warns_about_a_token_in_the_environment(
    logged_in: None, cli: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXIST_TOKEN", "another-token")

    assert cli("logout").err == "exist-async: EXIST_TOKEN is still set, and the commands use it\n"


def test_a_token_file_that_others_can_read_is_reported(logged_in: None, cli: Callable, token_file: Path) -> None:
    token_file.chmod(0o644)

    result = cli("owned")

    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("exist-async: ")
    assert str(token_file) in result.err
    assert "other users" in result.err


@pytest.mark.parametrize("base_url", ["exist.io", "http://[::1", "https://user:pass-word"])
def test_an_invalid_url_is_reported_without_quoting_it(cli: Callable, redirect_uri: str, base_url: str) -> None:
    assert cli("owned", "--base-url", base_url) == (
        1,
        "",
        "exist-async: --base-url (or EXIST_BASE_URL) is not a valid URL: write an origin, such as https://exist.io\n",
    )


def test_an_invalid_url_is_reported_with_a_token_in_the_environment_too(cli: Callable) -> None:
    assert cli("owned", "--base-url", "http://[::1") == (
        1,
        "",
        "exist-async: --base-url (or EXIST_BASE_URL) is not a valid URL: give an origin like 'https://exist.io'\n",
    )


def test_a_password_in_a_url_is_not_printed(cli: Callable, redirect_uri: str) -> None:
    result = cli("logout", "--base-url", "https://user:pass-word@exist.io")

    assert result.out == "You are not signed in at https://exist.io: there is no token to delete\n"
