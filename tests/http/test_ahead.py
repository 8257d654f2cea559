"""Doing jobs ahead of whoever takes their results."""

import asyncio
from contextlib import aclosing
from functools import partial

from exist_async._http.ahead import in_order


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
    async with aclosing(in_order((partial(job, n) for n in range(12)), concurrency=4)) as results:
        assert [result async for result in results] == list(range(12))
    counting.cancel()

    assert len(set(begun[:4])) == 4


async def test_jobs_that_wait_to_begin_are_ended_with_those_under_way() -> None:
    before = asyncio.all_tasks()

    async def job() -> None:
        await asyncio.Event().wait()

    async with aclosing(in_order((job for _ in range(100)), concurrency=8)) as results:
        taking = asyncio.create_task(anext(results))
        await asyncio.sleep(0)
        taking.cancel()
        await asyncio.wait([taking])

    assert asyncio.all_tasks() == before
