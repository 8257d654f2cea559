"""Compares updates with the values that Exist has, where reading these takes few requests."""

import asyncio
import datetime as dt
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from itertools import chain
from typing import Final
from urllib.parse import quote

from attrs import frozen

from exist_async._concurrency import ordered_map
from exist_async._http.call import CallState
from exist_async._http.session import Session
from exist_async.batch.items import CHUNK_SIZE, ItemReader, Items, check_items
from exist_async.batch.writes import BLOCK_SIZE
from exist_async.errors import (
    AuthenticationError,
    ConnectionFailedError,
    NoAnswerError,
    PermissionDeniedError,
    StatusError,
)
from exist_async.paging import LARGEST_PAGE, PageBody, fetch_page
from exist_async.values.history_plan import LONGEST_FILTER, ListedValues, Span, fetch_window, parts_of
from exist_async.values.models import DayValue, Value
from exist_async.values.requests import MOST_DAYS, VALUES, ValueUpdate, conflict_key, to_updatable

_WRITES_FOR_A_READ: Final = 4
"""The least number of requests that writing all values takes, for each request to read some."""

_LEAST_ROWS: Final = 2 * CHUNK_SIZE + 1
"""The least number of values for which a request to read them is made: fewer take one or two requests to write."""

_log = logging.getLogger("exist_async")

_Positions = Mapping[str, Mapping[int, int]]
"""The position of each value to compare, by the attribute's name and the day's ordinal."""


@frozen
class Comparison:
    """The difference between values and those that Exist has.

    Attributes:
        changed: The values that `sync()` would write, in order: those that differ, and those that were not compared.
        unchanged: Number of values that Exist has already.
        superseded: Number of values before a later one for the same attribute and day.
        reads: Number of requests that comparing took, without retries.
        writes: Number of requests that writing the changed values takes.
    """

    changed: list[ValueUpdate]
    unchanged: int
    superseded: int
    reads: int
    writes: int


