"""One job: what it writes, what another run of it does, and the errors by which it is not finished."""

import asyncio
import datetime as dt
import sqlite3
import stat
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from jobs_support import DAY, Service, increment, update

from exist_async import (
    AuthenticationError,
    BadRequestError,
    BatchError,
    ConfigurationError,
    ConnectionFailedError,
    ExistClient,
    Journal,
    JournalError,
    MemoryRateLimiter,
    MemoryTokenStore,
    OAuthApp,
    OAuthError,
    OAuthToken,
    Outcome,
    OutcomeStatus,
    OutcomeUnknownError,
    PermissionDeniedError,
    RateLimitError,
    ReauthorizationRequired,
    ValueIncrement,
    ValueUpdate,
    WriteSummary,
)
from exist_async.jobs import JobReport, JournalFolder, SyncJob, run
from exist_async.jobs.run import _unfinished_by as unfinished_by
from support import until

UPDATE, INCREMENT = "/api/2/attributes/update/", "/api/2/attributes/increment/"


async def test_an_update_is_written_for_its_user(service: Service, shared: ExistClient, folder: JournalFolder) -> None:
    job = update("grace", 7, 8)

    report = await run(job, shared, service.store, journal=folder)

    assert service.values("grace") == {DAY: 7, DAY + dt.timedelta(days=1): 8}
    assert service.values("ada") == {}
    assert (report.id, report.user, report.kind) == (job.id, "grace", "update")
    assert report.counts[OutcomeStatus.SUCCEEDED] == 2
    assert report.ok
    assert report.raise_for_failures() is report


async def test_a_sync_reads_and_writes_only_what_differs(
    service: Service, shared: ExistClient, folder: JournalFolder
) -> None:
    values = {"steps": 7, "coffees": 2, "floors": 3, "mood_note": "good"}
    rows = [ValueUpdate(name, DAY - dt.timedelta(days=n), value) for name, value in values.items() for n in range(31)]
    await run(SyncJob("ada", "update", rows), shared, service.store, journal=folder)
    changed = [ValueUpdate("steps", DAY, 8), *rows[1:]]

    report = await run(SyncJob("ada", "sync", changed), shared, service.store, journal=folder)

    assert report.ok
    assert report.counts[OutcomeStatus.UNCHANGED] == 123
    assert report.counts[OutcomeStatus.SUCCEEDED] == 1
    assert service.values("ada")[DAY] == 8


async def test_running_a_finished_job_sends_nothing_and_returns_the_same_report(
    service: Service, shared: ExistClient, folder: JournalFolder
) -> None:
    job = SyncJob("ada", "increment", [ValueIncrement("steps", 1, DAY), ValueIncrement("nothing", 1, DAY)])
    report = await run(job, shared, service.store, journal=folder)
    requests = len(service.sandbox.requests)
    await service.store.delete("ada")  # nor does it need a token

    assert await run(SyncJob.from_json(job.to_json()), shared, service.store, journal=folder) == report
    assert len(service.sandbox.requests) == requests
    assert report.counts[OutcomeStatus.REFUSED] == 1


async def test_a_job_without_items_is_finished(service: Service, shared: ExistClient, folder: JournalFolder) -> None:
    report = await run(SyncJob("ada", "update", []), shared, service.store, journal=folder)

    assert report.ok
    assert service.sandbox.requests == []


async def test_refused_items_fail_a_job_only_where_that_is_asked_for(
    service: Service, shared: ExistClient, folder: JournalFolder
) -> None:
    job = SyncJob("ada", "update", [ValueUpdate("steps", DAY, 1), ValueUpdate("nothing", DAY, 2)])

    report = await run(job, shared, service.store, journal=folder)

    assert report.finished
    assert not report.ok
    (failed,) = report.failed
    assert (failed.index, failed.name, failed.value, failed.error_code) == (1, "nothing", 2, "not_found")
    with pytest.raises(BatchError, match=r"items\[1\] \(nothing, 2026-11-20\) refused: not_found"):
        report.raise_for_failures()


