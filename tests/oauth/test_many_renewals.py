"""Many tokens that expire at once are renewed over few connections."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from exist_async import ExistClient, MemoryTokenStore, OAuth2, OAuthApp, OAuthToken
from exist_async.sandbox import Sandbox
from support import until

EXPIRED = datetime.now(UTC) - timedelta(minutes=1)


class TokenService:
    """Renews every token, and counts connections.

    Attributes:
        delay: Seconds that the answer to a token request takes.
    """

    def __init__(self) -> None:
        self.open = self.most_open = self.opened = self.refreshes = 0
        self.delay = 0.0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            while True:
                await self._answer(reader, writer)
        finally:
            self.open -= 1

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        fields = dict(line.lower().split(": ", 1) for line in head.splitlines()[1:] if line)
        body = (await reader.readexactly(int(fields.get("content-length", 0)))).decode()
        if head.startswith("POST"):
            self.refreshes += 1
            await asyncio.sleep(self.delay)
            old = parse_qs(body)["refresh_token"][0]
            answer = {"access_token": f"new-{old}", "refresh_token": f"next-{old}", "expires_in": 3600}
        else:
            answer = {"username": fields["authorization"].removeprefix("bearer ")}
        content = json.dumps(answer).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content) + content)


@pytest.fixture
def service() -> TokenService:
    return TokenService()


@pytest.fixture
async def url(
    service: TokenService, raw_server: Callable[..., AbstractAsyncContextManager[str]]
) -> AsyncGenerator[str]:
    async with raw_server(service.handle) as url:
        yield url


@pytest.fixture
def app(url: str) -> OAuthApp:
    return OAuthApp("client-id", "client-secret", "http://localhost:8000/", base_url=url)


def token(user: str) -> OAuthToken:
    return OAuthToken(f"access-{user}", f"refresh-{user}", EXPIRED)


async def store_of(*users: str) -> MemoryTokenStore:
    store = MemoryTokenStore()
    for user in users:
        await store.save(user, token(user))
    return store


async def test_renewals_go_over_the_connections_of_the_client(url: str, app: OAuthApp, service: TokenService) -> None:
    users = [f"user-{n}" for n in range(200)]
    store = await store_of(*users)
    service.delay = 0.01

    async with ExistClient("no-user", base_url=url, max_connections=5) as shared:
        views = [shared.with_options(auth=OAuth2(app, store, user)) for user in users]
        profiles = await asyncio.gather(*(view.profile.get() for view in views))

    assert [profile.username for profile in profiles] == [f"new-refresh-{user}" for user in users]
    assert (service.refreshes, service.most_open) == (200, 5)


async def test_one_connection_is_enough_for_a_renewal_and_the_call_that_needs_it(
    url: str, app: OAuthApp, service: TokenService
) -> None:
    store = await store_of("ada")

    async with ExistClient(OAuth2(app, store, "ada"), base_url=url, max_connections=1) as exist:
        await exist.profile.get()

    assert service.opened == 1


async def test_an_app_without_a_client_shares_connections_between_its_requests_and_closes_them(
    app: OAuthApp, service: TokenService, monkeypatch: pytest.MonkeyPatch
) -> None:
    contexts: list[Any] = []
    create = httpx.create_ssl_context
    monkeypatch.setattr(
        httpx, "create_ssl_context", lambda **options: contexts.append(create(**options)) or contexts[-1]
    )

    new = await asyncio.gather(*(app.refresh(token(f"user-{n}")) for n in range(300)))

    assert [each.access_token for each in new] == [f"new-refresh-user-{n}" for n in range(300)]
    assert service.most_open <= 100
    assert len(contexts) == 1
    await until(lambda: service.open == 0)
    assert (await app.refresh(token("ada"))).access_token == "new-refresh-ada"
    await until(lambda: service.open == 0)


async def test_closing_the_client_keeps_the_connection_of_a_renewal_for_longer_than_its_own_timeout(
    url: str, app: OAuthApp, service: TokenService
) -> None:
    store = await store_of("ada")
    service.delay = 0.3

    async with ExistClient(OAuth2(app, store, "ada"), base_url=url, timeout=0.05) as exist:
        call = asyncio.create_task(exist.profile.get())
        await until(lambda: service.refreshes == 1)
        call.cancel()

    renewed = await store.load("ada")
    assert renewed is not None
    assert renewed.access_token == "new-refresh-ada"
    await until(lambda: service.open == 0)


async def test_a_renewal_whose_client_was_closed_goes_on_for_the_calls_of_another(
    url: str, app: OAuthApp, service: TokenService
) -> None:
    store = await store_of("ada")
    auth = OAuth2(app, store, "ada")

    async with ExistClient(auth, base_url=url) as other:
        closed = ExistClient(auth, base_url=url)
        async with store.lock("ada"):
            first = asyncio.create_task(closed.profile.get())
            second = asyncio.create_task(other.profile.get())
            await until(lambda: len(store._last) == 1 and closed._session._pool._prepared)
            for _ in range(10):
                await asyncio.sleep(0)
            first.cancel()
            closing = asyncio.create_task(closed.aclose())
            await until(lambda: closed._session._pool.closed)
        await closing
        assert (await second).username == "new-refresh-ada"

    assert service.refreshes == 1


async def test_the_http_client_of_a_client_is_used_for_renewals_unless_the_app_has_its_own(sandbox: Sandbox) -> None:
    seen: list[str] = []

    def client(name: str) -> httpx.AsyncClient:
        transport = sandbox.transport()

        async def send(request: httpx.Request) -> httpx.Response:
            seen.append(f"{name} {request.url.path}")
            return await transport.handle_async_request(request)

        return httpx.AsyncClient(transport=httpx.MockTransport(send))

    async def renew(**options: Any) -> list[str]:
        credentials = ("sandbox-client", "sandbox-secret", "http://localhost:8000/")
        async with client("login") as http:
            signing_in = OAuthApp(*credentials, http_client=http)
            store = MemoryTokenStore()
            page = signing_in.authorization_url(["mood_read"])[0]
            await store.save("ada", await signing_in.exchange(sandbox.authorize(page)))
        sandbox.expire_tokens()
        seen.clear()
        async with client("calls") as http:
            await ExistClient(OAuth2(OAuthApp(*credentials, **options), store, "ada"), http_client=http).profile.get()
        return [line for line in seen if line.endswith("/oauth2/access_token")]

    assert await renew() == ["calls /oauth2/access_token"]
    async with client("app") as http:
        assert await renew(http_client=http) == ["app /oauth2/access_token"]
