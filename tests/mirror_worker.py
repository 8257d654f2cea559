"""A pull into a mirror that runs in a process of its own, which is killed; and that process itself."""

import asyncio
import datetime as dt
import os
import sqlite3
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from signal import SIGKILL

from exist_async import ExistClient
from exist_async.mirror import Mirror
from exist_async.sandbox import Sandbox

END = dt.date(2026, 11, 20)
NOON = dt.datetime(2026, 11, 20, 1, tzinfo=dt.UTC)  # in Melbourne
CONCURRENCY = 4
DAYS = 310
"""Ten windows of 31 days."""

ATTRIBUTES = 104
"""Two pages of a window."""

VALUES = "attributes/with-values/"


def start_of(days: int) -> dt.date:
    return END - dt.timedelta(days=days - 1)


def fill(sandbox: Sandbox) -> None:
    """Give the first user attributes of several types, some of which have a value on few days."""
    dates = [END - dt.timedelta(days=ago) for ago in range(DAYS)]
    for number in range(ATTRIBUTES):
        name, value_type = f"attribute_{number}", number % 4
        every = 7 if number % 5 == 0 else 1
        values = {day: [ago, ago + 0.5, f"note {ago}", ago][value_type] for ago, day in enumerate(dates[::every])}
        sandbox.add_attribute(name=name, group="health", value_type=value_type, service=sandbox.service)
        sandbox.set_values(name, values)


def values_in(file: Path) -> dict[tuple[str, str], object]:
    """Return all values of a mirror's file with their types, and check that SQLite finds nothing wrong with it."""
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        rows = connection.execute("SELECT attribute, date, coalesce(number, text) FROM value")
        return {(name, day): (type(value), value) for name, day, value in rows}


def values_of(sandbox: Sandbox) -> dict[tuple[str, str], object]:
    """Return all values of the first user as `values_in` does."""
    return {
        (attribute.name, day.isoformat()): (type(value), value)
        for attribute in sandbox.user.attributes
        for day, value in sandbox.values(attribute.name).items()
    }


class Pull:
    """A pull that is started again after each kill.

    Attributes:
        file: The mirror's file.
        kills: Number of times that its process was killed.
        requests: Number of requests, by what they were for.
    """

    def __init__(self, sandbox: Sandbox, url: str, file: Path) -> None:
        self.file = file
        self.kills = 0
        self.requests = Counter[str]()
        self._sandbox = sandbox
        self._command = [sys.executable, __file__, url, sandbox.token, str(file)]

    async def run(self, *, kill_after: int | None = None, pause: float = 0.0) -> None:
        """Pull; kill the process some seconds after it has made a number of requests, unless it has ended before."""
        self._sandbox.reset_requests()
        process = await asyncio.create_subprocess_exec(
            *self._command,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stderr=asyncio.subprocess.PIPE,
        )
        ended = asyncio.create_task(process.wait())
        # The sandbox tells nobody of its requests: they are counted again and again.
        while not ended.done() and (kill_after is None or len(self._sandbox.requests) < kill_after):  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        if kill_after is not None:
            await asyncio.sleep(pause)
            if not ended.done():
                process.send_signal(SIGKILL)
        code = await ended
        assert process.stderr is not None
        assert code in (0, -SIGKILL), (await process.stderr.read()).decode()
        self.kills += code != 0
        await asyncio.sleep(4 * self._sandbox.latency)  # until the sandbox has counted what was sent
        self.requests.update(request.path.removeprefix("/api/2/") for request in self._sandbox.requests)


async def main(url: str, token: str, file: str) -> None:
    options = {"rate_limiter": None, "concurrency": CONCURRENCY}
    async with Mirror(file) as mirror, ExistClient(token, base_url=url, **options) as exist:  # type: ignore[arg-type]
        # Without the rotation, whose requests would be counted, too.
        await mirror.pull(exist, since=start_of(DAYS), budget=0)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
