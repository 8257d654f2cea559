"""Trading codes and refresh tokens, and every way in which that fails."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from exist_async import (
    ConfigurationError,
    NoAnswerError,
    OAuthApp,
    OAuthError,
    OAuthToken,
    ReauthorizationRequired,
    Scope,
)
from exist_async.sandbox import Sandbox

OK = {"access_token": "new-access", "refresh_token": "new-refresh", "expires_in": 3600, "scope": "mood_read mood_write"}
OLD = OAuthToken("old-access", "old-refresh", datetime(2026, 1, 1, tzinfo=UTC), ("mood_read",))

Make = Callable[..., tuple[OAuthApp, list[httpx.Request]]]


@pytest.fixture
def making(clock: Any) -> Make:
    """Makes an app of a service that answers one request after another as it is told, and the list of its requests."""

    def make(*answers: httpx.Response | Exception, sleep: Any = clock.sleep) -> tuple[OAuthApp, list[httpx.Request]]:
        requests: list[httpx.Request] = []

        def answer(request: httpx.Request) -> httpx.Response:
            requests.append(request)
            result = answers[min(len(requests), len(answers)) - 1]
            if isinstance(result, Exception):
                raise result
            return result

        http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
        timing = {"clock": clock, "sleep": sleep, "fraction": lambda: 1.0}
        return OAuthApp("an-id", "a-secret", "https://example.com/callback", http_client=http, **timing), requests

    return make


def ok(**changes: Any) -> httpx.Response:
    return httpx.Response(200, json=OK | changes)


async def exchange(app: OAuthApp) -> OAuthToken:
    return await app.exchange("a-code")


async def refresh(app: OAuthApp) -> OAuthToken:
    return await app.refresh(OLD)


both = pytest.mark.parametrize("trade", [exchange, refresh])


async def test_a_user_signs_in_and_the_token_says_what_it_may_do(sign_in: Any, clock: Any) -> None:
    token = await sign_in()

    assert set(token.scope) == set(Scope)
    assert token.expires_at == datetime.fromtimestamp(clock.now + 31_536_000, UTC)
    assert token.refresh_token is not None


async def test_a_code_works_once(app: OAuthApp, sandbox: Sandbox) -> None:
    callback = sandbox.authorize(app.authorization_url(["mood_read"])[0])
    await app.exchange(callback)

    with pytest.raises(OAuthError, match="used before") as caught:
        await app.exchange(callback)

    assert not isinstance(caught.value, ReauthorizationRequired)
    assert (caught.value.code, caught.value.status_code) == ("invalid_grant", 400)


async def test_a_code_is_traded_with_what_the_contract_asks_for(making: Make) -> None:
    app, requests = making(ok())

    await exchange(app)

    assert (requests[0].method, str(requests[0].url)) == ("POST", "https://exist.io/oauth2/access_token")
    assert requests[0].headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert "Authorization" not in requests[0].headers
    assert requests[0].content.decode() == (
        "grant_type=authorization_code&redirect_uri=https%3A%2F%2Fexample.com%2Fcallback&code=a-code"
        "&client_id=an-id&client_secret=a-secret"
    )


async def test_a_refresh_token_is_traded_with_what_the_contract_asks_for(making: Make, clock: Any) -> None:
    app, requests = making(ok())

    token = await refresh(app)

    assert requests[0].content.decode() == (
        "grant_type=refresh_token&refresh_token=old-refresh&client_id=an-id&client_secret=a-secret"
    )
    assert token == OAuthToken(
        "new-access", "new-refresh", datetime.fromtimestamp(clock.now + 3600, UTC), ("mood_read", "mood_write")
    )


async def test_what_an_answer_leaves_out_stays_as_it_was(making: Make) -> None:
    app, _ = making(httpx.Response(200, json={"access_token": "new-access"}))

    assert await refresh(app) == OAuthToken("new-access", "old-refresh", None, ("mood_read",))
    assert await exchange(app) == OAuthToken("new-access")


def raw(expires_in: str) -> httpx.Response:
    return httpx.Response(200, text=f'{{"access_token": "new-access", "expires_in": {expires_in}}}')


@both
@pytest.mark.parametrize(
    "expires_in",
    [
        "0",
        "-1",
        "1e-300",
        "null",
        "true",
        "NaN",
        "-Infinity",
        '"soon"',
        '""',
        '"-1"',
        '"NaN"',
        '"3600 s"',
        '"٣"',
        "[1]",
    ],
)
async def test_a_life_that_is_none_is_not_believed(making: Make, trade: Any, expires_in: str) -> None:
    app, _ = making(raw(expires_in))

    token = await trade(app)

    assert (token.access_token, token.expires_at) == ("new-access", None)


@both
@pytest.mark.parametrize("expires_in", ["3600", "3600.0", '"3600"'])
async def test_a_life_is_a_number_of_seconds_or_its_digits(
    making: Make, trade: Any, expires_in: str, clock: Any
) -> None:
    app, _ = making(raw(expires_in))

    assert (await trade(app)).expires_at == datetime.fromtimestamp(clock.now + 3600, UTC)


@both
@pytest.mark.parametrize("expires_in", ["1e300", "1e999", "Infinity", "9" * 5_000, f'"{"9" * 5_000}"'])
async def test_a_life_without_end_ends_in_a_hundred_years(making: Make, trade: Any, expires_in: str) -> None:
    app, _ = making(raw(expires_in))

    assert (await trade(app)).expires_at == datetime(2069, 12, 7, 0, 16, 40, tzinfo=UTC)


@pytest.mark.parametrize("refresh_token", ['""', "null", "7", '["r"]', '"two words"', '"\\ud800"', '"odd \xff"'])
async def test_without_another_refresh_token_the_old_one_is_kept(making: Make, refresh_token: str) -> None:
    content = f'{{"access_token": "new-access", "refresh_token": {refresh_token}}}'.encode("latin-1")
    app, _ = making(httpx.Response(200, content=content))

    assert (await refresh(app)).refresh_token == "old-refresh"
    assert (await exchange(app)).refresh_token is None


@pytest.mark.parametrize(
    ("scope", "kept"),
    [
        ("a_read  b_write ", ("a_read", "b_write")),
        (["a_read", "b_write"], ("a_read", "b_write")),
        (["a_read b_write", "c_read"], ("a_read", "b_write", "c_read")),
        ("", ("mood_read",)),
        ([], ("mood_read",)),
        (None, ("mood_read",)),
        (7, ("mood_read",)),
        ({"a": 1}, ("mood_read",)),
        (["a_read", 7], ("mood_read",)),
        ("a_read ünknown", ("mood_read",)),
    ],
)
async def test_a_scope_is_a_string_or_a_list_and_else_as_it_was(
    making: Make, scope: Any, kept: tuple[str, ...]
) -> None:
    app, _ = making(ok(scope=scope))

    assert (await refresh(app)).scope == kept


@pytest.mark.parametrize("token_type", [None, 7, "", ["Bearer"], "two words"])
async def test_a_token_type_that_is_none_is_bearer(making: Make, token_type: Any) -> None:
    app, _ = making(ok(token_type=token_type))

    assert (await refresh(app)).token_type == "Bearer"


async def test_a_byte_order_mark_costs_nobody_their_token(making: Make) -> None:
    app, _ = making(httpx.Response(200, content=b"\xef\xbb\xbf" + ok().content))

    assert (await refresh(app)).access_token == "new-access"


@both
@pytest.mark.parametrize("failure", [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError])
async def test_what_was_not_sent_is_sent_again(making: Make, clock: Any, trade: Any, failure: Any) -> None:
    app, requests = making(failure("no"), failure("no"), ok())

    assert (await trade(app)).access_token == "new-access"
    assert len(requests) == 3
    assert clock.slept == [0.5, 1.0]


@both
async def test_a_service_that_cannot_be_reached_is_said_so(making: Make, trade: Any) -> None:
    app, requests = making(httpx.ConnectError("refused"))

    words = r"could not connect to https://exist\.io \(nothing was sent\): refused"
    with pytest.raises(OAuthError, match=words) as caught:
        await trade(app)

    assert (caught.value.code, caught.value.status_code) == (None, None)
    assert len(requests) == 3


LOST = [httpx.ReadError("cut"), httpx.ReadTimeout("late"), httpx.RemoteProtocolError("odd"), httpx.Response(408)]
FAILED = [httpx.Response(status) for status in (500, 502, 503, 504, 520)]


@pytest.mark.parametrize("answer", LOST + FAILED)
async def test_a_code_that_was_sent_is_never_sent_again(making: Make, answer: Any) -> None:
    app, requests = making(answer, ok())

    with pytest.raises(OAuthError):
        await exchange(app)

    assert len(requests) == 1


@pytest.mark.parametrize("answer", LOST + FAILED)
async def test_a_refresh_that_got_no_answer_is_made_once_more(making: Make, clock: Any, answer: Any) -> None:
    app, requests = making(answer, ok())
    assert (await refresh(app)).access_token == "new-access"
    assert (len(requests), clock.slept) == (2, [0.5])

    app, requests = making(answer)
    with pytest.raises(OAuthError) as caught:
        await refresh(app)
    assert len(requests) == 2
    assert not isinstance(caught.value, ReauthorizationRequired)


@both
@pytest.mark.parametrize("status", [301, 302, 400, 401, 403, 404, 429])
async def test_what_the_service_refuses_is_not_asked_again(making: Make, trade: Any, status: int) -> None:
    app, requests = making(httpx.Response(status, headers={"Location": "https://evil.example/"}))

    with pytest.raises(OAuthError, match=str(status)) as caught:
        await trade(app)

    assert caught.value.status_code == status
    assert [request.url.host for request in requests] == ["exist.io"]


@both
async def test_an_error_says_what_the_service_said_and_what_to_do(making: Make, trade: Any) -> None:
    app, _ = making(httpx.Response(400, json={"error": "invalid_client", "error_description": "Who are you?"}))

    with pytest.raises(OAuthError) as caught:
        await trade(app)

    assert (caught.value.code, caught.value.description) == ("invalid_client", "Who are you?")
    assert str(caught.value) == (
        "The token request was answered with 400: invalid_client: Who are you? Check client_id and client_secret."
    )


async def test_a_refresh_token_that_is_there_no_more_means_signing_in_again(making: Make) -> None:
    app, _ = making(httpx.Response(400, json={"error": "invalid_grant"}))

    with pytest.raises(ReauthorizationRequired, match=r"invalid_grant\. The user has to sign in again: .*exchange"):
        await refresh(app)


@both
@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200),
        httpx.Response(204),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={}),
        httpx.Response(200, json=OK | {"access_token": None}),
        httpx.Response(200, json=OK | {"access_token": ""}),
        httpx.Response(200, json=OK | {"access_token": "a\r\nHost: evil"}),
        httpx.Response(200, json=OK | {"access_token": ["a"]}),
        httpx.Response(200, content=b'{"access_token": "odd\xff"}'),
        httpx.Response(200, content=b"[" * 100_000),
        httpx.Response(200, json=OK | {"other": [{}] * 500_000}),  # a kilobyte of gzip, and seconds of decoding
    ],
)
async def test_a_success_that_cannot_be_read_is_an_error(making: Make, trade: Any, answer: httpx.Response) -> None:
    app, requests = making(answer)

    with pytest.raises(OAuthError, match=r"may have been .* but the answer can't be read") as caught:
        await trade(app)

    assert isinstance(caught.value, ReauthorizationRequired) is (trade is refresh)
    assert len(requests) == 1


@pytest.mark.parametrize("lost", [httpx.ReadError("cut"), httpx.Response(500), httpx.Response(408)])
async def test_a_refresh_that_got_lost_and_could_not_be_repeated_may_have_been_carried_out(
    making: Make, lost: Any
) -> None:
    app, requests = making(lost, httpx.ConnectError("refused"))

    words = "the result of an earlier attempt is unknown.*nothing was sent.*refused.*may have been carried out"
    with pytest.raises(OAuthError, match=words) as caught:
        await refresh(app)

    assert type(caught.value) is OAuthError
    assert isinstance(caught.value.__cause__, NoAnswerError)
    assert len(requests) == 3


async def test_a_refresh_that_got_lost_before_the_client_was_closed_may_have_been_carried_out(making: Make) -> None:
    async def close(_: float) -> None:
        await app._forms._http_client.aclose()  # type: ignore[union-attr]

    app, requests = making(httpx.ReadError("cut"), ok(), sleep=close)

    with pytest.raises(OAuthError, match=r"closed.*may have been carried out"):
        await refresh(app)

    assert len(requests) == 1


async def test_a_client_of_yours_that_is_closed_is_said_so(making: Make) -> None:
    app, requests = making(ok())
    await app._forms._http_client.aclose()  # type: ignore[union-attr]

    with pytest.raises(OAuthError, match="closed"):
        await refresh(app)

    assert requests == []


async def test_without_a_client_of_yours_a_connection_is_made_for_each_request(sandbox: Sandbox) -> None:
    async with sandbox.serve() as url:
        credentials = ("sandbox-client", "sandbox-secret", "http://localhost:8000/")
        app = OAuthApp(*credentials, base_url=url, fraction=lambda: 0.0)
        address, state = app.authorization_url([Scope.MOOD_READ])

        token = await app.exchange(sandbox.authorize(address), state=state)
        renewed = await app.refresh(token)

    assert token.scope == renewed.scope == ("mood_read",)
    with pytest.raises(OAuthError, match="nothing was sent"):
        await app.refresh(renewed)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("client_id", ""),
        ("client_id", None),
        ("client_secret", ""),
        ("client_secret", "two words"),
        ("redirect_uri", ""),
        ("redirect_uri", "/callback"),
        ("redirect_uri", "https://example.com/#top"),
        ("redirect_uri", "https://exa mple.com/"),
        ("redirect_uri", "https://[::1"),
        ("redirect_uri", "https://exämple.com/"),
        ("redirect_uri", "https://example.com/✓"),
        ("redirect_uri", 7),
        ("base_url", "http://exist.io"),
        ("http_client", "a client"),
    ],
)
def test_a_wrong_argument_is_named(name: str, value: Any) -> None:
    arguments: dict[str, Any] = {
        "client_id": "an-id",
        "client_secret": "a-secret",
        "redirect_uri": "https://example.com/",
    }

    with pytest.raises(ConfigurationError, match=name) as caught:
        OAuthApp(**(arguments | {name: value}))

    assert "two words" not in str(caught.value)


async def test_a_refresh_is_repeated_once_after_a_503_whatever_pause_it_asks_for(making: Make) -> None:
    app, requests = making(httpx.Response(503, headers={"Retry-After": "120"}), ok())

    assert (await refresh(app)).access_token == "new-access"
    assert len(requests) == 2


@pytest.mark.parametrize("retry_after", ["0", "Fri, 15 Jan 2021 08:01:00 GMT", "30"])
async def test_a_token_request_that_is_rate_limited_is_not_repeated(making: Make, retry_after: str) -> None:
    app, requests = making(httpx.Response(429, headers={"Retry-After": retry_after}))

    with pytest.raises(OAuthError) as caught:
        await refresh(app)

    assert caught.value.status_code == 429
    assert len(requests) == 1


async def test_refreshes_that_failed_before_leave_later_ones_their_repeat(making: Make) -> None:
    answers = [httpx.ReadError("cut")] * 300
    app, requests = making(*answers, httpx.ReadError("cut"), ok())
    for _ in range(150):
        with pytest.raises(OAuthError):
            await refresh(app)

    assert (await refresh(app)).access_token == "new-access"
    assert len(requests) == 302


async def test_a_refused_token_request_quotes_nothing_of_the_answer(making: Make) -> None:
    app, _ = making(httpx.Response(400, json={"error": "invalid_request", "access_token": "a-leaked-token"}))

    with pytest.raises(OAuthError) as caught:
        await refresh(app)

    assert caught.value.code == "invalid_request"
    assert "a-leaked-token" not in f"{caught.value} {vars(caught.value)} {vars(caught.value.__cause__)}"
