"""The rate limiter in PostgreSQL: its rows and clock, and its behaviour when the server or a connection fails."""

import asyncio
import logging
import random
import time
import traceback
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from postgres_server import PostgresServer

from exist_async import ConfigurationError, PostgresRateLimiter, RateLimitError
from exist_async._postgres.locks import lock_key
from exist_async.rate_limits.slots import Slot, Slots, current_slots
from exist_async.rate_limits.window import Window
from support import until

psycopg = pytest.importorskip("psycopg", reason='no psycopg: pip install "exist-async[postgres]"')

# Seconds: long enough for a busy machine.
TIMEOUT = 1.0

TAKE_LOCK = "SELECT pg_advisory_xact_lock(%s)"


@pytest.fixture
async def limiter(postgres: PostgresServer) -> AsyncGenerator[PostgresRateLimiter, None]:
    async with PostgresRateLimiter(postgres.url, 3, 60.0, schema=postgres.schema) as limiter:
        yield limiter


@pytest.fixture
async def breakable(postgres_server: PostgresServer) -> AsyncGenerator[PostgresRateLimiter, None]:
    """A limiter with a server of its own."""
    async with PostgresRateLimiter(postgres_server.url, 3, 60.0, timeout=TIMEOUT) as limiter:
        yield limiter


@pytest.fixture
def ask(postgres: PostgresServer) -> Callable[..., list[tuple[Any, ...]]]:
    """Runs a statement, in which `budget` is the limiter's table."""

    def ask(statement: str, *values: object) -> list[tuple[Any, ...]]:
        return postgres.execute(statement.replace("budget", f'"{postgres.schema}".budget'), *values)

    return ask


Ask = Callable[..., list[tuple[Any, ...]]]


async def spend(limiter: PostgresRateLimiter, user: str = "ada") -> None:
    for _ in range(3):
        await limiter.acquire(user, max_wait=0)


async def as_client(step: Coroutine[Any, Any, Any], slots: Slots) -> None:
    """Run a step of a limiter as the client does for a request."""
    current_slots.set(slots)
    try:
        await step
    finally:
        current_slots.set(None)


async def test_a_user_is_a_row_without_a_name_that_has_unusual_characters(
    limiter: PostgresRateLimiter, ask: Ask
) -> None:
    await limiter.acquire("ada", max_wait=0)
    await limiter.acquire("Ada Lovelace", max_wait=0)
    await limiter.refund("ada", hold=20.0)

    rows = ask("SELECT name, cardinality(moments), held_until > clock_timestamp() FROM budget ORDER BY name")
    assert sorted((len(name), taken, held) for name, taken, held in rows) == [(3, 0, True), (64, 1, None)]


async def test_programs_with_another_schema_have_another_budget(postgres: PostgresServer) -> None:
    async with (
        PostgresRateLimiter(postgres.url, 1, schema=postgres.schema) as one,
        PostgresRateLimiter(postgres.url, 1, schema=f"o'{postgres.schema} % {{}}") as two,
    ):
        await one.acquire("ada", max_wait=0)

        await two.acquire("ada", max_wait=0)


async def test_each_step_is_one_statement_and_nothing_around_it(postgres: PostgresServer) -> None:
    url = f"{postgres.url}?options={quote('-c log_statement=all -c log_duration=off')}"
    async with PostgresRateLimiter(url, 3, schema=postgres.schema) as limiter:
        await limiter.remaining("ada")
        before = len(postgres.log)
        slots: Slots = {}

        await as_client(limiter.acquire("ada", max_wait=0), slots)
        await limiter.settle(slots)
        await limiter.refund("ada", hold=0)
        await limiter.remaining("ada")

    lines = [line for line in postgres.log[before:].splitlines() if "execute" in line or "statement:" in line]
    assert [line.partition(f'"{postgres.schema}".')[2].partition("(")[0] for line in lines] == [
        "take_slot",
        "settle_slot",
        "refund_slot",
        "free_slots",
    ]


