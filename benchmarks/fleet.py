"""Runs the jobs of many users on workers that are killed at random, and checks that nothing is lost or done twice.

`uv run python -m benchmarks.fleet [--users 1000] [--workers 3] [--seconds 60] [--kills 20] [--seed N]`

It starts a PostgreSQL, an Exist that counts, and the workers. First, one worker alone runs jobs of each kind, to
measure what they take. Then two jobs of each user arrive, an update and an increment, while workers are killed with
SIGKILL and started again. At the end, each value, each outcome and each user's window is checked.
"""

import argparse
import asyncio
import random
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from statistics import median
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from attrs import frozen
from psycopg import Connection, connect
from psycopg_pool import AsyncConnectionPool
from rich.console import Console
from rich.table import Table

from benchmarks import fleet_postgres, fleet_service, fleet_worker
from benchmarks.fleet_checks import Seen, check
from benchmarks.fleet_jobs import (
    BUDGETS,
    EXIST_BUDGET,
    INCREMENTS,
    REQUESTS,
    UPDATES,
    budget_of,
    jobs_of,
    number_of,
    token_of,
    user_name,
)
from benchmarks.fleet_worker import CONCURRENCY, HEARTBEAT, STALLED, TASK
from exist_async import OAuthToken, PostgresJournal, PostgresTokenStore

if TYPE_CHECKING:
    import subprocess

    import procrastinate

    from exist_async import Outcome
    from exist_async.jobs import SyncJob

    Worker = subprocess.Popen[bytes]

_LATENCY: Final = 0.25
"""Seconds that the service takes for a request while workers are killed. A worker alone is measured without latency."""

_REHEARSED: Final = 10
"""Jobs that run before others are measured, so that the tables are there."""

_PATIENCE: Final = 120.0
"""Seconds without the end of any job after which those that are left count as lost.

A request whose worker was killed counts towards its user's budget for a minute longer than others: it may still arrive.
"""

_MOST_FAILURES: Final = 10
"""The number of workers that may end by themselves before the run is given up."""

_POLL: Final = 0.05
_MOST_OF_A_REQUEST: Final = 4
_MOST_OF_A_JOB: Final = 6
_LEAST_RATE: Final = 50
_MANY: Final = 100_000
_HOUR: Final = 3600
_WIDTH: Final = 120

_COUNT_DONE: Final = f"""
    SELECT count(*) AS {fleet_postgres.WATCHING} FROM procrastinate_jobs
    WHERE task_name = %s AND status NOT IN ('todo', 'doing')
""".encode()
# Without those of workers that were killed, which are not known to be dead yet.
_COUNT_RUNNING: Final = b"""
    SELECT count(*) FROM procrastinate_jobs JOIN procrastinate_workers ON procrastinate_workers.id = worker_id
    WHERE task_name = %s AND status = 'doing' AND last_heartbeat > now() - make_interval(secs => %s)
"""
# Workers are numbered in the order in which they have come up.
_LAST_WORKER: Final = b"SELECT coalesce(max(id), 0) FROM procrastinate_workers"
_STATES: Final = b"SELECT (args->>'job')::json->>'id', status::text FROM procrastinate_jobs WHERE task_name = %s"
# How often each job was started, and the seconds from its arrival to its end.
_WAITS: Final = b"""
    SELECT (args->>'job')::json->>'user', count(*) FILTER (WHERE type = 'started'),
           extract(epoch FROM max(at) FILTER (WHERE type = 'succeeded') - min(at) FILTER (WHERE type = 'deferred'))
    FROM procrastinate_jobs JOIN procrastinate_events ON job_id = procrastinate_jobs.id
    WHERE task_name = %s AND status = 'succeeded' GROUP BY procrastinate_jobs.id
"""
# Seconds from the first start to the last end of jobs.
_SECONDS: Final = b"""
    SELECT extract(epoch FROM max(at) FILTER (WHERE type = 'succeeded') - min(at) FILTER (WHERE type = 'started'))
    FROM procrastinate_jobs JOIN procrastinate_events ON job_id = procrastinate_jobs.id
    WHERE task_name = %s AND job_id > %s
"""


