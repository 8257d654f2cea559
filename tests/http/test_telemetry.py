"""The log lines and events of a call."""

import asyncio
import logging
import pickle
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest

from exist_async import (
    AttemptEvent,
    ConfigurationError,
    Event,
    ExistClient,
    MemoryRateLimiter,
    MemoryTokenStore,
    OAuth2,
    OAuthApp,
    OAuthToken,
    OutcomeUnknownError,
    RateLimitError,
    RefreshEvent,
    RetryEvent,
    ServerError,
    ValueIncrement,
    WaitEvent,
)
from exist_async._http.signing import user_of
from exist_async.sandbox import Sandbox
from support import succeed

Answering = Callable[..., ExistClient]

PATH = "/api/2/accounts/profile/"
NOT_SENT = f"GET {PATH}: could not connect to https://exist.io (nothing was sent): refused"
DAY = date(2026, 11, 20)


def script(clock: Any, *answers: httpx.Response | Exception) -> Callable[[httpx.Request], httpx.Response]:
    left = list(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        clock.now += 0.25
        what = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(what, Exception):
            raise what
        return what

    return answer


OK = httpx.Response(200, json={"username": "ada"})


async def test_each_attempt_and_each_retry_is_an_event(answering: Answering, clock: Any) -> None:
    events: list[Event] = []
    service = script(clock, httpx.ConnectError("refused"), httpx.Response(503), OK)
    client = answering(service, on_event=events.append, fraction=lambda: 1.0)

    await client.with_options().profile.get()

    user = user_of(client._session.auth)
    assert events == [
        AttemptEvent("GET", PATH, user, 1, 0.25, None, "ConnectionFailedError"),
        RetryEvent("GET", PATH, user, 1, "ConnectionFailedError", 0.5),
        AttemptEvent("GET", PATH, user, 2, 0.25, 503, "ServerError"),
        RetryEvent("GET", PATH, user, 2, "ServerError", 1.0),
        AttemptEvent("GET", PATH, user, 3, 0.25, 200, None),
    ]
    assert pickle.loads(pickle.dumps(events)) == events


async def test_an_unknown_write_tells_the_status_that_it_was_answered_with(answering: Answering, clock: Any) -> None:
    events: list[Event] = []
    client = answering(script(clock, httpx.Response(504)), on_event=events.append)

    with pytest.raises(OutcomeUnknownError):
        await client.values.increment([ValueIncrement("coffees", 1, DAY)])

    assert [(event.status_code, event.error) for event in events if isinstance(event, AttemptEvent)] == [
        (504, "OutcomeUnknownError")
    ]


async def test_a_wait_for_the_budget_is_an_event(answering: Answering, clock: Any) -> None:
    events: list[Event] = []
    limiter = MemoryRateLimiter(limit=1, period=30, clock=clock, sleep=clock.sleep)
    client = answering(script(clock, OK), on_event=events.append, rate_limiter=limiter)

    await client.profile.get()
    await client.profile.get()

    user = user_of(client._session.auth)
    assert [event for event in events if isinstance(event, WaitEvent)] == [WaitEvent(user, 30.0)]


async def test_a_429_is_a_retry_with_the_time_that_was_asked_for(answering: Answering, clock: Any) -> None:
    events: list[Event] = []
    client = answering(
        script(clock, httpx.Response(429, headers={"Retry-After": "7"}), OK), on_event=events.append, rate_limiter=None
    )

    await client.profile.get()

    assert [(event.error, event.seconds) for event in events if isinstance(event, RetryEvent)] == [
        ("RateLimitError", 7.0)
    ]


@pytest.mark.parametrize("how", ["expired", "rejected"])
async def test_a_renewal_is_an_event_of_each_call_that_waited_for_it(sandbox: Sandbox, how: str) -> None:
    events: list[Event] = []
    async with httpx.AsyncClient(transport=sandbox.transport()) as http_client:
        service = sandbox.service
        app = OAuthApp(service.client_id, service.client_secret, service.redirect_uri, http_client=http_client)
        url, state = app.authorization_url(["mood_read"])
        store, token = MemoryTokenStore(), await app.exchange(sandbox.authorize(url), state=state)
        if how == "expired":
            token = OAuthToken(token.access_token, token.refresh_token, datetime(2020, 1, 1, tzinfo=UTC))
        else:
            sandbox.expire_tokens()
        await store.save("ada", token)

        await ExistClient(OAuth2(app, store, "ada"), http_client=http_client, on_event=events.append).profile.get()

    assert [event.user for event in events if isinstance(event, RefreshEvent)] == ["ada"]


async def test_the_auth_of_a_caller_is_not_shown(answering: Answering, clock: Any) -> None:
    events: list[Event] = []
    client = answering(script(clock, OK), on_event=events.append).with_options(auth=httpx.BasicAuth("ada", "hunter2"))

    await client.profile.get()

    assert [event.user for event in events] == [None]


async def test_a_view_can_have_a_listener_of_its_own(answering: Answering, clock: Any) -> None:
    mine: list[Event] = []
    ours: list[Event] = []
    client = answering(script(clock, OK), on_event=ours.append)

    await client.with_options(on_event=mine.append).profile.get()
    await client.with_options().profile.get()
    await client.with_options(on_event=None).profile.get()

    assert (len(mine), len(ours)) == (1, 1)


async def test_a_listener_that_raises_costs_no_call_and_is_logged(
    answering: Answering, clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(event: Event) -> None:
        raise LookupError("no such metric")

    assert (await answering(script(clock, OK), on_event=broken).profile.get()).username == "ada"

    assert [record.getMessage() for record in caplog.records] == ["on_event raised an error; the call goes on"]
    assert "no such metric" in caplog.text


def test_a_listener_is_a_function() -> None:
    with pytest.raises(ConfigurationError, match="on_event must be a function"):
        ExistClient("a-token", on_event=7)  # type: ignore[arg-type]


async def test_the_log_has_a_line_for_each_attempt_retry_and_wait(
    answering: Answering, clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    limiter = MemoryRateLimiter(limit=1, period=30, clock=clock, sleep=clock.sleep)
    client = answering(script(clock, httpx.ConnectError("refused"), OK), rate_limiter=limiter)

    with caplog.at_level(logging.DEBUG, "exist_async"):
        await client.profile.get()
        await client.profile.get()

    lines = [(record.levelname, record.getMessage()) for record in caplog.records if record.name == "exist_async"]
    assert lines == [
        ("DEBUG", f"GET {PATH}, attempt 1: ConnectionFailedError after 0.250 s"),
        ("INFO", f"GET {PATH}, attempt 1 failed; retrying in 0.00 s. {NOT_SENT}"),
        ("DEBUG", f"GET {PATH}, attempt 2: 200 after 0.250 s"),
        ("INFO", "The budget of 1 requests in 30 s is spent: waiting 30.0 s"),
        ("INFO", f"GET {PATH} waited 30.00 s for the rate limit"),
        ("DEBUG", f"GET {PATH}, attempt 1: 200 after 0.250 s"),
    ]


async def test_nothing_is_logged_that_nobody_has_to_do_something_about(
    answering: Answering, clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ServerError):
        await answering(script(clock, httpx.Response(503))).profile.get()
    with pytest.raises(RateLimitError):
        await answering(script(clock, httpx.Response(429, headers={"Retry-After": "90"}))).profile.get()
    await answering(succeed).attributes.release(["steps"])

    assert [record for record in caplog.records if record.levelno > logging.INFO] == []


async def test_a_success_that_cannot_be_read_is_no_success(answering: Answering, clock: Any) -> None:
    events: list[Event] = []
    client = answering(script(clock, httpx.Response(200, text="<html>")), on_event=events.append)

    with pytest.raises(OutcomeUnknownError):
        await client.values.increment([ValueIncrement("coffees", 1, DAY)])

    assert [(event.status_code, event.error) for event in events if isinstance(event, AttemptEvent)] == [
        (200, "OutcomeUnknownError")
    ]


async def test_a_read_that_is_cancelled_is_an_event(answering: Answering) -> None:
    events: list[Event] = []
    asked = asyncio.Event()

    async def never(request: httpx.Request) -> httpx.Response:
        asked.set()
        await asyncio.Event().wait()
        return OK

    read = asyncio.create_task(answering(never, on_event=events.append).profile.get())
    await asked.wait()
    read.cancel()
    await asyncio.wait([read])

    assert [(event.status_code, event.error) for event in events if isinstance(event, AttemptEvent)] == [
        (None, "CancelledError")
    ]


async def test_attempts_around_a_renewal_have_numbers_of_their_own(sandbox: Sandbox) -> None:
    events: list[Event] = []
    async with httpx.AsyncClient(transport=sandbox.transport()) as http_client:
        service = sandbox.service
        app = OAuthApp(service.client_id, service.client_secret, service.redirect_uri, http_client=http_client)
        url, state = app.authorization_url(["mood_read"])
        store = MemoryTokenStore()
        await store.save("ada", await app.exchange(sandbox.authorize(url), state=state))
        sandbox.expire_tokens()

        await ExistClient(OAuth2(app, store, "ada"), http_client=http_client, on_event=events.append).profile.get()

    attempts = [event for event in events if isinstance(event, AttemptEvent)]
    assert [(event.attempt, event.status_code) for event in attempts] == [(1, 401), (2, 200)]


async def test_a_listener_that_raises_a_cancellation_cancels_nothing(answering: Answering, clock: Any) -> None:
    def broken(event: Event) -> None:
        raise asyncio.CancelledError

    assert (await answering(script(clock, OK), on_event=broken).profile.get()).username == "ada"


async def test_an_async_listener_is_refused_since_nobody_would_wait_for_it(answering: Answering) -> None:
    async def listen(heard: object) -> None: ...

    with pytest.raises(ConfigurationError, match=r"on_event must be a function .* not an async function"):
        answering(succeed, on_event=listen)
    with pytest.raises(ConfigurationError, match=r"on_outcome must be a function .* not an async function"):
        await answering(succeed).attributes.release(["steps"], on_outcome=listen)  # type: ignore[arg-type]
