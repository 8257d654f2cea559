"""Running chunks and jobs concurrently: in bounded numbers, and in order where it matters."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial

import pytest

from exist_async._concurrency import Chunk, ordered_map, run_chunks


def chunk(number: int, *things: str) -> Chunk[int]:
    return Chunk([number], [number], set(things or (f"thing {number}",)))


class Work:
    """Takes a turn of the event loop for each chunk, and keeps a record."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.log: list[str] = []
        self.under_way: set[int] = set()
        self.most_at_once = 0
        self.stop_at = stop_at

    async def __call__(self, chunk: Chunk[int]) -> bool:
        self.under_way.add(chunk.indices[0])
        self.most_at_once = max(self.most_at_once, len(self.under_way))
        self.log.append(f"begin {chunk.indices[0]}")
        for _ in range(3):
            await asyncio.sleep(0)
        self.log.append(f"end {chunk.indices[0]}")
        self.under_way.remove(chunk.indices[0])
        return chunk.indices[0] != self.stop_at


async def stream(*chunks: Chunk[int]) -> AsyncIterator[Chunk[int]]:
    for each in chunks:
        yield each


async def test_every_chunk_is_worked_on() -> None:
    work = Work()

    await run_chunks(stream(*map(chunk, range(20))), work, concurrency=4)

    assert sorted(line for line in work.log if line.startswith("end")) == sorted(f"end {n}" for n in range(20))


@pytest.mark.parametrize("concurrency", [1, 2, 7])
async def test_as_many_at_once_as_allowed_and_no_more(concurrency: int) -> None:
    work = Work()

    await run_chunks(stream(*map(chunk, range(20))), work, concurrency=concurrency)

    assert work.most_at_once == concurrency


async def test_chunks_about_the_same_thing_keep_their_order() -> None:
    work = Work()

    await run_chunks(stream(chunk(0, "mood"), chunk(1, "mood", "steps"), chunk(2, "steps")), work, concurrency=8)

    assert work.log == ["begin 0", "end 0", "begin 1", "end 1", "begin 2", "end 2"]


async def test_after_a_no_nothing_more_is_begun() -> None:
    work = Work(stop_at=1)

    await run_chunks(stream(*map(chunk, range(20))), work, concurrency=2)

    assert work.log.count("begin 0") == work.log.count("end 0") == 1
    assert len(work.log) <= 6


async def test_no_more_is_read_than_can_be_worked_on() -> None:
    read = 0

    async def counted() -> AsyncIterator[Chunk[int]]:
        nonlocal read
        for n in range(100):
            read += 1
            yield chunk(n)

    async def never(chunk: Chunk[int]) -> bool:
        await asyncio.Event().wait()
        return True

    task = asyncio.create_task(run_chunks(counted(), never, concurrency=3))
    await asyncio.sleep(0.01)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert read == 4


async def test_a_no_does_not_wait_for_a_stream_that_takes_its_time() -> None:
    async def endless() -> AsyncIterator[Chunk[int]]:
        yield chunk(0)
        await asyncio.Event().wait()

    work = Work(stop_at=0)

    await asyncio.wait_for(run_chunks(endless(), work, concurrency=2), 20)

    assert work.log == ["begin 0", "end 0"]


async def test_jobs_do_not_all_begin_in_one_turn_of_the_event_loop() -> None:
    turn = 0
    begun: list[int] = []

    async def count() -> None:
        nonlocal turn
        while True:
            await asyncio.sleep(0)
            turn += 1

    async def job(number: int) -> int:
        begun.append(turn)
        # All are answered in one turn.
        await asyncio.sleep(0.01)
        return number

    counting = asyncio.create_task(count())
    async with aclosing(ordered_map((partial(job, n) for n in range(12)), concurrency=4)) as results:
        assert [result async for result in results] == list(range(12))
    counting.cancel()

    assert len(set(begun[:4])) == 4


async def test_jobs_that_wait_to_begin_are_ended_with_those_under_way() -> None:
    before = asyncio.all_tasks()

    async def job() -> None:
        await asyncio.Event().wait()

    async with aclosing(ordered_map((job for _ in range(100)), concurrency=8)) as results:
        taking = asyncio.create_task(anext(results))
        await asyncio.sleep(0)
        taking.cancel()
        await asyncio.wait([taking])

    assert asyncio.all_tasks() == before
