"""Fixtures of the command line's tests: a served sandbox, and ways to run the program against it."""

import asyncio
import codecs
import datetime as dt
import fcntl
import json
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from pathlib import Path
from queue import Queue
from typing import Any, NamedTuple

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from exist_async.cli.program import run
from exist_async.sandbox import Sandbox
from exist_async.sandbox.server import serve

# Seconds after which a process that a test started is killed, and a wait for it fails.
TIME_LIMIT = 40.0

# A program inherits an ignored SIGINT, such as under nohup or in the background of a shell, and Ctrl-C would have no
# effect in it: the launcher restores the default before it runs the program.
LAUNCHER = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"


class CommandResult(NamedTuple):
    """Exit code and output of a command."""

    code: int
    out: str
    err: str


class SandboxSwitch:
    """ASGI app that forwards to the sandbox of the current test; starting a server for each test would be slow."""

    sandbox: Sandbox
    in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.in_flight += 1
        try:
            await self.sandbox.app(scope, receive, send)
        finally:
            self.in_flight -= 1

    def wait_until_idle(self) -> None:
        """Wait for requests of a program that has ended without waiting for them."""
        idle = 0
        while idle < 5:
            time.sleep(0.01)
            idle = idle + 1 if self.in_flight == 0 else 0


@pytest.fixture(autouse=True)
def token_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that login stores the token in; outside of the home directory of the user who runs the tests."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "config" / "exist-async" / "tokens.json"


@pytest.fixture
def sandbox() -> Sandbox:
    """A sandbox on the evening of 20 November 2026 in UTC, which is the morning of the 21st for the user."""
    return Sandbox(now=lambda: dt.datetime(2026, 11, 20, 20, tzinfo=dt.UTC))


@pytest.fixture(scope="session")
def served() -> Iterator[tuple[str, SandboxSwitch]]:
    """URL of a server in a thread of its own, and the app that it serves."""
    switch = SandboxSwitch()
    ready: Queue[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = Queue()

    async def run_server() -> None:
        stop = asyncio.Event()
        async with serve(switch, "127.0.0.1", 0) as url:
            ready.put((url, asyncio.get_running_loop(), stop))
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(run_server(),))
    thread.start()
    url, loop, stop = ready.get(timeout=10)
    yield url, switch
    loop.call_soon_threadsafe(stop.set)
    thread.join(timeout=10)


@pytest.fixture
def url(served: tuple[str, SandboxSwitch], sandbox: Sandbox) -> str:
    """URL of the served sandbox."""
    url, switch = served
    switch.sandbox = sandbox
    return url


