"""The outcomes of a write: what follows from errors, all of them or their number, and its result or error."""

import logging
from collections import Counter
from collections.abc import Collection, Hashable, Sequence
from copy import copy
from typing import Any, Generic, TypeAlias, TypeVar, overload

from exist_async._concurrency import Chunk
from exist_async.batch.items import Stop
from exist_async.batch.operation import WriteOperation
from exist_async.errors import (
    BatchError,
    ClientClosedError,
    ConfigurationError,
    ConnectionFailedError,
    DeadlineExceededError,
    ExistAsyncError,
    JournalError,
    OAuthError,
    OutcomeUnknownError,
    RateLimitError,
    StatusError,
)
from exist_async.outcomes import (
    FINE,
    MOST_FAILED,
    BatchResult,
    Outcome,
    OutcomeStatus,
    WriteSummary,
    count_by_status,
    distinct_causes,
    error_text,
    quote_first,
)

I = TypeVar("I")  # noqa: E741  (the letter for an item, as T is for an answer)
T = TypeVar("T")

_INVALID = "validation"
"""Exist's error code for a value that the attribute can't have."""

_QUOTED_ERRORS = 3

NEVER_SENT = (RateLimitError, ClientClosedError, DeadlineExceededError, JournalError, OAuthError)
"""The errors of requests that were not sent, nor will further ones be."""

# A request that ended with one of these was not carried out.
_NOT_CARRIED_OUT = (ConfigurationError, ConnectionFailedError, *NEVER_SENT)

_UNFINISHED = (OutcomeStatus.NOT_SENT, OutcomeStatus.UNKNOWN)
_IN_PLACE = (OutcomeStatus.SUCCEEDED, OutcomeStatus.UNCHANGED)

_log = logging.getLogger("exist_async")


class KeptOutcomes(Generic[I, T]):
    """All items of a write that were read, and their outcomes.

    Attributes:
        items: The items, by index.
    """

    def __init__(self) -> None:
        self.items: list[I] = []
        self._outcomes: list[Outcome[I, T] | None] = []

    def add(self, items: Sequence[I]) -> range:
        """Add items without an outcome, and return their indices."""
        start = len(self.items)
        self.items += items
        self._outcomes += [None] * len(items)
        return range(start, len(self.items))

    def open_indices(self, indices: Sequence[int] | None = None) -> list[int]:
        """Return those of some indices, or of all, whose items have no outcome."""
        outcomes = self._outcomes
        return [index for index in (range(len(outcomes)) if indices is None else indices) if outcomes[index] is None]

    def record(self, outcomes: Sequence[Outcome[I, T]]) -> None:
        """Record outcomes; later ones replace earlier ones."""
        for outcome in outcomes:
            self._outcomes[outcome.index] = outcome

    def log(self, event: str, left_out: Collection[int]) -> None:
        """Log all outcomes."""
        log_outcomes(event, [each for each in self._outcomes if each is not None and each.index not in left_out])

    def result(self, operation: WriteOperation[I, T]) -> BatchResult[I, T]:
        """Return all outcomes. There is one for each item once a write has ended."""
        outcomes = tuple(outcome for outcome in self._outcomes if outcome is not None)
        assert len(outcomes) == len(self.items)
        return BatchResult(outcomes, _outdated(outcomes, operation) if operation.supersedes else frozenset())


