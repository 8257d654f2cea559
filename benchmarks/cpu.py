"""How much CPU does one request of 35 attributes cost its client, all included?"""

import asyncio
import gc
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Final

from attrs import frozen

from benchmarks.contenders import CHUNK, Acquire, Contender, aiohttp_gather, bare_httpx, httpx_gather, this_client
from benchmarks.report import OURS, Comparison
from benchmarks.server import Origins
from benchmarks.turns import by_turns

_BARE: Final = "bare httpx"
_CONTENDERS: Final[dict[str, Contender]] = {
    _BARE: bare_httpx,
    "httpx + gather": httpx_gather,
    "aiohttp + gather": aiohttp_gather,
    OURS: this_client,
}


@frozen
class _Load:
    """How many requests are in flight, how many there are in a turn, and what is to be reached."""

    in_flight: int
    requests: int
    turns: int
    target: float


_LOADS: Final = (
    # The 1,050 items of `writes`; short turns, so that many of them fall into quiet moments.
    _Load(8, requests=30, turns=25, target=0.5),
    # Three rounds, so that most requests wait for one another as in a long job.
    _Load(64, requests=192, turns=6, target=0.25),
)


def run(origins: Origins) -> list[Comparison]:
    """Measure the CPU time of this process alone; the server has its own."""
    return [_compare(load, origins.fast) for load in _LOADS]


def _compare(load: _Load, url: str) -> Comparison:
    names = [f"tag_{n}" for n in range(load.requests * CHUNK)]
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()

        async def opened() -> dict[str, Acquire]:
            return {
                name: await stack.enter_async_context(contender(url, load.in_flight))
                for name, contender in _CONTENDERS.items()
            }

        def cpu(acquire: Acquire) -> float:
            return runner.run(_cpu(acquire, names))

        acquires = runner.run(opened())
        samples = by_turns(
            {name: partial(cpu, acquire) for name, acquire in acquires.items()},
            load.turns,
        )
        runner.run(stack.aclose())
    question = f"CPU of the client for a request of {CHUNK} attributes, {load.in_flight} in flight"
    note = "The first three end with dictionaries, exist_async with models and an outcome for each item."
    return Comparison(question, "microseconds", samples, _BARE, load.target, note)


async def _cpu(acquire: Acquire, names: Sequence[str]) -> float:
    # Each pays for the collection of its own garbage alone.
    gc.collect()
    start = time.process_time()
    acquired = await acquire(names)
    took = time.process_time() - start
    assert acquired == len(names)
    return took / (len(names) / CHUNK) * 1e6
