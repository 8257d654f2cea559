"""What a command reads from: a file, or standard input."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from exist_async.errors import ConfigurationError


@frozen
class Input:
    """Something open to be read.

    Attributes:
        name: What people call it.
        descriptor: Where it is open.
    """

    name: str
    descriptor: int

    @property
    def is_typed(self) -> bool:
        """Whether somebody types what is read into a terminal at this moment."""
        return os.isatty(self.descriptor)


# The descriptor: the lock of sys.stdin would still be held by a reading thread when the interpreter ends.
STDIN = Input("standard input", 0)


@contextmanager
def opened(path: Path | None) -> Generator[Input]:
    """Open a file while a block lasts.

    Args:
        path: The file; None is standard input, which stays open.

    Raises:
        ConfigurationError: It can't be read.
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
