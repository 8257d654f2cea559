"""No token, code, secret or password shows, whatever happens and whatever a service repeats of them."""

import asyncio
import copy
import logging
import pickle
import traceback
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx
import pytest

from exist_async import (
    ExistAsyncError,
    ExistClient,
    MemoryTokenStore,
    NoAnswerError,
    OAuth2,
    OAuthApp,
    OAuthError,
    OAuthToken,
    SimpleToken,
)
from exist_async.sandbox import Sandbox

RawServer = Callable[[Any], AbstractAsyncContextManager[str]]

ACCESS, REFRESH = "s3cr3t/access+1", "s3cr3t/refresh+2"
CODE, CLIENT_SECRET, PASSWORD = "s3cr3t/code+3", "s3cr3t/client+4", "s3cr3t/pass+5"
OLD = OAuthToken(ACCESS, REFRESH)


def assert_hidden(text: str) -> None:
    assert "s3cr3t" not in text


def assert_hides(error: BaseException) -> None:
    assert_hidden("".join(traceback.format_exception(error)))
    seen: list[BaseException] = [error]
    for shown in seen:
        assert_hidden(f"{shown!r} {shown} {vars(shown)}")
        assert_hidden(repr(pickle.dumps(shown)) if isinstance(shown, ExistAsyncError) else "")
        # What an error of decoding could not decode.
        assert_hidden(repr(getattr(shown, "object", "")) + repr(getattr(shown, "doc", "")))
        if isinstance(shown, httpx.RequestError):
            assert_hidden(f"{shown.request.content!r} {shown.request.headers.raw} {pickle.dumps(shown)!r}")
        seen += [each for each in (shown.__cause__, shown.__context__) if each is not None and each not in seen]


@pytest.fixture(autouse=True)
def _nothing_is_logged(caplog: pytest.LogCaptureFixture) -> Any:
    caplog.set_level(logging.DEBUG)
    yield
    # Its text is that of this phase alone, the test's teardown.
    logged = caplog.get_records("call")
    assert_hidden("\n".join(map(logging.Formatter().format, logged)))


def an_app(**options: Any) -> OAuthApp:
    return OAuthApp("an-id", CLIENT_SECRET, "https://example.com/", fraction=lambda: 0.0, **options)


async def test_what_holds_a_secret_shows_none_and_is_not_pickled() -> None:
    store = MemoryTokenStore()
    await store.save("ada", OLD)
    app = an_app()
    auth = OAuth2(app, store, "ada")
    await auth.ready()
    client = ExistClient(auth)

    for holder in (app, store, auth, OLD):
        assert_hidden(f"{holder!r} {holder} {[holder]}")
        for carry in (pickle.dumps, copy.deepcopy):
            with pytest.raises(TypeError, match="holds a secret"):
                carry(holder)
    assert_hidden(f"{client!r} {client._session.options!r}")


def echo(status: int, **headers: str) -> Callable[[httpx.Request], httpx.Response]:
    def answer(request: httpx.Request) -> httpx.Response:
        form = dict(httpx.QueryParams(request.content.decode()))
        said = " ".join(form.values())
        return httpx.Response(
            status,
            json={"error": form.get("code") or said, "error_description": f"You said {request.content.decode()}"}
            | {"access_token": [said], "detail": said, "non_field_errors": [said]},
            headers={"X-Request-Id": f"{request.url.path} {said}", **headers},
        )

    return answer


def fail(failure: type[httpx.TransportError]) -> Callable[[httpx.Request], httpx.Response]:
    def answer(request: httpx.Request) -> httpx.Response:
        what = "connection failed" if failure is httpx.ConnectError else request.content.decode()
        raise failure(what, request=request)

    return answer


ANSWERS = [
    *(echo(status) for status in (200, 202, 302, 400, 401, 403, 404, 408, 429, 500, 503)),
    *(fail(failure) for failure in (httpx.ConnectError, httpx.ReadError, httpx.ReadTimeout, httpx.RemoteProtocolError)),
    lambda request: httpx.Response(200, content=b'{"access_token": "s3cr3t", "refresh_token": "s3cr'),
    lambda request: httpx.Response(200, content=b'{"access_token": "s3cr3t \xff", "token": "s3cr3t \xff"}'),
    lambda request: httpx.Response(200, json={"access_token": "s3cr3t token", "token": "s3cr3t token"}),
]


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("way", ["exchange", "refresh", "login"])
async def test_no_answer_brings_a_secret_into_an_error(answer: Any, way: str) -> None:
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        app = an_app(http_client=http)
        call: Coroutine[Any, Any, Any] = {
            "exchange": lambda: app.exchange(f"https://example.com/?code={CODE}".replace("+", "%2B")),
            "refresh": lambda: app.refresh(OLD),
            "login": lambda: SimpleToken.login("ada", PASSWORD, http_client=http),
        }[way]()
        with pytest.raises(ExistAsyncError) as caught:
            await call

    assert_hides(caught.value)