@pytest.mark.parametrize("limit", [1, 3, 8])
async def test_a_wait_is_that_of_the_window_in_memory(postgres: PostgresServer, ask: Ask, limit: int) -> None:
    async with PostgresRateLimiter(postgres.url, limit, 60.0, schema=postgres.schema) as limiter:
        await limiter.remaining("ada")
        for number in range(12):
            # Up to as many as a process with a larger limit may have taken; some are in flight.
            times = [random.uniform(-70, 60) for _ in range(random.randint(0, 10))]
            hold, ahead = random.choice([-1.0, 30.0]), random.randint(1, 20)
            values = [f"user-{number}", hold, times]
            statement = (
                "INSERT INTO budget SELECT %s, clock_timestamp(), clock_timestamp() + make_interval(secs => %s), '{}', "
                "ARRAY(SELECT clock_timestamp() + make_interval(secs => t) FROM unnest(%s::float8[]) AS t)"
            )
            ask(statement, *values)

            wait = await limiter._take_in_store(f"user-{number}", ahead, None)

            window = Window(limit, 60.0, sorted(times), hold)
            assert wait == pytest.approx(window.wait(0.0, ahead), abs=0.2), (times, hold, ahead)
            assert await limiter.remaining(f"user-{number}") == window.free(0.0)


async def test_processes_with_a_larger_limit_share_the_window(postgres: PostgresServer) -> None:
    async with (
        PostgresRateLimiter(postgres.url, 5, 60.0, schema=postgres.schema) as larger,
        PostgresRateLimiter(postgres.url, 2, 60.0, schema=postgres.schema) as smaller,
    ):
        for _ in range(4):
            await larger.acquire("ada", max_wait=0)

        assert [await smaller.remaining("ada"), await larger.remaining("ada")] == [0, 1]
        with pytest.raises(RateLimitError):
            await smaller.acquire("ada", max_wait=0)


async def test_the_lock_of_one_user_delays_no_other(postgres: PostgresServer, limiter: PostgresRateLimiter) -> None:
    await limiter.acquire("ada", max_wait=0)
    with psycopg.connect(postgres.url) as other:
        other.execute(TAKE_LOCK, [lock_key(postgres.schema, "budget", "ada")])
        waiting = asyncio.create_task(limiter.acquire("ada", max_wait=0))

        await asyncio.gather(*(limiter.acquire(f"user-{number}", max_wait=0) for number in range(20)))

        assert not waiting.done()
    await waiting


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read", "serializable"])
async def test_the_budget_is_exact_at_each_isolation_level(postgres: PostgresServer, isolation: str) -> None:
    setting = f"-c default_transaction_isolation={isolation}".replace(" ", r"\ ").replace(r"-c\ ", "-c ")
    url = f"{postgres.url}?options={quote(setting)}"
    async with AsyncExitStack() as opened:
        limiters = [
            await opened.enter_async_context(PostgresRateLimiter(url, 3, schema=postgres.schema)) for _ in range(6)
        ]
        for limiter in limiters:
            await limiter.remaining("ada")
        with psycopg.connect(postgres.url) as other:
            other.execute(TAKE_LOCK, [lock_key(postgres.schema, "budget", "ada")])
            calls = [asyncio.create_task(limiter.acquire("ada", max_wait=0)) for limiter in limiters]
            # All have begun when the first of them goes on.
            waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory'"
            await until(lambda: postgres.execute(waiting) == [(6,)])
        outcomes = await asyncio.gather(*calls, return_exceptions=True)

        assert outcomes.count(None) == 3
        assert all(outcome is None or "is spent" in str(outcome) for outcome in outcomes)
        assert await limiters[0].remaining("ada") == 0


# Times are those of the server.


async def test_a_server_clock_that_is_behind_delays_requests_by_a_period_at_most(
    limiter: PostgresRateLimiter, ask: Ask
) -> None:
    # Slots taken on another server, before this one took over.
    await spend(limiter, "ada")
    await limiter.refund("grace", hold=20.0)
    await limiter.remaining("joan")
    ask("UPDATE budget SET moments = ARRAY(SELECT m + interval '2 h' FROM unnest(moments) AS m)")
    ask("UPDATE budget SET held_until = held_until + interval '2 h', sweep_after = sweep_after + interval '2 h'")

    for user in ("ada", "grace"):
        # The window is corrected by whatever is done first.
        assert await limiter.remaining(user) == 0
        for _ in range(2):
            with pytest.raises(RateLimitError) as caught:
                await limiter.acquire(user, max_wait=0)
            assert caught.value.retry_after is not None
            assert 58 < caught.value.retry_after < 60
    # It is stored, or the wait would begin anew each time.
    soon = "clock_timestamp() + interval '61 s'"
    late = f"sweep_after > {soon} + interval '60 s' OR held_until > {soon} OR moments[1] > {soon}"
    assert ask(f"SELECT name FROM budget WHERE {late}") == []


