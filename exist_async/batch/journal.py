"""The interface of journals, in which a write notes what it sends and what became of it."""

import logging
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from attrs import frozen

from exist_async._checks import wrong_type
from exist_async._http.session import Session
from exist_async._http.signing import user_of
from exist_async.errors import ExistAsyncError
from exist_async.outcomes import BatchResult, Outcome

if TYPE_CHECKING:
    import asyncio

_log = logging.getLogger("exist_async")


@frozen
class Job:
    """A write, as a journal knows it again.

    Attributes:
        kind: The kind of write, such as `update`.
        origin: The origin of the service.
        user: The user, as rate limiters name them; no string if the auth does not say.
    """

    kind: str
    origin: str
    user: Hashable


@frozen
class Known:
    """The outcomes that a journal has of some items from earlier, which are not sent again.

    Attributes:
        told: Those that an earlier write has told its caller.
        untold: Those of items that an earlier program was sending when it ended.
        repeated: The indices of other items that may have been carried out before, and are sent again.
    """

    told: Sequence[Outcome[Any, Any]] = ()
    untold: Sequence[Outcome[Any, Any]] = ()
    repeated: Sequence[int] = ()


@runtime_checkable
class WriteJournal(Protocol):
    """Notes the items of a write and their outcomes, so that the write goes on where it stopped.

    Notes are kept in the order in which these methods are called. Where one can't be kept, they raise JournalError.
    """

    async def begin(self, job: Job) -> None:
        """Let a write use it, until `end`.

        Raises:
            ConfigurationError: It belongs to another service, user or kind of write, or another write uses it.
        """

    def end(self) -> None:
        """Let the next write use it."""

    async def resume(self, first: int, items: Sequence[Any], *, append: bool = True) -> Known:
        """Return what is known of items, from an index on. Those after its last item are noted, if `append` is true.

        Raises:
            ConfigurationError: It has another item at an index.
        """
        ...

    def check_end(self, count: int) -> None:
        """Raise ConfigurationError if it has more items than a number, which are all that were given."""

    async def note_sending(self, indices: Sequence[int]) -> None:
        """Note that the items of a request may be sent from now on. It is durable when this returns."""

    def note_outcomes(self, outcomes: Sequence[Outcome[Any, Any]]) -> "asyncio.Future[None]":
        """Begin to note outcomes, and return a future that is done when they are durable.

        Items that are `not_sent` stay as they were before `note_sending`.
        """
        ...


async def begin(journal: object, session: Session, kind: str) -> WriteJournal:
    """Let a write of a kind use a journal that the caller gave, and return it."""
    try:
        if not isinstance(journal, WriteJournal):
            raise wrong_type("journal", "a Journal", journal)
        await journal.begin(Job(kind, session.options.base_url, user_of(session.auth)))
    except ExistAsyncError as error:
        error.result = BatchResult(())
        raise
    return journal


def log_failed_note(noted: "asyncio.Future[None]") -> None:
    """Log that outcomes could not be noted, where nobody may be waiting for it."""
    if not noted.cancelled() and (error := noted.exception()) is not None:
        _log.error("Outcomes were not noted: %s", error)
