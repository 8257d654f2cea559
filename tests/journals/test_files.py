"""The file of a journal: who may open it, and what is said where it can't be used."""
# ruff: noqa: ASYNC240  (they are small files, and nothing else runs on the loop)

import asyncio
import datetime as dt
import os
import shutil
import sqlite3
import stat
import subprocess
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from exist_async import (
    ConfigurationError,
    ExistClient,
    Journal,
    JournalError,
    OutcomeStatus,
    ValueIncrement,
    ValueUpdate,
)
from exist_async.sandbox import Sandbox
from support import Answering, Mount, statuses, succeed

DAY = dt.date(2026, 11, 20)


def steps(*values: float) -> list[ValueUpdate]:
    return [ValueUpdate("steps", DAY - dt.timedelta(days=day), value) for day, value in enumerate(values)]


@pytest.fixture
def small_disk(mount: Mount, tmp_path: Path) -> Path:
    """A file system of 256 kB."""
    directory = tmp_path / "small"
    directory.mkdir()
    mount("-t", "tmpfs", "-o", "size=256k", "tmpfs", str(directory))
    return directory


def fill(directory: Path) -> Path:
    junk = directory / "junk"
    with junk.open("ab", 0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 256)
    return junk


async def opened(path: Path) -> None:
    async with Journal(path):
        pass


async def test_only_its_owner_can_read_it(exist: ExistClient, path: Path) -> None:
    mask = os.umask(0)
    try:
        async with Journal(path) as journal:
            await exist.values.update(steps(1), journal=journal)
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    finally:
        os.umask(mask)

    assert modes == {"journal.db": 0o600, "journal.db-wal": 0o600}
    assert [file.name for file in path.parent.iterdir()] == ["journal.db"]


async def test_a_link_to_a_file_that_is_not_there_creates_it_for_its_owner_only(path: Path) -> None:
    target = path.with_name("target.db")
    path.symlink_to(target)
    await opened(path)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


async def test_the_file_stays_if_another_process_opens_it_just_after_it_was_created(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(sqlite3.connect(path.with_name("other.db"), isolation_level=None, check_same_thread=False)) as other:
        create = os.open

        def create_and_lock(*arguments: Any) -> int:
            file = create(*arguments)
            other.execute("ATTACH ? AS created", (str(path),))
            other.execute("BEGIN EXCLUSIVE")
            return file

        monkeypatch.setattr("os.open", create_and_lock)
        with pytest.raises(JournalError, match="is open elsewhere"):
            await opened(path)
        assert path.exists()


async def test_a_second_one_in_the_same_process_is_refused(path: Path) -> None:
    async with Journal(path) as journal:
        with pytest.raises(JournalError, match=r"journal\.db is open elsewhere, in this program or another"):
            await opened(path)
        with pytest.raises(ConfigurationError, match="is open already"):
            await journal.__aenter__()
        assert len(await journal.summary()) == 0
    await opened(path)


async def test_a_second_write_at_the_same_time_is_refused(answering: Answering, path: Path) -> None:
    go_on = asyncio.Event()

    async def answer(request: httpx.Request) -> httpx.Response:
        await go_on.wait()
        return succeed(request)

    exist = answering(answer)
    async with Journal(path) as journal:
        first = asyncio.create_task(exist.values.update(steps(1), journal=journal))
        await asyncio.sleep(0)
        with pytest.raises(ConfigurationError, match="in use by another write"):
            await exist.values.update(steps(1), journal=journal)
        go_on.set()
        assert (await first).ok
        assert (await exist.values.update(steps(1), journal=journal)).ok


async def test_a_folder_that_is_not_there_is_named(path: Path) -> None:
    with pytest.raises(
        JournalError, match=r"no/journal\.db can't be opened: .*Check that it is a file, and its folder exists"
    ):
        await opened(path.parent / "no" / "journal.db")


async def test_a_folder_is_no_journal(path: Path) -> None:
    path.mkdir()
    with pytest.raises(JournalError, match="can't be opened"):
        await opened(path)


async def test_a_file_in_a_read_only_folder_is_refused(exist: ExistClient, mount: Mount, tmp_path: Path) -> None:
    folder = tmp_path / "mounted"
    folder.mkdir()
    mount("-t", "tmpfs", "tmpfs", str(folder))
    path = folder / "journal.db"
    async with Journal(path) as journal:
        await exist.values.update(steps(1), journal=journal)
    await asyncio.to_thread(subprocess.run, ["mount", "-o", "remount,ro", str(folder)], check=True)

    for file in (path, folder / "new.db"):
        with pytest.raises(JournalError, match=r"can't be opened: its folder is read-only .*Name a file in another"):
            await opened(file)


async def test_an_empty_file_becomes_a_journal(exist: ExistClient, path: Path) -> None:
    path.touch()
    async with Journal(path) as journal:
        assert (await exist.values.update(steps(1), journal=journal)).ok


@pytest.mark.parametrize(
    "content", [b"some notes", b"not a database, but some text of another kind" * 100, b"SQLite format 3\x00" * 300]
)
async def test_a_file_of_another_kind_is_refused_and_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(JournalError, match=r"is damaged, or no journal: .*Name another file"):
        await opened(path)
    assert path.read_bytes() == content


async def test_a_file_of_another_program_is_refused_and_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE somebodys (value)")
        connection.commit()
    content = path.read_bytes()

    with pytest.raises(JournalError, match="is another SQLite file, and no journal"):
        await opened(path)

    assert path.read_bytes() == content


async def test_a_file_of_a_newer_version_is_refused(exist: ExistClient, path: Path) -> None:
    async with Journal(path) as journal:
        await exist.values.update(steps(1), journal=journal)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 2")

    with pytest.raises(JournalError, match=r"written by a newer version of exist_async \(schema 2\)"):
        await opened(path)


@pytest.mark.parametrize("page", [1, 2, 3, 5, 8])
async def test_a_damaged_file_is_refused_and_nothing_is_sent(
    exist: ExistClient, sandbox: Sandbox, path: Path, page: int
) -> None:
    items = steps(*range(1000))
    async with Journal(path) as journal:
        await exist.values.update(items, journal=journal)
    sandbox.reset_requests()
    with path.open("r+b") as file:
        file.seek(4096 * page)
        file.write(b"\xff" * 4096)

    with pytest.raises(JournalError, match=r"is damaged.*Name another file"):
        async with Journal(path) as journal:
            await exist.values.update(items, journal=journal)

    assert sandbox.requests == []


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE item SET status = 99",
        "UPDATE item SET outcome = '{{'",
        "UPDATE item SET outcome = '[]'",
        "UPDATE item SET item = CAST(x'ff' AS TEXT)",
        "INSERT INTO request VALUES (1, 'x-y')",
    ],
)
async def test_a_record_that_can_t_be_read_is_an_error_and_nothing_is_sent(
    exist: ExistClient, sandbox: Sandbox, path: Path, damage: str
) -> None:
    items = steps(1, 2)
    async with Journal(path) as journal:
        await exist.values.update(items, journal=journal)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(damage)

    with pytest.raises(JournalError, match=r"journal\.db (is damaged|can't be used)"):
        async with Journal(path) as journal:
            await exist.values.update(items, journal=journal)
    assert len(sandbox.requests) == 1


