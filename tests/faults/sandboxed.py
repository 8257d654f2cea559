"""The sandbox on loopback, for the faults that it can make, and clients of it whose waits take no time."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

from faults.observe import DAY, SECRET, Call, Seen, get, increment, observe, quick, update

from exist_async import ExistClient
from exist_async.sandbox import Sandbox

CALLS: dict[str, Call] = {"get": get, "update": update, "increment": increment}
"""The three kinds of calls, by the names of a row's cells."""

PATHS = {"get": "accounts/profile/", "update": "attributes/update/", "increment": "attributes/increment/"}
"""The path that each kind of call requests."""


def a_sandbox(**options: Any) -> Sandbox:
    """Return a sandbox in which the calls of the three kinds succeed."""
    sandbox = Sandbox(token=SECRET, **options)
    sandbox.add_attribute(template="coffees", service=sandbox.service)
    return sandbox


@asynccontextmanager
async def served(sandbox: Sandbox, clock: Any = None, **options: Any) -> AsyncGenerator[ExistClient, None]:
    """Serve a sandbox, and give a client of it; with a clock its waits take no time."""
    timing = {} if clock is None else timed_by(clock)
    async with sandbox.serve() as url, quick(url, **(timing | options)) as client:
        yield client


def timed_by(clock: Any) -> dict[str, Any]:
    """Return the options of a client for which time passes only when it sleeps."""
    return {"clock": clock, "sleep": clock.sleep}


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
