"""Many jobs in one process: in order for each user, nobody behind another, and one report for each job."""

import asyncio
import datetime as dt
import gc
import random
import sys
import time
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jobs_support import DAY, USERS, Service, increment, update

from exist_async import (
    ConfigurationError,
    ExistClient,
    FileTokenStore,
    Journal,
    MemoryRateLimiter,
    MemoryTokenStore,
    OAuthApp,
    OAuthToken,
    OutcomeStatus,
    ValueIncrement,
    ValueUpdate,
)
from exist_async.jobs import JobReport, JournalFolder, RetryPolicy, SyncJob, run_all
from support import until

Answer = Callable[[httpx.Request], httpx.Response | None]


def client_of(service: Service, answer: Answer = lambda request: None, **options: Any) -> ExistClient:
    """Return a client of the sandbox, in which a function may answer, or raise, in its place."""
    inner = service.sandbox.transport()

    async def handle(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        given = answer(request)
        return await inner.handle_async_request(request) if given is None else given

    http_client = httpx.AsyncClient(transport=httpx.MockTransport(handle))
    return ExistClient(httpx.Auth(), http_client=http_client, **({"max_retries": 0, "rate_limiter": None} | options))


async def test_the_jobs_of_all_users_are_run_and_reported_in_the_order_given(
    service: Service, shared: ExistClient, folder: JournalFolder
) -> None:
    jobs = [increment(USERS[n % 3], n + 1) for n in range(30)]
    told: list[JobReport] = []

    reports = await run_all(jobs, shared, service.store, journal=folder, on_report=told.append)

    assert [report.id for report in reports] == [job.id for job in jobs]
    assert all(report.ok for report in reports)
    assert sorted(told, key=reports.index) == reports
    assert service.values("ada") == {DAY: sum(range(1, 31, 3))}


async def generated(jobs: list[SyncJob]) -> AsyncIterator[SyncJob]:
    for job in jobs:
        await asyncio.sleep(0)
        yield job


@pytest.mark.parametrize("given", [list, tuple, iter, generated, dict.fromkeys])
async def test_any_iterable_of_jobs_will_do(
    given: Callable[[list[SyncJob]], Any], service: Service, shared: ExistClient, folder: JournalFolder
) -> None:
    jobs = [update(user, 7) for user in USERS]
    stream = given(jobs)
    if isinstance(stream, dict):
        stream = stream.keys()

    reports = await run_all(stream, shared, service.store, journal=folder)

    assert [report.id for report in reports] == [job.id for job in jobs]


async def test_no_jobs_are_no_reports(service: Service, shared: ExistClient, folder: JournalFolder) -> None:
    assert await run_all([], shared, service.store, journal=folder) == []


async def test_one_user_s_jobs_run_in_order(service: Service, folder: JournalFolder) -> None:
    jobs = [update("ada", n) for n in range(1, 21)] + [update("grace", n) for n in range(1, 21)]

    await run_all(jobs, client_of(service), service.store, journal=folder, concurrency=16)

    assert service.values("ada") == {DAY: 20}
    assert service.values("grace") == {DAY: 20}
    sent = [request.json[0]["value"] for request in service.sandbox.requests if request.user == "ada"]
    assert sent == [*range(1, 21)]


async def test_no_more_than_the_given_number_run_at_a_time(folder: JournalFolder) -> None:
    users = tuple(f"user_{n}" for n in range(20))
    service = Service(users)
    await service.sign_in()
    inner = service.sandbox.transport()
    running, most = 0, 0
    refused: set[str] = set()
    now, time_passes = 0.0, asyncio.Event()

    async def sleep(seconds: float) -> None:
        nonlocal now
        await time_passes.wait()
        now += seconds

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await until(lambda: most >= 3)
        for _ in range(10):
            await asyncio.sleep(0)
        running -= 1
        if (token := request.headers["Authorization"]) not in refused:
            refused.add(token)
            raise httpx.ConnectError("refused", request=request)
        return await inner.handle_async_request(request)

    shared = ExistClient(
        httpx.Auth(),
        http_client=httpx.AsyncClient(transport=httpx.MockTransport(answer)),
        max_retries=0,
        rate_limiter=None,
        clock=lambda: now,
        sleep=sleep,
    )
    jobs = [update(user, 7) for user in users]
    running_all = asyncio.ensure_future(run_all(jobs, shared, service.store, journal=folder, concurrency=3))
    # Each first attempt fails, and then all jobs can go on at the same time.
    await until(lambda: len(refused) == 20 and not running)
    time_passes.set()
    now += 1000
    reports = await running_all

    assert all(report.ok for report in reports)
    assert most == 3


async def test_a_job_whose_budget_is_spent_makes_room_and_comes_back(
    service: Service, folder: JournalFolder, clock: Any
) -> None:
    limiter = MemoryRateLimiter(limit=1, clock=clock, sleep=clock.sleep)
    shared = client_of(service, rate_limiter=limiter, clock=clock, sleep=clock.sleep)
    order: list[str] = []
    jobs = [increment("ada", 1), increment("ada", 2), increment("grace", 3), increment("alan", 4)]

    reports = await run_all(
        jobs, shared, service.store, journal=folder, concurrency=1, on_report=lambda report: order.append(report.user)
    )

    assert all(report.ok for report in reports)
    assert order[:2] == ["ada", "grace"]  # though it was given after both of ada's
    assert max(clock.slept) == pytest.approx(3600, rel=0.06)
    assert len(service.written) == 4


async def test_a_job_that_failed_makes_room_and_is_tried_again(
    service: Service, folder: JournalFolder, clock: Any
) -> None:
    failures = iter([502, 503])

    def fail_for_ada(request: httpx.Request) -> httpx.Response | None:
        is_ada = request.headers["Authorization"] == ada
        return httpx.Response(status) if is_ada and (status := next(failures, None)) else None

    token = await service.store.load("ada")
    assert token is not None
    ada = f"Bearer {token.access_token}"
    shared = client_of(service, fail_for_ada, clock=clock, sleep=clock.sleep)
    order: list[str] = []

    reports = await run_all(
        [update("ada", 1), update("ada", 2), update("grace", 3)],
        shared,
        service.store,
        journal=folder,
        concurrency=1,
        retry=RetryPolicy(fraction=lambda: 1.0),
        on_report=lambda report: order.append(report.user),
    )

    assert all(report.ok for report in reports)
    assert order == ["grace", "ada", "ada"]
    assert clock.slept == [2, 4]
    assert service.values("ada") == {DAY: 2}


async def test_every_job_has_a_report_whatever_becomes_of_it(
    service: Service, folder: JournalFolder, clock: Any
) -> None:
    def refuse_connection(request: httpx.Request) -> httpx.Response | None:
        if b"13" in request.content:
            raise httpx.ConnectError("refused", request=request)
        return None

    class Failing(MemoryTokenStore):
        async def load(self, user: str) -> OAuthToken | None:
            if user == "alan":
                raise asyncio.CancelledError
            return await service.store.load(user)

    shared = client_of(service, refuse_connection, clock=clock, sleep=clock.sleep)
    known = update("ada", 5)
    jobs = [
        update("eve", 1),
        update("ada", 13),
        update("alan", 2),
        known,
        SyncJob("ada", "update", [ValueUpdate("steps", DAY, 6)], known.id),
        update("grace", 7),
        SyncJob("grace", "update", [ValueUpdate("nothing", DAY, 8)]),
        SyncJob("grace", "update", []),
    ]

    reports = await run_all(jobs, shared, Failing(), journal=folder)

    assert [report.id for report in reports] == [job.id for job in jobs]
    assert [report.error_type for report in reports] == [
        "ReauthorizationRequired",
        "ConnectionFailedError",
        "OAuthError",
        None,
        "ConfigurationError",
        None,
        None,
        None,
    ]
    assert [report.needs_sign_in for report in reports] == [True] + [False] * 7
    assert reports[1].counts[OutcomeStatus.NOT_SENT] == 1
    assert [report.ok for report in reports[5:]] == [True, False, True]


async def test_an_error_outside_the_package_is_reported_too(
    service: Service, shared: ExistClient, tmp_path: Path
) -> None:
    class Broken(JournalFolder):
        def for_job(self, id: Any) -> Journal:  # noqa: A002
            raise RuntimeError("of a subclass")

    (report,) = await run_all([update("ada", 1)], shared, service.store, journal=Broken(tmp_path / "journals"))

    assert (report.error_type, report.error) == ("RuntimeError", "of a subclass")


async def test_a_program_that_starts_again_with_the_same_jobs_sends_nothing_twice(
    service: Service, shared: ExistClient, folder: JournalFolder
) -> None:
    jobs = [increment(user, 1, 2) for user in USERS]
    reports = await run_all(jobs, shared, service.store, journal=folder)
    requests = len(service.sandbox.requests)

    assert await run_all(jobs, shared, service.store, journal=folder) == reports
    assert len(service.sandbox.requests) == requests


async def test_a_stream_is_read_as_jobs_can_run(service: Service, folder: JournalFolder) -> None:
    read = 0

    def jobs() -> Iterator[SyncJob]:
        nonlocal read
        for n in range(100):
            read += 1
            yield update(USERS[n % 3], n)

    ahead: list[int] = []
    ended = 0

    def look(report: JobReport) -> None:
        nonlocal ended
        ended += 1
        ahead.append(read - ended)

    await run_all(jobs(), client_of(service), service.store, journal=folder, concurrency=2, on_report=look)

    # Other jobs of the users that run are read on the way to one that can run.
    assert max(ahead) <= 30


async def test_a_slow_stream_holds_nobody_up(service: Service, folder: JournalFolder) -> None:
    ended = asyncio.Event()

    async def jobs() -> AsyncIterator[SyncJob]:
        yield update("ada", 1)
        await ended.wait()  # the next job is only known when the first has ended
        yield update("ada", 2)

    reports = await run_all(
        jobs(), client_of(service), service.store, journal=folder, on_report=lambda report: ended.set()
    )

    assert len(reports) == 2


async def test_of_a_stream_only_so_many_jobs_wait_in_memory(
    service: Service, folder: JournalFolder, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["exist_async.jobs.run_all"], "MOST_AHEAD", 10)
    read: list[SyncJob] = []
    limiter = MemoryRateLimiter(limit=5, clock=clock, sleep=clock.sleep)

    def jobs() -> Iterator[SyncJob]:
        for n in range(40):
            read.append(update("ada", n))
            yield read[-1]

    ahead: list[int] = []
    shared = client_of(service, rate_limiter=limiter, clock=clock, sleep=clock.sleep)
    reports = await run_all(
        jobs(),
        shared,
        service.store,
        journal=folder,
        on_report=lambda report: ahead.append(len(read) - len(ahead)),
    )

    assert len(reports) == 40
    assert max(ahead) <= 10


@pytest.mark.parametrize("stream", [iter, generated])
async def test_what_is_no_job_ends_a_stream_and_the_jobs_before_it_are_run(
    stream: Callable[[list[Any]], Any], service: Service, shared: ExistClient, folder: JournalFolder
) -> None:
    told: list[JobReport] = []

    with pytest.raises(ConfigurationError, match=r"jobs\[2\] must be a SyncJob, not str"):
        await run_all(
            stream([update("ada", 1), update("ada", 2), "{}", update("ada", 3)]),
            shared,
            service.store,
            journal=folder,
            on_report=told.append,
        )

    assert len(told) == 2
    assert service.values("ada") == {DAY: 2}


async def test_what_is_no_job_in_a_list_keeps_all_of_it_from_running(
    service: Service, shared: ExistClient, folder: JournalFolder
) -> None:
    with pytest.raises(ConfigurationError, match=r"jobs\[1\] must be a SyncJob"):
        await run_all([update("ada", 1), None], shared, service.store, journal=folder)  # type: ignore[list-item]

    assert service.sandbox.requests == []


async def test_an_error_of_the_stream_is_raised_when_the_jobs_before_it_have_ended(
    service: Service, shared: ExistClient, folder: JournalFolder
) -> None:
    def jobs() -> Iterator[SyncJob]:
        yield update("ada", 1)
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await run_all(jobs(), shared, service.store, journal=folder)

    assert service.values("ada") == {DAY: 1}


async def test_an_error_of_the_callback_ends_the_call(service: Service, folder: JournalFolder) -> None:
    closed = False

    async def jobs() -> AsyncIterator[SyncJob]:
        nonlocal closed
        try:
            for n in range(1000):
                yield update(USERS[n % 3], n)
        finally:
            closed = True

    def fail(report: JobReport) -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await run_all(jobs(), client_of(service), service.store, journal=folder, on_report=fail)

    assert closed
    assert len(service.written) < 20
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_cancelled_call_leaves_no_task_and_goes_on_when_it_is_called_again(
    service: Service, folder: JournalFolder
) -> None:
    jobs = [increment(USERS[n % 3], 1) for n in range(60)]
    shared = client_of(service)
    running = asyncio.ensure_future(run_all(jobs, shared, service.store, journal=folder))
    await until(lambda: len(service.written) >= 20)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await shared.aclose()  # waits for what is in flight
    assert asyncio.all_tasks() == {asyncio.current_task()}

    reports = await run_all(jobs, client_of(service), service.store, journal=folder)

    succeeded = sum(report.counts[OutcomeStatus.SUCCEEDED] for report in reports)
    unknown = sum(report.counts[OutcomeStatus.UNKNOWN] for report in reports)
    applied = sum(service.values(user)[DAY] for user in USERS)
    assert all(report.finished for report in reports)
    assert succeeded + unknown == 60
    assert succeeded <= applied <= 60
    assert unknown <= 8


async def test_a_call_that_waits_for_the_budget_can_be_cancelled(service: Service, folder: JournalFolder) -> None:
    shared = client_of(service, rate_limiter=MemoryRateLimiter(limit=1))
    told: list[JobReport] = []
    running = asyncio.ensure_future(
        run_all([update("ada", 1), update("ada", 2)], shared, service.store, journal=folder, on_report=told.append)
    )
    await until(lambda: told)
    await asyncio.sleep(0.05)

    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"jobs": "jobs"}, "jobs must be a list"),
        ({"jobs": {}}, "jobs must be a list"),
        ({"jobs": 7}, "jobs must be a list"),
        ({"shared": None}, "shared must be an ExistClient"),
        ({"store": None}, "store must be a TokenStore"),
        ({"app": "client-id"}, "app must be an OAuthApp"),
        ({"app": OAuthApp("id", "secret", "https://a.example", base_url="https://b.example")}, "base_url"),
        ({"max_wait": -1}, "max_wait must be"),
        ({"reacquire": "yes"}, "reacquire must be True or False"),
        ({"journal": Journal("job.db")}, r"journal must be a JournalFolder or another source"),
        ({"concurrency": 0}, "concurrency must be from 1"),
        ({"retry": 3}, "retry must be a RetryPolicy"),
        ({"on_report": "print"}, "on_report must be a function"),
    ],
)
async def test_a_wrong_argument_is_named(
    arguments: dict[str, Any], message: str, service: Service, shared: ExistClient, folder: JournalFolder
) -> None:
    given = {"jobs": [], "shared": shared, "store": service.store, "journal": folder} | arguments

    with pytest.raises(ConfigurationError, match=message):
        await run_all(given.pop("jobs"), given.pop("shared"), given.pop("store"), **given)