async def test_a_full_disk_is_found_when_it_is_opened(small_disk: Path) -> None:
    junk = fill(small_disk)
    path = small_disk / "journal.db"
    with pytest.raises(JournalError, match="its disk is full"):
        await opened(path)
    junk.unlink()
    await opened(path)


async def test_nothing_is_sent_that_can_t_be_noted_on_a_full_disk(
    exist: ExistClient, sandbox: Sandbox, small_disk: Path
) -> None:
    items = steps(*range(100))
    path = small_disk / "journal.db"
    async with Journal(path) as journal:
        assert (await exist.values.update(items[:10], journal=journal)).ok
        sandbox.reset_requests()
        junk = fill(small_disk)
        for _ in range(2):
            with pytest.raises(JournalError, match=r"its disk is full\. Make space, and call again") as caught:
                await exist.values.update(items, journal=journal)
        assert caught.value.result is not None
        assert statuses(caught.value.result) == ["succeeded"] * 10 + ["not_sent"] * 90
        assert isinstance(caught.value.result[50].cause, JournalError)
        assert sandbox.requests == []
        junk.unlink()
        assert (await exist.values.update(items, journal=journal)).ok
    assert sum(sandbox.batch_sizes) == 90


@pytest.mark.parametrize("keep_outcomes", [True, False])
async def test_outcomes_that_can_t_be_noted_are_told_all_the_same(
    answering: Answering, small_disk: Path, keep_outcomes: bool
) -> None:
    told: list[Any] = []
    path = small_disk / "journal.db"

    def answer(request: httpx.Request) -> httpx.Response:
        fill(small_disk)
        return succeed(request)

    exist = answering(answer, concurrency=1)
    items = [ValueIncrement("steps", n, DAY) for n in range(100)]
    async with Journal(path) as journal:
        with pytest.raises(JournalError, match="its disk is full") as caught:
            await exist.values.increment(items, journal=journal, on_outcome=told.append, keep_outcomes=keep_outcomes)
    if keep_outcomes:
        assert caught.value.result is not None
        assert statuses(caught.value.result) == ["succeeded"] * 35 + ["not_sent"] * 65
    else:
        assert caught.value.summary is not None
        assert caught.value.summary.counts[OutcomeStatus.SUCCEEDED] == 35
    assert len(told) == 100
    (small_disk / "junk").unlink()
    async with Journal(path) as journal:
        # It is not known any more that they succeeded.
        counts = (await journal.summary()).counts
    assert counts[OutcomeStatus.UNKNOWN] == 35


