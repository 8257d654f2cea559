"""The file of a mirror: who may use it, and the error if it can't be used, which leaves it as it is."""
# ruff: noqa: ASYNC240  (they are small files, and nothing else runs on the loop)

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from mirror_files import NOW, SERVICE, contents, days, read, store, write

from exist_async import ConfigurationError, Journal, MirrorError, UserProfile
from exist_async.mirror import Mirror, rows, schema

USES: list[Callable[[Path], Awaitable[None]]] = [read, write]


@pytest.fixture(params=USES)
def use(request: pytest.FixtureRequest) -> Callable[[Path], Awaitable[None]]:
    """Reading the file, or writing it."""
    use: Callable[[Path], Awaitable[None]] = request.param
    return use


async def test_only_its_owner_can_read_it(path: Path) -> None:
    mask = os.umask(0)
    try:
        async with Mirror(path) as mirror, mirror._database.locked():
            await mirror._database.write(rows.put_values, [("steps", days(1)[0])], NOW)
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    finally:
        os.umask(mask)

    assert {name: mode for name, mode in modes.items() if not name.endswith("-shm")} == {
        "exist.db": 0o600,
        "exist.db-wal": 0o600,
        "exist.db.lock": 0o600,
    }


async def test_reading_leaves_nothing_beside_it(path: Path) -> None:
    await write(path)
    before = contents(path.parent)

    await read(path)

    assert contents(path.parent) == before
    assert sorted(before) == ["exist.db", "exist.db.lock"]


async def test_nothing_in_it_changes_if_nothing_is_written(path: Path) -> None:
    """For example if a pull is refused because the file is of another user."""
    await write(path)
    before = contents(path.parent)
    async with Mirror(path) as mirror:
        with pytest.raises(ConfigurationError, match="has the data of 'ada'"):
            await store(mirror, {"steps": days(2)}, user="bob")
    assert contents(path.parent) == before


async def test_what_reads_can_t_write(path: Path) -> None:
    await write(path)
    async with Mirror(path) as mirror:
        with pytest.raises(MirrorError, match="can't be read: it is read-only"):
            await mirror._database.read(rows.put_values, [("steps", days(2)[0])], NOW)


async def test_a_second_writer_is_told_at_once_and_readers_go_on(path: Path) -> None:
    await write(path)
    async with Mirror(path) as mirror, Mirror(path) as second, mirror._database.locked():
        for one in (mirror, second):
            with pytest.raises(MirrorError, match=r"another pull into the mirror .* is running"):
                await store(one, {"steps": days(2)})
        assert [value.value async for _, value in second.history()] == [1]
    await write(path)


async def test_it_must_be_opened_first(path: Path) -> None:
    mirror = Mirror(path)
    with pytest.raises(ConfigurationError, match="is not open: use it in `async with Mirror"):
        await mirror.attributes()
    async with mirror:
        with pytest.raises(ConfigurationError, match="is open already"):
            await mirror.__aenter__()


async def test_a_cancelled_writer_leaves_it_to_the_next_one(path: Path) -> None:
    async with Mirror(path) as mirror:
        for moment in range(6):
            writing = asyncio.create_task(store(mirror, {"steps": days(moment)}))
            await asyncio.sleep(moment * 0.002)
            writing.cancel()
            await asyncio.wait([writing])
            await store(mirror, {"steps": days(100 + moment)})
            assert [value.value async for _, value in mirror.history()] == [100 + moment]


async def test_an_empty_file_becomes_a_mirror(path: Path) -> None:
    path.touch()
    with pytest.raises(MirrorError, match="is empty: pull into it first"):
        await read(path)
    assert contents(path.parent) == {"exist.db": b""}
    await write(path)
    await read(path)