@frozen
class _Fleet:
    """A database and a service, for one run.

    Attributes:
        database: The URL of the database.
        service: The origin of the service.
        connection: A connection to the database.
        app: An app to defer jobs with.
    """

    database: str
    service: str
    connection: "Connection[Any]"
    app: "procrastinate.App"

    def start_worker(self) -> "Worker":
        """Start a worker."""
        return fleet_worker.start(fleet_worker.Settings(self.database, self.service))

    def defer(self, jobs: "Sequence[SyncJob]") -> None:
        """Let jobs arrive. Those of a user are run one after another, in this order."""
        for job in jobs:
            self.app.configure_task(TASK, lock=job.user).defer(job=job.to_json())

    def count_done(self) -> int:
        """Return the number of jobs that have ended."""
        return int(self.fetch(_COUNT_DONE, TASK)[0][0])

    def count_running(self) -> int:
        """Return the number of jobs that workers are running."""
        return int(self.fetch(_COUNT_RUNNING, TASK, 1.5 * HEARTBEAT)[0][0])

    def fetch(self, statement: bytes, *values: object) -> list[tuple[Any, ...]]:
        """Run a query, and return its rows."""
        return self.connection.execute(statement, values).fetchall()


@contextmanager
def _fleet(server: fleet_postgres.Server, name: str, users: int, latency: float, seed: int) -> Iterator[_Fleet]:
    """Make a database with the tokens of all users and the engine's tables, and run a service, while a block lasts."""
    database = server.create_database(name)
    with (
        fleet_service.serving(users, latency, seed) as service,
        connect(database, autocommit=True) as connection,
        fleet_worker.app_to_defer(database).open() as app,
    ):
        app.schema_manager.apply_schema()
        asyncio.run(_save_tokens(database, users))
        yield _Fleet(database, service, connection, app)


async def _save_tokens(database: str, users: int) -> None:
    async with PostgresTokenStore(database) as store:
        for name in map(user_name, range(users)):
            await store.save(name, OAuthToken(token_of(name)))


# One worker alone


@frozen
class _Cost:
    """Figures of one worker alone with jobs of one kind; all but the rate are for a job, with its deferring.

    Attributes:
        rate: Jobs a second.
        statements: PostgreSQL's statements by who sent them, as in `Usage`.
        log: Bytes of PostgreSQL's write-ahead log.
        flushes: Flushes of this log.
        commits: Transactions.
        size: Bytes of tables and indexes.
        server: Milliseconds of CPU time of PostgreSQL.
        worker: Milliseconds of CPU time of the worker.
        service: Milliseconds of CPU time of the service.
    """

    rate: float
    statements: dict[str, float]
    log: float
    flushes: float
    commits: float
    size: float
    server: float
    worker: float
    service: float


def _measure(server: fleet_postgres.Server, kind: str, count: int) -> _Cost:
    """Run jobs of one kind on one worker, against a service without latency."""
    numbers = [number for number in range(2 * count) if budget_of(number) == EXIST_BUDGET][: _REHEARSED + count]
    jobs = [job for number in numbers for job in jobs_of(number, (kind,))]
    with _fleet(server, f"alone_{kind}", numbers[-1] + 1, 0.0, 0) as fleet:
        fleet.defer(jobs[:_REHEARSED])
        _run_alone(fleet, _REHEARSED)
        before, service = server.usage(fleet.database), fleet_service.counts_of(fleet.service)["cpu"]
        fleet.defer(jobs[_REHEARSED:])
        # As autovacuum does within a minute: without statistics, the engine would sort all jobs to fetch one.
        fleet.connection.execute("ANALYZE procrastinate_jobs")
        cpu = _run_alone(fleet, len(jobs))
        usage = server.usage(fleet.database).since(before)
        service = fleet_service.counts_of(fleet.service)["cpu"] - service
        seconds = float(fleet.fetch(_SECONDS, TASK, _REHEARSED)[0][0])
    return _Cost(
        count / seconds,
        {name: number / count for name, number in usage.statements.items()},
        usage.log / count,
        usage.flushes / count,
        usage.commits / count,
        usage.size / count,
        usage.cpu / count * 1e3,
        cpu / count * 1e3,
        service / count * 1e3,
    )


