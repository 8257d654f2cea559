"""Secrets that can't be mistaken are put through everything that can happen, and show nowhere."""

import asyncio
import base64
import copy
import datetime as dt
import io
import itertools
import json
import logging
import pickle
import sys
import threading
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote_plus

import httpx
import pytest
from redis_server import RedisServer

from exist_async import (
    BatchResult,
    BearerToken,
    ByName,
    ExistAsyncError,
    ExistClient,
    FileTokenStore,
    MemoryRateLimiter,
    MemoryTokenStore,
    OAuth2,
    OAuthApp,
    OAuthToken,
    RateLimitError,
    RedisRateLimiter,
    RedisTokenStore,
    Scope,
    SimpleToken,
    SqliteRateLimiter,
    ValueIncrement,
    ValueUpdate,
)
from exist_async.cli.program import run
from exist_async.cli.sign_in import SignIn
from support import until

KINDS = ("Access", "Refresh", "NewAccess", "NewRefresh", "Client", "Code", "Password", "Simple", "Proxy", "Redis")

# Several times over, so that a part of it tells as much; with what writers of URLs, HTML and JSON write otherwise.
SECRETS = {kind: f"c4n4ry{kind}/c4n4ry{kind}+c4n4ry{kind}" for kind in KINDS}


def forms(secret: str) -> set[str]:
    """Return what a secret, or the middle of it, looks like when it is written in one way or another."""
    mark = secret.partition("/")[0]
    shifted = [base64.b64encode(b"x" * shift + mark.encode()).decode()[4 if shift else 0 : -4] for shift in range(3)]
    return {mark, mark.encode().hex(), mark.encode("utf-16-le").decode("latin-1"), mark[::-1], *shifted}


FORMS = {kind: forms(secret) for kind, secret in SECRETS.items()} | {"some secret": {"c4n4ry"}}


