"""Several processes that share a token file, and find its token expired at once."""

import asyncio
import sys
from pathlib import Path

from exist_async import ExistClient, FileTokenStore, OAuth2, OAuthApp
from exist_async.sandbox import Sandbox

WORKER = """
import asyncio, sys
from exist_async import ExistClient, FileTokenStore, OAuth2, OAuthApp

async def main(url, path):
    app = OAuthApp("sandbox-client", "sandbox-secret", "http://localhost:8000/", base_url=url)
    async with ExistClient(OAuth2(app, FileTokenStore(path), "ada"), base_url=url, concurrency=20) as exist:
        await exist.profile.get()
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        profiles = await asyncio.gather(*(exist.profile.get() for _ in range(7)))
        print(len(profiles), flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


async def test_three_processes_make_one_refresh(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    async with sandbox.serve() as url, asyncio.timeout(60):
        app = OAuthApp("sandbox-client", "sandbox-secret", "http://localhost:8000/", base_url=url)
        address, state = app.authorization_url(["mood_read"])
        store = FileTokenStore(path)
        await store.save("ada", await app.exchange(sandbox.authorize(address), state=state))
        old = await store.load("ada")
        pipe = asyncio.subprocess.PIPE
        processes = [
            await asyncio.create_subprocess_exec(sys.executable, "-c", WORKER, url, str(path), stdin=pipe, stdout=pipe)
            for _ in range(3)
        ]
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
