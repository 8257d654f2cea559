"""The outcome of a sync job, small enough to be stored, logged or sent."""

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final, Self
from uuid import UUID

from attrs import frozen

from exist_async._checks import wrong_type
from exist_async._json import UnreadableError, decode, encode
from exist_async.errors import BatchError, ConfigurationError, ReauthorizationRequired
from exist_async.jobs.job import JobKind, SyncJob
from exist_async.outcomes import FINE, Outcome, OutcomeStatus, WriteSummary, error_text, text_of_counts

MOST_FAILED: Final = 100
"""The most failed items that a report contains."""

_LONGEST_TEXT: Final = 500  # characters
_QUOTED_ITEMS: Final = 3


@frozen
class FailedItem:
    """An item of a job that is not fine.

    Attributes:
        index: The item's position in the job, from 0.
        name: Name of the attribute.
        date: The day.
        value: The value, or the number that was to be added.
        status: Whether it was refused, is unknown or was not sent.
        error_code: Exist's short code for a refusal, such as `not_found`.
        error: The reason, as text.
    """

    index: int
    name: str
    date: dt.date
    value: int | float | str
    status: OutcomeStatus
    error_code: str | None = None
    error: str | None = None

    def __str__(self) -> str:
        texts = (f"items[{self.index}] ({self.name}, {self.date}) {self.status}", self.error_code, self.error)
        return ": ".join(text for text in texts if text is not None)


@frozen
class JobReport:
    """The outcome of a job. It holds no token.

    Attributes:
        id: The job's id.
        user: The user's name.
        kind: The kind of the job.
        counts: Number of items with each status. Items that the job did not come to, because its journal could not be
            opened for example, are not counted.
        failed: The first 100 items that are neither succeeded nor unchanged or superseded.
        error: Text of the error that ended the job; None if it is finished.
        error_type: Name of the class of this error, such as `ReauthorizationRequired`.
    """

    id: UUID
    user: str
    kind: JobKind
    counts: Mapping[OutcomeStatus, int]
    failed: tuple[FailedItem, ...] = ()
    error: str | None = None
    error_type: str | None = None

    def __str__(self) -> str:
        ended = "" if self.error_type is None else f", ended by {self.error_type}: {self.error}"
        return f"job {self.id} of {self.user!r}: {text_of_counts(self.counts)}{ended}"

    @property
    def finished(self) -> bool:
        """Whether no error ended the job: each item has an outcome that running the job again would not change."""
        return self.error_type is None

    @property
    def ok(self) -> bool:
        """Whether the job is finished and every item succeeded, is unchanged or was superseded."""
        return self.finished and self._failures == 0

    @property
    def needs_sign_in(self) -> bool:
        """Whether the user has to sign in again before the job can go on."""
        return self.error_type == ReauthorizationRequired.__name__

    @property
    def _failures(self) -> int:
        return sum(count for status, count in self.counts.items() if status not in FINE)

    def raise_for_failures(self) -> Self:
        """Return this report if it is ok.

        Raises:
            BatchError: It is not. Its message quotes the first items that failed. `ExistRetry` and `run_all` do not try
                a job again that raises it.
        """
        if self.ok:
            return self
        texts = [*map(str, self.failed[:_QUOTED_ITEMS]), *(["…"] if self._failures > _QUOTED_ITEMS else [])]
        raise BatchError("; ".join([str(self), *texts]), errors=())

    def to_json(self) -> str:
        """Return the report as JSON, which `from_json` reads. Statuses without items are left out."""
        fields: dict[str, Any] = {
            "id": str(self.id),
            "user": self.user,
            "kind": self.kind,
            "counts": {status.value: count for status, count in self.counts.items() if count},
            "failed": self.failed,
            "error": self.error,
            "error_type": self.error_type,
        }
        return encode({name: value for name, value in fields.items() if value not in (None, ())}).decode()

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Return the report that `to_json` converted.

        Raises:
            ConfigurationError: It is not such JSON. The message names the place.
        """
        if not isinstance(text, str | bytes):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise wrong_type("a report's JSON", "a string or bytes", text)
        try:
            read = decode(text.encode() if isinstance(text, str) else text, cls)
        except (UnreadableError, UnicodeEncodeError) as error:
            reason = str(error) if isinstance(error, UnreadableError) else "It contains half a surrogate pair"
        else:
            return cls(
                read.id,
                read.user,
                read.kind,
                dict.fromkeys(OutcomeStatus, 0) | dict(read.counts),
                read.failed,
                read.error,
                read.error_type,
            )
        raise ConfigurationError(f"this can't be read as a JobReport: {reason}")


def report_of(job: SyncJob, summary: WriteSummary[Any, Any] | None, error: Exception | None = None) -> JobReport:
    """Return the report of a job, from the summary of its write and the error that ended it, if one did."""
    counts = dict.fromkeys(OutcomeStatus, 0)
    failed: tuple[FailedItem, ...] = ()
    if summary is not None:
        counts |= summary.counts
        failed = tuple(map(_failed_item, summary.failed[:MOST_FAILED]))
    if error is None:
        return JobReport(job.id, job.user, job.kind, counts, failed)
    return JobReport(job.id, job.user, job.kind, counts, failed, short_text(error_text(error)), type(error).__name__)


def _failed_item(outcome: Outcome[Any, Any]) -> FailedItem:
    item, reason = outcome.item, outcome.error
    if reason is None and outcome.cause is not None:
        reason = error_text(outcome.cause)
    return FailedItem(
        outcome.index,
        item.name,
        item.date,
        item.value,
        outcome.status,
        None if outcome.error_code is None else short_text(outcome.error_code),
        None if reason is None else short_text(reason),
    )


def short_text(text: str) -> str:
    """Return a text that JSON can hold, which half of a surrogate pair in a file name can't be part of, cut to size."""
    text = text.encode(errors="replace").decode()
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"
