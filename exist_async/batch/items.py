"""Reads the items of a write from any iterable, up to the first that is wrong, and cuts them into requests."""

import asyncio
import math
from collections import Counter
from collections.abc import (
    AsyncIterable,
    Awaitable,
    Callable,
    Collection,
    Hashable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from typing import Any, Generic, TypeAlias, TypeVar

from attrs import frozen

from exist_async._checks import check_callback
from exist_async._concurrency import Chunk, as_exception, cancelled_by_caller
from exist_async.batch.operation import WriteOperation
from exist_async.errors import ConfigurationError
from exist_async.outcomes import BatchResult

I = TypeVar("I")  # noqa: E741  (the letter for an item, as T is for an answer)
X = TypeVar("X")

CHUNK_SIZE = 35
"""The most objects that Exist accepts in one request."""

_END = object()

_PAUSE = 0.05  # seconds

Items: TypeAlias = Iterable[X] | AsyncIterable[X]
"""Any number of items: a list, a generator, an async stream."""


@frozen(eq=False, repr=False)
class Stop:
    """The reason why a write ended early.

    Attributes:
        error: A wrong item, an error that every further request would end in, or an error of the caller's code.
        from_caller: Whether it was raised by the caller's iterable, callback, auth or rate limiter.
    """

    error: Exception
    from_caller: bool = False


def check_items(items: object, on_outcome: object) -> None:
    """Raise ConfigurationError for what is no iterable of items, such as a string or a mapping, and no callback."""
    kind = type(items).__name__
    try:
        if isinstance(items, str | bytes | bytearray | Mapping) or not isinstance(items, Iterable | AsyncIterable):
            raise ConfigurationError(f"items must be a list or another iterable of items, not a bare {kind}")  # noqa: TRY301
        if on_outcome is not None:
            check_callback("on_outcome", "an outcome", on_outcome)
    except ConfigurationError as error:
        error.result = BatchResult(())
        raise


class ItemReader(Generic[I]):
    """Reads items in several steps, each of which continues where the one before ended.

    Attributes:
        items: The request models of the items that were read and not taken yet.
        taken: Number of items that were taken.
        limit: Number of items, with those that were taken, at which to stop; it may be raised meanwhile.
        ended: Whether there is nothing more to read: the iterable has ended, or an item was wrong.
    """

    def __init__(self, items: Items[Any], prepare: Callable[[Any], I]) -> None:
        self.items: list[I] = []
        self.taken = 0
        self.limit = math.inf
        self.ended = False
        self._given: Any = items
        self._prepare = prepare
        self._is_stream = isinstance(items, AsyncIterable)
        self._iterator: Any = None

    async def read(self, most: int | None = None) -> Stop | None:
        """Read at most `most` items, or up to the limit, up to the first that is wrong.

        Returns:
            The reason for ending early: a ConfigurationError that names the index, or the iterable's own error.
        """
        into, prepare = self.items, self._prepare
        preparing: int | None = None  # the index of the item, as long as its request model is not created
        if most is not None:
            self.limit = self.taken + len(into) + most
        try:
            if self._iterator is None:
                self._iterator = aiter(self._given) if self._is_stream else iter(self._given)
            while self.taken + len(into) < self.limit:
                item = await anext(self._iterator, _END) if self._is_stream else next(self._iterator, _END)
                if item is _END:
                    self.ended = True
                    return None
                preparing = self.taken + len(into)
                into.append(prepare(item))
                preparing = None
        except asyncio.CancelledError as error:
            self.ended = True
            if cancelled_by_caller():
                raise
            return Stop(as_exception(error), from_caller=True)
        except Exception as error:  # noqa: BLE001  (an error of the caller's iterable reaches them with the result)
            self.ended = True
            if preparing is not None and isinstance(error, ConfigurationError):
                return Stop(ConfigurationError(f"items[{preparing}]: {error}"))
            return Stop(error, from_caller=True)
        return None

    def take(self) -> list[I]:
        """Return the items that were read since the last time, and forget them."""
        taken = self.items[:]
        self.items.clear()
        self.taken += len(taken)
        return taken


class PausingReader(Generic[I]):
    """Reads an async stream in blocks that end where the stream pauses. Close it when leaving it early.

    One task reads the whole stream: cancelling a read at a pause would end a generator. It reads at most one item more
    than was asked for.

    Attributes:
        ended: Whether the last block was returned, or the reader was closed.
    """

    def __init__(
        self,
        items: AsyncIterable[Any],
        prepare: Callable[[Any], I],
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]],
    ) -> None:
        self.ended = False
        self._reader = ItemReader(items, self._prepare_next)
        self._prepare = prepare
        self._clock = clock
        self._sleep = sleep
        self._returned = 0  # number of items in the blocks so far
        self._arrived = 0.0  # time of the last item
        self._reading: asyncio.Task[Stop | None] | None = None
        self._has_room = asyncio.Event()
        self._wake = asyncio.Event()

    async def read(self, most: int | None = None) -> Stop | None:
        """Read a block: until no item comes for 50 ms, at most `most` items, up to the first that is wrong."""
        self._reader.limit = math.inf if most is None else self._returned + most
        self._arrived = self._clock()
        self._has_room.set()
        if self._reading is None:
            self._reading = asyncio.create_task(self._read_all())
        try:
            while not self._reading.done() and self._count < self._reader.limit:
                if self._count == self._returned:
                    await self._woken()
                elif (left := self._arrived + _PAUSE - self._clock()) > 0:
                    await self._woken(left)
                else:
                    break
            self._reader.limit = self._returned = self._count
            if not self._reading.done():
                return None
            stop = self._reading.result()
        except asyncio.CancelledError as error:
            if cancelled_by_caller():
                raise
            stop = Stop(as_exception(error), from_caller=True)
        except Exception as error:  # noqa: BLE001  (of the caller's `sleep`)
            stop = Stop(error, from_caller=True)
        self.ended = True
        return stop

    def take(self) -> list[I]:
        """Return the items of the last block, and forget them."""
        return self._reader.take()

    async def aclose(self) -> None:
        """End the reading, also in the middle of waiting for an item."""
        if self._reading is not None:
            # A stream that goes on after its cancellation is left after its next item.
            self.ended, self._reader.limit = True, 0
            self._reading.cancel()
            await asyncio.wait([self._reading])

    async def _read_all(self) -> Stop | None:
        try:
            while True:
                stop = await self._reader.read()
                if self._reader.ended or self.ended:
                    return stop
                self._has_room.clear()
                self._wake.set()
                await self._has_room.wait()
        finally:
            self._wake.set()

    def _prepare_next(self, item: Any) -> I:
        prepared = self._prepare(item)
        self._arrived = self._clock()
        if self._count == self._returned:
            self._wake.set()
        return prepared

    @property
    def _count(self) -> int:
        return self._reader.taken + len(self._reader.items)

    async def _woken(self, seconds: float | None = None) -> None:
        """Wait for the first item of a block, for its last, for the end, or for a number of seconds."""
        self._wake.clear()
        timer = None if seconds is None else asyncio.create_task(self._wake_after(seconds))
        try:
            await self._wake.wait()
        finally:
            is_over = timer is not None and not timer.cancel()
        if timer is not None and is_over:
            timer.result()

    async def _wake_after(self, seconds: float) -> None:
        try:
            await self._sleep(seconds)
        finally:
            self._wake.set()


