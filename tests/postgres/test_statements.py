"""Statements: what is sent for them, over which connection, and when they end."""

import asyncio
import gc
import os
import subprocess
import sys
import time
import traceback
from collections.abc import AsyncGenerator
from typing import Any

import psycopg
import pytest
from postgres_parts import OTHERS, Notes, eventually
from postgres_server import PostgresServer
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from exist_async import ConfigurationError
from exist_async._postgres import PostgresFailedError


@pytest.fixture
async def notes(postgres: PostgresServer) -> AsyncGenerator[Notes, None]:
    async with Notes(postgres) as notes:
        yield notes


@pytest.fixture
async def own(postgres_server: PostgresServer) -> AsyncGenerator[Notes, None]:
    """Notes on a server of the test's own, which soon give up."""
    async with Notes(postgres_server, timeout=0.5) as notes:
        await notes.all()
        yield notes


def sessions(server: PostgresServer) -> int:
    ((number,),) = server.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    )
    assert isinstance(number, int)
    return number


@pytest.mark.parametrize(
    "pooled",
    [None, {"autocommit": True}, {"autocommit": False, "row_factory": dict_row}],
    ids=["its own", "a pool", "a pool with transactions"],
)
async def test_a_statement_is_one_statement_and_nothing_else(
    postgres_server: PostgresServer, pooled: dict[str, Any] | None
) -> None:
    async with AsyncConnectionPool(
        postgres_server.url, min_size=1, max_size=1, open=False, kwargs=pooled or {}
    ) as pool:
        async with Notes(postgres_server if pooled is None else pool) as notes:
            await notes.all()
            postgres_server.execute("ALTER SYSTEM SET log_statement = 'all'")
            postgres_server.execute("SELECT pg_reload_conf()")
            await asyncio.sleep(0.1)
            before = len(postgres_server.log)

            await notes.add("50 % of %s")
            assert await notes.all() == ["50 % of %s"]

            log = postgres_server.log[before:].splitlines()
            sent = [line.partition("LOG:  ")[2] for line in log if "LOG:" in line]
            assert [text.split(":")[0] for text in sent] == ["execute <unnamed>", "statement"]
        async with pool.connection() as connection:
            assert connection.autocommit is bool((pooled or {}).get("autocommit"))
            assert "wait" not in vars(connection)


async def test_a_statement_is_prepared_by_and_by(notes: Notes) -> None:
    for number in range(7):
        await notes.add(f"{number}")

    assert len(await notes.all()) == 7
    assert (await notes._fetch("SELECT count(*) FROM pg_prepared_statements")) == [(1,)]


async def test_more_calls_than_connections_wait_for_their_turn(notes: Notes, postgres: PostgresServer) -> None:
    await asyncio.gather(*(notes.add(f"{number}") for number in range(100)))

    assert len(await notes.all()) == 100
    assert 1 <= sessions(postgres) <= 8


async def test_a_pool_that_is_not_open_is_an_error_with_the_remedy(postgres: PostgresServer) -> None:
    pool = AsyncConnectionPool(postgres.url, open=False)
    notes = Notes(pool)
    for when in ("before", "after"):
        with pytest.raises(ConfigurationError, match="is not open: open it before it is used, with async with"):
            await notes.all()
        if when == "before":
            await pool.open()
            await pool.close()


async def test_texts_are_the_same_in_a_database_without_an_encoding(postgres: PostgresServer) -> None:
    # As Debian creates them where no locale is set.
    postgres.execute("CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0")
    url = postgres.url.removesuffix("/postgres") + "/ascii"
    options: dict[str, Any] = {"min_size": 0, "max_size": 1, "open": False}
    try:
        async with Notes(url) as notes:
            await notes.add("żółć 😀")
            assert await notes.all() == ["żółć 😀"]
        async with AsyncConnectionPool(url, kwargs={"client_encoding": "utf8"}, **options) as pool:
            assert await Notes(pool).all() == ["żółć 😀"]
        async with AsyncConnectionPool(url, **options) as pool:
            for _ in range(2):
                with pytest.raises(ConfigurationError, match="must have the encoding UTF8: use a database that has it"):
                    await Notes(pool).all()
    finally:
        postgres.execute("DROP DATABASE ascii WITH (FORCE)")