async def test_attributes_are_acquired_where_that_is_asked_for(
    service: Service, shared: ExistClient, folder: JournalFolder
) -> None:
    job = update("ada", 7, name="weight")

    report = await run(job, shared, service.store, journal=folder, reacquire=True)

    assert report.ok
    assert service.values("ada", "weight") == {DAY: 7}


async def test_outcomes_are_told_as_requests_end(service: Service, shared: ExistClient, folder: JournalFolder) -> None:
    told: list[Outcome[Any, Any]] = []

    await run(update("ada", 7), shared, service.store, journal=folder, on_outcome=told.append)

    assert [(outcome.index, outcome.status) for outcome in told] == [(0, OutcomeStatus.SUCCEEDED)]


async def test_an_error_of_the_callback_reaches_the_caller(
    service: Service, shared: ExistClient, folder: JournalFolder
) -> None:
    def fail(outcome: object) -> None:
        raise KeyError("mine")

    with pytest.raises(BatchError, match="mine") as caught:
        await run(update("ada", 7), shared, service.store, journal=folder, on_outcome=fail)

    assert isinstance(caught.value.errors[0], KeyError)


async def test_a_journal_of_one_job_is_opened_and_closed(service: Service, shared: ExistClient, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "job.db")

    await run(update("ada", 7), shared, service.store, journal=journal)

    async with journal:
        assert (await journal.summary()).counts[OutcomeStatus.SUCCEEDED] == 1


async def test_a_journal_that_is_open_elsewhere_is_an_error_and_nothing_is_sent(
    service: Service, shared: ExistClient, folder: JournalFolder
) -> None:
    job = update("ada", 7)

    async with folder.for_job(job.id):
        with pytest.raises(JournalError, match="open elsewhere") as caught:
            await run(job, shared, service.store, journal=folder)

    assert caught.value.summary is not None
    assert len(caught.value.summary) == 0
    assert service.written == []


async def test_a_job_whose_id_another_one_has_is_an_error(
    service: Service, shared: ExistClient, folder: JournalFolder
) -> None:
    job = update("ada", 7)
    await run(job, shared, service.store, journal=folder)

    for other in (update("ada", 8), update("grace", 7), increment("ada", 7)):
        with pytest.raises(ConfigurationError, match="egin another journal"):
            await run(SyncJob(other.user, other.kind, other.items, job.id), shared, service.store, journal=folder)


async def test_files_of_jobs_are_open_to_their_owner_alone(
    service: Service, shared: ExistClient, tmp_path: Path, folder: JournalFolder
) -> None:
    await run(update("ada", 7), shared, service.store, journal=folder)

    assert stat.S_IMODE((tmp_path / "journals").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "journals").iterdir()} == {0o600}


# Tokens


async def test_a_user_without_a_token_has_to_sign_in(
    service: Service, shared: ExistClient, folder: JournalFolder
) -> None:
    with pytest.raises(ReauthorizationRequired, match="no token of 'eve'") as caught:
        await run(update("eve", 7), shared, service.store, journal=folder)

    assert caught.value.summary is not None
    assert caught.value.summary.counts[OutcomeStatus.NOT_SENT] == 1


async def test_without_an_app_an_expired_token_is_not_used_and_the_error_says_what_helps(
    service: Service, shared: ExistClient, folder: JournalFolder
) -> None:
    token = await service.store.load("ada")
    assert token is not None
    expired = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)
    await service.store.save("ada", OAuthToken(token.access_token, "a-refresh-token", expired))

    with pytest.raises(ReauthorizationRequired, match=r"has expired\. Give the job's run app="):
        await run(update("ada", 7), shared, service.store, journal=folder)

    assert service.sandbox.requests == []


async def test_without_an_app_a_rejected_token_is_an_error_that_says_what_helps(
    service: Service, shared: ExistClient, folder: JournalFolder
) -> None:
    service.sandbox.expire_tokens()

    with pytest.raises(ReauthorizationRequired, match=r"rejects the stored access token of 'ada'\. Give .* app="):
        await run(update("ada", 7), shared, service.store, journal=folder)


