"""Rows 38 to 40: other event loops, threads and processes; a Redis in trouble; and clocks that jump."""

import asyncio
import sys
from email.utils import formatdate
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from faults.observe import Seen, cell, get, quick
from faults.sandboxed import CALLS, PATHS, a_sandbox, asked, see, served, timed_by
from faults.service_rows import row
from redis_server import RedisServer

from exist_async import DeadlineExceededError, RateLimitError, RedisRateLimiter, SqliteRateLimiter

NOW = 1_800_000_000.0
HOUR = 3600.0

ELSEWHERE = """
import asyncio, os, sys, threading
sys.path.insert(0, sys.argv[1])
from faults.observe import get, increment, observe, quick, update

client = quick(sys.argv[2])

async def all_kinds(place, close=False):
    for kind, call in (("get", get), ("update", update), ("increment", increment)):
        # In one piece: several processes and threads write to this.
        os.write(1, f"{place}: {kind}: {await observe(client, call)}\\n".encode())
    if close:
        await client.aclose()

def in_child(place):
    child = os.fork()
    if child:
        return child
    try:
        asyncio.run(all_kinds(place, close=True))
        os._exit(0)
    finally:
        os._exit(1)

def in_thread(place):
    thread = threading.Thread(target=lambda: asyncio.run(all_kinds(place)))
    thread.start()
    return thread

async def main():
    await all_kinds("a second loop")
    child = in_child("a fork inside of a loop")
    # The loop here goes on meanwhile, with the connections that the child has inherited.
    await all_kinds("beside the fork")
    assert (await asyncio.to_thread(os.waitpid, child, 0))[1] == 0
    await all_kinds("after the fork")
    thread = in_thread("a thread")
    await all_kinds("beside the thread")
    await asyncio.to_thread(thread.join)
    await all_kinds("after the thread")

asyncio.run(all_kinds("a first loop"))
asyncio.run(main())
child = in_child("a fork between two loops")
assert os.waitpid(child, 0)[1] == 0
asyncio.run(all_kinds("a last loop", close=True))
"""


@pytest.mark.slow
async def test_one_client_works_on_several_loops_in_several_threads_and_on_both_sides_of_a_fork() -> None:
    sandbox = a_sandbox()
    async with sandbox.serve() as url, asyncio.timeout(60):
        # A process of its own: it forks.
        program = [sys.executable, "-c", ELSEWHERE, str(Path(__file__).parents[1]), url]
        process = await asyncio.create_subprocess_exec(*program, stdout=asyncio.subprocess.PIPE)
        output, _ = await process.communicate()

    lines = output.decode().splitlines()
    places = {line.partition(": ")[0] for line in lines}
    assert process.returncode == 0
    assert len(places) == 10
    assert len(lines) == 3 * len(places)
    for kind in CALLS:
        assert {line.partition(f": {kind}: ")[2] for line in lines if f": {kind}: " in line} == {getattr(row(38), kind)}
        assert asked(sandbox, kind) == len(places)
    assert {request.status for request in sandbox.requests} == {200}


@pytest.mark.parametrize("kind", CALLS)
async def test_a_redis_in_trouble_stops_calls_or_lets_them_go_on_and_nothing_hangs(
    kind: str, redis_server: RedisServer
) -> None:
    redis = pytest.importorskip("redis", reason='no redis: pip install "exist-async[redis]"')
    sandbox = a_sandbox()
    seen: dict[str, Seen] = {}

    async def call(name: str, limiter: RedisRateLimiter) -> None:
        before = asked(sandbox, kind)
        async with limiter, asyncio.timeout(20):
            seen[name] = await see(client.with_options(rate_limiter=limiter), sandbox, kind)
        assert asked(sandbox, kind) - before == seen[name].attempts

    def stopping() -> RedisRateLimiter:
        return RedisRateLimiter(redis_server.url, timeout=0.2)

    def going_on() -> RedisRateLimiter:
        return RedisRateLimiter(redis_server.url, timeout=0.2, when_unavailable="go_on")

    async with served(sandbox) as client:
        redis_server.pause()
        await call("slow", stopping())
        await call("slow and going on", going_on())
        redis_server.resume()
        limiter = RedisRateLimiter(redis_server.url, 1)
        await get(client.with_options(rate_limiter=limiter))
        with redis.Redis.from_url(redis_server.url) as connection:
            connection.flushall()
        await call("flushed", limiter)
        redis_server.end()
        await call("down", stopping())
        await call("down and going on", going_on())

    assert isinstance(seen["down"].error, RateLimitError)
    assert isinstance(seen["slow"].error, RateLimitError)
    assert cell({name: seen[name] for name in ("down", "slow", *sorted(seen.keys() - {"down", "slow"}))}) == getattr(
        row(39), kind
    )


@pytest.mark.parametrize("kind", CALLS)
async def test_a_clock_that_jumps_an_hour_makes_nothing_wait_for_an_hour(kind: str, clock: Any, tmp_path: Path) -> None:
    sandbox = a_sandbox()
    seen: dict[str, Seen] = {}
    in_a_second = {"Retry-After": formatdate(NOW + 1, usegmt=True)}

    async def jump(seconds: float) -> None:
        clock.now += HOUR

    async with sandbox.serve() as url:
        for name, jumped in (("the date, ahead", HOUR), ("the date, behind", -HOUR)):
            wall_clock = partial(float, NOW + jumped)
            async with quick(url, **timed_by(clock), wall_clock=wall_clock) as client:
                sandbox.fail_next(status=429, headers=in_a_second, path=PATHS[kind])
                clock.slept.clear()
                seen[name] = await see(client, sandbox, kind)
                assert sum(clock.slept) <= 0.1

        for name, deadline in (("the steady clock", None), ("the steady clock, with a deadline", 60.0)):
            async with quick(url, deadline=deadline, clock=clock, sleep=jump) as client:
                sandbox.fail_next(status=429, headers={"Retry-After": "1"}, path=PATHS[kind])
                seen[name] = await see(client, sandbox, kind)
        assert isinstance(seen["the steady clock, with a deadline"].error, DeadlineExceededError)

        for name, jumped in (("a budget in a file, ahead", HOUR), ("a budget in a file, behind", -HOUR)):
            limiter = SqliteRateLimiter(tmp_path / f"{jumped}.db", 1, HOUR, wall_clock=clock, clock=clock)
            async with quick(url, rate_limiter=limiter) as client:
                await get(client)
                clock.now += jumped
                seen[name] = await see(client, sandbox, kind)
        refused = seen["a budget in a file, behind"].error
        assert isinstance(refused, RateLimitError)
        assert refused.retry_after == HOUR

    assert cell(seen) == getattr(row(40), kind)
