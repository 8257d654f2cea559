"""The command `login`: a browser that comes back, and an address that is pasted."""

import socket
import stat
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from exist_async import Scope
from exist_async.sandbox import Sandbox


def test_who_allows_it_is_signed_in_and_told_where_the_token_is(
    login: Callable, browser, stored: Callable, token_file: Path, url: str
) -> None:
    ran = login()

    assert (ran.code, ran.out) == (0, f"Signed in as ada at {url}; token stored in {token_file}\n")
    assert browser.opened in ran.err
    assert set(stored()) == {url}
    for secret in ("access_token", "refresh_token"):
        assert stored()[url][secret] not in ran.out + ran.err


def test_only_its_owner_can_read_the_token(login: Callable, token_file: Path) -> None:
    login()

    assert stat.S_IMODE(token_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(token_file.parent.stat().st_mode) == 0o700


def test_the_browser_shows_how_it_ended(login: Callable, browser, url: str) -> None:
    login()

    shown = browser.shown.result()
    assert shown.status_code == 200
    assert shown.headers["content-type"] == "text/html; charset=utf-8"
    assert "<h1>Signed in</h1>" in shown.text
    assert url in shown.text


def test_everything_is_asked_for_unless_scopes_are_named(login: Callable, browser) -> None:
    def asked() -> set[str]:
        return set(parse_qs(urlsplit(browser.opened).query)["scope"][0].split())

    login()
    assert len(asked()) == 34
    assert asked() == set(Scope)

    login("--scope", "mood_read,mood_write", "--scope", "sleep_read")
    assert asked() == {"mood_read", "mood_write", "sleep_read"}


def test_what_is_no_scope_is_one_line_and_code_2(cli: Callable) -> None:
    assert cli("login", "--scope", "mood_read,mood") == (
        2,
        "",
        "exist-async: 'mood' is no scope: that is a group and _read or _write, such as mood_read\n",
    )


def test_who_says_no_is_not_signed_in(login: Callable, browser, sandbox: Sandbox, token_file: Path) -> None:
    browser.press = sandbox.deny

    ran = login()

    assert (ran.code, ran.out) == (1, "")
    assert ran.err.splitlines()[-1] == "exist-async: You said no. Nothing was stored."
    assert "<h1>Not signed in</h1>" in browser.shown.result().text
    assert "You said no." in browser.shown.result().text
    assert not token_file.exists()


def test_what_the_service_says_against_it_is_told_here_and_in_the_browser_where_it_is_no_markup(
    login: Callable, browser, redirect_uri: str
) -> None:
    def refuse(url: str) -> str:
        state = parse_qs(urlsplit(url).query)["state"][0]
        return f"{redirect_uri}?error=invalid_scope&error_description=%3Cb%3ENot+yours.&state={state}"

    browser.press = refuse

    ran = login()

    assert ran.code == 1
    assert ran.err.splitlines()[-1] == (
        "exist-async: The service refused with invalid_scope: <b>Not yours. Nothing was stored."
    )
    assert "invalid_scope: &lt;b&gt;Not yours. Nothing was stored." in browser.shown.result().text


def test_a_code_that_is_refused_is_told_here_and_in_the_browser(
    login: Callable, browser, monkeypatch: pytest.MonkeyPatch, token_file: Path
) -> None:
    monkeypatch.setenv("EXIST_CLIENT_SECRET", "another-secret")

    ran = login()

    assert (ran.code, ran.out) == (1, "")
    assert ran.err.splitlines()[-1] == (
        "exist-async: The token request was answered with 400: invalid_client. Check client_id and client_secret."
    )
    assert "Check client_id and client_secret." in browser.shown.result().text
    assert "another-secret" not in ran.err + browser.shown.result().text
    assert not token_file.exists()


def test_what_is_not_the_answer_is_turned_away_and_the_answer_still_awaited(
    login: Callable, browser, redirect_uri: str
) -> None:
    statuses: list[int] = []

    def ask() -> None:
        with httpx.Client(base_url=redirect_uri, trust_env=False) as client:
            for path in (
                "/favicon.ico",
                "/callback?code=forged",
                "/",
                "/?code=&state=",
                "/?code=forged&state=forged",
                "/?error=access_denied&state=forged",
                "/?code=forged&state=",
                "/?code=forged&code=forged",
            ):
                statuses.append(client.get(path).status_code)
            statuses.append(client.post("/?code=forged").status_code)

    browser.before = ask

    ran = login()

    assert statuses == [404, 404, 400, 400, 400, 400, 400, 400, 404]
    assert ran.code == 0
    assert "Signed in" in browser.shown.result().text


def test_connections_that_say_nothing_or_nonsense_hold_nothing_up(login: Callable, browser, redirect_uri: str) -> None:
    port = urlsplit(redirect_uri).port
    silent: list[socket.socket] = []

    def ask() -> None:
        silent.append(socket.create_connection(("127.0.0.1", port)))
        for nonsense in (b"\r\n\r\n", b"GET\r\n\r\n", b"GET //[ HTTP/1.1\r\n\r\n", b"\xff" * 100_000, b"GET / HT"):
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(nonsense)
                silent.append(connection.dup())

    browser.before = ask

    assert login().code == 0
    for connection in silent:
        connection.close()


@pytest.mark.skipif(not socket.has_ipv6, reason="there is no IPv6")
def test_localhost_is_listened_at_by_both_its_addresses(login: Callable, browser, redirect_uri: str) -> None:
    port = urlsplit(redirect_uri).port
    statuses: list[int] = []

    def ask() -> None:
        for host in ("127.0.0.1", "[::1]"):
            statuses.append(httpx.get(f"http://{host}:{port}/favicon.ico", trust_env=False).status_code)

    browser.before = ask

    assert login().code == 0
    assert statuses == [404, 404]


def test_without_a_state_it_says_so_and_goes_on(login: Callable, sandbox: Sandbox) -> None:
    sandbox.passes_state = False

    ran = login()

    assert ran.code == 0
    assert ran.err.splitlines()[-1] == (
        "exist-async: no state came back to compare; it is taken for yours, since you have just begun this"
    )


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_port_that_is_taken_is_one_line_before_any_page_is_opened(
    login: Callable, browser, redirect_uri: str, address: str
) -> None:
    port = urlsplit(redirect_uri).port
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, port), family=family):
        assert login() == (
            1,
            "",
            (
                f"exist-async: Port {port} of localhost is taken, and the browser would come back to it. End what "
                "listens there, or add --paste.\n"
            ),
        )
    assert browser.opened == ""


