"""The rate limiter in a SQLite file, which outlives the process and only its owner can read."""
# ruff: noqa: ASYNC240  (they are small files, and nothing else runs on the loop)

import asyncio
import gc
import logging
import os
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from exist_async import ConfigurationError, ExistClient, RateLimitError, SqliteRateLimiter

DESCRIPTORS = Path("/proc/self/fd")

posix = pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")


def limiter_with(clock: Any, path: Path, limit: int = 3, period: float = 3600.0, **options: Any) -> SqliteRateLimiter:
    times = {"clock": clock, "wall_clock": clock, "sleep": clock.sleep, "fraction": lambda: 0.0}
    return SqliteRateLimiter(path, limit, period, **times, **options)


async def spend(limiter: SqliteRateLimiter) -> None:
    for _ in range(3):
        await limiter.acquire("ada", max_wait=0)


async def test_the_next_program_knows_the_requests_of_the_last_one(clock: Any, budget: Path) -> None:
    await spend(limiter_with(clock, budget))
    clock.now += 600

    await limiter_with(clock, budget).acquire("ada", max_wait=None)

    assert sum(clock.slept) == 3000.0


async def test_processes_that_wait_for_the_same_slot_do_not_wake_at_once(clock: Any, budget: Path) -> None:
    limiter = limiter_with(clock, budget, period=20.0)
    limiter._fraction = lambda: 0.5
    await spend(limiter)

    await limiter.acquire("ada", max_wait=None)

    assert clock.slept == [20.025]


async def test_a_clock_that_is_set_back_delays_requests_by_a_period_at_most(clock: Any, budget: Path) -> None:
    limiter = limiter_with(clock, budget)
    clock.now += 7200
    await spend(limiter)
    await limiter.refund("ada", hold=3600.0)
    await limiter.acquire("grace", max_wait=0)
    clock.now -= 7200

    assert [await limiter.remaining(user) for user in ("ada", "grace")] == [0, 2]
    clock.now += 3599
    assert [await limiter.remaining(user) for user in ("ada", "grace")] == [0, 2]
    clock.now += 1
    assert [await limiter.remaining(user) for user in ("ada", "grace")] == [3, 3]


async def test_a_clock_that_is_set_back_never_allows_more_than_the_limit(clock: Any, budget: Path) -> None:
    limiter = limiter_with(clock, budget)
    await spend(limiter)
    clock.now -= 1800

    with pytest.raises(RateLimitError) as caught:
        await limiter.acquire("ada", max_wait=0)

    assert caught.value.retry_after == 3600.0


async def test_a_clock_that_is_set_forward_opens_the_window_early(clock: Any, budget: Path) -> None:
    limiter = limiter_with(clock, budget)
    await spend(limiter)
    clock.now += 3600

    assert await limiter.remaining("ada") == 3


async def test_expired_entries_are_removed_for_all_users(clock: Any, budget: Path) -> None:
    limiter = limiter_with(clock, budget)
    for user in ("ada", "grace", "joan"):
        await limiter.acquire(user, max_wait=0)
        await limiter.refund(user, hold=10.0)
        await limiter.acquire(user, max_wait=None)
    clock.now += 3600

    await limiter.acquire("mary", max_wait=0)

    with closing(sqlite3.connect(budget)) as connection:
        assert connection.execute("SELECT user FROM taken").fetchall() == [("mary",)]
        assert connection.execute("SELECT user FROM held").fetchall() == []


@posix
async def test_only_the_owner_can_read_the_file_and_it_does_not_stay_open(budget: Path) -> None:
    path = budget.parent / "deep" / "down" / "budget.db"
    limiter = SqliteRateLimiter(path)

    await asyncio.gather(*(limiter.acquire(f"user {number}", max_wait=0) for number in range(20)))

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    if DESCRIPTORS.exists():
        opened = [os.path.realpath(descriptor) for descriptor in DESCRIPTORS.iterdir()]
        assert not any("budget.db" in name for name in opened)


async def test_a_user_name_with_unusual_characters_is_stored_as_a_hash(budget: Path) -> None:
    await SqliteRateLimiter(budget).acquire("Ada Lovelace", max_wait=0)

    assert b"Lovelace" not in budget.read_bytes()


