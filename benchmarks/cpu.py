"""CPU time of the client for one request of 35 attributes, everything included."""

import asyncio
import gc
import time
from contextlib import AsyncExitStack, ExitStack
from functools import partial
from typing import TYPE_CHECKING, Final

from attrs import frozen

from benchmarks import peer_client
from benchmarks.contenders import (
    CHUNK,
    Acquire,
    Contender,
    aiohttp_gather,
    httpx_gather,
    httpx_pydantic,
    this_client,
)
from benchmarks.report import OURS, Comparison, Target
from benchmarks.turns import by_turns

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.server import Origins

_HTTPX: Final = "httpx + gather"
_AIOHTTP: Final = "aiohttp + gather"
_CONTENDERS: Final[dict[str, Contender]] = {
    _HTTPX: httpx_gather,
    "httpx + gather, pydantic models": httpx_pydantic,
    _AIOHTTP: aiohttp_gather,
    OURS: this_client,
}


@frozen
class _Load:
    """The number of requests in flight and in a turn, and the target ratio."""

    in_flight: int
    requests: int
    turns: int
    target: float


_LOADS: Final = (
    # The 1,050 items of `writes`; short turns, so that many of them fall into quiet moments.
    _Load(8, requests=30, turns=25, target=0.42),
    # Three rounds, so that most requests wait for one another as in a long job.
    _Load(64, requests=192, turns=16, target=0.22),
)


def run(origins: "Origins") -> list[Comparison]:
    """Measure the CPU time of the client's process alone; the server has its own."""
    return [_compare(load, origins[0.0]) for load in _LOADS]


def _compare(load: _Load, url: str) -> Comparison:
    names = [f"tag_{n}" for n in range(load.requests * CHUNK)]
    with asyncio.Runner() as runner, ExitStack() as peer:
        stack = AsyncExitStack()

        async def opened() -> dict[str, Acquire]:
            return {
                name: await stack.enter_async_context(contender(url, load.in_flight))
                for name, contender in _CONTENDERS.items()
            }

        def cpu(acquire: Acquire) -> float:
            return runner.run(_cpu(acquire, names))

        acquires = runner.run(opened())
        measures: dict[str, Callable[[], float]] = {name: partial(cpu, acquire) for name, acquire in acquires.items()}
        if (by_peer := peer.enter_context(peer_client.running(url))) is not None:
            measures[peer_client.NAME] = lambda: by_peer(len(names))[1] / load.requests * 1e6
        samples = by_turns(measures, load.turns)
        runner.run(stack.aclose())
    question = f"CPU of the client for a request of {CHUNK} attributes, {load.in_flight} in flight"
    note = (
        "Those without models end with dictionaries; exist_async ends with models, and an outcome for each item. "
        f"{peer_client.NAME} has one request in flight."
    )
    targets = [Target(load.target, _HTTPX), Target(2.5, _AIOHTTP)]
    return Comparison(question, "microseconds", samples, _HTTPX, targets, note)


async def _cpu(acquire: Acquire, names: "Sequence[str]") -> float:
    # Each pays for the collection of its own garbage alone.
    gc.collect()
    start = time.process_time()
    acquired = await acquire(names)
    took = time.process_time() - start
    assert acquired == len(names)
    return took / (len(names) / CHUNK) * 1e6
