"""Journals in PostgreSQL: who may open a job, what is noted through faults, and which jobs there are."""

import asyncio
import datetime as dt
import tempfile
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from postgres_server import PostgresServer
from psycopg_pool import AsyncConnectionPool

from exist_async import (
    BatchError,
    ConfigurationError,
    ExistAsyncError,
    ExistClient,
    JournaledJob,
    JournalError,
    Outcome,
    OutcomeStatus,
    PostgresJournal,
    ValueIncrement,
    ValueUpdate,
)
from exist_async._postgres import PostgresBacked
from exist_async.journals import job_tables
from exist_async.journals.base import Note
from exist_async.journals.job_tables import JobTables
from exist_async.journals.records import KINDS, STATUS_CODES, item_records
from exist_async.sandbox import Sandbox
from support import Answering, HeldService, Mount, statuses, succeed, until

DAY = dt.date(2026, 11, 20)


def steps(*values: float) -> list[ValueUpdate]:
    return [ValueUpdate("steps", DAY - dt.timedelta(days=day), value) for day, value in enumerate(values)]


def increments(count: int) -> list[ValueIncrement]:
    return [ValueIncrement("steps", 1, DAY - dt.timedelta(days=day)) for day in range(count)]


@pytest.fixture(scope="module")
def _own_server() -> Iterator[PostgresServer]:
    server = PostgresServer()
    yield server
    server.end()


@pytest.fixture
def postgres_server(_own_server: PostgresServer) -> Iterator[PostgresServer]:
    """A PostgreSQL that the tests of this file may pause, stop or kill."""
    _own_server.schema = uuid4().hex
    yield _own_server
    _own_server.resume()


@asynccontextmanager
async def journals_in(server: PostgresServer, **options: Any) -> AsyncGenerator[PostgresJournal, None]:
    """Yield a source of journals, with connections of its own."""
    source = PostgresJournal(server.url, schema=server.schema, **options)
    yield source
    await source.aclose()


async def listed(source: PostgresJournal, **options: Any) -> list[JournaledJob]:
    return [job async for job in source.jobs(**options)]


# Jobs


async def test_a_pool_of_the_caller_serves_all_jobs_and_stays_open(
    exist: ExistClient, postgres: PostgresServer
) -> None:
    async with AsyncConnectionPool(postgres.url, min_size=0, max_size=2, open=False) as pool:
        source = PostgresJournal(pool, schema=postgres.schema)

        async def write(number: int) -> None:
            async with source.for_job(f"job {number}") as journal:
                assert (await exist.values.update(steps(number), journal=journal)).ok

        await asyncio.gather(*[write(number) for number in range(20)])
        async with PostgresJournal(pool, "job 3", schema=postgres.schema) as journal:
            assert len(await journal.summary()) == 1
        await source.aclose()
        async with pool.connection() as connection:
            await connection.execute("SELECT 1")


async def test_without_a_job_it_is_only_a_source(exist: ExistClient, postgres: PostgresServer) -> None:
    source = PostgresJournal(postgres.url, schema=postgres.schema)
    with pytest.raises(ConfigurationError, match=r'name the job, as in .*journal\.for_job\("backfill-ada"\)'):
        await source.__aenter__()
    with pytest.raises(ConfigurationError, match="without a job can't be written to") as caught:
        await exist.values.update(steps(1), journal=source)
    assert len(caught.value.result or ()) == 0
    await source.aclose()


async def test_a_job_takes_the_options_of_its_source_or_its_own(postgres: PostgresServer) -> None:
    source = PostgresJournal(postgres.url, user="ada", retry_refused=True)
    assert (source.for_job("x")._user, source.for_job("x")._retry_refused) == ("ada", True)
    other = source.for_job("x", user="grace", retry_refused=False)
    assert (other._user, other._retry_refused) == ("grace", False)
    assert repr(other.for_job("x")) == repr(other)
    with pytest.raises(
        ConfigurationError, match=r"this is the journal x in .*a source of journals is a PostgresJournal"
    ):
        other.for_job("y")


