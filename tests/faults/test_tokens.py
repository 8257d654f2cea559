"""Rows 28 to 31 and 49: tokens that the service no longer takes, and what gets lost while they are renewed."""

import asyncio
import signal
import ssl
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from faults.observe import DAY, Seen, cell, observe, quick
from faults.sandboxed import CALLS, PATHS, a_sandbox, applied, asked, see, timed_by
from faults.service_rows import row

from exist_async import (
    AuthenticationError,
    ExistClient,
    FileTokenStore,
    MemoryTokenStore,
    OAuth2,
    OAuthApp,
    ReauthorizationRequired,
    Scope,
    TokenStore,
)
from exist_async.sandbox import Sandbox
from support import until

TOKEN = "oauth2/access_token"


# Saves reading certificates that nobody needs here.
PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def app_at(url: str, http: httpx.AsyncClient, **options: Any) -> OAuthApp:
    credentials = ("sandbox-client", "sandbox-secret", "http://localhost:8000/")
    return OAuthApp(*credentials, base_url=url, http_client=http, **options)


def client_of(app: OAuthApp, store: TokenStore, **options: Any) -> ExistClient:
    auth = OAuth2(app, store, "ada")
    return ExistClient(auth, base_url=app.base_url, rate_limiter=None, verify=PLAIN, **options)


async def sign_in(sandbox: Sandbox, app: OAuthApp, store: TokenStore) -> None:
    address, state = app.authorization_url(Scope)
    await store.save("ada", await app.exchange(sandbox.authorize(address), state=state))


@asynccontextmanager
async def signed_in(sandbox: Sandbox, clock: Any) -> AsyncGenerator[ExistClient, None]:
    """Serve a sandbox, and give a client for ada, who has signed in, and whose access token has expired since."""
    async with sandbox.serve() as url, httpx.AsyncClient(verify=PLAIN) as http:
        app, store = app_at(url, http, sleep=clock.sleep), MemoryTokenStore()
        await sign_in(sandbox, app, store)
        async with client_of(app, store, **timed_by(clock)) as client:
            await client.profile.get()
            sandbox.expire_tokens()
            sandbox.reset_requests()
            yield client


def refreshes(sandbox: Sandbox) -> int:
    return sum(request.path.endswith(TOKEN) for request in sandbox.requests)


WORKER = """
import asyncio, sys
sys.path.insert(0, {tests!r})
from faults.observe import get, increment, observe, update
from exist_async import ExistClient, FileTokenStore, OAuth2, OAuthApp

async def main(url, path):
    app = OAuthApp("sandbox-client", "sandbox-secret", "http://localhost:8000/", base_url=url)
    async with ExistClient(OAuth2(app, FileTokenStore(path), "ada"), base_url=url, rate_limiter=None) as client:
        await client.profile.get()
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        calls = [call for call in (get, update, increment) for _ in range(7)]
        seen = await asyncio.gather(*(observe(client, call) for call in calls))
        for number in range(3):
            print("; ".join(sorted({{str(one) for one in seen[7 * number : 7 * number + 7]}})), flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.slow
async def test_a_401_to_calls_of_three_processes_at_once_is_renewed_once_and_all_go_on(tmp_path: Path) -> None:
    sandbox, store = a_sandbox(), FileTokenStore(tmp_path / "tokens.json")
    code = WORKER.format(tests=str(Path(__file__).parents[1]))
    async with sandbox.serve() as url, httpx.AsyncClient(verify=PLAIN) as http, asyncio.timeout(60):
        await sign_in(sandbox, app_at(url, http), store)
        program = [sys.executable, "-c", code, url, str(tmp_path / "tokens.json")]
        pipe = asyncio.subprocess.PIPE
        processes = [await asyncio.create_subprocess_exec(*program, stdin=pipe, stdout=pipe) for _ in range(3)]
        for process in processes:
            assert process.stdout is not None
            assert await process.stdout.readline() == b"ready\n"
        sandbox.expire_tokens()
        sandbox.reset_requests()
        # All requests have been sent before the first is answered.
        sandbox.latency = 0.2

        outputs = [
            output.decode() for output, _ in await asyncio.gather(*(each.communicate(b"\n") for each in processes))
        ]

    expected = row(28)
    assert outputs == 3 * [f"{expected.get}\n{expected.update}\n{expected.increment}\n"]
    assert refreshes(sandbox) == 1
    assert sum(request.status == 401 for request in sandbox.requests) == 3 * 21
    assert sum(asked(sandbox, kind) for kind in CALLS) == 2 * 3 * 21


@pytest.mark.parametrize("kind", CALLS)
async def test_a_401_to_twenty_calls_at_once_is_renewed_once_and_each_is_carried_out_once(
    kind: str, clock: Any
) -> None:
    sandbox = a_sandbox()
    sandbox.latency = 0.05
    async with signed_in(sandbox, clock) as client:
        seen = await asyncio.gather(*(observe(client, CALLS[kind]) for _ in range(20)))

    assert {str(one) for one in seen} == {getattr(row(28), kind)}
    assert (refreshes(sandbox), asked(sandbox, kind)) == (1, 40)
    if kind == "increment":
        assert sandbox.values("coffees") == {DAY: 20}


@pytest.mark.parametrize("kind", CALLS)
async def test_a_refresh_whose_answer_is_lost_ends_in_signing_in_again_and_nothing_is_carried_out(
    kind: str, clock: Any
) -> None:
    faults: dict[str, dict[str, Any]] = {
        "the question lost": {"drop": True},
        "500": {"status": 500},
        "the answer lost": {"drop": True, "when": "after"},
        "500 and carried out": {"status": 500, "when": "after"},
    }
    seen: dict[str, Seen] = {}
    for name, fault in faults.items():
        sandbox = a_sandbox()
        async with signed_in(sandbox, clock) as client:
            sandbox.fail_next(path=TOKEN, **fault)
            seen[name] = await see(client, sandbox, kind)
            # Asked once more, which is harmless: what ends in a refusal was used up before.
            assert refreshes(sandbox) == 2

    assert isinstance(seen["the answer lost"].error, ReauthorizationRequired)
    seen["cancelled"] = await after_cancelling(kind, clock)
    assert cell(seen) == getattr(row(29), kind)


async def after_cancelling(kind: str, clock: Any) -> Seen:
    """Cancel a call while the service renews its token, and return what the next call does."""
    sandbox = a_sandbox()
    async with signed_in(sandbox, clock) as client:
        sandbox.latency = 0.05
        call = asyncio.create_task(CALLS[kind](client))
        await until(lambda: refreshes(sandbox) == 1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        seen = await see(client, sandbox, kind)
        assert refreshes(sandbox) == 1
        assert asked(sandbox, kind) == 1 + seen.attempts
        return seen


@pytest.mark.parametrize("kind", CALLS)
async def test_a_call_that_is_cancelled_at_any_moment_of_a_renewal_loses_no_token(kind: str, clock: Any) -> None:
    sandbox = a_sandbox()
    carried_out = applied(sandbox, kind)
    async with signed_in(sandbox, clock) as client:
        for step in range(0, 60, 2):
            sandbox.expire_tokens()
            call = asyncio.create_task(observe(client, CALLS[kind]))
            for _ in range(step):
                await asyncio.sleep(0)
            call.cancel()
            await asyncio.wait([call])
        seen = await see(client, sandbox, kind)

    assert seen.error is None
    assert carried_out is None or carried_out() > 0
    assert not any(request.status == 400 for request in sandbox.requests)


KILLED = """
import asyncio, os, signal, sys
from exist_async import ExistClient, FileTokenStore, OAuth2, OAuthApp

