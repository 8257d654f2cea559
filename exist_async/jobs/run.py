"""Runs one job: writes its items through its journal, and returns its report."""

import logging
from typing import TYPE_CHECKING, Any, Final, cast

from exist_async._checks import check_flag, wrong_type
from exist_async.auth.oauth2 import OAuth2
from exist_async.auth.stored_token import StoredToken
from exist_async.batch.operation import OnOutcome
from exist_async.client import ExistClient
from exist_async.errors import BatchError, ConfigurationError, ExistAsyncError, JournalError, OutcomeUnknownError
from exist_async.jobs.job import SyncJob
from exist_async.jobs.journals import JournalSource, journal_for
from exist_async.jobs.report import JobReport, report_of
from exist_async.jobs.retry import decisive_error, is_worth_another
from exist_async.journals.base import StoredJournal
from exist_async.oauth import OAuthApp
from exist_async.outcomes import OutcomeStatus, WriteSummary, error_text
from exist_async.token_stores import TokenStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exist_async.values.requests import ValueIncrement, ValueUpdate

_log = logging.getLogger("exist_async")

LONGEST_WAIT: Final = 2.0
"""Seconds for which a job waits for its user's budget before it is put off."""

_REMEDY: Final = (
    "Give the job's run app=, the OAuthApp that they signed in with, so that it can be renewed, or sign them in again."
)


async def run(
    job: SyncJob,
    shared: ExistClient,
    store: TokenStore,
    *,
    app: OAuthApp | None = None,
    journal: StoredJournal | JournalSource,
    reacquire: bool = False,
    max_wait: float | None = LONGEST_WAIT,
    on_outcome: OnOutcome[Any, Any] = None,
) -> JobReport:
    """Write the items of a job, or what an earlier run of it has left, and return its report.

    A job is finished when each item has an outcome that another run would not change: it succeeded, is unchanged,
    superseded, or refused for itself. An increment whose answer was lost is `unknown`, and is never sent again, so it
    does not keep the job from being finished. Nor does an update whose answer was lost, and which is refused when it is
    sent again. Running a finished job sends nothing but such updates, and returns the same report.

    Refused items raise no error: call `raise_for_failures()` of the report where they should.

    Args:
        job: The job.
        shared: A client, whose connections, rate limiter and other options are used. The job gets a view of its own.
        store: The store that has the user's token.
        app: The app that the user signed in with, to renew the token. Without it, the stored access token is used as
            it is.
        journal: A source of journals, such as a `JournalFolder` or `PostgresJournal(pool)`, in which the job's id
            selects one; or a journal of this job that is not open, such as `Journal("job.db")`. It is opened and closed
            here.
        reacquire: As for `exist.values.update()`: whether to acquire attributes that the service does not own.
        max_wait: The most seconds that a request waits for the budget or a Retry-After. It is small, because a job that
            waits keeps others from running: put it off for `retry_after` instead, as `ExistRetry` and `run_all` do.
        on_outcome: Called with each outcome as requests end, but not with those of an earlier run.

    Raises:
        RateLimitError: The budget is spent for longer than `max_wait`.
        ReauthorizationRequired: The user has to sign in again, or the token would have to be renewed by an `app`.
        JournalError: The journal can't be used. Another worker may have it open.
        ConfigurationError: An argument is wrong, or the journal belongs to another job.
        ExistAsyncError: Other errors that keep items from being written. If there are several, the one that decides
            whether another run helps. `summary` of the error counts the outcomes of the items.
    """
    if not isinstance(job, SyncJob):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise wrong_type("job", "a SyncJob", job)
    check_flag("reacquire", reacquire)
    view = view_of(job.user, shared, store, app, max_wait)
    try:
        async with journal_for(journal, job.id) as opened:
            try:
                return report_of(job, await _write(job, view, opened, reacquire, on_outcome))
            except ExistAsyncError as error:
                failure = error
            if (decisive := _unfinished_by(failure)) is not None and not is_worth_another(decisive):
                await _note(opened, decisive)
    except ExistAsyncError as error:  # of the journal
        failure = decisive = error
    # Outside the handlers: the error that decides is the cause of the one that was raised.
    summary = failure.summary or WriteSummary(dict.fromkeys(OutcomeStatus, 0))
    if decisive is None:
        return report_of(job, summary)
    decisive.summary = summary
    raise decisive


async def _note(journal: StoredJournal, error: ExistAsyncError) -> None:
    """Note in a job's journal that it failed, for those who look after jobs."""
    if isinstance(error, ConfigurationError):  # it may be the journal of another job
        return
    try:
        await journal.note_error(f"{type(error).__name__}: {error_text(error)}")
    except JournalError as failure:
        _log.warning("The error of a job was not noted: %s", failure)


def view_of(
    user: str, shared: ExistClient, store: TokenStore, app: OAuthApp | None, max_wait: float | None
) -> ExistClient:
    """Return a view of a client for one user.

    Raises:
        ConfigurationError: An argument is wrong.
    """
    if not isinstance(shared, ExistClient):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise wrong_type("shared", "an ExistClient", shared)
    auth = OAuth2(app, store, user) if app is not None else _stored_token(shared, store, user)
    return shared.with_options(auth=auth, max_wait=max_wait)


def _stored_token(shared: ExistClient, store: TokenStore, user: str) -> StoredToken:
    origin = shared._session.options.base_url  # pyright: ignore[reportPrivateUsage]
    return StoredToken(store, user, origin=origin, remedy=_REMEDY)


async def _write(
    job: SyncJob,
    view: ExistClient,
    journal: StoredJournal,
    reacquire: bool,
    on_outcome: OnOutcome[Any, Any],
) -> WriteSummary[Any, Any]:
    if job.kind == "increment":
        increments = cast("Sequence[ValueIncrement]", job.items)
        return await view.values.increment(
            increments, reacquire=reacquire, on_outcome=on_outcome, journal=journal, keep_outcomes=False
        )
    write = view.values.sync if job.kind == "sync" else view.values.update
    return await write(
        cast("Sequence[ValueUpdate]", job.items),
        reacquire=reacquire,
        on_outcome=on_outcome,
        journal=journal,
        keep_outcomes=False,
    )


def _unfinished_by(error: ExistAsyncError) -> ExistAsyncError | None:
    """Return the error by which a write is not finished; None if all outcomes are known, or stay unknown."""
    errors = error.errors if isinstance(error, BatchError) else (error,)
    lasting = [each for each in errors if not _stays_unknown(each)]
    if lasting:
        decisive = decisive_error(lasting)
        return decisive if isinstance(decisive, ExistAsyncError) else error
    return error if error.summary is not None and error.summary.counts[OutcomeStatus.NOT_SENT] else None


def _stays_unknown(error: Exception) -> bool:
    """Whether items are unknown that another run would not change: increments, and updates that are refused by now."""
    return isinstance(error, OutcomeUnknownError) and (error.repeat_refused or not error.repeatable)
