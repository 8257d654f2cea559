"""Measures time, memory and stalls of the event loop while something runs."""

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable
from typing import Final

from attrs import define

from benchmarks import memory
from benchmarks.alone import Figures

_INTERVAL: Final = 0.001
_MEGABYTE: Final = 1e6


@define
class LoopMonitor:
    """Wakes once a millisecond, and records the longest stall of the event loop and the peak of memory.

    Attributes:
        stall: Seconds of the longest stall.
        peak: The most bytes in memory.
    """

    stall: float = 0.0
    peak: int = 0

    async def run(self) -> None:
        """Sample until it is cancelled."""
        while True:
            start = time.perf_counter()
            await asyncio.sleep(_INTERVAL)
            self.stall = max(self.stall, time.perf_counter() - start - _INTERVAL)
            self.peak = max(self.peak, memory.resident())


async def monitored(read: Callable[[LoopMonitor], Awaitable[Figures]]) -> Figures:
    """Run a measurement beside a monitor, with no garbage left from before."""
    # As in a program that runs for a while: Python's first full collection goes through all that was ever imported.
    gc.collect()
    monitor = LoopMonitor()
    beating = asyncio.create_task(monitor.run())
    await asyncio.sleep(0)
    try:
        return await read(monitor)
    finally:
        beating.cancel()


async def measured(monitor: LoopMonitor, work: Callable[[], Awaitable[None]]) -> Figures:
    """Return what some work takes: seconds, also of CPU, milliseconds of the longest stall, and MB of more memory."""
    monitor.peak = before = memory.resident()
    start, started = time.perf_counter(), time.process_time()
    await work()
    seconds, cpu = time.perf_counter() - start, time.process_time() - started
    await asyncio.sleep(2 * _INTERVAL)  # for the stall at the end
    return {
        "seconds": seconds,
        "cpu": cpu,
        "stall": monitor.stall * 1e3,
        "growth": (monitor.peak - before) / _MEGABYTE,
    }
