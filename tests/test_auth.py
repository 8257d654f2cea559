"""Signing requests, and keeping tokens to oneself."""

import copy
import pickle

import httpx
import pytest

from exist_async import BearerToken, ConfigurationError, ExistClient, SimpleToken

SECRET = "s3cr3t-t0ken"


def signed(auth: httpx.Auth) -> str:
    request = next(auth.auth_flow(httpx.Request("GET", "https://exist.io")))
    return request.headers["Authorization"]


def test_an_access_token_signs_as_a_bearer() -> None:
    assert signed(BearerToken(SECRET)) == f"Bearer {SECRET}"


def test_a_simple_token_signs_as_a_token() -> None:
    assert signed(SimpleToken(SECRET)) == f"Token {SECRET}"


@pytest.mark.parametrize("token", ["", " ", "a b", "a\r\nHost: evil", "tökén", "a\x00", "a\x7f", "\ud800"])
def test_what_can_be_no_token_is_refused_and_not_repeated(token: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        ExistClient(token)

    assert "auth" in str(caught.value)
    assert not token.strip() or token not in str(caught.value)


@pytest.mark.parametrize("token", [7, b"bytes", ["list"]])
def test_a_token_of_another_type_is_refused(token: object) -> None:
    with pytest.raises(ConfigurationError, match="auth must be an access token"):
        ExistClient(token)  # type: ignore[arg-type]


def test_without_a_token_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="EXIST_TOKEN"):
        ExistClient()

    monkeypatch.setenv("EXIST_TOKEN", SECRET)

    assert signed(ExistClient()._session.auth) == f"Bearer {SECRET}"


@pytest.mark.parametrize("auth", [BearerToken(SECRET), SimpleToken(SECRET)])
def test_a_token_shows_nowhere(auth: httpx.Auth) -> None:
    client = ExistClient(auth)

    for shown in [repr(auth), str(auth), repr(client), repr(client._session.options), repr(vars(auth).keys())]:
        assert SECRET not in shown
    with pytest.raises(TypeError, match="can't be pickled"):
        pickle.dumps(auth)
    with pytest.raises(TypeError, match="can't be pickled"):
        copy.deepcopy(auth)


def test_two_clients_with_one_token_share_one_budget_and_others_do_not() -> None:
    assert BearerToken(SECRET).user == BearerToken(SECRET).user
    assert BearerToken(SECRET).user != BearerToken("another").user
    assert SECRET not in str(BearerToken(SECRET).user)
