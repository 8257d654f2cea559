"""The outcome of each item of a write, and the result that contains them."""

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, Generic, TypeVar, overload

from attrs import asdict, frozen

from exist_async.errors import BatchError

I_co = TypeVar("I_co", covariant=True)
T_co = TypeVar("T_co", covariant=True)

_QUOTED_OUTCOMES = 3

MOST_FAILED = 1000
"""The most outcomes that a summary contains."""


class OutcomeStatus(StrEnum):
    """The outcome of an item."""

    SUCCEEDED = "succeeded"
    """The service confirmed it."""
    REFUSED = "refused"
    """The service refused the item, or its whole request."""
    UNKNOWN = "unknown"
    """It was sent, but there is no readable answer about it: it may have been carried out."""
    NOT_SENT = "not_sent"
    """It was not carried out: no connection, refused for the rate limit, or the write stopped before. Send it again."""
    UNCHANGED = "unchanged"
    """It was not sent, because the service has this value already."""
    SUPERSEDED = "superseded"
    """It was not sent, because a later item of the write for the same attribute and day succeeded or is unchanged."""


FINE = (OutcomeStatus.SUCCEEDED, OutcomeStatus.UNCHANGED, OutcomeStatus.SUPERSEDED)
"""The outcomes that leave nothing to do."""


@frozen(weakref_slot=False)  # saves memory: there are very many
class Outcome(Generic[I_co, T_co]):
    """The outcome of one item of a write.

    Attributes:
        index: The item's position among the items given, from 0.
        item: The item, as the request model it was sent as.
        status: Whether it succeeded, was refused, is unknown, was not sent, is unchanged or was superseded.
        value: The service's answer about it, if it succeeded.
        error_code: The service's short code for a refusal, such as `not_found`. The list of codes is open.
        error: The message for a refusal, in most cases the service's own.
        cause: The error of the whole request, if there was one.
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
        """Whether the service refused this item, not its whole request."""
        return self.status is OutcomeStatus.REFUSED and self.cause is None

    def __str__(self) -> str:
        message = self.error if self.error is not None else self.cause
        return (
            f"{self.item}: {self.status}"
            + (f", {self.error_code}" if self.error_code else "")
            + (f": {message}" if message is not None else "")
        )


@frozen(repr=False)
class BatchResult(Sequence[Outcome[I_co, T_co]]):
    """The outcomes of a write: exactly one for each item given, at the item's own index.

    Attributes:
        outcomes: The outcomes, in the order of the items.
        outdated: Indices of items that must not be sent again, because a later item for the same attribute and day has
            succeeded since, or is unchanged: sending them would bring back the older value.
    """

    outcomes: tuple[Outcome[I_co, T_co], ...]
    outdated: frozenset[int] = frozenset()

    def __repr__(self) -> str:
        return f"<BatchResult: {count_by_status(self.outcomes)}>"

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
        """The service's answers about the items that succeeded."""
        return [outcome.value for outcome in self.outcomes if outcome.value is not None]

    @property
    def refused(self) -> list[Outcome[I_co, T_co]]:
        """The outcomes of items that the service refused."""
        return self._with_status(OutcomeStatus.REFUSED)

    @property
    def unknown(self) -> list[Outcome[I_co, T_co]]:
        """The outcomes of items that were sent and may have been carried out."""
        return self._with_status(OutcomeStatus.UNKNOWN)

    @property
    def not_sent(self) -> list[Outcome[I_co, T_co]]:
        """The outcomes of items that were not carried out, and can safely be sent again."""
        return self._with_status(OutcomeStatus.NOT_SENT)

    @property
    def unchanged(self) -> list[Outcome[I_co, T_co]]:
        """The outcomes of items that were not sent, because the service has their values already."""
        return self._with_status(OutcomeStatus.UNCHANGED)

    @property
    def superseded(self) -> list[Outcome[I_co, T_co]]:
        """The outcomes of items that were not sent, because a later item for the same attribute and day is fine."""
        return self._with_status(OutcomeStatus.SUPERSEDED)

    @property
    def ok(self) -> bool:
        """Whether every item succeeded, is unchanged or was superseded; true if there are none."""
        return all(outcome.status in FINE for outcome in self.outcomes)

    def remainder(self) -> list[I_co]:
        """Return the items that are worth sending again, in order.

        These are the items that were not sent, and those with an unknown outcome where sending them twice is harmless:
        increments that may have been added are left out. So are refused items, which would be refused again.
        """
        return [
            outcome.item
            for outcome in self.outcomes
            if outcome.index not in self.outdated
            and (
                outcome.status is OutcomeStatus.NOT_SENT
                or (outcome.status is OutcomeStatus.UNKNOWN and getattr(outcome.cause, "repeatable", False))
            )
        ]

    def to_json(self) -> str:
        """Return the outcomes as a JSON array of objects, for a log or a report. Fields that are None are left out.

        The cause of an outcome is an object with its class as `type`, and its `message`.
        """
        return json.dumps(self.outcomes, default=_to_plain)

    def raise_for_failures(self) -> "BatchResult[I_co, T_co]":
        """Return this result if every item succeeded, is unchanged or was superseded.

        Raises:
            BatchError: Some did not. Its message quotes the first outcomes of these.
        """
        failed = [outcome for outcome in self.outcomes if outcome.status not in FINE]
        if not failed:
            return self
        raise BatchError(
            f"{len(failed)} of {len(self)} items did not succeed: {quote_first(failed)}",
            result=self,
            errors=distinct_causes(failed),
        )

    def _with_status(self, status: OutcomeStatus) -> list[Outcome[I_co, T_co]]:
        return [outcome for outcome in self.outcomes if outcome.status is status]


