"""Token stores over a server: its connections, and what happens when it fails."""

import asyncio
import gc
import logging
import pickle
import sys
import threading
import traceback
from asyncio.subprocess import PIPE
from typing import Any

import httpx
import pytest
from token_servers import TokenServer

from exist_async import ConfigurationError, ExistClient, OAuth2, OAuthApp, OAuthError, OAuthToken
from exist_async.sandbox import Sandbox
from support import until

TOKEN = OAuthToken("s3cr3t-access", "s3cr3t-refresh")

HOLDER = """
import asyncio
from exist_async import PostgresTokenStore, RedisTokenStore

async def main():
    async with {store} as store, store.lock("ada"):
        print("in", flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""

# The counter is a token, because all stores have that.
COUNTER = """
import asyncio
from exist_async import OAuthToken, PostgresTokenStore, RedisTokenStore

async def main():
    async with {store} as store:
        for _ in range(3):
            async with store.lock("ada"):
                assert await store.load("inside") is None
                await store.save("inside", OAuthToken("a"))
                await asyncio.sleep(0.01)
                await store.delete("inside")
    print("done", flush=True)

asyncio.run(main())
"""


def assert_hides(error: BaseException, *secrets: str) -> None:
    assert error.__cause__ is error.__context__ is None
    text = "".join(traceback.format_exception(error)) + repr(pickle.dumps(error)) + repr(vars(error))
    assert not any(secret in text for secret in ("s3cr3t", *secrets))


async def assert_each_method_raises(store: Any, error: str) -> None:
    """Check that each method raises an OAuthError that hides all secrets."""
    for call in (store.load("ada"), store.save("ada", TOKEN), store.delete("ada"), store.lock("ada").__aenter__()):
        with pytest.raises(OAuthError, match=error) as caught:
            await call
        assert_hides(caught.value)


async def run(code: str, server: TokenServer) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(sys.executable, "-c", code.replace("{store}", server.code), stdout=PIPE)


async def hold(store: Any) -> None:
    async with store.lock("ada"):
        await asyncio.sleep(60)


def loss_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what this package logged, and no other."""
    return [record.getMessage() for record in caplog.records if record.name == "exist_async"]


async def test_each_event_loop_has_its_own_connections_which_end_with_it(server: TokenServer) -> None:
    store = server.make()

    async def use() -> OAuthToken | None:
        async with store.lock("ada"):
            await store.save("ada", TOKEN)
            token: OAuthToken | None = await store.load("ada")
            return token

    for _ in range(3):
        assert await asyncio.to_thread(lambda: asyncio.run(use())) == TOKEN
    gc.collect()

    await no_connections(server)


async def no_connections(server: TokenServer) -> None:
    async with asyncio.timeout(20):
        while await server.connections():  # noqa: ASYNC110  (servers send no event)
            await asyncio.sleep(0.01)


async def test_closing_closes_its_own_connections(server: TokenServer) -> None:
    async with server.make() as store:
        await store.save("ada", TOKEN)
        async with store.lock("ada"):
            assert await server.connections() >= 1

    await no_connections(server)


async def test_a_store_that_was_closed_opens_connections_again(server: TokenServer) -> None:
    async with server.make() as store:
        await store.save("ada", TOKEN)
        await store.aclose()

        assert await store.load("ada") == TOKEN


def test_its_repr_names_the_server_without_the_password(server: TokenServer) -> None:
    store = server.make(url=server.url_with("s3cr3t"))

    assert repr(store) == f"{type(store).__name__}(<{server.where}>)"


