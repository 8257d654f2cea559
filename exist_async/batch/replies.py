"""Lays the entries of Exist's reply beside the items that they answer."""

import re
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any, Generic, TypeVar

from attrs import frozen

T = TypeVar("T")

Subject = tuple[str, Hashable]
"""What an item or an entry is about: the kind of its key, which names the field or fields that hold it, and the key."""

_POSITION = re.compile(r"Object at index (\d{1,4})\b")


@frozen
class Failure:
    """An entry of `failed`: what was sent, as far as it is repeated, and why it was refused.

    Exist leaves fields out, and names an item by `title` at times, so nothing in it is sure.
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
        """The item's position in the request, where the message tells it ("Object at index 0 …")."""
        found = _POSITION.match(self.error) if isinstance(self.error, str) else None
        return int(found[1]) if found else None


@frozen
class Reply(Generic[T]):
    """Exist's answer to a write. Either list may be missing."""

    success: tuple[T, ...] = ()
    failed: tuple[Failure, ...] = ()


def lay(
    wanted: Sequence[Subject],
    reply: Reply[T],
    subjects_of: Callable[[T | Failure, Sequence[Subject]], Collection[Subject]],
) -> list[T | Failure | None]:
    """Return the entry that answers each item, or None where no entry does for certain.

    An entry is found by what it is about, equal ones by their order, and a failure by the position in Exist's message.
    What repeats nothing of the items is taken in order, if there is one for each item that is left. Nothing is guessed:
    of two equal items with one success and one failure without a position, neither has an answer.

    Args:
        wanted: What each item of the request is about.
        reply: The reply.
        subjects_of: What an entry may be about, of what the items are about. More than one answer is usual: a whole
            attribute has a name, a label and perhaps a template, and any of them may have been asked for.
    """
    if _each_names_its_item(wanted, reply):
        return list(reply.success)
    return _Layout(wanted, reply, subjects_of).answers


def _each_names_its_item(wanted: Sequence[Subject], reply: Reply[Any]) -> bool:
    """Whether all succeeded, in their order, which is how most replies are: there is nothing to find out then."""
    if reply.failed or len(reply.success) != len(wanted):
        return False
    return [(kind, _key(kind, entry)) for (kind, _), entry in zip(wanted, reply.success, strict=True)] == wanted


def _key(kind: str, entry: object) -> object:
    """Return an entry's key of a kind, or None where it has none."""
    try:
        return _getter(kind)(entry)
    except AttributeError:
        return None


@lru_cache(maxsize=16)
def _getter(kind: str) -> Callable[[object], object]:
    return attrgetter(*kind.split())


class _Layout(Generic[T]):
    """The work of `lay`: `answers` fills by one rule after another."""

    def __init__(
        self,
        wanted: Sequence[Subject],
        reply: Reply[T],
        subjects_of: Callable[[T | Failure, Sequence[Subject]], Collection[Subject]],
    ) -> None:
        self.answers: list[T | Failure | None] = [None] * len(wanted)
        self._wanted = wanted
        said: list[T | Failure] = [*reply.success, *reply.failed]
        entries = self._place_by_position([_Entry(entry, subjects_of(entry, wanted)) for entry in said])
        self._places: dict[Subject, list[int]] = {}
        for place, subject in enumerate(wanted):
            if self.answers[place] is None:
                self._places.setdefault(subject, []).append(place)
        self._place_by_subject([entry for entry in entries if any(s in self._places for s in entry.subjects)])
        self._place_by_order([entry for entry in entries if not any(s in self._places for s in entry.subjects)])

    def _place_by_position(self, entries: "list[_Entry[T]]") -> "list[_Entry[T]]":
        """Place the failures that tell a position and do not contradict it; return the other entries."""
        others: list[_Entry[T]] = []
        for entry in entries:
            place = entry.position
            if (
                place is not None
                and place < len(self._wanted)
                and self.answers[place] is None
                and (not entry.subjects or self._wanted[place] in entry.subjects)
            ):
                self.answers[place] = entry.entry
            else:
                others.append(entry)
        return others

    def _place_by_subject(self, entries: "list[_Entry[T]]") -> None:
        claims: dict[Subject, list[_Entry[T]]] = {}
        undecided = [(entry, [s for s in entry.subjects if s in self._places]) for entry in entries]
        # An entry that may be about several items is about the one that has no answer of its own.
        progress = True
        while progress:
            progress = False
            for entry, subjects in undecided:
                if len(subjects) == 1:
                    claims.setdefault(subjects[0], []).append(entry)
                    progress = True
            undecided = [
                (entry, [s for s in subjects if len(claims.get(s, ())) < len(self._places[s])] or subjects)
                for entry, subjects in undecided
                if len(subjects) > 1
            ]
        for subject, claiming in claims.items():
            self._settle(self._places[subject], claiming)
        for disputed, entries in _apart(undecided):
            if disputed.isdisjoint(claims):
                self._settle(sorted(place for subject in disputed for place in self._places[subject]), entries)

    def _settle(self, places: list[int], entries: "list[_Entry[T]]") -> None:
        """Give entries that are about these places to them in order, if it is sure which is whose."""
        succeeded = not any(entry.failed for entry in entries)
        # The same success told twice is one. Between the two lists of a reply there is no order.
        if (len(entries) == len(places) and _alike(entries)) or (len(entries) > len(places) and succeeded):
            for place, entry in zip(places, entries, strict=False):
                self.answers[place] = entry.entry

    def _place_by_order(self, strangers: "list[_Entry[T]]") -> None:
        """Place the entries that repeat nothing of what was sent."""
        places = [place for place, answer in enumerate(self.answers) if answer is None]
        # An entry with another name than the item's is another item's, wherever it stands.
        if len(strangers) == len(places) and not any(
            kind == self._wanted[place][0]
            for place, entry in zip(places, strangers, strict=True)
            for kind, _ in entry.subjects
        ):
            self._settle(places, strangers)


def _apart(undecided: "list[tuple[_Entry[T], list[Subject]]]") -> "Iterator[tuple[set[Subject], list[_Entry[T]]]]":
    """Put those entries together, in their order, that may be about the same items."""
    groups: list[set[Subject]] = []
    for _, subjects in undecided:
        touched = [group for group in groups if not group.isdisjoint(subjects)]
        groups = [group for group in groups if group not in touched] + [set(subjects).union(*touched)]
    for group in groups:
        yield group, [entry for entry, subjects in undecided if not group.isdisjoint(subjects)]


class _Entry(Generic[T]):
    """An entry of a reply, and what it says of itself."""

    __slots__ = ("entry", "failed", "position", "subjects")

    def __init__(self, entry: T | Failure, subjects: Collection[Subject]) -> None:
        self.entry = entry
        self.failed = isinstance(entry, Failure)
        self.position = entry.position if isinstance(entry, Failure) else None
        self.subjects = subjects


def _alike(entries: Sequence[_Entry[Any]]) -> bool:
    """Whether all of them succeeded or all failed."""
    return len({entry.failed for entry in entries}) <= 1
