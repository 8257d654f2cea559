"""Error trackers and other tools show the local variables of all frames in a traceback: none of them is a secret."""

import asyncio
import datetime as dt
import io
import json
import socket
import struct
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable
from contextlib import closing
from pathlib import Path
from traceback import extract_tb, walk_tb
from types import FunctionType
from typing import Any

import httpx
import pytest
import sentry_sdk
from postgres_server import PostgresServer
from psycopg_pool import AsyncConnectionPool
from redis_server import RedisServer
from rich.console import Console
from rich.traceback import Traceback
from sentry_sdk.envelope import Envelope
from sentry_sdk.scrubber import EventScrubber
from sentry_sdk.transport import Transport
from sentry_sdk.utils import event_from_exception

from exist_async import (
    BearerToken,
    ByName,
    ConfigurationError,
    ExistAsyncError,
    ExistClient,
    FileTokenStore,
    MemoryTokenStore,
    OAuth2,
    OAuthApp,
    OAuthError,
    OAuthToken,
    PostgresRateLimiter,
    PostgresTokenStore,
    RedisRateLimiter,
    RedisTokenStore,
    SimpleToken,
    ValueIncrement,
)
from exist_async.attio import AttioClient

# Global, because the frames of a test belong to the application, whose local variables are its own.
ACCESS, REFRESH, CLIENT, CODE = "s3cr3t-access-token", "s3cr3t-refresh-token", "s3cr3t-client", "s3cr3t-code"
PASSWORD, REDIS, POSTGRES, PROXY = "s3cr3t-password", "s3cr3t-redis", "s3cr3t-postgres", "s3cr3t-proxy"
MARK = "s3cr3t"
LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)


def sentry_event(error: BaseException) -> str:
    """Return the event that an error tracker would send, with its filter of suspicious names switched off."""
    sent: list[str] = []

    class Kept(Transport):
        def capture_envelope(self, envelope: Envelope) -> None:
            sent.append(envelope.serialize().decode())

    tracker = sentry_sdk.Client(
        "http://key@127.0.0.1:9/1",
        transport=Kept,
        default_integrations=False,
        auto_enabling_integrations=False,
        event_scrubber=EventScrubber(denylist=[], pii_denylist=[]),
        max_value_length=1_000_000,
    )
    event, hint = event_from_exception(error, client_options=tracker.options)
    tracker.capture_event(event, hint)
    assert '"vars"' in sent[0]
    return sent[0]


def rich_traceback(error: BaseException) -> str:
    shown = io.StringIO()
    traceback = Traceback.from_exception(
        type(error), error, error.__traceback__, show_locals=True, locals_max_string=1_000, extra_lines=0
    )
    Console(file=shown, width=2_000).print(traceback)
    return shown.getvalue()


def representations(error: BaseException) -> str:
    """Return the representations of all local variables and of the attributes of `self`, as debug pages show them."""
    texts: list[str] = []
    chain = [error]
    for each in chain:
        chain += [other for other in (each.__cause__, each.__context__) if other is not None and other not in chain]
        entry = each.__traceback__
        while entry is not None:
            texts += [f"{entry.tb_frame.f_code.co_qualname} {name}: {value!r}" for name, value in locals_of(entry)]
            entry = entry.tb_next
    return "\n".join(texts)


def locals_of(entry: Any) -> list[tuple[str, object]]:
    return list(entry.tb_frame.f_locals.items())


TOOLS = {"sentry": sentry_event, "rich": rich_traceback, "repr": representations}


def shown_secrets(error: BaseException) -> list[str]:
    return [
        f"{name}: {text[max(0, text.index(MARK) - 200) : text.index(MARK) + 60]}"
        for name, text in ((name, tool(error)) for name, tool in TOOLS.items())
        if MARK in text
    ]


