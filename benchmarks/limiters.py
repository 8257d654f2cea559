"""Time of taking a slot from each rate limiter. As a program: a process that takes slots as it is told to."""

import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from types import ModuleType
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from attrs import frozen

import exist_async
from benchmarks.report import Comparison, Target
from benchmarks.turns import by_turns, is_trial
from exist_async import MemoryRateLimiter
from exist_async.rate_limits.queue import StoredRateLimiter
from exist_async.rate_limits.slots import Slots, current_slots

if TYPE_CHECKING:
    from benchmarks.server import Origins

_TESTS: Final = Path(__file__).parents[1] / "tests"
_PROCESSES: Final = 3
_TURNS: Final = 5
_LIMIT: Final = 300
_NO_LIMIT: Final = 10**6
_USERS: Final = [f"user-{number}" for number in range(2_000)]
_CONCURRENCY: Final = 8
_SECONDS: Final = 0.4  # for each turn
_SECONDS_IN_A_TRIAL: Final = 0.05
_FEWEST: Final = 5  # slots in a turn, however slow the disk is
_MOST: Final = 2.0  # milliseconds

_MEMORY: Final = "memory, for each process alone"
_SQLITE: Final = "SQLite"
_REDIS: Final = "Redis, without persistence"
_POSTGRES: Final = "PostgreSQL"
_DISK: Final = "the disk: one fdatasync"

_Limiter: TypeAlias = MemoryRateLimiter | StoredRateLimiter

_Task: TypeAlias = Literal["one by one", "299 taken", "concurrently"]


@frozen
class _Kind:
    """A kind of limiter.

    Attributes:
        class_name: Its class.
        places: The file or URL, if it has one.
    """

    class_name: str
    places: Sequence[str] = ()


def run(_origins: "Origins") -> list[Comparison]:
    """Measure by turns, in processes that last for all of them."""
    redis_server, postgres_server = _servers()
    if redis_server.PROGRAM is None or postgres_server.PROGRAMS is None:
        print("The rate limiters are not measured: apt-get install redis-server postgresql", end="\n\n")
        return []
    with ExitStack() as stack:
        kinds = stack.enter_context(_kinds())
        workers = {name: [_Worker(kind) for _ in range(_PROCESSES)] for name, kind in kinds.items()}
        for each in workers.values():
            for worker in each:
                stack.enter_context(closing(worker))
        return [
            Comparison(
                "Taking a slot, by one process",
                "milliseconds, the median of a turn",
                _medians(workers, 1, "one by one"),
                _REDIS,
                [Target(_MOST, row=_POSTGRES)],
            ),
            Comparison(
                f"Taking a slot while {_PROCESSES} processes do so without a pause",
                "milliseconds, the median of a turn",
                _medians(workers, _PROCESSES, "one by one"),
                _REDIS,
                [Target(_MOST, row=_POSTGRES)],
                "As the client does: the slot is in flight, and is settled before the next one is taken.",
            ),
            Comparison(
                f"Taking a slot of a user who has taken {_LIMIT - 1} of {_LIMIT}, by one process",
                "milliseconds, the median of a turn",
                _medians(workers, 1, "299 taken"),
                _REDIS,
                [Target(_MOST, row=_POSTGRES)],
            ),
            *(
                Comparison(
                    f"Slots taken and settled by {'one process' if number == 1 else f'{number} processes'}, "
                    f"{_CONCURRENCY} at a time in each",
                    "slots a second: more is better",
                    _rates(workers, number),
                    _REDIS,
                )
                for number in (1, _PROCESSES)
            ),
        ]


class _Worker:
    """A process that takes slots from a limiter of its own."""

    def __init__(self, kind: _Kind) -> None:
        command = [sys.executable, "-m", "benchmarks.limiters", kind.class_name, *kind.places]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def start(self, task: _Task) -> None:
        """Begin to take slots."""
        assert self._process.stdin is not None
        print(json.dumps([task, _seconds()]), file=self._process.stdin, flush=True)

    def result(self) -> list[float]:
        """Return the seconds of each slot, or the slots a second if they are taken concurrently."""
        assert self._process.stdout is not None
        seconds: list[float] = json.loads(self._process.stdout.readline())
        return seconds

    def close(self) -> None:
        """End the process, which reads until its input ends."""
        self._process.communicate()


