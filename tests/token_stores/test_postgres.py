"""Tokens in PostgreSQL: durable, unseen in its log, and kept through a renewal that loses its lock."""

import asyncio
import logging
from collections.abc import AsyncGenerator

import httpx
import pytest
from postgres_parts import eventually
from postgres_server import PostgresServer
from psycopg.conninfo import make_conninfo
from psycopg_pool import AsyncConnectionPool

from exist_async import ExistClient, OAuth2, OAuthApp, OAuthError, OAuthToken, PostgresTokenStore
from exist_async.sandbox import Sandbox
from support import until

TOKEN = OAuthToken("s3cr3t-access", "s3cr3t-refresh")
LOCKED = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory'"


@pytest.fixture
async def store(postgres: PostgresServer) -> AsyncGenerator[PostgresTokenStore, None]:
    async with PostgresTokenStore(postgres.url, schema=postgres.schema) as store:
        yield store


async def test_programs_with_another_schema_have_other_tokens_and_locks(postgres: PostgresServer) -> None:
    one = PostgresTokenStore(postgres.url, schema=postgres.schema)
    two = PostgresTokenStore(postgres.url, schema=f"{postgres.schema} two")
    async with one, two, one.lock("ada"), two.lock("ada"):
        await one.save("ada", TOKEN)

        assert await two.load("ada") is None


async def test_the_caller_s_pool_of_one_connection_is_enough_and_stays_open(postgres: PostgresServer) -> None:
    async with AsyncConnectionPool(postgres.url, min_size=1, max_size=1, open=False) as pool:
        async with PostgresTokenStore(pool, schema=postgres.schema) as store, store.lock("ada"), store.lock("grace"):
            await store.save("ada", TOKEN)
            assert await store.load("ada") == TOKEN

        assert not pool.closed


async def test_tables_of_a_newer_version_and_a_read_only_role_are_errors_with_their_own_remedy(
    postgres_server: PostgresServer,
) -> None:
    async with PostgresTokenStore(postgres_server.url) as store:
        await store.save("ada", TOKEN)
    postgres_server.execute("UPDATE exist_async.part SET version = 99")
    read_only = make_conninfo(postgres_server.url, options="-c default_transaction_read_only=on")
    for url, schema, remedy in (
        (postgres_server.url, "exist_async", "upgrade exist_async."),
        (read_only, "another", "else set default_transaction_read_only = off for its role."),
    ):
        async with PostgresTokenStore(url, schema=schema) as store:
            with pytest.raises(OAuthError) as caught:
                await store.load("ada")
        assert str(caught.value).endswith(remedy)


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
async def test_a_token_that_many_save_at_once_is_saved_at_each_isolation_level(
    postgres: PostgresServer, isolation: str
) -> None:
    quoted = isolation.replace(" ", r"\ ")
    url = make_conninfo(postgres.url, options=f"-c default_transaction_isolation={quoted}")
    async with PostgresTokenStore(url, schema=postgres.schema) as store:
        await asyncio.gather(*(store.save("ada", TOKEN) for _ in range(200)))
        await asyncio.gather(*(store.check_can_save("ada") for _ in range(200)))

        assert await store.load("ada") == TOKEN


@pytest.mark.parametrize(("setting", "used"), [("off", "on"), ("local", "local"), ("remote_apply", "remote_apply")])
async def test_a_token_is_on_disk_when_it_is_saved_whatever_the_database_is_set_to(
    postgres_server: PostgresServer, setting: str, used: str
) -> None:
    postgres_server.execute(f"ALTER DATABASE postgres SET synchronous_commit = {setting}")
    async with PostgresTokenStore(postgres_server.url) as store:
        await store.load("ada")
        postgres_server.execute("CREATE TABLE seen (setting text)")
        postgres_server.execute(
            "CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN INSERT INTO public.seen VALUES (current_setting('synchronous_commit')); RETURN NULL; END $$"
        )
        # It is called while the transaction is committed.
        postgres_server.execute(
            "CREATE CONSTRAINT TRIGGER see AFTER INSERT OR UPDATE ON exist_async.token DEFERRABLE INITIALLY DEFERRED "
            "FOR EACH ROW EXECUTE FUNCTION see()"
        )
        for _ in range(2):
            await store.save("ada", TOKEN)

    assert postgres_server.execute("SELECT * FROM seen") == [(used,), (used,)]