def _run_alone(fleet: _Fleet, until: int) -> float:
    """Run a worker until a number of jobs is done, and return the CPU seconds that it took after its start."""
    worker = fleet.start_worker()
    done = before = fleet.count_done()
    cpu = None
    while done < until:
        time.sleep(_POLL)
        assert worker.poll() is None, "the worker has ended"
        if (done := fleet.count_done()) > before and cpu is None:
            cpu = fleet_postgres.cpu_of(worker.pid)
    took = fleet_postgres.cpu_of(worker.pid) - (cpu or 0.0)
    _stop(worker)
    return took


def _stop(worker: "Worker") -> None:
    assert worker.stdin is not None
    worker.stdin.close()
    worker.wait()


# All workers, and kills


class _Workers:
    """Worker processes that are killed and started again.

    Attributes:
        kills: Number of workers that were killed.
        failures: Exit codes of workers that ended by themselves.
    """

    def __init__(self, fleet: _Fleet, number: int) -> None:
        self.kills = 0
        self.failures: list[int] = []
        self._fleet = fleet
        self._processes = [fleet.start_worker() for _ in range(number)]
        self._started = number

    def __len__(self) -> int:
        return len(self._processes)

    def are_up(self) -> bool:
        """Whether all of them look for jobs. One that has ended by itself is started again first."""
        for position, process in enumerate(self._processes):
            if (code := process.poll()) is not None:
                self.failures.append(code)
                if len(self.failures) > _MOST_FAILURES:
                    raise RuntimeError(f"the workers end by themselves, with {self.failures}")
                self._replace(position)
        return int(self._fleet.fetch(_LAST_WORKER)[0][0]) >= self._started

    def kill(self, position: int) -> None:
        """Kill one, and start another in its place."""
        self._processes[position].kill()
        self._processes[position].wait()
        self.kills += 1
        self._replace(position)

    def stop(self) -> None:
        """Let all of them end."""
        for process in self._processes:
            _stop(process)

    def _replace(self, position: int) -> None:
        self._processes[position] = self._fleet.start_worker()
        self._started += 1


def _run_with_kills(
    fleet: _Fleet, workers: _Workers, jobs: "Sequence[SyncJob]", seconds: float, victims: Sequence[tuple[float, int]]
) -> float:
    """Let jobs arrive for some time while workers are killed, and return the seconds until all are done.

    Args:
        fleet: The database and service.
        workers: The workers.
        jobs: The jobs.
        seconds: Time in which the jobs arrive. If workers take longer to come up, so do the jobs: a part of them comes
            before each kill, and the last part after all.
        victims: The seconds after which a worker is killed, in order, and its position. It is killed as soon as all
            are up, and run jobs.
    """
    while not workers.are_up():
        time.sleep(_POLL)
    arrived = done = 0
    start = last = time.monotonic()
    while done < len(jobs) and time.monotonic() < last + _PATIENCE:
        now = time.monotonic() - start
        are_up = workers.are_up()
        is_due = are_up and workers.kills < len(victims) and now >= victims[workers.kills][0]
        parts = workers.kills + (2 if is_due else 1)
        due = int(len(jobs) * min(1.0, now / seconds, parts / (len(victims) + 1)))
        fleet.defer(jobs[arrived:due])
        arrived = due
        if is_due and fleet.count_running() >= len(workers):
            workers.kill(victims[workers.kills][1])
        if (count := fleet.count_done()) > done:
            done, last = count, time.monotonic()
        time.sleep(_POLL)
    took = time.monotonic() - start
    workers.stop()
    return took


def _look(fleet: _Fleet, jobs: "Sequence[SyncJob]") -> tuple[Seen, dict[str, Any]]:
    """Return what is to be seen at the end, and the service's counts."""
    counts = fleet_service.counts_of(fleet.service)
    seen = Seen(
        states={UUID(job): state for job, state in fleet.fetch(_STATES, TASK)},
        journals=asyncio.run(_read_journals(fleet.database, jobs)),
        applied={(user, name, day): count for user, name, day, count in counts["applied"]},
        values={(user, name, day): value for user, name, day, value in counts["values"]},
        exceeded=counts["refused"],
    )
    return seen, counts