async def test_a_uuid_and_its_text_are_the_same_job(exist: ExistClient, postgres: PostgresServer) -> None:
    job = uuid4()
    async with journals_in(postgres) as source:
        async with source.for_job(job) as journal:
            await exist.values.update(steps(1), journal=journal)
        async with source.for_job(str(job)) as journal:
            assert len(await journal.summary()) == 1
        assert [each.id for each in await listed(source)] == [str(job)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"job": ""}, "job is empty"),
        ({"job": 7}, "job must be a string or UUID, not int"),
        ({"job": "x" * 256}, "job must have at most 255 characters"),
        ({"job": "a\0b"}, "control character"),
        ({"job": "a\ud800"}, "control character"),
        ({"keep": 0}, "keep must be a finite number of seconds, above 0"),
        ({"keep": dt.timedelta(days=-1)}, "keep must be a finite number of seconds, above 0"),
        ({"keep": "30 days"}, "keep must be a number of seconds"),
        ({"timeout": 0}, "timeout must be a finite number"),
        ({"schema": ""}, "schema is empty"),
        ({"user": ""}, "user is empty"),
        ({"retry_refused": 1}, "retry_refused must be True or False"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        PostgresJournal("postgresql://localhost/app", **arguments)
    if "job" in arguments:
        with pytest.raises(ConfigurationError, match=message):
            PostgresJournal("postgresql://localhost/app").for_job(arguments["job"])


def test_the_password_is_in_no_repr() -> None:
    journal = PostgresJournal("postgresql://ada:secret@localhost/app", "backfill")
    assert repr(journal) == "PostgresJournal('PostgreSQL at localhost:5432/app', 'backfill')"
    assert str(journal) == "the journal backfill in PostgreSQL at localhost:5432/app"


async def test_the_statuses_are_named_in_a_table(exist: ExistClient, postgres: PostgresServer) -> None:
    async with journals_in(postgres) as source, source.for_job("ada"):
        pass
    rows = postgres.execute(f'SELECT name, code FROM "{postgres.schema}".status')
    assert dict(rows) == {name: code for name, code in STATUS_CODES.items() if code is not None}  # type: ignore[arg-type]


# Listing


async def test_jobs_are_listed_with_their_times_and_errors(
    exist: ExistClient, sandbox: Sandbox, postgres: PostgresServer
) -> None:
    before = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=5)
    async with journals_in(postgres) as source:
        async with source.for_job("fine", user="ada") as journal:
            await exist.values.update(steps(1), journal=journal)
        async with source.for_job("failed", user="grace") as journal:
            sandbox.fail_next(status=403, path="increment/")
            with pytest.raises(ExistAsyncError):
                await exist.values.increment(increments(1), journal=journal)
            await journal.note_error("ReauthorizationRequired: grace has to sign in again\0\ud800")
        async with source.for_job("empty"):
            pass
        fine, failed, empty = await listed(source)
        assert await listed(source, failed=True) == [failed]
        assert await listed(source, user="ada") == [fine]
        assert await listed(source, user="nobody") == []
        with pytest.raises(ConfigurationError, match="failed must be True or False"):
            await listed(source, failed="yes")
        with pytest.raises(ConfigurationError, match="user is empty"):
            await listed(source, user="")

    assert (fine.id, fine.user, fine.kind, fine.service, fine.error) == (
        "fine",
        "ada",
        "update",
        "https://exist.io",
        None,
    )
    assert fine.ended_at is not None
    assert before < fine.begun_at <= fine.ended_at <= fine.used_at + dt.timedelta(seconds=1)
    assert fine.begun_at.tzinfo is dt.UTC
    assert (failed.error, failed.ended_at) == ("ReauthorizationRequired: grace has to sign in again ?", None)
    assert (empty.kind, empty.user, empty.error) == (None, None, None)