async def test_a_wrong_password_is_an_error_that_does_not_contain_it(
    own_server: TokenServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await own_server.require_password()

    async with own_server.make(url=own_server.url_with("s3cr3t")) as store:
        await assert_each_method_raises(store, f"^The token store's {own_server.where} can't be used: .*password")

    assert "s3cr3t" not in caplog.text


async def test_a_server_that_is_down_is_named_and_used_again_when_it_is_back(own_server: TokenServer) -> None:
    async with own_server.make() as store:
        await store.save("ada", TOKEN)
        own_server.stop()
        await assert_each_method_raises(store, f"{own_server.where} can't be used: .*Check that it runs")
        own_server.server.start()

        async with store.lock("ada"):
            await store.save("ada", TOKEN)
        assert await store.load("ada") == TOKEN


async def test_a_hanging_server_is_an_error_after_the_timeout(own_server: TokenServer) -> None:
    own_server.server.pause()
    try:
        async with own_server.make(timeout=0.1) as store, asyncio.timeout(20):
            await assert_each_method_raises(store, r"gave no answer within 0\.1 s")
    finally:
        own_server.server.resume()


async def test_calls_that_wait_for_a_hanging_server_fail_together(own_server: TokenServer) -> None:
    async with own_server.make(timeout=0.3) as store:
        await store.load("ada")
        own_server.server.pause()
        try:
            # In turn, with eight connections, they would take four seconds.
            async with asyncio.timeout(2.5):
                ends = await asyncio.gather(*(store.load("ada") for _ in range(100)), return_exceptions=True)
        finally:
            own_server.server.resume()

    assert {type(end) for end in ends} == {OAuthError}


async def test_a_late_answer_is_not_given_to_another_call(own_server: TokenServer) -> None:
    async with own_server.make(timeout=1.0) as store:
        await store.save("ada", TOKEN)
        await store.save("grace", OAuthToken("hers"))
        own_server.server.pause()
        with pytest.raises(OAuthError, match="gave no answer"):
            await store.load("ada")
        own_server.server.resume()

        assert [await store.load(user) for user in ("grace", "ada", "nobody")] == [OAuthToken("hers"), TOKEN, None]


async def test_the_answer_of_a_cancelled_call_is_not_given_to_another(server: TokenServer) -> None:
    async with server.make() as store:
        for user in ("ada", "grace"):
            await store.save(user, OAuthToken(user))

        for number in range(100):
            task = asyncio.create_task(store.load("ada"))
            for _ in range(number % 10):
                await asyncio.sleep(0)
            task.cancel()
            assert await store.load("grace") == OAuthToken("grace")
            await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b'"s3cr3t"',
        b'{"access_token": 7}',
        b'{"access_token": "s3cr3t token"}',
        b'{"access_token": "s3cr3t\xff"}',
        b"\xff\xfe",
    ],
)
async def test_a_value_that_is_not_a_token_is_named_kept_and_not_quoted(server: TokenServer, content: bytes) -> None:
    async with server.make() as store:
        await store.load("ada")
        await server.put("ada", content)

        with pytest.raises(OAuthError, match=rf"ada.* {server.where} does not hold a token: .*Delete it") as caught:
            await store.load("ada")

    assert_hides(caught.value)
    assert await server.get("ada") == content


@pytest.mark.slow
async def test_processes_hold_the_lock_one_at_a_time(server: TokenServer) -> None:
    processes = [await run(COUNTER, server) for _ in range(3)]

    async with asyncio.timeout(30):
        assert [await process.communicate() for process in processes] == 3 * [(b"done\n", None)]

    assert await server.locked() == 0


@pytest.mark.slow
async def test_the_lock_of_a_killed_process_is_free_soon(server: TokenServer) -> None:
    process = await run(HOLDER, server)
    assert process.stdout is not None
    assert await process.stdout.readline() == b"in\n"
    process.kill()
    await process.wait()
    time = asyncio.get_running_loop().time
    killed = time()

    async with asyncio.timeout(10), server.make() as store, store.lock("ada"):
        assert time() - killed < server.lost_after + 0.5


async def test_a_program_that_ends_releases_its_lock(server: TokenServer) -> None:
    store = server.make()
    may_end = threading.Event()

    async def main() -> None:
        task = asyncio.create_task(hold(store))
        await asyncio.to_thread(may_end.wait)
        assert not task.done()

    program = asyncio.create_task(asyncio.to_thread(lambda: asyncio.run(main())))
    while not await server.locked():  # noqa: ASYNC110  (servers send no event)
        await asyncio.sleep(0.01)
    may_end.set()
    await program

    await no_locks(server)


async def no_locks(server: TokenServer) -> None:
    if server.kind == "redis":
        assert await server.locked() == 0
        return
    # PostgreSQL is still told after its caller was cancelled a second time, and sees the end of a connection later.
    async with asyncio.timeout(20):
        while await server.locked():  # noqa: ASYNC110  (servers send no event)
            await asyncio.sleep(0.01)


