"""The file of a mirror on disks that are full, or that can't be written."""
# ruff: noqa: ASYNC240  (they are small files, and nothing else runs on the loop)

import asyncio
import sqlite3
import subprocess
from contextlib import closing, suppress
from pathlib import Path

import pytest
from mirror_files import contents, days, store, write

from exist_async import MirrorError
from exist_async.mirror import Mirror
from support import Mount


async def test_a_file_that_is_read_only_by_itself_can_be_read_and_not_written(mount: Mount, path: Path) -> None:
    await write(path)
    mount("--bind", str(path), str(path))
    await asyncio.to_thread(subprocess.run, ["mount", "-o", "remount,bind,ro", str(path)], check=True)
    before = path.read_bytes()

    async with Mirror(path) as mirror:
        assert [value.value async for _, value in mirror.history()] == [1]
    with pytest.raises(MirrorError, match="can't be opened: it is read-only"):
        await write(path)

    assert path.read_bytes() == before


async def test_a_mirror_in_a_read_only_folder_can_be_read_and_not_written(mount: Mount, tmp_path: Path) -> None:
    folder = tmp_path / "mounted"
    folder.mkdir()
    mount("-t", "tmpfs", "tmpfs", str(folder))
    path = folder / "exist.db"
    await write(path)
    await asyncio.to_thread(subprocess.run, ["mount", "-o", "remount,ro", str(folder)], check=True)
    before = contents(folder)

    async with Mirror(path) as mirror:
        assert [value.value async for _, value in mirror.history()] == [1]
    for file in (path, folder / "new.db"):
        with pytest.raises(MirrorError, match=r"can't be opened: its folder is read-only"):
            await write(file)

    assert contents(folder) == before


async def test_a_mirror_that_is_written_while_it_is_read_in_a_read_only_folder_is_an_error(
    mount: Mount, tmp_path: Path
) -> None:
    """Two containers may share a folder that is read-only in one of them."""
    (folder := tmp_path / "own").mkdir()
    (shared := tmp_path / "shared").mkdir()
    await write(folder / "exist.db")
    mount("--bind", str(folder), str(shared))
    await asyncio.to_thread(subprocess.run, ["mount", "-o", "remount,bind,ro", str(shared)], check=True)

    def read_slowly(connection: sqlite3.Connection) -> int:
        (before,) = connection.execute("SELECT number FROM value").fetchone()
        with closing(sqlite3.connect(folder / "exist.db", isolation_level=None)) as other:
            other.execute("UPDATE value SET number = number + 1")
        return int(before)

    async with Mirror(shared / "exist.db") as mirror:
        with pytest.raises(MirrorError, match="was written while it was read: read it again"):
            await mirror._database.read(read_slowly)
        assert [value.value async for _, value in mirror.history()] == [2]


async def test_a_full_disk_leaves_what_was_pulled_before(mount: Mount, tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    mount("-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder))
    path = folder / "exist.db"
    await write(path)
    many = {f"attribute_{number}": days(*range(1000)) for number in range(20)}

    async with Mirror(path) as mirror:
        with pytest.raises(MirrorError, match=r"can't be written: its disk is full\. Make space, and call again"):
            await store(mirror, many)
        assert [item async for item in mirror.history(attributes=["steps"])] == [("steps", days(1)[0])]
        assert len([item async for item in mirror.history()]) == 1
    await asyncio.to_thread(subprocess.run, ["mount", "-o", "remount,size=64m", str(folder)], check=True)
    async with Mirror(path) as mirror:
        assert await store(mirror, many) == (20_000, 0)


async def fill(mirror: Mirror, number: int) -> int:
    """Store attributes until the disk is full, and return the number of the first one that is not stored."""
    while True:
        try:
            await store(mirror, {f"attribute_{number}": days(*range(1000))})
        except MirrorError as error:
            assert "its disk is full" in str(error)  # noqa: PT017  (it comes after a number of calls that is not known)
            return number
        number += 1


async def test_a_disk_that_is_full_again_and_again_loses_nothing(mount: Mount, tmp_path: Path) -> None:
    """On a full disk, a part of the write-ahead log is moved into the file."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount("-t", "tmpfs", "-o", "size=400k", "tmpfs", str(folder))
    stored = 0
    for size in (600, 900, 1400, 2000, 3000):
        async with Mirror(folder / "exist.db") as mirror:
            stored = await fill(mirror, stored)
        async with Mirror(folder / "exist.db") as mirror:
            assert len([item async for item in mirror.history()]) == stored * 1000
        await asyncio.to_thread(subprocess.run, ["mount", "-o", f"remount,size={size}k", str(folder)], check=True)
    assert stored > 10


async def test_a_file_can_t_be_created_on_a_full_disk(mount: Mount, tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    mount("-t", "tmpfs", "-o", "size=16k", "tmpfs", str(folder))
    with (folder / "junk").open("wb", 0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 256)
    path = folder / "exist.db"
    with pytest.raises(MirrorError, match="its disk is full"):
        await write(path)
    (folder / "junk").unlink()
    await asyncio.to_thread(subprocess.run, ["mount", "-o", "remount,size=8m", str(folder)], check=True)
    await write(path)
