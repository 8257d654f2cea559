"""Reads lines from a file or from standard input, as soon as they arrive."""

import asyncio
import hashlib
import os
import re
import stat
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

from attrs import frozen
from cyclopts import CycloptsError

from exist_async.errors import ConfigurationError

_BLOCK_SIZE = 65536  # bytes
_DIGEST_BLOCK_SIZE = 1_048_576  # bytes

# A carriage return that is the last byte so far may be the first half of a line end.
_LINE_END = re.compile(rb"\r\n|\n|\r(?=[^\n])")

# Far above any sensible line; without a limit, a file without line breaks would fill the memory.
_MAX_LINE_SIZE = 1_048_576  # bytes


@frozen
class Input:
    """An open file, or standard input.

    Attributes:
        name: Name for messages.
        descriptor: File descriptor to read from.
    """

    name: str
    descriptor: int

    @property
    def is_interactive(self) -> bool:
        """Whether it is a terminal, so that somebody types what is read."""
        return os.isatty(self.descriptor)

    @property
    def is_regular_file(self) -> bool:
        """Whether it is a file that was named, and neither a device nor a pipe; it can be read to its end at once."""
        return self is not STDIN and stat.S_ISREG(os.fstat(self.descriptor).st_mode)

    def digest(self) -> str:
        """Return the SHA-256 of a regular file, before it is read."""
        digest = hashlib.sha256()
        while block := os.read(self.descriptor, _DIGEST_BLOCK_SIZE):
            digest.update(block)
        os.lseek(self.descriptor, 0, os.SEEK_SET)
        return digest.hexdigest()

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file, also as standard input, and not a pipe or a terminal."""
        return stat.S_ISREG(os.fstat(self.descriptor).st_mode)


# By its descriptor, not sys.stdin: a reading thread would still hold the lock of sys.stdin at interpreter exit.
STDIN = Input("standard input", 0)


@contextmanager
def open_input(path: Path | None) -> Generator[Input]:
    """Open a file for the duration of a block.

    Args:
        path: The file; None is standard input, which stays open.

    Raises:
        ConfigurationError: The file can't be opened.
    """
    if path is None:
        yield STDIN
        return
    try:
        file = path.open("rb", buffering=0)
    except OSError as error:
        raise ConfigurationError(f"{path} can't be read: {error.strerror}") from error
    with file:
        yield Input(str(path), file.fileno())


def require_stdin(content: str) -> None:
    """Check that standard input is open.

    Args:
        content: The kind of content that the command reads from it, such as "names"; for the message.

    Raises:
        CycloptsError: Standard input is closed.
    """
    if sys.stdin is None:  # pyright: ignore[reportUnnecessaryComparison]  (supervisors start programs without one)
        raise CycloptsError(f"standard input is closed: no {content} can be read from it")


async def read_lines(source: Input = STDIN) -> AsyncGenerator[bytes, None]:
    """Yield the lines of an input with their line ends, each as soon as it is complete.

    Lines end with a line feed. If the first one ends with a carriage return alone, as in a spreadsheet's format "CSV
    (Macintosh)", carriage returns end the others, too.

    Raises:
        ConfigurationError: A line is longer than 1 MiB.
    """
    incomplete = b""
    first_end: bytes | None = None
    while block := await _read_block(source):
        incomplete += block
        if first_end is None and (match := _LINE_END.search(incomplete)) is not None:
            first_end = match[0]
        if first_end is not None:
            lines = incomplete.splitlines(keepends=True) if first_end == b"\r" else _split_at_line_feeds(incomplete)
            # A carriage return at the end may be the first half of a line end.
            incomplete = b"" if incomplete.endswith(b"\n") else lines.pop()
            for line in lines:
                yield line
        if len(incomplete) > _MAX_LINE_SIZE:
            raise ConfigurationError(
                f"{source.name} has a line of more than {_MAX_LINE_SIZE} bytes: {incomplete[:50]!r}…"
            )
    if incomplete:
        yield incomplete


def _split_at_line_feeds(block: bytes) -> list[bytes]:
    *complete, last = block.split(b"\n")
    return [line + b"\n" for line in complete] + ([last] if last else [])


async def _read_block(source: Input) -> bytes:
    """Read the bytes that are available, or wait for some without blocking the event loop.

    In a daemon thread, not with `asyncio.to_thread`: at exit asyncio waits for the threads of its executor, and Ctrl-C
    would have no effect until the next line arrived.
    """
    loop = asyncio.get_running_loop()
    result: asyncio.Future[bytes] = loop.create_future()

    def resolve(data: bytes, error: OSError | None) -> None:
        if result.done():
            return
        if error is not None:
            result.set_exception(error)
        else:
            result.set_result(data)

    def read() -> None:
        data, error = b"", None
        try:
            data = os.read(source.descriptor, _BLOCK_SIZE)
        except OSError as failure:
            error = failure
        # RuntimeError: the event loop was closed in the meantime.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(resolve, data, error)

    Thread(target=read, daemon=True, name="reader").start()
    return await result