async def test_many_jobs_are_listed_a_few_at_a_time(postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exist_async.journals.postgres._PAGE", 3)
    async with journals_in(postgres) as source:
        for number in range(7):
            async with source.for_job(f"{number}"):
                pass
        assert [job.id for job in await listed(source)] == [f"{number}" for number in range(7)]


async def test_an_error_is_forgotten_by_the_next_write(exist: ExistClient, postgres: PostgresServer) -> None:
    async with journals_in(postgres) as source:

        async def error_of(items: int) -> str | None:
            async with source.for_job("ada") as journal:
                await exist.values.update(steps(*range(items)), journal=journal)
            ((error),) = [job.error for job in await listed(source)]
            return error

        assert await error_of(1) is None
        for items in (1, 2):  # nothing is sent again, and something is
            async with source.for_job("ada") as journal:
                await journal.note_error("it failed")
            assert [job.error for job in await listed(source)] == ["it failed"]
            assert await error_of(items) is None


async def test_a_write_that_is_refused_leaves_a_finished_job_as_it_was(
    exist: ExistClient, postgres: PostgresServer
) -> None:
    async with journals_in(postgres) as source:
        async with source.for_job("ada", user="ada") as journal:
            await exist.values.update(steps(1), journal=journal)
            await journal.note_error("it failed all the same")
        (before,) = await listed(source)
        async with source.for_job("ada", user="grace") as journal:
            with pytest.raises(ConfigurationError, match="belongs to another user"):
                await exist.values.update(steps(1), journal=journal)
        async with source.for_job("ada", user="ada") as journal:
            with pytest.raises(ConfigurationError, match="belongs to the kind 'update', not 'sync'"):
                await exist.values.sync(steps(1), journal=journal)
        (after,) = await listed(source)
    assert before.ended_at is not None
    assert (after.user, after.kind, after.error, after.ended_at) == ("ada", "update", before.error, before.ended_at)


# Sweeping


async def ended_long_ago(postgres: PostgresServer, where: str = "true") -> None:
    postgres.execute(f"""UPDATE "{postgres.schema}".job SET used_at = used_at - interval '31 days' WHERE {where}""")
    job_tables._next_sweeps.clear()


def count_rows(postgres: PostgresServer, table: str) -> Any:
    return postgres.execute(f'SELECT count(*) FROM "{postgres.schema}".{table}')[0][0]


async def test_jobs_that_ended_long_ago_are_deleted(
    exist: ExistClient, sandbox: Sandbox, postgres: PostgresServer
) -> None:
    async with journals_in(postgres) as source:
        for job in ("old", "recent"):
            async with source.for_job(job) as journal:
                await exist.values.update(steps(1, 2), journal=journal)
        async with source.for_job("unfinished") as journal:
            sandbox.fail_next(status=403, path="increment/")
            with pytest.raises(ExistAsyncError):
                await exist.values.increment(increments(3), journal=journal)
        await ended_long_ago(postgres, "id <> 'recent'")
        async with source.for_job("next"):
            pass
        assert {job.id for job in await listed(source)} == {"unfinished", "next", "recent"}
        assert count_rows(postgres, "item") == 2 + 3
        sandbox.reset_requests()
        async with source.for_job("old") as journal:
            await exist.values.update(steps(1, 2), journal=journal)
    assert sandbox.batch_sizes == [2]


async def test_none_is_deleted_if_all_are_kept(exist: ExistClient, postgres: PostgresServer) -> None:
    async with journals_in(postgres, keep=None) as source:
        for job in ("old", "next"):
            async with source.for_job(job) as journal:
                await exist.values.update(steps(1), journal=journal)
            await ended_long_ago(postgres)
        assert len(await listed(source)) == 2


async def test_many_are_deleted_in_portions_and_then_not_looked_for_in_an_hour(
    exist: ExistClient, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_tables, "_JOBS_IN_SWEEP", 2)
    monkeypatch.setattr(job_tables, "_ITEMS_IN_SWEEP", 5)
    async with journals_in(postgres, keep=None) as source:
        for number in range(6):
            async with source.for_job(f"{number}") as journal:
                await exist.values.update(steps(*range(4)), journal=journal)
    await ended_long_ago(postgres)
    left = []
    async with journals_in(postgres) as source:
        for _ in range(10):
            async with source.for_job("next"):
                pass
            left.append(count_rows(postgres, "item"))
        assert left[:8] == [19, 16, 11, 8, 3, 0, 0, 0]
        assert [job.id for job in await listed(source)] == ["next"]
        assert count_rows(postgres, "job") == 1
        async with source.for_job("old") as journal:
            await exist.values.update(steps(1), journal=journal)
        postgres.execute(f"""UPDATE "{postgres.schema}".job SET used_at = '2020-01-01' WHERE id = 'old'""")
        async with source.for_job("next"):
            pass
        assert len(await listed(source)) == 2


async def test_a_job_that_goes_on_after_it_had_ended_is_kept_until_it_ends_again(
    answering: Answering, postgres: PostgresServer
) -> None:
    """Its increments would be added twice."""
    service = HeldService()
    exist = answering(service)
    service.may_answer.set()
    async with journals_in(postgres) as source:
        async with source.for_job("ada") as journal:
            await exist.values.increment(increments(2), journal=journal)
        ((first),) = [job.ended_at for job in await listed(source)]
        async with source.for_job("ada") as journal:
            await exist.values.increment(increments(2), journal=journal)
        assert [job.ended_at for job in await listed(source)] == [first]
        service.may_answer.clear()
        async with source.for_job("ada") as journal:
            write = asyncio.create_task(exist.values.increment(increments(3), journal=journal))
            await until(lambda: service.requests == 2)
            assert [job.ended_at for job in await listed(source)] == [None]
            service.may_answer.set()
            await write
        ((last),) = [job.ended_at for job in await listed(source)]
    assert first is not None
    assert last is not None
    assert last > first


# Who may open a job


async def test_a_second_one_in_the_same_process_is_refused(postgres: PostgresServer) -> None:
    async with journals_in(postgres) as source, journals_in(postgres) as other:
        async with source.for_job("ada") as journal:
            for second in (source.for_job("ada"), other.for_job("ada")):
                with pytest.raises(JournalError, match=r"the journal ada in .* is open elsewhere, in this program or"):
                    await second.__aenter__()
            with pytest.raises(ConfigurationError, match="is open already"):
                await journal.__aenter__()
            assert len(await journal.summary()) == 0
        async with other.for_job("ada"):
            pass


async def test_a_journal_that_can_t_be_opened_leaves_no_connection(postgres: PostgresServer) -> None:
    query = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
    async with journals_in(postgres) as source, source.for_job("ada"):
        before = postgres.execute(query)
        for _ in range(3):
            with pytest.raises(JournalError, match="is open elsewhere"):
                await PostgresJournal(postgres.url, "ada", schema=postgres.schema).__aenter__()
        while postgres.execute(query) != before:  # noqa: ASYNC110  (it is still ending its processes)
            await asyncio.sleep(0.01)


async def test_a_journal_whose_pool_was_closed_first_gives_its_job_free(postgres: PostgresServer) -> None:
    async with AsyncConnectionPool(postgres.url, min_size=0, max_size=2, open=False) as pool:
        journal = PostgresJournal(pool, "ada", schema=postgres.schema)
        await journal.__aenter__()
    with pytest.raises(ConfigurationError, match="is not open"):
        await journal.aclose()

    async with journals_in(postgres) as source, source.for_job("ada"):
        pass


async def test_a_process_whose_job_was_opened_elsewhere_sends_nothing_more(
    answering: Answering, postgres_server: PostgresServer
) -> None:
    sent: list[Any] = []
    go_on = asyncio.Event()

    async def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.content)
        if len(sent) == 1:
            await go_on.wait()
        return succeed(request)

    items = [ValueIncrement("steps", number, DAY - dt.timedelta(days=number)) for number in range(100)]
    exist = answering(answer, concurrency=1)
    async with journals_in(postgres_server) as source, journals_in(postgres_server) as other:
        first = source.for_job("ada")
        await first.__aenter__()
        write = asyncio.create_task(exist.values.increment(items, journal=first))
        await until(lambda: len(sent) == 1)
        # Its lock is free, as after a failover, and it does not take it again in time.
        assert first._lock is not None
        await first._lock.release()
        async with other.for_job("ada") as second:
            with pytest.raises(BatchError) as caught:
                await exist.values.increment(items, journal=second)
            assert caught.value.result is not None
            assert statuses(caught.value.result) == ["unknown"] * 35 + ["succeeded"] * 65
            go_on.set()
            with pytest.raises(JournalError, match="was opened elsewhere or deleted while it was in use") as refused:
                await write
            assert refused.value.result is not None
            assert statuses(refused.value.result) == ["succeeded"] * 35 + ["not_sent"] * 65
            with pytest.raises(JournalError, match="was opened elsewhere"):
                await exist.values.increment(items, journal=first)
            await first.aclose()
            assert (await second.summary()).counts[OutcomeStatus.UNKNOWN] == 35
    assert len(sent) == len(set(sent)) == 3


