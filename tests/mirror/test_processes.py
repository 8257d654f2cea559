"""The file of a mirror in several processes, of which some are forked or killed."""
# ruff: noqa: ASYNC240  (they are small files, and nothing else runs on the loop)

import asyncio
import os
import sys
from pathlib import Path

import pytest
from mirror_files import days, read, store, write

from exist_async import MirrorError
from exist_async.mirror import Mirror

pytestmark = pytest.mark.slow

_WRITING = """
import asyncio, sys
from pathlib import Path
from exist_async.mirror import Mirror

async def main():
    async with Mirror(sys.argv[1]) as mirror, mirror._database.locked():
        pass

asyncio.run(main())
"""

_FORKING = """
import asyncio, gc, os, signal, sys, threading
from mirror_files import NOW, days, store
from exist_async import ExistAsyncError
from exist_async.mirror import Mirror, rows

async def main():
    mirror, second = Mirror(sys.argv[1]), Mirror(sys.argv[1])
    await mirror.__aenter__()
    await second.__aenter__()
    await store(second, {"steps": days(1)})
    async with mirror._database.locked():
        await mirror._database.write(rows.put_values, [("steps", days(2)[0])], NOW)
        child = os.fork()
        if child == 0:
            def use() -> None:
                try:
                    asyncio.run(mirror.attributes())
                except ExistAsyncError as error:
                    print("child:", error, flush=True)

            try:
                thread = threading.Thread(target=use)
                thread.start()
                thread.join()
                del use, mirror, second
                gc.collect()
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        try:
            await store(second, {"steps": days(3)})
        except ExistAsyncError as error:
            print("parent:", error, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def run(program: str, path: Path, *arguments: str) -> tuple[str, str]:
    """Run a program with a path and other arguments, and return its standard output and standard error."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, str(path), *arguments),
        cwd=Path(__file__).parents[1],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    return output.decode(), errors.decode()


async def test_a_writer_in_another_process_is_told_of(path: Path) -> None:
    async with Mirror(path) as mirror, mirror._database.locked():
        _, errors = await run(_WRITING, path)
    assert "MirrorError: another pull into the mirror" in errors
    assert await run(_WRITING, path) == ("", "")


async def test_a_forked_process_leaves_the_file_and_its_lock_to_its_parent(path: Path) -> None:
    output, _ = await run(_FORKING, path)

    assert "child: the mirror" in output
    assert "is not open" in output
    assert "parent: another pull into the mirror" in output
    async with Mirror(path) as mirror:
        assert [value.value async for _, value in mirror.history()] == [2]
        assert await store(mirror, {"steps": days(3)}) == (0, 1)


_INTERRUPTED = """
import asyncio, os, sys
from exist_async.mirror import Mirror, database

def interrupt(*arguments):
    os._exit(0)

async def main():
    places = {"created": (database.schema, "migrate"), "migrated": (database.Database, "_close_file")}
    setattr(*places[sys.argv[2]], interrupt)
    async with Mirror(sys.argv[1]) as mirror, mirror._database.locked():
        pass

asyncio.run(main())
"""


async def test_a_file_whose_creation_was_interrupted_becomes_a_mirror(path: Path) -> None:
    await run(_INTERRUPTED, path, "created")
    assert path.stat().st_size > 0
    with pytest.raises(MirrorError, match="is empty: pull into it first"):
        await read(path)
    await write(path)
    await read(path)


async def test_a_file_whose_first_pull_was_interrupted_can_be_read(path: Path) -> None:
    await run(_INTERRUPTED, path, "migrated")
    assert path.with_name("exist.db-wal").stat().st_size > 0
    await read(path)
    await write(path)
