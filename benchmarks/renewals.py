"""Requests, connections, and the calls of other users while the tokens of 5,000 users are renewed at once."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import httpx

from benchmarks import token_service
from benchmarks.alone import Figures, alone
from benchmarks.report import OURS, Comparison, Target
from benchmarks.turns import is_trial
from exist_async import ExistClient, MemoryTokenStore, OAuth2, OAuthApp, OAuthToken

if TYPE_CHECKING:
    from benchmarks.server import Origins

_USERS: Final = 5000
_TRIAL_USERS: Final = 500
_TURNS: Final = 3
_CONNECTIONS: Final = 100
_OTHERS: Final = 20
# Seconds: how long the others call alone, and between two calls of one of them.
_ALONE: Final = 1.0
_PAUSE: Final = 0.05
_IDLE: Final = "without renewals"


def run(_: "Origins") -> list[Comparison]:
    """Measure it in new interpreters, each with a service of its own, which counts."""
    users, turns = (_TRIAL_USERS, 1) if is_trial() else (_USERS, _TURNS)
    figures: list[Figures] = []
    with TemporaryDirectory() as bytecode:
        for _turn in range(turns):
            with token_service.serving() as url:
                figures.append(alone(measure, url, str(users), bytecode=bytecode))

    def samples(name: str) -> list[float]:
        return [each[name] for each in figures]

    what = f"A call of each of {users:,} users whose tokens have expired, all at once"
    note = (
        f"{_OTHERS} others pause for {_PAUSE:g} s between calls. The service answers after {token_service.LATENCY:g} s."
    )
    return [
        Comparison(f"{what}: token requests", "for each user", {OURS: samples("refreshes")}, OURS, [Target(1, of=max)]),
        Comparison(
            f"{what}: connections",
            "at most at once",
            {OURS: samples("connections")},
            OURS,
            [Target(_CONNECTIONS, of=max)],
        ),
        Comparison(
            f"{what}: file descriptors",
            "more than before, at most",
            {OURS: samples("descriptors")},
            OURS,
            [Target(_CONNECTIONS + 10, of=max)],
        ),
        Comparison(
            f"{what}: median of other users' calls",
            "milliseconds",
            {_IDLE: samples("idle"), OURS: samples("meanwhile")},
            _IDLE,
            [Target(1.5, _IDLE)],
            note,
        ),
    ]


def measure(url: str, users: str) -> Figures:
    """Renew the tokens, each for a call of its user, while others call."""
    return asyncio.run(_measure(url, int(users)))


async def _measure(url: str, users: int) -> Figures:
    before = _descriptors()
    names = [f"user-{number}" for number in range(users)]
    app = OAuthApp("client-id", "client-secret", "http://localhost:8000/", base_url=url)
    store = MemoryTokenStore()
    expired = datetime.now(UTC) - timedelta(minutes=1)
    for name in names:
        await store.save(name, OAuthToken(f"{name}.0", f"{name}.0", expired))
    async with ExistClient("nobody.0", base_url=url, max_connections=_CONNECTIONS, rate_limiter=None) as exist:
        # The first call imports what it needs.
        await exist.profile.get()
        others = _Others(exist)
        calling = [asyncio.create_task(others.call(number)) for number in range(_OTHERS)]
        await asyncio.sleep(_ALONE)
        idle = others.take()
        views = [exist.with_options(auth=OAuth2(app, store, name)) for name in names]
        await asyncio.gather(*(view.profile.get() for view in views))
        meanwhile = others.take()
        others.stop()
        await asyncio.gather(*calling)
    async with httpx.AsyncClient() as http:
        counts = (await http.get(url + token_service.COUNTS)).json()
    assert not counts.get("refused")
    return {
        "refreshes": counts["token requests"] / users,
        "connections": counts["most connections"],
        "descriptors": others.most_descriptors - before,
        "idle": idle,
        "meanwhile": meanwhile,
    }


class _Others:
    """Users whose tokens are valid, and who call again and again.

    Attributes:
        most_descriptors: The most file descriptors that this process had.
    """

    def __init__(self, exist: ExistClient) -> None:
        self._exist = exist
        self._seconds: list[float] = []
        self._stopped = False
        self.most_descriptors = 0

    async def call(self, number: int) -> None:
        view = self._exist.with_options(auth=f"other-{number}.0")
        while not self._stopped:
            start = time.perf_counter()
            await view.profile.get()
            self._seconds.append(time.perf_counter() - start)
            self.most_descriptors = max(self.most_descriptors, _descriptors())
            await asyncio.sleep(_PAUSE)

    def take(self) -> float:
        """Return the median of the calls since the last time, in milliseconds."""
        seconds, self._seconds = self._seconds, []
        return median(seconds) * 1000

    def stop(self) -> None:
        """Let each make no further call."""
        self._stopped = True


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