@pytest.mark.parametrize(
    "content",
    [
        b"x",
        b"1,2\n" * 100,
        b"x" * 511,
        b"x" * 512,
        b"not a database, but some text of another kind" * 100,
        b"SQLite format 3\x00" * 300,
        b"PAR1" * 200,
    ],
)
async def test_a_file_of_another_kind_is_refused_and_left_alone(
    use: Callable[[Path], Awaitable[None]], path: Path, content: bytes
) -> None:
    path.write_bytes(content)
    with pytest.raises(MirrorError, match=r"is damaged, or no mirror: .*Pull into another file"):
        await use(path)
    assert contents(path.parent) == {"exist.db": content}


@pytest.fixture(params=["delete", "wal", "journal"])
async def foreign_file(request: pytest.FixtureRequest, path: Path) -> Path:
    """A SQLite file of another program, or of a journal of this package."""
    if request.param == "journal":
        async with Journal(path):
            pass
    else:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(f"PRAGMA journal_mode = {request.param}")
            connection.execute("CREATE TABLE value (attribute, date, number, text)")
            connection.commit()
    return path


async def test_a_sqlite_file_of_another_program_is_refused_and_left_alone(
    use: Callable[[Path], Awaitable[None]], foreign_file: Path
) -> None:
    before = contents(foreign_file.parent)
    with pytest.raises(MirrorError, match="is another SQLite file, and no mirror: name another file"):
        await use(foreign_file)
    assert contents(foreign_file.parent) == before


@pytest.mark.parametrize("first", ["PRAGMA application_id = 5", "SELECT 1"])
async def test_a_file_that_another_program_has_not_finished_is_left_alone(
    use: Callable[[Path], Awaitable[None]], path: Path, first: str
) -> None:
    """Opening it would move what is in its write-ahead log into the file, which looks like an empty one until then."""
    program = (
        "import os, sqlite3; c = sqlite3.connect('exist.db', isolation_level=None);"
        f"c.execute('PRAGMA journal_mode=WAL'); c.execute('{first}');"
        "c.execute('PRAGMA wal_checkpoint'); c.execute('CREATE TABLE t (a)'); os._exit(0)"
    )
    await asyncio.to_thread(subprocess.run, [sys.executable, "-c", program], cwd=path.parent, check=True)
    before = contents(path.parent)
    assert "exist.db-wal" in before

    with pytest.raises(MirrorError, match="is another SQLite file"):
        await use(path)

    assert contents(path.parent) == before


