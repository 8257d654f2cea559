"""A job with a journal that runs in a process of its own, which is killed; and that process itself."""

import asyncio
import datetime as dt
import os
import signal
import sys
from random import Random
from typing import Any

from exist_async import (
    ExistAsyncError,
    ExistClient,
    Journal,
    OutcomeStatus,
    PostgresJournal,
    ValueIncrement,
    ValueUpdate,
)
from exist_async.journals.base import StoredJournal
from exist_async.sandbox import Sandbox

END = dt.date(2026, 11, 20)
CONCURRENCY = 4


def items_of(method: str, count: int) -> list[Any]:
    """Updates of 20 attributes, or increments by one of 20 days."""
    if method == "increment":
        return [ValueIncrement("attribute_0", 1, END - dt.timedelta(days=n % 20)) for n in range(count)]
    return [ValueUpdate(f"attribute_{n % 20}", END - dt.timedelta(days=n // 20), n) for n in range(count)]


def prepare(sandbox: Sandbox) -> None:
    for number in range(20):
        name = f"attribute_{number}"
        sandbox.add_attribute(name=name, group="health", value_type=0, service=sandbox.service)
        sandbox.set_values(name, {END - dt.timedelta(days=day): 0 for day in range(20)})


Place = tuple[str, str]
"""The path of a journal, and an empty string; or the URL of a PostgreSQL, and a schema."""


def journal_at(place: Place) -> StoredJournal:
    where, schema = place
    return PostgresJournal(where, "killed", schema=schema) if schema else Journal(where)


class Job:
    """A job that is started again after each kill.

    Attributes:
        runs: Number of times that it was started.
    """

    def __init__(self, sandbox: Sandbox, url: str, place: Place, method: str, count: int, random: Random) -> None:
        self.runs = 0
        self._sandbox = sandbox
        self._random = random
        self._command = [sys.executable, __file__, url, sandbox.token, *place, method, str(count)]

    async def start(self) -> asyncio.subprocess.Process:
        """Start it, and return its process."""
        return await asyncio.create_subprocess_exec(
            *self._command, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, stderr=asyncio.subprocess.PIPE
        )

    async def run(self, *, kill_after: int | None = None) -> bool:
        """Run it, and kill it soon after it has made a number of requests; return whether it ended by itself before."""
        self.runs += 1
        process = await self.start()
        ended = asyncio.create_task(process.wait())
        wanted = len(self._sandbox.requests) + (kill_after or 0)
        while not ended.done() and (kill_after is None or len(self._sandbox.requests) < wanted):  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        await asyncio.sleep(self._random.random() * 0.02 if kill_after is not None else 0)
        if not ended.done():
            process.send_signal(signal.SIGKILL)
        code = await ended
        assert process.stderr is not None
        assert code in (0, -signal.SIGKILL), (await process.stderr.read()).decode()
        return code == 0


async def main(url: str, token: str, place: str, schema: str, method: str, count: str) -> None:
    limiter = {"rate_limiter": None, "concurrency": CONCURRENCY}
    async with journal_at((place, schema)) as journal, ExistClient(token, base_url=url, **limiter) as exist:  # type: ignore[arg-type]
        items = items_of(method, int(count))
        try:
            await getattr(exist.values, method)(iter(items), journal=journal, keep_outcomes=False)
        except ExistAsyncError as error:
            # Increments that were being sent when the process was killed.
            if error.summary is None or error.summary.counts[OutcomeStatus.NOT_SENT]:
                raise


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
