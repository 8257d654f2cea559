"""A service that crashes its client in the middle of a write, and journals as they were at that moment."""

import asyncio
import json
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import httpx
from postgres_server import PostgresServer

from exist_async import ExistClient, Journal, PostgresJournal
from exist_async.journals.base import StoredJournal
from exist_async.sandbox import Sandbox


class Service:
    """A sandbox behind a transport, which counts what is applied, and at some request crashes its client.

    Attributes:
        sandbox: The sandbox.
        requests: Number of requests to write.
        applied: The number of times that each item was carried out, as its JSON.
        failing: Whether some requests fail.
    """

    def __init__(self, random: Random, *, failing: bool = False) -> None:
        self.sandbox = Sandbox()
        self.requests = 0
        self.applied = Counter[str]()
        self.failing = failing
        self._random = random
        self._inner = self.sandbox.transport()
        self._crash_at: int | None = None
        self._on_crash: Callable[[], None] = lambda: None
        self._crashed = asyncio.Event()
        self._ended = asyncio.Event()

    async def handle(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return await self._inner.handle_async_request(request)
        self.requests += 1
        number = self.requests
        for _ in range(self._random.randrange(3)):
            await asyncio.sleep(0)
        if self._crashed.is_set():
            await self._hang()
        if self.failing and (failure := self._failure()) is not None:
            return failure
        crashes = self._crash_at is not None and number >= self._crash_at
        is_applied = not crashes or self._random.random() < 0.5
        if is_applied:
            response = await self._inner.handle_async_request(request)
            await response.aread()
            self.applied.update(json.dumps(echo, sort_keys=True) for echo in _sent(request, response))
        if crashes and not self._crashed.is_set():
            self._on_crash()
            self._crashed.set()
        if self._crashed.is_set():
            await self._hang()
        return response

    async def crash(self, work: Callable[[], Any], at: int, on_crash: Callable[[], None]) -> bool:
        """Do some work until the request with a number; return whether it came so far."""
        self._crash_at, self._on_crash = self.requests + at, on_crash
        self._crashed, self._ended = asyncio.Event(), asyncio.Event()
        writing = asyncio.ensure_future(work())
        crashed = asyncio.ensure_future(self._crashed.wait())
        await asyncio.wait([writing, crashed], return_when=asyncio.FIRST_COMPLETED)
        has_crashed = self._crashed.is_set()
        for task in (writing, crashed):
            task.cancel()
        await asyncio.gather(writing, crashed, return_exceptions=True)
        self._crash_at = None
        self._ended.set()
        self._crashed = asyncio.Event()
        return has_crashed

    def _failure(self) -> httpx.Response | None:
        match self._random.randrange(12):
            case 0:
                raise httpx.ConnectError("refused")
            case 1:
                return httpx.Response(400, json={"detail": "no"})
            case 2:
                return httpx.Response(502)
            case 3:
                raise httpx.ReadError("cut")
        return None

    async def _hang(self) -> None:
        await self._ended.wait()
        raise httpx.ReadError("the client is gone")

    def client(self, **options: Any) -> ExistClient:
        async def sleep(_: float) -> None:
            await asyncio.sleep(0)

        http_client = httpx.AsyncClient(transport=httpx.MockTransport(self.handle))
        return ExistClient(
            self.sandbox.token, http_client=http_client, rate_limiter=None, max_retries=0, sleep=sleep, **options
        )


def _sent(request: httpx.Request, response: httpx.Response) -> Sequence[Any]:
    """Return the items of a request that were carried out, as they were sent."""
    failed = {(entry.get("name"), entry.get("date")) for entry in response.json().get("failed", [])}
    items = json.loads(request.content) if b'"date"' in request.content else []
    return [item for item in items if (item["name"], item["date"]) not in failed]


class CrashingFiles:
    """A journal in a file, of which a crash leaves what is in the file at that moment."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._crashes = 0

    @property
    def _path(self) -> Path:
        return self._folder / f"{self._crashes}.db"

    def __call__(self) -> Journal:
        return Journal(self._path)

    def crash(self, journal: StoredJournal) -> None:
        """Leave an open journal to a program that has crashed, and go on with what is stored."""
        assert isinstance(journal, Journal)
        assert journal._thread is not None
        source = self._path
        self._crashes += 1
        # Between two of its transactions.
        journal._thread.submit(self._copy, source, self._path).result()

    @staticmethod
    def _copy(source: Path, to: Path) -> None:
        for suffix in ("", "-wal"):
            file = Path(f"{source}{suffix}")
            if file.exists():
                shutil.copy(file, f"{to}{suffix}")

    async def aclose(self) -> None:
        """Do nothing."""


class CrashingJobs:
    """A journal in PostgreSQL, of which a crash leaves what is stored, and perhaps a note that is on its way."""

    def __init__(self, server: PostgresServer) -> None:
        self._journals = PostgresJournal(server.url, schema="crashes")
        self._job = uuid4()
        self._ending: list[asyncio.Future[None]] = []

    def __call__(self) -> PostgresJournal:
        return self._journals.for_job(self._job)

    def crash(self, journal: StoredJournal) -> None:
        """Let an open journal note nothing more, and let another one open the job."""
        assert isinstance(journal, PostgresJournal)
        assert journal._lock is not None
        journal._opened = None
        self._ending.append(asyncio.ensure_future(journal._lock.release()))

    async def aclose(self) -> None:
        await asyncio.gather(*self._ending)
        await self._journals.aclose()
