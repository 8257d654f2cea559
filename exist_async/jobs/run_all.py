"""Runs any number of jobs in one process: those of one user in order, of different users concurrently."""

import asyncio
import heapq
import logging
from collections import deque
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Mapping,
)
from functools import partial
from typing import Any, Final, TypeAlias, cast

from attrs import define

from exist_async._checks import check_callback, check_flag, check_int, wrong_type
from exist_async._concurrency import as_exception, cancelled_by_caller
from exist_async.client import ExistClient
from exist_async.errors import ExistAsyncError
from exist_async.jobs.job import SyncJob
from exist_async.jobs.journals import JournalSource, check_source
from exist_async.jobs.report import JobReport, report_of
from exist_async.jobs.retry import RetryPolicy, waits_for_budget
from exist_async.jobs.run import LONGEST_WAIT, run, view_of
from exist_async.oauth import OAuthApp
from exist_async.outcomes import error_text
from exist_async.token_stores import TokenStore

MOST_AHEAD: Final = 10_000
"""The most jobs of a stream that are in memory because they wait: for their user's budget, for example."""

_READS_BETWEEN_YIELDS: Final = 100

_TEN_ATTEMPTS: Final = RetryPolicy(max_attempts=10)

_log = logging.getLogger("exist_async")

Jobs: TypeAlias = Iterable[SyncJob] | AsyncIterable[SyncJob]
"""Any number of jobs: a list, a generator, an async stream."""


async def run_all(
    jobs: Jobs,
    shared: ExistClient,
    store: TokenStore,
    *,
    app: OAuthApp | None = None,
    journal: JournalSource,
    concurrency: int = 8,
    reacquire: bool = False,
    max_wait: float | None = LONGEST_WAIT,
    retry: RetryPolicy = _TEN_ATTEMPTS,
    on_report: Callable[[JobReport], object] | None = None,
) -> list[JobReport]:
    """Run jobs in this process, and return a report of each, in their order.

    The jobs of one user run one after another, in order. A job whose budget is spent, or that failed and is tried again
    later, makes room for those of other users meanwhile; its user's next ones wait. A job that fails for good has a
    report with its `error`, and its user's next one runs. A program that is killed goes on when it is started again
    with the same jobs: their journals know what was sent.

    Args:
        jobs: Any number. A stream is read as jobs can run, and while more than 10,000 wait, no further.
        shared: As for `run`, as are `store`, `app`, `reacquire` and `max_wait`.
        store: The store that has the users' tokens.
        app: The app that the users signed in with, to renew tokens.
        journal: A source of journals, such as a `JournalFolder`.
        concurrency: The most jobs that run at a time.
        reacquire: Whether to acquire attributes that the service does not own.
        max_wait: The most seconds for which a job that runs waits for the budget, before it makes room.
        retry: Decides which jobs are tried again, and when. By default, a job ends after ten attempts that failed.
            Waiting for the budget is no failure.
        on_report: Called with each report when its job ends. An error that it raises ends the call.

    Raises:
        ConfigurationError: An argument is wrong, or a job is none. Of a list, no job has run then; of a stream, those
            before it have.
    """
    check_int("concurrency", concurrency, least=1)
    check_callback("on_report", "a JobReport", on_report)
    check_flag("reacquire", reacquire)
    view_of("any", shared, store, app, max_wait)  # it checks them before a job has run
    if not isinstance(retry, RetryPolicy):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise wrong_type("retry", "a RetryPolicy", retry)
    run_one = partial(
        run, shared=shared, store=store, app=app, journal=check_source(journal), reacquire=reacquire, max_wait=max_wait
    )
    source = _Source(jobs)
    if isinstance(jobs, Collection):
        for index, job in enumerate(jobs):
            _check_job(index, job)
    options = shared._session.options  # pyright: ignore[reportPrivateUsage]
    runner = _Runner(source, run_one, concurrency, retry, on_report, clock=options.clock, sleep=options.sleep)
    return await runner.run()


