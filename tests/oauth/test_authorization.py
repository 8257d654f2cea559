"""Sending users to sign in, and reading what they come back with."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from exist_async import ConfigurationError, OAuthApp, OAuthError, Scope
from exist_async.sandbox import Sandbox
from exist_async.sandbox.groups import SCOPES

Count = Callable[[], int]

CALLBACK = "http://localhost:8000/"


def test_there_are_the_34_scopes_that_exist_has() -> None:
    assert set(Scope) == SCOPES
    assert Scope.MANUAL_READ == "manual_read"


def test_the_url_asks_for_a_code_and_the_scopes(app: OAuthApp) -> None:
    url, state = app.authorization_url([Scope.MOOD_READ, "custom_write", Scope.MOOD_READ])

    assert url.startswith("https://exist.io/oauth2/authorize?")
    assert parse_qs(urlsplit(url).query) == {
        "response_type": ["code"],
        "client_id": ["sandbox-client"],
        "redirect_uri": ["http://localhost:8000/"],
        "scope": ["mood_read custom_write"],
        "state": [state],
    }


def test_no_two_states_are_the_same(app: OAuthApp) -> None:
    states = {app.authorization_url(["mood_read"])[1] for _ in range(100)}

    assert len(states) == 100
    assert {len(state) for state in states} == {43}


@pytest.mark.parametrize("scopes", ["mood_read", Scope.MOOD_READ, [], [""], ["two words"], [7], 7, None])
def test_what_can_be_no_list_of_scopes_is_refused(app: OAuthApp, scopes: Any) -> None:
    with pytest.raises(ConfigurationError, match="scopes"):
        app.authorization_url(scopes)


@pytest.mark.parametrize("shape", ["{url}", "  {url}\n", "/?{query}", "https://proxy.example/callback?{query}"])
async def test_a_callback_is_read_in_whatever_form_a_framework_gives_it(
    app: OAuthApp, sandbox: Sandbox, shape: str
) -> None:
    url, state = app.authorization_url(["mood_read"])
    callback = sandbox.authorize(url)

    token = await app.exchange(shape.format(url=callback, query=urlsplit(callback).query), state=state)

    assert token.scope == ("mood_read",)


async def test_a_bare_code_is_enough(app: OAuthApp, sandbox: Sandbox) -> None:
    callback = sandbox.authorize(app.authorization_url(["mood_read"])[0])

    token = await app.exchange(parse_qs(urlsplit(callback).query)["code"][0])

    assert token.scope == ("mood_read",)


async def test_a_bare_code_has_no_state_to_compare(app: OAuthApp) -> None:
    with pytest.raises(ConfigurationError, match="give the whole URL"):
        await app.exchange("a-code", state="a-state")


async def test_a_user_who_says_no_is_told_apart(app: OAuthApp, sandbox: Sandbox) -> None:
    with pytest.raises(OAuthError, match="access_denied: the user refused") as caught:
        await app.exchange(f"{CALLBACK}?error=access_denied", state="whatever")

    assert (caught.value.code, caught.value.description, caught.value.status_code) == ("access_denied", None, None)
    assert sandbox.requests == []


async def test_an_error_s_description_is_shown_on_one_line(app: OAuthApp) -> None:
    with pytest.raises(OAuthError) as caught:
        await app.exchange(f"{CALLBACK}?error=invalid_scope&error_description=no%0Asuch%1b%5B31m+scope{'e' * 1_000}")

    assert caught.value.description is not None
    assert caught.value.description.startswith("no such [31m scopee")
    assert len(caught.value.description) == 301


async def test_another_state_is_refused_before_anything_is_sent(app: OAuthApp, sandbox: Sandbox) -> None:
    with pytest.raises(OAuthError, match="another attempt to sign in, or was forged"):
        await app.exchange(f"{CALLBACK}?code=a-code&state=another", state="a-state")

    assert sandbox.requests == []


async def test_a_state_that_did_not_come_back_is_said_so(app: OAuthApp, sandbox: Sandbox) -> None:
    sandbox.passes_state = False
    url, state = app.authorization_url(["mood_read"])
    callback = sandbox.authorize(url)

    with pytest.raises(OAuthError, match="lacks the state"):
        await app.exchange(callback, state=state)
    assert (await app.exchange(callback)).scope == ("mood_read",)


@pytest.mark.parametrize("state", ["stäte", "\ud800", ""])
async def test_an_odd_state_is_compared_like_any_other(app: OAuthApp, state: str) -> None:
    with pytest.raises(OAuthError, match="another state"):
        await app.exchange(f"{CALLBACK}?code=a-code&state=another", state=state)


@pytest.mark.parametrize("query", ["?", "?state=a-state", "?code=", "?code=a&code=b", "?code=a&state=a-state&state=b"])
async def test_a_callback_without_one_code_or_with_two_states_is_refused(
    app: OAuthApp, sandbox: Sandbox, query: str
) -> None:
    with pytest.raises(OAuthError, match="Begin signing in again"):
        await app.exchange(CALLBACK + query, state="a-state" if "state=" in query else None)

    assert sandbox.requests == []


@pytest.mark.parametrize("code", ["%20", "two+s3cr3ts", "s3cr3t%0D%0AHost:%20evil", "s3cr3t%00", "s3cr%C3%A9t"])
async def test_a_code_that_somebody_forged_is_no_error_of_the_caller(
    app: OAuthApp, sandbox: Sandbox, code: str
) -> None:
    with pytest.raises(OAuthError, match=r"no code has\. Begin signing in again") as caught:
        await app.exchange(f"{CALLBACK}?code={code}&state=a-state", state="a-state")

    assert "s3cr" not in str(caught.value)
    assert sandbox.requests == []


@pytest.mark.parametrize("query", ["code=s3cr3t&state=a-state", "state=a-state&code=s3cr3t", "code=s3cr3t", "error=no"])
@pytest.mark.parametrize("state", ["a-state", None])
async def test_a_query_without_its_url_is_taken_for_no_code(
    app: OAuthApp, sandbox: Sandbox, query: str, state: str | None
) -> None:
    with pytest.raises(ConfigurationError, match="a query without a URL: give the whole URL") as caught:
        await app.exchange(query, state=state)

    assert "s3cr3t" not in str(caught.value)
    assert sandbox.requests == []


@pytest.mark.parametrize("callback", ["", "  ", "two s3cr3ts", "http://[s3cr3t", 7, None])
async def test_what_is_no_callback_and_no_code_is_refused_and_not_repeated(
    app: OAuthApp, sandbox: Sandbox, callback: Any
) -> None:
    with pytest.raises(ConfigurationError, match=r"^(callback_url_or_code|the code)") as caught:
        await app.exchange(callback)

    assert "s3cr3t" not in str(caught.value)
    assert sandbox.requests == []
