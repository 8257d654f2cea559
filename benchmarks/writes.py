"""Time of acquiring many attributes from a slow server."""

import asyncio
import time
from contextlib import ExitStack
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Final

from attrs import frozen

from benchmarks import peer_client
from benchmarks.contenders import CHUNK, Contender, aiohttp_gather, documented_loop, httpx_gather, this_client
from benchmarks.report import OURS, Comparison, Target
from benchmarks.turns import by_turns

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.server import Origins

_CONCURRENCY: Final = 8
_UNIT: Final = "seconds of wall time"
_AIOHTTP: Final = "aiohttp + gather"
_GATHERED: Final[dict[str, Contender]] = {
    "httpx + gather": httpx_gather,
    _AIOHTTP: aiohttp_gather,
    OURS: this_client,
}


@frozen
class _Load:
    """The number of items, the latency of the server, and the number of measurements."""

    items: int
    latency: float
    turns: int

    @property
    def rounds(self) -> int:
        """The number of round trips that can't be avoided."""
        return ceil(ceil(self.items / CHUNK) / _CONCURRENCY)

    @property
    def ideal(self) -> str:
        """The row of the ideal."""
        return f"ideal: {self.rounds} rounds of {_CONCURRENCY}"

    @property
    def targets(self) -> list[Target]:
        """The targets of this package."""
        against_aiohttp = Target(1.10, _AIOHTTP)
        # At 20 ms the rounds are as short as what the machine takes to make one.
        return [against_aiohttp, Target(1.15, self.ideal)] if self.latency >= 0.1 else [against_aiohttp]

    def __str__(self) -> str:
        return f"Acquiring {self.items:,} attributes at {self.latency * 1000:g} ms latency, {_CONCURRENCY} in flight"


_SMALL: Final = (_Load(1050, 0.02, turns=7), _Load(1050, 0.1, turns=5))
_LARGE: Final = (_Load(10_500, 0.02, turns=5), _Load(10_500, 0.1, turns=3))


def run(origins: "Origins") -> list[Comparison]:
    """Measure calls of clients that are in use, and whole jobs that open a client."""
    small = [_calls(load, origins[load.latency], in_a_loop=True) for load in _SMALL]
    large = [_calls(load, origins[load.latency], in_a_loop=False) for load in _LARGE]
    return [*small, *large, _jobs(_SMALL[-1], origins[_SMALL[-1].latency])]


def _calls(load: _Load, url: str, *, in_a_loop: bool) -> Comparison:
    names = _names(load)
    measures: dict[str, Callable[[], float]] = {load.ideal: lambda: load.rounds * load.latency}
    note = "" if in_a_loop else "Loops without concurrency, ten times as slow as with 1,050, are left out."
    contenders = {"documentation's loop": documented_loop, **_GATHERED} if in_a_loop else _GATHERED
    with ExitStack() as stack:
        if in_a_loop and (acquire := stack.enter_context(peer_client.running(url))) is not None:
            acquire(1)
            measures[peer_client.NAME] = lambda: acquire(load.items)[0]
        for name, contender in contenders.items():
            measures[name] = partial(_call, contender, url, names)
        # Each call has a rehearsal of its own.
        samples = by_turns(measures, load.turns, rehearsal=False)
    return Comparison(f"{load}, by a client in use", _UNIT, samples, load.ideal, load.targets, note)


def _jobs(load: _Load, url: str) -> Comparison:
    names = _names(load)
    measures: dict[str, Callable[[], float]] = {load.ideal: lambda: load.rounds * load.latency}
    measures |= {name: partial(_job, contender, url, names) for name, contender in _GATHERED.items()}
    samples = by_turns(measures, load.turns, rehearsal=False)
    note = "httpx and exist_async read the certificates when a client is opened, aiohttp when it is imported."
    return Comparison(f"{load}, by a client opened for it", _UNIT, samples, load.ideal, note=note)


def _names(load: _Load) -> list[str]:
    return [f"tag_{n}" for n in range(load.items)]


def _call(contender: Contender, url: str, names: list[str]) -> float:
    async def seconds() -> float:
        async with contender(url, _CONCURRENCY) as acquire:
            await acquire(names[:1])  # imports what is imported late
            start = time.perf_counter()
            acquired = await acquire(names)
            took = time.perf_counter() - start
        assert acquired == len(names)
        return took

    return asyncio.run(seconds())


def _job(contender: Contender, url: str, names: list[str]) -> float:
    async def job() -> int:
        async with contender(url, _CONCURRENCY) as acquire:
            return await acquire(names)

    start = time.perf_counter()
    acquired = asyncio.run(job())
    took = time.perf_counter() - start
    assert acquired == len(names)
    return took