@frozen(repr=False)
class WriteSummary(Generic[I_co, T_co]):
    """The number of outcomes of a write, and the first that are not fine. Its length is the number of items.

    Attributes:
        counts: Number of items with each status; every status is there.
        failed: The first 1,000 outcomes of items that are neither succeeded nor unchanged or superseded.
    """

    counts: Mapping[OutcomeStatus, int]
    failed: tuple[Outcome[I_co, T_co], ...] = ()

    def __repr__(self) -> str:
        return f"<WriteSummary: {self}>"

    def __str__(self) -> str:
        return text_of_counts(self.counts)

    def __len__(self) -> int:
        return sum(self.counts.values())

    @property
    def ok(self) -> bool:
        """Whether every item succeeded, is unchanged or was superseded; true if there are none."""
        return not self._failures

    @property
    def _failures(self) -> int:
        return sum(count for status, count in self.counts.items() if status not in FINE)

    def raise_for_failures(self) -> "WriteSummary[I_co, T_co]":
        """Return this summary if every item succeeded, is unchanged or was superseded.

        Raises:
            BatchError: Some did not. Its message quotes the first outcomes of these, and it has this as `summary`.
        """
        if self.ok:
            return self
        raise BatchError(
            f"{self._failures} of {len(self)} items did not succeed: {quote_first(self.failed)}",
            summary=self,
            errors=distinct_causes(self.failed),
        )


def distinct_causes(outcomes: Iterable[Outcome[object, object]]) -> tuple[Exception, ...]:
    """Return the causes of outcomes in order; of those with the same class and text, only the first.

    A cause that was itself caused by that of another outcome is left out.
    """
    causes = {id(outcome.cause): outcome.cause for outcome in outcomes if outcome.cause is not None}
    distinct: dict[tuple[type[Exception], str], Exception] = {}
    for cause in causes.values():
        if id(cause.__cause__) not in causes:
            distinct.setdefault((type(cause), error_text(cause)), cause)
    return tuple(distinct.values())


def error_text(error: Exception) -> str:
    """Return an error's text, also where `str` fails for an error class of the caller."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001  (the outcomes must not be lost because of it)
        return "(no text)"


def quote_first(outcomes: Sequence[Outcome[object, object]]) -> str:
    """Return the texts of the first few outcomes."""
    return "; ".join(map(str, outcomes[:_QUOTED_OUTCOMES])) + ("; …" if len(outcomes) > _QUOTED_OUTCOMES else "")


def count_by_status(outcomes: Sequence[Outcome[Any, Any]]) -> str:
    """Return the number of items with each status, as text: "70 items: 35 succeeded, 35 unknown"."""
    return text_of_counts(Counter(outcome.status for outcome in outcomes))


def text_of_counts(counts: Mapping[OutcomeStatus, int]) -> str:
    """Return the same for numbers that are known; a status without items is left out."""
    texts = [f"{count} {status.value.replace('_', ' ')}" for status, count in counts.items() if count]
    return f"{sum(counts.values())} items: " + (", ".join(texts) or "none")


def _to_plain(value: Any) -> object:
    """Return an object as JSON can hold it: models as dictionaries without the fields that are None."""
    if hasattr(value, "__attrs_attrs__"):
        parts = asdict(value, recurse=False)
        return {name: part for name, part in parts.items() if part is not None}
    if isinstance(value, Exception):
        return {"type": type(value).__name__, "message": error_text(value)}
    return value.isoformat() if isinstance(value, dt.date) else str(value)