class FailingService(Service):
    """A service that fails often, and counts the increments that it carries out."""

    def __init__(self, dice: random.Random) -> None:
        super().__init__()
        self.increments = 0
        self._dice = dice
        self._inner = self.sandbox.transport()
        self._now = 0.0

    async def answer(self, request: httpx.Request) -> httpx.Response:
        for _ in range(self._dice.randrange(3)):
            await asyncio.sleep(0)
        is_increment = request.url.path.endswith("increment/")
        match self._dice.randrange(6):
            case 0:
                raise httpx.ConnectError("refused", request=request)
            case 1:
                return httpx.Response(429, headers={"Retry-After": "30"} if self._dice.random() < 0.5 else {})
            case 2 if not is_increment:
                return httpx.Response(502)
        response = await self._inner.handle_async_request(request)
        await response.aread()
        if is_increment:
            self.increments += len(response.json()["success"])
        return response

    async def sleep(self, seconds: float) -> None:
        self._now += seconds
        await asyncio.sleep(0)

    def client(self) -> ExistClient:
        return ExistClient(
            httpx.Auth(),
            http_client=httpx.AsyncClient(transport=httpx.MockTransport(self.answer)),
            rate_limiter=MemoryRateLimiter(limit=5, period=60, clock=lambda: self._now, sleep=self.sleep),
            clock=lambda: self._now,
            sleep=self.sleep,
            max_retries=self._dice.randrange(2),
        )


