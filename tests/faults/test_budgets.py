"""Rows 45, 46 and 53: what takes from a user's hourly budget, and a budget that another process has locked."""

import asyncio
import bisect
import random
import sqlite3
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from faults.observe import Seen, cell, observe, quick
from faults.sandboxed import CALLS, a_sandbox, asked, see, served
from faults.server import Script, Talk, answer_to, serving, whole
from faults.service_rows import row

from exist_async import ExistClient, MemoryRateLimiter, RateLimitError, SqliteRateLimiter
from exist_async._http.signing import user_of
from support import refusing_url, until

LIMIT = 300


async def left(client: ExistClient, limiter: MemoryRateLimiter) -> int:
    return await limiter.remaining(user_of(client._session.auth))


@pytest.mark.parametrize("kind", CALLS)
async def test_requests_that_were_not_sent_take_nothing_from_the_hourly_budget(kind: str) -> None:
    limiter = MemoryRateLimiter(LIMIT)
    with refusing_url() as nowhere:
        async with quick(nowhere, rate_limiter=limiter, max_connections=10) as client:
            seen = await asyncio.gather(*(observe(client, CALLS[kind]) for _ in range(LIMIT)))
            (end,) = {str(one).partition(" after ")[0] for one in seen}
            offline = f"{end}, {await left(client, limiter)} of {LIMIT} requests left"

    async def never(talk: Talk) -> None:
        await talk.applied()
        await talk.hang_up_waited_for()

    limiter = MemoryRateLimiter(LIMIT)
    async with (
        serving(never) as server,
        quick(server.url, rate_limiter=limiter, max_connections=1, timeout=0.1, max_retries=0) as client,
    ):
        patient = client.with_options(timeout=30.0)
        sent = asyncio.create_task(CALLS[kind](patient))
        await until(lambda: len(server.requests) == 1)
        waiting = [asyncio.create_task(CALLS[kind](patient)) for _ in range(49)]
        async with asyncio.timeout(10):
            while await left(client, limiter) != LIMIT - 50:  # noqa: ASYNC110  (nothing signals it)
                await asyncio.sleep(0)
        for call in waiting:
            call.cancel()
        await asyncio.wait(waiting)
        # The request of a write has a task of its own, which ends a little later.
        async with asyncio.timeout(10):
            while await left(client, limiter) != LIMIT - 1:  # noqa: ASYNC110  (nothing signals it)
                await asyncio.sleep(0)
        assert len(server.requests) == 1
        sent.cancel()
        await asyncio.wait([sent])

    assert f"{offline}; hung up: all left but the one that was sent" == getattr(row(45), kind)


def exact_window(limit: int, period: float, met: Counter[int]) -> Script:
    """Return a script that counts the arrivals of all connections in an exact moving window; each arrives late."""
    let_in: list[float] = []

    async def answer(talk: Talk) -> None:
        while True:
            request = await talk.request()
            await asyncio.sleep(random.uniform(0, 0.1))
            now = time.monotonic()
            if len(let_in) - bisect.bisect_right(let_in, now - period) < limit:
                let_in.append(now)
                met[200] += 1
                talk.apply(request)
                await talk.send(whole(answer_to(request)))
            else:
                met[429] += 1
                await talk.send(b"HTTP/1.1 429 No\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n")

    return answer


@pytest.mark.parametrize("kind", CALLS)
async def test_a_service_with_an_exact_window_refuses_no_call(kind: str) -> None:
    met: Counter[int] = Counter()
    limiter = MemoryRateLimiter(5, 0.2)
    async with (
        serving(exact_window(5, 0.2, met)) as server,
        quick(server.url, rate_limiter=limiter, max_wait=None) as client,
    ):
        seen = await asyncio.gather(*(observe(client, CALLS[kind]) for _ in range(15)))

    assert {str(one) for one in seen} == {getattr(row(46), kind)}
    assert met == {200: 15}


@pytest.mark.parametrize("kind", CALLS)
async def test_a_locked_file_stops_the_calls_that_need_it_together_and_no_others(kind: str, tmp_path: Path) -> None:
    budget = tmp_path / "budget.db"
    limiter = SqliteRateLimiter(budget, timeout=1.5)
    await limiter.acquire("somebody", max_wait=0)
    sandbox = a_sandbox()
    seen: dict[str, Seen] = {}
    async with served(sandbox, rate_limiter=limiter, max_wait=30) as client:
        other = client.with_options(rate_limiter=SqliteRateLimiter(tmp_path / "another.db"))
        with closing(sqlite3.connect(budget, isolation_level=None)) as process:
            process.execute("BEGIN IMMEDIATE")
            start = time.monotonic()
            users = [client.with_options(auth=f"user-{number}") for number in range(40)]
            waiting: list[asyncio.Task[Any]] = [asyncio.create_task(observe(user, CALLS[kind])) for user in users]
            seen["another file"] = await see(other, sandbox, kind)
            # Looking up host names takes threads, too, and they are free.
            await asyncio.get_running_loop().getaddrinfo("localhost", 80)
            assert not any(call.done() for call in waiting)
            seen[""] = await see(client, sandbox, kind)
            assert {str(one) for one in await asyncio.gather(*waiting)} == {str(seen[""]).partition(",")[0]}
            # Each of them waiting for its own turn at the file would take 40 times its timeout.
            assert time.monotonic() - start < 15
        assert isinstance(seen[""].error, RateLimitError)
        assert asked(sandbox, kind) == 1

    assert cell({"": seen[""], **seen}) == getattr(row(53), kind)
