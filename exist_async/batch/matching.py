"""Finds the entry of a reply that answers each item of its request."""

import re
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any, Generic, TypeAlias, TypeVar

from attrs import frozen

T = TypeVar("T")

MatchKey = tuple[str, Hashable]
"""The names of the fields that an item is recognised by, and their value or values: ("name", "mood")."""

# Entries that answer no item, beside one success and one failure for each item.
_MOST_OTHERS = 10

_POSITION = re.compile(r"Object at index (\d{1,4})\b")


@frozen
class FailedEntry:
    """An entry of `failed`: the request's item, as far as Exist repeats it, and the reason.

    No field is sure to be there: Exist leaves some out, and at times names an item by `title`.
    """

    error_code: Any = None
    error: Any = None
    template: Any = None
    name: Any = None
    label: Any = None
    title: Any = None
    date: Any = None
    value: Any = None

    @property
    def position(self) -> int | None:
        """The item's position in the request, where the message names it ("Object at index 0 …")."""
        found = _POSITION.match(self.error) if isinstance(self.error, str) else None
        return int(found[1]) if found else None


@frozen
class Reply(Generic[T]):
    """Exist's answer to a write. Either list may be missing."""

    success: tuple[T, ...] = ()
    failed: tuple[FailedEntry, ...] = ()


KeysOf: TypeAlias = Callable[[Sequence[T | FailedEntry], Sequence[MatchKey]], Sequence[Collection[MatchKey]]]
"""Returns the keys of the items that each entry of a reply may be about, given the keys of all items.

It is often more than one: a whole attribute may have been requested by its name, its label or its template.
"""


def match_reply(wanted: Sequence[MatchKey], reply: Reply[T], keys_of: KeysOf[T]) -> list[T | FailedEntry | None]:
    """Return the entry that answers each item, or None where no entry certainly does.

    Entries are matched by their keys, those with equal keys in order, and failures by the position in Exist's message.
    Entries that repeat nothing of an item are matched in order, if as many are left as items. Nothing is guessed: of
    two equal items with one success and one failure without a position, neither gets an entry. If there are many more
    entries than items, none gets one.
    """
    if not reply.failed and len(reply.success) == len(wanted):
        # In most replies, every item succeeded, in order.
        in_order = zip(wanted, reply.success, strict=True)
        if [(fields, _getter(fields)(entry)) for (fields, _), entry in in_order] == wanted:
            return list(reply.success)
    # The time that matching takes grows with the square of the number of entries.
    if len(reply.success) + len(reply.failed) > 2 * len(wanted) + _MOST_OTHERS:
        return [None] * len(wanted)
    return _Matching(wanted, reply, keys_of).answers


@lru_cache(maxsize=16)
def _getter(fields: str) -> Callable[[object], object]:
    return attrgetter(*fields.split())


class _Matching(Generic[T]):
    """Matches the entries of one reply: each rule fills in some of `answers`."""

    def __init__(self, wanted: Sequence[MatchKey], reply: Reply[T], keys_of: KeysOf[T]) -> None:
        self.answers: list[T | FailedEntry | None] = [None] * len(wanted)
        self._wanted = wanted
        all_entries: list[T | FailedEntry] = [*reply.success, *reply.failed]
        all_keys = keys_of(all_entries, wanted)
        entries = self._match_positions([_Entry(*pair) for pair in zip(all_entries, all_keys, strict=True)])
        self._open: dict[MatchKey, list[int]] = {}
        for index, key in enumerate(wanted):
            if self.answers[index] is None:
                self._open.setdefault(key, []).append(index)
        self._match_keys([entry for entry in entries if any(key in self._open for key in entry.keys)])
        self._match_order([entry for entry in entries if not any(key in self._open for key in entry.keys)])

    def _match_positions(self, entries: "list[_Entry[T]]") -> "list[_Entry[T]]":
        """Match failures that name a position and don't contradict it; return the other entries."""
        others: list[_Entry[T]] = []
        for entry in entries:
            index = entry.entry.position if isinstance(entry.entry, FailedEntry) else None
            if (
                index is not None
                and index < len(self._wanted)
                and self.answers[index] is None
                and (not entry.keys or self._wanted[index] in entry.keys)
            ):
                self.answers[index] = entry.entry
            else:
                others.append(entry)
        return others

    def _match_keys(self, entries: "list[_Entry[T]]") -> None:
        claims: dict[MatchKey, list[_Entry[T]]] = {}
        undecided = [(entry, [key for key in entry.keys if key in self._open]) for entry in entries]
        # An entry that may be about several items is about the one that no other entry answers.
        progress = True
        while progress:
            progress = False
            for entry, keys in undecided:
                if len(keys) == 1:
                    claims.setdefault(keys[0], []).append(entry)
                    progress = True
            undecided = [
                (entry, [key for key in keys if len(claims.get(key, ())) < len(self._open[key])] or keys)
                for entry, keys in undecided
                if len(keys) > 1
            ]
        for key, claiming in claims.items():
            self._assign(self._open[key], claiming)
        for disputed, disputing in _groups(undecided):
            if disputed.isdisjoint(claims):
                self._assign(sorted(index for key in disputed for index in self._open[key]), disputing)

    def _assign(self, indices: list[int], entries: "list[_Entry[T]]") -> None:
        """Assign entries to the items that they are about, in order, if it is certain which belongs to which."""
        failed = [isinstance(entry.entry, FailedEntry) for entry in entries]
        # There is no order between the two lists of a reply. A success that is repeated counts once.
        if (len(entries) == len(indices) and all(failed)) or (len(entries) >= len(indices) and not any(failed)):
            for index, entry in zip(indices, entries, strict=False):
                self.answers[index] = entry.entry

    def _match_order(self, entries: "list[_Entry[T]]") -> None:
        """Match the entries that repeat nothing of the items."""
        indices = [index for index, answer in enumerate(self.answers) if answer is None]
        # An entry with another name than the item's belongs to another item, wherever it stands.
        if len(entries) == len(indices) and not any(
            fields == self._wanted[index][0]
            for index, entry in zip(indices, entries, strict=True)
            for fields, _ in entry.keys
        ):
            self._assign(indices, entries)


def _groups(undecided: "list[tuple[_Entry[T], list[MatchKey]]]") -> "Iterator[tuple[set[MatchKey], list[_Entry[T]]]]":
    """Group the entries that may be about the same items, in their order."""
    groups: list[set[MatchKey]] = []
    for _, keys in undecided:
        touched = [group for group in groups if not group.isdisjoint(keys)]
        groups = [group for group in groups if group not in touched] + [set(keys).union(*touched)]
    for group in groups:
        yield group, [entry for entry, keys in undecided if not group.isdisjoint(keys)]


@frozen(eq=False)
class _Entry(Generic[T]):
    """An entry of a reply, with its keys."""

    entry: T | FailedEntry
    keys: Collection[MatchKey]