async def test_outcomes_that_could_not_be_noted_are_noted_before_anything_else(
    answering: Answering, small_disk: Path
) -> None:
    """Otherwise the same increments would be sent again."""
    sent: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.content)
        if len(sent) == 1:
            fill(small_disk)
        return succeed(request)

    exist = answering(answer, concurrency=1)
    items = [ValueIncrement("steps", n, DAY) for n in range(100)]
    async with Journal(small_disk / "journal.db") as journal:
        for _ in range(2):
            with pytest.raises(JournalError, match="its disk is full"):
                await exist.values.increment(items, journal=journal)
        assert len(sent) == 1
        (small_disk / "junk").unlink()
        assert (await exist.values.increment(items, journal=journal)).ok
    assert len(set(sent)) == len(sent) == 3


async def test_the_error_of_a_job_is_noted_until_the_next_write(exist: ExistClient, path: Path) -> None:
    def error() -> list[Any]:
        with closing(sqlite3.connect(path)) as connection:
            return connection.execute("SELECT value FROM job WHERE name = 'error'").fetchall()

    async with Journal(path) as journal:
        await exist.values.update(steps(1), journal=journal)
        await journal.note_error("ReauthorizationRequired: ada has to sign in again")
    assert error() == [("ReauthorizationRequired: ada has to sign in again",)]
    async with Journal(path) as journal:
        await exist.values.update(steps(1), journal=journal)
    assert error() == []


async def test_it_can_be_moved_and_opened_again(exist: ExistClient, sandbox: Sandbox, path: Path) -> None:
    journal = Journal(path)
    for count in (1, 2, 3):
        async with journal:
            assert (await exist.values.update(steps(*range(count)), journal=journal)).ok
    moved = path.with_name("moved.db")
    shutil.move(path, moved)
    async with Journal(moved) as journal:
        assert (await exist.values.update(steps(0, 1, 2), journal=journal)).ok
    assert sandbox.batch_sizes == [1, 1, 1]
    assert repr(journal) == f"Journal({str(moved)!r})"


async def test_it_is_a_file_that_other_programs_can_read(exist: ExistClient, path: Path) -> None:
    async with Journal(path) as journal:
        await exist.values.update([*steps(7.0), ValueUpdate("nothing", DAY, 1)], journal=journal)
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(
            "SELECT position, item, name FROM item JOIN status ON item.status = status.code ORDER BY position"
        ).fetchall()
        job = dict(connection.execute("SELECT name, value FROM job"))

    assert rows == [
        (0, '{"name":"steps","date":"2026-11-20","value":7}', "succeeded"),
        (1, '{"name":"nothing","date":"2026-11-20","value":1}', "refused"),
    ]
    assert (job["kind"], job["service"]) == ("update", "https://exist.io")
    assert "a-token" not in path.read_bytes().decode(errors="replace")


async def test_a_kind_of_write_that_this_version_does_not_know_is_refused(exist: ExistClient, path: Path) -> None:
    async with Journal(path) as journal:
        await exist.values.update(steps(1), journal=journal)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE job SET value = 'delete' WHERE name = 'kind'")
        connection.commit()

    with pytest.raises(JournalError, match=r"has an unknown kind of write, 'delete'\. Name another file"):
        await opened(path)


async def test_an_item_that_is_no_json_is_named_and_nothing_is_sent(
    exist: ExistClient, sandbox: Sandbox, path: Path
) -> None:
    items = steps(1, 2, 3)
    object.__setattr__(items[1], "name", "\ud800")  # a name that ValueUpdate refuses
    async with Journal(path) as journal:
        with pytest.raises(ConfigurationError, match=r"items\[1\]: an item can't be written as JSON"):
            await exist.values.update(items, journal=journal)

    assert sandbox.requests == []


async def test_a_journal_of_a_version_that_writes_numbers_otherwise_is_the_same(
    exist: ExistClient, sandbox: Sandbox, path: Path
) -> None:
    async with Journal(path) as journal:
        await exist.values.update(steps(0.5), journal=journal)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE item SET item = replace(item, '0.5', '5e-1')")
        connection.commit()
    sandbox.reset_requests()

    async with Journal(path) as journal:
        await exist.values.update(steps(0.5), journal=journal)

    assert sandbox.requests == []
