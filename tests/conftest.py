"""Fixtures of all tests: a sandbox, and clients of it."""

import asyncio
import gc
import ssl
import subprocess
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cache
from os import environ
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from hypothesis import HealthCheck, settings
from postgres_server import PostgresServer
from redis_server import RedisServer

import exist_async
from exist_async import ExistClient, MemoryRateLimiter
from exist_async.auth.oauth2 import _unsaved
from exist_async.sandbox import AttioSandbox, Sandbox
from support import Mount

# Generating examples takes longer where other programs run at the same time, which is no fault of a test.
settings.register_profile("patient", suppress_health_check=[HealthCheck.too_slow], deadline=None)
settings.load_profile("patient")

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Report a failure undisturbed: on Python 3.11 `ast.parse` fails if a finalizer parses meanwhile (gh-106905)."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


@pytest.fixture
def mount() -> Iterator[Mount]:
    """Mount something for the time of the test; skips where that is not allowed."""
    mounted: list[str] = []

    def mount(*arguments: str) -> None:
        try:
            done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
        except FileNotFoundError:
            pytest.skip("there is no program mount")
        if done.returncode:
            pytest.skip(f"mounting is not allowed here: {done.stderr.strip()}")
        mounted.append(arguments[-1])

    yield mount
    for target in reversed(mounted):
        subprocess.run(["umount", target], check=True)


class Clock:
    """Time that passes when somebody sleeps, and never otherwise."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session", autouse=True)
def _certificates_are_read_once() -> Generator[None, None, None]:
    """Reading the certificates of this machine takes longer than most tests, and has the same result each time."""
    create = httpx.create_ssl_context
    default = cache(create)

    def create_once(verify: Any = True, cert: Any = None, trust_env: bool = True) -> ssl.SSLContext:
        is_default = (
            verify is True and cert is None and "SSL_CERT_FILE" not in environ and "SSL_CERT_DIR" not in environ
        )
        return default() if is_default else create(verify=verify, cert=cert, trust_env=trust_env)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(httpx, "create_ssl_context", create_once)
        yield


@pytest.fixture(autouse=True)
def _nothing_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    own = ("TOKEN", "BASE_URL", "CLIENT_ID", "CLIENT_SECRET", "REDIRECT_URI")
    for name in (*(f"EXIST_{name}" for name in own), "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(autouse=True)
def _no_unsaved_token_of_another_test() -> Generator[None, None, None]:
    yield
    _unsaved.clear()


@pytest.fixture
def redis_server(tmp_path: Path) -> Generator[RedisServer, None, None]:
    """A Redis of the test's own; skips where there is none."""
    server = RedisServer(tmp_path)
    yield server
    server.end()


@pytest.fixture(scope="session")
def _shared_postgres() -> Generator[PostgresServer, None, None]:
    server = PostgresServer()
    yield server
    server.end()


@pytest.fixture
def postgres(_shared_postgres: PostgresServer) -> PostgresServer:
    """A PostgreSQL that the tests of this process share, with a schema name of the test's own; skips where none is."""
    _shared_postgres.schema = f"test {uuid4().hex}"
    return _shared_postgres


@pytest.fixture
def postgres_server() -> Generator[PostgresServer, None, None]:
    """A PostgreSQL of the test's own, to be paused, stopped or killed; skips where there is none."""
    server = PostgresServer()
    yield server
    server.end()


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox()


@pytest.fixture
async def exist(sandbox: Sandbox, clock: Clock) -> AsyncGenerator[ExistClient, None]:
    """A client of the sandbox, in process; its waits take no time."""
    limiter = MemoryRateLimiter(clock=clock, sleep=clock.sleep)
    async with httpx.AsyncClient(transport=sandbox.transport()) as http_client:
        yield ExistClient(sandbox.token, http_client=http_client, rate_limiter=limiter, clock=clock, sleep=clock.sleep)


@pytest.fixture
async def over_http(sandbox: Sandbox) -> AsyncGenerator[ExistClient, None]:
    """A client of the sandbox, over a real socket and its own transport."""
    async with sandbox.serve() as url, ExistClient(sandbox.token, base_url=url) as client:
        yield client


@pytest.fixture
def attio_sandbox() -> AttioSandbox:
    return AttioSandbox(token="your-attio-token")


@pytest.fixture
def to_the_sandbox(sandbox: Sandbox, attio_sandbox: AttioSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes all that is meant for exist.io and for Attio to their sandboxes, and leaves loopback alone."""
    own_transport = exist_async._http.pool.Transport

    class ToTheSandbox(httpx.AsyncBaseTransport):
        def __init__(self, **options: Any) -> None:
            self.own = own_transport(**options)
            self.sandboxes = {"exist.io": sandbox.transport(), "api.attio.com": attio_sandbox.transport()}

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            return await self.sandboxes.get(request.url.host, self.own).handle_async_request(request)

        def stop(self) -> None:
            self.own.stop()

        async def aclose(self) -> None:
            await self.own.aclose()

    monkeypatch.setattr("exist_async._http.pool.Transport", ToTheSandbox)


@pytest.fixture
def raw_server() -> Callable[[Handler], AbstractAsyncContextManager[str]]:
    """Serves whatever a handler writes to the socket, and gives the URL."""

    @asynccontextmanager
    async def serve(handler: Handler) -> AsyncGenerator[str, None]:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await handler(reader, writer)
            except (ConnectionError, asyncio.IncompleteReadError):
                pass  # the client hung up, as some tests have it
            finally:
                writer.close()

        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()

    return serve


@pytest.fixture
def answering(clock: Clock) -> Callable[..., ExistClient]:
    """Makes clients of a service that answers as a function says, without a socket; their waits take no time."""

    def make(answer: Callable[[httpx.Request], httpx.Response], **options: Any) -> ExistClient:
        http_client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
        timing = {"clock": clock, "sleep": clock.sleep, "fraction": lambda: 0.0}
        limiter = MemoryRateLimiter(clock=clock, sleep=clock.sleep)
        return ExistClient("a-token", http_client=http_client, **({"rate_limiter": limiter} | timing | options))

    return make
