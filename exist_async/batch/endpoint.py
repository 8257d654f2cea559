"""How one kind of write is made."""

from collections.abc import Awaitable, Callable, Collection, Hashable, Sequence
from typing import Any, Generic, TypeAlias, TypeVar

from attrs import frozen

from exist_async.batch.replies import Failure, Reply, Subject
from exist_async.outcomes import Outcome

I = TypeVar("I")  # noqa: E741  (the letter for an item, as T is for an answer)
T = TypeVar("T")


@frozen(eq=False, repr=False)
class Remedied(Generic[I, T]):
    """What became of refused items that something was done for.

    Attributes:
        again: The indices of those that are worth sending again.
        outcomes: The outcomes of those that could not be helped, in place of their refusals.
    """

    again: Collection[int]
    outcomes: Sequence[Outcome[I, T]] = ()


Remedy: TypeAlias = Callable[[Sequence[Outcome[I, T]]], Awaitable[Remedied[I, T]]]
"""Does something for items that were refused, given the outcomes of a request."""


@frozen(eq=False, repr=False)
class Endpoint(Generic[I, T]):
    """How one kind of write is made.

    Attributes:
        path: Its path on the service's origin.
        query: Its encoded query.
        repeatable: Whether sending a request twice is harmless.
        reply: The type of its reply.
        prepare: Makes the request model of what the caller gave, or raises a ConfigurationError.
        subject: What an item is about.
        subjects_of: What an entry of the reply may be about, of what the items of the request are about.
        thing: What an item changes: two requests that change the same thing are never made at once.
        one_of_each: Whether a request holds only one item that changes a thing. Two can have different fates, and the
            reply would not say whose is whose.
        complete: Fills in what the caller may leave out of the items, before they are sent.
        remedy: Does something for items that were refused; what is worth it is sent again, once.
        second_time: Says what a refusal means of a request that may have been carried out once before.
        share: Has what was answered about an item hold the item's own parts where it repeats them.
    """

    path: str
    query: str
    repeatable: bool
    reply: type[Reply[T]]
    prepare: Callable[[Any], I]
    subject: Callable[[I], Subject]
    subjects_of: Callable[[T | Failure, Sequence[Subject]], Collection[Subject]]
    thing: Callable[[I], Hashable]
    one_of_each: bool = True
    complete: Callable[[Sequence[I]], Awaitable[Sequence[I]]] | None = None
    remedy: Remedy[I, T] | None = None
    second_time: Callable[[Outcome[I, T]], Outcome[I, T]] | None = None
    share: Callable[[I, T], None] | None = None