class Service:
    """A service that answers every request in one way, or breaks the connection."""

    def __init__(self, way: str) -> None:
        self.way = way
        self.server: asyncio.Server | None = None

    async def start(self) -> str:
        if self.way == "refused":
            return "http://127.0.0.1:9"
        self.server = await asyncio.start_server(self.answer, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            head = await reader.readuntil(b"\r\n\r\n")
            if self.way == "reset":
                linger = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                return
            if self.way == "hangs":
                await reader.read()
                return
            heard = json.dumps({"detail": head.decode(), "success": 7})
            status, body = {
                "400": (b"400 Bad", '{"error": "invalid_client"}'),
                "401": (b"401 No", '{"detail": "no"}'),
                "429": (b"429 Later", "{}"),
                "500": (b"500 Oops", "oops"),
                "repeats": (b"500 Oops", heard),
                "html": (b"200 OK", "<html>"),
                "another shape": (b"200 OK", heard),
                "closes": (b"", ""),
            }[self.way]
            if status:
                writer.write(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body.encode()))
                await writer.drain()


WAYS = ["refused", "reset", "closes", "hangs", "400", "401", "429", "500", "repeats", "html", "another shape"]
FEW_WAYS = ["refused", "closes", "500", "html"]


def an_app(url: str) -> OAuthApp:
    return OAuthApp("id", CLIENT, "http://localhost:1/", base_url=url)


async def call_with_token(url: str) -> object:
    async with ExistClient(ACCESS, base_url=url, timeout=0.3, max_retries=0) as exist:
        return await exist.profile.get()


async def increment(url: str) -> object:
    async with ExistClient(ACCESS, base_url=url, timeout=0.3, max_retries=0) as exist:
        return await exist.values.increment([ValueIncrement("a", 1, dt.date(2026, 11, 20))])


async def ensure(url: str) -> object:
    async with ExistClient(ACCESS, base_url=url, timeout=0.3, max_retries=1, fraction=lambda: 0.0) as exist:
        return await exist.attributes.ensure([ByName("a")])


async def call_over_a_client_of_the_callers(url: str) -> object:
    async with httpx.AsyncClient(trust_env=False) as http_client:
        exist = ExistClient(ACCESS, base_url=url, timeout=0.3, max_retries=0, http_client=http_client)
        return await exist.profile.get()


async def call_through_a_proxy(url: str) -> object:
    options = {"timeout": 0.3, "max_retries": 0}
    async with ExistClient(ACCESS, proxy=url.replace("://", f"://ada:{PROXY}@"), **options) as exist:  # type: ignore[arg-type]
        return await exist.profile.get()


async def call_with_oauth2(url: str) -> object:
    store = MemoryTokenStore()
    await store.save("ada", OAuthToken(ACCESS, REFRESH, LONG_AGO))
    async with ExistClient(OAuth2(an_app(url), store, "ada"), base_url=url, timeout=0.3, max_retries=0) as exist:
        return await exist.profile.get()


async def call_that_is_rejected(url: str) -> object:
    store = MemoryTokenStore()
    await store.save("ada", OAuthToken(ACCESS, REFRESH))
    async with ExistClient(OAuth2(an_app(url), store, "ada"), base_url=url, timeout=0.3, max_retries=0) as exist:
        return await exist.profile.get()


async def call_that_is_cancelled(url: str) -> object:
    async with ExistClient(ACCESS, base_url=url) as exist, asyncio.timeout(0.05):
        return await exist.profile.get()


async def sign_in_that_is_cancelled(url: str) -> object:
    async with asyncio.timeout(0.05):
        return await an_app(url).exchange(CODE)


CALLS: dict[str, Callable[[str], Awaitable[object]]] = {
    "with a token": call_with_token,
    "increment": increment,
    "ensure": ensure,
    "over a client of the caller's": call_over_a_client_of_the_callers,
    "through a proxy": call_through_a_proxy,
    "with OAuth2": call_with_oauth2,
    "rejected": call_that_is_rejected,
}
SIGN_INS: dict[str, Callable[[str], Awaitable[object]]] = {
    "exchange": lambda url: an_app(url).exchange(CODE),
    "refresh": lambda url: an_app(url).refresh(OAuthToken(ACCESS, REFRESH)),
    "login": lambda url: SimpleToken.login("ada", PASSWORD, base_url=url),
}