async def test_a_token_that_another_process_has_renewed_is_used(
    service: Service, shared: ExistClient, folder: JournalFolder
) -> None:
    old = await service.store.load("ada")
    assert old is not None
    service.sandbox.expire_tokens()
    await service.sign_in("ada")

    class Late(MemoryTokenStore):
        """Answers once as if the other process had not saved its token yet."""

        loads = 0

        async def load(self, user: str) -> OAuthToken | None:
            self.loads += 1
            return old if self.loads == 1 else await service.store.load(user)

    assert (await run(update("ada", 7), shared, Late(), journal=folder)).ok


async def test_the_budget_is_that_of_the_job_s_user(service: Service, folder: JournalFolder) -> None:
    limiter = MemoryRateLimiter()
    async with httpx.AsyncClient(transport=service.sandbox.transport()) as http_client:
        shared = ExistClient(httpx.Auth(), http_client=http_client, rate_limiter=limiter)
        await run(update("ada", 7), shared, service.store, journal=folder)
        await run(update("ada", 7), shared, service.store, app=app_of(http_client), journal=folder)

    assert await limiter.remaining("ada") == 298


def app_of(http_client: httpx.AsyncClient) -> OAuthApp:
    return OAuthApp("sandbox-client", "sandbox-secret", "http://localhost:8000/", http_client=http_client)


async def test_with_an_app_an_expired_token_is_renewed(service: Service, folder: JournalFolder) -> None:
    service.sandbox.token_lifetime = 3600
    async with httpx.AsyncClient(transport=service.sandbox.transport()) as http_client:
        app = app_of(http_client)
        url, state = app.authorization_url(["activity_write"])
        token = await app.exchange(service.sandbox.authorize(url, service._users["ada"]), state=state)
        await service.store.save("ada", token)
        service.sandbox.expire_tokens()
        shared = ExistClient(httpx.Auth(), http_client=http_client)

        assert (await run(update("ada", 7), shared, service.store, app=app, journal=folder)).ok

    renewed = await service.store.load("ada")
    assert renewed is not None
    assert renewed.access_token != token.access_token


async def test_a_store_that_fails_is_an_error_without_its_text(
    service: Service, shared: ExistClient, folder: JournalFolder
) -> None:
    class Failing(MemoryTokenStore):
        async def load(self, user: str) -> OAuthToken | None:
            raise RuntimeError("a-secret-token")

    with pytest.raises(OAuthError, match=r"The token store failed \(RuntimeError\)") as caught:
        await run(update("ada", 7), shared, Failing(), journal=folder)

    assert "a-secret-token" not in str(caught.value)
    assert not isinstance(caught.value, ReauthorizationRequired)


async def test_a_store_that_is_cancelled_by_itself_does_not_cancel_the_job(
    service: Service, shared: ExistClient, folder: JournalFolder
) -> None:
    class Cancelling(MemoryTokenStore):
        async def load(self, user: str) -> OAuthToken | None:
            raise asyncio.CancelledError

    with pytest.raises(OAuthError, match=r"The token store failed \(CancelledError\)"):
        await run(update("ada", 7), shared, Cancelling(), journal=folder)


# Errors


async def test_a_spent_budget_does_not_hold_the_worker_and_the_next_run_goes_on(
    service: Service, folder: JournalFolder, clock: Any
) -> None:
    limiter = MemoryRateLimiter(limit=2, clock=clock, sleep=clock.sleep)
    job = SyncJob("ada", "update", [ValueUpdate("steps", DAY + dt.timedelta(days=n), n + 1) for n in range(100)])
    async with httpx.AsyncClient(transport=service.sandbox.transport()) as http_client:
        shared = ExistClient(httpx.Auth(), http_client=http_client, rate_limiter=limiter)

        with pytest.raises(RateLimitError) as caught:
            await run(job, shared, service.store, journal=folder)
        error = caught.value
        assert error.retry_after == pytest.approx(3600, abs=1)
        assert error.summary is not None
        assert error.summary.counts[OutcomeStatus.SUCCEEDED] == 70
        assert error.summary.counts[OutcomeStatus.NOT_SENT] == 30
        assert clock.slept == []

        clock.now += error.retry_after
        report = await run(job, shared, service.store, journal=folder)

    assert report.ok
    assert report.counts[OutcomeStatus.SUCCEEDED] == 100
    assert len(service.values("ada")) == 100
    assert len(service.written) == 3


