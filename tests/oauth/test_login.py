"""Getting a simple token for a name and a password."""

import ssl
from typing import Any

import httpx
import pytest

from exist_async import (
    AuthenticationError,
    ConfigurationError,
    ConnectionFailedError,
    ExistClient,
    NoAnswerError,
    NotFoundError,
    OutcomeUnknownError,
    RateLimitError,
    ServerError,
    SimpleToken,
    StatusError,
)
from exist_async.sandbox import Sandbox

PASSWORD = "hunter2"


def of(answer: httpx.Response | Exception) -> httpx.AsyncClient:
    def handle(request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return httpx.AsyncClient(transport=httpx.MockTransport(handle))


async def test_a_name_and_a_password_give_a_token_that_reads(http: httpx.AsyncClient) -> None:
    token = await SimpleToken.login("ada", "sandbox-password", http_client=http)

    assert (await ExistClient(token, http_client=http).profile.get()).username == "ada"


async def test_it_works_over_a_socket_too(sandbox: Sandbox) -> None:
    async with sandbox.serve() as url:
        token = await SimpleToken.login("ada", "sandbox-password", base_url=url)

    assert repr(token) == "SimpleToken(<hidden>)"


async def test_a_wrong_password_is_an_authentication_error_in_the_service_s_words(http: httpx.AsyncClient) -> None:
    with pytest.raises(AuthenticationError, match=r"Unable to log in with provided credentials\. Check") as caught:
        await SimpleToken.login("ada", PASSWORD, http_client=http)

    assert caught.value.status_code == 400
    assert caught.value.detail == "Unable to log in with provided credentials."
    assert caught.value.body == ""


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(401), AuthenticationError),
        (httpx.Response(404), NotFoundError),
        (httpx.Response(302, headers={"Location": "https://evil.example/"}), StatusError),
        (httpx.Response(429, headers={"Retry-After": "7"}), RateLimitError),
        (httpx.Response(503), ServerError),
        (httpx.ReadError("cut"), OutcomeUnknownError),
        (httpx.Response(200), NoAnswerError),
        (httpx.Response(200, json={"token": "two words"}), NoAnswerError),
    ],
)
async def test_every_failure_has_its_class(answer: Any, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        await SimpleToken.login("ada", PASSWORD, http_client=of(answer))

    assert type(caught.value) is error


async def test_a_429_says_when_to_come_again() -> None:
    with pytest.raises(RateLimitError) as caught:
        await SimpleToken.login("ada", PASSWORD, http_client=of(httpx.Response(429, headers={"Retry-After": "7"})))

    assert caught.value.retry_after == 7.0
    assert str(caught.value).endswith(" Call again in 7 s.")


async def test_a_certificate_that_is_wrong_means_that_nothing_was_sent() -> None:
    error = httpx.ConnectError("certificate has expired")
    error.__cause__ = ssl.SSLCertVerificationError()

    with pytest.raises(ConnectionFailedError, match="certificate has expired"):
        await SimpleToken.login("ada", PASSWORD, http_client=of(error))


@pytest.mark.parametrize(
    "echo",
    [
        {"non_field_errors": [f"{PASSWORD} is wrong"]},
        {"detail": f"password={PASSWORD}"},
        {"error": PASSWORD},
        {"password": [PASSWORD]},
    ],
)
async def test_a_service_that_repeats_the_password_is_not_quoted(echo: Any) -> None:
    with pytest.raises(AuthenticationError) as caught:
        await SimpleToken.login("ada", PASSWORD, http_client=of(httpx.Response(400, json=echo)))

    assert PASSWORD not in f"{caught.value} {vars(caught.value)}"


@pytest.mark.parametrize(
    ("username", "password"), [("", "x"), (7, "x"), ("ada", ""), ("ada", None), ("ada", "a\ud800b"), ("a\nb", "x")]
)
async def test_what_can_be_no_name_or_password_is_refused(
    http: httpx.AsyncClient, sandbox: Sandbox, username: Any, password: Any
) -> None:
    with pytest.raises(ConfigurationError, match=r"^(username|password)"):
        await SimpleToken.login(username, password, http_client=http)

    assert sandbox.requests == []