async def failure_of(call: Callable[[str], Awaitable[object]], way: str) -> BaseException:
    service = Service(way)
    url = await service.start()
    try:
        await call(url)
    except (ExistAsyncError, TimeoutError) as error:
        return error
    finally:
        if service.server is not None:
            service.server.close()
    raise AssertionError("it did not fail")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "way"),
    [(name, way) for name in CALLS for way in (WAYS if name in ("with a token", "increment") else FEW_WAYS)],
)
async def test_no_tool_shows_a_secret_in_the_traceback_of_a_call(name: str, way: str) -> None:
    assert shown_secrets(await failure_of(CALLS[name], way)) == []


@pytest.mark.slow
@pytest.mark.parametrize("way", [*FEW_WAYS, "400", "another shape"])
@pytest.mark.parametrize("name", SIGN_INS)
async def test_no_tool_shows_a_secret_in_the_traceback_of_a_sign_in(name: str, way: str) -> None:
    assert shown_secrets(await failure_of(SIGN_INS[name], way)) == []


@pytest.mark.parametrize("call", [call_that_is_cancelled, sign_in_that_is_cancelled])
async def test_no_tool_shows_a_secret_in_the_traceback_of_a_timeout_of_the_callers(
    call: Callable[[str], Awaitable[object]],
) -> None:
    error = await failure_of(call, "hangs")

    assert isinstance(error, TimeoutError)
    assert shown_secrets(error) == []


WRONG_ARGUMENTS: dict[str, Callable[[], object]] = {
    "a token with a line break": lambda: ExistClient(f"{ACCESS}\n"),
    "a token beside a wrong timeout": lambda: ExistClient(ACCESS, timeout=-1),
    "a view with a wrong timeout": lambda: ExistClient("a").with_options(auth=ACCESS, timeout=-1),
    "a token of Attio": lambda: AttioClient(ACCESS, timeout=-1),
    "a view of Attio": lambda: AttioClient("a").with_options(auth=f"{ACCESS} "),
    "a bearer token": lambda: BearerToken(f"{ACCESS} "),
    "a proxy": lambda: ExistClient("a", proxy=f"socks5://ada:{PROXY}@127.0.0.1:1"),
    "a base_url": lambda: ExistClient("a", base_url=f"https://ada:{PASSWORD}@127.0.0.1"),
    "a client secret": lambda: OAuthApp("id", f"{CLIENT} ", "http://localhost:1/"),
    "an app": lambda: OAuthApp("id", CLIENT, "not a URL"),
    "a stored token": lambda: OAuthToken(f"{ACCESS} ", REFRESH),
    "a token without a time zone": lambda: OAuthToken(ACCESS, REFRESH, dt.datetime(2026, 1, 1)),  # noqa: DTZ001
    "the fields of a token": lambda: OAuthToken.from_dict({"access_token": ACCESS, "refresh_token": [REFRESH]}),
    "the fields of a token for a store": lambda: asyncio.run(MemoryTokenStore().save("ada", {"access_token": ACCESS})),  # type: ignore[arg-type]
    "the URL of a PostgreSQL": lambda: PostgresTokenStore(f"postgresql://ada:{POSTGRES}@[localhost"),
    "the URL of a PostgreSQL beside a wrong timeout": lambda: PostgresTokenStore(
        f"postgresql://ada:{POSTGRES}@localhost", timeout=-1
    ),
    "the URL of a Redis": lambda: RedisTokenStore(f"http://:{REDIS}@localhost"),
    "the URL of a Redis for a limiter": lambda: RedisRateLimiter(f"redis://:{REDIS}@localhost", limit=0),
    "the URL of a PostgreSQL for a limiter": lambda: PostgresRateLimiter(f"postgresql://a:{PASSWORD}@b", limit=0),
}


