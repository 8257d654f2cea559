"""Renewing a token: once, however many find it expired, and no more often than it must be."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import attrs
import httpx
import pytest

from exist_async import (
    AuthenticationError,
    ByName,
    ConfigurationError,
    ExistClient,
    MemoryRateLimiter,
    MemoryTokenStore,
    OAuth2,
    OAuthApp,
    OAuthError,
    OAuthToken,
    PermissionDeniedError,
    ReauthorizationRequired,
    ValueIncrement,
)
from exist_async._http.call import Call
from exist_async._http.pool import Pool
from exist_async.auth.oauth2 import renew_at
from exist_async.sandbox import Sandbox

Count = Callable[[], int]


async def test_a_user_who_signed_in_is_signed_for(exist: ExistClient, refreshes: Count) -> None:
    assert (await exist.profile.get()).username == "ada"
    assert refreshes() == 0


@pytest.mark.parametrize(
    ("of_app", "of_client"),
    [("https://exist.io", "http://127.0.0.1:8765"), ("http://127.0.0.1:8765", "https://exist.io")],
)
async def test_a_token_is_sent_to_no_other_service_than_its_own(of_app: str, of_client: str) -> None:
    auth = OAuth2(OAuthApp("id", "secret", "http://localhost:8000/", base_url=of_app), MemoryTokenStore(), "ada")
    shared = ExistClient("a-token", base_url=of_client)

    with pytest.raises(ConfigurationError, match=f"base_url is {of_client}, but the tokens belong to {of_app}"):
        ExistClient(auth, base_url=of_client)
    with pytest.raises(ConfigurationError, match="give the client and its OAuthApp the same base_url"):
        shared.with_options(auth=auth)
    await shared.aclose()


async def test_the_store_is_read_once_and_not_for_every_request(
    exist: ExistClient, store: MemoryTokenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads = 0
    load = store.load

    async def counting(user: str) -> OAuthToken | None:
        nonlocal loads
        loads += 1
        return await load(user)

    monkeypatch.setattr(store, "load", counting)
    for _ in range(5):
        await exist.profile.get()

    assert loads == 1


async def test_a_rejected_token_is_renewed_saved_and_used(
    exist: ExistClient, sandbox: Sandbox, store: MemoryTokenStore, refreshes: Count
) -> None:
    old = await store.load("ada")
    sandbox.expire_tokens()

    assert (await exist.profile.get()).username == "ada"

    new = await store.load("ada")
    assert old is not None
    assert new is not None
    assert new.access_token != old.access_token
    assert new.refresh_token != old.refresh_token
    assert new.scope == old.scope
    assert [request.status for request in sandbox.requests] == [401, 200, 200]


async def test_twenty_calls_that_are_rejected_at_once_make_one_refresh(
    exist: ExistClient, sandbox: Sandbox, refreshes: Count
) -> None:
    sandbox.expire_tokens()
    sandbox.latency = 0.01

    profiles = await asyncio.gather(*(exist.profile.get() for _ in range(20)))

    assert {profile.username for profile in profiles} == {"ada"}
    assert refreshes() == 1


async def test_several_objects_for_one_user_make_one_refresh(
    app: OAuthApp,
    auth: OAuth2,
    exist: ExistClient,
    store: MemoryTokenStore,
    sandbox: Sandbox,
    refreshes: Count,
    clock: Any,
) -> None:
    sandbox.expire_tokens()
    sandbox.latency = 0.01
    views = [exist.with_options(auth=OAuth2(app, store, "ada", clock=clock)) for _ in range(20)]

    await asyncio.gather(*(view.profile.get() for view in views))

    assert refreshes() == 1


async def test_who_comes_later_with_the_old_token_takes_the_new_one_from_the_store(
    app: OAuthApp,
    auth: OAuth2,
    exist: ExistClient,
    store: MemoryTokenStore,
    sandbox: Sandbox,
    refreshes: Count,
    clock: Any,
) -> None:
    late = exist.with_options(auth=OAuth2(app, store, "ada", clock=clock))
    await late.profile.get()
    sandbox.expire_tokens()
    await exist.profile.get()

    assert (await late.profile.get()).username == "ada"
    assert refreshes() == 1


async def test_a_rejection_that_arrives_after_the_renewal_renews_nothing(
    exist: ExistClient, auth: OAuth2, store: MemoryTokenStore, sandbox: Sandbox, refreshes: Count
) -> None:
    old = await store.load("ada")
    assert old is not None
    sandbox.expire_tokens()
    await exist.profile.get()

    await auth.renew(old.access_token)

    assert refreshes() == 1


async def test_each_user_s_token_is_renewed_by_itself(
    app: OAuthApp, exist: ExistClient, store: MemoryTokenStore, sandbox: Sandbox, refreshes: Count, clock: Any
) -> None:
    grace = sandbox.add_user("grace")
    url, state = app.authorization_url(["mood_read"])
    await store.save("grace", await app.exchange(sandbox.authorize(url, grace), state=state))
    sandbox.expire_tokens()
    other = exist.with_options(auth=OAuth2(app, store, "grace", clock=clock))
    sandbox.reset_requests()

    profiles = await asyncio.gather(exist.profile.get(), other.profile.get())

    assert [profile.username for profile in profiles] == ["ada", "grace"]
    assert refreshes() == 2


async def test_a_token_is_renewed_shortly_before_it_expires(
    exist: ExistClient, sandbox: Sandbox, refreshes: Count, clock: Any
) -> None:
    await exist.profile.get()
    clock.now += 31_536_000 - 301
    await exist.profile.get()
    assert refreshes() == 0

    clock.now += 1
    await exist.profile.get()

    assert refreshes() == 1
    assert 401 not in [request.status for request in sandbox.requests]


async def test_a_token_with_little_time_is_used_for_half_of_it(
    exist: ExistClient, sandbox: Sandbox, refreshes: Count, clock: Any
) -> None:
    sandbox.token_lifetime = 60
    sandbox.expire_tokens()

    for seconds in [0, 29, 0.5]:
        clock.now += seconds
        await exist.profile.get()
    assert refreshes() == 1

    clock.now += 1
    await exist.profile.get()
    assert refreshes() == 2


@pytest.mark.parametrize(
    ("expires_at", "refresh_token", "moment"),
    [
        (10_000.0, "r", 9_700.0),
        (1_100.0, "r", 1_050.0),
        (900.0, "r", 950.0),  # which is past, so that it is renewed at once
        (10_000.0, None, float("inf")),
        (None, "r", float("inf")),
    ],
)
def test_when_a_token_got_at_one_thousand_is_renewed(
    expires_at: float | None, refresh_token: str | None, moment: float
) -> None:
    end = None if expires_at is None else datetime.fromtimestamp(expires_at, UTC)

    assert renew_at(OAuthToken("a", refresh_token, end), 1_000.0) == moment


async def test_an_increment_that_was_rejected_is_made_once(exist: ExistClient, sandbox: Sandbox) -> None:
    await exist.attributes.acquire(["coffees"])
    sandbox.expire_tokens()

    result = await exist.values.increment([ValueIncrement("coffees", 1, await exist.profile.today())])
    sandbox.expire_tokens()
    again = await exist.values.increment([ValueIncrement("coffees", 1, await exist.profile.today())])

    assert result.ok
    assert [echo.current for echo in again.succeeded] == [2]


async def test_a_second_401_is_the_caller_s(exist: ExistClient, sandbox: Sandbox, refreshes: Count) -> None:
    sandbox.fail_next(99, status=401, path="accounts/profile/")

    with pytest.raises(AuthenticationError):
        await exist.profile.get()

    assert [request.status for request in sandbox.requests] == [401, 200, 401]


async def test_a_renewal_leaves_the_retries_as_they_were(
    exist: ExistClient, auth: OAuth2, clock: Any, refreshes: Count
) -> None:
    answers = iter(
        [httpx.ConnectError("no"), httpx.Response(401), httpx.ConnectError("no"), httpx.Response(200, json={})]
    )

    def answer(request: httpx.Request) -> httpx.Response:
        match next(answers):
            case httpx.Response() as response:
                return response
            case error:
                raise error

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        client = ExistClient(auth, http_client=http, max_retries=2, rate_limiter=None, sleep=clock.sleep)
        assert await client.request("GET", "attributes/") == {}


async def test_every_attempt_takes_its_turn_at_the_limiter(
    auth: OAuth2, http: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    users: list[object] = []

    class Counting(MemoryRateLimiter):
        async def acquire(self, user: object, *, max_wait: float | None) -> None:
            users.append(user)

    sandbox.expire_tokens()

    await ExistClient(auth, http_client=http, rate_limiter=Counting()).profile.get()

    assert users == ["ada", "ada"]


async def test_a_403_renews_nothing(exist: ExistClient, sandbox: Sandbox, refreshes: Count) -> None:
    sandbox.fail_next(status=403)

    with pytest.raises(PermissionDeniedError):
        await exist.profile.get()

    assert refreshes() == 0


async def test_a_new_sign_in_in_the_store_is_found_without_a_refresh(
    exist: ExistClient, sandbox: Sandbox, store: MemoryTokenStore, sign_in: Any, refreshes: Count
) -> None:
    await exist.profile.get()
    sandbox.expire_tokens()
    await store.save("ada", await sign_in())
    sandbox.reset_requests()

    assert (await exist.profile.get()).username == "ada"
    assert refreshes() == 0


async def test_who_never_signed_in_is_told_to(app: OAuthApp, store: MemoryTokenStore, http: httpx.AsyncClient) -> None:
    with pytest.raises(ReauthorizationRequired, match=r"no token of 'grace'.*Sign them in"):
        await ExistClient(OAuth2(app, store, "grace"), http_client=http).profile.get()


async def test_a_token_without_a_refresh_token_is_used_until_it_is_rejected(
    exist: ExistClient, sandbox: Sandbox, store: MemoryTokenStore, clock: Any, refreshes: Count
) -> None:
    token = await store.load("ada")
    assert token is not None
    await store.save("ada", attrs.evolve(token, refresh_token=None, expires_at=datetime.fromtimestamp(clock.now, UTC)))
    assert (await exist.profile.get()).username == "ada"

    sandbox.expire_tokens()

    with pytest.raises(ReauthorizationRequired, match="has no refresh token"):
        await exist.profile.get()
    assert refreshes() == 0


async def test_a_write_whose_token_cannot_be_renewed_sends_nothing(
    exist: ExistClient, sandbox: Sandbox, store: MemoryTokenStore, refreshes: Count
) -> None:
    await store.delete("ada")

    with pytest.raises(ReauthorizationRequired) as caught:
        await exist.attributes.release([ByName(f"tag_{n}") for n in range(100)])

    assert caught.value.result is not None
    assert len(caught.value.result.not_sent) == 100
    assert sandbox.batch_sizes == []


async def test_a_write_asks_for_a_token_no_more_when_there_is_none_to_be_had(
    exist: ExistClient, sandbox: Sandbox, refreshes: Count
) -> None:
    sandbox.expire_tokens()
    sandbox.fail_next(99, path="oauth2/access_token", status=429)

    with pytest.raises(OAuthError, match="429"):
        await exist.with_options(concurrency=1).attributes.release([f"tag_{n}" for n in range(100)])

    assert refreshes() == 1


async def test_a_renewal_beforehand_is_no_part_of_the_request_and_its_timeout(
    exist: ExistClient, sandbox: Sandbox, clock: Any, refreshes: Count, monkeypatch: pytest.MonkeyPatch
) -> None:
    renewed: list[int] = []
    send = Pool.send

    async def noting(self: Pool, call: Call, *rest: Any) -> httpx.Response:
        if call.path != "/oauth2/access_token":
            renewed.append(refreshes())
        return await send(self, call, *rest)

    monkeypatch.setattr(Pool, "send", noting)
    clock.now += 31_536_000

    await exist.profile.get()

    assert renewed == [1]


async def test_two_writes_that_wait_for_one_failed_renewal_have_results_of_their_own(
    exist: ExistClient, sandbox: Sandbox
) -> None:
    sandbox.expire_tokens()
    sandbox.latency = 0.01
    sandbox.fail_next(2, path="oauth2/access_token")

    errors = await asyncio.gather(
        exist.attributes.release(["one"]), exist.attributes.release(["two", "three"]), return_exceptions=True
    )

    assert [type(error) for error in errors] == [OAuthError, OAuthError]
    assert [len(error.result.not_sent) for error in errors] == [1, 2]  # type: ignore[union-attr]


async def test_it_works_on_one_event_loop_after_another(exist: ExistClient, sandbox: Sandbox, refreshes: Count) -> None:
    def on_a_loop_of_its_own() -> str:
        return asyncio.run(exist.profile.get()).username

    for _ in range(3):
        sandbox.expire_tokens()
        assert await asyncio.to_thread(on_a_loop_of_its_own) == "ada"

    assert refreshes() == 3


async def test_loops_of_several_threads_make_one_refresh(
    exist: ExistClient, sandbox: Sandbox, refreshes: Count
) -> None:
    sandbox.expire_tokens()
    sandbox.latency = 0.01

    names = await asyncio.gather(
        *(asyncio.to_thread(lambda: asyncio.run(exist.profile.get()).username) for _ in range(4))
    )

    assert names == ["ada"] * 4
    assert refreshes() == 1


@pytest.mark.parametrize("asynchronous", [True, False])
async def test_whoever_wants_to_know_is_told_of_the_new_token_after_it_was_saved(
    app: OAuthApp,
    auth: OAuth2,
    store: MemoryTokenStore,
    http: httpx.AsyncClient,
    sandbox: Sandbox,
    clock: Any,
    asynchronous: bool,
) -> None:
    told: list[OAuthToken] = []

    async def tell_later(token: OAuthToken) -> None:
        await asyncio.sleep(0)
        told.append(token)

    on_change = tell_later if asynchronous else told.append
    client = ExistClient(OAuth2(app, store, "ada", on_change=on_change, clock=clock), http_client=http)
    sandbox.expire_tokens()

    await client.profile.get()

    assert told == [await store.load("ada")]


async def test_what_on_change_raises_is_raised_and_the_new_token_is_used_all_the_same(
    app: OAuthApp,
    auth: OAuth2,
    store: MemoryTokenStore,
    http: httpx.AsyncClient,
    sandbox: Sandbox,
    refreshes: Count,
    clock: Any,
) -> None:
    def fail(token: OAuthToken) -> None:
        raise ZeroDivisionError

    client = ExistClient(OAuth2(app, store, "ada", on_change=fail, clock=clock), http_client=http)
    sandbox.expire_tokens()

    with pytest.raises(OAuthError, match=r"on_change failed \(ZeroDivisionError\)") as caught:
        await client.profile.get()

    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert (await client.profile.get()).username == "ada"
    assert refreshes() == 1


async def test_what_on_change_raises_after_a_renewal_beforehand_is_raised_too(
    app: OAuthApp, auth: OAuth2, store: MemoryTokenStore, http: httpx.AsyncClient, refreshes: Count, clock: Any
) -> None:
    def fail(token: OAuthToken) -> None:
        raise ZeroDivisionError

    client = ExistClient(OAuth2(app, store, "ada", on_change=fail, clock=clock), http_client=http)
    await client.profile.get()
    clock.now += 31_536_000 - 100

    with pytest.raises(OAuthError, match="on_change failed"):
        await client.profile.get()

    assert (await client.profile.get()).username == "ada"
    assert refreshes() == 1


async def test_only_the_object_that_renewed_is_told(
    app: OAuthApp,
    auth: OAuth2,
    store: MemoryTokenStore,
    http: httpx.AsyncClient,
    sandbox: Sandbox,
    refreshes: Count,
    clock: Any,
) -> None:
    told: list[str] = []

    def client(name: str) -> ExistClient:
        signs = OAuth2(app, store, "ada", on_change=lambda _: told.append(name), clock=clock)
        return ExistClient(signs, http_client=http)

    renewing, finding = client("renewing"), client("finding")
    await asyncio.gather(renewing.profile.get(), finding.profile.get())
    sandbox.expire_tokens()
    await renewing.profile.get()
    await finding.profile.get()

    assert told == ["renewing"]
    assert refreshes() == 1


async def test_a_renewal_beforehand_that_fails_leaves_the_token_in_use_and_comes_again_later(
    exist: ExistClient, sandbox: Sandbox, refreshes: Count, clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    await exist.profile.get()
    clock.now += 31_536_000 - 300
    sandbox.fail_next(2, path="oauth2/access_token", status=429)

    for seconds, made in [(0, 1), (149, 1), (1, 2), (74, 2), (1, 3), (60, 3)]:
        clock.now += seconds
        assert (await exist.profile.get()).username == "ada"
        assert refreshes() == made

    assert [(record.name, record.levelname) for record in caplog.records if record.name != "httpx"] == [
        ("exist_async", "WARNING"),
        ("exist_async", "WARNING"),
    ]
    assert "Calls use the old token of 'ada' until it expires. The token request was answered" in caplog.text


async def test_calls_that_wait_for_one_renewal_beforehand_go_on_together(
    exist: ExistClient, sandbox: Sandbox, refreshes: Count, clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    await exist.profile.get()
    clock.now += 31_536_000 - 300
    sandbox.fail_next(99, path="oauth2/access_token", status=429)
    sandbox.latency = 0.01

    profiles = await asyncio.gather(*(exist.profile.get() for _ in range(10)))

    assert {profile.username for profile in profiles} == {"ada"}
    assert refreshes() == 1
    assert caplog.text.count("Calls use the old token") == 1


async def test_a_renewal_that_fails_once_the_token_has_expired_fails_the_call(
    exist: ExistClient, sandbox: Sandbox, refreshes: Count, clock: Any
) -> None:
    await exist.profile.get()
    clock.now += 31_536_000
    sandbox.fail_next(path="oauth2/access_token", status=429)

    with pytest.raises(OAuthError, match="429"):
        await exist.profile.get()


async def test_a_renewal_beforehand_that_says_to_sign_in_again_fails_the_call(
    exist: ExistClient, sandbox: Sandbox, refreshes: Count, clock: Any
) -> None:
    await exist.profile.get()
    clock.now += 31_536_000 - 300
    sandbox.fail_next(path="oauth2/access_token", status=400, json={"error": "invalid_grant"})

    with pytest.raises(ReauthorizationRequired):
        await exist.profile.get()


async def test_it_signs_for_any_asynchronous_client_and_for_no_other(auth: OAuth2, http: httpx.AsyncClient) -> None:
    response = await http.get("https://exist.io/api/2/accounts/profile/", auth=auth)

    assert response.json()["username"] == "ada"
    with pytest.raises(ConfigurationError, match="async clients only"):
        next(auth.sync_auth_flow(response.request))


@pytest.mark.parametrize("wrong", [{"app": "an app"}, {"store": {}}, {"user": ""}, {"user": 7}])
def test_a_wrong_argument_is_named(app: OAuthApp, store: MemoryTokenStore, wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        OAuth2(**({"app": app, "store": store, "user": "ada"} | wrong))