@pytest.mark.parametrize(
    "uri",
    ["https://example.com/callback", "https://localhost:8000/", "http://192.0.2.1/", "http://localhost:port/"],
)
def test_a_redirect_uri_that_leads_elsewhere_needs_pasting(
    login: Callable, browser, monkeypatch: pytest.MonkeyPatch, uri: str
) -> None:
    monkeypatch.setenv("EXIST_REDIRECT_URI", uri)

    assert login() == (
        1,
        "",
        (
            f"exist-async: The redirect URI {uri} does not lead to this command, which can only listen at "
            "http://localhost and the like. Add --paste, or register another and set EXIST_REDIRECT_URI.\n"
        ),
    )
    assert browser.opened == ""


def test_a_token_is_stored_even_if_nobody_says_whose_it_is(
    login: Callable, sandbox: Sandbox, stored: Callable, token_file: Path, url: str
) -> None:
    sandbox.fail_next(status=404, json={"detail": "Gone fishing."}, path="accounts/profile/")

    ran = login()

    assert (ran.code, ran.out) == (1, "")
    assert ran.err.splitlines()[-1] == (
        f"exist-async: The token is stored in {token_file}, but asking whose it is failed. GET "
        "/api/2/accounts/profile/ was answered with 404: Gone fishing."
    )
    assert set(stored()) == {url}


def test_a_token_in_the_environment_is_said_to_go_first(login: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXIST_TOKEN", "another-token")

    ran = login()

    assert ran.code == 0
    assert ran.err.splitlines()[-1] == (
        "exist-async: EXIST_TOKEN is set, and goes before what is stored: unset it to use this login"
    )


def test_without_a_terminal_the_app_has_to_be_in_the_environment(
    login: Callable, standard_input: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EXIST_CLIENT_SECRET")
    standard_input(b"app-secret\n")

    assert login() == (
        1,
        "",
        (
            "exist-async: Set EXIST_CLIENT_ID and EXIST_CLIENT_SECRET: there is no terminal to ask for them. Copy "
            "both from what exist-async sandbox printed\n"
        ),
    )


def test_at_exist_itself_the_app_is_on_its_page(
    login: Callable, standard_input: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EXIST_CLIENT_SECRET")
    standard_input(b"")

    assert login("--base-url", "https://exist.io").err.endswith(
        "Copy both from your app's page (https://exist.io/account/apps/)\n"
    )
