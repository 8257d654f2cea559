"""The command `login` with a browser that is redirected to it."""

import socket
import stat
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from exist_async import Scope
from exist_async.sandbox import Sandbox


def test_allowing_access_stores_the_token_and_prints_where(
    login: Callable, browser, stored: Callable, token_file: Path, url: str
) -> None:
    result = login()

    assert (result.code, result.out) == (0, f"Signed in as ada at {url}; token stored in {token_file}\n")
    assert browser.opened in result.err
    assert set(stored()) == {url}
    for secret in ("access_token", "refresh_token"):
        assert stored()[url][secret] not in result.out + result.err


def test_a_profile_without_a_user_name_does_not_keep_anybody_from_signing_in(
    login: Callable, sandbox: Sandbox, url: str
) -> None:
    sandbox.rewrite_next(lambda profile: {**profile, "username": None}, path="accounts/profile/")

    result = login()

    assert (result.code, result.out.partition(";")[0]) == (0, f"Signed in at {url}")


def test_only_the_owner_can_read_the_token_file(login: Callable, token_file: Path) -> None:
    login()

    assert stat.S_IMODE(token_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(token_file.parent.stat().st_mode) == 0o700


def test_the_browser_shows_that_signing_in_succeeded(login: Callable, browser, url: str) -> None:
    login()

    response = browser.response.result()
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert "<h1>Signed in</h1>" in response.text
    assert url in response.text


def test_all_scopes_are_requested_unless_some_are_given(login: Callable, browser) -> None:
    def requested_scopes() -> set[str]:
        return set(parse_qs(urlsplit(browser.opened).query)["scope"][0].split())

    login()
    assert len(requested_scopes()) == 34
    assert requested_scopes() == set(Scope)

    login("--scope", "mood_read,mood_write", "--scope", "sleep_read")
    assert requested_scopes() == {"mood_read", "mood_write", "sleep_read"}


def test_an_unknown_scope_is_reported_in_one_line_with_exit_code_2(cli: Callable) -> None:
    assert cli("login", "--scope", "mood_read,mood") == (
        2,
        "",
        "exist-async: 'mood' is not a scope: write a group and _read or _write, such as mood_read\n",
    )


def test_denying_access_stores_nothing(login: Callable, browser, sandbox: Sandbox, token_file: Path) -> None:
    browser.decide = sandbox.deny

    result = login()

    assert (result.code, result.out) == (1, "")
    assert result.err.splitlines()[-1] == "exist-async: You denied access. Nothing was stored."
    assert "<h1>Not signed in</h1>" in browser.response.result().text
    assert "You denied access." in browser.response.result().text
    assert not token_file.exists()


def test_a_refusal_by_the_service_is_printed_and_shown_in_the_browser_with_escaped_markup(
    login: Callable, browser, redirect_uri: str
) -> None:
    def refuse(url: str) -> str:
        state = parse_qs(urlsplit(url).query)["state"][0]
        return f"{redirect_uri}?error=invalid_scope&error_description=%3Cb%3ENot+yours.&state={state}"

    browser.decide = refuse

    result = login()

    assert result.code == 1
    assert result.err.splitlines()[-1] == (
        "exist-async: The service refused with invalid_scope: <b>Not yours. Nothing was stored."
    )
    assert "invalid_scope: &lt;b&gt;Not yours. Nothing was stored." in browser.response.result().text


def test_a_refused_code_is_printed_and_shown_in_the_browser(
    login: Callable, browser, monkeypatch: pytest.MonkeyPatch, token_file: Path
) -> None:
    monkeypatch.setenv("EXIST_CLIENT_SECRET", "another-secret")

    result = login()

    assert (result.code, result.out) == (1, "")
    message = result.err.splitlines()[-1].removeprefix("exist-async: ")
    assert "400" in message
    assert "invalid_client" in message
    assert "Check the client ID and the client secret." in message
    assert message in browser.response.result().text
    assert "another-secret" not in result.err + browser.response.result().text
    assert not token_file.exists()


def test_requests_that_are_not_the_callback_get_an_error_and_the_callback_is_still_awaited(
    login: Callable, browser, redirect_uri: str
) -> None:
    statuses: list[int] = []

    def send_requests() -> None:
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

    browser.before_redirect = send_requests

    result = login()

    assert statuses == [404, 404, 400, 400, 400, 400, 400, 400, 404]
    assert result.code == 0
    assert "Signed in" in browser.response.result().text


def test_connections_and_malformed_connections_do_not_delay_the_callback(
    login: Callable, browser, redirect_uri: str
) -> None:
    port = urlsplit(redirect_uri).port
    connections: list[socket.socket] = []

    def send_requests() -> None:
        connections.append(socket.create_connection(("127.0.0.1", port)))
        for malformed in (b"\r\n\r\n", b"GET\r\n\r\n", b"GET //[ HTTP/1.1\r\n\r\n", b"\xff" * 100_000, b"GET / HT"):
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(malformed)
                connections.append(connection.dup())

    browser.before_redirect = send_requests

    assert login().code == 0
    for connection in connections:
        connection.close()


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
def test_localhost_is_served_on_ipv4_and_ipv6(login: Callable, browser, redirect_uri: str) -> None:
    port = urlsplit(redirect_uri).port
    statuses: list[int] = []

    def send_requests() -> None:
        for host in ("127.0.0.1", "[::1]"):
            statuses.append(httpx.get(f"http://{host}:{port}/favicon.ico", trust_env=False).status_code)

    browser.before_redirect = send_requests

    assert login().code == 0
    assert statuses == [404, 404]


def test_without_a_terminal_a_code_without_a_state_is_refused(
    login: Callable, browser, sandbox: Sandbox, token_file: Path
) -> None:
    sandbox.passes_state = False

    result = login()

    assert (result.code, result.out) == (1, "")
    assert result.err.splitlines()[-1] == (
        "exist-async: The address contains no state, so it may come from somebody else's attempt to sign in; nothing "
        "was stored. Give the whole address if you gave only its code. If the address has none, run this command in a "
        "terminal, where it asks you whether the account is yours."
    )
    assert "/oauth2/access_token" not in [request.path for request in sandbox.requests]
    assert "<h1>Not signed in</h1>" in browser.response.result().text
    assert not token_file.exists()


def test_denying_access_is_reported_even_without_a_state(login: Callable, browser, sandbox: Sandbox) -> None:
    sandbox.passes_state = False
    browser.decide = sandbox.deny

    assert login().err.splitlines()[-1] == "exist-async: You denied access. Nothing was stored."


def test_a_file_that_can_t_be_written_is_reported_before_any_page_is_opened(
    login: Callable, browser, token_file: Path
) -> None:
    token_file.parent.parent.mkdir(parents=True, exist_ok=True)
    token_file.parent.write_text("a file")

    result = login()

    assert result.code == 1
    assert f"The token file {token_file} can't be used" in result.err
    assert browser.opened == ""


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_port_in_use_is_reported_before_any_page_is_opened(
    login: Callable, browser, redirect_uri: str, address: str
) -> None:
    port = urlsplit(redirect_uri).port
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, port), family=family):
        assert login() == (
            1,
            "",
            (
                f"exist-async: Port {port} of localhost is in use, and the browser is redirected to it. Free the port, "
                "or add --paste.\n"
            ),
        )
    assert browser.opened == ""


