"""Kills first pulls at random moments, starts them again, and compares the files with the service."""

import asyncio
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from random import Random
from signal import SIGKILL
from tempfile import TemporaryDirectory
from typing import Any, Final

from attrs import frozen

from benchmarks import decade
from benchmarks.mirror_pulls import CONCURRENCY, VALUES
from exist_async.sandbox import Sandbox

_LATENCY: Final = 0.01
_POLL: Final = 0.005  # seconds
_LONGEST_PAUSE: Final = 0.1  # seconds
_MOST_KILLS: Final = 3
_LAST_DAYS: Final = 2
"""The requests of each run for the last days, which it reads even if the run before has read them."""


@frozen
class _Run:
    """One run of a process that pulls.

    Attributes:
        requests: Number of requests, by what they were for.
        seconds: Seconds from the start of the process to its end.
        is_killed: Whether the process was killed; otherwise the pull has ended.
    """

    requests: Counter[str]
    seconds: float
    is_killed: bool


async def check_kills(kills: int, days: int, random: Random) -> list[str]:
    """Kill pulls into new files a number of times, up to three times each, and return what is wrong.

    After the kills of a file, a pull runs to its end. Then the file must have the values of the service, and all pulls
    together must have made as many requests for values as one that was not killed, and `CONCURRENCY` for each kill,
    apart from those for the last days.
    """
    every = decade.values(days, sparse=True)
    sandbox = decade.sandbox(latency=_LATENCY)
    decade.fill(sandbox, every)
    findings: list[str] = []
    more = Counter[int]()
    async with sandbox.serve() as url:
        with TemporaryDirectory() as folder:
            whole = await _run(sandbox, url, Path(folder) / "exist.db", days)
        print(f"undisturbed: {dict(whole.requests)} in {whole.seconds:.2f} s", flush=True)
        done = 0
        while done < kills:
            with TemporaryDirectory() as folder:
                file = Path(folder) / "exist.db"
                planned = random.randint(1, min(_MOST_KILLS, kills - done))
                most = whole.requests.total() // planned
                moments = [(random.randint(0, most), random.random() * _LONGEST_PAUSE) for _ in range(planned)]
                runs = [await _run(sandbox, url, file, days, kill_at=moment) for moment in moments]
                runs.append(await _run(sandbox, url, file, days))
                killed = sum(run.is_killed for run in runs)
                done += killed
                used = sum((run.requests for run in runs), Counter[str]())
                in_vain = used[VALUES] - whole.requests[VALUES] - _LAST_DAYS * (len(runs) - 1)
                more[in_vain] += 1
                found = [*_differences(file, every), *_wasted(used, whole.requests, len(runs), killed)]
                findings += [f"after {killed} kills: {finding}" for finding in found]
                print(f"{done} kills", end="\r", flush=True)
        print(
            f"{done} kills; requests for values made again: {dict(sorted(more.items()))} (requests: files)", flush=True
        )
    return findings


async def _run(sandbox: Sandbox, url: str, file: Path, days: int, *, kill_at: tuple[int, float] | None = None) -> _Run:
    """Pull in a process of its own, and kill it if it has not ended some seconds after a number of requests."""
    kill_after, pause = kill_at or (None, 0.0)
    sandbox.reset_requests()  # it keeps the last 10,000
    start = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.mirror_pulls", url, str(file), str(days)
    )
    ended = asyncio.create_task(process.wait())
    # The sandbox tells nobody of its requests: they are counted again and again.
    while not ended.done() and (kill_after is None or len(sandbox.requests) < kill_after):  # noqa: ASYNC110
        await asyncio.sleep(_POLL)
    if kill_after is not None:
        await asyncio.sleep(pause)
        if not ended.done():
            process.send_signal(SIGKILL)
    code = await ended
    assert code in (0, -SIGKILL), f"the pull ended with {code}"
    seconds = time.monotonic() - start
    # Until the service has counted what the process has sent.
    await asyncio.sleep(4 * _LATENCY)
    paths = Counter(request.path.removeprefix("/api/2/") for request in sandbox.requests)
    return _Run(paths, seconds, is_killed=code != 0)


def _wasted(used: Counter[str], least: Counter[str], runs: int, kills: int) -> list[str]:
    allowed = {path: number * runs for path, number in least.items()}
    allowed[VALUES] = least[VALUES] + _LAST_DAYS * (runs - 1) + CONCURRENCY * kills
    return [
        f"{number} requests of {path} instead of {allowed.get(path, 0)} at most"
        for path, number in used.items()
        if number > allowed.get(path, 0)
    ]


def _differences(file: Path, every: Mapping[str, Mapping[Any, decade.Value]]) -> list[str]:
    """Return in what a mirror differs from the values of the service, by reading its file with SQLite alone."""
    expected = {
        (name, day.isoformat()): (type(value), value) for name, days in every.items() for day, value in days.items()
    }
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
        [(health,)] = connection.execute("PRAGMA integrity_check").fetchall()
        rows = connection.execute("SELECT attribute, date, coalesce(number, text) FROM value")
        stored = {(name, day): (type(value), value) for name, day, value in rows}
    findings = [] if health == "ok" else [f"the file is damaged: {health}"]
    for what, keys in (
        ("are missing", expected.keys() - stored.keys()),
        ("are not of the service", stored.keys() - expected.keys()),
        ("differ", [key for key, value in stored.items() if expected.get(key, value) != value]),
    ):
        if keys:
            findings.append(f"{len(keys):,} values {what}, such as {min(keys)}")
    return findings