class Watch(logging.Handler):
    """Sees all that the process logs, and what it is shown."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.seen: list[tuple[str, str]] = []
        self.formatter = logging.Formatter("%(name)s %(levelname)s %(message)s")

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append((f"the log of {record.name}", f"{self.format(record)} {record.args!r} {record.stack_info}"))

    def show(self, where: str, thing: object) -> None:
        """Look at all that can be seen of a thing: its texts, its pickle, and all errors behind it."""
        facts = vars(thing) if isinstance(thing, BaseException) else ""
        self.seen.append((f"the text of {where}", f"{thing!r} {thing} {[thing]} {facts}"))
        try:
            self.seen.append((f"the pickle of {where}", pickle.dumps(thing).decode("latin-1")))
            self.seen.append((f"the copy of {where}", repr(copy.deepcopy(thing))))
        except (TypeError, AttributeError, pickle.PicklingError):
            pass  # what holds a secret refuses, and so does what is of another library
        if isinstance(thing, BaseException):
            self.seen.append((f"the traceback of {where}", "".join(traceback.format_exception(thing))))
            for behind in (thing.__cause__, thing.__context__, *getattr(thing, "errors", ())):
                if behind is not None:
                    self.show(f"{where}, {type(behind).__name__}", behind)
            # What errors of other libraries hold on to, and those who log errors at times show.
            for name in ("request", "response", "object", "doc"):
                self.seen.append((f"{name} of {where}", show_inside(getattr(thing, name, None))))
        if isinstance(thing, BatchResult):
            for outcome in thing:
                self.show(where, outcome)
                if outcome.cause is not None and outcome.cause is not getattr(thing, "shown", None):
                    self.seen.append((where, f"{outcome.cause} {outcome.cause!r}"))
        if isinstance(getattr(thing, "result", None), BatchResult):
            self.show(f"{where}, result", thing.result)

    def leaks(self) -> list[str]:
        return sorted(
            {
                f"{kind} in {where}: {text[max(0, text.index(form) - 80) : text.index(form) + 60]!r}"
                for where, text in self.seen
                for kind, marks in FORMS.items()
                for form in marks
                if form in text
            }
        )


def show_inside(thing: object) -> str:
    if isinstance(thing, httpx.Request):
        return f"{thing.url} {thing.headers.raw} {thing.content!r}"
    return repr(thing)


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    """Watches the whole process, as closely as logging goes."""
    watch = Watch()
    root = logging.getLogger()
    level = root.level
    root.addHandler(watch)
    root.setLevel(logging.DEBUG)
    for logger in list(logging.Logger.manager.loggerDict.values()):
        if isinstance(logger, logging.Logger):
            monkeypatch.setattr(logger, "level", logging.NOTSET)
            monkeypatch.setattr(logger, "propagate", True)
            logger.manager._clear_cache()  # type: ignore[attr-defined]
    yield watch
    root.setLevel(level)
    root.removeHandler(watch)


@pytest.fixture(autouse=True)
def _nothing_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exist_async._http.retry.backoff", lambda attempt, fraction: 0.0)
    # Reading the certificates takes longer than all the rest of a call.
    monkeypatch.setattr(httpx, "create_ssl_context", lambda **options: CONTEXT)
    # So does reading where each step of a debugged loop comes from, for which a line is as good as ten.
    monkeypatch.setattr("asyncio.constants.DEBUG_STACK_DEPTH", 1)


CONTEXT = httpx.create_ssl_context()


def debugged() -> None:
    """Have asyncio log every step that it makes, as it does with slow ones when somebody debugs a program."""
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    loop.slow_callback_duration = 0.0


# --- A service that does all that a service can do wrong, and repeats all that it hears.


def reply(status: int, body: bytes | str, kind: str = "application/json", **headers: str) -> bytes:
    body = body.encode() if isinstance(body, str) else body
    lines = {"Content-Type": kind, "Content-Length": str(len(body)), **headers}
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} Said\r\n{head}\r\n".encode() + body


def good(path: str, body: str) -> bytes:
    """Answer as Exist does."""
    if path.endswith("/access_token"):
        new = {"access_token": SECRETS["NewAccess"], "refresh_token": SECRETS["NewRefresh"], "expires_in": 9}
        return reply(200, json.dumps(new))
    if path.endswith("/simple-token/"):
        return reply(200, json.dumps({"token": SECRETS["Simple"]}))
    if "/attributes/" in path and body:
        return reply(200, json.dumps({"success": [{"name": "a", **item} for item in json.loads(body)], "failed": []}))
    profile = {"username": "ada", "local_time": "2026-11-20T20:00:00+11:00"}
    return reply(200, json.dumps({"count": 0, "next": None, "results": [], **profile}))


def refusing(path: str, body: str) -> bytes:
    """Refuse each item of a write."""
    if "/attributes/" not in path or not body:
        return good(path, body)
    failed = [{**item, "error_code": "validation", "error": "Wrong."} for item in json.loads(body)]
    return reply(202, json.dumps({"success": [], "failed": failed}))


Way = Callable[[str, str, str], bytes | None]
"""Answers a path, a body and all that was said; None hangs up."""


def said_again(status: int, **headers: str) -> dict[str, Way]:
    """Return ways to repeat what was said under a status: as JSON, as HTML, and in JSON with escapes."""

    def as_json(_: str, __: str, said: str) -> bytes:
        words = {"detail": said, "error": said, "error_description": said, "message": said, "name": [said]}
        return reply(status, json.dumps(words), **headers)

    def as_html(_: str, __: str, said: str) -> bytes:
        return reply(status, f"<html>{said} {quote(said)} {quote(said, safe='')} {said.encode()!r}</html>", "text/html")

    def with_slashes(_: str, __: str, said: str) -> bytes:
        return reply(status, json.dumps({"said": said}).replace("/", "\\/").replace("+", "\\u002b"))

    return {f"{status} json": as_json, f"{status} html": as_html, f"{status} escaped": with_slashes}


REPEATING: dict[str, Way] = {
    **said_again(200),
    **said_again(400),
    **said_again(401),
    **said_again(403),
    **said_again(404),
    **said_again(409),
    **said_again(429, Retry_After="100"),
    **said_again(500),
    **said_again(503),
}
OTHERS: dict[str, Way] = {
    "success": lambda path, body, said: good(path, body),
    "refused": lambda path, body, said: refusing(path, body),
    "redirect": lambda path, body, said: reply(302, said, Location=f"https://evil.example/?{quote(said)}"),
    "headers": lambda path, body, said: reply(
        500, "", said.split()[-1], X_Request_Id=said, Retry_After=said, Set_Cookie=said
    ),
    "hangs up": lambda path, body, said: None,
    "cut short": lambda path, body, said: reply(200, '{"username": "' + said)[:-3] + b"",
    "no JSON": lambda path, body, said: reply(200, '{"username": "ada", ' + said),
    "another shape": lambda path, body, said: reply(200, json.dumps({said: said, "username": [said], "token": 7})),
    "no HTTP": lambda path, body, said: f"{said}\r\n\r\n".encode(),
    "bad status": lambda path, body, said: f"HTTP/1.1 {said} {said}\r\n\r\n".encode(),
    "bad header": lambda path, body, said: f"HTTP/1.1 200 OK\r\n{said} {said}\r\n\r\n".encode(),
    "bad chunk": lambda path, body, said: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + said.encode(),
    "bad gzip": lambda path, body, said: reply(200, said, Content_Encoding="gzip"),
    "bad encoding": lambda path, body, said: reply(200, said, Content_Encoding=said.split()[-1]),
    "too long": lambda path, body, said: b"HTTP/1.1 200 OK\r\nX: " + 3000 * said.encode() + b"\r\n\r\n",
}

# The status decides what becomes of a call, and the format how its body is read: so every status comes as JSON, and one
# of each kind (a success, a refusal, a token to renew, a failure to retry) in the other formats.
WAYS = [
    *OTHERS,
    *(way for way in REPEATING if way.endswith(" json") or way.startswith(("200", "400", "401", "503"))),
]
# Every status and every format, for what surrounds a call and reads no body itself.
FEW_WAYS = [
    *OTHERS,
    *("200 html", "400 escaped", "401 json", "403 html", "404 escaped", "409 html", "429 json", "500 html"),
    "503 escaped",
]
# Each ends in another line on the command line.
FEWER_WAYS = ["success", "400 json", "500 html", "hangs up", "no JSON"]


class Service:
    """A service on a socket.

    Attributes:
        api: How it answers calls.
        forms: How it answers the forms of signing in.
        heard: All that it was sent, percent signs undone.
        hold: Is waited for before each answer.
    """

    def __init__(self, api: str = "success", forms: str = "success") -> None:
        self.api = api
        self.forms = forms
        self.heard = ""
        self.hold: asyncio.Event | None = None
        self.asked = asyncio.Event()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                lines = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
                fields = {name.lower(): value for name, value in lines.items()}
                body = (await reader.readexactly(int(fields.get("content-length", 0)))).decode()
                self.heard += f"{head} {unquote_plus(body)}\n"
                self.asked.set()
                path = head.split(" ")[1].partition("?")[0]
                form = "form" in fields.get("content-type", "")
                said = " ".join(f"{each[0]}" for each in parse_qs(body).values()) if form else ""
                said = f"{said} {fields.get('authorization', '')}".strip()
                if self.hold is not None:
                    await self.hold.wait()
                way = self.forms if form else self.api
                writer.write((REPEATING | OTHERS)[way](path, body, said) or b"")
                await writer.drain()
                if way not in ("success", "refused"):
                    return
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the client hung up
        finally:
            writer.close()

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        # Not `async with server`, which would wait for connections that a client has left behind.
        with closing(await asyncio.start_server(self, "127.0.0.1", 0)) as server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


# --- What is done with it.

DAY = dt.date(2026, 11, 20)
USES: dict[str, Callable[[ExistClient], Awaitable[Any]]] = {
    "profile": lambda exist: exist.profile.get(),
    "listing": lambda exist: exist.attributes.list().collect(),
    "values": lambda exist: exist.values.of("mood").first(),
    "combo": lambda exist: exist.correlations.between("mood", "steps"),
    "update": lambda exist: exist.values.update([ValueUpdate("mood", DAY, n) for n in range(3)], reacquire=True),
    "increment": lambda exist: exist.values.increment([ValueIncrement("mood", 1, DAY)]),
    "acquire": lambda exist: exist.attributes.acquire([ByName("mood")], success_objects=False),
    "ensure": lambda exist: exist.attributes.ensure(["mood"]),
    "release": lambda exist: exist.attributes.release(["mood"]),
    "anything": lambda exist: exist.request("POST", "new/", json={"a": 1}),
}


async def ending(watch: Watch, where: str, call: Awaitable[Any]) -> Any:
    """Return what a call returns or raises, after the watch has seen it."""
    try:
        end = await call
    except ExistAsyncError as error:
        end = error
    if not isinstance(end, dict | list):  # what a service answered is the caller's, whatever it says
        watch.show(where, end)
    if isinstance(end, BatchResult):
        try:
            end.raise_for_failures()
        except ExistAsyncError as error:
            watch.show(f"{where}, failures", error)
    return end


async def no_pause(seconds: float) -> None:
    """Let the event loop go on, and wait no longer than that."""
    await asyncio.sleep(0)


def client(watch: Watch, url: str, auth: Any = SECRETS["Access"], **options: Any) -> ExistClient:
    """Make a client whose events are watched."""

    def on_event(event: object) -> None:
        watch.show("an event", event)

    options = {"on_event": on_event, "timeout": 5, "rate_limiter": None} | options
    exist = ExistClient(auth, base_url=url, sleep=no_pause, fraction=lambda: 0.0, **options)
    things = [exist, exist._session, exist._session.options, auth if not isinstance(auth, str) else None]
    for thing in [*things, exist.attributes, exist.values, exist.attributes.list(), exist.values.history(DAY, DAY)]:
        watch.show(type(thing).__name__, thing)
    return exist


@pytest.mark.parametrize("way", WAYS)
async def test_no_call_shows_the_token_whatever_becomes_of_it(watch: Watch, way: str) -> None:
    debugged()
    service = Service(api=way)
    async with service.serve() as url:
        async with client(watch, url) as exist:
            ends = {name: await ending(watch, name, use(exist)) for name, use in USES.items()}
        await ending(watch, "a call after closing", exist.profile.get())

    assert service.heard.count(f"authorization: Bearer {SECRETS['Access']}") >= len(USES)
    assert (way in ("success", "refused")) == (not isinstance(ends["profile"], ExistAsyncError))
    assert watch.leaks() == []


@pytest.mark.parametrize("way", FEW_WAYS)
async def test_no_call_shows_the_token_over_a_client_of_the_callers(watch: Watch, way: str) -> None:
    service = Service(api=way)
    async with service.serve() as url, httpx.AsyncClient(trust_env=False) as http_client:
        exist = client(watch, url, SimpleToken(SECRETS["Simple"]), http_client=http_client)
        for name in ("profile", "update", "increment"):
            await ending(watch, name, USES[name](exist))

    assert f"Authorization: Token {SECRETS['Simple']}" in service.heard
    # The transport of the caller's client has a log of its own, of all headers that it reads.
    watch.seen = [(where, text) for where, text in watch.seen if "the log of httpcore" not in where]
    assert watch.leaks() == []


@pytest.mark.slow
async def test_no_call_shows_the_token_when_nothing_answers(watch: Watch) -> None:
    debugged()
    service = Service()
    async with service.serve() as url:
        service.hold = asyncio.Event()
        async with client(watch, url, timeout=0.05, max_retries=1) as exist:
            for name, use in USES.items():
                assert isinstance(await ending(watch, name, use(exist)), ExistAsyncError)
    async with client(watch, url, deadline=1e-9) as exist:
        for name, use in USES.items():
            assert isinstance(await ending(watch, f"{name}, nobody there", use(exist)), ExistAsyncError)
    async with client(watch, url) as exist:
        for name, use in USES.items():
            assert isinstance(await ending(watch, f"{name}, nobody there", use(exist)), ExistAsyncError)

    assert SECRETS["Access"] in service.heard
    assert watch.leaks() == []


@pytest.mark.parametrize("way", FEW_WAYS)
async def test_a_write_that_ends_after_its_caller_was_cancelled_shows_no_token(watch: Watch, way: str) -> None:
    debugged()
    service = Service(api=way)

    def on_outcome(outcome: object) -> None:
        watch.show("an outcome told late", outcome)
        raise RuntimeError("the caller's own")

    async with service.serve() as url, client(watch, url) as exist:
        service.hold = asyncio.Event()
        items = [ValueUpdate("mood", DAY, 1)]
        writing = [
            asyncio.create_task(exist.values.update(items, on_outcome=on_outcome)),
            asyncio.create_task(exist.request("POST", "new/", json=1)),
        ]
        await until(lambda: service.heard.count(SECRETS["Access"]) >= 2)
        for task in writing:
            task.cancel()
        await asyncio.wait(writing)
        service.hold.set()

    assert sum("cancelled while it was in flight" in text for _, text in watch.seen) >= 2
    assert watch.leaks() == []


async def test_callbacks_that_raise_show_no_token(watch: Watch) -> None:
    debugged()

    def fail(_: object) -> None:
        raise RuntimeError("the caller's own")

    for way in ("success", "500 json"):
        async with Service(api=way).serve() as url, client(watch, url, on_event=fail) as exist:
            items = [ByName("mood"), ByName("steps")]
            call = exist.attributes.acquire(items, success_objects=False, on_outcome=fail)
            assert isinstance(await ending(watch, "on_outcome", call), ExistAsyncError)

    assert any("on_event raised" in text for _, text in watch.seen)
    assert watch.leaks() == []


# --- Signing in, and staying signed in.


def an_app(watch: Watch, url: str) -> OAuthApp:
    app = OAuthApp("an-id", SECRETS["Client"], "https://example.com/", base_url=url, sleep=no_pause)
    watch.show("an app", app)
    watch.show("a page to sign in at", app.authorization_url(Scope))
    return app


@pytest.mark.parametrize("way", WAYS)
async def test_nobody_who_signs_in_is_shown_a_secret(watch: Watch, way: str) -> None:
    debugged()
    service = Service(forms=way)
    async with service.serve() as url:
        app = an_app(watch, url)
        callback = f"https://example.com/?code={quote(SECRETS['Code'], safe='')}&state=a"
        await ending(watch, "exchange", app.exchange(callback, state="a"))
        await ending(watch, "exchange of a code", app.exchange(SECRETS["Code"]))
        await ending(watch, "exchange without the state", app.exchange(callback, state="b"))
        await ending(watch, "exchange of a wrong code", app.exchange(f"{callback}%20", state="a"))
        await ending(watch, "exchange of a bare query", app.exchange(callback.partition("?")[2]))
        await ending(watch, "refresh", app.refresh(OAuthToken(SECRETS["Access"], SECRETS["Refresh"])))
        await ending(watch, "login", SimpleToken.login("ada", SECRETS["Password"], base_url=url))
    await ending(watch, "login, nobody there", SimpleToken.login("ada", SECRETS["Password"], base_url=url))
    await ending(watch, "exchange, nobody there", app.exchange(SECRETS["Code"]))

    for kind in ("Code", "Client", "Refresh", "Password"):
        assert SECRETS[kind] in service.heard
    assert watch.leaks() == []


class Quoting(MemoryTokenStore):
    """A store that fails at one thing, and says all that it knows of the token then."""

    fails = ""

    async def load(self, user: str) -> OAuthToken | None:
        token = await super().load(user)
        if self.fails == "load":
            raise RuntimeError(f"can't read {token and token.to_dict()}")
        return token

    async def save(self, user: str, token: OAuthToken) -> None:
        if self.fails == "save":
            raise RuntimeError(f"can't write {token.to_dict()}")
        await super().save(user, token)


@pytest.mark.parametrize(
    ("way", "kind"),
    [*((way, "memory") for way in FEW_WAYS), ("success", "file"), ("400 json", "file"), ("no JSON", "file")],
)
async def test_no_renewal_shows_a_token(watch: Watch, tmp_path: Path, way: str, kind: str) -> None:
    debugged()
    service = Service(api="401 json", forms=way)
    store = MemoryTokenStore() if kind == "memory" else FileTokenStore(tmp_path / "tokens.json")
    old = OAuthToken(SECRETS["Access"], SECRETS["Refresh"], dt.datetime.now(dt.UTC) + dt.timedelta(seconds=10))
    async with service.serve() as url:
        for name in ("profile", "update", "increment"):
            await store.save(name, old)
            auth = OAuth2(an_app(watch, url), store, name, on_change=lambda token: watch.show("on_change", token))
            async with client(watch, url, auth) as exist:
                await ending(watch, name, USES[name](exist))
                waiting = asyncio.create_task(exist.profile.get())
                await asyncio.sleep(0)
                waiting.cancel()
                await asyncio.wait([waiting])
            for thing in (auth, store, await store.load(name)):
                watch.show(type(thing).__name__, thing)

    assert SECRETS["Refresh"] in service.heard
    assert SECRETS["Client"] in service.heard
    assert watch.leaks() == []


@pytest.mark.parametrize("fails", ["load", "save", "on_change"])
async def test_what_a_store_says_of_a_token_is_not_repeated(watch: Watch, fails: str) -> None:
    debugged()
    service = Service(api="success")
    store = Quoting()
    await store.save("ada", OAuthToken(SECRETS["Access"], SECRETS["Refresh"], dt.datetime(2020, 1, 1, tzinfo=dt.UTC)))
    store.fails = fails

    def on_change(token: OAuthToken) -> None:
        if fails == "on_change":
            raise RuntimeError(f"can't tell of {token.to_dict()}")

    async with service.serve() as url:
        auth = OAuth2(an_app(watch, url), store, "ada", on_change=on_change)
        async with client(watch, url, auth) as exist:
            for name in ("profile", "update"):
                try:
                    await USES[name](exist)
                    assert (fails, name) == ("on_change", "update")
                except ExistAsyncError as error:
                    # What stands behind it is the store's own, and says what the store says.
                    watch.seen.append(
                        (name, f"{error} {error!r} {vars(error)} {pickle.dumps(error).decode('latin-1')}")
                    )

    assert watch.leaks() == []


async def test_a_token_file_that_is_damaged_is_not_quoted(watch: Watch, tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    store = FileTokenStore(path)
    await store.save("ada", OAuthToken(SECRETS["Access"], SECRETS["Refresh"]))
    whole = path.read_text()
    damaged = [whole[:-9], whole.replace('"access_token"', SECRETS["Access"]), f'"{SECRETS["Access"]}"', f"{whole}x"]
    damaged += [json.dumps({"users": {"ada": {"access_token": f"{SECRETS['Access']} "}}})]
    for content in damaged:
        path.write_text(content)
        assert isinstance(await ending(watch, "a damaged file", store.load("ada")), ExistAsyncError)

    assert watch.leaks() == []


# --- What else has a password.


@pytest.mark.parametrize("ending_of_it", ["wrong password", "paused", "ended"])
async def test_no_failing_redis_shows_a_secret(watch: Watch, redis_server: RedisServer, ending_of_it: str) -> None:
    debugged()
    where = f"127.0.0.1:{redis_server.port}/0"
    url = f"redis://{where}"
    if ending_of_it == "wrong password":
        url = f"redis://ada:{quote(SECRETS['Redis'], safe='')}@{where}"
    service = Service()
    limiter = RedisRateLimiter(url, timeout=0.2)
    going_on = RedisRateLimiter(url, timeout=0.2, when_unavailable="go_on")
    store = RedisTokenStore(url, timeout=0.2)
    if ending_of_it == "paused":
        redis_server.pause()
    elif ending_of_it == "ended":
        redis_server.end()
    try:
        async with service.serve() as base_url, limiter, going_on, store:
            for each in (limiter, going_on):
                async with client(watch, base_url, rate_limiter=each) as exist:
                    end = await ending(watch, "a call", exist.profile.get())
                    assert isinstance(end, RateLimitError) == (each is limiter)
                    await ending(watch, "remaining", each.remaining("ada"))
            token = OAuthToken(SECRETS["Access"], SECRETS["Refresh"])
            for call in (store.save("ada", token), store.load("ada"), store.delete("ada")):
                assert isinstance(await ending(watch, "the store", call), ExistAsyncError)
            auth = OAuth2(an_app(watch, base_url), store, "ada")
            async with client(watch, base_url, auth) as exist:
                assert isinstance(await ending(watch, "a call", exist.profile.get()), ExistAsyncError)
            for thing in (limiter, going_on, store, auth):
                watch.show(type(thing).__name__, thing)
    finally:
        redis_server.resume()

    assert watch.leaks() == []


def test_no_url_that_is_wrong_is_quoted_with_its_password(watch: Watch) -> None:
    password = SECRETS["Redis"]
    makers: list[Callable[[], object]] = [
        lambda: RedisRateLimiter(f"redis://:{password}@[:1"),
        lambda: RedisRateLimiter(f"redis://:{quote(password, safe='')}@a:1/?nonsense={password}"),
        lambda: RedisTokenStore(f"http://:{password}@a"),
        lambda: ExistClient("a", proxy=f"socks5://a:{SECRETS['Proxy']}@b:1"),
        lambda: ExistClient("a", proxy=f"http://a:{SECRETS['Proxy']}@[:1"),
        lambda: ExistClient("a", base_url=f"https://a:{quote(SECRETS['Password'], safe='')}@b"),
        lambda: ExistClient(f"{SECRETS['Access']}\r\nX: y"),
        lambda: BearerToken(f"{SECRETS['Access']} "),
        lambda: SimpleToken(f"{SECRETS['Simple']}é"),
        lambda: OAuthApp("a", f"{SECRETS['Client']} ", "https://a/"),
        lambda: OAuthToken(f"{SECRETS['Access']}\n"),
        lambda: OAuthToken("a", f"{SECRETS['Refresh']}\n"),
        lambda: OAuthToken.from_dict({"access_token": f"{SECRETS['Access']} "}),
        lambda: OAuthToken.from_dict({"access_token": [SECRETS["Access"]], SECRETS["Refresh"]: 7}),
    ]
    for make in makers:
        with pytest.raises(ExistAsyncError) as caught:
            make()
        watch.show("a wrong argument", caught.value)

    assert watch.leaks() == []


PROXIED = {
    "hangs up": b"",
    "407": b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
    "502": b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>",
    "no HTTP": b"nonsense\r\n\r\n",
    "connected and gone": b"HTTP/1.1 200 Connection established\r\n\r\n",
}


@pytest.mark.parametrize(
    ("given_as", "answer"), [*(("argument", answer) for answer in PROXIED), ("environment", "407")]
)
async def test_no_proxy_shows_its_password(
    watch: Watch, monkeypatch: pytest.MonkeyPatch, answer: str, given_as: str
) -> None:
    debugged()
    heard: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(PROXIED[answer])
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    proxy = f"http://ada:{quote(SECRETS['Proxy'], safe='')}@127.0.0.1:{port}"
    if given_as == "environment":
        monkeypatch.setenv("HTTPS_PROXY", proxy)
    options = {"proxy": proxy} if given_as == "argument" else {}
    async with server, client(watch, "https://exist.example", max_retries=1, **options) as exist:
        for name in ("profile", "update"):
            assert isinstance(await ending(watch, name, USES[name](exist)), ExistAsyncError)
    async with client(watch, "https://exist.example", max_retries=0, **options) as exist:
        assert isinstance(await ending(watch, "nobody there", exist.profile.get()), ExistAsyncError)

    assert base64.b64encode(f"ada:{SECRETS['Proxy']}".encode()) in heard[0]
    assert watch.leaks() == []


async def test_limiters_and_stores_show_no_secret(watch: Watch, tmp_path: Path) -> None:
    for limiter in (MemoryRateLimiter(1), SqliteRateLimiter(tmp_path / "a.db", 1), SqliteRateLimiter(tmp_path, 1)):
        async with Service().serve() as url, client(watch, url, rate_limiter=limiter, max_wait=0) as exist:
            for _ in range(2):
                end = await ending(watch, "a call", exist.profile.get())
        assert isinstance(end, RateLimitError)
        watch.show("a limiter", limiter)
    database = (tmp_path / "a.db").read_bytes().decode("latin-1")
    watch.seen.append(("the file of a budget", database))

    assert watch.leaks() == []


# --- The command line.


@contextmanager
def served(service: Service) -> Iterator[str]:
    """Serve from a thread, since commands have event loops of their own."""
    started: list[str] = []
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    over = asyncio.Event()

    async def serve() -> None:
        async with service.serve() as url:
            started.append(url)
            ready.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    yield started[0]
    loop.call_soon_threadsafe(over.set)
    thread.join(10)
    loop.close()


COMMANDS = ["whoami", "owned", "acquire mood", "release mood", "values mood", "increment mood 1", "update {file}"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("signed_in", "way"),
    [
        *(("by the environment", way) for way in FEW_WAYS),
        *(("by a stored token", way) for way in FEWER_WAYS),
    ],
)
def test_no_command_prints_a_secret(
    watch: Watch,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    way: str,
    signed_in: str,
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr("exist_async.cli.progress._SHOW_AFTER", 0.0)
    file = tmp_path / "values.csv"
    file.write_text("mood,2026-11-20,5\n")
    stored = signed_in == "by a stored token"
    service = Service(api="401 json" if stored else way, forms=way if stored else "success")
    with served(service) as url:
        monkeypatch.setenv("EXIST_BASE_URL", url)
        if stored:
            monkeypatch.setenv("EXIST_CLIENT_ID", "an-id")
            monkeypatch.setenv("EXIST_CLIENT_SECRET", SECRETS["Client"])
            path = tmp_path / "exist-async" / "tokens.json"
            token = OAuthToken(SECRETS["Access"], SECRETS["Refresh"])
            asyncio.run(FileTokenStore(path).save(url, token))
        else:
            monkeypatch.setenv("EXIST_TOKEN", SECRETS["Access"])
        for command in COMMANDS[:2] if stored else COMMANDS:
            monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
            # In a terminal, it would wait as long as a 429 says.
            run([*command.format(file=file).split(), "--no-wait"])
            watch.seen += [(f"what {command} prints", text) for text in capsys.readouterr()]

    watch.seen += [(str(path), path.read_bytes().decode("latin-1")) for path in (tmp_path / "state").rglob("*.*")]
    assert SECRETS["Refresh" if stored else "Access"] in service.heard
    assert watch.leaks() == []


@pytest.mark.parametrize("way", FEW_WAYS)
def test_nobody_who_signs_in_on_the_command_line_is_shown_a_secret(
    watch: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], way: str
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("EXIST_CLIENT_ID", "an-id")
    monkeypatch.setenv("EXIST_CLIENT_SECRET", SECRETS["Client"])
    service = Service(api=way, forms=way)

    async def pasted(attempt: SignIn) -> str:
        return f"https://example.com/?code={quote(SECRETS['Code'], safe='')}&state={attempt._state}"

    monkeypatch.setattr(SignIn, "_read_address", pasted)
    monkeypatch.setattr("exist_async.cli.sign_in.require_stdin", lambda _: None)
    with served(service) as url:
        monkeypatch.setenv("EXIST_BASE_URL", url)
        run(["login", "--paste"])
    watch.seen += [("what login prints", text) for text in capsys.readouterr()]

    assert SECRETS["Code"] in service.heard
    assert SECRETS["Client"] in service.heard
    assert watch.leaks() == []


# --- That it can fail.


def leak_into_the_log(watch: Watch, secret: str) -> None:
    logging.getLogger("exist_async").debug("%s", secret)


def leak_into_the_log_of_another(watch: Watch, secret: str) -> None:
    logging.getLogger("aiohttp.client").info("sent %r", {"Authorization": f"Bearer {secret}"})


def leak_into_a_logged_traceback(watch: Watch, secret: str) -> None:
    try:
        raise ValueError(secret)
    except ValueError:
        logging.getLogger("asyncio").exception("failed")


def leak_into_an_error(watch: Watch, secret: str) -> None:
    watch.show("an error", ExistAsyncError(f"Bearer {secret} was refused"))


def leak_into_a_cause(watch: Watch, secret: str) -> None:
    error = ExistAsyncError("refused")
    error.__cause__ = ValueError("no")
    error.__cause__.__context__ = KeyError(secret)
    watch.show("an error", error)


def leak_into_a_request(watch: Watch, secret: str) -> None:
    error = ExistAsyncError("refused")
    error.__cause__ = httpx.ReadError("cut", request=httpx.Request("GET", "https://a/", headers={"A": secret}))
    watch.show("an error", error)


def leak_into_a_pickle(watch: Watch, secret: str) -> None:
    watch.show("a thing", Hidden(secret))


class Hidden:
    """Shows nothing, and is pickled whole."""

    __slots__ = ("secret",)

    def __init__(self, secret: str) -> None:
        self.secret = secret

    def __repr__(self) -> str:
        return "<hidden>"


def leak_percent_encoded(watch: Watch, secret: str) -> None:
    watch.show("a text", quote(secret, safe=""))


def leak_in_base64(watch: Watch, secret: str) -> None:
    watch.show("a text", base64.b64encode(f"ada:{secret}".encode()).decode())


def leak_a_part(watch: Watch, secret: str) -> None:
    watch.show("a text", secret[len(secret) // 2 :])


def leak_into_a_debugged_callback(watch: Watch, secret: str) -> None:
    async def run_it() -> None:
        debugged()
        asyncio.get_running_loop().call_soon(io.StringIO().write, secret)
        await asyncio.sleep(0.01)

    asyncio.run(run_it())


LEAKS = [each for name, each in sorted(globals().items()) if name.startswith("leak_")]


# Each leak with one kind of secret, and each kind with one leak.
@pytest.mark.parametrize(
    ("leak", "kind"),
    [*zip(LEAKS, itertools.cycle(KINDS), strict=False), *((leak_into_an_error, kind) for kind in KINDS)],
)
def test_the_watch_sees_what_leaks(watch: Watch, leak: Callable[[Watch, str], None], kind: str) -> None:
    assert watch.leaks() == []

    leak(watch, SECRETS[kind])

    assert any(found.startswith((f"{kind} in ", "some secret in ")) for found in watch.leaks())