async def test_the_log_of_the_server_has_no_token_whatever_fails(
    postgres_server: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with PostgresTokenStore(postgres_server.url) as store:
        await store.load("ada")
        postgres_server.execute("ALTER TABLE exist_async.token ADD CHECK (length(user_name) > 3)")
        with pytest.raises(OAuthError, match="violates check constraint") as caught:
            await store.save("ada", TOKEN)
        postgres_server.execute("DROP TABLE exist_async.token")
        with pytest.raises(OAuthError, match="does not exist"):
            await store.save("grace", TOKEN)

    hexadecimal = b"s3cr3t".hex()
    assert "violates check constraint" in postgres_server.log
    assert not any(text in f"{caught.value}{caplog.text}" for text in ("s3cr3t", hexadecimal))
    # The details of a violated constraint quote the row; only constraints that others add can be violated.
    quoted = [line for line in postgres_server.log.splitlines() if "s3cr3t" in line or hexadecimal in line]
    assert all("DETAIL:  Failing row contains" in line for line in quoted)


async def test_one_warning_is_logged_when_a_lock_is_lost_and_it_is_taken_again(
    store: PostgresTokenStore, postgres: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with store.lock("ada"):
        postgres.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
        await until(lambda: caplog.records)
        await eventually(postgres, LOCKED)

    await eventually(postgres, LOCKED, rows=False)
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("exist_async", logging.WARNING)
    assert record.getMessage() == (
        "The lock of the token of 'ada' was lost; the renewal continues: the connection to PostgreSQL at "
        f"127.0.0.1:{postgres.port}/postgres was closed"
    )


async def test_a_lock_that_is_lost_in_the_middle_of_a_renewal_makes_nobody_sign_in_again(
    sandbox: Sandbox, postgres_server: PostgresServer
) -> None:
    answered, may_answer = asyncio.Event(), asyncio.Event()

    class SlowAnswer(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            response = await sandbox.transport().handle_async_request(request)
            if request.url.path.endswith("access_token"):
                answered.set()
                await may_answer.wait()
            return response

    async def let_it_answer(seconds: float) -> None:
        may_answer.set()
        await asyncio.sleep(0.01)

    postgres_server.execute("CREATE ROLE ada LOGIN SUPERUSER PASSWORD 'ada'")
    url = postgres_server.url.replace(f"postgres:{postgres_server.password}", "ada:ada")
    credentials = ("sandbox-client", "sandbox-secret", "http://localhost:8000/")
    async with (
        httpx.AsyncClient(transport=sandbox.transport()) as http,
        httpx.AsyncClient(transport=SlowAnswer()) as slow,
        PostgresTokenStore(postgres_server.url) as store,
        PostgresTokenStore(url) as other_store,
    ):
        app = OAuthApp(*credentials, http_client=http, sleep=let_it_answer)
        await store.save("ada", await app.exchange(sandbox.authorize(app.authorization_url(["mood_read"])[0])))
        sandbox.expire_tokens()
        first = ExistClient(OAuth2(OAuthApp(*credentials, http_client=slow), other_store, "ada"), http_client=http)
        second = ExistClient(OAuth2(app, store, "ada"), http_client=http)
        slow_call = asyncio.create_task(first.profile.get())
        await answered.wait()
        # Its other connections stay, but it can't make one for locks.
        postgres_server.execute("ALTER ROLE ada NOLOGIN")
        postgres_server.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")

        profiles = [await second.profile.get(), await slow_call]

    assert [profile.username for profile in profiles] == ["ada", "ada"]