async def test_the_clock_of_a_worker_makes_no_difference(
    limiter: PostgresRateLimiter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: 0.0)
    await spend(limiter)
    monkeypatch.setattr(time, "time", lambda: 4e9)

    with pytest.raises(RateLimitError) as caught:
        await limiter.acquire("ada", max_wait=0)
    assert caught.value.retry_after is not None
    assert 55 < caught.value.retry_after <= 60


# Rows stay small, and end.


def age(ask: Ask, user: str, interval: str) -> None:
    """Let time pass for a user's row."""
    ask(
        "UPDATE budget SET sweep_after = sweep_after - %s::interval, held_until = held_until - %s::interval, "
        "moments = ARRAY(SELECT m - %s::interval FROM unnest(moments) AS m) WHERE name = %s",
        *[interval, interval, interval, user],
    )


async def test_rows_of_users_who_left_are_deleted_two_at_a_time(limiter: PostgresRateLimiter, ask: Ask) -> None:
    users = ["grace", "joan", "mary", "rosa"]
    for user in users:
        await limiter.acquire(user, max_wait=0)
        await limiter.refund(user, hold=10.0)
    for user in users:
        age(ask, user, "1 h")

    lefts = []
    for _ in range(3):
        await limiter.acquire("ada", max_wait=0)
        lefts.append(ask("SELECT count(*) FROM budget WHERE name <> 'ada'")[0][0])

    assert lefts == [2, 0, 0]


async def test_a_row_in_use_is_kept_and_looked_at_later(limiter: PostgresRateLimiter, ask: Ask) -> None:
    await limiter.acquire("grace", max_wait=0)
    await limiter.refund("joan", hold=50.0)
    ask("UPDATE budget SET sweep_after = clock_timestamp()")

    await limiter.acquire("ada", max_wait=0)

    assert await limiter.remaining("grace") == 2
    assert await limiter.remaining("joan") == 0
    rows = ask("SELECT extract(epoch FROM sweep_after - clock_timestamp())::float8 FROM budget WHERE name <> 'ada'")
    assert sorted(round(left, -1) for (left,) in rows) == [50, 60]


async def test_a_user_in_the_middle_of_a_step_is_not_swept(
    limiter: PostgresRateLimiter, ask: Ask, postgres: PostgresServer
) -> None:
    await limiter.acquire("grace", max_wait=0)
    age(ask, "grace", "1 h")
    with psycopg.connect(postgres.url) as other:
        other.execute(f"SELECT FROM \"{postgres.schema}\".budget WHERE name = 'grace' FOR UPDATE")

        await limiter.acquire("ada", max_wait=0)

    assert ask("SELECT count(*) FROM budget") == [(2,)]
    await limiter.acquire("ada", max_wait=0)
    assert ask("SELECT count(*) FROM budget") == [(1,)]


async def test_a_row_does_not_grow_with_slots_that_are_returned_or_expire(
    limiter: PostgresRateLimiter, ask: Ask
) -> None:
    # Its oldest slot stays in use.
    await limiter.acquire("ada", max_wait=0)
    for number in range(60):
        slots: Slots = {}
        await as_client(limiter.acquire("ada", max_wait=0), slots)
        if number % 2:
            await as_client(limiter.refund("ada", hold=0), slots)
        else:
            await limiter.settle(slots)
            ask("UPDATE budget SET moments[1] = moments[1] - interval '1 h'")

    assert await limiter.remaining("ada") == 2
    ((marks, moments),) = ask("SELECT cardinality(marks), cardinality(moments) FROM budget")
    assert marks <= 17
    assert moments <= 34


async def test_a_request_writes_little_to_the_log_of_the_server_however_many_were_taken_before(
    postgres: PostgresServer, ask: Ask
) -> None:
    async with PostgresRateLimiter(postgres.url, 300, 60.0, schema=postgres.schema) as limiter:
        await limiter.remaining("ada")
        times = "ARRAY(SELECT clock_timestamp() - n * interval '0.1 s' FROM generate_series(1, 250) AS n)"
        ask(f"INSERT INTO budget SELECT 'ada', clock_timestamp() + interval '1 h', NULL, '{{}}', {times}")
        await limiter.acquire("ada", max_wait=0)
        before = ask("SELECT pg_current_wal_insert_lsn()")[0][0]

        for _ in range(40):
            slots: Slots = {}
            await as_client(limiter.acquire("ada", max_wait=0), slots)
            await limiter.settle(slots)

    ((written,),) = ask("SELECT pg_current_wal_insert_lsn() - %s::pg_lsn", before)
    # All 250 times would be 2,000 bytes, twice for each request; PostgreSQL may log the whole page once or twice.
    assert written / 40 < 1500


