"""Several processes that share a token store, and find its token expired at once."""

import asyncio
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from exist_async import (
    ExistClient,
    FileTokenStore,
    OAuth2,
    OAuthApp,
    PostgresTokenStore,
    RedisTokenStore,
    TokenStore,
)
from exist_async.sandbox import Sandbox

pytestmark = pytest.mark.slow

WORKER = """
import asyncio, sys
from exist_async import ExistClient, FileTokenStore, OAuth2, OAuthApp, PostgresTokenStore, RedisTokenStore

async def main(url, kind, place):
    app = OAuthApp("sandbox-client", "sandbox-secret", "http://localhost:8000/", base_url=url)
    kinds = {"file": FileTokenStore, "redis": RedisTokenStore, "postgres": PostgresTokenStore}
    store = kinds[kind](place)
    async with ExistClient(OAuth2(app, store, "ada"), base_url=url, concurrency=20) as exist:
        await exist.profile.get()
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        profiles = await asyncio.gather(*(exist.profile.get() for _ in range(7)))
        print(len(profiles), flush=True)
    if kind != "file":
        await store.aclose()

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture(params=["file", "redis", "postgres"])
async def shared(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[tuple[str, str, TokenStore], None]:
    """A store: its kind, its place, and itself."""
    if request.param == "file":
        path = tmp_path / "tokens.json"
        yield "file", str(path), FileTokenStore(path)
        return

    if request.param == "postgres":
        url = request.getfixturevalue("postgres_server").url
        async with PostgresTokenStore(url) as in_postgres:
            yield "postgres", url, in_postgres
        return

    pytest.importorskip("redis.asyncio")
    url = request.getfixturevalue("redis_server").url
    async with RedisTokenStore(url) as store:
        yield "redis", url, store


async def test_three_processes_make_one_refresh(sandbox: Sandbox, shared: tuple[str, str, TokenStore]) -> None:
    kind, place, store = shared
    async with sandbox.serve() as url, asyncio.timeout(60):
        app = OAuthApp("sandbox-client", "sandbox-secret", "http://localhost:8000/", base_url=url)
        address, state = app.authorization_url(["mood_read"])
        await store.save("ada", await app.exchange(sandbox.authorize(address), state=state))
        old = await store.load("ada")
        pipe = asyncio.subprocess.PIPE
        program = [sys.executable, "-c", WORKER, url, kind, place]
        processes = [await asyncio.create_subprocess_exec(*program, stdin=pipe, stdout=pipe) for _ in range(3)]
        for process in processes:
            assert process.stdout is not None
            assert await process.stdout.readline() == b"ready\n"
        sandbox.expire_tokens()
        sandbox.reset_requests()
        sandbox.latency = 0.05

        outcomes = await asyncio.gather(*(process.communicate(b"go\n") for process in processes))

        assert [printed for printed, _ in outcomes] == [b"7\n"] * 3
        assert sum(request.path == "/oauth2/access_token" for request in sandbox.requests) == 1
        assert await store.load("ada") != old
        async with ExistClient(OAuth2(app, store, "ada"), base_url=url) as exist:
            assert (await exist.profile.get()).username == "ada"
