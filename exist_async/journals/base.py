"""The rules of journals, whatever they are stored in: whose they are, what is sent again, and what is not."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Final, Self, TypeVar

from attrs import frozen

from exist_async._checks import check_flag, check_text
from exist_async.batch.journal import Job, Known
from exist_async.errors import ConfigurationError, JournalError
from exist_async.journals import records
from exist_async.journals.records import INTERRUPTED, KINDS, Kind, Row
from exist_async.outcomes import FINE, MOST_FAILED, Outcome, OutcomeStatus, WriteSummary

T = TypeVar("T")

_PAGE: Final = 1000
"""Number of rows that are read at a time."""

_QUOTED: Final = 200  # characters of a record

_LONGEST_ERROR: Final = 2000  # characters

_log = logging.getLogger("exist_async")


@frozen
class Note:
    """The changes to a journal in one step of a write. A request is a list of indices that are being sent.

    Attributes:
        first: The index of the first new item.
        items: The records of new items.
        sending: The indices of the items of a new request.
        request: The key of that request.
        outcomes: Outcomes to record.
        ended: The keys of requests whose items all have their outcomes.
        error: The error with which the job failed.
    """

    first: int = 0
    items: Sequence[str] = ()
    sending: Sequence[int] = ()
    request: int = 0
    outcomes: Sequence[Outcome[Any, Any]] = ()
    ended: Sequence[int] = ()
    error: str | None = None


class StoredJournal(ABC):
    """A journal in a store. Subclasses read and write the store; the methods here decide what.

    The methods of `WriteJournal` are called by writes, and are not for users.
    """

    _place: ClassVar[str]
    """The word for what the journal is stored in, of which another can be named."""

    def __init__(self, user: str | None, *, retry_refused: bool) -> None:
        if user is not None:
            check_text("user", user)
        check_flag("retry_refused", retry_refused)
        self._user = user
        self._retry_refused = retry_refused
        self._kind: Kind | None = None
        self._in_use = False
        self._count = 0  # number of items in the store
        self._appended: asyncio.Future[None] | None = None
        # The requests in flight: the indices of items without an outcome, and their event loop.
        self._requests: dict[int, tuple[set[int], asyncio.AbstractEventLoop]] = {}
        self._request_of: dict[int, int] = {}
        self._last_request = 0
        # Outcomes that could not be noted, which is tried again before anything else is.
        self._unnoted: list[Note] = []
        self._settled: asyncio.Event | None = None

    async def __aenter__(self) -> Self:
        await self._open()
        self._requests.clear()
        self._request_of.clear()
        self._unnoted.clear()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Wait until all that is known is noted, and close the journal.

        Requests of a cancelled write that are still in flight stay noted as being sent: close the client first, which
        waits for them.
        """
        if self._kind is not None:
            try:
                await self._note_unnoted()
            except JournalError as error:
                _log.error("Outcomes were not noted: %s", error)
        await self._close()
        self._kind = None

    async def note_error(self, text: str) -> None:
        """Note the error with which the job failed, for those who look after it. The next write removes it.

        Args:
            text: The class and message of the error. It must hold no secret.

        Raises:
            JournalError: It could not be noted.
        """
        # A store can't hold half of a surrogate pair, which a file name in a message can have.
        text = text.encode(errors="replace").decode().replace("\0", " ")
        await self._note(Note(error=text[:_LONGEST_ERROR]))

    async def summary(self) -> WriteSummary[Any, Any]:
        """Return the number of items with each status, and the first that are not fine.

        Items that were not sent yet are `not_sent`, and those that are being sent, or were when a program ended, are
        `unknown`. Items that were not read yet, such as later ones of a stream, are not among them.
        """
        in_flight = [*self._request_of]
        counts = dict.fromkeys(OutcomeStatus, 0)
        for status, count in (await self._count_statuses(in_flight)).items():
            counts[records.status_from(status)] += count
        counts[OutcomeStatus.UNKNOWN] += len(in_flight)
        failed: list[Outcome[Any, Any]] = []
        if any(count for status, count in counts.items() if status not in FINE):
            wanted = [
                status for each in OutcomeStatus if each not in FINE for status in records.recorded_statuses(each)
            ]
            failed = [self._outcome(row, in_flight) for row in await self._select(-1, wanted, MOST_FAILED)]
        return WriteSummary(counts, tuple(failed))

    async def outcomes(self, *, status: OutcomeStatus | None = None) -> AsyncIterator[Outcome[Any, Any]]:
        """Read the outcomes of all items that were noted, in order. A few are in memory at a time.

        Args:
            status: Only outcomes with this status.
        """
        wanted = None
        if status is not None:
            if status not in [*OutcomeStatus]:
                raise ConfigurationError(f"status must be an OutcomeStatus, not {status!r}")
            wanted = records.recorded_statuses(OutcomeStatus(status))
        after = -1
        while rows := await self._select(after, wanted, _PAGE):
            for row in rows:
                yield self._outcome(row, self._request_of)
            after = rows[-1].index

    async def begin(self, job: Job) -> None:
        """See `WriteJournal`."""
        kind = KINDS[job.kind]
        user = self._user if self._user is not None else job.user
        if not isinstance(user, str):
            raise ConfigurationError(
                "a journal has to know its user, and this auth does not say: give it a name, "
                f"{type(self).__name__}(..., user=...)"
            )
        if self._in_use:
            raise ConfigurationError("journal is in use by another write: give each write a journal of its own")
        self._in_use = True
        try:
            self._appended = None
            await self._wait_for_requests()
            await self._check_job({"kind": kind.name, "service": job.origin, "user": user})
            self._kind = kind
            self._count = await self._begin(kind)
            await self._note_unnoted()
            if kind.supersedes:
                await self._supersede(self._repeated(kind))
        except BaseException:
            self._in_use = False
            raise

    def end(self) -> None:
        """See `WriteJournal`."""
        self._in_use = False

    async def resume(self, first: int, items: Sequence[Any], *, append: bool = True) -> Known:
        """See `WriteJournal`."""
        kind = self._checked_kind()
        texts = await self._compute(partial(records.item_records, first, items), len(items))
        known = Known()
        count = min(self._count - first, len(texts))
        if count > 0:
            known = await self._compare(first, items, texts, await self._load(first, count), kind)
        if append and len(texts) > count:
            start = max(count, 0)
            # Not awaited, as what follows can't be noted without it; but no more than one such note waits.
            if self._appended is not None:
                await asyncio.wait([self._appended])
                self._appended.result()
            self._appended = self._note(Note(first=first + start, items=texts[start:]))
            self._appended.add_done_callback(_retrieve)
            self._count = first + len(texts)
        return known

    def check_end(self, count: int) -> None:
        """See `WriteJournal`."""
        if count < self._count:
            raise ConfigurationError(
                f"items[{count}] is missing: {self} has {self._count} items. Give it the whole list from which it was "
                "begun, or begin another journal"
            )

    async def note_sending(self, indices: Sequence[int]) -> None:
        """See `WriteJournal`."""
        self._last_request += 1
        key = self._last_request
        self._requests[key] = set(indices), asyncio.get_running_loop()
        self._request_of.update(dict.fromkeys(indices, key))
        try:
            await self._note(Note(sending=indices, request=key))
        except JournalError:
            # Nothing is sent, though it may have been stored all the same: where the answer of a database is lost.
            self._unnoted.append(Note(ended=self._settle(indices)))
            raise

    def note_outcomes(self, outcomes: Sequence[Outcome[Any, Any]]) -> "asyncio.Future[None]":
        """See `WriteJournal`."""
        return self._note_or_keep(Note(outcomes=outcomes, ended=self._settle([outcome.index for outcome in outcomes])))

    def _note_or_keep(self, note: Note) -> "asyncio.Future[None]":
        """Begin to note outcomes, and keep them if that fails: else increments that were sent would be sent again."""
        noted = self._note(note)

        def keep(noted: "asyncio.Future[None]") -> None:
            if not noted.cancelled() and noted.exception() is not None:
                self._unnoted.append(note)

        noted.add_done_callback(keep)
        # The caller may be cancelled, and what is noted must not be.
        return asyncio.shield(noted)

    async def _note_unnoted(self) -> None:
        """Note what could not be noted before."""
        notes, self._unnoted = self._unnoted, []
        await asyncio.gather(*[self._note_or_keep(note) for note in notes])

    async def _check_job(self, job: Mapping[str, str]) -> None:
        known = await self._identity(job)
        for name, given in job.items():
            if known.get(name) != given:
                remedy = "Give user= the name it was begun with, or begin" if name == "user" else "Begin"
                shown = "another user" if name == "user" else f"the {name} {known.get(name)!r}, not {given!r}"
                raise ConfigurationError(f"journal: {self} belongs to {shown}. {remedy} another journal")

    async def _compare(
        self, first: int, items: Sequence[Any], texts: Sequence[str], rows: Sequence[Row], kind: Kind
    ) -> Known:
        """Return the outcomes of items that the journal has and that are not sent again."""
        known = await self._compute(partial(self._known, first, items, texts, rows, kind), len(rows))
        if known.untold:
            await self._note(Note(outcomes=known.untold))
        return known

    def _known(self, first: int, items: Sequence[Any], texts: Sequence[str], rows: Sequence[Row], kind: Kind) -> Known:
        repeated = self._repeated(kind)
        told: list[Outcome[Any, Any]] = []
        untold: list[Outcome[Any, Any]] = []
        sent_again: list[int] = []
        for row in rows:
            position = row.index - first
            if row.item != texts[position] and not records.are_equal(row.item, texts[position]):
                raise ConfigurationError(
                    f"items[{row.index}] is not the one that {self} has there: {row.item[:_QUOTED]}. Give it the list "
                    "from which it was begun, which may have grown at its end, or begin another journal"
                )
            if row.status in repeated:
                if records.status_from(row.status) is OutcomeStatus.UNKNOWN:
                    sent_again.append(row.index)
            elif row.status is not None:
                is_new = row.status == INTERRUPTED
                (untold if is_new else told).append(self._outcome_from(row, kind, items[position]))
        return Known(told, untold, sent_again)

    def _repeated(self, kind: Kind) -> tuple[str, ...]:
        """Return the recorded statuses of items that are sent again, beside those without one."""
        refused = (OutcomeStatus.REFUSED.value,) if self._retry_refused else ()
        return (*kind.repeated_statuses, *refused)

    def _settle(self, indices: Sequence[int]) -> list[int]:
        """Forget items that were being sent, and return the keys of the requests without others."""
        request_of = self._request_of
        keys = {key for index in indices if (key := request_of.pop(index, None)) is not None}
        ended: list[int] = []
        for key in keys:
            left, _ = self._requests[key]
            left.difference_update(indices)
            if not left:
                del self._requests[key]
                ended.append(key)
        if ended and not self._requests and self._settled is not None:
            self._settled.set()
        return ended

    async def _wait_for_requests(self) -> None:
        """Wait for requests that a cancelled write has left in flight: they would be noted after what follows."""
        loop = asyncio.get_running_loop()
        while any(each is loop for _, each in self._requests.values()):
            self._settled = asyncio.Event()
            await self._settled.wait()
        if self._requests:
            raise JournalError(
                f"{self} can't be used: a request of another event loop is not answered. Close it and open it again"
            )

    def _outcome(self, row: Row, in_flight: Collection[int]) -> Outcome[Any, Any]:
        outcome = self._outcome_from(row, self._checked_kind())
        if row.index in in_flight:
            return Outcome(row.index, outcome.item, OutcomeStatus.UNKNOWN)
        return outcome

    def _outcome_from(self, row: Row, kind: Kind, item: Any = None) -> Outcome[Any, Any]:
        try:
            return records.outcome_from(row, kind, item)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise self._damaged(f"the record of items[{row.index}] can't be read: {error}") from error

    def _kind_from(self, name: str | None) -> Kind | None:
        """Return the kind of write with a name, as it is stored; None if nothing was written yet."""
        if name is not None and name not in KINDS:
            raise JournalError(self._advice(f"has an unknown kind of write, {name!r}"))
        return None if name is None else KINDS[name]

    def _damaged(self, reason: str) -> JournalError:
        """Return the error of a store that is damaged, with the remedy."""
        return JournalError(self._advice(f"is damaged: {reason}"))

    def _full(self, event: str) -> JournalError:
        """Return the error of a store whose disk is full, with the remedy."""
        return JournalError(f"{self} {event}: its disk is full. Make space, and call again: it goes on then")

    def _open_elsewhere(self) -> JournalError:
        return JournalError(f"{self} is open elsewhere, in this program or another: each write needs its own")

    def _advice(self, fault: str) -> str:
        return (
            f"{self} {fault}. Name another {self._place}. What was written before is then written again: check "
            "increments first, which would be added twice"
        )

    def _checked_kind(self) -> Kind:
        if self._kind is None:
            raise JournalError(f"{self} was closed while it was in use")
        return self._kind

    # The store:

    @abstractmethod
    async def _open(self) -> None:
        """Open the store, and set `_kind` if it is not empty.

        Items of requests that did not end get the status `interrupted`.
        """

    @abstractmethod
    async def _close(self) -> None:
        """Wait for all notes, and close the store."""

    @abstractmethod
    async def _compute(self, function: Callable[[], T], count: int) -> T:
        """Call a function that handles a number of items, off the event loop if that could block it."""

    @abstractmethod
    async def _identity(self, job: Mapping[str, str]) -> Mapping[str, str]:
        """Return the names and values that identify the job; those given if there are none yet."""

    @abstractmethod
    async def _begin(self, kind: Kind) -> int:
        """Prepare for notes of a kind of write, and return the number of items."""

    @abstractmethod
    async def _supersede(self, repeated: Sequence[str]) -> None:
        """Set to superseded what would be sent again although a later item of its attribute and day is in place."""

    @abstractmethod
    async def _load(self, first: int, count: int) -> list[Row]:
        """Return the rows of successive items, in order."""

    @abstractmethod
    async def _select(self, after: int, statuses: Sequence[str | None] | None, limit: int) -> list[Row]:
        """Return the first rows after an index, in order, of those with some statuses or of all."""

    @abstractmethod
    async def _count_statuses(self, left_out: Sequence[int]) -> Mapping[str | None, int]:
        """Return the number of items with each recorded status, without some indices."""

    @abstractmethod
    def _note(self, note: Note) -> "asyncio.Future[None]":
        """Begin to store a note after those before it, and return a future that is done when it is durable.

        If new items can't be stored, nothing after them can: all further notes fail.
        """


def _retrieve(future: "asyncio.Future[None]") -> None:
    if not future.cancelled():
        future.exception()