async def test_a_job_that_was_only_opened_elsewhere_is_not_gone_on_with_here(
    answering: Answering, postgres: PostgresServer
) -> None:
    exist = answering(succeed)
    async with journals_in(postgres) as source, journals_in(postgres) as other:
        first = source.for_job("ada")
        async with first:
            await exist.values.increment(increments(1), journal=first)
            assert first._lock is not None
            await first._lock.release()
            async with other.for_job("ada"):
                pass
            with pytest.raises(JournalError, match="was opened elsewhere"):
                await exist.values.increment(increments(2), journal=first)
        async with other.for_job("ada") as second:
            assert len(await second.summary()) == 1


async def test_a_note_that_arrives_after_a_later_one_is_not_stored(postgres: PostgresServer) -> None:
    """It was given up, because its answer had not come in time."""
    tables = JobTables(postgres.url, postgres.schema, 10.0, None)
    job = await tables.open_job("ada")
    update = KINDS["update"]
    item = steps(1)[0]

    def outcome(status: OutcomeStatus) -> Note:
        return Note(outcomes=[Outcome(0, item, status)])

    assert await tables.note(job, 1, [Note(items=item_records(0, [item]))], update, None)
    assert await tables.note(job, 3, [outcome(OutcomeStatus.SUCCEEDED)], update, None)
    for number, is_stored in ((1, False), (2, False), (3, True)):
        assert await tables.note(job, number, [outcome(OutcomeStatus.UNKNOWN)], update, None) is is_stored
    assert await tables.count_statuses(job, []) == {"succeeded": 1}
    assert await tables.note(job, 4, [outcome(OutcomeStatus.UNKNOWN)], update, None)
    assert await tables.count_statuses(job, []) == {"unknown": 1}
    await tables.aclose()


