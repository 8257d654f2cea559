"""Attribute names or templates given as arguments of a command, or read from standard input."""

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import TypeVar

from attrs import frozen
from cyclopts import CycloptsError

from exist_async.cli.inputs import STDIN, read_lines, require_stdin
from exist_async.cli.options import split_names
from exist_async.errors import ConfigurationError

T = TypeVar("T")


@frozen
class Names:
    """The names that a command is applied to.

    Attributes:
        arguments: The names given as arguments; None if they are read from standard input.
    """

    arguments: Sequence[str] | None

    @classmethod
    def from_command_line(cls, arguments: Sequence[str], *, stdin: bool) -> "Names":
        """Take the names from the arguments, which may contain several separated by commas, or from standard input.

        Raises:
            CycloptsError: There are no arguments and no "-", or both; or standard input is closed.
        """
        if stdin and arguments:
            raise CycloptsError("- can't be combined with names: give names, or - to read them from standard input")
        if stdin:
            require_stdin("names")
        elif not arguments:
            raise CycloptsError("give names, or - to read them from standard input, one a line")
        return cls(None if stdin else split_names(arguments))

    @property
    def count(self) -> int | None:
        """Number of names; None if they are read from standard input."""
        return None if self.arguments is None else len(self.arguments)

    @property
    def is_interactive(self) -> bool:
        """Whether the names are typed into a terminal."""
        return self.arguments is None and STDIN.is_interactive

    def make_items(self, make: Callable[[str], T]) -> Sequence[T] | AsyncGenerator[T, None]:
        """Make a request item of each name: of arguments at once, of standard input as the lines arrive."""
        if self.arguments is not None:
            return [make(name) for name in self.arguments]
        return (make(name) async for name in _read_names())


async def _read_names() -> AsyncGenerator[str, None]:
    """Yield the names in standard input, one a line; blank lines are skipped."""
    async for line in read_lines():
        if name := _decode(line):
            yield name


def _decode(line: bytes) -> str:
    try:
        # Some programs begin their output with a byte order mark.
        return line.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise ConfigurationError(f"standard input is not UTF-8: {line.rstrip()[:50]!r}") from None
