"""Reads the items of a write, however many and in whatever they come."""

import asyncio
from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from typing import Any, TypeAlias, TypeVar

from attrs import frozen

from exist_async._checks import check_callback
from exist_async._concurrency import as_exception, cancelled_by_caller
from exist_async.errors import ConfigurationError
from exist_async.outcomes import BatchResult

I = TypeVar("I")  # noqa: E741  (the letter for an item, as T is for an answer)
X = TypeVar("X")

_END = object()

Items: TypeAlias = Iterable[X] | AsyncIterable[X]
"""Items of any number: a list, a generator, an asynchronous stream."""


def check_items(items: object, on_outcome: object) -> None:
    """Refuse what can be iterated and is no list of items, and a callback that can't be called.

    Raises:
        ConfigurationError: The items are a string, bytes, a mapping, or nothing that can be iterated.
    """
    # Of what isinstance has narrowed, the type is known in part only.
    kind = type(items).__name__
    try:
        if isinstance(items, str | bytes | bytearray | Mapping) or not isinstance(items, Iterable | AsyncIterable):
            raise ConfigurationError(f"items is a list or another iterable of items, not a bare {kind}")  # noqa: TRY301
        check_callback("on_outcome", "an outcome", on_outcome)
    except ConfigurationError as error:
        error.result = BatchResult(())
        raise


@frozen(eq=False, repr=False)
class Stop:
    """Why a write ended before its time.

    Attributes:
        error: A wrong item, an error that the next request would meet too, or the caller's own.
        callers_own: Whether the caller's iterable, callback, auth or rate limiter raised it.
    """

    error: Exception
    callers_own: bool = False


class ItemReader:
    """Reads items one after another, and goes on where it was left.

    Args:
        items: The items.
    """

    def __init__(self, items: Items[Any]) -> None:
        self._items: Any = items
        self._is_stream = isinstance(items, AsyncIterable)
        self._iterator: Any = None

    async def read(self, prepare: Callable[[Any], I], into: list[I], most: int | None = None) -> Stop | None:
        """Read items and make their request models, up to the first that is wrong.

        Args:
            prepare: Makes the request model of one, or raises a ConfigurationError.
            into: Gets each request model as soon as it is made.
            most: How many to read; None reads them all.

        Returns:
            What ended the reading before its time: a ConfigurationError that names the index, or whatever the
            caller's iterable raised.
        """
        end = None if most is None else len(into) + most
        while len(into) != end:
            try:
                item = await self._next_of_stream() if self._is_stream else self._next()
            except asyncio.CancelledError as error:
                if cancelled_by_caller():
                    raise
                return Stop(as_exception(error), callers_own=True)
            except Exception as error:  # noqa: BLE001  (the caller's own, of any class: it reaches them with the result)
                return Stop(error, callers_own=True)
            if item is _END:
                return None
            try:
                into.append(prepare(item))
            except ConfigurationError as error:
                return Stop(ConfigurationError(f"items[{len(into)}]: {error}"))
        return None

    async def _next_of_stream(self) -> object:
        if self._iterator is None:
            self._iterator = aiter(self._items)
        try:
            return await anext(self._iterator)
        except StopAsyncIteration:
            return _END

    def _next(self) -> object:
        if self._iterator is None:
            self._iterator = iter(self._items)
        return next(self._iterator, _END)