async def test_a_file_of_a_newer_version_is_refused_and_left_alone(
    use: Callable[[Path], Awaitable[None]], path: Path
) -> None:
    await write(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = contents(path.parent)
    with pytest.raises(MirrorError, match=r"written by a newer version of exist_async \(schema 99\): use that version"):
        await use(path)
    assert contents(path.parent) == before


async def test_a_newer_version_that_has_the_file_open_is_noticed(
    use: Callable[[Path], Awaitable[None]], path: Path
) -> None:
    await write(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA user_version = 99")  # in the write-ahead log alone
        with pytest.raises(MirrorError, match=r"written by a newer version"):
            await use(path)


async def test_a_folder_is_no_mirror(use: Callable[[Path], Awaitable[None]], path: Path) -> None:
    path.mkdir()
    with pytest.raises(MirrorError, match="is a folder, and no mirror: name another file"):
        await use(path)
    assert list(path.iterdir()) == []


async def test_a_device_is_no_mirror(use: Callable[[Path], Awaitable[None]], path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(MirrorError, match="is no regular file, and no mirror"):
        await use(path)


async def test_another_user_of_the_system_is_told_to_be_its_owner(use: Callable[[Path], Awaitable[None]]) -> None:
    user = os.geteuid()
    with TemporaryDirectory() as folder:  # every user may look into it
        Path(folder).chmod(0o755)
        path = Path(folder) / "exist.db"
        await write(path)
        path.chmod(0 if user else 0o600)
        if not user:
            os.seteuid(65534)
        try:
            with pytest.raises(
                MirrorError, match="can't be read by this user of the system: run the program as its owner"
            ):
                await use(path)
        finally:
            os.seteuid(user)


async def test_a_folder_that_does_not_exist_is_named(path: Path) -> None:
    path = path.parent / "no" / "exist.db"
    with pytest.raises(MirrorError, match=r"no/exist\.db can't be created: its folder does not exist"):
        await write(path)
    with pytest.raises(MirrorError, match="does not exist: pull into it first"):
        await read(path)
    assert not path.parent.exists()


async def test_a_link_to_a_file_that_is_not_there_creates_it_for_its_owner_only(path: Path) -> None:
    target = path.with_name("target.db")
    path.symlink_to(target)
    await write(path)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    await read(path)


@pytest.mark.parametrize("name", ["a b?c#d%20.db", "ünï.db", "file:x.db", "'\".db", os.fsdecode(b"\xff.db")])
async def test_its_name_may_have_any_characters(tmp_path: Path, name: str) -> None:
    await write(tmp_path / name)
    await read(tmp_path / name)
    assert (tmp_path / name).stat().st_size > 0


async def test_a_file_that_another_program_has_locked_can_be_read_and_not_written(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exist_async.mirror.database._TIMEOUT", 0.05)
    await write(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        await read(path)
        with pytest.raises(MirrorError, match="can't be opened: another program has locked it"):
            await write(path)
        connection.execute("ROLLBACK")
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("COMMIT")
    await write(path)


@pytest.mark.parametrize("page", range(1, 30, 3))
async def test_a_damaged_file_is_refused_before_anything_is_written(path: Path, page: int) -> None:
    async with Mirror(path) as mirror:
        await store(mirror, {f"attribute_{number}": days(*range(400)) for number in range(5)})
    with path.open("r+b") as file:
        file.seek(4096 * page)
        file.write(b"\xff" * 4096)
    before = contents(path.parent)

    with pytest.raises(MirrorError, match=r"is damaged.*Pull into another file"):
        await write(path)

    assert contents(path.parent) == before


async def test_a_checkpoint_that_a_crash_interrupts_loses_nothing(path: Path, tmp_path: Path) -> None:
    """The header of the file already tells of pages that are only in the write-ahead log."""
    values = {f"attribute_{number}": days(*range(400)) for number in range(5)}
    async with Mirror(path) as mirror:
        database = mirror._database
        async with database.locked():
            await database.write(rows.begin_pull, SERVICE, UserProfile("ada"), NOW)
            await database.write(rows.put_values, [(name, day) for name in values for day in values[name]], NOW)
            before = contents(path.parent)
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    (crashed / "exist.db-wal").write_bytes(before["exist.db-wal"])
    (crashed / "exist.db").write_bytes(path.read_bytes()[:4096] + before["exist.db"][4096:])

    async with Mirror(crashed / "exist.db") as mirror:
        found = [item async for item in mirror.history()]
        assert found == [(name, day) for name in values for day in values[name]]
        assert await store(mirror, values) == (0, 0)


async def test_damage_that_is_found_while_reading_is_an_error(path: Path) -> None:
    async with Mirror(path) as mirror:
        await store(mirror, {f"attribute_{number}": days(*range(400)) for number in range(5)})
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (size - 4096))

    async with Mirror(path) as mirror:
        with pytest.raises(MirrorError, match=r"is damaged.*Pull into another file"):
            _ = [item async for item in mirror.history()]


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE value SET date = '2026-13-01'",
        "UPDATE value SET number = 'seven'",
        "UPDATE value SET number = NULL, text = CAST(x'ff' AS TEXT)",
        "UPDATE attribute SET available_services = '{{'",
        "DROP TABLE value",
    ],
)
async def test_a_row_that_can_t_be_read_is_an_error(path: Path, damage: str) -> None:
    await write(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(damage)
    async with Mirror(path) as mirror:
        with pytest.raises(MirrorError, match=r"exist\.db is damaged, or no mirror: .*Pull into another file"):
            _ = [item async for item in mirror.history()]


async def test_the_application_id_tells_mirrors_from_other_files(path: Path) -> None:
    await write(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (schema.APPLICATION,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