async def test_whoever_opens_a_job_sees_a_note_that_is_being_stored(
    answering: Answering, postgres: PostgresServer
) -> None:
    """Otherwise increments would be sent that it does not know of."""
    import psycopg

    service = HeldService()
    exist = answering(service)
    async with journals_in(postgres) as source, journals_in(postgres) as other:
        first = source.for_job("ada")
        async with first:
            await exist.values.increment([], journal=first)
            assert first._lock is not None
            async with await psycopg.AsyncConnection.connect(postgres.url) as connection:
                # As long as this transaction lasts, the note waits, after it has looked at the job.
                await connection.execute(f'LOCK TABLE "{postgres.schema}".request IN SHARE MODE')
                write = asyncio.create_task(exist.values.increment(increments(3), journal=first))
                waiting = (
                    "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%%' || %s || '%%'"
                )
                await until(lambda: postgres.execute(waiting, ".note("))
                await first._lock.release()
                second = other.for_job("ada")
                opening = asyncio.create_task(second.__aenter__())
                await until(lambda: postgres.execute(waiting, "open_job("))
                assert service.requests == 0
                await connection.commit()
            await opening
            counts = (await second.summary()).counts
            assert counts[OutcomeStatus.UNKNOWN] == 3
            await until(lambda: service.requests == 1)
            service.may_answer.set()
            with pytest.raises(JournalError):
                await write
            await second.aclose()


async def test_a_write_goes_on_whose_connections_were_ended(
    answering: Answering, postgres_server: PostgresServer
) -> None:
    service = HeldService()
    exist = answering(service, concurrency=2)
    async with journals_in(postgres_server) as source, source.for_job("ada") as journal:
        write = asyncio.create_task(exist.values.increment(increments(200), journal=journal))
        for answered in range(1, 4):
            await until(lambda answered=answered: service.requests >= answered)  # type: ignore[misc]
            postgres_server.end_connections()
            service.may_answer.set()
            await asyncio.sleep(0.02)
            service.may_answer.clear()
        service.may_answer.set()
        assert (await write).ok
        lock = journal._lock
        assert lock is not None
        await until(lambda: lock.is_held)
        with pytest.raises(JournalError, match="is open elsewhere"):
            await source.for_job("ada").__aenter__()
    assert service.requests == 6


