"""Reads the names that a command is about, from its arguments or from standard input."""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from threading import Thread
from typing import Annotated, TypeVar

from attrs import frozen
from cyclopts import CycloptsError, Parameter

from exist_async.errors import ConfigurationError

X = TypeVar("X")

Stdin = Annotated[bool, Parameter(name="-", negative="", show_default=False)]

# The descriptor: the lock of sys.stdin would still be held by a reading thread when the interpreter ends.
_STDIN = 0
_BLOCK = 65536


@frozen
class Names:
    """The names that a command is about.

    Attributes:
        given: The arguments; None where the names come from standard input.
    """

    given: Sequence[str] | None

    @classmethod
    def choose(cls, arguments: Sequence[str], *, stdin: bool) -> "Names":
        """Take the arguments or standard input.

        Raises:
            CycloptsError: Neither is meant, or both.
        """
        if stdin and arguments:
            raise CycloptsError("- stands alone: give names, or - to read them from standard input, not both")
        if stdin and sys.stdin is None:  # pyright: ignore[reportUnnecessaryComparison]  (a supervisor's child has none)
            raise CycloptsError("standard input is closed: there are no names to read")
        if not (stdin or arguments):
            raise CycloptsError("give names, or - to read them from standard input, one a line")
        return cls(None if stdin else arguments)

    @property
    def count(self) -> int | None:
        """How many there are, where that is known before they are read."""
        return None if self.given is None else len(self.given)

    @property
    def typed(self) -> bool:
        """Whether somebody types them into a terminal at this moment."""
        return self.given is None and os.isatty(_STDIN)

    def items(self, make: Callable[[str], X]) -> Sequence[X] | AsyncGenerator[X, None]:
        """Make an item of each name: of the arguments at once, of standard input as the lines come."""
        if self.given is not None:
            return [make(name) for name in self.given]
        return (make(name) async for name in _lines())


async def _lines() -> AsyncGenerator[str, None]:
    """Read the lines of standard input that are not blank."""
    begun = b""
    while block := await _read():
        *lines, begun = (begun + block).split(b"\n")
        for line in lines:
            if name := _decoded(line):
                yield name
    if name := _decoded(begun):
        yield name


def _decoded(line: bytes) -> str:
    try:
        # Some programs begin their output with a byte order mark.
        return line.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise ConfigurationError(f"standard input is not UTF-8: {line[:50]!r}") from None


async def _read() -> bytes:
    """Read what is there, or wait for it without holding up the loop.

    `asyncio.to_thread` would do, were it not that asyncio waits for its threads at the end: Ctrl-C would do nothing
    until the next line came.
    """
    loop = asyncio.get_running_loop()
    block: asyncio.Future[bytes] = loop.create_future()

    def settle(data: bytes | None, error: OSError | None) -> None:
        if block.done():
            return
        if error is not None:
            block.set_exception(error)
        else:
            block.set_result(data or b"")

    def read() -> None:
        data, error = None, None
        try:
            data = os.read(_STDIN, _BLOCK)
        except OSError as failure:
            error = failure
        # After the program was stopped, nobody is there to be told.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, data, error)

    Thread(target=read, daemon=True, name="standard input").start()
    return await block
