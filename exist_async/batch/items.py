"""Reads the items of a write, however many and in whatever they come."""

from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from typing import Any, TypeAlias, TypeVar

from exist_async.errors import ConfigurationError

I = TypeVar("I")  # noqa: E741  (the letter for an item, as T is for an answer)
X = TypeVar("X")

Items: TypeAlias = Iterable[X] | AsyncIterable[X]
"""Items of any number: a list, a generator, an asynchronous stream."""


def check_items(items: object) -> None:
    """Refuse what can be iterated and is no list of items.

    Raises:
        ConfigurationError: It is a string, bytes, a mapping, or nothing that can be iterated.
    """
    kind = type(items).__name__
    if isinstance(items, str | bytes | bytearray | Mapping) or not isinstance(items, Iterable | AsyncIterable):
        raise ConfigurationError(f"items is a list or another iterable of items, not a bare {kind}")


async def read_items(
    items: Items[Any], prepare: Callable[[Any], I], *, start: int = 0, most: int | None = None
) -> tuple[list[I], Exception | None]:
    """Read items and make their request models, up to the first that is wrong.

    Args:
        items: The items; an iterator is read on where it was left.
        prepare: Makes the request model of one, or raises a ConfigurationError.
        start: The index of the first.
        most: How many to read; None reads them all.

    Returns:
        The request models, and what ended the reading before its time: a ConfigurationError that names the index, or
        whatever the caller's iterable raised.
    """
    prepared: list[I] = []
    try:
        if isinstance(items, AsyncIterable):
            async for item in items:
                prepared.append(_prepared(prepare, item, start + len(prepared)))
                if len(prepared) == most:
                    break
        else:
            for item in items:
                prepared.append(_prepared(prepare, item, start + len(prepared)))
                if len(prepared) == most:
                    break
    except Exception as error:  # noqa: BLE001  (the caller's own, of any class: it reaches them with the result)
        return prepared, error
    return prepared, None


def _prepared(prepare: Callable[[Any], I], item: object, index: int) -> I:
    try:
        return prepare(item)
    except ConfigurationError as error:
        raise ConfigurationError(f"items[{index}]: {error}") from None