class Killed(FileTokenStore):
    async def save(self, user, token):
        os.kill(os.getpid(), signal.SIGKILL)

async def main(url, path):
    app = OAuthApp("sandbox-client", "sandbox-secret", "http://localhost:8000/", base_url=url)
    async with ExistClient(OAuth2(app, Killed(path), "ada"), base_url=url) as client:
        await client.profile.get()

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.slow
async def test_a_process_killed_between_refresh_and_store_leaves_a_user_who_signs_in_again(
    tmp_path: Path, clock: Any
) -> None:
    sandbox, path = a_sandbox(), tmp_path / "tokens.json"
    store = FileTokenStore(path)
    async with sandbox.serve() as url, httpx.AsyncClient(verify=PLAIN) as http, asyncio.timeout(60):
        app = app_at(url, http)
        await sign_in(sandbox, app, store)
        sandbox.expire_tokens()
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", KILLED, url, str(path))
        assert await process.wait() == -signal.SIGKILL
        assert refreshes(sandbox) == 2  # and the one of signing in
        seen: dict[str, Seen] = {}
        for kind in CALLS:
            async with client_of(app, store) as client:
                seen[kind] = await see(client, sandbox, kind)
                assert isinstance(seen[kind].error, ReauthorizationRequired)
        await sign_in(sandbox, app, store)
        async with client_of(app, store) as client:
            for kind in CALLS:
                after = await see(client, sandbox, kind)
                assert f"{seen[kind]}; signed in again: {after}" == getattr(row(30), kind)


@pytest.mark.parametrize("kind", CALLS)
async def test_a_401_after_a_renewal_is_the_caller_s_and_no_loop(kind: str, clock: Any) -> None:
    sandbox = a_sandbox()
    async with signed_in(sandbox, clock) as client:
        sandbox.fail_next(99, status=401, path=PATHS[kind])
        seen = await see(client, sandbox, kind)

    assert isinstance(seen.error, AuthenticationError)
    assert (refreshes(sandbox), asked(sandbox, kind)) == (1, 2)
    assert str(seen) == getattr(row(31), kind)


@pytest.mark.parametrize("kind", CALLS)
async def test_a_401_to_a_token_that_cannot_be_renewed_is_asked_once(kind: str, clock: Any) -> None:
    sandbox = a_sandbox()
    async with sandbox.serve() as url, quick(url) as client:
        sandbox.expire_tokens()
        seen = await see(client, sandbox, kind)

    assert isinstance(seen.error, AuthenticationError)
    assert (seen.attempts, asked(sandbox, kind), seen.applied) == (1, 1, None if kind == "get" else 0)


@pytest.mark.parametrize("kind", CALLS)
async def test_closing_the_client_ends_a_renewal_that_waits_for_its_lock(kind: str, clock: Any) -> None:
    sandbox, store = a_sandbox(), MemoryTokenStore()
    async with sandbox.serve() as url, httpx.AsyncClient(verify=PLAIN) as http:
        app = app_at(url, http)
        await sign_in(sandbox, app, store)
        old = await store.load("ada")
        sandbox.expire_tokens()
        sandbox.reset_requests()
        client = client_of(app, store, timeout=0.2)
        async with store.lock("ada"):
            call = asyncio.create_task(see(client, sandbox, kind))
            await until(lambda: asked(sandbox, kind) == 1)
            async with asyncio.timeout(5):
                await client.aclose()
                seen = await call
            assert refreshes(sandbox) == 0
            assert await store.load("ada") == old
        # Whoever comes next renews it.
        async with client_of(app, store) as client:
            after = await see(client, sandbox, kind)

    assert f"{seen}; the next client: {after}" == getattr(row(49), kind)
    assert refreshes(sandbox) == 1
