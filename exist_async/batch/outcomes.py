"""What became of each item of a write."""

from collections import Counter
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Any, Generic, TypeVar, overload

from attrs import frozen

from exist_async.errors import BatchError, ConfigurationError, ExistAsyncError, OutcomeUnknownError

I_co = TypeVar("I_co", covariant=True)
T_co = TypeVar("T_co", covariant=True)

_NAMED = 3


class OutcomeStatus(StrEnum):
    """What became of an item."""

    SUCCEEDED = "succeeded"
    """The service says that it was done."""
    REFUSED = "refused"
    """The service says no, to the item or to its whole request."""
    UNKNOWN = "unknown"
    """It was sent, and no readable answer about it came: it may have been done."""
    NOT_SENT = "not_sent"
    """It was not done: no connection was made, the budget was spent, or the write stopped before its turn."""


@frozen(weakref_slot=False)  # there are very many of them
class Outcome(Generic[I_co, T_co]):
    """What became of one item of a write.

    Attributes:
        index: Where the item stands among those given, from 0.
        item: The item as the model it was sent as.
        status: What became of it.
        value: What the service answered about it, where it succeeded.
        error_code: The service's short code for a refusal, such as `not_found`. The list of codes is open.
        error: The service's words for a refusal.
        cause: The error that its whole request ended in, where there is one.
    """

    index: int
    item: I_co
    status: OutcomeStatus
    value: T_co | None = None
    error_code: str | None = None
    error: str | None = None
    cause: Exception | None = None

    @property
    def refused_for_itself(self) -> bool:
        """Whether the service answered about this very item, and said no."""
        return self.status is OutcomeStatus.REFUSED and self.cause is None

    def __str__(self) -> str:
        words = self.error if self.error is not None else self.cause
        return (
            f"{self.item}: {self.status}"
            + (f", {self.error_code}" if self.error_code else "")
            + (f": {words}" if words is not None else "")
        )


@frozen(repr=False)
class BatchResult(Sequence[Outcome[I_co, T_co]]):
    """The outcomes of a write: exactly one for each item given, at the item's own index.

    Attributes:
        outcomes: The outcomes, in the order of the items.
    """

    outcomes: tuple[Outcome[I_co, T_co], ...]

    def __repr__(self) -> str:
        return f"<BatchResult of {tally(self)}>"

    @overload
    def __getitem__(self, index: int) -> Outcome[I_co, T_co]: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Outcome[I_co, T_co], ...]: ...
    def __getitem__(self, index: int | slice) -> Outcome[I_co, T_co] | tuple[Outcome[I_co, T_co], ...]:
        return self.outcomes[index]

    def __len__(self) -> int:
        return len(self.outcomes)

    def __iter__(self) -> Iterator[Outcome[I_co, T_co]]:
        return iter(self.outcomes)

    @property
    def succeeded(self) -> list[T_co]:
        """What the service answered about the items that succeeded."""
        return [outcome.value for outcome in self.outcomes if outcome.value is not None]

    @property
    def refused(self) -> list[Outcome[I_co, T_co]]:
        """Those that the service said no to."""
        return self._of(OutcomeStatus.REFUSED)

    @property
    def unknown(self) -> list[Outcome[I_co, T_co]]:
        """Those that were sent and may have been done."""
        return self._of(OutcomeStatus.UNKNOWN)

    @property
    def not_sent(self) -> list[Outcome[I_co, T_co]]:
        """Those that were not done, and can be given again without harm."""
        return self._of(OutcomeStatus.NOT_SENT)

    @property
    def ok(self) -> bool:
        """Whether every item succeeded; true of an empty list."""
        return all(outcome.status is OutcomeStatus.SUCCEEDED for outcome in self.outcomes)

    def raise_for_failures(self) -> "BatchResult[I_co, T_co]":
        """Return this result if every item succeeded.

        Raises:
            BatchError: Some did not. Its message quotes the first of them.
        """
        failed = [outcome for outcome in self.outcomes if outcome.status is not OutcomeStatus.SUCCEEDED]
        if not failed:
            return self
        raise BatchError(
            f"{len(failed)} of {len(self)} items did not succeed: {named(failed)}",
            result=self,
            errors=distinct_causes(failed),
        )

    def _of(self, status: OutcomeStatus) -> list[Outcome[I_co, T_co]]:
        return [outcome for outcome in self.outcomes if outcome.status is status]


def distinct_causes(outcomes: Sequence[Outcome[object, object]]) -> tuple[Exception, ...]:
    """Return the errors behind some outcomes in order, and of those that say the same only the first."""
    causes = [outcome.cause for outcome in outcomes if outcome.cause is not None]
    return tuple({(type(cause), said(cause)): cause for cause in reversed(causes)}.values())[::-1]


@frozen(eq=False, repr=False)
class Stop:
    """Why a write ended before its time.

    Attributes:
        error: A wrong item, an error that the next request would meet too, or the caller's own.
        callers_own: Whether the caller's iterable, callback, auth or rate limiter raised it.
    """

    error: Exception
    callers_own: bool = False


def conclude(result: BatchResult[I_co, T_co], stop: Stop | None = None) -> BatchResult[I_co, T_co]:
    """Return a result in which every item succeeded or was refused for itself, or raise the error that says why not."""
    unanswered = [
        outcome
        for outcome in result
        if outcome.status is not OutcomeStatus.SUCCEEDED and not outcome.refused_for_itself
    ]
    errors = distinct_causes(unanswered)
    if stop is not None and stop.callers_own:
        errors = (stop.error, *(error for error in errors if error is not stop.error))
        raise BatchError(
            f"The write was stopped by {type(stop.error).__name__}: {said(stop.error)}, of {tally(result)}",
            result=result,
            errors=errors,
        ) from stop.error
    if stop is not None and isinstance(stop.error, ConfigurationError):
        stop.error.result = result
        raise stop.error
    if not unanswered:
        return result
    classes = {type(error) for error in errors}
    # That a step on the way may have been carried out says nothing of items that were not sent after it.
    fitting = classes != {OutcomeUnknownError} or bool(result.unknown)
    if not result.succeeded and len(classes) == 1 and fitting and isinstance(errors[0], ExistAsyncError):
        errors[0].result = result
        raise errors[0]
    raise BatchError(
        f"Not every item was answered, of {tally(result)}. {'; '.join(map(said, errors[:_NAMED]))}",
        result=result,
        errors=errors,
    ) from next(iter(errors), None)


def said(error: Exception) -> str:
    """Return an error's text; a caller's own may be unable to give one."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001  (whatever it is, it must not cost the outcomes)
        return "(no text)"


def named(outcomes: Sequence[Outcome[object, object]]) -> str:
    """Name the first of some outcomes."""
    return "; ".join(map(str, outcomes[:_NAMED])) + ("; …" if len(outcomes) > _NAMED else "")


def tally(result: BatchResult[Any, Any]) -> str:
    """Say how many items became what."""
    counts = Counter(outcome.status.value.replace("_", " ") for outcome in result)
    return f"{len(result)} items: " + (", ".join(f"{n} {status}" for status, n in counts.items()) or "none")