def cut(
    indices: Sequence[int], items: Sequence[I] | Mapping[int, I], operation: WriteOperation[I, Any]
) -> Iterator[Chunk[I]]:
    """Cut items, by their indices; those that conflict with an earlier item of their request are cut later."""
    conflict_key = operation.conflict_key
    repeated: Collection[Hashable] = ()
    if len(indices) > 1 and (operation.supersedes or operation.unique_per_request):
        repeated = _repeated_keys(indices, items, conflict_key)
    earlier: dict[int, list[tuple[int, I]]] = {}
    if repeated and operation.supersedes:
        earlier = _earlier(indices, items, repeated, conflict_key)
        superseded = {index for group in earlier.values() for index, _ in group}
        indices, repeated = [index for index in indices if index not in superseded], ()
    while indices:
        later: list[int] = []
        seen: set[Hashable] = set()
        chunk: Chunk[I] = Chunk([], [], set())
        for index in indices:
            item = items[index]
            key = conflict_key(item)
            if repeated and key in repeated:
                if key in seen:
                    later.append(index)
                    continue
                seen.add(key)
            chunk.indices.append(index)
            chunk.items.append(item)
            chunk.conflict_keys.add(key)
            if earlier and index in earlier:
                chunk.earlier[index] = earlier[index]
            if len(chunk.items) == CHUNK_SIZE:
                yield chunk
                chunk = Chunk([], [], set())
        if chunk.items:
            yield chunk
        indices = later


def _repeated_keys(
    indices: Sequence[int], items: Sequence[I] | Mapping[int, I], conflict_key: Callable[[I], Hashable]
) -> Collection[Hashable]:
    """Return the conflict keys that several items have. Remembering all keys would cost memory with long lists."""
    counts = Counter(conflict_key(items[index]) for index in indices)
    return {key for key, count in counts.items() if count > 1}


def _earlier(
    indices: Sequence[int],
    items: Sequence[I] | Mapping[int, I],
    repeated: Collection[Hashable],
    conflict_key: Callable[[I], Hashable],
) -> dict[int, list[tuple[int, I]]]:
    """Return, by index of the last item with each of these keys, the indices and items before it."""
    groups: dict[Hashable, list[tuple[int, I]]] = {key: [] for key in repeated}
    for index in indices:
        group = groups.get(conflict_key(items[index]))
        if group is not None:
            group.append((index, items[index]))
    return {group.pop()[0]: group for group in groups.values()}
