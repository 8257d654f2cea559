"""Locks: in one process and among several, when the connection is lost, and when there are many."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from postgres_parts import OTHERS, Notes, eventually
from postgres_server import PostgresServer
from psycopg_pool import AsyncConnectionPool

from exist_async._postgres import PostgresFailedError
from support import until

HELD = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory'"
END_HOLDERS = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"


@pytest.fixture
async def notes(postgres: PostgresServer) -> AsyncGenerator[Notes, None]:
    async with Notes(postgres) as notes:
        yield notes


async def test_objects_exclude_each_other_whether_they_share_a_pool_or_not(postgres: PostgresServer) -> None:
    async with AsyncConnectionPool(postgres.url, min_size=0, max_size=2, open=False) as pool:
        objects = [Notes(pool, postgres.schema), Notes(pool, postgres.schema), Notes(postgres), Notes(postgres)]
        for holder in objects:
            lock = holder._lock("one")
            assert await lock.try_acquire()
            assert [await other._lock("one").try_acquire() for other in objects] == [False] * 4
            for free in (holder._lock("two"), Notes(pool, "another schema")._lock("one")):
                assert await free.try_acquire()
                await free.release()
            await lock.release()
        for own in objects:
            await own.aclose()

    await eventually(postgres, HELD, rows=False)


async def test_closing_an_object_leaves_the_locks_of_others_over_the_same_pool(postgres: PostgresServer) -> None:
    async with AsyncConnectionPool(postgres.url, min_size=0, max_size=2, open=False) as pool:
        lock = Notes(pool, postgres.schema)._lock("one")
        assert await lock.try_acquire()
        async with Notes(pool, postgres.schema) as another:
            assert not await another._lock("one").try_acquire()

        assert lock.is_held
        await eventually(postgres, HELD)
        await lock.release()
        await another.aclose()
        session = (await another._on_loop()).locks
        assert session._connection is None, "nobody needs it any more"


async def test_a_lock_is_asked_for_again_when_the_session_ends_meanwhile(
    notes: Notes, postgres: PostgresServer
) -> None:
    held = notes._lock("held")
    assert await held.try_acquire()
    # Nothing is read from the connection before the next statement is sent.
    postgres.execute(END_HOLDERS)

    assert await notes._lock("one").acquire(5)

    await until(lambda: held.is_held)
    assert held.was_lost


async def test_a_lock_is_waited_for_in_the_order_of_arrival_and_for_so_long(notes: Notes) -> None:
    order: list[int] = []

    async def use(number: int) -> None:
        lock = notes._lock("one")
        assert await lock.acquire(20)
        order.append(number)
        await lock.release()

    holder = notes._lock("one")
    assert await holder.acquire(0)
    waiting = [asyncio.create_task(use(number)) for number in range(5)]
    started = time.monotonic()
    assert not await notes._lock("one").acquire(0.2)
    assert 0.2 <= time.monotonic() - started < 2
    await holder.release()
    await asyncio.gather(*waiting)

    assert order == list(range(5))


async def test_a_lock_that_another_process_holds_is_taken_when_it_is_free(
    notes: Notes, postgres: PostgresServer
) -> None:
    async with Notes(postgres) as another:
        holder = another._lock("one")
        assert await holder.try_acquire()
        waiting = asyncio.create_task(notes._lock("one").acquire(20))
        await asyncio.sleep(0.15)
        assert not waiting.done()
        await holder.release()

        assert await waiting


async def test_the_loss_of_the_connection_is_noticed_at_once_and_the_lock_taken_again(
    notes: Notes, postgres: PostgresServer
) -> None:
    told: list[bool] = []
    lock = notes._lock("one", on_lost=lambda: told.append(lock.is_held))
    assert await lock.try_acquire()
    assert not lock.was_lost

    postgres.execute(END_HOLDERS)

    await until(lambda: told == [False], seconds=2)
    await until(lambda: lock.is_held)
    assert lock.was_lost
    await eventually(postgres, HELD)
    await lock.release()
    await eventually(postgres, HELD, rows=False)
    assert await lock.try_acquire()
    assert not lock.was_lost


async def test_a_lock_that_was_lost_to_another_is_not_held_until_that_one_has_released_it(
    notes: Notes, postgres_server: PostgresServer
) -> None:
    async with Notes(postgres_server) as first, Notes(postgres_server) as second:
        lock, taken = first._lock("one"), second._lock("one")
        assert await lock.try_acquire()
        waiting = asyncio.create_task(taken.acquire(20))
        await asyncio.sleep(0.05)
        session = (await first._on_loop()).locks

        async def refuse() -> psycopg.AsyncConnection[object]:
            raise psycopg.OperationalError("there is no network")

        connect, session._connect = session._connect, refuse
        postgres_server.execute(END_HOLDERS)
        assert await waiting
        session._connect = connect
        await asyncio.sleep(0.3)
        assert (lock.is_held, lock.was_lost, taken.is_held) == (False, True, True)

        await taken.release()

        await until(lambda: lock.is_held)


async def test_a_lock_that_is_released_while_it_is_lost_is_not_taken_again(postgres_server: PostgresServer) -> None:
    async with Notes(postgres_server, timeout=0.5) as notes:
        lock = notes._lock("one")
        assert await lock.try_acquire()
        postgres_server.stop()
        await until(lambda: not lock.is_held)
        with pytest.raises(PostgresFailedError, match=r"can't be used: .*refused"):
            await notes._lock("two").acquire(20)
        await lock.release()
        postgres_server.start()

        assert await notes._lock("two").try_acquire()
        assert await notes._lock("one").try_acquire()


async def test_a_restart_of_the_server_costs_nothing_but_time(postgres_server: PostgresServer) -> None:
    async with Notes(postgres_server, timeout=2.0) as notes:
        locks = [notes._lock(f"{number}") for number in range(20)]
        assert all([await lock.try_acquire() for lock in locks])
        postgres_server.kill()
        await until(lambda: not any(lock.is_held for lock in locks))
        postgres_server.start()

        await until(lambda: all(lock.is_held for lock in locks))


async def test_a_lock_is_taken_again_after_an_outage_of_hours(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts = 0

    async with Notes(postgres_server) as notes:
        lock = notes._lock("one")
        assert await lock.try_acquire()
        session = await lock._session()
        connect = session._connect

        async def connect_at_last() -> "psycopg.AsyncConnection[Any]":
            nonlocal attempts
            attempts += 1
            if attempts <= 1100:
                raise psycopg.OperationalError("is starting up")
            return await connect()

        monkeypatch.setattr("exist_async._postgres.locks._LONGEST_PAUSE", 0.0)
        session._connect = connect_at_last
        postgres_server.execute(END_HOLDERS)

        await until(lambda: lock.was_lost and lock.is_held)
        assert attempts == 1101


async def test_a_process_holds_a_hundred_bounded_locks_and_the_others_wait(
    notes: Notes, postgres: PostgresServer
) -> None:
    most = 0

    async def use(number: int) -> None:
        nonlocal most
        lock = notes._lock(f"{number}", is_bounded=True)
        assert await lock.acquire(30)
        ((held,),) = await notes._fetch("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
        most = max(most, held)
        await lock.release()

    started = time.monotonic()
    await asyncio.gather(*(use(number) for number in range(300)))

    assert 2 < most <= 100
    assert time.monotonic() - started < 20
    for number in range(120):
        assert await notes._lock(f"unbounded {number}").try_acquire()


async def test_many_locks_are_taken_in_few_statements(notes: Notes, postgres: PostgresServer) -> None:
    await notes._lock("first").try_acquire()
    session = (await notes._on_loop()).locks
    steps = 0
    step = session._step

    async def counting(releasing: list[int], taking: list[int]) -> None:
        nonlocal steps
        steps += 1
        await step(releasing, taking)

    session._step = counting  # type: ignore[method-assign]
    locks = [notes._lock(f"{number}") for number in range(200)]
    assert all(await asyncio.gather(*(lock.acquire(5) for lock in locks)))
    await asyncio.gather(*(lock.release() for lock in locks))

    assert steps <= 4


async def test_waiting_for_a_lock_of_a_closed_object_ends_with_an_error(postgres: PostgresServer) -> None:
    async with Notes(postgres) as holder:
        assert await holder._lock("one").try_acquire()
        notes = Notes(postgres)
        waiting = [asyncio.create_task(notes._lock("one").acquire(60)) for _ in range(2)]
        await asyncio.sleep(0.1)
        await notes.aclose()
        started = asyncio.create_task(notes._lock("one").acquire(60))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await notes.aclose()

        async with asyncio.timeout(5):
            ends = await asyncio.gather(*waiting, started, return_exceptions=True)
    assert {str(end).partition("/")[2] for end in ends} == {"postgres was closed meanwhile"}


async def test_a_wait_for_a_lock_that_is_cancelled_when_it_fails_is_cancelled(postgres: PostgresServer) -> None:
    notes = Notes(postgres)
    lock = notes._lock("one")
    waiting = asyncio.create_task(lock.acquire(60))
    await until(lambda: lock._holder is not None)

    await notes.aclose()
    waiting.cancel()

    await asyncio.wait([waiting])
    assert waiting.cancelled()


async def test_a_session_that_is_closed_while_it_connects_keeps_no_connection(postgres: PostgresServer) -> None:
    begun = asyncio.Event()
    notes = Notes(postgres)
    lock = notes._lock("one")
    session = await lock._session()
    connect = session._connect

    async def connect_although_cancelled() -> "psycopg.AsyncConnection[Any]":
        begun.set()
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        return await connect()

    session._connect = connect_although_cancelled
    waiting = asyncio.create_task(lock.acquire(60))
    await begun.wait()
    worker = session._worker
    await notes.aclose()

    with pytest.raises(PostgresFailedError, match="was closed meanwhile"):
        await waiting
    assert worker is not None
    await asyncio.wait([worker])
    assert worker.cancelled()
    await eventually(postgres, OTHERS, rows=False)


async def test_waiting_for_a_lock_ends_with_an_error_if_the_address_is_no_host() -> None:
    lock = Notes("postgresql://a..b/db")._lock("one")

    with pytest.raises(PostgresFailedError, match=r"can't be reached: Unicode.*Error"):
        await lock.acquire(60)


async def test_an_object_over_a_pool_that_is_never_closed_leaves_no_connection(postgres: PostgresServer) -> None:
    async def main() -> None:
        async with AsyncConnectionPool(postgres.url, min_size=0, max_size=2, open=False) as pool:
            notes = Notes(pool, postgres.schema)
            assert await notes._lock("one").try_acquire()
            await notes.add("one")

    await asyncio.to_thread(lambda: asyncio.run(main()))

    await eventually(postgres, OTHERS, rows=False)


async def test_the_session_of_locks_is_never_idle_for_too_long_and_notices_a_dead_machine(
    notes: Notes, postgres_server: PostgresServer
) -> None:
    postgres_server.execute("ALTER SYSTEM SET idle_session_timeout = '100ms'")
    postgres_server.execute("SELECT pg_reload_conf()")
    async with Notes(postgres_server) as notes:
        await notes.add("one")
        lock = notes._lock("one")
        assert await lock.try_acquire()
        await asyncio.sleep(0.4)

        assert (lock.is_held, lock.was_lost) == (True, False)
        await notes.add("two")  # its own connection was closed meanwhile
        cursor = await (await notes._on_loop()).locks._execute("SHOW tcp_keepalives_idle", [])
        assert cursor == [("10",)]


HOLDER = """
import asyncio, os, sys
sys.path[:0] = {path!r}
from postgres_parts import Notes

async def main():
    notes = Notes({url!r}, {schema!r})
    assert await notes._lock("one").try_acquire()
    print("in", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.slow
async def test_the_lock_of_a_killed_process_is_free_within_a_second(notes: Notes, postgres: PostgresServer) -> None:
    code = HOLDER.format(path=sys.path, url=postgres.url, schema=postgres.schema)
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert await process.stdout.readline() == b"in\n"
    lock = notes._lock("one")
    assert not await lock.try_acquire()
    process.kill()
    started = time.monotonic()

    assert await lock.acquire(10)

    assert time.monotonic() - started < 1
    await process.wait()