@pytest.mark.parametrize("name", WRONG_ARGUMENTS)
def test_no_tool_shows_a_secret_beside_a_wrong_argument(name: str) -> None:
    try:
        WRONG_ARGUMENTS[name]()
    except ConfigurationError as caught:
        error = caught

    assert shown_secrets(error) == []


@pytest.mark.parametrize("callback", ["code=", "https://a/?code=", "https://[a?code="])
async def test_no_tool_shows_the_code_of_a_wrong_callback_url(callback: str) -> None:
    try:
        await an_app("http://127.0.0.1:9").exchange(callback + CODE + "%20")
    except ExistAsyncError as caught:
        error = caught

    assert shown_secrets(error) == []


async def test_no_tool_shows_a_token_of_a_damaged_file(tmp_path: Path) -> None:
    store = FileTokenStore(tmp_path / "tokens.json")
    await store.save("ada", OAuthToken(ACCESS, REFRESH))
    (tmp_path / "tokens.json").write_text((tmp_path / "tokens.json").read_text()[:-3])
    for call in (lambda: store.load("ada"), lambda: store.save("ada", OAuthToken(ACCESS))):
        try:
            await call()
        except OAuthError as caught:
            error = caught

        assert shown_secrets(error) == []


async def test_no_tool_shows_what_was_for_a_redis_that_fails(redis_server: RedisServer) -> None:
    async with (
        RedisTokenStore(f"redis://ada:{REDIS}@127.0.0.1:{redis_server.port}/0", timeout=0.2) as store,
        RedisRateLimiter(f"redis://ada:{REDIS}@127.0.0.1:{redis_server.port}/0", timeout=0.2) as limiter,
    ):
        calls = [
            lambda: store.load("ada"),
            lambda: store.save("ada", OAuthToken(ACCESS)),
            lambda: limiter.acquire("ada", max_wait=1),
        ]
        for ended in (False, True):
            if ended:
                redis_server.end()
            for call in calls:
                try:
                    await call()
                except ExistAsyncError as caught:
                    error = caught

                assert shown_secrets(error) == []


async def test_no_tool_shows_what_was_for_a_postgresql_that_refuses_the_limiter(postgres: PostgresServer) -> None:
    for port in (postgres.port, 9):
        limiter = PostgresRateLimiter(f"postgresql://ada:{PASSWORD}@127.0.0.1:{port}/app", timeout=5)
        for call in (limiter.acquire("ada", max_wait=1), limiter.remaining("ada")):
            try:
                await call
            except ExistAsyncError as caught:
                error = caught

            assert "127.0.0.1" in str(error)
            assert shown_secrets(error) == []
        await limiter.aclose()


async def test_no_tool_shows_a_secret_when_a_call_to_redis_is_cancelled(redis_server: RedisServer) -> None:
    url = f"redis://127.0.0.1:{redis_server.port}/0"
    async with RedisTokenStore(url) as store:
        await store.load("ada")
        redis_server.pause()
        try:
            async with asyncio.timeout(0.05):
                await store.save("ada", OAuthToken(ACCESS))
        except TimeoutError as caught:
            error = caught
        finally:
            redis_server.resume()

    assert shown_secrets(error) == []


async def test_no_tool_shows_what_was_for_a_postgresql_that_fails(postgres_server: PostgresServer) -> None:
    where = f"127.0.0.1:{postgres_server.port}/postgres"
    async with (
        AsyncConnectionPool(f"postgresql://ada:{POSTGRES}@{where}", min_size=0, max_size=2, open=False) as pool,
        PostgresTokenStore(f"postgresql://ada:{POSTGRES}@{where}", timeout=0.2) as store,
        PostgresTokenStore(pool, timeout=0.2) as pooled,
    ):
        for ended in (False, True):
            if ended:
                postgres_server.stop()
            for each in (store, pooled):
                for call in (each.load("ada"), each.save("ada", OAuthToken(ACCESS)), each.lock("ada").__aenter__()):
                    try:
                        await call
                    except OAuthError as caught:
                        error = caught

                    assert shown_secrets(error) == []


