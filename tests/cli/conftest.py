"""What the tests of the command line share: a served sandbox, and ways to run the program against it."""

import asyncio
import datetime as dt
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from queue import Queue
from typing import Any, NamedTuple

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from exist_async.cli.program import run
from exist_async.sandbox import Sandbox
from exist_async.sandbox.server import serve


class Ran(NamedTuple):
    code: int
    out: str
    err: str


class Switch:
    """An ASGI app that is one sandbox after another: ending a server takes a tenth of a second."""

    sandbox: Sandbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.sandbox.app(scope, receive, send)


@pytest.fixture(autouse=True)
def token_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where signing in leaves the token: not in the home of whoever runs the tests."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config" / "exist-async" / "tokens.json"


@pytest.fixture
def sandbox() -> Sandbox:
    """An Exist on the evening of 20 November 2026 in UTC, and the morning of the 21st where the user is."""
    return Sandbox(now=lambda: dt.datetime(2026, 11, 20, 20, tzinfo=dt.UTC))


@pytest.fixture(scope="session")
def served() -> Iterator[tuple[str, Switch]]:
    """A server, run by a thread of its own, and what it serves."""
    switch = Switch()
    ready: Queue[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = Queue()

    async def run_server() -> None:
        over = asyncio.Event()
        async with serve(switch, "127.0.0.1", 0) as url:
            ready.put((url, asyncio.get_running_loop(), over))
            await over.wait()

    thread = threading.Thread(target=asyncio.run, args=(run_server(),))
    thread.start()
    url, loop, over = ready.get(timeout=10)
    yield url, switch
    loop.call_soon_threadsafe(over.set)
    thread.join(timeout=10)


@pytest.fixture
def url(served: tuple[str, Switch], sandbox: Sandbox) -> str:
    """Where the sandbox is served."""
    url, switch = served
    switch.sandbox = sandbox
    return url


@pytest.fixture
def _signed_in(sandbox: Sandbox, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of somebody who works with the sandbox."""
    monkeypatch.setenv("EXIST_TOKEN", sandbox.token)
    monkeypatch.setenv("EXIST_BASE_URL", url)
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("FORCE_COLOR", "NO_COLOR", "COLUMNS", "LINES", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def cli(_signed_in: None, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run the program in this process."""

    def call(*arguments: str) -> Ran:
        code = run(arguments)
        return Ran(code, *capsys.readouterr())

    return call


@pytest.fixture
def script(_signed_in: None) -> str:
    """The path of the console script."""
    return str(Path(sys.executable).parent / "exist-async")


@pytest.fixture
def redirect_uri(_signed_in: None, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where the browser comes back to; the environment is that of somebody who is about to sign in."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        uri = f"http://localhost:{free.getsockname()[1]}/"
    app = sandbox.add_service("my_app", "My app", client_id="app-id", client_secret="app-secret", redirect_uri=uri)
    monkeypatch.delenv("EXIST_TOKEN")
    monkeypatch.setenv("EXIST_CLIENT_ID", app.client_id)
    monkeypatch.setenv("EXIST_CLIENT_SECRET", app.client_secret)
    monkeypatch.setenv("EXIST_REDIRECT_URI", uri)
    return uri


class Browser:
    """A browser in which somebody presses Allow, until told otherwise.

    Attributes:
        press: Returns where it is sent when a button of a page is pressed.
        before: What it asks for before it goes there.
        opened: The page that it was to open.
        landed: Where it was sent.
        shown: What it shows in the end.
        awaited: Whether the program waits for it.
    """

    def __init__(self, press: Callable[[str], str]) -> None:
        self.press = press
        self.before: Callable[[], object] = lambda: None
        self.opened = ""
        self.landed = ""
        self.shown: Future[httpx.Response] = Future()
        self.awaited = False

    def open(self, url: str) -> None:
        """Do what `webbrowser.open` does."""
        try:
            self.opened = url
            self.before()
            self.landed = self.press(url)
            self.shown.set_result(httpx.get(self.landed, trust_env=False))
        except BaseException as error:
            self.shown.set_exception(error)
            if self.awaited:
                # It would be for ever.
                os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def browser(sandbox: Sandbox, redirect_uri: str, monkeypatch: pytest.MonkeyPatch) -> Browser:
    """The browser of whoever signs in in this process."""
    browser = Browser(sandbox.authorize)
    monkeypatch.setattr("webbrowser.open", browser.open)
    return browser


@pytest.fixture
def login(cli: Callable[..., Ran], browser: Browser) -> Callable[..., Ran]:
    """Run the command `login` in this process."""

    def call(*arguments: str) -> Ran:
        browser.opened, browser.shown, browser.awaited = "", Future(), True
        try:
            ran = cli("login", *arguments)
        except KeyboardInterrupt:
            raise AssertionError("the browser failed") from browser.shown.exception()
        finally:
            browser.awaited = False
        if browser.opened:
            browser.shown.result(timeout=10)
        for secret in ("app-secret", browser.landed.partition("code=")[2].partition("&")[0]):
            assert not secret or secret not in ran.out + ran.err
        return ran

    return call


@pytest.fixture
def stored(token_file: Path) -> Callable[[], dict[str, dict[str, Any]]]:
    """Read what signing in left behind: tokens by the origin of their service."""

    def read() -> dict[str, dict[str, Any]]:
        return json.loads(token_file.read_text()).get("users", {}) if token_file.exists() else {}

    return read


@pytest.fixture
def standard_input(tmp_path: Path) -> Iterator[Callable[[bytes], None]]:
    """Give this process something to read."""
    kept = os.dup(0)

    def give(content: bytes) -> None:
        path = tmp_path / "input"
        path.write_bytes(content)
        descriptor = os.open(path, os.O_RDONLY)
        os.dup2(descriptor, 0)
        os.close(descriptor)

    yield give
    os.dup2(kept, 0)
    os.close(kept)


@pytest.fixture
def at_terminal(cli: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Run the program in this process, its standard output a terminal without colours."""

    def call(*arguments: str) -> Ran:
        monkeypatch.setenv("TERM", "dumb")
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        return cli(*arguments)

    return call
