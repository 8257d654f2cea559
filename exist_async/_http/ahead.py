"""Does jobs concurrently, ahead of whoever takes their results in order."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


async def in_order(jobs: Iterable[Callable[[], Awaitable[T]]], *, concurrency: int) -> AsyncGenerator[T, None]:
    """Give the results of jobs in their order; close it, or the jobs that were begun run on.

    Twice as many jobs are begun as may be under way, so that a slow one does not hold up those behind it, and no more
    than that many results are held. The next job is asked for only then. The error of one is raised in its turn.

    Args:
        jobs: The jobs.
        concurrency: How many may be under way at once.
    """
    free = asyncio.Semaphore(concurrency)

    async def do(job: Callable[[], Awaitable[T]]) -> T:
        async with free:
            return await job()

    begun: deque[asyncio.Task[T]] = deque()
    left = iter(jobs)
    try:
        while True:
            while len(begun) < 2 * concurrency and (job := next(left, None)) is not None:
                begun.append(asyncio.create_task(do(job)))
                # It begins now: all in one turn of the event loop would make it stand still.
                await asyncio.sleep(0)
            if not begun:
                return
            result = await begun[0]
            begun.popleft()
            yield result
    finally:
        for task in begun:
            task.cancel()
        await asyncio.gather(*begun, return_exceptions=True)