@pytest.mark.parametrize("paused", ["connecting", "a statement"])
async def test_no_tool_shows_a_secret_when_a_call_to_postgresql_is_cancelled(
    postgres_server: PostgresServer, paused: str
) -> None:
    postgres_server.execute(f"ALTER ROLE postgres PASSWORD '{POSTGRES}'")
    async with PostgresTokenStore(postgres_server.url.replace(postgres_server.password, POSTGRES)) as store:
        await store.load("ada")
        if paused == "connecting":
            await store.aclose()
        postgres_server.pause()
        try:
            async with asyncio.timeout(0.05):
                await store.save("ada", OAuthToken(ACCESS))
        except TimeoutError as caught:
            error = caught
        finally:
            postgres_server.resume()

    assert shown_secrets(error) == []


@pytest.mark.parametrize("call", ["check_can_save", "delete"])
async def test_no_tool_shows_the_tokens_of_a_file_that_can_not_be_written(tmp_path: Path, call: str) -> None:
    store = FileTokenStore(tmp_path / "tokens.json")
    await store.save("ada", OAuthToken(ACCESS, REFRESH))
    (tmp_path / ".tokens.json.new").mkdir()
    try:
        await getattr(store, call)("ada")
    except OAuthError as caught:
        error = caught

    assert shown_secrets(error) == []


async def test_no_tool_shows_the_password_of_a_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"socks5://ada:{PROXY}@127.0.0.1:1")
    async with ExistClient("a", base_url="https://example.com") as exist:
        try:
            await exist.profile.get()
        except ConfigurationError as caught:
            error = caught

    assert shown_secrets(error) == []


class FailingStore(MemoryTokenStore):
    async def save(self, user: str, token: OAuthToken) -> None:
        raise LookupError(user)


async def no_pause(seconds: float) -> None:
    """Do not wait until another attempt to save a token."""


async def test_no_tool_shows_a_token_that_can_not_be_saved_by_a_store_that_is_empty() -> None:
    store = FailingStore()
    await MemoryTokenStore.save(store, "ada", OAuthToken(ACCESS, REFRESH, LONG_AGO))

    async def refresh(token: OAuthToken) -> OAuthToken:
        return OAuthToken(f"new-{ACCESS}", f"new-{REFRESH}")

    app = an_app("http://127.0.0.1:9")
    app.refresh = refresh  # type: ignore[method-assign]
    app.sleep = no_pause
    for _ in range(2):
        async with ExistClient(OAuth2(app, store, "ada"), base_url="http://127.0.0.1:9") as exist:
            try:
                await exist.profile.get()
            except OAuthError as caught:
                error = caught
        await store.delete("ada")

        assert shown_secrets(error) == []


async def test_the_frames_of_an_application_s_own_store_stay_in_the_traceback() -> None:
    store = FailingStore()
    await MemoryTokenStore.save(store, "ada", OAuthToken(ACCESS, REFRESH, LONG_AGO))

    async def refresh(token: OAuthToken) -> OAuthToken:
        return OAuthToken(f"new-{ACCESS}", f"new-{REFRESH}")

    app = an_app("http://127.0.0.1:9")
    app.refresh = refresh  # type: ignore[method-assign]
    app.sleep = no_pause
    async with ExistClient(OAuth2(app, store, "ada"), base_url="http://127.0.0.1:9") as exist:
        try:
            await exist.profile.get()
        except OAuthError as caught:
            error = caught

    assert shown_secrets(error) == []
    cause = error.__cause__
    assert isinstance(cause, LookupError)
    assert places_of(cause)[-2:] == [("oauth2.py", "_save"), (Path(__file__).name, "save")]
    assert [set(frame.f_locals) for frame, _ in walk_tb(cause.__traceback__)][-2:] == [set(), {"self", "user", "token"}]


