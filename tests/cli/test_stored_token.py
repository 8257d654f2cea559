"""What the commands do with the token that signing in left behind: `whoami`, `logout`, renewal, and its end."""

import datetime as dt
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from exist_async.sandbox import Sandbox


@pytest.fixture
def logged_in(login: Callable, sandbox: Sandbox) -> None:
    """Somebody signed in before."""
    assert login().code == 0
    sandbox.reset_requests()


@pytest.fixture
def without_app(logged_in: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment holds no app any more."""
    monkeypatch.delenv("EXIST_CLIENT_ID")
    monkeypatch.delenv("EXIST_CLIENT_SECRET")


def paths(sandbox: Sandbox) -> list[str]:
    return [request.path for request in sandbox.requests]


def test_commands_work_with_it_and_ask_for_nothing_else(without_app: None, cli: Callable, sandbox: Sandbox) -> None:
    assert cli("acquire", "steps").code == 0
    assert paths(sandbox) == ["/api/2/attributes/acquire/"]


def test_the_token_of_the_environment_goes_first(
    logged_in: None, cli: Callable, monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    monkeypatch.setenv("EXIST_TOKEN", sandbox.issue_token(sandbox.add_user("bob")))

    assert cli("whoami").out.splitlines()[0] == "Username\tbob"
    assert cli("whoami").out.splitlines()[-1] == "Signed in by\tEXIST_TOKEN"


def test_it_is_sent_to_no_other_service(logged_in: None, cli: Callable, sandbox: Sandbox, url: str) -> None:
    other = url.replace("127.0.0.1", "localhost")

    assert cli("owned", "--base-url", other) == (
        1,
        "",
        (
            f"exist-async: You are not signed in at {other}. Copy the access token from what exist-async "
            f"sandbox printed and export EXIST_TOKEN=your-access-token, or run: exist-async login --base-url {other}\n"
        ),
    )
    assert sandbox.requests == []


def test_an_origin_that_is_written_in_another_way_is_the_same_service(
    logged_in: None, cli: Callable, stored: Callable, token_file: Path, url: str
) -> None:
    token_file.write_text(json.dumps({"users": {"https://exist.io": stored()[url]}}))

    assert cli("logout", "--base-url", "https://EXIST.io:443").out.startswith("Signed out: ")


def test_it_is_renewed_when_it_has_ended_and_the_app_is_known(
    logged_in: None, cli: Callable, sandbox: Sandbox, stored: Callable, url: str
) -> None:
    before = stored()[url]
    sandbox.expire_tokens()

    ran = cli("owned")

    assert ran == (0, "", "")
    assert paths(sandbox) == ["/api/2/attributes/owned/", "/oauth2/access_token", "/api/2/attributes/owned/"]
    assert stored()[url]["access_token"] != before["access_token"]
    assert stored()[url]["refresh_token"] != before["refresh_token"]
    assert cli("owned").code == 0


def test_when_it_has_ended_and_the_app_is_not_known_one_line_says_what_to_do(
    without_app: None, cli: Callable, sandbox: Sandbox, url: str
) -> None:
    sandbox.expire_tokens()

    assert cli("owned") == (
        1,
        "",
        (
            "exist-async: GET /api/2/attributes/owned/ was answered with 401: Invalid token. Check the token: it is "
            "wrong, expired, or of another service. Set EXIST_CLIENT_ID and EXIST_CLIENT_SECRET to have it renewed, or "
            f"sign in again: exist-async login --base-url {url}\n"
        ),
    )


def test_when_it_cannot_be_renewed_one_line_says_to_sign_in_again(
    logged_in: None, cli: Callable, sandbox: Sandbox, token_file: Path, tmp_path: Path, url: str
) -> None:
    shutil.copy(token_file, tmp_path / "old")
    sandbox.expire_tokens()
    cli("owned")
    shutil.copy(tmp_path / "old", token_file)

    assert cli("owned") == (
        1,
        "",
        (
            "exist-async: The stored token can't be renewed any more. Sign in again: exist-async login --base-url "
            f"{url}\n"
        ),
    )


def test_a_wrong_token_in_the_environment_is_said_to_be_there(
    cli: Callable, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("EXIST_TOKEN", "wrong-token")

    ran = cli("acquire", "steps")

    assert ran.code == 1
    assert ran.err.endswith(
        "It is the one in EXIST_TOKEN: copy it again from what exist-async sandbox printed, or unset it and run: "
        f"exist-async login --base-url {url}\n"
    )


def test_a_token_that_ends_halfway_through_a_write_is_no_different(
    without_app: None, cli: Callable, sandbox: Sandbox, url: str
) -> None:
    names = [sandbox.add_attribute(name=f"tag_{number}").name for number in range(70)]
    sandbox.fail_next(status=401, json={"detail": "Expired"}, path="attributes/acquire/", skip=1)

    ran = cli("acquire", "--by-name", *names)

    assert ran.code == 1
    assert ran.out.split()[-4:] == ["acquired", "35", "refused", "35"]
    assert ran.err.endswith(f"or sign in again: exist-async login --base-url {url}\n")


def test_whoami_tells_the_person_the_place_and_what_the_token_may_do(
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


def test_whoami_names_the_scopes_where_they_are_not_all(login: Callable, cli: Callable, token_file: Path) -> None:
    login("--scope", "mood_write,mood_read")

    shown = cli("whoami").out.splitlines()

    assert f"Signed in by\tthe token in {token_file}, renewed with EXIST_CLIENT_ID and EXIST_CLIENT_SECRET" in shown
    assert "Scopes\tmood_read, mood_write" in shown


def test_whoami_in_a_terminal_is_a_table(without_app: None, at_terminal: Callable) -> None:
    shown = at_terminal("whoami").out.splitlines()

    assert shown[0].split() == ["Username", "ada"]
    assert shown[1].split() == ["Name", "Ada", "Example"]


def test_logout_forgets_it_and_says_what_the_service_still_thinks(
    logged_in: None, cli: Callable, stored: Callable, token_file: Path, url: str
) -> None:
    assert cli("logout") == (
        0,
        (
            f"Signed out: {token_file} holds no token of {url} any more\n"
            "The service itself can't be told, and would accept that token until it expires\n"
        ),
        "",
    )
    assert stored() == {}
    assert cli("logout") == (0, f"You are not signed in at {url}: there is nothing to forget\n", "")
    assert cli("owned").code == 1


def test_logout_from_exist_says_where_to_take_the_access_away(
    logged_in: None, cli: Callable, stored: Callable, token_file: Path, url: str
) -> None:
    token_file.write_text(json.dumps({"users": {"https://exist.io": stored()[url], url: stored()[url]}}))

    ran = cli("logout", "--base-url", "https://exist.io")

    assert ran.out.splitlines()[-1] == (
        "The service itself can't be told, and would accept that token until it expires, unless you take the app's "
        "access away at https://exist.io/account/apps/"
    )
    assert set(stored()) == {url}


def test_logout_says_that_a_token_in_the_environment_stays(
    logged_in: None, cli: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXIST_TOKEN", "another-token")

    assert cli("logout").err == "exist-async: EXIST_TOKEN is still set, and the commands use it\n"


def test_a_file_that_others_can_read_is_one_line(logged_in: None, cli: Callable, token_file: Path) -> None:
    token_file.chmod(0o644)

    ran = cli("owned")

    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"exist-async: The token file {token_file} is open to other users of this machine")


@pytest.mark.parametrize("base_url", ["exist.io", "http://[::1", "https://user:pass-word"])
def test_what_is_no_url_is_one_line_that_does_not_repeat_it(cli: Callable, redirect_uri: str, base_url: str) -> None:
    assert cli("owned", "--base-url", base_url) == (
        1,
        "",
        "exist-async: base_url is no valid URL: write an origin, such as https://exist.io\n",
    )


def test_a_password_in_a_url_is_not_repeated(cli: Callable, redirect_uri: str) -> None:
    ran = cli("logout", "--base-url", "https://user:pass-word@exist.io")

    assert ran.out == "You are not signed in at https://exist.io: there is nothing to forget\n"
