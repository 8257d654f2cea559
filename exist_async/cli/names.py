"""Reads the names that a command is about, from its arguments or from standard input."""

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Annotated, TypeVar

from attrs import frozen
from cyclopts import CycloptsError, Parameter

from exist_async.cli.lists import split
from exist_async.cli.stdin import is_typed, lines, need_stdin
from exist_async.errors import ConfigurationError

X = TypeVar("X")

Stdin = Annotated[bool, Parameter(name="-", negative="", show_default=False)]


@frozen
class Names:
    """The names that a command is about.

    Attributes:
        given: The arguments; None where the names come from standard input.
    """

    given: Sequence[str] | None

    @classmethod
    def choose(cls, arguments: Sequence[str], *, stdin: bool) -> "Names":
        """Take the arguments, of which one may hold several names with commas between them, or standard input.

        Raises:
            CycloptsError: Neither is meant, or both.
        """
        if stdin and arguments:
            raise CycloptsError("- stands alone: give names, or - to read them from standard input, not both")
        if stdin:
            need_stdin("names")
        elif not arguments:
            raise CycloptsError("give names, or - to read them from standard input, one a line")
        return cls(None if stdin else split(arguments))

    @property
    def count(self) -> int | None:
        """How many there are, where that is known before they are read."""
        return None if self.given is None else len(self.given)

    @property
    def typed(self) -> bool:
        """Whether somebody types them into a terminal at this moment."""
        return self.given is None and is_typed()

    def items(self, make: Callable[[str], X]) -> Sequence[X] | AsyncGenerator[X, None]:
        """Make an item of each name: of the arguments at once, of standard input as the lines come."""
        if self.given is not None:
            return [make(name) for name in self.given]
        return (make(name) async for name in _written())


async def _written() -> AsyncGenerator[str, None]:
    """Read the names of standard input: one a line, and blank lines are none."""
    async for line in lines():
        if name := _decoded(line):
            yield name


def _decoded(line: bytes) -> str:
    try:
        # Some programs begin their output with a byte order mark.
        return line.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise ConfigurationError(f"standard input is not UTF-8: {line.rstrip()[:50]!r}") from None