def _check_job(index: int, job: object) -> SyncJob:
    if not isinstance(job, SyncJob):
        raise wrong_type(f"jobs[{index}]", "a SyncJob", job)
    return job


@define(eq=False)
class _Entry:
    """A job that has not ended.

    Attributes:
        index: Its position among all jobs.
        job: The job.
        failures: Number of attempts that failed.
        waits: Number of times that it has waited for the budget since the last failure.
    """

    index: int
    job: SyncJob
    failures: int = 0
    waits: int = 0


class _Queue:
    """Jobs that have not ended, by user: at most one of each is ready, delayed, or taken to be run."""

    def __init__(self) -> None:
        self.count = 0
        self._behind: dict[str, deque[_Entry]] = {}
        self._ready: deque[_Entry] = deque()
        self._delayed: list[tuple[float, int, _Entry]] = []

    def add(self, entry: _Entry) -> None:
        """Add a job behind those of its user."""
        self.count += 1
        behind = self._behind.get(entry.job.user)
        if behind is None:
            self._behind[entry.job.user] = deque()
            self._ready.append(entry)
        else:
            behind.append(entry)

    def take(self, now: float) -> _Entry | None:
        """Return a job that can run now, and None if there is none."""
        while self._delayed and self._delayed[0][0] <= now:
            self._ready.append(heapq.heappop(self._delayed)[2])
        return self._ready.popleft() if self._ready else None

    def delay(self, entry: _Entry, until: float) -> None:
        """Take back a job that was taken, until some time."""
        heapq.heappush(self._delayed, (until, entry.index, entry))

    def remove(self, entry: _Entry) -> None:
        """Forget a job that was taken and has ended: its user's next one is ready."""
        self.count -= 1
        behind = self._behind[entry.job.user]
        if behind:
            self._ready.append(behind.popleft())
        else:
            del self._behind[entry.job.user]

    @property
    def next_time(self) -> float | None:
        """The time from which on another job can run; None if none is delayed."""
        return self._delayed[0][0] if self._delayed else None


class _Source:
    """The jobs that are given, read one by one.

    Attributes:
        is_stream: Whether they are not in memory yet.
        ended: Whether all were read, or reading failed.
    """

    def __init__(self, jobs: Jobs) -> None:
        if isinstance(jobs, str | bytes | Mapping) or not isinstance(jobs, Iterable | AsyncIterable):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise wrong_type("jobs", "a list or another iterable of SyncJobs", cast("object", jobs))
        self.is_stream = not isinstance(jobs, Collection)
        self.ended = False
        self._iterator = aiter(jobs) if isinstance(jobs, AsyncIterable) else iter(jobs)
        self._count = 0

    async def read(self) -> _Entry | None:
        """Return the next job, and None after the last."""
        try:
            if isinstance(self._iterator, AsyncIterator):
                job = await anext(self._iterator)
            else:
                job = next(self._iterator)
                if self._count % _READS_BETWEEN_YIELDS == 0:
                    await asyncio.sleep(0)
            entry = _Entry(self._count, _check_job(self._count, job))
        except (StopIteration, StopAsyncIteration):
            self.ended = True
            return None
        except BaseException:
            self.ended = True
            raise
        self._count += 1
        return entry

    async def aclose(self) -> None:
        """Let a generator that is not read to its end clean up."""
        aclose = getattr(self._iterator, "aclose", None)  # only generators have it
        if aclose is not None:
            await aclose()