async def test_requests_in_flight_are_found_however_many_were_taken_after_them(postgres: PostgresServer) -> None:
    async with PostgresRateLimiter(postgres.url, 100, 60.0, schema=postgres.schema) as limiter:
        first: Slots = {}
        await as_client(limiter.acquire("ada", max_wait=0), first)
        for _ in range(40):
            await limiter.acquire("ada", max_wait=0)

        await as_client(limiter.refund("ada", hold=0), first)

        assert await limiter.remaining("ada") == 60


# Connections break, and the answer with them.


class Proxy:
    """Forwards connections to the server, and can break one when the server has answered a statement."""

    def __init__(self, server: PostgresServer) -> None:
        self.server = server
        self.port = 0
        self.breaking = 0
        self.broken = 0
        self.begun = 0
        self.ended = 0

    @property
    def url(self) -> str:
        return self.server.url.replace(f":{self.server.port}/", f":{self.port}/")

    async def forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.begun += 1
        upstream_reader, upstream = await asyncio.open_connection("127.0.0.1", self.server.port)

        async def send_on() -> None:
            while received := await reader.read(65_536):
                upstream.write(received)

        async def answer() -> None:
            while received := await upstream_reader.read(65_536):
                if self.breaking:
                    self.breaking -= 1
                    self.broken += 1
                    return
                writer.write(received)

        both = [asyncio.create_task(send_on()), asyncio.create_task(answer())]
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        for task in both:
            task.cancel()
        await asyncio.gather(*both, return_exceptions=True)
        for each in (upstream, writer):
            each.close()
        self.ended += 1


@asynccontextmanager
async def proxy(server: PostgresServer) -> AsyncGenerator[Proxy, None]:
    proxy = Proxy(server)
    listening = await asyncio.start_server(proxy.forward, "127.0.0.1", 0)
    proxy.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield proxy
        # All that use it have closed their connections.
        await until(lambda: proxy.ended == proxy.begun)


async def test_a_step_whose_answer_was_lost_is_taken_once(postgres: PostgresServer) -> None:
    async with (
        proxy(postgres) as between,
        PostgresRateLimiter(between.url, 5, 60.0, schema=postgres.schema) as limiter,
    ):
        await limiter.acquire("ada", max_wait=0)
        kept: Slots = {}
        returned: Slots = {}

        between.breaking = 1
        await as_client(limiter.acquire("ada", max_wait=0), kept)
        await as_client(limiter.acquire("ada", max_wait=0), returned)
        assert await limiter.remaining("ada") == 2

        between.breaking = 1
        await limiter.settle(kept)
        assert await limiter.remaining("ada") == 2

        between.breaking = 1
        await as_client(limiter.refund("ada", hold=0), returned)
        assert await limiter.remaining("ada") == 3
        assert between.broken == 3


async def test_a_slot_that_was_returned_without_a_mark_is_not_returned_twice(
    postgres: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        proxy(postgres) as between,
        PostgresRateLimiter(between.url, 3, 60.0, schema=postgres.schema) as limiter,
    ):
        await spend(limiter)

        between.breaking = 1
        await limiter.refund("ada", hold=0)

        assert "Until it works again" in caplog.text
        limiter._paused_until = 0.0
        assert await limiter.remaining("ada") == 1


async def test_the_same_mark_takes_one_slot_and_counts_once(limiter: PostgresRateLimiter) -> None:
    slot = Slot("ada")
    await limiter._take_in_store("ada", 0, slot)
    for _ in range(3):
        arguments = (3, 0, slot.mark, 60.0)
        assert await limiter._call("take_slot", ", %s, %s, %s, make_interval(secs => %s)", "ada", arguments) == 0
        await limiter._settle_in_store("ada", slot)

    assert await limiter.remaining("ada") == 2


async def test_a_slot_that_was_returned_before_the_statement_that_takes_it_arrived_stays_free(
    limiter: PostgresRateLimiter,
) -> None:
    slot = Slot("ada", mark=7)
    await limiter._refund_in_store("ada", 0, slot)

    arguments = (3, 0, slot.mark, 60.0)
    await limiter._call("take_slot", ", %s, %s, %s, make_interval(secs => %s)", "ada", arguments)

    assert await limiter.remaining("ada") == 3


