"""Lays the entries of Exist's reply beside the items that they answer."""

import re
from collections.abc import Callable, Collection, Hashable, Sequence
from typing import Any, Generic, TypeVar

from attrs import frozen

T = TypeVar("T")

Subject = tuple[str, Hashable]
"""What an item or an entry is about: the kind of its key, and the key."""

_POSITION = re.compile(r"\bindex (\d{1,4})\b")


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

    @property
    def position(self) -> int | None:
        """The item's position in the request, where the message tells it ("Object at index 0 …")."""
        found = _POSITION.search(self.error) if isinstance(self.error, str) else None
        return int(found[1]) if found else None


@frozen
class Reply(Generic[T]):
    """Exist's answer to a write. Either list may be missing."""

    success: tuple[T, ...] = ()
    failed: tuple[Failure, ...] = ()


def lay(
    wanted: Sequence[Subject], reply: Reply[T], subjects_of: Callable[[T | Failure], Collection[Subject]]
) -> list[T | Failure | None]:
    """Return the entry that answers each item, or None where no entry does for certain.

    Entries are found by what they are about; equal ones by their order; then by the position in Exist's message; then
    by their order, if there are as many as there are items left. Nothing is guessed: of two equal items with one
    success and one failure without a position, neither has an answer.

    Args:
        wanted: What each item of the request is about.
        reply: The reply.
        subjects_of: What an entry may be about. More than one answer is usual: a whole attribute has a name, a label
            and perhaps a template, and any of them may have been asked for.
    """
    return _Layout(wanted, reply, subjects_of).answers


class _Layout(Generic[T]):
    """The work of `lay`: `answers` fills from the surest rule to the least sure."""

    def __init__(
        self, wanted: Sequence[Subject], reply: Reply[T], subjects_of: Callable[[T | Failure], Collection[Subject]]
    ) -> None:
        self.answers: list[T | Failure | None] = [None] * len(wanted)
        self._wanted = wanted
        self._places: dict[Subject, list[int]] = {}
        for place, subject in enumerate(wanted):
            self._places.setdefault(subject, []).append(place)
        # Of these it is known that something was said about them, even where it can't be told what.
        self._spoken_of: set[int] = set()
        self._claims: dict[Subject, list[T | Failure]] = {}
        several: list[tuple[T | Failure, list[Subject]]] = []
        strangers: list[tuple[T | Failure, Collection[Subject]]] = []
        entries: list[T | Failure] = [*reply.success, *reply.failed]
        for entry in entries:
            subjects = subjects_of(entry)
            known = [subject for subject in subjects if subject in self._places]
            if len(known) == 1:
                self._claims.setdefault(known[0], []).append(entry)
            elif known:
                several.append((entry, known))
            else:
                strangers.append((entry, subjects))
        self._narrow(several)
        for subject, entries in self._claims.items():
            self._settle(self._places[subject], entries)
        self._place_strangers(strangers)

    def _narrow(self, several: list[tuple[T | Failure, list[Subject]]]) -> None:
        """Give the entries that may be about several items to those that have no answer of their own."""
        progress = True
        while several and progress:
            progress = False
            undecided: list[tuple[T | Failure, list[Subject]]] = []
            for entry, known in several:
                open_to_it = [s for s in known if len(self._claims.get(s, ())) < len(self._places[s])]
                if len(open_to_it) == 1:
                    self._claims.setdefault(open_to_it[0], []).append(entry)
                    progress = True
                else:
                    undecided.append((entry, open_to_it or known))
            several = undecided
        subjects = {subject for _, known in several for subject in known}
        self._settle(
            sorted(place for subject in subjects if subject not in self._claims for place in self._places[subject]),
            [entry for entry, _ in several],
        )

    def _settle(self, places: list[int], entries: list[T | Failure]) -> None:
        """Give the entries that are surely about these places to them, as far as it is sure which is whose."""
        self._spoken_of.update(places)
        if len(places) != len(entries) or not _alike(entries):
            entries = self._by_position(places, entries)
            places = [place for place in places if self.answers[place] is None]
        if _alike(entries) and (len(entries) == len(places) or (len(entries) > len(places) and _succeeded(entries))):
            for place, entry in zip(places, entries, strict=False):
                self.answers[place] = entry

    def _by_position(self, places: Collection[int], entries: list[T | Failure]) -> list[T | Failure]:
        """Place the failures that tell a position; return the other entries."""
        others: list[T | Failure] = []
        for entry in entries:
            place = entry.position if isinstance(entry, Failure) else None
            if place in places and place is not None and self.answers[place] is None:
                self.answers[place] = entry
            else:
                others.append(entry)
        return others

    def _place_strangers(self, strangers: list[tuple[T | Failure, Collection[Subject]]]) -> None:
        """Place the entries that repeat nothing of what was sent."""
        places = [place for place in range(len(self._wanted)) if place not in self._spoken_of]
        entries = self._by_position(places, [entry for entry, _ in strangers])
        places = [place for place in places if self.answers[place] is None]
        if len(entries) != len(places) or not _alike(entries):
            return
        said = {id(entry): {kind for kind, _ in subjects} for entry, subjects in strangers}
        # An entry with another name than the item's is another item's, wherever it stands.
        if all(self._wanted[place][0] not in said[id(entry)] for place, entry in zip(places, entries, strict=True)):
            for place, entry in zip(places, entries, strict=True):
                self.answers[place] = entry


def _alike(entries: list[Any]) -> bool:
    """Whether all of them succeeded or all failed: between the two lists of a reply there is no order."""
    return len({isinstance(entry, Failure) for entry in entries}) <= 1


def _succeeded(entries: list[Any]) -> bool:
    return not any(isinstance(entry, Failure) for entry in entries)
