"""Several processes and the journal of one job."""

import asyncio
import datetime as dt
import os
import signal
import subprocess
import sys

import pytest
from killing import Place, journal_at

from exist_async import ExistClient, OutcomeStatus, ValueUpdate

pytestmark = pytest.mark.slow

DAY = dt.date(2026, 11, 20)


def steps(*values: float) -> list[ValueUpdate]:
    return [ValueUpdate("steps", DAY - dt.timedelta(days=day), value) for day, value in enumerate(values)]


ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


async def run(code: str, place: Place) -> "subprocess.CompletedProcess[str]":
    """Run a program to its end."""
    command = [sys.executable, "-W", "ignore", "-c", code, *place]
    return await asyncio.to_thread(
        subprocess.run, command, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )


_FORKING = """
import asyncio, datetime, gc, os, signal, sys, threading
import httpx
from exist_async import ExistAsyncError, ExistClient, ValueIncrement
from exist_async.sandbox import Sandbox
from killing import journal_at

async def main():
    sandbox = Sandbox()
    sandbox.add_attribute(template="steps", service=sandbox.service)
    items = [ValueIncrement("steps", 1, datetime.date(2026, 11, 20))] * 40
    http_client = httpx.AsyncClient(transport=sandbox.transport())
    exist = ExistClient(sandbox.token, http_client=http_client)
    journal = await journal_at(sys.argv[1:3]).__aenter__()
    await exist.values.increment(items[:20], journal=journal)
    child = os.fork()
    if child == 0:
        def use() -> None:
            try:
                asyncio.run(journal.summary())
            except ExistAsyncError as error:
                print("child:", error, flush=True)

        try:
            thread = threading.Thread(target=use)
            thread.start()
            thread.join()
            del use, journal
            gc.collect()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    await exist.values.increment(items, journal=journal)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def test_a_forked_process_leaves_it_to_its_parent(place: Place) -> None:
    ended = await run(_FORKING, place)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert "is not open" in ended.stdout
    async with journal_at(place) as journal:
        assert (await journal.summary()).counts[OutcomeStatus.SUCCEEDED] == 40


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
async def test_a_second_one_in_another_process_is_refused(exist: ExistClient, place: Place) -> None:
    code = (
        "import asyncio, sys; from killing import journal_at\n"
        "async def main():\n"
        "    async with journal_at(sys.argv[1:3]): pass\n"
        "asyncio.run(main())"
    )
    async with journal_at(place) as journal:
        await exist.values.update(steps(1), journal=journal)
        refused = await run(code, place)
        assert (await exist.values.update(steps(1, 2), journal=journal)).ok
    allowed = await run(code, place)

    assert "JournalError: the journal" in refused.stderr
    assert "is open elsewhere" in refused.stderr
    assert allowed.returncode == 0, allowed.stderr


async def test_of_programs_that_begin_one_at_the_same_time_one_goes_on(place: Place) -> None:
    code = (
        "import asyncio, sys; from exist_async import JournalError; from killing import journal_at\n"
        "async def main():\n"
        "    sys.stdin.readline()\n"
        "    try:\n"
        "        async with journal_at(sys.argv[1:3]):\n"
        "            print('open', flush=True)\n"
        "            await asyncio.to_thread(sys.stdin.readline)\n"
        "    except JournalError as error:\n"
        "        print('refused' if 'open elsewhere' in str(error) else error, flush=True)\n"
        "asyncio.run(main())"
    )
    pipe = asyncio.subprocess.PIPE
    programs = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, *place, stdin=pipe, stdout=pipe, env=ENVIRONMENT
        )
        for _ in range(4)
    ]
    lines = []
    for program in programs:
        assert program.stdin is not None
        program.stdin.write(b"go\n")
    for program in programs:
        assert program.stdout is not None
        lines.append((await program.stdout.readline()).strip().decode())
    for program in programs:
        await program.communicate(b"end\n")

    assert sorted(lines) == ["open", "refused", "refused", "refused"]