async def test_ended_connections_fail_no_call(postgres: PostgresServer) -> None:
    async with PostgresRateLimiter(postgres.url, 1000, schema=postgres.schema) as limiter:

        async def work(user: str) -> None:
            for _ in range(10):
                slots: Slots = {}
                await as_client(limiter.acquire(user, max_wait=0), slots)
                await limiter.settle(slots)

        users = [f"user-{number}" for number in range(12)]
        working = [asyncio.create_task(work(user)) for user in users]
        await asyncio.sleep(0.02)
        await asyncio.to_thread(postgres.end_connections)
        await asyncio.gather(*working)

        assert [await limiter.remaining(user) for user in users] == 12 * [990]


# The server fails.


async def test_a_server_that_is_down_is_named_and_once_it_is_back_it_is_used_at_once_and_knows_what_was_taken(
    breakable: PostgresRateLimiter, postgres_server: PostgresServer
) -> None:
    await breakable.acquire("ada", max_wait=0)
    postgres_server.stop()
    postgres_server.start()
    assert await breakable.remaining("ada") == 2

    postgres_server.stop()
    with pytest.raises(RateLimitError, match=rf"PostgreSQL at 127\.0\.0\.1:{postgres_server.port}/postgres .*go_on"):
        await breakable.acquire("ada", max_wait=None)
    with pytest.raises(RateLimitError):
        await breakable.remaining("ada")

    postgres_server.start()
    breakable._paused_until = 0.0
    assert await breakable.remaining("ada") == 2
    await breakable.acquire("ada", max_wait=0)


async def test_users_who_wait_at_a_server_that_hangs_are_refused_together_and_late_answers_are_dropped(
    breakable: PostgresRateLimiter, postgres_server: PostgresServer
) -> None:
    await spend(breakable)
    postgres_server.pause()
    start = time.monotonic()

    calls = (breakable.acquire(f"user-{number}", max_wait=None) for number in range(100))
    outcomes = await asyncio.gather(*calls, return_exceptions=True)

    assert {type(outcome) for outcome in outcomes} == {RateLimitError}
    assert time.monotonic() - start < 4 * TIMEOUT
    assert f"gave no answer within {TIMEOUT:g} s" in str(outcomes[0])
    postgres_server.resume()
    breakable._paused_until = 0.0
    assert [await breakable.remaining(user) for user in ("ada", "grace", "ada")] == [0, 3, 0]