def job_of(user: str, kind: Any, count: int, value: int) -> SyncJob:
    days = [DAY + dt.timedelta(days=n) for n in range(count)]
    if kind == "increment":
        return SyncJob(user, kind, [ValueIncrement("coffees", 1, day) for day in days])
    return SyncJob(user, kind, [ValueUpdate("steps", day, value) for day in days])


KINDS = ["update", "sync", "increment"]


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(drawn=st.lists(st.tuples(st.sampled_from(USERS), st.sampled_from(KINDS), st.integers(0, 80))), dice=st.randoms())
async def test_random_jobs_are_all_applied_once_although_the_service_fails(
    drawn: list[tuple[str, str, int]], dice: random.Random, tmp_path_factory: pytest.TempPathFactory
) -> None:
    service = FailingService(random.Random(dice.random()))
    await service.sign_in()
    jobs = [job_of(*each, value) for value, each in enumerate(drawn, 1)]
    folder = JournalFolder(tmp_path_factory.mktemp("journals"))

    reports = await run_all(
        jobs, service.client(), service.store, journal=folder, retry=RetryPolicy(), concurrency=dice.randint(1, 4)
    )

    assert [report.id for report in reports] == [job.id for job in jobs]
    assert all(report.ok for report in reports), [str(report) for report in reports]
    for user in USERS:
        own = [job for job in jobs if job.user == user]
        steps = {item.date: item.value for job in own if job.kind != "increment" for item in job.items}  # type: ignore[union-attr]
        coffees = Counter(item.date for job in own if job.kind == "increment" for item in job.items)
        assert service.values(user) == steps
        assert service.values(user, "coffees") == coffees
    assert service.increments == sum(len(job.items) for job in jobs if job.kind == "increment")


