"""Cuts a list into chunks, and works on those concurrently."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from attrs import frozen

T = TypeVar("T")


@frozen(eq=False, repr=False)
class Chunk(Generic[T]):
    """Some items that travel in one request.

    Attributes:
        places: Where each of them stands among all items.
        items: The items.
        things: What they are about: two chunks about the same thing are never worked on at once.
    """

    places: list[int]
    items: list[T]
    things: set[Hashable]


async def run(
    chunks: AsyncIterator[Chunk[T]], work: Callable[[Chunk[T]], Awaitable[bool]], *, concurrency: int
) -> None:
    """Work on each chunk, on at most `concurrency` of them at once.

    Two chunks about the same thing are worked on in their order, never at once. The next chunk is asked for only when
    the one before has begun, so that no more than `concurrency` + 1 of them are ever held.

    Args:
        chunks: The chunks; asking for one is not to raise.
        work: Works on one, and says whether to go on: after a no, nothing more is begun. It is not to raise.
        concurrency: How many may be worked on at once.
    """
    under_way: dict[asyncio.Task[None], set[Hashable]] = {}
    busy: set[Hashable] = set()
    going_on = True
    reading: asyncio.Timeout | None = None

    async def begin(chunk: Chunk[T]) -> None:
        nonlocal going_on
        if not await work(chunk) and going_on:
            going_on = False
            if reading is not None:
                # A stream may take its time, and a no must not wait for it.
                reading.reschedule(asyncio.get_running_loop().time())

    async with asyncio.TaskGroup() as tasks:
        while going_on:
            try:
                async with asyncio.timeout(None) as reading:
                    chunk = await anext(chunks)
            except (StopAsyncIteration, TimeoutError):
                break
            reading = None
            while going_on and (len(under_way) >= concurrency or not busy.isdisjoint(chunk.things)):
                done, _ = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    busy -= under_way.pop(task)
            if going_on:
                under_way[tasks.create_task(begin(chunk))] = chunk.things
                busy |= chunk.things
        reading = None