async def test_a_429_is_raised_with_the_time_after_which_the_job_can_go_on(
    service: Service, shared: ExistClient, folder: JournalFolder
) -> None:
    service.sandbox.fail_next(1, status=429, headers={"Retry-After": "1800"})

    with pytest.raises(RateLimitError) as caught:
        await run(increment("ada", 1), shared, service.store, journal=folder)

    assert caught.value.retry_after == pytest.approx(1800, abs=1)
    assert service.values("ada") == {}


@pytest.mark.parametrize(
    ("status", "error"), [(401, AuthenticationError), (403, PermissionDeniedError), (400, BadRequestError)]
)
async def test_a_request_that_is_refused_as_a_whole_is_an_error_and_is_sent_again_by_the_next_run(
    status: int,
    error: type[Exception],
    service: Service,
    shared: ExistClient,
    folder: JournalFolder,
) -> None:
    if status == 401:
        error = ReauthorizationRequired  # the token is that of the store
    service.sandbox.fail_next(1, status=status)
    job = increment("ada", 1)
    with pytest.raises(error) as caught:
        await run(job, shared, service.store, journal=folder)
    assert caught.value.summary.ok is False  # type: ignore[attr-defined]

    assert (await run(job, shared, service.store, journal=folder)).ok
    assert service.values("ada") == {DAY: 1}


async def test_an_update_without_an_answer_is_an_error_and_is_sent_again(
    service: Service, shared: ExistClient, folder: JournalFolder
) -> None:
    service.sandbox.fail_next(1, status=502)
    job = update("ada", 7)

    with pytest.raises(OutcomeUnknownError):
        await run(job, shared, service.store, journal=folder)

    assert (await run(job, shared, service.store, journal=folder)).ok


async def test_an_update_without_an_answer_that_is_then_refused_does_not_keep_the_job_from_being_finished(
    service: Service, shared: ExistClient, folder: JournalFolder
) -> None:
    job = SyncJob("ada", "update", [ValueUpdate("steps", DAY, 7), ValueUpdate("gone", DAY, 7)])
    service.sandbox.fail_next(1, status=502)
    with pytest.raises(OutcomeUnknownError):
        await run(job, shared, service.store, journal=folder)

    report = await run(job, shared, service.store, journal=folder)

    assert report.finished
    assert not report.ok
    (failed,) = report.failed
    assert (failed.name, failed.status, failed.error_code) == ("gone", OutcomeStatus.UNKNOWN, "not_found")
    assert service.values("ada") == {DAY: 7}


async def test_an_increment_without_an_answer_stays_unknown_in_a_journal_of_an_earlier_version(
    service: Service, shared: ExistClient, tmp_path: Path
) -> None:
    job, path = increment("ada", 1), tmp_path / "job.db"
    service.sandbox.fail_next(1, status=502)
    report = await run(job, shared, service.store, journal=Journal(path))
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("""UPDATE item SET outcome = replace(outcome, ',"repeat_refused":false', '')""")
        ((outcome,),) = database.execute("SELECT outcome FROM item")
        assert "repeat_refused" not in outcome

    assert await run(job, shared, service.store, journal=Journal(path)) == report


async def test_an_increment_without_an_answer_is_unknown_and_the_job_is_finished(
    service: Service, shared: ExistClient, folder: JournalFolder
) -> None:
    service.sandbox.fail_next(1, status=502)
    job = increment("ada", 1, 2)

    report = await run(job, shared, service.store, journal=folder)

    assert report.finished
    assert report.counts[OutcomeStatus.UNKNOWN] == 2
    assert "It may have been carried out" in (report.failed[0].error or "")
    assert await run(job, shared, service.store, journal=folder) == report
    assert service.written == [INCREMENT]


