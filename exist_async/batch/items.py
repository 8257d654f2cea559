"""Reads the items of a write from any iterable, up to the first that is wrong."""

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


class ItemReader:
    """Reads items in several steps, each of which continues where the one before ended."""

    def __init__(self, items: Items[Any]) -> None:
        self._items: Any = items
        self._is_stream = isinstance(items, AsyncIterable)
        self._iterator: Any = None

    async def read(self, prepare: Callable[[Any], I], into: list[I], most: int | None = None) -> Stop | None:
        """Read at most `most` items, or all, and append the request model of each, up to the first item that is wrong.

        Returns:
            The reason for ending early: a ConfigurationError that names the index, or the iterable's own error.
        """
        preparing: int | None = None  # the index of the item, as long as its request model is not created
        try:
            if self._iterator is None:
                self._iterator = aiter(self._items) if self._is_stream else iter(self._items)
            end = None if most is None else len(into) + most
            while len(into) != end:
                item = await anext(self._iterator, _END) if self._is_stream else next(self._iterator, _END)
                if item is _END:
                    return None
                preparing = len(into)
                into.append(prepare(item))
                preparing = None
        except asyncio.CancelledError as error:
            if cancelled_by_caller():
                raise
            return Stop(as_exception(error), from_caller=True)
        except Exception as error:  # noqa: BLE001  (an error of the caller's iterable reaches them with the result)
            if preparing is not None and isinstance(error, ConfigurationError):
                return Stop(ConfigurationError(f"items[{preparing}]: {error}"))
            return Stop(error, from_caller=True)
        return None