def test_its_lock_is_taken_again_on_another_event_loop(answering: Answering, postgres: PostgresServer) -> None:
    exist = answering(succeed)
    journal, other = [PostgresJournal(postgres.url, "ada", schema=postgres.schema) for _ in range(2)]

    async def begin() -> None:
        await journal.__aenter__()
        await exist.values.increment(increments(1), journal=journal)

    async def go_on() -> None:
        await exist.values.increment(increments(2), journal=journal)
        with pytest.raises(JournalError, match="is open elsewhere"):
            await other.__aenter__()
        await journal.aclose()
        async with other:
            assert (await other.summary()).counts[OutcomeStatus.SUCCEEDED] == 2

    asyncio.run(begin())
    asyncio.run(go_on())


async def test_a_job_that_was_deleted_meanwhile_is_not_written(exist: ExistClient, postgres: PostgresServer) -> None:
    async with journals_in(postgres) as source, source.for_job("ada") as journal:
        await exist.values.increment(increments(1), journal=journal)
        postgres.execute(f"""DELETE FROM "{postgres.schema}".job""")
        with pytest.raises(JournalError, match="was opened elsewhere or deleted"):
            await exist.values.increment(increments(2), journal=journal)


async def test_another_level_of_isolation_is_refused(postgres: PostgresServer) -> None:
    separator = "&" if "?" in postgres.url else "?"
    url = f"{postgres.url}{separator}options=-c%20default_transaction_isolation%3Dserializable"
    journal = PostgresJournal(url, "ada", schema=postgres.schema)
    with pytest.raises(JournalError, match="default_transaction_isolation is serializable, and has to be"):
        await journal.__aenter__()
    await journal.aclose()


# Statements