@pytest.mark.slow
async def test_ten_thousand_jobs_need_little_memory_and_few_tasks(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("ERROR", "exist_async")  # or the log of this test takes more memory than all else
    users = tuple(f"user_{n}" for n in range(100))
    most_tasks = 0

    class Done(JournalFolder):
        """Has no journals, so that only the scheduling of jobs is left."""

        def for_job(self, id: Any) -> Journal:  # noqa: A002
            nonlocal most_tasks
            most_tasks = max(most_tasks, len(asyncio.all_tasks()))
            raise RuntimeError("of a subclass")

    def jobs() -> Iterator[SyncJob]:
        for n in range(10_000):
            yield SyncJob(users[n % 100], "update", [ValueUpdate("steps", DAY, float(i)) for i in range(20)])

    service = Service(users[:1])
    gc.collect()
    tracemalloc.start()
    start = time.monotonic()
    try:
        reports = await run_all(jobs(), client_of(service), service.store, journal=Done(tmp_path / "journals"))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(reports) == 10_000
    assert most_tasks < 15
    assert peak < 15e6  # mostly the reports; all jobs would take 40e6
    assert time.monotonic() - start < 60


@pytest.mark.slow
async def test_file_token_store_and_journals_serve_concurrent_jobs(tmp_path: Path) -> None:
    service = Service(tuple(f"user_{n}" for n in range(20)))
    await service.sign_in()
    store = FileTokenStore(tmp_path / "tokens.json")
    for user in service._users:
        token = await service.store.load(user)
        assert token is not None
        await store.save(user, token)

    jobs = [increment(user, 1) for user in service._users for _ in range(3)]
    reports = await run_all(jobs, client_of(service), store, journal=JournalFolder(tmp_path / "journals"))

    assert all(report.ok for report in reports)
    assert all(service.values(user) == {DAY: 3} for user in service._users)