def answer_in_turn(
    service: Service, *answers: Callable[[httpx.Request], Awaitable[httpx.Response]] | None
) -> httpx.AsyncClient:
    """Return a client of the sandbox in which some answers replace those of the first requests, None being its own."""
    inner, left = service.sandbox.transport(), list(answers)

    async def answer(request: httpx.Request) -> httpx.Response:
        given = left.pop(0) if left else None
        return await inner.handle_async_request(request) if given is None else await given(request)

    return httpx.AsyncClient(transport=httpx.MockTransport(answer))


async def refuse_connection(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


async def break_off(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadError("cut", request=request)


def reply(status: int, **headers: str) -> Callable[[httpx.Request], Awaitable[httpx.Response]]:
    async def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, headers={key.replace("_", "-"): value for key, value in headers.items()})

    return answer


@asynccontextmanager
async def running_in_turn(service: Service, *answers: Any):  # type: ignore[no-untyped-def]
    async with answer_in_turn(service, *answers) as http_client:
        yield ExistClient(httpx.Auth(), http_client=http_client, max_retries=0, concurrency=1, rate_limiter=None)


def many_updates(count: int = 100) -> SyncJob:
    return SyncJob("ada", "update", [ValueUpdate("steps", DAY + dt.timedelta(days=n), n + 1) for n in range(count)])


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ((None, refuse_connection, break_off), ConnectionFailedError),
        ((break_off, reply(400)), OutcomeUnknownError),
        ((reply(400), refuse_connection), ConnectionFailedError),
        ((break_off, reply(429, retry_after="900")), RateLimitError),
        ((refuse_connection, reply(403)), PermissionDeniedError),
        ((None, reply(400)), BadRequestError),
    ],
)
async def test_of_several_errors_the_one_that_decides_is_raised_with_the_summary(
    answers: tuple[Any, ...], error: type[Exception], service: Service, folder: JournalFolder
) -> None:
    job = many_updates()
    async with running_in_turn(service, *answers) as shared:
        with pytest.raises(error) as caught:
            await run(job, shared, service.store, journal=folder)
        assert len(caught.value.summary) == 100  # type: ignore[attr-defined]
        assert not isinstance(caught.value.__context__, BatchError)  # whose cause this error may be

        assert (await run(job, shared, service.store, journal=folder)).ok


async def test_increments_that_are_unknown_do_not_hide_that_others_were_not_sent(
    service: Service, folder: JournalFolder
) -> None:
    job = SyncJob("ada", "increment", [ValueIncrement("steps", 1, DAY + dt.timedelta(days=n)) for n in range(100)])
    async with running_in_turn(service, break_off, refuse_connection) as shared:
        with pytest.raises(ConnectionFailedError):
            await run(job, shared, service.store, journal=folder)

        report = await run(job, shared, service.store, journal=folder)

    assert report.finished
    assert report.counts[OutcomeStatus.UNKNOWN] == 35
    assert report.counts[OutcomeStatus.SUCCEEDED] == 65
    assert len(service.values("ada")) == 65


def test_items_that_were_not_sent_keep_a_job_from_being_finished_though_the_known_errors_are_of_others() -> None:
    # As for more than a thousand increments that are unknown, which are all that an error has.
    unknown = OutcomeUnknownError("unknown", repeatable=False)
    counts = dict.fromkeys(OutcomeStatus, 0) | {OutcomeStatus.UNKNOWN: 2000}
    error = BatchError("incomplete", errors=(unknown,), summary=WriteSummary(counts))
    assert unfinished_by(error) is None

    error.summary = WriteSummary(counts | {OutcomeStatus.NOT_SENT: 1})
    assert unfinished_by(error) is error


