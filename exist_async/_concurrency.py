"""Runs jobs and chunks of items concurrently, in bounded numbers."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Hashable, Iterable
from typing import Generic, TypeVar

from attrs import frozen

T = TypeVar("T")


async def ordered_map(jobs: Iterable[Callable[[], Awaitable[T]]], *, concurrency: int) -> AsyncGenerator[T, None]:
    """Run jobs concurrently and yield their results in the order of the jobs.

    Up to twice `concurrency` jobs are started ahead of the reader, so that a slow one does not hold up those behind it;
    no more results than that are held, and the next job is only then taken. A job's error is raised in its place.
    Close the generator when leaving it early: that cancels the jobs that were started.

    Args:
        jobs: The jobs, as functions without arguments.
        concurrency: How many may run at once.
    """
    free = asyncio.Semaphore(concurrency)

    async def run(job: Callable[[], Awaitable[T]]) -> T:
        async with free:
            return await job()

    started: deque[asyncio.Task[T]] = deque()
    waiting = iter(jobs)
    try:
        while True:
            while len(started) < 2 * concurrency and (job := next(waiting, None)) is not None:
                started.append(asyncio.create_task(run(job)))
                # One job for each turn of the event loop: starting all in one turn would block it.
                await asyncio.sleep(0)
            if not started:
                return
            result = await started[0]
            started.popleft()
            yield result
    finally:
        for task in started:
            task.cancel()
        await asyncio.gather(*started, return_exceptions=True)


@frozen(eq=False, repr=False)
class Chunk(Generic[T]):
    """Items that travel in one request.

    Attributes:
        indices: The index of each item among all items.
        items: The items.
        conflict_keys: What the items change: chunks that share a key never run at once.
    """

    indices: list[int]
    items: list[T]
    conflict_keys: set[Hashable]


async def run_chunks(
    chunks: AsyncIterator[Chunk[T]], work: Callable[[Chunk[T]], Awaitable[bool]], *, concurrency: int
) -> None:
    """Process chunks, at most `concurrency` at once; those that share a conflict key one after another, in order.

    The next chunk is taken only when the one before has started, so at most `concurrency` + 1 of them are held.

    Args:
        chunks: The chunks. Taking one must not raise.
        work: Processes one chunk, and returns whether to continue: after False no further chunk is started. It must not
            raise.
        concurrency: How many chunks may be processed at once.
    """
    running: dict[asyncio.Task[None], set[Hashable]] = {}
    busy: set[Hashable] = set()
    continuing = True
    reading: asyncio.Timeout | None = None

    async def run(chunk: Chunk[T]) -> None:
        nonlocal continuing
        if not await work(chunk) and continuing:
            continuing = False
            if reading is not None:
                # A stream may take its time: stop waiting for its next item at once.
                reading.reschedule(asyncio.get_running_loop().time())

    async with asyncio.TaskGroup() as tasks:
        while continuing:
            try:
                async with asyncio.timeout(None) as reading:
                    chunk = await anext(chunks)
            except (StopAsyncIteration, TimeoutError):
                break
            reading = None
            while continuing and (len(running) >= concurrency or not busy.isdisjoint(chunk.conflict_keys)):
                done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    busy -= running.pop(task)
            if continuing:
                running[tasks.create_task(run(chunk))] = chunk.conflict_keys
                busy |= chunk.conflict_keys
        reading = None


def cancelled_by_caller() -> bool:
    """Whether the running task itself was cancelled, and not something that it waited for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def as_exception(error: BaseException) -> Exception:
    """Return an error of the caller's code as an Exception: raising its CancelledError would cancel the caller."""
    return error if isinstance(error, Exception) else InterruptedError(f"cancelled from inside: {error!r}")
