"""What the tests of the command line share: a served sandbox, and ways to run the program against it."""

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Queue
from typing import NamedTuple

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