def places_of(error: BaseException) -> list[tuple[str, str]]:
    return [(Path(entry.filename).name, entry.name) for entry in extract_tb(error.__traceback__)]


def raise_beside_headers(*_: object) -> None:
    """Stand for a function of the package that has a bug."""
    headers = {"Authorization": f"Bearer {ACCESS}"}
    raise TypeError(len(headers))


@pytest.mark.parametrize("call", [call_with_token, increment])
@pytest.mark.parametrize(
    ("function", "file"),
    [
        ("exist_async._http.pool.user_of", "pool.py"),
        ("exist_async._http.transport.import_module", "transport.py"),
        ("exist_async._http.connections._read_body", "connections.py"),
        ("aiohttp.client_reqrep.ClientResponse.start", "client.py"),
    ],
)
async def test_the_traceback_of_a_bug_shows_its_place_without_the_variables_there(
    call: Callable[[str], Awaitable[object]], function: str, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A copy with the globals of the package, because the frames of a test belong to the application.
    bug = FunctionType(raise_beside_headers.__code__, {"__name__": "exist_async.bug", "ACCESS": ACCESS})
    monkeypatch.setattr(function, bug)
    service = Service("html")
    url = await service.start()
    try:
        await call(url)
    except (TypeError, ExistAsyncError) as caught:
        error = caught.__cause__ or caught
    assert service.server is not None
    service.server.close()

    assert isinstance(error, TypeError)
    assert places_of(error)[-1] == (Path(__file__).name, "raise_beside_headers")
    assert places_of(error)[-2][0] == file
    assert shown_secrets(error) == []


async def test_the_traceback_of_a_bug_while_signing_in_shows_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    bug = FunctionType(raise_beside_headers.__code__, {"__name__": "exist_async.bug", "ACCESS": ACCESS})
    monkeypatch.setattr("exist_async._http.forms.urlencode", bug)
    try:
        await an_app("http://127.0.0.1:9").exchange(CODE)
    except TypeError as caught:
        error = caught

    assert [file for file, _ in places_of(error)][-4:] == ["app.py", "app.py", "forms.py", Path(__file__).name]
    assert shown_secrets(error) == []


async def test_the_traceback_of_a_failed_connection_shows_where_it_failed() -> None:
    error = await failure_of(call_with_token, "refused")

    assert isinstance(error.__cause__, httpx.ConnectError)
    assert ("connections.py", "send") in places_of(error.__cause__)
    assert "sock_connect" in str(places_of(error.__cause__.__cause__.__cause__))  # type: ignore[union-attr, arg-type]


def fail_beside(secret: str) -> None:
    raise ValueError("something else")


@pytest.mark.parametrize("tool", TOOLS)
def test_the_tools_show_local_variables(tool: str) -> None:
    try:
        fail_beside(ACCESS)
    except ValueError as caught:
        error = caught

    assert ACCESS in TOOLS[tool](error)


async def test_an_error_that_several_calls_share_ends_none_of_them() -> None:
    shared = OAuthError("The session has expired")

    class Expired(httpx.Auth):
        async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
            await asyncio.sleep(0)
            raise shared
            yield request

    class SlowLimiter:
        async def acquire(self, user: Hashable, *, max_wait: float | None) -> None:
            pass

        async def refund(self, user: Hashable, *, hold: float) -> None:
            await asyncio.sleep(0.01)  # the calls wait here with the error, while others raise it

    async with ExistClient(Expired(), rate_limiter=SlowLimiter()) as exist, asyncio.timeout(10):
        ended = await asyncio.gather(*(exist.profile.get() for _ in range(5)), return_exceptions=True)

    assert ended == [shared] * 5
