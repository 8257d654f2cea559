"""What may get lost on the way of a new token, and what is left then."""

import asyncio
import gc
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from exist_async import (
    ExistClient,
    MemoryTokenStore,
    OAuth2,
    OAuthApp,
    OAuthError,
    OAuthToken,
    ReauthorizationRequired,
)
from exist_async.auth.renewals import _under_way
from exist_async.sandbox import Sandbox

Count = Callable[[], int]
TOKEN = "oauth2/access_token"


class Gate(httpx.AsyncBaseTransport):
    """The sandbox, whose answers to token requests wait at a gate."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox.transport()
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._sandbox.handle_async_request(request)
        if request.url.path.endswith(TOKEN):
            self.reached.set()
            await self.opened.wait()
        return response


@pytest.fixture
async def gate(sandbox: Sandbox, app: OAuthApp, auth: OAuth2) -> AsyncGenerator[Gate, None]:
    """Every token request of the app from now on."""
    gate = Gate(sandbox)
    async with httpx.AsyncClient(transport=gate) as http:
        app._forms._pool._http = http  # type: ignore[union-attr]
        yield gate


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  (nothing tells of these)
            await asyncio.sleep(0)


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
        loop.run_until_complete(until(lambda: len(sandbox.requests) == 1 and bool(_under_way)))
        call.cancel()
        loop.run_until_complete(asyncio.wait([call]))
        loop.close()

    sandbox.expire_tokens()
    sandbox.reset_requests()
    with monkeypatch.context() as patch:
        patch.setattr(auth._app, "refresh", wait_for_ever)
        await asyncio.to_thread(begin_and_close)

    call = asyncio.create_task(exist.profile.get())
    await until(lambda: asyncio.get_running_loop() in [loop for loop, _ in _under_way])
    gc.collect()  # with the task that runs no more goes its lock

    async with asyncio.timeout(10):
        assert (await call).username == "ada"
    assert _under_way == {}


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

    exist._session.options.auth._app._forms._sleep = store_meanwhile  # type: ignore[attr-defined]

    assert (await exist.profile.get()).username == "ada"
    assert await store.load("ada") == another


async def test_an_answer_of_another_shape_means_signing_in_again(
    exist: ExistClient, sandbox: Sandbox, refreshes: Count
) -> None:
    sandbox.expire_tokens()
    sandbox.rewrite_next(lambda reply: {"tokens": [reply]}, path=TOKEN)

    with pytest.raises(ReauthorizationRequired, match="can't be read") as caught:
        await exist.profile.get()

    assert (caught.value.code, caught.value.status_code) == (None, 200)
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
