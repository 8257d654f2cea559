"""Many tokens that expire at once are renewed over few connections."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

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
from exist_async.sandbox import Sandbox
from support import until

EXPIRED = datetime.now(UTC) - timedelta(minutes=1)


class TokenService:
    """Renews every token, and counts connections.

    Attributes:
        most_open: The most connections at once.
        most_refreshing: The most token requests at once.
        delay: Seconds that the answer to a token request takes.
        answering: Whether token requests are answered.
        refused: The refresh tokens that are not valid any more.
    """

    def __init__(self) -> None:
        self.open = self.most_open = self.opened = self.refreshes = 0
        self.refreshing = self.most_refreshing = 0
        self.delay = 0.0
        self.answering = asyncio.Event()
        self.answering.set()
        self.refused: set[str] = set()

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
            self.refreshing += 1
            self.most_refreshing = max(self.most_refreshing, self.refreshing)
            await asyncio.sleep(self.delay)
            await self.answering.wait()
            self.refreshing -= 1
            old = parse_qs(body)["refresh_token"][0]
            if old in self.refused:
                self._write(writer, "400 Bad Request", {"error": "invalid_grant"})
                return
            answer = {"access_token": f"new-{old}", "refresh_token": f"next-{old}", "expires_in": 3600}
        else:
            answer = {"username": fields["authorization"].removeprefix("bearer ")}
        self._write(writer, "200 OK", answer)

    def _write(self, writer: asyncio.StreamWriter, status: str, answer: dict[str, Any]) -> None:
        content = json.dumps(answer).encode()
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content)


class CountingStore(MemoryTokenStore):
    """Counts the locks that are held.

    Attributes:
        most_locked: The most locks that were held at once.
    """

    def __init__(self) -> None:
        super().__init__()
        self._locked = self.most_locked = 0

    @asynccontextmanager
    async def lock(self, user: str) -> AsyncGenerator[None, None]:
        async with super().lock(user):
            self._locked += 1
            self.most_locked = max(self.most_locked, self._locked)
            try:
                yield
            finally:
                self._locked -= 1


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


async def store_of(*users: str) -> CountingStore:
    store = CountingStore()
    for user in users:
        await store.save(user, token(user))
    return store


async def test_renewals_go_over_the_connections_of_the_client(url: str, app: OAuthApp, service: TokenService) -> None:
    users = [f"user-{n}" for n in range(200)]
    store = await store_of(*users)
    service.delay = 0.001

    async with ExistClient("no-user", base_url=url, max_connections=5) as shared:
        views = [shared.with_options(auth=OAuth2(app, store, user)) for user in users]
        profiles = await asyncio.gather(*(view.profile.get() for view in views))

    assert [profile.username for profile in profiles] == [f"new-refresh-{user}" for user in users]
    assert service.refreshes == 200
    assert service.most_open <= 5


@pytest.mark.parametrize(("connections", "most_locked"), [(1, 1), (6, 3), (100, 25)])
async def test_few_renewals_are_in_progress_at_once_and_the_others_hold_no_lock(
    url: str, app: OAuthApp, service: TokenService, connections: int, most_locked: int
) -> None:
    users = [f"user-{n}" for n in range(60)]
    store = await store_of(*users)
    service.delay = 0.001

    async with ExistClient("no-user", base_url=url, max_connections=connections) as shared:
        await asyncio.gather(*(shared.with_options(auth=OAuth2(app, store, user)).profile.get() for user in users))

    assert store.most_locked == most_locked


async def test_calls_of_other_users_do_not_wait_for_renewals(url: str, app: OAuthApp, service: TokenService) -> None:
    users = [f"user-{n}" for n in range(60)]
    store = await store_of(*users)
    service.answering.clear()

    async with ExistClient("other", base_url=url, max_connections=4) as shared:
        views = [shared.with_options(auth=OAuth2(app, store, user)) for user in users]
        renewing = [asyncio.create_task(view.profile.get()) for view in views]
        await until(lambda: service.refreshes == 2)

        async with asyncio.timeout(5):
            assert (await shared.profile.get()).username == "other"

        service.answering.set()
        await asyncio.gather(*renewing)


async def test_locks_that_another_process_keeps_hold_up_nobody_else_s_renewal(
    url: str, app: OAuthApp, service: TokenService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exist_async.auth.renewals._PATIENCE", 0.01)
    kept = [f"kept-{n}" for n in range(10)]
    users = [f"user-{n}" for n in range(10)]
    store = await store_of(*kept, *users)

    async with ExistClient("no-user", base_url=url, max_connections=4) as shared:
        views = [shared.with_options(auth=OAuth2(app, store, user)) for user in [*kept, *users]]
        async with AsyncExitStack() as locks:
            for user in kept:
                await locks.enter_async_context(store.lock(user))
            calls = [asyncio.create_task(view.profile.get()) for view in views]
            async with asyncio.timeout(5):
                await asyncio.gather(*calls[len(kept) :])
            assert service.refreshes == len(users)
            service.delay = 0.005
        await asyncio.gather(*calls)

    assert service.refreshes == len(kept) + len(users)
    assert service.most_refreshing == 2


@pytest.mark.parametrize(("connections", "most_failures"), [(100, 25), (2, 5)])
async def test_renewals_that_wait_behind_others_without_an_answer_fail_with_them(
    url: str, app: OAuthApp, connections: int, most_failures: int
) -> None:
    requests = 0

    async def fail(request: httpx.Request) -> httpx.Response:
        nonlocal requests
        requests += 1
        await asyncio.sleep(0)
        raise httpx.ConnectError("down", request=request)

    async def sleep(_: float) -> None:
        await asyncio.sleep(0)

    users = [f"user-{n}" for n in range(200)]
    store = await store_of(*users)
    async with httpx.AsyncClient(transport=httpx.MockTransport(fail)) as http:
        down = OAuthApp("client-id", "client-secret", "http://localhost/", base_url=url, http_client=http, sleep=sleep)
        async with ExistClient("no-user", base_url=url, max_connections=connections) as shared:
            views = [shared.with_options(auth=OAuth2(down, store, user)) for user in users]
            errors = await asyncio.gather(*(view.profile.get() for view in views), return_exceptions=True)

    assert {type(error) for error in errors} == {OAuthError}
    assert most_failures <= requests // 3 < 60
    assert f"waited for others, and the last {most_failures} of them got no answer" in str(errors[-1])
    async with ExistClient(OAuth2(app, store, "user-199"), base_url=url) as exist:
        assert (await exist.profile.get()).username == "new-refresh-user-199"


async def test_renewals_that_are_refused_leave_the_others_alone(url: str, app: OAuthApp, service: TokenService) -> None:
    signed_out = [f"gone-{n}" for n in range(50)]
    store = await store_of(*signed_out, "ada")
    service.refused = {f"refresh-{user}" for user in signed_out}

    async with ExistClient("no-user", base_url=url) as shared:
        views = [shared.with_options(auth=OAuth2(app, store, user)) for user in [*signed_out, "ada"]]
        *refused, profile = await asyncio.gather(*(view.profile.get() for view in views), return_exceptions=True)

    assert {type(error) for error in refused} == {ReauthorizationRequired}
    assert not isinstance(profile, BaseException)
    assert profile.username == "new-refresh-ada"


async def test_tokens_that_are_saved_again_hold_up_nobody_else_s_renewal(url: str, service: TokenService) -> None:
    class FullStore(MemoryTokenStore):
        async def save(self, user: str, token: OAuthToken) -> None:
            if user.startswith("full") and token.access_token.startswith("new"):
                raise OSError("no space")
            await super().save(user, token)

    pauses: list[float] = []
    over = asyncio.Event()

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        await over.wait()

    app = OAuthApp("client-id", "client-secret", "http://localhost:8000/", base_url=url, sleep=sleep)
    store = FullStore()
    users = [f"full-{n}" for n in range(10)]
    for user in (*users, "ada"):
        await store.save(user, OAuthToken(user, f"refresh-{user}", EXPIRED))

    async with ExistClient("no-user", base_url=url, max_connections=4) as shared:
        views = [shared.with_options(auth=OAuth2(app, store, user)) for user in (*users, "ada")]
        *failing, call = [asyncio.create_task(view.profile.get()) for view in views]
        try:
            async with asyncio.timeout(5):
                assert (await call).username == "new-refresh-ada"
        finally:
            over.set()
        assert {type(error) for error in await asyncio.gather(*failing, return_exceptions=True)} == {OAuthError}
        assert len(pauses) == 6 * len(users)

        with pytest.raises(OAuthError, match="could not save it"):
            await views[0].profile.get()
        assert len(pauses) == 6 * len(users), "a call after that only tries once"

    assert service.refreshes == len(users) + 1


async def test_a_renewal_that_looks_for_another_s_token_holds_no_lock(url: str, service: TokenService) -> None:
    looking, looked = asyncio.Event(), asyncio.Event()

    async def sleep(_: float) -> None:
        looking.set()
        await looked.wait()

    app = OAuthApp("client-id", "client-secret", "http://localhost:8000/", base_url=url, sleep=sleep)
    store = await store_of("ada", "grace")
    store.lock_can_be_lost = True
    service.refused = {"refresh-ada"}

    async with ExistClient("no-user", base_url=url, max_connections=1) as shared:
        call = asyncio.create_task(shared.with_options(auth=OAuth2(app, store, "ada")).profile.get())
        await looking.wait()

        async with asyncio.timeout(5):
            assert (await shared.with_options(auth=OAuth2(app, store, "grace")).profile.get()).username
            async with store.lock("ada"):
                await store.save("ada", OAuthToken("of-another-process"))
        looked.set()
        assert (await call).username == "of-another-process"


async def test_closing_the_client_ends_the_renewals_that_wait_for_their_turn(
    url: str, app: OAuthApp, service: TokenService
) -> None:
    users = [f"user-{n}" for n in range(50)]
    store = await store_of(*users)
    service.answering.clear()

    async with ExistClient("no-user", base_url=url, max_connections=4) as shared:
        views = [shared.with_options(auth=OAuth2(app, store, user)) for user in users]
        calls = [asyncio.create_task(view.profile.get()) for view in views]
        await until(lambda: service.refreshes == 2)
        closing = asyncio.create_task(shared.aclose())
        await until(lambda: sum(call.done() for call in calls) == len(calls))
        service.answering.set()
        await closing

    assert service.refreshes == 2
    assert [user for user in users if store._tokens[user] != token(user)] == users[:2]
    await asyncio.gather(*calls, return_exceptions=True)


async def test_one_connection_is_enough_for_a_renewal_and_the_call_that_needs_it(
    url: str, app: OAuthApp, service: TokenService
) -> None:
    store = await store_of("ada")

    async with ExistClient(OAuth2(app, store, "ada"), base_url=url, max_connections=1) as exist:
        await exist.profile.get()

    assert service.opened == 1


@pytest.mark.parametrize("apps", ["one", "one for each request"])
async def test_apps_without_a_client_share_connections_between_their_requests_and_close_them(
    url: str, app: OAuthApp, service: TokenService, monkeypatch: pytest.MonkeyPatch, apps: str
) -> None:
    def app_of_request() -> OAuthApp:
        return app if apps == "one" else OAuthApp("client-id", "client-secret", "http://localhost:8000/", base_url=url)

    contexts: list[Any] = []
    create = httpx.create_ssl_context
    monkeypatch.setattr(
        httpx, "create_ssl_context", lambda **options: contexts.append(create(**options)) or contexts[-1]
    )

    new = await asyncio.gather(*(app_of_request().refresh(token(f"user-{n}")) for n in range(300)))

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
