"""The sandbox on loopback, for the faults that it can make, and clients of it whose waits take no time."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

from faults.observe import DAY, SECRET, Call, Seen, get, increment, observe, quick, update

from exist_async import ExistClient
from exist_async.sandbox import Sandbox

CALLS: dict[str, Call] = {"get": get, "update": update, "increment": increment}
"""The three kinds of calls, by the names of a row's cells."""

PATHS = {"get": "accounts/profile/", "update": "attributes/update/", "increment": "attributes/increment/"}
"""What each of them asks."""


def a_sandbox(**options: Any) -> Sandbox:
    """Return a sandbox in which the calls of the three kinds succeed."""
    sandbox = Sandbox(token=SECRET, **options)
    sandbox.add_attribute(template="coffees", service=sandbox.service)
    return sandbox


@asynccontextmanager
async def served(sandbox: Sandbox, clock: Any = None, **options: Any) -> AsyncGenerator[ExistClient, None]:
    """Serve a sandbox, and give a client of it; with a clock its waits take no time."""
    async with sandbox.serve() as url, quick(url, **options) as client:
        if clock is not None:
            with_clock(client, clock)
        yield client


def with_clock(client: ExistClient, clock: Any) -> ExistClient:
    """Let a client go by a clock that passes when somebody sleeps."""
    client._session._sleep = clock.sleep
    client._session._clock = clock
    return client


def asked(sandbox: Sandbox, kind: str) -> int:
    """Return how many requests of a kind the service has seen."""
    return sum(request.path.endswith(PATHS[kind]) for request in sandbox.requests)


def applied(sandbox: Sandbox, kind: str) -> Callable[[], int] | None:
    """Return what counts the items of writes of a kind that the service has carried out; nothing counts for a read."""
    if kind == "get":
        return None
    if kind == "increment":
        return lambda: int(sandbox.values("coffees").get(DAY) or 0)
    # An update leaves no other trace. No fault here carries one out that it answers with an error.
    return lambda: sum(
        request.path.endswith(PATHS[kind]) and request.status is not None and request.status < 300
        for request in sandbox.requests
    )


async def see(client: ExistClient, sandbox: Sandbox, kind: str) -> Seen:
    """Make a call of a kind, and say what it did; no request may have been seen that it does not count."""
    before = asked(sandbox, kind)
    seen = await observe(client, CALLS[kind], applied(sandbox, kind))
    assert asked(sandbox, kind) - before <= seen.attempts
    return seen


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what nobody tells of."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.001)