class CountedOutcomes(Generic[I, T]):
    """The items without an outcome, and the number of outcomes, so that a stream of any length needs little memory.

    Attributes:
        items: The items without an outcome, by index.
        failed: The first outcomes that are not fine.
        unanswered: The first outcomes of items that were not answered.
    """

    def __init__(self) -> None:
        self.items: dict[int, I] = {}
        self.failed: list[Outcome[I, T]] = []
        self.unanswered: list[Outcome[I, T]] = []
        self._count = 0
        self._counts = dict.fromkeys(OutcomeStatus, 0)

    def add(self, items: Sequence[I]) -> range:
        """Add items without an outcome, and return their indices."""
        indices = range(self._count, self._count + len(items))
        self.items.update(zip(indices, items, strict=True))
        self._count += len(items)
        return indices

    def open_indices(self, indices: Sequence[int] | None = None) -> list[int]:
        """Return those of some indices, or of all, whose items have no outcome."""
        return list(self.items) if indices is None else [index for index in indices if index in self.items]

    def record(self, outcomes: Sequence[Outcome[I, T]]) -> None:
        """Count outcomes, and forget their items. An item's first outcome counts."""
        for outcome in outcomes:
            if outcome.index not in self.items:
                continue
            del self.items[outcome.index]
            self._counts[outcome.status] += 1
            if outcome.status not in FINE:
                if len(self.failed) < MOST_FAILED:
                    self.failed.append(outcome)
                if not outcome.refused_for_itself and len(self.unanswered) < MOST_FAILED:
                    self.unanswered.append(outcome)

    def log(self, event: str, left_out: Collection[int]) -> None:
        """Log the number of outcomes, and the first that are not fine."""
        if not any(self._counts.values()):
            return
        failed = [outcome for outcome in self.failed if outcome.index not in left_out]
        quoted = f". {quote_first(failed)}" if failed else ""
        _log.log(logging.WARNING if failed else logging.INFO, "%s: %s%s", event, self.summary(), quoted)

    def summary(self) -> WriteSummary[I, T]:
        """Return the summary, with the first failures in the order of the items."""
        failed = sorted(self.failed, key=lambda outcome: outcome.index)
        return WriteSummary(dict(self._counts), tuple(failed))


Outcomes: TypeAlias = KeptOutcomes[I, T] | CountedOutcomes[I, T]
"""The items of a write that were read, and what is known of their outcomes."""


@overload
def conclude(result: BatchResult[I, T], stop: Stop | None = None) -> BatchResult[I, T]: ...
@overload
def conclude(
    result: WriteSummary[I, T], stop: Stop | None, unanswered: Sequence[Outcome[I, T]]
) -> WriteSummary[I, T]: ...
def conclude(
    result: BatchResult[I, T] | WriteSummary[I, T],
    stop: Stop | None = None,
    unanswered: Sequence[Outcome[I, T]] | None = None,
) -> BatchResult[I, T] | WriteSummary[I, T]:
    """Return a result in which every item is fine or was refused for itself; otherwise raise the fitting error.

    With a summary, also the first outcomes of items that were not answered.
    """
    if isinstance(result, BatchResult):
        unanswered = [each for each in result.outcomes if each.status not in FINE and not each.refused_for_itself]
    assert unanswered is not None
    if stop is None and not unanswered:
        return result
    raise _error(result, stop, unanswered)


def _error(
    result: BatchResult[I, T] | WriteSummary[I, T], stop: Stop | None, unanswered: Sequence[Outcome[I, T]]
) -> ExistAsyncError:
    """Return the error of a write that was not answered for every item."""
    errors = distinct_causes(unanswered)
    if isinstance(result, BatchResult):
        counts, text = Counter(outcome.status for outcome in result), count_by_status(result)
    else:
        counts, text = Counter(result.counts), str(result)
    classes = {type(error) for error in errors}
    # In `ensure`, an earlier step may be unknown; the items that were not sent after it are not.
    fits = classes != {OutcomeUnknownError} or counts[OutcomeStatus.UNKNOWN] > 0
    error: ExistAsyncError
    if stop is not None and stop.from_caller:
        errors = (stop.error, *(each for each in errors if each is not stop.error))
        error = BatchError(
            f"write stopped by {type(stop.error).__name__}: {error_text(stop.error)} ({text})", errors=errors
        )
        error.__cause__ = stop.error
    elif stop is not None and isinstance(stop.error, ConfigurationError | JournalError):
        error = stop.error
    elif not counts[OutcomeStatus.SUCCEEDED] and len(classes) == 1 and fits and isinstance(errors[0], ExistAsyncError):
        error = errors[0]
    else:
        quoted = "; ".join(map(error_text, errors[:_QUOTED_ERRORS]))
        error = BatchError(f"batch incomplete: {text}. {quoted}", errors=errors)
        error.__cause__ = next(iter(errors), None)
    if isinstance(result, BatchResult):
        error.result = result
    else:
        error.summary = result
    return error