def _medians(workers: Mapping[str, Sequence[_Worker]], number: int, task: _Task) -> dict[str, list[float]]:
    def milliseconds(taking: Sequence[_Worker]) -> float:
        return statistics.median(second for seconds in _results(taking, task) for second in seconds) * 1e3

    measures = {name: partial(milliseconds, each[:number]) for name, each in workers.items()}
    return by_turns({_DISK: _fdatasync, **measures}, _TURNS)


def _rates(workers: Mapping[str, Sequence[_Worker]], number: int) -> dict[str, list[float]]:
    def rate(taking: Sequence[_Worker]) -> float:
        return sum(rate for (rate,) in _results(taking, "concurrently"))

    return by_turns({name: partial(rate, each[:number]) for name, each in workers.items()}, _TURNS)


def _results(taking: Sequence[_Worker], task: _Task) -> list[list[float]]:
    for worker in taking:
        worker.start(task)
    return [worker.result() for worker in taking]


def _seconds() -> float:
    return _SECONDS_IN_A_TRIAL if is_trial() else _SECONDS


def _fdatasync() -> float:
    """Return the milliseconds that it takes to write a page to the disk of the temporary folders."""
    taken: list[float] = []
    with TemporaryFile() as file:
        for _ in range(20):
            file.write(bytes(8192))
            file.flush()
            start = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append(time.perf_counter() - start)
    return statistics.median(taken) * 1e3


@contextmanager
def _kinds() -> Generator[dict[str, _Kind]]:
    """Start the servers, and end them with a block; all data is in temporary folders."""
    redis_server, postgres_server = _servers()
    with TemporaryDirectory() as folder, ExitStack() as ending:
        redis = redis_server.RedisServer(Path(folder))
        ending.callback(redis.end)
        postgres = postgres_server.PostgresServer("fsync=on")
        ending.callback(postgres.end)
        yield {
            _MEMORY: _Kind("MemoryRateLimiter"),
            _SQLITE: _Kind("SqliteRateLimiter", [str(Path(folder) / "budget.db")]),
            _REDIS: _Kind("RedisRateLimiter", [redis.url]),
            _POSTGRES: _Kind("PostgresRateLimiter", [postgres.url]),
        }


def _servers() -> list[ModuleType]:
    """Return the modules that start Redis and PostgreSQL for the tests, which are no package."""
    if str(_TESTS) not in sys.path:
        sys.path.append(str(_TESTS))
    return [import_module(name) for name in ("redis_server", "postgres_server")]


async def _take(limiter: _Limiter, user: str, *, settle: bool = True) -> float:
    """Take a slot as the client does, and return the seconds that it took; then settle it, or return it."""
    slots: Slots = {}
    current_slots.set(slots)
    start = time.perf_counter()
    await limiter.acquire(user, max_wait=0)
    seconds = time.perf_counter() - start
    if settle:
        await limiter.settle(slots)
    else:
        await limiter.refund(user, hold=0)
    return seconds


async def _one_by_one(limiter: _Limiter, until: float) -> list[float]:
    taken: list[float] = []
    while len(taken) < _FEWEST or time.perf_counter() < until:
        taken.append(await _take(limiter, random.choice(_USERS)))
    return taken


async def _with_299_taken(limiter: _Limiter, until: float) -> list[float]:
    taken: list[float] = []
    while len(taken) < _FEWEST or time.perf_counter() < until:
        taken.append(await _take(limiter, "full", settle=False))
    return taken


async def _concurrently(limiter: _Limiter, until: float) -> list[float]:
    start = time.perf_counter()
    taken = await asyncio.gather(*(_one_by_one(limiter, until) for _ in range(_CONCURRENCY)))
    return [sum(map(len, taken)) / (time.perf_counter() - start)]


async def _main(class_name: str, *places: str) -> None:
    kind = getattr(exist_async, class_name)
    limiter, unlimited = (kind(*places, limit=limit) for limit in (_LIMIT, _NO_LIMIT))
    for line in iter(sys.stdin.readline, ""):  # nothing else runs meanwhile
        task, seconds = json.loads(line)
        if task == "299 taken":
            current_slots.set(None)
            while await limiter.remaining("full") > 1:
                await limiter.acquire("full", max_wait=0)
        until = time.perf_counter() + seconds
        match task:
            case "one by one":
                result = await _one_by_one(unlimited, until)
            case "299 taken":
                result = await _with_299_taken(limiter, until)
            case _:
                result = await _concurrently(unlimited, until)
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