async def test_a_description_that_repeats_secrets_is_shown_without_them() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        said = {"error": "invalid_request", "error_description": f"You said {request.content.decode()}"}
        return httpx.Response(400, json=said)

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        with pytest.raises(OAuthError) as caught:
            await an_app(http_client=http).refresh(OLD)

    assert caught.value.description == (
        "You said grant_type=refresh_token&refresh_token=[secret]&client_id=an-id&client_secret=[secret]"
    )


FAILURES = [httpx.ConnectError, httpx.PoolTimeout, httpx.ReadError, httpx.ReadTimeout, httpx.RemoteProtocolError]


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("inner", [None, httpx.ReadError])
@pytest.mark.parametrize("writing", [True, False])
async def test_the_cause_of_a_call_that_failed_holds_no_token(failure: Any, inner: Any, writing: bool) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["Authorization"] == f"Bearer {ACCESS}"
        if inner is None:
            raise failure("cut", request=request)
        try:
            raise inner("cut", request=request)
        except inner:
            raise failure("cut again")  # noqa: B904  (as its context)

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        exist = ExistClient(ACCESS, http_client=http, max_retries=0)
        with pytest.raises(ExistAsyncError) as caught:
            await (exist.attributes.acquire(["steps"]) if writing else exist.profile.get())

    cause = caught.value.__cause__
    assert isinstance(cause, failure)
    assert cause.request.method == ("POST" if writing else "GET")
    assert_hides(caught.value)


async def test_an_error_that_holds_no_request_is_left_as_it_is() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("cut", request=request) from httpx.ReadError("an inner transport's")

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        with pytest.raises(NoAnswerError) as caught:
            await ExistClient(ACCESS, http_client=http, max_retries=0).profile.get()

    assert caught.value.__cause__ is not None
    assert str(caught.value.__cause__.__cause__) == "an inner transport's"


async def test_the_cause_of_a_call_that_failed_on_a_socket_holds_no_token(raw_server: RawServer) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")

    async with raw_server(hang_up) as url, ExistClient(ACCESS, base_url=url) as exist:
        with pytest.raises(ExistAsyncError) as caught:
            await exist.profile.get()

    assert isinstance(caught.value.__cause__, httpx.RemoteProtocolError)
    assert_hides(caught.value)


@asynccontextmanager
async def hooked(hook: Any) -> AsyncGenerator[httpx.AsyncClient, None]:
    async with httpx.AsyncClient(transport=httpx.MockTransport(echo(400)), event_hooks={"response": [hook]}) as http:
        yield http


async def test_a_hook_that_raises_brings_none_either() -> None:
    async def raise_for_status(response: httpx.Response) -> None:
        response.raise_for_status()

    async with hooked(raise_for_status) as http:
        with pytest.raises(ExistAsyncError) as caught:
            await an_app(http_client=http).refresh(OLD)

    assert_hides(caught.value)


RAW = [
    b"%s\r\n\r\n",
    b"HTTP/1.1 %s\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n%s\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n%s: x\r\nContent-Length: 7%s\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n%s",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%s\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\ns3cr%s",
]


@pytest.mark.parametrize("raw", RAW)
async def test_no_garbage_on_a_socket_brings_a_secret_into_an_error(raw_server: RawServer, raw: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(raw.replace(b"%s", b"s3cr3t " + REFRESH.encode()))
        await writer.drain()

    async with raw_server(answer) as url:
        with pytest.raises(ExistAsyncError) as caught:
            await an_app(base_url=url).refresh(OLD)

    assert_hides(caught.value)


async def test_a_renewal_shows_none_whether_it_succeeds_or_not(sandbox: Sandbox, sign_in: Any, app: OAuthApp) -> None:
    store = MemoryTokenStore()
    token = await sign_in()
    await store.save("ada", token)
    async with httpx.AsyncClient(transport=sandbox.transport()) as http:
        auth = OAuth2(app, store, "ada")
        sandbox.expire_tokens()
        await ExistClient(auth, http_client=http).profile.get()
        new = await store.load("ada")
        sandbox.expire_tokens()
        sandbox.fail_next(path="oauth2/access_token", when="after", drop=True)
        with pytest.raises(ExistAsyncError) as caught:
            await ExistClient(auth, http_client=http).attributes.acquire(["steps"])

    assert new is not None
    shown = "".join(traceback.format_exception(caught.value)) + repr(pickle.dumps(caught.value)) + repr(auth)
    for secret in ("sandbox-secret", token.access_token, token.refresh_token, new.access_token, new.refresh_token):
        assert secret is not None
        assert secret not in shown