async def _read_journals(database: str, jobs: "Sequence[SyncJob]") -> "dict[UUID, list[Outcome[Any, Any]]]":
    outcomes: dict[UUID, list[Outcome[Any, Any]]] = {}
    async with AsyncConnectionPool(database, max_size=8, open=False) as pool:
        journals = PostgresJournal(pool)
        for job in jobs:
            async with journals.for_job(job.id) as journal:
                outcomes[job.id] = [outcome async for outcome in journal.outcomes()]
    return outcomes


# The program


def main() -> int:
    """Run all, print the tables, and return the exit code: 1 if something was lost or done twice."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleet", description=__doc__)
    parser.add_argument("--users", type=int, default=1000, help="number of users, with two jobs each")
    parser.add_argument("--workers", type=int, default=3, help="number of worker processes")
    parser.add_argument("--seconds", type=float, default=60.0, help="time in which jobs arrive and workers are killed")
    parser.add_argument("--kills", type=int, default=20, help="number of workers that are killed")
    parser.add_argument("--seed", type=int, default=None, help="of all that is random, to see a run again")
    options = parser.parse_args()
    # As with Ctrl-C, the server is stopped then.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    seed: int = random.randrange(2**32) if options.seed is None else options.seed
    with fleet_postgres.serving() as server:
        print(
            f"{options.users:,} users with 2 jobs, {options.workers} workers with {CONCURRENCY} jobs at a time, "
            f"PostgreSQL {server.version}, seed {seed}",
            flush=True,
        )
        costs = {kind: _measure(server, kind, options.users) for kind in REQUESTS}
        _show_costs(costs)
        problems = _check_with_kills(server, options, random.Random(seed), seed)
    print(f"failed: {'; '.join(problems)}" if problems else "nothing lost, nothing done twice, no window exceeded")
    return 1 if problems else 0


def _check_with_kills(
    server: fleet_postgres.Server, options: argparse.Namespace, chance: random.Random, seed: int
) -> list[str]:
    jobs = [job for number in range(options.users) for job in jobs_of(number)]
    with _fleet(server, "with_kills", options.users, _LATENCY, seed) as fleet:
        workers = _Workers(fleet, options.workers)
        victims = [
            ((number + chance.random()) * options.seconds / options.kills, chance.randrange(options.workers))
            for number in range(options.kills)
        ]
        took = _run_with_kills(fleet, workers, jobs, options.seconds, victims)
        seen, counts = _look(fleet, jobs)
        waits = fleet.fetch(_WAITS, TASK)
    findings = check(jobs, seen)
    least = sum(REQUESTS[job.kind] for job in jobs)
    rows = [(name, f"{count:,}") for name, count in findings.rows]
    rows += [
        ("workers killed", f"{workers.kills}"),
        ("requests", f"{counts['requests']:,}; {least:,} without kills"),
        ("requests whose worker was killed before they were carried out", f"{counts['abandoned']:,}"),
        ("seconds until all was done", f"{took:.1f}"),
        *_rows_of_waits(waits),
    ]
    _show(f"Jobs of {options.users:,} users in {options.seconds:g} s, {_LATENCY:g} s for a request", rows)
    problems = list(findings.problems)
    if workers.failures:
        problems.append(f"{len(workers.failures)} workers ended by themselves, with {workers.failures}")
    if workers.kills < options.kills:
        problems.append(f"only {workers.kills} workers of {options.kills} ran jobs to be killed in: give it more users")
    return problems


def _rows_of_waits(waits: list[tuple[Any, ...]]) -> Iterator[tuple[str, str]]:
    """Yield the seconds from the arrival of jobs to their end."""
    free = "seconds from arrival to end, users with budget"
    killed = f"the same, after a kill (a worker is dead after {STALLED:g} s)"
    groups: dict[str, list[float]] = {free: [], killed: []}
    names = {
        budget: f"the same, users with {budget.limit} requests in {budget.period:g} s"
        for budget in BUDGETS
        if budget != EXIST_BUDGET
    }
    for user, starts, seconds in waits:
        name = names.get(budget_of(number_of(user)), killed if starts > 1 else free)
        groups.setdefault(name, []).append(float(seconds))
    for name, group in groups.items():
        if group:
            yield name, f"median {median(group):.2f}, longest {max(group):.2f}, of {len(group):,} jobs"


def _show_costs(costs: dict[str, _Cost]) -> None:
    update, increment = costs["update"], costs["increment"]
    table = Table()
    for heading in ("for a job", f"{UPDATES} updates", f"{INCREMENTS} increments"):
        table.add_column(heading, justify="left" if heading == "for a job" else "right")
    both = (update, increment)
    table.add_row("requests", *(str(count) for count in REQUESTS.values()))
    table.add_row("statements of exist_async", *(f"{cost.statements['ours']:.2f}" for cost in both))
    table.add_row("statements of Procrastinate", *(f"{cost.statements['engine']:.2f}" for cost in both))
    table.add_row("BEGIN and COMMIT", *(f"{cost.statements.get('transactions', 0):.2f}" for cost in both))
    table.add_row("transactions", *(f"{cost.commits:.1f}" for cost in both))
    table.add_row("flushes of the write-ahead log", *(f"{cost.flushes:.1f}" for cost in both))
    table.add_row("kB of write-ahead log", *(f"{cost.log / 1e3:.1f}" for cost in both))
    table.add_row("kB of tables and indexes", *(f"{cost.size / 1e3:.1f}" for cost in both))
    table.add_row("ms of CPU, PostgreSQL", *(f"{cost.server:.1f}" for cost in both))
    table.add_row("ms of CPU, worker", *(f"{cost.worker:.1f}" for cost in both))
    table.add_row("ms of CPU, service", *(f"{cost.service:.1f}" for cost in both))
    table.add_row("jobs a second", *(f"{cost.rate:.0f}" for cost in both))
    _print("One worker alone, without latency of the service", table)
    for kind, cost in costs.items():
        most = REQUESTS[kind] * _MOST_OF_A_REQUEST + _MOST_OF_A_JOB
        ours = cost.statements["ours"]
        print(f"{'reached' if ours <= most else 'MISSED'}: {ours:.2f} statements for an {kind} job, {most} at most")
    rate = increment.rate
    print(
        f"{'reached' if rate >= _LEAST_RATE else 'MISSED'}: {rate:.0f} increment jobs a second, {_LEAST_RATE} at least"
    )
    print()
    _show_sum(both)


def _show_sum(costs: Sequence[_Cost]) -> None:
    """Show what it takes to run a job of each kind for many users in an hour."""
    each = _MANY / _HOUR
    statements, commits, flushes, log, size, server = (
        each * sum(map(figure, costs))
        for figure in (
            lambda cost: sum(cost.statements.values()),
            lambda cost: cost.commits,
            lambda cost: cost.flushes,
            lambda cost: cost.log,
            lambda cost: cost.size,
            lambda cost: cost.server,
        )
    )
    rows = [
        ("jobs a second", f"{each * len(costs):.0f}"),
        ("workers, all of them busy", f"{each * sum(1 / cost.rate for cost in costs):.1f}"),
        ("PostgreSQL: cores, all of them busy", f"{server / 1e3:.1f}"),
        ("PostgreSQL: statements a second", f"{statements:,.0f}"),
        ("PostgreSQL: transactions a second", f"{commits:,.0f}"),
        ("PostgreSQL: flushes a second at most", f"{flushes:,.0f}"),
        ("PostgreSQL: MB of write-ahead log a second", f"{log / 1e6:.1f}"),
        ("PostgreSQL: GB of tables an hour, before rows are deleted", f"{size * _HOUR / 1e9:.1f}"),
    ]
    _show(f"Both jobs of {_MANY:,} users in an hour, by these figures", rows)
    print(flush=True)


def _show(title: str, rows: Sequence[tuple[str, str]]) -> None:
    table = Table(show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for row in rows:
        table.add_row(*row)
    _print(title, table)


def _print(title: str, table: Table) -> None:
    # Piped into a file there is no terminal to ask for its width.
    console = Console() if Console().is_terminal else Console(width=_WIDTH)
    console.print(f"[bold]{title}[/bold]", highlight=False)
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
