"""Tables that are created and upgraded on demand."""

import asyncio
import os
import subprocess
import sys

import pytest
from postgres_parts import Notes, eventually
from postgres_server import PostgresServer
from psycopg.conninfo import make_conninfo

from exist_async import ConfigurationError
from exist_async._postgres import PostgresFailedError

TABLES = "SELECT 1 FROM pg_tables WHERE schemaname = 'exist_async'"


class Newer(Notes):
    _migrations = (*Notes._migrations, "ALTER TABLE {schema}.note ADD number int NOT NULL DEFAULT 0")


class Failing(Notes):
    _migrations = (*Newer._migrations, "CREATE TABLE {schema}.left_over (); SELECT 1 / 0")


class Another(Notes):
    _part = "another"
    _migrations = ("CREATE TABLE {schema}.another (); SELECT pg_sleep(0.5)",)


@pytest.mark.parametrize("name", ["exist_async", 'a "quoted" name', "50 % of %s", "drop table; --", "ä" * 31])
async def test_a_schema_may_have_any_name(postgres_server: PostgresServer, name: str) -> None:
    async with Notes(postgres_server, name) as notes:
        await notes.add("one")

        assert await notes.all() == ["one"]
    assert postgres_server.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", name)
    assert await Notes(postgres_server, name)._fetch("SELECT count(*) FROM {schema}.other") == [(0,)]


def test_a_schema_can_t_end_the_body_of_a_function() -> None:
    with pytest.raises(ConfigurationError, match=r"schema must not contain \$function\$"):
        Notes("postgresql://", "x$function$; DROP TABLE users; --")


async def test_a_newer_version_adds_to_the_tables_and_an_older_process_goes_on(postgres: PostgresServer) -> None:
    async with Notes(postgres) as old, Newer(postgres) as new, Notes(postgres) as late:
        await old.add("one")
        assert await new._fetch("SELECT text, number FROM {schema}.note") == [("one", 0)]
        await old.add("two")

        assert await new.all() == ["one", "two"]
        with pytest.raises(PostgresFailedError, match=r"tables of a newer version .* upgrade exist_async"):
            await late.all()


async def test_a_migration_that_fails_leaves_nothing(postgres_server: PostgresServer) -> None:
    async with Failing(postgres_server) as failing, Notes(postgres_server) as notes:
        for _ in range(2):
            with pytest.raises(PostgresFailedError, match="DivisionByZero"):
                await failing.all()
            assert not postgres_server.execute(TABLES)
        await notes.add("one")

        assert await notes.all() == ["one"]
        with pytest.raises(PostgresFailedError, match="DivisionByZero"):
            await failing.all()
        assert postgres_server.execute("SELECT version FROM exist_async.part") == [(1,)]


async def test_a_migration_that_is_cancelled_leaves_nothing_and_the_next_call_makes_it(
    postgres_server: PostgresServer,
) -> None:
    async with Another(postgres_server) as another:
        call = another._fetch("SELECT count(*) FROM {schema}.another")
        task = asyncio.create_task(call)
        await eventually(postgres_server, "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await eventually(postgres_server, "SELECT 1 FROM pg_locks WHERE locktype = 'advisory'", rows=False)
        assert not postgres_server.execute(TABLES)

        assert await another._fetch("SELECT count(*) FROM {schema}.another") == [(0,)]


async def test_calls_that_wait_for_a_migration_that_fails_fail_with_it(postgres: PostgresServer) -> None:
    before = postgres.log.count("division by zero")
    async with Failing(postgres) as failing:
        ends = await asyncio.gather(*(failing.all() for _ in range(50)), return_exceptions=True)

    assert {type(end) for end in ends} == {PostgresFailedError}
    assert len({id(end) for end in ends}) == 50, "each has an error of its own, with its own traceback"
    assert postgres.log.count("division by zero") == before + 1


@pytest.mark.parametrize("isolation", ["read committed", "serializable"])
async def test_objects_and_parts_that_begin_at_once_do_not_meet(postgres: PostgresServer, isolation: str) -> None:
    setting = isolation.replace(" ", "\\ ")
    url = make_conninfo(postgres.url, options=f"-c default_transaction_isolation={setting}")
    objects = [cls(url, postgres.schema) for cls in (Notes, Another) for _ in range(10)]

    rows = await asyncio.gather(*(each._fetch("SELECT count(*) FROM {schema}.part") for each in objects))

    assert {count for ((count,),) in rows} <= {1, 2}
    assert postgres.execute(f'SELECT count(*) FROM "{postgres.schema}".part') == [(2,)]
    await asyncio.gather(*(each.aclose() for each in objects))


async def test_tables_that_are_dropped_meanwhile_are_created_again(postgres: PostgresServer) -> None:
    async with Notes(postgres) as notes:
        await notes.add("one")
        postgres.execute(f'DROP SCHEMA "{postgres.schema}" CASCADE')

        with pytest.raises(PostgresFailedError, match="does not exist"):
            await notes.add("two")

        await notes.add("three")
        assert await notes.all() == ["three"]


PROCESSES = """
import asyncio, os, sys
sys.path[:0] = {path!r}
import psycopg
from postgres_parts import Notes

async def main():
    async with Notes({url!r}, "exist_async", 10.0) as notes:
        await notes.add("one")

start, go = os.pipe()
children = []
for _ in range(20):
    child = os.fork()
    if child == 0:
        os.close(go)
        os.read(start, 1)
        asyncio.run(main())
        os._exit(0)
    children.append(child)
os.close(go)
print([os.waitpid(child, 0)[1] for child in children])
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
async def test_twenty_processes_may_begin_at_once(postgres_server: PostgresServer) -> None:
    code = PROCESSES.format(path=sys.path, url=postgres_server.url)

    ended = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", code], capture_output=True, text=True, timeout=40
    )

    assert (ended.stdout, ended.stderr) == (f"{[0] * 20}\n", "")
    assert postgres_server.execute("SELECT count(*) FROM exist_async.note") == [(20,)]
    assert "ERROR:  relation" not in postgres_server.log.replace('relation "exist_async.part" does not exist', "")


async def test_a_role_without_rights_is_told_what_an_administrator_runs(postgres_server: PostgresServer) -> None:
    postgres_server.execute("CREATE ROLE ada LOGIN PASSWORD 'ada'")
    url = postgres_server.url.replace(f"postgres:{postgres_server.password}", "ada:ada")
    async with Notes(url) as notes:
        for statement in ("SELECT 1", "CREATE SCHEMA exist_async"):
            postgres_server.execute(statement)
            with pytest.raises(PostgresFailedError, match=r"permission denied for .*") as caught:
                await notes.all()
            assert 'CREATE SCHEMA "exist_async" AUTHORIZATION the_role' in str(caught.value)
            assert 'GRANT USAGE, CREATE ON SCHEMA "exist_async" TO the_role' in str(caught.value)
            assert caught.value.code == "42501"

        postgres_server.execute('GRANT USAGE, CREATE ON SCHEMA "exist_async" TO "ada"')
        assert await notes.all() == []

    async with Notes(postgres_server) as another:
        assert await another.all() == []
    postgres_server.execute("ALTER TABLE exist_async.note OWNER TO postgres")
    async with Notes(url) as notes:
        with pytest.raises(PostgresFailedError, match=r"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA"):
            await notes.all()
