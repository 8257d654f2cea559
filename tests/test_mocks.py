"""Tests of users with mocks of httpx: what is mocked never reaches the real service."""

from typing import Any
from unittest.mock import patch

import httpx
import pytest
import respx
from pytest_httpx import HTTPXMock

from exist_async import ExistClient, OutcomeUnknownError, SimpleToken
from exist_async.sandbox import Sandbox

PROFILE = "http://127.0.0.1:9/api/2/accounts/profile/"


def client() -> ExistClient:
    return ExistClient("a-token", base_url="http://127.0.0.1:9", max_retries=0)


async def test_a_mock_of_pytest_httpx_answers(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(url=PROFILE, json={"username": "mocked"})

    async with client() as exist:
        assert (await exist.profile.get()).username == "mocked"
    assert httpx_mock.get_requests()[0].headers["Authorization"] == "Bearer a-token"


async def test_a_mock_of_pytest_httpx_answers_forms(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(json={"token": "mocked"})

    assert isinstance(await SimpleToken.login("ada", "a password", base_url="http://127.0.0.1:9"), SimpleToken)


async def test_a_write_that_a_mock_lets_fail_may_have_been_carried_out(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_exception(httpx.ReadTimeout("mocked"))

    async with client() as exist:
        with pytest.raises(OutcomeUnknownError):
            await exist.request("POST", "new/")


@pytest.mark.parametrize("using", ["httpcore", "httpx"])
async def test_a_mock_of_respx_answers(using: str) -> None:
    with respx.mock(using=using) as router:
        router.get(PROFILE).respond(json={"username": "mocked"})
        async with client() as exist:
            assert (await exist.profile.get()).username == "mocked"


async def test_a_replaced_transport_of_httpx_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(transport: Any, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"username": "mocked"}, request=request)

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", answer)

    async with client() as exist:
        assert (await exist.profile.get()).username == "mocked"


@pytest.mark.parametrize("autospec", [None, True])
async def test_a_mock_of_the_standard_library_answers(autospec: bool | None) -> None:
    answer = httpx.Response(200, json={"username": "mocked"})
    method = "httpx.AsyncHTTPTransport.handle_async_request"
    with patch(method, autospec=autospec, return_value=answer):
        async with client() as exist:
            assert (await exist.profile.get()).username == "mocked"


async def test_a_mock_that_comes_after_the_first_request_answers_too() -> None:
    sandbox = Sandbox()
    async with sandbox.serve() as url, ExistClient(sandbox.token, base_url=url) as exist:
        assert (await exist.profile.get()).username == "ada"
        with respx.mock as router:
            router.get(f"{url}/api/2/accounts/profile/").respond(json={"username": "mocked"})
            assert (await exist.profile.get()).username == "mocked"
        assert (await exist.profile.get()).username == "ada"
    assert len(sandbox.requests) == 2