def damaged(path: Path) -> None:
    path.write_bytes(b"not a database, but as long as one" * 100)


def a_short_text(path: Path) -> None:
    path.write_bytes(b"some notes, which SQLite would overwrite")


def a_directory(path: Path) -> None:
    path.mkdir()


def another_schema(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE taken (else_wise TEXT)")


@pytest.mark.parametrize("spoil", [damaged, a_short_text, a_directory, another_schema])
async def test_an_unusable_file_stops_requests_and_is_named(spoil: Any, budget: Path) -> None:
    spoil(budget)
    limiter = SqliteRateLimiter(budget)

    with pytest.raises(RateLimitError, match=r"budget\.db can't be used: .*delete it.*go_on") as caught:
        await limiter.acquire("ada", max_wait=None)

    assert (caught.value.retry_after, caught.value.status_code) == (None, None)
    with pytest.raises(RateLimitError):
        await limiter.remaining("ada")


async def test_a_directory_that_can_t_be_created_stops_requests_and_is_named(budget: Path) -> None:
    budget.write_text("a file")

    with pytest.raises(RateLimitError, match=r"below\.db can't be used: .*[Dd]irectory"):
        await SqliteRateLimiter(budget / "below.db").acquire("ada", max_wait=None)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full of Linux")
async def test_a_full_disk_stops_requests(budget: Path) -> None:
    await SqliteRateLimiter(budget).acquire("ada", max_wait=0)
    # The journal is written first.
    budget.with_name("budget.db-journal").symlink_to("/dev/full")

    with pytest.raises(RateLimitError, match=r"budget\.db can't be used"):
        await SqliteRateLimiter(budget).acquire("ada", max_wait=0)


async def test_a_process_that_locks_the_file_for_too_long_stops_requests(budget: Path) -> None:
    await SqliteRateLimiter(budget).acquire("ada", max_wait=0)
    with closing(sqlite3.connect(budget, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")

        with pytest.raises(RateLimitError, match=r"budget\.db can't be used: database is locked"):
            await SqliteRateLimiter(budget, timeout=0.05).acquire("ada", max_wait=0)


async def test_with_go_on_requests_are_sent_without_the_file_and_one_warning_is_logged(
    clock: Any, budget: Path, caplog: pytest.LogCaptureFixture
) -> None:
    damaged(budget)
    limiter = limiter_with(clock, budget, limit=1, when_unavailable="go_on")

    for _ in range(5):
        await limiter.acquire("ada", max_wait=0)
        await limiter.refund("ada", hold=10.0)
        assert await limiter.remaining("ada") == 1
        clock.now += 2

    assert [(record.name, record.levelno) for record in caplog.records] == [("exist_async", logging.WARNING)]
    assert "budget.db can't be used" in caplog.text
    assert "requests are sent without a budget" in caplog.text


async def test_a_repaired_file_is_used_again(clock: Any, budget: Path) -> None:
    damaged(budget)
    limiter = limiter_with(clock, budget, limit=1)
    with pytest.raises(RateLimitError, match="can't be used"):
        await limiter.acquire("ada", max_wait=0)
    budget.unlink()

    # The store is left alone for a moment, so that queued callers do not each wait for the same failure.
    with pytest.raises(RateLimitError, match="can't be used"):
        await limiter.acquire("ada", max_wait=0)
    clock.now += 3
    await limiter.acquire("ada", max_wait=0)

    with pytest.raises(RateLimitError, match="is spent"):
        await limiter.acquire("ada", max_wait=0)


async def test_a_refund_that_can_t_be_written_is_logged_and_raises_nothing(
    budget: Path, caplog: pytest.LogCaptureFixture
) -> None:
    damaged(budget)

    await SqliteRateLimiter(budget).refund("ada", hold=1.0)

    assert "budget.db can't be used" in caplog.text


async def test_a_user_without_a_name_can_t_share_a_budget(budget: Path) -> None:
    limiter = SqliteRateLimiter(budget)
    for user in (object(), 7, None):
        with pytest.raises(ConfigurationError, match="needs a user's name"):
            await limiter.acquire(user, max_wait=0)


async def test_a_client_whose_auth_has_no_user_s_name_is_refused_and_nothing_is_logged(
    budget: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with ExistClient(httpx.BasicAuth("ada", "secret"), rate_limiter=SqliteRateLimiter(budget)) as client:
        with pytest.raises(ConfigurationError, match="needs a user's name"):
            await client.profile.get()

    assert caplog.records == []


@pytest.mark.parametrize(
    "arguments",
    [
        {"path": ""},
        {"path": "a\0b"},
        {"path": 7},
        {"path": "\ud800"},
        {"path": "~nobody-of-that-name/budget.db"},
        {"path": "x", "timeout": 0},
        {"path": "x", "when_unavailable": "maybe"},
    ],
    ids=str,
)
def test_a_wrong_argument_is_named(arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=list(arguments)[-1]):
        SqliteRateLimiter(**arguments)


def test_its_repr_has_the_path(budget: Path) -> None:
    assert repr(SqliteRateLimiter(budget)) == f"SqliteRateLimiter({str(budget)!r}, limit=300, period=3600.0)"


async def test_a_locked_file_delays_nobody_else_and_one_failure_answers_all_who_wait(budget: Path) -> None:
    limiter = SqliteRateLimiter(budget, timeout=0.5)
    await limiter.acquire("ada", max_wait=0)
    with closing(sqlite3.connect(budget, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        start = time.monotonic()
        calls = [asyncio.create_task(limiter.acquire(f"user-{number}", max_wait=60)) for number in range(40)]
        await asyncio.sleep(0)

        # The threads of asyncio, which also look up host names, are free.
        assert await asyncio.to_thread(lambda: sum(call.done() for call in calls)) == 0
        outcomes = await asyncio.gather(*calls, return_exceptions=True)

    assert {type(outcome) for outcome in outcomes} == {RateLimitError}
    assert time.monotonic() - start < 5


async def test_a_locked_file_delays_no_other_file(budget: Path) -> None:
    await SqliteRateLimiter(budget).acquire("ada", max_wait=0)
    with closing(sqlite3.connect(budget, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(SqliteRateLimiter(budget).acquire("ada", max_wait=0))
        await asyncio.sleep(0.05)

        await SqliteRateLimiter(budget.with_name("another.db")).acquire("ada", max_wait=0)

        assert not waiting.done()
    await waiting


async def test_limiters_of_one_file_take_turns(budget: Path) -> None:
    budget.with_name("link").symlink_to(budget.parent)
    paths = (budget, budget.parent / "link" / budget.name)
    limiters = [SqliteRateLimiter(paths[number % 2], 30) for number in range(4)]

    calls = (limiter.acquire("ada", max_wait=0) for _ in range(10) for limiter in limiters)
    outcomes = await asyncio.gather(*calls, return_exceptions=True)

    assert outcomes.count(None) == 30


def test_its_thread_ends_with_it(budget: Path) -> None:
    before = threading.active_count()
    limiter = SqliteRateLimiter(budget)
    asyncio.run(limiter.acquire("ada", max_wait=0))

    del limiter
    gc.collect()

    give_up = time.monotonic() + 10
    while threading.active_count() > before:
        assert time.monotonic() < give_up
        time.sleep(0.01)


@posix
def test_it_works_in_a_forked_process_too(budget: Path) -> None:
    program = """
import asyncio, os, sys
from exist_async import SqliteRateLimiter
limiter = SqliteRateLimiter(sys.argv[1], 2)
asyncio.run(limiter.acquire("ada", max_wait=0))
child = os.fork()
asyncio.run(limiter.acquire("ada" if child == 0 else "grace", max_wait=0))
if child == 0:
    print(asyncio.run(limiter.remaining("ada")))
else:
    sys.exit(os.waitpid(child, 0)[1])
"""

    # Python 3.12 and later warn of each fork of a process that has threads.
    python = [sys.executable, "-W", "ignore:This process:DeprecationWarning"]
    ended = subprocess.run([*python, "-c", program, budget], capture_output=True, text=True, timeout=60)

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "0\n", "")