async def test_a_job_takes_two_statements_beside_those_of_its_lock_and_two_for_each_request(
    exist: ExistClient, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with journals_in(postgres) as source:
        async with source.for_job("warm"):
            pass
        statements: list[str] = []
        run = PostgresBacked._run

        async def counted(self: Any, here: Any, statement: Any, *values: Any, **options: Any) -> Any:
            statements.append(statement)
            return await run(self, here, statement, *values, **options)

        monkeypatch.setattr(PostgresBacked, "_run", counted)
        for items in (100, 5):
            statements.clear()
            async with source.for_job(f"{items}") as journal:
                await exist.with_options(concurrency=1).values.increment(increments(items), journal=journal)
            # Beside those of the lock. The items are noted with the first request.
            assert ["open_job" in statements[0], "UPDATE" in statements[-1]] == [True, True]
            assert len(statements) == 2 + 2 * -(-items // 35)
        statements.clear()
        async with source.for_job("100") as journal:
            await exist.values.increment(increments(100), journal=journal)
        assert ["open_job" in statements[0], "SELECT position" in statements[1], len(statements)] == [True, True, 3]


@pytest.mark.parametrize(
    ("method", "default", "expected"), [("increment", "off", ["on", "on"]), ("update", "on", ["on", "off"])]
)
async def test_increments_and_new_items_are_durable_whatever_the_database_s_default(
    answering: Answering, postgres: PostgresServer, method: str, default: str, expected: list[str]
) -> None:
    async with journals_in(postgres) as source, source.for_job("first"):
        pass
    postgres.execute(
        f"""SET search_path = "{postgres.schema}";
        CREATE TABLE seen (setting text);
        CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            INSERT INTO "{postgres.schema}".seen VALUES (current_setting('synchronous_commit'));
            RETURN NULL;
        END $$;
        CREATE TRIGGER see AFTER INSERT OR UPDATE OF status ON item FOR EACH STATEMENT EXECUTE FUNCTION see()"""
    )
    url = f"{postgres.url}?options=-c%20synchronous_commit%3D{default}"
    journal = PostgresJournal(url, "ada", schema=postgres.schema)
    async with journal:
        items: Any = increments(3) if method == "increment" else steps(1, 2, 3)
        await getattr(answering(succeed).values, method)(items, journal=journal)
    assert [row[0] for row in postgres.execute(f'SELECT setting FROM "{postgres.schema}".seen')] == expected


# Faults


async def test_nothing_is_sent_while_postgres_is_stopped_and_it_goes_on_afterwards(
    answering: Answering, postgres_server: PostgresServer
) -> None:
    sent: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.content)
        if len(sent) == 2:
            postgres_server.stop()
        return succeed(request)

    items = [ValueIncrement("steps", number, DAY - dt.timedelta(days=number)) for number in range(100)]
    exist = answering(answer, concurrency=1)
    async with journals_in(postgres_server, timeout=0.3) as source, source.for_job("ada") as journal:
        for _ in range(2):
            with pytest.raises(JournalError, match=r"ada in .* can't be .*call again: it goes on then") as caught:
                await exist.values.increment(items, journal=journal)
        assert caught.value.result is not None
        assert len(sent) == 2
        with pytest.raises(JournalError, match="can't be read"):
            await journal.summary()
        postgres_server.start()
        # The outcomes that could not be noted are noted now: these increments are not sent again.
        assert (await exist.values.increment(items, journal=journal)).ok
    assert len(sent) == len(set(sent)) == 3


async def test_a_restart_of_postgres_is_waited_for(answering: Answering, postgres_server: PostgresServer) -> None:
    sent: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.content)
        if len(sent) == 2:
            postgres_server.kill()
        return succeed(request)

    exist = answering(answer, concurrency=1)
    async with journals_in(postgres_server) as source, source.for_job("ada") as journal:
        write = asyncio.create_task(exist.values.increment(increments(100), journal=journal))
        await until(lambda: len(sent) == 2)
        await asyncio.sleep(0.1)
        await asyncio.to_thread(postgres_server.start)
        assert (await write).ok
    assert len(sent) == 3


async def test_items_that_could_not_be_noted_are_noted_by_the_next_write(
    answering: Answering, postgres_server: PostgresServer
) -> None:
    sent: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.content)
        return succeed(request)

    exist = answering(answer)
    async with journals_in(postgres_server, timeout=0.2) as source:
        async with source.for_job("ada") as journal:
            postgres_server.stop()
            for _ in range(2):
                with pytest.raises(JournalError, match="can't be used"):
                    await exist.values.increment(increments(40), journal=journal)
            assert sent == []
            postgres_server.start()
            assert (await exist.values.increment(increments(40), journal=journal)).ok
            assert (await journal.summary()).counts[OutcomeStatus.SUCCEEDED] == 40
        async with source.for_job("ada") as journal:
            assert (await exist.values.increment(increments(40), journal=journal)).ok
    assert len(sent) == 2


async def test_a_server_that_answers_nothing_is_given_up(answering: Answering, postgres_server: PostgresServer) -> None:
    sent: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.content)
        if len(sent) == 1:
            postgres_server.pause()
        return succeed(request)

    exist = answering(answer, concurrency=1)
    async with journals_in(postgres_server, timeout=0.5) as source:
        async with source.for_job("ada") as journal:
            with pytest.raises(JournalError, match=r"gave no answer within 0\.5 s") as caught:
                await exist.values.increment(increments(100), journal=journal)
            assert caught.value.result is not None
            assert statuses(caught.value.result) == ["succeeded"] * 35 + ["not_sent"] * 65
            postgres_server.resume()
            assert (await exist.values.increment(increments(100), journal=journal)).ok
            assert len(sent) == 3
            # What was stored late, after it was given up, does no harm.
            await asyncio.sleep(0.1)
        async with source.for_job("ada") as journal:
            assert (await journal.summary()).counts[OutcomeStatus.SUCCEEDED] == 100


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that PostgreSQL's account can enter; what is mounted there is unmounted before it is removed."""
    folder = Path(tempfile.mkdtemp(prefix="exist_async-"))
    yield folder
    folder.rmdir()


