"""Several processes that share a window, checked by the exact time of each slot taken."""

import asyncio
import json
import sqlite3
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from attrs import field, frozen
from rate_limits.exact_window import exact_window

import exist_async
from exist_async import PostgresRateLimiter, SqliteRateLimiter

pytestmark = pytest.mark.slow

LIMIT, PERIOD = 100, 0.3

WORKER = """
import asyncio, json, sys
import exist_async

async def main(kind, place, options, limit, period, count):
    limiter = getattr(exist_async, kind)(place, int(limit), float(period), **json.loads(options))
    await limiter.acquire("nobody", max_wait=0)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    await asyncio.gather(*(limiter.acquire("ada", max_wait=None) for _ in range(int(count))))
    print("done", flush=True)

asyncio.run(main(*sys.argv[1:]))
"""

CLIENT = """
import asyncio, json, sys, time
import exist_async

async def main(kind, place, options, url, limit, period):
    limiter = getattr(exist_async, kind)(place, int(limit), float(period), **json.loads(options))
    async with exist_async.ExistClient("a-token", base_url=url, rate_limiter=limiter, max_wait=None) as exist:
        await exist.profile.get()
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        end = time.monotonic() + 3 * float(period)

        async def work():
            while time.monotonic() < end:
                await exist.profile.get()

        await asyncio.gather(*(work() for _ in range(8)))

asyncio.run(main(*sys.argv[1:]))
"""


@frozen
class Store:
    """A store of windows.

    Attributes:
        kind: Name of the class of its limiters.
        place: Its path or URL.
        slot_times: Returns the times of all slots that were taken, by the store's clock.
        options: Other arguments of a limiter.
    """

    kind: str
    place: str
    slot_times: Callable[[], Awaitable[list[float]]]
    options: dict[str, str] = field(factory=dict[str, str])

    @property
    def arguments(self) -> list[str]:
        return [self.kind, self.place, json.dumps(self.options)]


@pytest.fixture(params=["sqlite", "redis", "postgres"])
async def store(request: pytest.FixtureRequest, budget: Path) -> AsyncGenerator[Store, None]:
    if request.param == "sqlite":
        await SqliteRateLimiter(budget).remaining("ada")
        with closing(sqlite3.connect(budget)) as connection:
            connection.execute("CREATE TABLE log (moment REAL)")
            noting = "INSERT INTO log VALUES (new.moment)"
            connection.execute(f"CREATE TRIGGER note AFTER INSERT ON taken WHEN new.user = 'ada' BEGIN {noting}; END")

            async def times_in_file() -> list[float]:
                return [moment for (moment,) in connection.execute("SELECT moment FROM log ORDER BY moment")]

            yield Store("SqliteRateLimiter", str(budget), times_in_file)
        return

    if request.param == "postgres":
        postgres = request.getfixturevalue("postgres")
        async with PostgresRateLimiter(postgres.url, schema=postgres.schema) as limiter:
            await limiter.remaining("ada")
        schema = f'"{postgres.schema}"'
        postgres.execute(f"""
            CREATE TABLE {schema}.log (moment double precision);
            CREATE FUNCTION {schema}.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
              INSERT INTO {schema}.log VALUES (extract(epoch FROM NEW.moments[1]));
              RETURN NULL;
            END $$;
            CREATE TRIGGER first AFTER INSERT ON {schema}.budget FOR EACH ROW
              WHEN (NEW.name = 'ada') EXECUTE FUNCTION {schema}.note();
            CREATE TRIGGER further AFTER UPDATE ON {schema}.budget FOR EACH ROW
              WHEN (NEW.name = 'ada' AND NEW.marks[1] <> OLD.marks[1]) EXECUTE FUNCTION {schema}.note();
        """)

        async def times_in_postgres() -> list[float]:
            return [moment for (moment,) in postgres.execute(f"SELECT moment FROM {schema}.log ORDER BY moment")]

        yield Store("PostgresRateLimiter", postgres.url, times_in_postgres, {"schema": postgres.schema})
        return

    redis = pytest.importorskip("redis.asyncio")
    url = request.getfixturevalue("redis_server").url
    async with redis.Redis.from_url(url) as client, client.monitor() as monitor:

        async def times_in_redis() -> list[float]:
            await client.echo("the end")
            moments: list[float] = []
            async for seen in monitor.listen():
                match seen["command"].split():
                    case ["ZADD", "exist_async:rate_limit:{ada}:taken", moment, _]:
                        moments.append(int(moment) / 1_000_000)
                    case ["ECHO", *_]:
                        break
            return sorted(moments)

        yield Store("RedisRateLimiter", url, times_in_redis)


@asynccontextmanager
async def workers(store: Store, number: int, count: int, period: float = PERIOD) -> AsyncGenerator[list[Any], None]:
    arguments = ["-c", WORKER, *store.arguments, str(LIMIT), str(period), str(count)]
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, *arguments, stdin=PIPE, stdout=PIPE) for _ in range(number)
    ]
    for process in processes:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
    yield processes


def never_more_than_the_limit(moments: list[float]) -> bool:
    # Of any 101 in a row, the last came a whole period after the first. Rounding costs up to half a microsecond.
    return all(later - earlier >= PERIOD - 5e-7 for earlier, later in zip(moments, moments[LIMIT:], strict=False))


async def test_four_processes_never_exceed_the_limit_and_waste_little(store: Store) -> None:
    async with asyncio.timeout(60), workers(store, 4, 75) as processes:
        outcomes = await asyncio.gather(*(process.communicate(b"go\n") for process in processes))
        moments = await store.slot_times()

    assert [printed for printed, _ in outcomes] == 4 * [b"done\n"]
    assert len(moments) == 300
    assert never_more_than_the_limit(moments)
    # At least 0.6 s. A slow disk takes longer, and a process that sleeps too long takes a minute.
    assert moments[-1] - moments[0] < 30.0


async def test_a_service_with_an_exact_window_refuses_none_of_four_clients(store: Store) -> None:
    limit, period = 30, 2.0
    async with asyncio.timeout(60), exact_window(limit, period) as service:
        arguments = ["-c", CLIENT, *store.arguments, service.url, str(limit), str(period)]
        processes = [
            await asyncio.create_subprocess_exec(sys.executable, *arguments, stdin=PIPE, stdout=PIPE) for _ in range(4)
        ]
        for process in processes:
            assert process.stdout is not None
            assert await process.stdout.readline() == b"ready\n"
        await asyncio.gather(*(process.communicate(b"go\n") for process in processes))

    assert [process.returncode for process in processes] == [0, 0, 0, 0]
    assert service.refused == 0
    assert len(service.let_in) >= 2 * limit


async def test_a_killed_process_costs_no_more_than_its_own_slots(store: Store) -> None:
    async with asyncio.timeout(60), workers(store, 2, 150) as processes:
        asyncio.get_running_loop().call_later(PERIOD / 2, processes[0].kill)
        outcomes = await asyncio.gather(*(process.communicate(b"go\n") for process in processes))
        moments = await store.slot_times()

    assert [printed for printed, _ in outcomes] == [b"", b"done\n"]
    assert 150 <= len(moments) < 300
    assert never_more_than_the_limit(moments)


async def test_the_next_process_continues_where_the_last_one_ended(store: Store) -> None:
    async with asyncio.timeout(60), workers(store, 1, 1, period=3600.0) as (process,):
        await process.communicate(b"go\n")

    limiter: Any = getattr(exist_async, store.kind)(store.place, LIMIT, 3600.0, **store.options)
    assert await limiter.remaining("ada") == LIMIT - 1