@pytest.mark.parametrize(
    "uri",
    ["https://example.com/callback", "https://localhost:8000/", "http://192.0.2.1/", "http://localhost:port/"],
)
def test_a_redirect_uri_of_another_machine_needs_the_option_paste(
    login: Callable, browser, monkeypatch: pytest.MonkeyPatch, uri: str
) -> None:
    monkeypatch.setenv("EXIST_REDIRECT_URI", uri)

    assert login() == (
        1,
        "",
        (
            f"exist-async: The redirect URI {uri} does not lead to this command, which can only listen on "
            "http://localhost or a loopback address. Add --paste, or register another redirect URI and set "
            "EXIST_REDIRECT_URI to it.\n"
        ),
    )
    assert browser.opened == ""


def test_the_token_is_stored_even_if_reading_the_profile_fails(
    login: Callable, sandbox: Sandbox, stored: Callable, token_file: Path, url: str
) -> None:
    sandbox.fail_next(status=404, json={"detail": "Gone fishing."}, path="accounts/profile/")

    result = login()

    assert (result.code, result.out) == (1, "")
    message = result.err.splitlines()[-1]
    assert message.startswith(
        f"exist-async: The token is stored in {token_file}, but reading the user's profile failed. "
    )
    assert all(part in message for part in ("GET /api/2/accounts/profile/", "404", "Gone fishing."))
    assert set(stored()) == {url}


def test_a_token_in_the_environment_is_reported_as_taking_precedence(
    login: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXIST_TOKEN", "another-token")

    result = login()

    assert result.code == 0
    assert result.err.splitlines()[-1] == (
        "exist-async: EXIST_TOKEN is set, and takes precedence over the stored token: unset it to use this login"
    )


def test_without_a_terminal_the_app_must_be_in_the_environment(
    login: Callable, standard_input: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EXIST_CLIENT_SECRET")
    standard_input(b"app-secret\n")

    assert login() == (
        1,
        "",
        (
            "exist-async: Set EXIST_CLIENT_ID and EXIST_CLIENT_SECRET: there is no terminal to prompt for them. Copy "
            "both from the output of exist-async sandbox\n"
        ),
    )


def test_for_exist_itself_the_message_contains_the_apps_page(
    login: Callable, standard_input: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EXIST_CLIENT_SECRET")
    standard_input(b"")

    assert login("--base-url", "https://exist.io").err.endswith(
        "Copy both from your app's page (https://exist.io/account/apps/)\n"
    )
