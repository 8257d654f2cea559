"""Describes one kind of write: its endpoint, its items, and the meaning of its replies."""

from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping, Sequence
from typing import Any, Generic, TypeAlias, TypeVar

from attrs import frozen

from exist_async.batch.matching import KeysOf, MatchKey, Reply
from exist_async.outcomes import Outcome

I = TypeVar("I")  # noqa: E741  (the letter for an item, as T is for an answer)
T = TypeVar("T")


OnOutcome: TypeAlias = Callable[[Outcome[I, T]], None] | None
"""A callback of the caller, called with each outcome; None if there is none."""

OnRefused: TypeAlias = Callable[[Sequence[Outcome[I, T]]], Awaitable[Mapping[int, Outcome[I, T] | None]]]
"""Handles the refused items of a request. It returns by index the outcomes that replace refusals, and None for items to
send again.
"""


FindUnchanged: TypeAlias = Callable[[Sequence[I]], Awaitable[Collection[int]]]
"""Returns the positions of those of several items that the service has already. An error that it raises ends the write.
"""


@frozen(eq=False, repr=False)
class WriteOperation(Generic[I, T]):
    """One kind of write.

    Attributes:
        kind: Its name: the method that carries it out.
        path: The path of its endpoint on the service's origin.
        query: Its encoded query.
        repeatable: Whether sending a request twice is harmless.
        reply: The type of its reply.
        to_request: Returns the request model for an item that the caller gave, or raises a ConfigurationError.
        match_key: The key that an item is recognised by in the reply.
        match_keys_of: Returns the keys of the items that each entry of the reply may be about.
        conflict_key: The key of what an item changes: two requests that change the same are never in flight at once.
        unique_per_request: Whether a request holds at most one item for each conflict key. Of two, one can be refused,
            and the reply would not tell which.
        supersedes: Whether an item makes the earlier ones with its conflict key superfluous: of the items in a block,
            only the last with each key is sent. If it is refused as `validation`, the one before it is sent.
        find_unchanged: Finds the items of a block that need not be sent. It is given only the last item with each key.
        on_refused: Handles refused items. Those that it makes acceptable are sent again, once.
        on_repeat_refusal: Returns the outcome of an item that was refused after an earlier attempt which may have been
            carried out.
        share_parts: Replaces parts of an answer by equal parts of its item, which saves memory.
    """

    kind: str
    path: str
    repeatable: bool
    reply: type[Reply[T]]
    to_request: Callable[[Any], I]
    match_key: Callable[[I], MatchKey]
    match_keys_of: KeysOf[T]
    conflict_key: Callable[[I], Hashable]
    query: str = ""
    unique_per_request: bool = True
    supersedes: bool = False
    find_unchanged: FindUnchanged[I] | None = None
    on_refused: OnRefused[I, T] | None = None
    on_repeat_refusal: Callable[[Outcome[I, T]], Outcome[I, T]] | None = None
    share_parts: Callable[[I, T], None] | None = None