async def test_a_call_that_is_cancelled_at_any_step_leaves_no_lock_or_task(
    server: TokenServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with server.make() as store:
        await store.load("ada")
        tasks = asyncio.all_tasks()

        for number in range(60):
            task = asyncio.create_task(hold(store))
            for _ in range(number // 2):
                await asyncio.sleep(0)
            task.cancel()
            if number % 2:
                # A second time, while it cleans up.
                await asyncio.sleep(0)
                task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await no_locks(server)

        await until(lambda: asyncio.all_tasks() <= tasks)
    assert loss_of(caplog) == []


async def test_a_waiter_that_gives_up_does_not_release_the_holder_s_lock(server: TokenServer) -> None:
    async with server.make() as store, server.make() as another, store.lock("ada"):
        for waiting in (store, another, store):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.15):
                    await hold(waiting)
        assert await server.locked() == 1

    await no_locks(server)


async def test_a_cancellation_during_the_release_is_raised_after_it(server: TokenServer) -> None:
    async with server.make() as store:

        async def renew(steps: int) -> None:
            async with store.lock("ada"):
                asyncio.get_running_loop().call_soon(cancel_after, asyncio.current_task(), steps)

        def cancel_after(task: asyncio.Task[None], steps: int) -> None:
            if steps:
                asyncio.get_running_loop().call_soon(cancel_after, task, steps - 1)
            else:
                task.cancel()

        for steps in range(5):
            with pytest.raises(asyncio.CancelledError):
                await asyncio.create_task(renew(steps))
            await no_locks(server)


async def test_a_lock_that_is_never_released_is_an_error(server: TokenServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"exist_async.token_stores.{server.kind}._LOCK_TIMEOUT", 0.0)

    async with server.make() as store, server.make() as another, another.lock("grace"):
        with pytest.raises(OAuthError, match=rf"'grace' was locked in {server.where} .* by another") as caught:
            async with store.lock("grace"):
                raise AssertionError

    assert caught.value.__cause__ is caught.value.__context__ is None


@pytest.mark.parametrize("how", ["gone", "hanging"])
async def test_a_renewal_is_finished_without_the_server(
    own_server: TokenServer, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with own_server.make(**own_server.short) as store:
        done = False

        async with asyncio.timeout(20):
            async with store.lock("ada"):
                own_server.stop() if how == "gone" else own_server.server.pause()
                done = True

        assert done
        own_server.server.start() if how == "gone" else own_server.server.resume()
        async with asyncio.timeout(20), store.lock("ada"):
            pass


async def test_a_server_that_can_t_save_is_found_before_the_refresh_token_is_spent(
    sandbox: Sandbox, own_server: TokenServer
) -> None:
    async with httpx.AsyncClient(transport=sandbox.transport()) as http, own_server.make() as store:
        app = OAuthApp("sandbox-client", "sandbox-secret", "http://localhost:8000/", http_client=http)
        await store.save("ada", await app.exchange(sandbox.authorize(app.authorization_url(["mood_read"])[0])))
        exist = ExistClient(OAuth2(app, store, "ada"), http_client=http)
        sandbox.expire_tokens()
        sandbox.reset_requests()
        await own_server.refuse_to_save(refuse=True)

        with pytest.raises(OAuthError, match="can't be used"):
            await exist.profile.get()

        assert "/oauth2/access_token" not in [request.path for request in sandbox.requests]
        await own_server.refuse_to_save(refuse=False)
        assert (await exist.profile.get()).username == "ada"


async def test_a_new_token_is_saved_when_the_server_is_back(sandbox: Sandbox, own_server: TokenServer) -> None:
    pauses: list[float] = []

    class StoppingServer(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            response = await sandbox.transport().handle_async_request(request)
            if request.url.path.endswith("access_token"):
                await asyncio.to_thread(own_server.stop)
            return response

    async def start_server_at_last(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            await asyncio.to_thread(own_server.server.start)

    credentials = ("sandbox-client", "sandbox-secret", "http://localhost:8000/")
    async with (
        httpx.AsyncClient(transport=sandbox.transport()) as http,
        httpx.AsyncClient(transport=StoppingServer()) as stopping,
        own_server.make(**own_server.short) as store,
    ):
        app = OAuthApp(*credentials, http_client=http)
        await store.save("ada", await app.exchange(sandbox.authorize(app.authorization_url(["mood_read"])[0])))
        old = await store.load("ada")
        sandbox.expire_tokens()
        renewing = OAuthApp(*credentials, http_client=stopping, sleep=start_server_at_last)

        profile = await ExistClient(OAuth2(renewing, store, "ada"), http_client=http).profile.get()

        assert profile.username == "ada"
        assert pauses == [0.5, 1.0, 2.0]
        assert await store.load("ada") not in (None, old)


def test_a_missing_package_is_named_with_its_install_line(server: TokenServer, monkeypatch: pytest.MonkeyPatch) -> None:
    module = {"redis": "exist_async._redis", "postgres": "exist_async._postgres.backed"}[server.kind]
    monkeypatch.setattr(f"{module}.find_spec", lambda name: None)

    with pytest.raises(ConfigurationError, match=rf'needs the package .* pip install "exist-async\[{server.kind}\]"'):
        server.make()
