"""Losses while a token is renewed: of the answer, the store, the caller or the event loop."""

import asyncio
import gc
import logging
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import attrs
import httpx
import pytest

from exist_async import (
    AuthenticationError,
    ExistClient,
    MemoryTokenStore,
    OAuth2,
    OAuthApp,
    OAuthError,
    OAuthToken,
    ReauthorizationRequired,
)
from exist_async.auth.oauth2 import _unsaved
from exist_async.auth.renewals import _in_progress, _Renewal
from exist_async.sandbox import Sandbox

Count = Callable[[], int]
TOKEN = "oauth2/access_token"


class Gate(httpx.AsyncBaseTransport):
    """The sandbox, whose answers to token requests wait at a gate."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox.transport()
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()
        self.opened_when = self.opened.is_set

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._sandbox.handle_async_request(request)
        if request.url.path.endswith(TOKEN):
            self.reached.set()
            await until(lambda: self.opened_when())
        return response


@pytest.fixture
async def gate(sandbox: Sandbox, app: OAuthApp, auth: OAuth2) -> AsyncGenerator[Gate, None]:
    """Every token request of the app from now on."""
    gate = Gate(sandbox)
    async with httpx.AsyncClient(transport=gate) as http:
        app._forms._http_client = http
        yield gate


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  (nothing tells of these)
            await asyncio.sleep(0)


def renewals() -> list[_Renewal]:
    return [renewal for on_loop in _in_progress.values() for renewal in on_loop.renewals.values()]


async def test_a_cancelled_caller_loses_no_token(
    exist: ExistClient, sandbox: Sandbox, store: MemoryTokenStore, gate: Gate, refreshes: Count
) -> None:
    old = await store.load("ada")
    sandbox.expire_tokens()
    call = asyncio.create_task(exist.profile.get())
    await gate.reached.wait()

    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    gate.opened.set()
    await until(lambda: store._tokens["ada"] != old)

    assert (await exist.profile.get()).username == "ada"
    assert refreshes() == 1


async def test_closing_the_client_waits_for_a_renewal_whose_caller_gave_up(
    exist: ExistClient, sandbox: Sandbox, store: MemoryTokenStore, gate: Gate
) -> None:
    old = await store.load("ada")
    sandbox.expire_tokens()

    async def job() -> None:
        async with exist:
            await exist.profile.get()

    giving_up = asyncio.create_task(job())
    await gate.reached.wait()
    giving_up.cancel()
    await until(lambda: exist._session._pool.closed)
    for _ in range(5):
        await asyncio.sleep(0)
    assert not giving_up.done()

    gate.opened.set()

    with pytest.raises(asyncio.CancelledError):
        await giving_up
    assert await store.load("ada") not in (None, old)


async def test_a_program_that_is_timed_out_while_it_renews_loses_no_token(
    app: OAuthApp, sandbox: Sandbox, store: MemoryTokenStore, auth: OAuth2
) -> None:
    async def program() -> None:
        gate = Gate(sandbox)
        async with httpx.AsyncClient(transport=gate) as http:
            app._forms._http_client = http
            async with ExistClient(auth, http_client=http) as exist, asyncio.timeout(None) as timeout:
                call = asyncio.create_task(exist.profile.get())
                await gate.reached.wait()
                # The answer comes some turns of the loop after all that the program itself waits for has ended.
                turns = iter(range(20))
                gate.opened_when = lambda: exist._session._pool.closed and next(turns, None) is None
                timeout.reschedule(0)
                await call

    old = await store.load("ada")
    sandbox.expire_tokens()
    with pytest.raises(TimeoutError):
        await asyncio.to_thread(lambda: asyncio.run(program()))

    new = await store.load("ada")
    assert new is not None
    assert new != old
    assert sandbox._state.grants.authenticate(f"Bearer {new.access_token}") is not None


async def test_closing_the_client_waits_for_a_renewal_that_asks_the_service_only_then(
    app: OAuthApp,
    exist: ExistClient,
    http: httpx.AsyncClient,
    sandbox: Sandbox,
    store: MemoryTokenStore,
    gate: Gate,
    clock: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def save(user: str, token: OAuthToken) -> None:
        for _ in range(20 if user == "ada" else 0):
            await asyncio.sleep(0)
        await MemoryTokenStore.save(store, user, token)

    gate.opened.set()
    callback = sandbox.authorize(app.authorization_url(["mood_read"])[0], sandbox.add_user("grace"))
    await store.save("grace", await app.exchange(callback))
    gate.opened.clear()
    gate.reached.clear()
    old = dict(store._tokens)
    monkeypatch.setattr(store, "save", save)
    sandbox.expire_tokens()
    closed = ExistClient(OAuth2(app, store, "grace", clock=clock), http_client=http)

    async with store.lock("ada"):
        calls = [asyncio.create_task(each.profile.get()) for each in (closed, exist)]
        await gate.reached.wait()
        calls[0].cancel()
        closing = asyncio.create_task(closed.aclose())
        await until(lambda: closed._session._pool.closed)
    gate.reached.clear()
    await gate.reached.wait()
    calls[1].cancel()
    gate.opened.set()
    await closing

    assert store._tokens["grace"] != old["grace"]
    assert store._tokens["ada"] != old["ada"]


async def test_closing_the_client_does_not_wait_for_a_store_that_hangs(
    exist: ExistClient, sandbox: Sandbox, store: MemoryTokenStore
) -> None:
    sandbox.expire_tokens()
    async with store.lock("ada"):
        call = asyncio.create_task(exist.profile.get())
        await until(lambda: bool(_in_progress))
        call.cancel()

        async with asyncio.timeout(5):
            await exist.aclose()

    await until(lambda: not _in_progress)


async def test_closing_the_client_ends_a_renewal_that_waits_for_its_lock_and_nobody_waits_for(
    exist: ExistClient, sandbox: Sandbox, store: MemoryTokenStore, refreshes: Count, caplog: pytest.LogCaptureFixture
) -> None:
    old = await store.load("ada")
    sandbox.expire_tokens()
    async with store.lock("ada"):
        call = asyncio.create_task(exist.profile.get())
        await until(lambda: bool(_in_progress))
        call.cancel()
        await exist.with_options(max_wait=1).aclose()
        assert _in_progress != {}

        await exist.aclose()

        assert _in_progress == {}
    for _ in range(20):
        await asyncio.sleep(0)

    assert refreshes() == 0
    assert await store.load("ada") == old
    assert caplog.messages == []


async def test_closing_one_client_leaves_a_renewal_to_the_calls_of_another(
    app: OAuthApp, auth: OAuth2, exist: ExistClient, http: httpx.AsyncClient, sandbox: Sandbox, store: MemoryTokenStore
) -> None:
    other = ExistClient(auth, http_client=http)
    sandbox.expire_tokens()
    async with store.lock("ada"):
        calls = [asyncio.create_task(each.profile.get()) for each in (exist, other)]
        await until(lambda: [renewal.callers for renewal in renewals()] == [2])
        calls[0].cancel()
        closing = asyncio.create_task(exist.aclose())
        await until(lambda: exist._session._pool.closed)
    await closing

    assert (await calls[1]).username == "ada"


async def test_a_renewal_that_closing_ended_is_begun_again_by_the_next_call(
    auth: OAuth2, http: httpx.AsyncClient, sandbox: Sandbox, store: MemoryTokenStore
) -> None:
    exist = ExistClient(auth, http_client=http, timeout=0.01)
    other = ExistClient(auth, http_client=http)
    sandbox.expire_tokens()
    async with store.lock("ada"):
        first = asyncio.create_task(exist.profile.get())
        await until(lambda: bool(_in_progress))
        first.cancel()
        closing = asyncio.create_task(exist.aclose())
        await until(lambda: any(renewal.task.cancelling() for renewal in renewals()))
        # The cancelled renewal has not ended yet.
        second = asyncio.create_task(other.profile.get())
        await closing

    assert (await second).username == "ada"


async def test_a_renewal_that_still_has_callers_is_logged_when_closing_does_not_wait_any_longer(
    auth: OAuth2,
    http: httpx.AsyncClient,
    sandbox: Sandbox,
    store: MemoryTokenStore,
    caplog: pytest.LogCaptureFixture,
) -> None:
    exist = ExistClient(auth, http_client=http, timeout=0.01)
    other = ExistClient(auth, http_client=http)
    sandbox.expire_tokens()
    async with store.lock("ada"):
        call = asyncio.create_task(other.profile.get())
        await until(lambda: bool(_in_progress))

        async with asyncio.timeout(5):
            await exist.aclose()

    assert "The renewal of the token of 'ada' still waits for the store's lock" in caplog.text
    assert (await call).username == "ada"


async def test_of_many_renewals_that_closing_does_not_wait_for_some_are_named(
    app: OAuthApp, auth: OAuth2, http: httpx.AsyncClient, store: MemoryTokenStore, caplog: pytest.LogCaptureFixture
) -> None:
    exist = ExistClient(auth, http_client=http, timeout=0.01)
    other = ExistClient(auth, http_client=http)
    users = [f"user-{n}" for n in range(8)]
    async with AsyncExitStack() as locks:
        for user in users:
            await store.save(user, OAuthToken("expired", "refresh", datetime(1970, 1, 1, tzinfo=UTC)))
            await locks.enter_async_context(store.lock(user))
        views = [other.with_options(auth=OAuth2(app, store, user)) for user in users]
        calls = [asyncio.create_task(view.profile.get()) for view in views]
        await until(lambda: len(renewals()) == len(users))

        await exist.aclose()

    assert caplog.text.count("still waits for the store's lock") == 5
    assert "The renewals of 3 more tokens still wait" in caplog.text
    await asyncio.gather(*calls, return_exceptions=True)


async def test_closing_the_client_gives_up_on_a_store_that_hangs_while_it_saves(
    exist: ExistClient,
    sandbox: Sandbox,
    store: MemoryTokenStore,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    saving, may_save = asyncio.Event(), asyncio.Event()

    async def save(user: str, token: OAuthToken) -> None:
        saving.set()
        await may_save.wait()

    monkeypatch.setattr(store, "save", save)
    monkeypatch.setattr("exist_async.auth.renewals._LONGEST_RENEWAL", 0.01)
    sandbox.expire_tokens()
    call = asyncio.create_task(exist.profile.get())
    await saving.wait()
    call.cancel()

    async with asyncio.timeout(5):
        await exist.aclose()

    assert "A renewed token is not saved after 0 s, and is lost if the event loop ends now" in caplog.text
    may_save.set()
    await until(lambda: not _in_progress)


async def test_what_a_renewal_ends_in_is_not_raised_by_closing_but_logged(
    exist: ExistClient, sandbox: Sandbox, gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox.expire_tokens()
    sandbox.fail_next(path=TOKEN, status=400, json={"error": "invalid_client"})
    call = asyncio.create_task(exist.profile.get())
    await gate.reached.wait()
    call.cancel()
    gate.opened.set()

    await exist.aclose()

    assert "The token of 'ada' was not renewed" in caplog.text


async def test_closing_the_client_waits_for_no_renewal_of_another_loop(
    exist: ExistClient, auth: OAuth2, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, closed = threading.Event(), threading.Event()

    async def wait(token: OAuthToken) -> OAuthToken:
        begun.set()
        await until(closed.is_set)
        return token

    monkeypatch.setattr(auth._app, "refresh", wait)
    sandbox.expire_tokens()
    elsewhere = asyncio.create_task(asyncio.to_thread(lambda: asyncio.run(exist.profile.get())))
    await until(begun.is_set)

    async with asyncio.timeout(5):
        await ExistClient("a-token").aclose()

    closed.set()
    with pytest.raises(AuthenticationError):
        await elsewhere


async def test_closing_a_view_waits_for_nothing_and_a_cancelled_closing_ends_no_renewal(
    exist: ExistClient, sandbox: Sandbox, store: MemoryTokenStore, gate: Gate
) -> None:
    old = await store.load("ada")
    sandbox.expire_tokens()
    call = asyncio.create_task(exist.profile.get())
    await gate.reached.wait()
    call.cancel()
    async with asyncio.timeout(10):
        await exist.with_options(max_wait=1).aclose()

    closing = asyncio.create_task(exist.aclose())
    await until(lambda: exist._session._pool.closed)
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    gate.opened.set()

    await until(lambda: store._tokens["ada"] != old)


async def test_the_others_go_on_when_the_caller_who_began_the_renewal_is_cancelled(
    exist: ExistClient, sandbox: Sandbox, gate: Gate, refreshes: Count
) -> None:
    sandbox.expire_tokens()
    first = asyncio.create_task(exist.profile.get())
    await gate.reached.wait()
    second = asyncio.create_task(exist.profile.get())
    await until(lambda: len(sandbox.requests) == 3)

    first.cancel()
    gate.opened.set()

    assert (await second).username == "ada"
    assert refreshes() == 1


async def test_a_failure_that_nobody_waits_for_is_logged(
    exist: ExistClient, sandbox: Sandbox, gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox.expire_tokens()
    sandbox.fail_next(2, path=TOKEN, status=400, json={"error": "invalid_client"})
    call = asyncio.create_task(exist.profile.get())
    await gate.reached.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    gate.opened.set()
    await until(lambda: bool(caplog.records))

    assert [(record.name, record.levelno) for record in caplog.records] == [("exist_async", logging.ERROR)]
    assert "The token of 'ada' was not renewed" in caplog.text
    assert "invalid_client" in caplog.text


async def test_a_failure_that_somebody_hears_of_is_not_logged(
    exist: ExistClient, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox.expire_tokens()
    sandbox.fail_next(path=TOKEN, status=400, json={"error": "invalid_client"})

    with pytest.raises(OAuthError):
        await exist.profile.get()

    assert [record for record in caplog.records if record.name == "exist_async"] == []


async def test_a_renewal_that_ends_with_its_event_loop_is_logged(
    auth: OAuth2,
    exist: ExistClient,
    sandbox: Sandbox,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def wait_for_ever(token: OAuthToken) -> OAuthToken:
        await asyncio.Event().wait()
        raise AssertionError

    async def begin_and_leave() -> None:
        call = asyncio.create_task(exist.profile.get())
        await until(lambda: 401 in [request.status for request in sandbox.requests])
        await asyncio.sleep(0)
        call.cancel()

    monkeypatch.setattr(auth._app, "refresh", wait_for_ever)
    sandbox.expire_tokens()
    await asyncio.to_thread(lambda: asyncio.run(begin_and_leave()))

    assert "ended with its event loop" in caplog.text


async def test_a_renewal_that_a_closed_event_loop_left_behind_is_in_nobody_s_way(
    auth: OAuth2, exist: ExistClient, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def wait_for_ever(token: OAuthToken) -> OAuthToken:
        await asyncio.Event().wait()
        raise AssertionError

    def begin_and_close() -> None:
        loop = asyncio.new_event_loop()
        call = loop.create_task(exist.profile.get())
        loop.run_until_complete(until(lambda: len(sandbox.requests) == 1 and bool(_in_progress)))
        call.cancel()
        loop.run_until_complete(asyncio.wait([call]))
        loop.close()

    sandbox.expire_tokens()
    sandbox.reset_requests()
    with monkeypatch.context() as patch:
        patch.setattr(auth._app, "refresh", wait_for_ever)
        await asyncio.to_thread(begin_and_close)

    call = asyncio.create_task(exist.profile.get())
    await until(lambda: asyncio.get_running_loop() in _in_progress)
    gc.collect()  # with the task that runs no more goes its lock

    async with asyncio.timeout(10):
        assert (await call).username == "ada"
    assert _in_progress == {}


async def test_a_refresh_without_an_answer_is_made_once_more(
    exist: ExistClient, sandbox: Sandbox, refreshes: Count
) -> None:
    sandbox.expire_tokens()
    sandbox.fail_next(path=TOKEN, drop=True)

    assert (await exist.profile.get()).username == "ada"
    assert refreshes() == 2


@pytest.mark.parametrize("fault", [{"drop": True}, {"status": 500}, {"status": 408}])
async def test_when_the_answer_was_lost_the_user_has_to_sign_in_again(
    exist: ExistClient, sandbox: Sandbox, refreshes: Count, fault: dict[str, Any]
) -> None:
    sandbox.expire_tokens()
    sandbox.fail_next(path=TOKEN, when="after", **fault)

    with pytest.raises(ReauthorizationRequired, match="sign in again") as caught:
        await exist.profile.get()

    assert (caught.value.code, caught.value.status_code) == ("invalid_grant", 400)
    assert refreshes() == 2


@pytest.mark.parametrize("fault", [{"drop": True}, {"status": 500}])
async def test_when_the_answer_was_lost_and_another_has_stored_a_token_that_is_used(
    exist: ExistClient, sandbox: Sandbox, store: MemoryTokenStore, sign_in: Any, clock: Any, fault: dict[str, Any]
) -> None:
    await exist.profile.get()
    another = await sign_in()
    sandbox.fail_next(status=401, path="accounts/profile/")
    sandbox.fail_next(path=TOKEN, when="after", **fault)

    async def store_meanwhile(seconds: float) -> None:
        await store.save("ada", another)

    forms = exist._session.auth._app._forms  # type: ignore[attr-defined]
    forms._options = attrs.evolve(forms._options, sleep=store_meanwhile)

    assert (await exist.profile.get()).username == "ada"
    assert await store.load("ada") == another


async def test_an_answer_of_another_shape_means_signing_in_again(
    exist: ExistClient, sandbox: Sandbox, refreshes: Count
) -> None:
    sandbox.expire_tokens()
    sandbox.rewrite_next(lambda reply: {"tokens": [reply]}, path=TOKEN)

    with pytest.raises(ReauthorizationRequired, match="can't be read") as caught:
        await exist.profile.get()

    assert (caught.value.code, caught.value.status_code) == (None, None)
    assert refreshes() == 1


async def test_after_an_answer_of_another_shape_the_store_may_hold_a_good_token(
    exist: ExistClient, sandbox: Sandbox, store: MemoryTokenStore, sign_in: Any
) -> None:
    await exist.profile.get()
    another = await sign_in()
    sandbox.fail_next(status=401, path="accounts/profile/")

    def store_meanwhile(reply: Any) -> Any:
        store._tokens["ada"] = another
        return []

    sandbox.rewrite_next(store_meanwhile, path=TOKEN)

    assert (await exist.profile.get()).username == "ada"


async def test_a_process_killed_between_refresh_and_store_leaves_a_user_who_signs_in_again(
    app: OAuthApp, exist: ExistClient, store: MemoryTokenStore, sign_in: Any
) -> None:
    token = await store.load("ada")
    assert token is not None
    await app.refresh(token)  # and nothing is stored

    with pytest.raises(ReauthorizationRequired):
        await exist.profile.get()
    await store.save("ada", await sign_in())

    assert (await exist.profile.get()).username == "ada"


async def test_what_the_store_did_not_take_is_saved_by_the_next_call(
    exist: ExistClient, sandbox: Sandbox, store: MemoryTokenStore, refreshes: Count, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(user: str, token: OAuthToken) -> None:
        raise OSError(28, "No space left on device")

    old = await store.load("ada")
    sandbox.expire_tokens()
    with monkeypatch.context() as patch:
        patch.setattr(store, "save", fail)
        with pytest.raises(OAuthError, match=r"could not save it \(OSError\)") as caught:
            await exist.profile.get()
    assert isinstance(caught.value.__cause__, OSError)
    assert await store.load("ada") == old

    assert (await exist.profile.get()).username == "ada"
    assert await store.load("ada") != old
    assert refreshes() == 1


async def test_what_the_store_did_not_take_is_saved_by_any_other_object_of_this_process(
    app: OAuthApp,
    exist: ExistClient,
    sandbox: Sandbox,
    store: MemoryTokenStore,
    refreshes: Count,
    clock: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def another() -> ExistClient:
        return exist.with_options(auth=OAuth2(app, store, "ada", clock=clock))

    async def fail(user: str, token: OAuthToken) -> None:
        await asyncio.sleep(0)
        raise OSError

    old = await store.load("ada")
    sandbox.expire_tokens()
    with monkeypatch.context() as patch:
        patch.setattr(store, "save", fail)
        first = await asyncio.gather(*(another().profile.get() for _ in range(5)), return_exceptions=True)
        assert {type(error) for error in first} == {OAuthError}
        with pytest.raises(OAuthError, match="It is kept in memory"):
            await another().profile.get()
        assert await store.load("ada") == old

    profiles = await asyncio.gather(*(another().profile.get() for _ in range(5)))

    assert {profile.username for profile in profiles} == {"ada"}
    assert await store.load("ada") != old
    assert refreshes() == 1
    assert _unsaved == {}


async def test_what_one_user_s_store_did_not_take_is_given_to_nobody_else(
    app: OAuthApp,
    exist: ExistClient,
    sandbox: Sandbox,
    store: MemoryTokenStore,
    clock: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fail(user: str, token: OAuthToken) -> None:
        raise OSError

    url, state = app.authorization_url(["mood_read"])
    callback = sandbox.authorize(url, sandbox.add_user("grace"))
    await store.save("grace", await app.exchange(callback, state=state))
    sandbox.expire_tokens()
    with monkeypatch.context() as patch:
        patch.setattr(store, "save", fail)
        with pytest.raises(OAuthError):
            await exist.profile.get()

    grace = exist.with_options(auth=OAuth2(app, store, "grace", clock=clock))

    assert (await grace.profile.get()).username == "grace"
    assert (await exist.profile.get()).username == "ada"


async def test_an_unsaved_token_gives_way_to_one_that_the_user_signed_in_for(
    exist: ExistClient, sandbox: Sandbox, store: MemoryTokenStore, sign_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(user: str, token: OAuthToken) -> None:
        raise OSError

    sandbox.expire_tokens()
    with monkeypatch.context() as patch:
        patch.setattr(store, "save", fail)
        with pytest.raises(OAuthError):
            await exist.profile.get()
    newest = await sign_in()
    await store.save("ada", newest)

    assert (await exist.profile.get()).username == "ada"
    assert await store.load("ada") == newest
    sandbox.expire_tokens()
    assert (await exist.profile.get()).username == "ada"
    assert _unsaved == {}


@pytest.mark.parametrize("another_object", [False, True])
@pytest.mark.parametrize("comes_back", ["empty", "with an older token"])
async def test_an_unsaved_token_is_saved_in_a_store_that_lost_the_one_before(
    app: OAuthApp,
    exist: ExistClient,
    sandbox: Sandbox,
    store: MemoryTokenStore,
    sign_in: Any,
    refreshes: Count,
    clock: Any,
    comes_back: str,
    another_object: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fail(user: str, token: OAuthToken) -> None:
        raise ConnectionError

    oldest = await store.load("ada")
    clock.now += 1000
    await store.save("ada", await sign_in())
    clock.now += 1000
    sandbox.expire_tokens()
    sandbox.reset_requests()
    with monkeypatch.context() as patch:
        patch.setattr(store, "save", fail)
        with pytest.raises(OAuthError, match="It is kept in memory"):
            await exist.profile.get()
    if comes_back == "empty":
        await store.delete("ada")
    else:
        assert oldest is not None
        await store.save("ada", oldest)
    if another_object:
        exist = exist.with_options(auth=OAuth2(app, store, "ada", clock=clock))

    assert (await exist.profile.get()).username == "ada"
    assert refreshes() == 1
    assert await store.load("ada") not in (None, oldest)
    assert _unsaved == {}


async def test_an_unsaved_token_is_not_given_to_a_user_of_the_same_name_in_another_store(
    app: OAuthApp, exist: ExistClient, sandbox: Sandbox, store: MemoryTokenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(user: str, token: OAuthToken) -> None:
        raise OSError

    sandbox.expire_tokens()
    with monkeypatch.context() as patch:
        patch.setattr(store, "save", fail)
        with pytest.raises(OAuthError, match="It is kept in memory"):
            await exist.profile.get()

    other = exist.with_options(auth=OAuth2(app, MemoryTokenStore(), "ada"))
    with pytest.raises(ReauthorizationRequired, match="has no token of 'ada'"):
        await other.profile.get()

    assert (await exist.profile.get()).username == "ada"


@pytest.mark.parametrize("error", [OSError(28, "s3cr3t"), OAuthError("The disk is full.")])
async def test_the_service_is_asked_only_if_the_store_can_save(
    exist: ExistClient,
    sandbox: Sandbox,
    store: MemoryTokenStore,
    refreshes: Count,
    error: Exception,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checked: list[str] = []
    full = True

    async def check_can_save(user: str) -> None:
        assert user in store._last, "the lock is not held"
        checked.append(user)
        if full:
            raise error

    monkeypatch.setattr(store, "check_can_save", check_can_save, raising=False)
    old = await store.load("ada")
    sandbox.expire_tokens()

    with pytest.raises(OAuthError) as caught:
        await exist.profile.get()

    assert not isinstance(caught.value, ReauthorizationRequired)
    assert caught.value.__cause__ is error
    assert ("The disk is full." in str(caught.value)) is isinstance(error, OAuthError)
    assert "s3cr3t" not in str(caught.value)
    assert refreshes() == 0
    assert await store.load("ada") == old
    full = False
    assert (await exist.profile.get()).username == "ada"
    assert checked == ["ada", "ada"]


class SlowlySavedStore(MemoryTokenStore):
    """A store whose lock can be lost."""

    lock_can_be_lost = True


async def test_a_token_that_another_process_has_renewed_and_not_saved_yet_is_waited_for(
    app: OAuthApp, http: httpx.AsyncClient, sandbox: Sandbox, sign_in: Any, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SlowlySavedStore()
    old = await sign_in()
    await store.save("ada", old)
    new = await app.refresh(old)  # by a process that lost its lock

    async def sleep(seconds: float) -> None:
        await clock.sleep(seconds)
        if clock.now >= start + 5:
            await store.save("ada", new)

    start = clock.now
    monkeypatch.setattr(app, "sleep", sleep)

    exist = ExistClient(OAuth2(app, store, "ada", clock=clock), http_client=http)

    assert (await exist.profile.get()).username == "ada"
    assert await store.load("ada") == new


@pytest.mark.parametrize(("make", "waited"), [(MemoryTokenStore, 0), (SlowlySavedStore, 10)])
async def test_a_user_whose_tokens_are_not_valid_any_more_is_told_after_ten_seconds_at_most(
    app: OAuthApp, http: httpx.AsyncClient, sign_in: Any, clock: Any, make: Any, waited: int
) -> None:
    store = make()
    old = await sign_in()
    await store.save("ada", old)
    await app.refresh(old)  # by a process that was killed then
    start = clock.now

    with pytest.raises(ReauthorizationRequired, match="invalid_grant"):
        await ExistClient(OAuth2(app, store, "ada", clock=clock), http_client=http).profile.get()

    assert clock.now - start == pytest.approx(waited)


@pytest.mark.parametrize("method", ["load", "save", "lock"])
async def test_a_store_whose_driver_was_cancelled_fails_and_cancels_nobody(
    exist: ExistClient, sandbox: Sandbox, store: MemoryTokenStore, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cancelled(*_: Any) -> None:
        raise asyncio.CancelledError

    @asynccontextmanager
    async def lock(user: str) -> AsyncGenerator[None, None]:
        await cancelled()
        yield

    sandbox.expire_tokens()
    with monkeypatch.context() as patch:
        patch.setattr(store, method, lock if method == "lock" else cancelled)
        with pytest.raises(OAuthError, match="CancelledError"):
            await exist.profile.get()
        with pytest.raises(OAuthError, match="CancelledError") as caught:
            await exist.attributes.acquire(["steps"])

    assert caught.value.result is not None
    assert len(caught.value.result.not_sent) == 1
    assert (await exist.profile.get()).username == "ada"


async def test_a_caller_who_is_cancelled_while_the_store_is_read_is_cancelled(
    exist: ExistClient, store: MemoryTokenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = asyncio.Event()

    async def read_for_ever(user: str) -> None:
        reading.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(store, "load", read_for_ever)
    call = asyncio.create_task(exist.profile.get())
    await reading.wait()

    call.cancel()

    with pytest.raises(asyncio.CancelledError):
        await call


@pytest.mark.parametrize("method", ["load", "lock"])
async def test_a_store_that_fails_is_named_and_not_quoted(
    exist: ExistClient, sandbox: Sandbox, store: MemoryTokenStore, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class DatabaseError(Exception):
        pass

    async def fail(user: str) -> None:
        raise DatabaseError("INSERT … 's3cr3t'")

    @asynccontextmanager
    async def fail_to_lock(user: str) -> AsyncGenerator[None, None]:
        await fail(user)
        yield

    monkeypatch.setattr(store, method, fail if method == "load" else fail_to_lock)
    sandbox.expire_tokens()

    with pytest.raises(OAuthError, match="DatabaseError") as caught:
        await exist.profile.get()

    assert "s3cr3t" not in str(caught.value)
    assert isinstance(caught.value.__cause__, DatabaseError)


async def test_a_token_service_that_is_down_is_no_reason_to_sign_in_again(
    exist: ExistClient, sandbox: Sandbox, refreshes: Count
) -> None:
    sandbox.expire_tokens()
    sandbox.fail_next(2, path=TOKEN)

    with pytest.raises(OAuthError, match=r"503.*try again later") as caught:
        await exist.profile.get()

    assert not isinstance(caught.value, ReauthorizationRequired)
    assert (await exist.profile.get()).username == "ada"
