"""Reads lines as they come: those of standard input, or of a file."""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import suppress
from threading import Thread

from cyclopts import CycloptsError

from exist_async.cli.inputs import STDIN, Input
from exist_async.errors import ConfigurationError

_BLOCK = 65536

# No line that means something comes near this, and what has no line breaks at all must not fill the memory.
_LONGEST = 1_048_576


def need_stdin(purpose: str) -> None:
    """Make sure that there is a standard input.

    Args:
        purpose: What there is not to read without it, such as "names".

    Raises:
        CycloptsError: It is closed.
    """
    if sys.stdin is None:  # pyright: ignore[reportUnnecessaryComparison]  (a supervisor's child has none)
        raise CycloptsError(f"standard input is closed: there are no {purpose} to read")


def is_typed() -> bool:
    """Whether somebody types what is read into a terminal at this moment."""
    return STDIN.is_typed


async def lines(source: Input = STDIN) -> AsyncGenerator[bytes, None]:
    """Give the lines of an input with their ends, each as soon as it is there.

    Raises:
        ConfigurationError: A line is longer than a mebibyte.
    """
    begun = b""
    while block := await _read(source):
        *whole, begun = (begun + block).split(b"\n")
        for line in whole:
            yield line + b"\n"
        if len(begun) > _LONGEST:
            raise ConfigurationError(f"{source.name} has a line of more than {_LONGEST} bytes: {begun[:50]!r}…")
    if begun:
        yield begun


async def _read(source: Input) -> bytes:
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
            data = os.read(source.descriptor, _BLOCK)
        except OSError as failure:
            error = failure
        # After the program was stopped, nobody is there to be told.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, data, error)

    Thread(target=read, daemon=True, name="reader").start()
    return await block