async def test_a_pool_is_used_on_one_event_loop_only(postgres: PostgresServer) -> None:
    async with AsyncConnectionPool(postgres.url, min_size=0, max_size=2, open=False) as pool:
        notes, others = Notes(pool, postgres.schema), Notes(pool, postgres.schema)
        await notes.add("one")

        with pytest.raises(ConfigurationError, match="give Notes a URL instead, from which it opens connections on"):
            await asyncio.to_thread(lambda: asyncio.run(others.all()))

        assert await others.all() == ["one"]


async def test_a_pool_stays_open_and_gets_all_connections_back(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_autocommit = psycopg.AsyncConnection.set_autocommit

    async def set_slowly(connection: psycopg.AsyncConnection, value: bool) -> None:
        await asyncio.sleep(0)  # as psycopg does where the event loop was busy
        await set_autocommit(connection, value)

    async with AsyncConnectionPool(postgres.url, min_size=0, max_size=2, open=False) as pool:
        async with Notes(pool, postgres.schema) as notes:
            await asyncio.gather(*(notes.add(f"{number}") for number in range(20)))
            with pytest.raises(PostgresFailedError, match="DivisionByZero"):
                await notes._fetch("SELECT 1 / %s", [0])
            monkeypatch.setattr(psycopg.AsyncConnection, "set_autocommit", set_slowly)
            for number in range(40):
                task = asyncio.create_task(notes.sleep(5 if number % 2 else 0))
                for _ in range(number // 2):
                    await asyncio.sleep(0 if number % 4 else 0.001)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

        assert not pool.closed
        async with asyncio.timeout(10), pool.connection() as one, pool.connection() as two:
            assert [connection.autocommit for connection in (one, two)] == [False, False]


async def test_tables_of_a_pool_are_looked_for_once_for_all_objects(postgres_server: PostgresServer) -> None:
    async with AsyncConnectionPool(postgres_server.url, min_size=1, max_size=1, open=False) as pool:
        await Notes(pool).all()
        postgres_server.execute("DROP TABLE exist_async.part")

        assert await Notes(pool).all() == []


async def test_a_pool_that_nobody_uses_any_more_is_forgotten(postgres: PostgresServer) -> None:
    from exist_async._postgres.backed import _pools

    pool = AsyncConnectionPool(postgres.url, min_size=0, max_size=2, open=False)
    async with pool:
        await Notes(pool, postgres.schema).all()
        assert pool in _pools
    before = len(_pools)
    del pool

    for _ in range(3):
        gc.collect()
        await asyncio.sleep(0)
    assert len(_pools) < before


async def test_a_pool_whose_connections_are_in_use_is_an_error_after_the_timeout(postgres: PostgresServer) -> None:
    async with AsyncConnectionPool(postgres.url, min_size=1, max_size=1, open=False) as pool, pool.connection():
        with pytest.raises(PostgresFailedError, match=r"gave no answer within 0\.2 s"):
            await Notes(pool, postgres.schema, timeout=0.2).all()


# --- The server fails.


async def test_a_connection_that_the_server_closed_meanwhile_is_not_used(
    own: Notes, postgres_server: PostgresServer
) -> None:
    await asyncio.gather(*(own.add(f"{number}") for number in range(8)))
    for end in (postgres_server.end_connections, postgres_server.end_connections):
        end()
        await eventually(postgres_server, OTHERS, rows=False)
        await own.add("more")  # it may not be repeated
    postgres_server.stop()
    postgres_server.start()
    await own.add("more")

    assert len(await own.all()) == 11


@pytest.mark.parametrize("size", [1, 4])
async def test_connections_of_a_pool_that_the_server_closed_meanwhile_are_not_used(
    postgres_server: PostgresServer, size: int
) -> None:
    async with AsyncConnectionPool(postgres_server.url, min_size=size, max_size=size, open=False) as pool:
        notes = Notes(pool)
        await notes.all()
        await pool.wait()
        postgres_server.end_connections()
        await eventually(postgres_server, OTHERS, rows=False)

        await notes.add("one")

        assert await notes.all() == ["one"]


async def ended_while_it_runs(notes: Notes, server: PostgresServer, *, repeatable: bool) -> asyncio.Task[None]:
    """Start an insertion that waits for a lock, and end its connection."""
    with psycopg.connect(server.url) as blocker:
        blocker.execute(f'LOCK TABLE "{server.schema}".note')
        task = asyncio.create_task(notes.add("one", repeatable=repeatable))
        await eventually(server, "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        await eventually(server, "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'", rows=repeatable)
        blocker.rollback()
    return task


async def test_a_statement_that_may_have_been_carried_out_is_repeated_only_where_that_is_harmless(
    notes: Notes, postgres: PostgresServer
) -> None:
    await notes.all()
    await (await ended_while_it_runs(notes, postgres, repeatable=True))
    assert await notes.all() == ["one"]

    with pytest.raises(PostgresFailedError, match="terminating connection due to administrator command") as caught:
        await (await ended_while_it_runs(notes, postgres, repeatable=False))
    assert caught.value.code in ("57P01", None), "psycopg before 3.3 does not tell"
    assert await notes.all() == ["one"]


async def test_a_statement_that_deadlocks_is_sent_again(postgres: PostgresServer) -> None:
    async with Notes(f"{postgres.url}?options=-cdeadlock_timeout%3D50ms", postgres.schema) as notes:
        await notes.all()
        statement = "SELECT pg_advisory_xact_lock(%s), pg_sleep(0.1), pg_advisory_xact_lock(%s)"

        ends = await asyncio.gather(notes._fetch(statement, [1, 2]), notes._fetch(statement, [2, 1]))

        assert [len(rows) for rows in ends] == [1, 1]
    assert "deadlock detected" in postgres.log


@pytest.mark.parametrize("pooled", [False, True])
async def test_a_call_to_a_server_that_hangs_ends_after_the_timeout_and_the_next_goes_on(
    postgres_server: PostgresServer, pooled: bool
) -> None:
    pool = AsyncConnectionPool(postgres_server.url, min_size=1, max_size=2, open=False)
    async with pool, Notes(pool if pooled else postgres_server, timeout=0.5) as notes:
        await asyncio.gather(*(notes.all() for _ in range(8)))
        postgres_server.pause()
        started = time.monotonic()
        ends = await asyncio.gather(*(notes.add("lost") for _ in range(30)), return_exceptions=True)
        assert time.monotonic() - started < 1.5
        assert {str(end).partition("gave")[2] for end in ends} == {" no answer within 0.5 s"}
        task = asyncio.create_task(notes.add("cancelled"))
        await asyncio.sleep(0.1)
        started = time.monotonic()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert time.monotonic() - started < 0.3
        postgres_server.resume()

        async with asyncio.timeout(10):
            await notes.add("after")
        assert "after" in await notes.all()


async def test_a_statement_that_nobody_waits_for_does_not_keep_its_session(
    notes: Notes, postgres: PostgresServer
) -> None:
    await notes.all()
    task = asyncio.create_task(notes.sleep(60))
    await eventually(postgres, "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'")

    task.cancel()

    await asyncio.gather(task, return_exceptions=True)
    await eventually(postgres, "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'", rows=False)


async def test_a_full_accept_queue_or_a_network_without_answers_is_a_timeout(
    raw_server: Any, postgres: PostgresServer
) -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with raw_server(say_nothing) as url, Notes(url.replace("http", "postgresql"), timeout=0.2) as notes:
        started = time.monotonic()
        for call in (notes.all(), notes._lock("a").try_acquire()):
            with pytest.raises(PostgresFailedError, match=r"gave no answer within 0\.2 s"):
                await call
        assert time.monotonic() - started < 2


async def test_several_hosts_are_tried_one_after_another(raw_server: Any, postgres: PostgresServer) -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with raw_server(say_nothing) as url:
        hosts = url.removeprefix("http://") + f",127.0.0.1:{postgres.port}"
        where = f"postgresql://postgres:{postgres.password}@{hosts}/postgres"
        async with Notes(where, postgres.schema, timeout=0.5) as notes:
            await notes.add("one")  # after the two seconds that psycopg gives the first host

            assert await notes.all() == ["one"]
            assert hosts in notes._where


async def test_what_is_sent_to_a_server_that_became_read_only_goes_to_another(
    postgres_server: PostgresServer, own: Notes
) -> None:
    postgres_server.execute("ALTER SYSTEM SET default_transaction_read_only = on")
    postgres_server.execute("SELECT pg_reload_conf()")
    await asyncio.sleep(0.1)

    with pytest.raises(PostgresFailedError, match=r"read-only.*target_session_attrs=read-write") as caught:
        await own.add("one")

    assert caught.value.code == "25006"
    postgres_server.execute("ALTER SYSTEM RESET ALL")
    postgres_server.execute("SELECT pg_reload_conf()")
    await asyncio.sleep(0.1)
    await own.add("one")


# --- What must not be shown.


VALUES = {
    "an integer": ("SELECT %s::int", "s3cr3t"),
    "a date": ("SELECT %s::date", "s3cr3t"),
    "json": ("SELECT %s::json", '{"s3cr3t'),
    "a constraint": ("INSERT INTO {schema}.note VALUES (%s)", "s3cr3t"),
    "no utf-8": ("SELECT %s", "s3cr3t\ud800"),
    "nul": ("SELECT %s", "s3cr3t\0"),
    "an object": ("SELECT %s", type("s3cr3t", (), {})()),
    "a number": ("SELECT 1 / (%s || '0')::int", "s3cr3t"),
}


@pytest.mark.parametrize("name", VALUES)
async def test_no_error_quotes_a_value(notes: Notes, name: str) -> None:
    statement, value = VALUES[name]

    with pytest.raises(PostgresFailedError) as caught:
        await notes._fetch(statement, [value])  # type: ignore[arg-type]

    error = caught.value
    assert "s3cr3t" not in "".join(traceback.format_exception(error))
    assert error.__cause__ is error.__context__ is None
    assert await notes.all() == []


FORKING = """
import asyncio, os, sys, traceback
sys.path[:0] = {path!r}
from postgres_parts import Notes

notes = Notes({url!r}, {schema!r})

async def main():
    lock = notes._lock("one")
    assert await lock.try_acquire()
    await notes.add("parent")
    child = os.fork()
    if child == 0:
        try:
            # A loop of its own, as in multiprocessing.
            asyncio._set_running_loop(None)
            asyncio.run(in_child(lock))
            os._exit(0)
        finally:
            traceback.print_exc()
            os._exit(1)
    assert (await asyncio.to_thread(os.waitpid, child, 0))[1] == 0
    assert lock.is_held
    await notes.add("parent again")
    print(await notes.all(), flush=True)
    await notes.aclose()

async def in_child(lock):
    assert not lock.is_held
    await lock.release()
    await notes.add("child")
    assert not await notes._lock("one").try_acquire()
    await notes.aclose()

asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
async def test_a_process_that_was_forked_has_its_own_connections(postgres: PostgresServer) -> None:
    code = FORKING.format(path=sys.path, url=postgres.url, schema=postgres.schema)

    ended = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", code], capture_output=True, text=True, timeout=30
    )

    assert (ended.stdout, ended.returncode) == ("['parent', 'child', 'parent again']\n", 0), ended.stderr


def test_the_event_loop_of_windows_is_refused_with_the_remedy(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asyncio, "ProactorEventLoop", asyncio.BaseEventLoop, raising=False)

    with pytest.raises(ConfigurationError, match=r"asyncio\.run\(main\(\), loop_factory=asyncio\.SelectorEventLoop\)"):
        asyncio.run(Notes(postgres).all())
