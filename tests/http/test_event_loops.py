"""Connections end with their event loop, however it ends, and Python has nothing to warn about."""

import asyncio
import sys
from asyncio.subprocess import PIPE

import pytest

from exist_async.sandbox import Sandbox

# Seconds of a request, so that each of those that begin together needs its own connection.
OVERLAP = 0.1

BEGIN = """
import asyncio, gc, os, sys, threading, warnings
from exist_async import ExistClient

gc.disable()  # what only the garbage collector closes counts as open

def sockets():
    return sum(os.readlink(f"/proc/self/fd/{fd}").startswith("socket:") for fd in os.listdir("/proc/self/fd")
               if os.path.islink(f"/proc/self/fd/{fd}"))

before = sockets()
token, url = sys.argv[1:]
client = ExistClient(token, base_url=url)

async def use(client=client):
    await asyncio.gather(*(client.profile.get() for _ in range(3)))

def check(expected):
    assert sockets() - before == expected, sockets() - before
"""

PROGRAMS = {
    "asyncio.run for each use": """
for _ in range(3):
    asyncio.run(use())
    check(0)
""",
    "a runner": """
with asyncio.Runner() as runner:
    runner.run(use())
    runner.run(use())
check(0)
""",
    "requests in flight when the loop ends": """
async def begin():
    await use()
    calls = [asyncio.create_task(client.profile.get()) for _ in range(3)]
    for _ in range(10):
        await asyncio.sleep(0)
asyncio.run(begin())
check(0)
asyncio.run(use())
check(0)
""",
    "threads with loops of their own": """
threads = [threading.Thread(target=asyncio.run, args=(use(),)) for _ in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
check(0)
""",
    "a client that is forgotten while its loop goes on": """
async def forget():
    other = ExistClient(token, base_url=url)
    before = sockets()
    await use(other)
    assert sockets() > before
    del other
    await asyncio.sleep(0.1)
    assert sockets() == before
    assert len(asyncio.all_tasks()) == 1
asyncio.run(forget())
""",
    "loops closed by hand": """
for _ in range(3):
    loop = asyncio.new_event_loop()
    loop.run_until_complete(use())
    loop.close()
    check(3)  # those of this loop, and no earlier one's
asyncio.run(client.aclose())
check(0)
""",
    "loops closed by hand, and a client that is not": """
loop = asyncio.new_event_loop()
loop.run_until_complete(use())
loop.close()
""",
    "a client closed on the last of its loops": """
async def end():
    await use()
    await client.aclose()
asyncio.run(use())
asyncio.run(end())
check(0)
""",
    "a client closed while another loop pauses": """
loop = asyncio.new_event_loop()
loop.run_until_complete(use())
asyncio.run(client.aclose())
loop.run_until_complete(asyncio.sleep(0.1))
loop.close()
check(0)
""",
    "a client closed while another loop pauses that never goes on": """
loop = asyncio.new_event_loop()
loop.run_until_complete(use())
asyncio.run(client.aclose())
loop.close()
""",
    "a loop in a daemon thread that ends with the program": """
loop = asyncio.new_event_loop()
threading.Thread(target=loop.run_forever, daemon=True).start()
asyncio.run_coroutine_threadsafe(use(), loop).result()
""",
    "a loop that goes on after its generators were closed": """
async def go_on():
    await use()
    await asyncio.get_running_loop().shutdown_asyncgens()
    with warnings.catch_warnings(action="ignore"):  # asyncio says that this is late
        await use()
    await client.aclose()
asyncio.run(go_on())
check(0)
""",
}


async def run(program: list[str], text: str = "") -> tuple[str, str]:
    process = await asyncio.create_subprocess_exec(*program, stdin=PIPE, stdout=PIPE, stderr=PIPE)
    async with asyncio.timeout(60):
        output, errors = await process.communicate(text.encode())
    assert process.returncode == 0, errors.decode()
    return output.decode(), errors.decode()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="counts the descriptors in /proc")
@pytest.mark.parametrize("program", PROGRAMS.values(), ids=[*PROGRAMS])
async def test_connections_are_closed_with_their_event_loop_and_nothing_is_warned_about(
    sandbox: Sandbox, program: str
) -> None:
    sandbox.latency = OVERLAP
    async with sandbox.serve() as url:
        command = [sys.executable, "-W", "error", "-c", BEGIN + program, sandbox.token, url]
        _, errors = await run(command)

    assert errors == ""


@pytest.mark.slow
async def test_the_repl_of_asyncio_ends_without_a_warning(sandbox: Sandbox) -> None:
    async with sandbox.serve() as url:
        lines = [
            "from exist_async import ExistClient",
            f"exist = ExistClient({sandbox.token!r}, base_url={url!r})",
            "print((await exist.profile.get()).username)",
        ]
        output, errors = await run([sys.executable, "-W", "error", "-m", "asyncio"], "\n".join(lines) + "\n")

    assert "ada" in output.split()
    assert "Unclosed" not in errors
    assert "Warning" not in errors


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="has no fork")
async def test_a_child_that_exits_leaves_its_parent_s_connections_alone(sandbox: Sandbox) -> None:
    program = """
loop = asyncio.new_event_loop()
loop.run_until_complete(use())
child = os.fork()
if not child:
    warnings.simplefilter("ignore")  # the parent's loop is not closed here
    sys.exit()
assert os.waitpid(child, 0)[1] == 0
loop.run_until_complete(asyncio.wait_for(use(), 10))
check(3 + 2)  # a loop has two of its own
loop.run_until_complete(client.aclose())
loop.close()
check(0)
"""
    sandbox.latency = OVERLAP
    async with sandbox.serve() as url:
        await run([sys.executable, "-W", "error", "-c", BEGIN + program, sandbox.token, url])

    assert {request.status for request in sandbox.requests} == {200}