async def test_a_cancelled_job_goes_on_later(service: Service, shared: ExistClient, folder: JournalFolder) -> None:
    job = many_updates(1000)
    running = asyncio.ensure_future(run(job, shared, service.store, journal=folder))
    await until(lambda: service.written)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert (await run(job, shared, service.store, journal=folder)).ok
    assert len(service.values("ada")) == 1000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"job": "{}"}, "job must be a SyncJob, not str"),
        ({"shared": None}, "shared must be an ExistClient"),
        ({"store": {}}, "store must be a TokenStore"),
        ({"app": "app"}, "app must be an OAuthApp"),
        ({"journal": "job.db"}, "journal must be a Journal, or a source of journals"),
        ({"max_wait": -1}, "max_wait"),
        ({"reacquire": 1}, "reacquire"),
        ({"on_outcome": "print"}, "on_outcome"),
    ],
)
async def test_a_wrong_argument_is_named(
    arguments: dict[str, Any], message: str, service: Service, shared: ExistClient, folder: JournalFolder
) -> None:
    given = {"job": update("ada", 7), "shared": shared, "store": service.store, "journal": folder} | arguments

    with pytest.raises(ConfigurationError, match=message):
        await run(given.pop("job"), given.pop("shared"), given.pop("store"), **given)


# Reports


async def test_a_report_is_read_as_it_was_written(service: Service, shared: ExistClient, folder: JournalFolder) -> None:
    job = SyncJob("ada", "update", [ValueUpdate("steps", DAY, 7.5), ValueUpdate("nothing", DAY, "text")])
    report = await run(job, shared, service.store, journal=folder)

    assert JobReport.from_json(report.to_json()) == report


async def test_a_report_of_many_failures_is_small(service: Service, shared: ExistClient, folder: JournalFolder) -> None:
    job = SyncJob("ada", "increment", [ValueIncrement("nothing", 1, DAY) for _ in range(300)])

    report = await run(job, shared, service.store, journal=folder)

    assert report.counts[OutcomeStatus.REFUSED] == 300
    assert len(report.failed) == 100
    assert len(report.to_json()) < 20_000


@pytest.mark.parametrize("text", ["", "{}", "\ud800", b"\xff", '{"id": "7"}'])
def test_text_that_is_no_report_is_an_error(text: str | bytes) -> None:
    with pytest.raises(ConfigurationError, match="this can't be read as a JobReport"):
        JobReport.from_json(text)


def test_something_else_than_text_is_no_report() -> None:
    with pytest.raises(ConfigurationError, match="must be a string or bytes"):
        JobReport.from_json({})  # type: ignore[arg-type]


async def test_the_error_by_which_a_job_failed_is_noted_in_its_journal_and_others_are_not(
    service: Service, shared: ExistClient, folder: JournalFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted: list[str] = []

    async def note_error(journal: Journal, text: str) -> None:
        noted.append(text)

    monkeypatch.setattr(Journal, "note_error", note_error)
    service.sandbox.fail_next(1, status=502)
    job = update("ada", 7)
    with pytest.raises(OutcomeUnknownError):
        await run(job, shared, service.store, journal=folder)  # it is tried again
    await run(job, shared, service.store, journal=folder)
    with pytest.raises(ConfigurationError):  # the journal is that of another job
        await run(SyncJob("ada", "update", update("ada", 8).items, job.id), shared, service.store, journal=folder)
    assert noted == []

    with pytest.raises(ReauthorizationRequired):
        await run(update("eve", 7), shared, service.store, journal=folder)

    (text,) = noted
    assert text.startswith("ReauthorizationRequired: The token store has no token of 'eve'. Sign them in")


async def test_an_error_that_can_t_be_noted_is_raised_all_the_same(
    service: Service,
    shared: ExistClient,
    folder: JournalFolder,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def note_error(journal: Journal, text: str) -> None:
        raise JournalError("its disk is full")

    monkeypatch.setattr(Journal, "note_error", note_error)

    with pytest.raises(ReauthorizationRequired):
        await run(update("eve", 7), shared, service.store, journal=folder)

    assert "The error of a job was not noted: its disk is full" in caplog.text