async def compare(session: Session, rows: Items[ValueUpdate]) -> Comparison:
    """Compare values with those that Exist has, a sequence as a whole and a stream in blocks."""
    check_items(rows, None)
    comparer = Comparer(session.with_deadline())
    reader = ItemReader(rows, to_updatable)
    block_size = None if isinstance(rows, Collection) else BLOCK_SIZE
    changed: list[ValueUpdate] = []
    to_write = set[object]()  # the attributes and days of the changed values of earlier blocks
    unchanged = superseded = writes = 0
    while not reader.ended:
        stop = await reader.read(block_size)
        if stop is not None:
            raise stop.error
        block = reader.take()
        last = {conflict_key(item): index for index, item in enumerate(block)}
        compared = [index for key, index in last.items() if key not in to_write]
        positions = await comparer.find_unchanged([block[index] for index in compared])
        same = {compared[position] for position in positions}
        block_changed = [block[index] for index in sorted(last.values()) if index not in same]
        to_write.update(map(conflict_key, block_changed))
        changed += block_changed
        unchanged += len(same)
        superseded += len(block) - len(last)
        writes += -(-len(block_changed) // CHUNK_SIZE)
    return Comparison(changed, unchanged, superseded, comparer.reads, writes)


class Comparer:
    """Reads the values of attributes and days, and finds those that are equal to others.

    Attributes:
        reads: Number of requests so far.
    """

    def __init__(self, session: Session) -> None:
        self.reads = 0
        self._session = session
        self._more = 0

    async def find_unchanged(self, items: Sequence[ValueUpdate]) -> set[int]:
        """Return the positions of the items whose values Exist has, as far as reading them takes few requests.

        Each item is about another attribute or day. Those that a write in flight may still change are not compared.
        """
        # Each step takes some tenths of a second for very many values: other tasks run in between.
        await asyncio.sleep(0)
        # Also of writes whose callers were cancelled just now: they go on without them once the event loop gets to it.
        uncertain = self._session.keys_in_flight
        positions: dict[str, dict[int, int]] = {}
        for position, item in enumerate(items):
            if not uncertain or conflict_key(item) not in uncertain:
                positions.setdefault(item.name, {})[item.date.toordinal()] = position
        await asyncio.sleep(0)
        listings = _plan(positions)
        await asyncio.sleep(0)
        # For repeats, and for further pages where the service ignores the filter or the size of the page.
        self._more = _most_reads(positions) - len(listings)
        jobs = (partial(self._compare, listing, items, positions) for listing in listings)
        unchanged: set[int] = set()
        async with aclosing(ordered_map(jobs, concurrency=self._session.options.concurrency)) as found:
            async for some in found:
                unchanged |= some
        return unchanged

    async def _compare(self, listing: "_Listing", items: Sequence[ValueUpdate], positions: _Positions) -> set[int]:
        """Return the positions of the items of one listing whose values Exist has; of those that were read, on errors.

        Errors that every further request would end with are raised.
        """
        equal: set[int] = set()
        different: set[int] = set()
        try:
            async with aclosing(self._pages(listing)) as pages:
                async for attributes in pages:
                    for attribute in attributes:
                        wanted = positions.get(attribute.name, {})
                        for day in attribute.values:
                            position = wanted.get(day.date.toordinal())
                            if position is not None:
                                is_equal = _is_equal(items[position].value, day.value)
                                (equal if is_equal else different).add(position)
        except (AuthenticationError, PermissionDeniedError):
            raise
        except (ConnectionFailedError, NoAnswerError, StatusError) as error:
            _log.warning("Values of %s are written without comparing them first: %s", listing, error)
        return equal - different

    async def _pages(self, listing: "_Listing") -> AsyncGenerator[Sequence[ListedValues], None]:
        """Yield the pages of a listing, up to the last that has values to compare."""
        unread = set(listing.names)
        number = 1
        while True:
            attributes, has_next = await self._page(listing, number)
            if listing.by_window:
                unread.difference_update(attribute.name for attribute in attributes)
            elif any(day.date <= listing.span.start for attribute in attributes for day in attribute.values):
                unread.clear()
            yield attributes
            if not (has_next and unread and self._more):
                return
            self._more -= 1
            number += 1

    async def _page(self, listing: "_Listing", number: int) -> tuple[Sequence[ListedValues], bool]:
        """Request a page of a listing, and return its attributes, and whether more pages follow.

        The request is repeated once after a failure, if one more request may be made.
        """
        self.reads += 1
        max_repeats = min(1, self._more)
        self._more -= max_repeats
        state = CallState()
        session, span = self._session, listing.span
        try:
            if listing.by_window:
                window = await fetch_window(
                    session, span, listing.names, {}, number, state=state, max_repeats=max_repeats
                )
                return window.page.results, window.has_next
            (name,) = listing.names
            params = {"attribute": name, "date_max": span.end.isoformat(), "limit": str(LARGEST_PAGE)}
            days = await fetch_page(
                session, VALUES, params, PageBody[DayValue], number, state=state, max_repeats=max_repeats
            )
            return (ListedValues(name, days.page.results),), days.has_next
        finally:
            self._more += max_repeats - state.repeats


@frozen
class _Listing:
    """A listing to read: of some attributes with their values in a window, or of one attribute's values.

    Attributes:
        names: Names of the attributes.
        span: The days to read, from the first to the last with a value to compare.
        rows: Number of values to compare.
        by_window: Whether it lists attributes with their values.
    """

    names: Sequence[str]
    span: Span
    rows: int
    by_window: bool

    def __str__(self) -> str:
        names = repr(self.names[0]) if len(self.names) == 1 else f"{len(self.names)} attributes"
        return f"{names} from {self.span.start} to {self.span.end}"


def _plan(positions: _Positions) -> list[_Listing]:
    """Return listings that take at most a quarter of the requests that writing all values takes."""
    names = [name for name in positions if len(quote(name, safe="")) <= LONGEST_FILTER]
    # Attributes with values on the same days are listed together.
    names = sorted(names, key=lambda name: (max(positions[name]), min(positions[name]), name), reverse=True)
    listings: list[_Listing] = []
    for part in parts_of(name for name in names if "," not in name):
        by_window = list(_listings(part, positions, MOST_DAYS))
        # Planning to list each attribute alone takes longest. Such a listing has 100 values at most.
        if _saved(by_window) < sum(len(positions[name]) for name in part) * (1 - CHUNK_SIZE / LARGEST_PAGE):
            alone = [listing for name in part for listing in _listings([name], positions, LARGEST_PAGE)]
            by_window = max(by_window, alone, key=_saved)
        listings += by_window
    for name in names:
        if "," in name:  # which separates the names in the filter of a window
            listings += _listings([name], positions, LARGEST_PAGE)
    listings.sort(key=lambda listing: listing.rows, reverse=True)
    return listings[: _most_reads(positions)]


def _listings(names: Collection[str], positions: _Positions, most_days: int) -> Iterator[_Listing]:
    """Yield the listings of some attributes that have enough values to compare, the newest first."""
    counts = Counter(chain.from_iterable(positions[name] for name in names))
    for days in _groups(sorted(counts, reverse=True), most_days):
        rows = sum(counts[day] for day in days)
        if rows >= _LEAST_ROWS:
            listed = [name for name in names if any(day in positions[name] for day in days)]
            span = Span(dt.date.fromordinal(days[-1]), dt.date.fromordinal(days[0]))
            yield _Listing(listed, span, rows, by_window=most_days == MOST_DAYS)


def _groups(days: Iterable[int], most_days: int) -> Iterator[list[int]]:
    """Divide days, the newest first, into groups from whose first to whose last day are at most some days."""
    group: list[int] = []
    for day in days:
        if group and group[0] - day >= most_days:
            yield group
            group = []
        group.append(day)
    if group:
        yield group


def _saved(listings: Iterable[_Listing]) -> int:
    """Return a measure of the requests that reading saves if no value has changed."""
    return sum(listing.rows - CHUNK_SIZE for listing in listings)


def _most_reads(positions: _Positions) -> int:
    """Return the most requests that may be made to read values before they are written."""
    return -(-sum(map(len, positions.values())) // CHUNK_SIZE) // _WRITES_FOR_A_READ


def _is_equal(value: float | str, stored: Value | None) -> bool:
    """Whether Exist has a value already. It stores the integers of a decimal attribute as decimals."""
    if isinstance(stored, float) and isinstance(value, int):
        value = float(value)
    return value == stored