@pytest.fixture
def small_server(folder: Path, mount: Mount) -> Iterator[PostgresServer]:
    """A PostgreSQL whose data is on a file system of 120 MB."""
    mount("-t", "tmpfs", "-o", "size=120m,mode=777", "tmpfs", str(folder))
    server = PostgresServer("wal_level=minimal", "max_wal_senders=0", folder=folder)
    yield server
    server.end()


@pytest.mark.slow
async def test_nothing_is_sent_that_can_t_be_noted_on_a_full_disk(
    exist: ExistClient, sandbox: Sandbox, folder: Path, small_server: PostgresServer
) -> None:
    junk = folder / "junk"
    items = increments(3000)
    async with journals_in(small_server, timeout=2.0) as source, source.for_job("ada") as journal:
        assert (await exist.values.increment(items[:10], journal=journal)).ok
        sandbox.reset_requests()
        with junk.open("ab", 0) as file:
            for size in (2**20, 512):
                with suppress(OSError):
                    while True:
                        file.write(b"x" * size)
        with pytest.raises(JournalError, match=r"its disk is full\. Make space, and call again") as caught:
            await exist.values.increment(iter(items), journal=journal)
        assert caught.value.result is not None
        assert sum(sandbox.batch_sizes) < len(items) - 10
        junk.unlink()
        assert (await exist.values.increment(items, journal=journal)).ok
    assert sum(sandbox.batch_sizes) == len(items) - 10


# Damage


async def test_a_newer_schema_is_refused(postgres: PostgresServer) -> None:
    async with PostgresJournal(postgres.url, "ada", schema=postgres.schema):
        pass
    postgres.execute(f"""UPDATE "{postgres.schema}".part SET version = 99 WHERE name = 'journal'""")
    journal = PostgresJournal(postgres.url, "ada", schema=postgres.schema)
    with pytest.raises(JournalError, match=r"can't be opened: .*newer version of exist_async"):
        await journal.__aenter__()
    await journal.aclose()


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE item SET status = 99",
        "UPDATE item SET outcome = '{{'",
        "UPDATE item SET outcome = '[]'",
        "UPDATE job SET kind = 'delete'",
    ],
)
async def test_a_record_that_can_t_be_read_is_an_error_and_nothing_is_sent(
    exist: ExistClient, sandbox: Sandbox, postgres: PostgresServer, damage: str
) -> None:
    async with journals_in(postgres) as source:
        async with source.for_job("ada") as journal:
            await exist.values.update(steps(1, 2), journal=journal)
        postgres.execute(f'SET search_path = "{postgres.schema}"; {damage}')
        with pytest.raises(JournalError, match=r"the journal ada in .* (is damaged|has an unknown kind).*another job"):
            async with source.for_job("ada") as journal:
                await exist.values.update(steps(1, 2), journal=journal)
        # It is not left open.
        postgres.execute(f"""UPDATE "{postgres.schema}".job SET kind = 'update'""")
        async with source.for_job("ada"):
            pass
    assert len(sandbox.requests) == 1


async def test_no_token_is_stored(exist: ExistClient, sandbox: Sandbox, postgres: PostgresServer) -> None:
    async with journals_in(postgres) as source, source.for_job("ada") as journal:
        await exist.values.update(steps(1), journal=journal)
    rows = [postgres.execute(f'SELECT row::text FROM "{postgres.schema}".{table} AS row') for table in ("job", "item")]
    assert sandbox.token not in str(rows)
    assert "steps" in str(rows)


async def test_half_of_a_large_job_is_gone_on_with_at_once(answering: Answering, postgres: PostgresServer) -> None:
    exist, rows = answering(succeed, rate_limiter=None), steps(*range(10_000))
    async with journals_in(postgres, timeout=2) as source:
        async with source.for_job("ada") as journal:
            await exist.values.update(rows, journal=journal)
        postgres.execute(f'UPDATE "{postgres.schema}".item SET status = NULL WHERE mod(position, 2) = 0')
        postgres.execute(f'UPDATE "{postgres.schema}".job SET ended_at = NULL')
        async with source.for_job("ada") as journal:
            assert (await exist.values.update(rows, journal=journal)).ok
