"""How long does it take to acquire 1,050 attributes from a server that takes 0.1 s to answer?"""

import asyncio
import time
from collections.abc import Callable, Mapping
from functools import partial
from math import ceil
from typing import Final

from benchmarks.contenders import CHUNK, Contender, aiohttp_gather, documented_loop, httpx_gather, this_client
from benchmarks.report import OURS, Comparison
from benchmarks.server import LATENCY, Origins
from benchmarks.turns import by_turns

_CONCURRENCY: Final = 8
_NAMES: Final = [f"tag_{n}" for n in range(1050)]
_ROUNDS: Final = ceil(len(_NAMES) / CHUNK / _CONCURRENCY)
_TURNS: Final = 3
_QUESTION: Final = f"Acquiring {len(_NAMES):,} attributes at {LATENCY:g} s latency, {_CONCURRENCY} in flight"
_UNIT: Final = "seconds of wall time"
_IDEAL: Final = f"ideal: {_ROUNDS} rounds of {_CONCURRENCY}"
_GATHERED: Final[dict[str, Contender]] = {
    "httpx + gather": httpx_gather,
    "aiohttp + gather": aiohttp_gather,
    OURS: this_client,
}


def run(origins: Origins) -> list[Comparison]:
    """Measure the call of a client that is in use, and a whole job that opens a client for it."""
    contenders: dict[str, Contender] = {"documentation's loop": documented_loop, **_GATHERED}
    call = {name: partial(_call, contender, origins.slow) for name, contender in contenders.items()}
    job = {name: partial(_job, contender, origins.slow) for name, contender in _GATHERED.items()}
    opening = "httpx and exist_async read the certificates when a client is opened, aiohttp when it is imported."
    return [
        Comparison(f"{_QUESTION}, by a client in use", _UNIT, _samples(call), _IDEAL, target=1.15),
        Comparison(f"{_QUESTION}, by a client opened for it", _UNIT, _samples(job), _IDEAL, note=opening),
    ]


def _samples(measures: Mapping[str, Callable[[], float]]) -> dict[str, list[float]]:
    # Each call has a rehearsal of its own, and the jobs come after all of them.
    return by_turns({_IDEAL: lambda: _ROUNDS * LATENCY, **measures}, _TURNS, rehearsal=False)


def _call(contender: Contender, url: str) -> float:
    async def seconds() -> float:
        async with contender(url, _CONCURRENCY) as acquire:
            await acquire(_NAMES[:1])  # imports what is imported late
            start = time.perf_counter()
            acquired = await acquire(_NAMES)
            took = time.perf_counter() - start
        assert acquired == len(_NAMES)
        return took

    return asyncio.run(seconds())


def _job(contender: Contender, url: str) -> float:
    async def job() -> int:
        async with contender(url, _CONCURRENCY) as acquire:
            return await acquire(_NAMES)

    start = time.perf_counter()
    acquired = asyncio.run(job())
    took = time.perf_counter() - start
    assert acquired == len(_NAMES)
    return took