async def test_with_go_on_requests_are_sent_without_postgresql_and_each_outage_is_logged_once(
    postgres_server: PostgresServer, clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with PostgresRateLimiter(postgres_server.url, 1, when_unavailable="go_on", clock=clock) as limiter:
        for user in ("ada", "grace"):
            postgres_server.stop()
            for _ in range(5):
                await limiter.acquire(user, max_wait=0)
                assert await limiter.remaining(user) == 1
                await limiter.refund(user, hold=10.0)
                clock.now += 2
            postgres_server.start()
            clock.now += 3
            await limiter.acquire(user, max_wait=0)
            with pytest.raises(RateLimitError, match="is spent"):
                await limiter.acquire(user, max_wait=0)

    assert [(record.name, record.levelno) for record in caplog.records] == 2 * [("exist_async", logging.WARNING)]


@pytest.mark.slow
async def test_a_crash_of_the_server_loses_no_slot_and_leaves_those_in_flight_whose_end_it_lost() -> None:
    # Nothing is written to disk unless a statement waits for it.
    server = PostgresServer("synchronous_commit=off", "wal_writer_delay=10s")
    try:
        async with PostgresRateLimiter(server.url, 3, 60.0) as limiter:
            await limiter.remaining("ada")
            slots: Slots = {}
            await as_client(limiter.acquire("ada", max_wait=0), slots)
            await limiter.settle(slots)
            server.kill()
            server.start()

            assert await limiter.remaining("ada") == 2
            assert server.execute("SELECT moments[1] > clock_timestamp() FROM exist_async.budget") == [(True,)]
    finally:
        server.end()


async def test_a_role_without_privileges_is_told_which_it_needs(postgres: PostgresServer) -> None:
    role = f"role {uuid4().hex}"
    postgres.execute(f"CREATE ROLE \"{role}\" LOGIN PASSWORD 's3cr3t'")
    url = postgres.url.replace(f"postgres:{postgres.password}", f"{quote(role)}:s3cr3t")
    async with PostgresRateLimiter(url, 3, schema=postgres.schema) as limiter:
        with pytest.raises(RateLimitError, match=f'CREATE SCHEMA "{postgres.schema}" AUTHORIZATION'):
            await limiter.acquire("ada", max_wait=0)
        postgres.execute(f'CREATE SCHEMA "{postgres.schema}" AUTHORIZATION "{role}"')
        limiter._paused_until = 0.0

        await limiter.acquire("ada", max_wait=0)


async def test_tables_of_a_newer_version_stop_requests(limiter: PostgresRateLimiter, postgres: PostgresServer) -> None:
    await limiter.acquire("ada", max_wait=0)
    postgres.execute(f'UPDATE "{postgres.schema}".part SET version = 99')

    async with PostgresRateLimiter(postgres.url, 3, schema=postgres.schema) as older:
        with pytest.raises(RateLimitError, match="newer version of exist_async"):
            await older.acquire("ada", max_wait=0)
    # A process that has begun before goes on.
    await limiter.acquire("ada", max_wait=0)


async def test_a_cancelled_call_ends_and_leaves_the_connections_healthy(limiter: PostgresRateLimiter) -> None:
    for number in range(60):
        task = asyncio.create_task(limiter.acquire(f"user-{number}", max_wait=0))
        for _ in range(number % 10):
            await asyncio.sleep(0)
        was_running = task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled() == was_running

    await spend(limiter)
    assert await limiter.remaining("ada") == 0


async def test_more_users_than_connections_are_served(postgres: PostgresServer) -> None:
    url = f"{postgres.url}?application_name={postgres.schema.replace(' ', '-')}"
    async with PostgresRateLimiter(url, schema=postgres.schema) as limiter:
        await asyncio.gather(*(limiter.acquire(f"user-{number}", max_wait=0) for number in range(200)))

        used = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s"
        assert postgres.execute(used, postgres.schema.replace(" ", "-"))[0][0] <= 8


async def test_the_caller_s_pool_is_used_and_never_closed(postgres: PostgresServer) -> None:
    psycopg_pool = pytest.importorskip("psycopg_pool")
    async with psycopg_pool.AsyncConnectionPool(postgres.url, min_size=1, max_size=2, open=False) as pool:
        async with PostgresRateLimiter(pool, 3, schema=postgres.schema) as limiter:
            await asyncio.gather(*(limiter.acquire(f"user-{number}", max_wait=0) for number in range(20)))
            await spend(limiter)
            with pytest.raises(ConfigurationError, match="give PostgresRateLimiter a URL instead"):
                await asyncio.to_thread(lambda: asyncio.run(limiter.acquire("ada", max_wait=0)))

        async with pool.connection() as connection:
            await connection.execute("SELECT 1")


async def test_no_password_is_shown(postgres: PostgresServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    url = postgres.url.replace(postgres.password, "s3cr3t")
    async with PostgresRateLimiter(url, schema=postgres.schema) as limiter:
        with pytest.raises(RateLimitError, match="password authentication failed") as caught:
            await limiter.acquire("ada", max_wait=0)

        text = "".join(traceback.format_exception(caught.value)) + repr(limiter) + caplog.text
    assert "s3cr3t" not in text
    assert caught.value.__cause__ is not None
    # psycopg's errors refer to their connections, which hold the password.
    assert caught.value.__cause__.__context__ is None


@pytest.mark.parametrize(
    "arguments",
    [
        {"postgres": None},
        {"postgres": "postgresql://ada:s3cr3t@[:1"},
        {"postgres": "postgresql://localhost", "schema": ""},
        {"postgres": "postgresql://localhost", "timeout": 0},
        {"postgres": "postgresql://localhost", "limit": 0},
        {"postgres": "postgresql://localhost", "when_unavailable": True},
    ],
    ids=str,
)
def test_a_wrong_argument_is_named(arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=list(arguments)[-1]) as caught:
        PostgresRateLimiter(**arguments)

    assert "s3cr3t" not in str(caught.value)


def test_its_repr_has_the_address() -> None:
    assert repr(PostgresRateLimiter("postgresql://ada:s3cr3t@db:5433/app")) == (
        "PostgresRateLimiter(<PostgreSQL at db:5433/app>, limit=300, period=3600.0)"
    )
