"""Fixtures of the tests of signing in: an app, a user who has signed in, and clients with their token."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from exist_async import ExistClient, MemoryTokenStore, OAuth2, OAuthApp, OAuthToken, Scope
from exist_async.sandbox import Sandbox

TOKEN_PATH = "/oauth2/access_token"


@pytest.fixture
async def http(sandbox: Sandbox) -> AsyncGenerator[httpx.AsyncClient, None]:
    async with httpx.AsyncClient(transport=sandbox.transport()) as client:
        yield client


@pytest.fixture
def app(http: httpx.AsyncClient, clock: Any) -> OAuthApp:
    """The app of the sandbox's first service; its waits take no time."""
    credentials = ("sandbox-client", "sandbox-secret", "http://localhost:8000/")
    return OAuthApp(*credentials, http_client=http, clock=clock, sleep=clock.sleep)


@pytest.fixture
def sign_in(app: OAuthApp, sandbox: Sandbox) -> Callable[[], Awaitable[OAuthToken]]:
    """Lets ada sign in, all the way round."""

    async def sign_in() -> OAuthToken:
        url, state = app.authorization_url(Scope)
        return await app.exchange(sandbox.authorize(url), state=state)

    return sign_in


@pytest.fixture
def store() -> MemoryTokenStore:
    return MemoryTokenStore()


@pytest.fixture
async def auth(app: OAuthApp, store: MemoryTokenStore, sign_in: Any, clock: Any) -> OAuth2:
    """Signs for ada, who is signed in."""
    await store.save("ada", await sign_in())
    return OAuth2(app, store, "ada", clock=clock)


@pytest.fixture
def exist(auth: OAuth2, http: httpx.AsyncClient) -> ExistClient:
    """A client for ada, who is signed in."""
    return ExistClient(auth, http_client=http)


@pytest.fixture
def refreshes(sandbox: Sandbox, sign_in: Any, auth: OAuth2) -> Callable[[], int]:
    """Counts the token requests that came after the signing in."""
    sandbox.reset_requests()
    return lambda: sum(request.path == TOKEN_PATH for request in sandbox.requests)