def log_outcomes(event: str, outcomes: Sequence[Outcome[object, object]]) -> None:
    """Log the outcomes of a cancelled write, if any are known, because its caller does not get the result.

    There is a line for all, which is a warning if some did not succeed, and one line for each.
    """
    if not outcomes:
        return
    failed = [outcome for outcome in outcomes if outcome.status not in FINE]
    if failed:
        _log.warning("%s: %s. %s", event, count_by_status(outcomes), quote_first(failed))
    else:
        _log.info("%s: %s", event, count_by_status(outcomes))
    for outcome in outcomes:
        _log.info("items[%d], %s", outcome.index, outcome)


def outcomes_after_error(chunk: Chunk[I], error: Exception, *, sent: bool) -> list[Outcome[I, Any]]:
    """Return the outcomes of the items of a request that ended in an error."""
    if isinstance(error, _NOT_CARRIED_OUT) or not (sent or isinstance(error, ExistAsyncError)):
        status = OutcomeStatus.NOT_SENT
    elif isinstance(error, StatusError):
        status = OutcomeStatus.REFUSED
    else:
        status = OutcomeStatus.UNKNOWN
    return [Outcome(index, item, status, cause=error) for index, item in zip(chunk.indices, chunk.items, strict=True)]


def is_invalid(outcome: Outcome[object, object]) -> bool:
    """Whether the item was refused for its value, so that an earlier value for the day may be accepted."""
    return outcome.error_code == _INVALID and outcome.refused_for_itself


def earlier_outcomes(later: Outcome[I, Any], earlier: Sequence[tuple[int, I]]) -> list[Outcome[I, Any]]:
    """Return the outcomes of items that were not sent because of a later one, which has its outcome now."""
    code, error, cause = later.error_code, later.error, later.cause
    if later.status in FINE:
        return [Outcome(index, item, OutcomeStatus.SUPERSEDED) for index, item in earlier]
    if later.status is OutcomeStatus.REFUSED:
        return [Outcome(index, item, later.status, None, code, error, cause) for index, item in earlier]
    is_unknown = later.status is OutcomeStatus.UNKNOWN
    message = (
        f"items[{later.index}], a later item for the same attribute and day, "
        f"{'is unknown' if is_unknown else 'was not sent'}{f': {error_text(cause)}' if cause is not None else ''}"
    )
    own = ExistAsyncError(message) if is_unknown or not isinstance(cause, ExistAsyncError) else copy(cause)
    own.args = (message,)
    own.__cause__ = cause
    return [Outcome(index, item, OutcomeStatus.NOT_SENT, cause=own) for index, item in earlier]


def _outdated(outcomes: Sequence[Outcome[I, T]], operation: WriteOperation[I, T]) -> frozenset[int]:
    """Return the indices of unfinished items whose conflict key a later item has that succeeded or is unchanged."""
    conflict_key = operation.conflict_key
    unfinished = {conflict_key(outcome.item) for outcome in outcomes if outcome.status in _UNFINISHED}
    in_place: set[Hashable] = set()
    outdated: set[int] = set()
    for outcome in reversed(outcomes) if unfinished else ():
        key = conflict_key(outcome.item)
        if outcome.status in _IN_PLACE and key in unfinished:
            in_place.add(key)
        elif outcome.status in _UNFINISHED and key in in_place:
            outdated.add(outcome.index)
    return frozenset(outdated)