class _Runner:
    """One call of `run_all`."""

    def __init__(
        self,
        source: _Source,
        attempt: Callable[[SyncJob], Awaitable[JobReport]],
        concurrency: int,
        retry: RetryPolicy,
        on_report: Callable[[JobReport], object] | None,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]],
    ) -> None:
        self._source = source
        self._attempt = attempt
        self._concurrency = concurrency
        self._retry = retry
        self._on_report = on_report
        self._clock = clock
        self._sleep = sleep
        self._queue = _Queue()
        self._running: dict[asyncio.Task[JobReport | Exception], _Entry] = {}
        self._reading: asyncio.Task[_Entry | None] | None = None
        self._timer: asyncio.Task[object] | None = None
        self._timer_ends = 0.0
        self._reports: dict[int, JobReport] = {}
        self._failure: Exception | None = None  # of the iterable

    async def run(self) -> list[JobReport]:
        """Run all jobs, and return their reports."""
        try:
            while True:
                self._start_jobs()
                if self._may_read():
                    self._reading = asyncio.create_task(self._source.read())
                self._set_timer()
                tasks = {*self._running, *(task for task in (self._reading, self._timer) if task is not None)}
                if not tasks:
                    break
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                self._collect()
        finally:
            await self._end_tasks()
        if self._failure is not None:
            raise self._failure
        return [self._reports[index] for index in sorted(self._reports)]

    def _start_jobs(self) -> None:
        while len(self._running) < self._concurrency and (entry := self._queue.take(self._clock())) is not None:
            self._running[asyncio.create_task(self._run_job(entry.job))] = entry

    def _may_read(self) -> bool:
        is_full = self._source.is_stream and self._queue.count >= MOST_AHEAD
        has_room = len(self._running) < self._concurrency and not is_full
        return has_room and self._reading is None and not self._source.ended

    def _set_timer(self) -> None:
        """Wake up when the next job that is delayed can run, unless it would have to wait for another one to end."""
        ends = self._queue.next_time if len(self._running) < self._concurrency else None
        if self._timer is not None and ends != self._timer_ends:
            self._timer.cancel()
            self._timer = None
        if self._timer is None and ends is not None:
            self._timer_ends = ends
            self._timer = asyncio.ensure_future(self._wait(max(0.0, ends - self._clock())))

    async def _wait(self, seconds: float) -> None:
        await self._sleep(seconds)

    async def _run_job(self, job: SyncJob) -> JobReport | Exception:
        try:
            return await self._attempt(job)
        except (Exception, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and cancelled_by_caller():
                raise
            return as_exception(error)

    def _collect(self) -> None:
        """Take the results of all tasks that are done."""
        if self._timer is not None and self._timer.done():
            self._timer.result()
            self._timer = None
        if self._reading is not None and self._reading.done():
            reading, self._reading = self._reading, None
            try:
                entry = reading.result()
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001  (raised when the other jobs ended)
                self._failure = as_exception(error)
            else:
                if entry is not None:
                    self._queue.add(entry)
        for task in [task for task in self._running if task.done()]:
            self._handle(self._running.pop(task), task.result())

    def _handle(self, entry: _Entry, outcome: JobReport | Exception) -> None:
        """Delay a job that is tried again, or report one that has ended."""
        job = entry.job
        if isinstance(outcome, JobReport):
            report = outcome
        else:
            has_waited = waits_for_budget(outcome)
            seconds = self._retry.seconds_before_retry(outcome, entry.waits if has_waited else entry.failures)
            if seconds is not None:
                if has_waited:
                    entry.waits += 1
                else:
                    entry.failures, entry.waits = entry.failures + 1, 0
                self._queue.delay(entry, self._clock() + seconds)
                _log.info("Job %s of %r goes on in %.1f s. %s", job.id, job.user, seconds, error_text(outcome))
                return
            summary = outcome.summary if isinstance(outcome, ExistAsyncError) else None
            report = report_of(job, summary, outcome)
            _log.warning("Job %s of %r failed. %s: %s", job.id, job.user, report.error_type, report.error)
        self._queue.remove(entry)
        self._reports[entry.index] = report
        if self._on_report is not None:
            self._on_report(report)

    async def _end_tasks(self) -> None:
        tasks: list[asyncio.Task[Any]] = [
            *self._running,
            *(task for task in (self._reading, self._timer) if task is not None),
        ]
        for task in tasks:
            task.cancel()
        try:
            await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            await self._source.aclose()