@pytest.fixture
def _signed_in(sandbox: Sandbox, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Environment of a user with a token of the sandbox."""
    monkeypatch.setenv("EXIST_TOKEN", sandbox.token)
    monkeypatch.setenv("EXIST_BASE_URL", url)
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("FORCE_COLOR", "NO_COLOR", "COLUMNS", "LINES", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
        # The readline library, which debuggers import, sets some of them without Python's os.environ.
        os.unsetenv(name)


@pytest.fixture
def cli(_signed_in: None, capsys: pytest.CaptureFixture[str]) -> Callable[..., CommandResult]:
    """Run the program in this process."""

    def call(*arguments: str) -> CommandResult:
        code = run(arguments)
        return CommandResult(code, *capsys.readouterr())

    return call


@pytest.fixture
def script(_signed_in: None) -> str:
    """The path of the console script."""
    return str(Path(sys.executable).parent / "exist-async")


@pytest.fixture
def launcher(script: str) -> Callable[..., list[str]]:
    """Return the command line that runs the program with Ctrl-C in effect."""

    def command(*arguments: str) -> list[str]:
        return [sys.executable, "-I", "-S", "-c", LAUNCHER, script, *arguments]

    return command


@pytest.fixture
def start(launcher: Callable[..., list[str]]) -> Iterator[Callable[..., subprocess.Popen[Any]]]:
    """Start the program with pipes as its standard streams; killed after a time limit, which also ends reads."""
    with ExitStack() as stack:

        def popen(*arguments: str, **options: Any) -> subprocess.Popen[Any]:
            pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
            process = stack.enter_context(subprocess.Popen(launcher(*arguments), **{**pipes, **options}))
            stack.callback(process.kill)
            watchdog = threading.Timer(TIME_LIMIT, process.kill)
            watchdog.start()
            stack.callback(watchdog.cancel)
            return process

        yield popen


@pytest.fixture
def wait_until() -> Callable[[Callable[[], object]], None]:
    """Wait for a condition, up to a time limit."""

    def wait(condition: Callable[[], object]) -> None:
        give_up_at = time.monotonic() + TIME_LIMIT
        while not condition():
            assert time.monotonic() < give_up_at, "the condition was not met in time"
            time.sleep(0.01)

    return wait


class Terminal:
    """A terminal of 100 columns with a program in it.

    Args:
        command: The command line of the program.
        streams: Standard streams that are not the terminal.
    """

    def __init__(self, command: list[str], streams: dict[str, Any]) -> None:
        self.controller, device = pty.openpty()
        fcntl.ioctl(device, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
        streams = {**dict.fromkeys(("stdin", "stdout", "stderr"), device), **streams}
        self.process = subprocess.Popen(command, start_new_session=True, **streams)
        os.close(device)
        self.screen = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def read_until(self, pattern: str) -> None:
        """Read what the program prints, until a regular expression matches all that was printed so far."""
        give_up_at = time.monotonic() + TIME_LIMIT
        while not re.search(pattern, self.screen):
            assert self._read(give_up_at), f"the program exited without printing {pattern!r}, but: {self.screen}"

    def read_to_end(self) -> int:
        """Read all that the program prints until it exits, and return its exit code."""
        give_up_at = time.monotonic() + TIME_LIMIT
        while self._read(give_up_at):
            pass
        return self.process.wait(timeout=TIME_LIMIT)

    def type(self, text: str) -> None:
        os.write(self.controller, text.encode())

    @property
    def echoes(self) -> bool:
        """Whether the terminal shows what is typed."""
        return bool(termios.tcgetattr(self.controller)[3] & termios.ECHO)

    def close(self) -> None:
        self.process.kill()
        with self.process:
            os.close(self.controller)

    def _read(self, give_up_at: float) -> bool:
        """Read what is there, or wait for it; false at the end."""
        readable, _, _ = select.select([self.controller], [], [], max(0.0, give_up_at - time.monotonic()))
        assert readable, f"nothing more was printed in time than: {self.screen}"
        try:
            block = os.read(self.controller, 65536)
        except OSError:
            block = b""  # Linux: no process has the terminal open any more
        self.screen += self._decoder.decode(block)
        return bool(block)


@pytest.fixture
def open_terminal(launcher: Callable[..., list[str]]) -> Iterator[Callable[..., Terminal]]:
    """Start the program in a terminal."""
    with ExitStack() as stack:

        def open_it(*arguments: str, **streams: Any) -> Terminal:
            terminal = Terminal(launcher(*arguments), streams)
            stack.callback(terminal.close)
            return terminal

        yield open_it


@pytest.fixture
def free_port() -> Iterator[int]:
    """A port of localhost that nothing else is given meanwhile.

    It is bound, so that the kernel does not choose it for others, but not listened on, so that a server can still be
    started on it: both sides set SO_REUSEADDR.
    """
    with ExitStack() as stack:
        port = 0
        for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            # A machine may have no IPv6.
            with suppress(OSError):
                reserved = stack.enter_context(socket.socket(family))
                reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                reserved.bind((address, port))
                port = reserved.getsockname()[1]
        yield port


@pytest.fixture
def redirect_uri(_signed_in: None, free_port: int, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> str:
    """The redirect URI, in the environment of a user who is about to sign in."""
    uri = f"http://localhost:{free_port}/"
    app = sandbox.add_service("my_app", "My app", client_id="app-id", client_secret="app-secret", redirect_uri=uri)
    monkeypatch.delenv("EXIST_TOKEN")
    monkeypatch.setenv("EXIST_CLIENT_ID", app.client_id)
    monkeypatch.setenv("EXIST_CLIENT_SECRET", app.client_secret)
    monkeypatch.setenv("EXIST_REDIRECT_URI", uri)
    return uri


class Browser:
    """A browser whose user allows access.

    Attributes:
        decide: Takes the URL of the authorisation page, and returns the URL that its answer redirects to.
        before_redirect: Called before the redirect is followed.
        opened: URL of the page that the program opened.
        redirected_to: URL of the redirect.
        response: Response to the redirect.
        is_awaited: Whether the program waits for the browser.
    """

    def __init__(self, decide: Callable[[str], str]) -> None:
        self.decide = decide
        self.before_redirect: Callable[[], object] = lambda: None
        self.opened = ""
        self.redirected_to = ""
        self.response: Future[httpx.Response] = Future()
        self.is_awaited = False

    def open(self, url: str) -> None:
        """Stand in for `webbrowser.open`."""
        try:
            self.opened = url
            self.before_redirect()
            self.redirected_to = self.decide(url)
            self.response.set_result(httpx.get(self.redirected_to, trust_env=False, timeout=TIME_LIMIT))
        except BaseException as error:
            self.response.set_exception(error)
            if self.is_awaited:
                # The program would wait for ever.
                os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def browser(sandbox: Sandbox, redirect_uri: str, monkeypatch: pytest.MonkeyPatch) -> Browser:
    """The browser that the program opens, if it runs in this process."""
    browser = Browser(sandbox.authorize)
    monkeypatch.setattr("webbrowser.open", browser.open)
    return browser


@pytest.fixture
def _interruptible() -> Iterator[None]:
    """Let SIGINT raise KeyboardInterrupt, also if the tests were started with SIGINT ignored."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, previous)


@pytest.fixture
def login(cli: Callable[..., CommandResult], browser: Browser, _interruptible: None) -> Callable[..., CommandResult]:
    """Run the command `login` in this process."""

    def call(*arguments: str) -> CommandResult:
        browser.opened, browser.response, browser.is_awaited = "", Future(), True
        try:
            result = cli("login", *arguments)
        except KeyboardInterrupt:
            raise AssertionError("the browser failed") from browser.response.exception()
        finally:
            browser.is_awaited = False
        if browser.opened:
            browser.response.result(timeout=10)
        for secret in ("app-secret", browser.redirected_to.partition("code=")[2].partition("&")[0]):
            assert not secret or secret not in result.out + result.err
        return result

    return call


@pytest.fixture
def stored(token_file: Path) -> Callable[[], dict[str, dict[str, Any]]]:
    """Read the stored tokens, by the origin of their service."""

    def read() -> dict[str, dict[str, Any]]:
        return json.loads(token_file.read_text()).get("users", {}) if token_file.exists() else {}

    return read


@pytest.fixture
def standard_input(tmp_path: Path) -> Iterator[Callable[[bytes], None]]:
    """Set the standard input of this process."""
    original = os.dup(0)

    def give(content: bytes) -> None:
        path = tmp_path / "input"
        path.write_bytes(content)
        descriptor = os.open(path, os.O_RDONLY)
        os.dup2(descriptor, 0)
        os.close(descriptor)

    yield give
    os.dup2(original, 0)
    os.close(original)


@pytest.fixture
def at_terminal(cli: Callable[..., CommandResult], monkeypatch: pytest.MonkeyPatch) -> Callable[..., CommandResult]:
    """Run the program in this process, with a terminal without colours as its standard output."""

    def call(*arguments: str) -> CommandResult:
        monkeypatch.setenv("TERM", "dumb")
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        return cli(*arguments)

    return call
