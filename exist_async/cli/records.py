"""What the lines of an input say: each record a value, or something that can't be read."""

from array import array
from collections.abc import AsyncGenerator, AsyncIterable

from attrs import define, field, frozen

from exist_async.values import ValueUpdate


@frozen
class Line:
    """A line of the input.

    Attributes:
        number: Which one it is, from 1.
        content: What is in it, with its end.
    """

    number: int
    content: bytes


@frozen
class Written:
    """A record that makes sense.

    Attributes:
        line: The number of the line that it begins in.
        update: What it says.
    """

    line: int
    update: ValueUpdate


@frozen
class Unreadable:
    """A record that makes none.

    Attributes:
        line: The number of the line that it begins in.
        reason: Why.
        name: The attribute that it is about, where that much can be read.
    """

    line: int
    reason: str
    name: str = ""


def _no_numbers() -> "array[int]":
    return array("Q")


def _none() -> list[Unreadable]:
    return []


@define
class Records:
    """The records of an input, read as they are asked for, and where each of them stands.

    Attributes:
        source: Gives them.
        typed: Whether somebody types them into a terminal at this moment.
        lines: The number of the line that each update begins in; eight bytes, for there may be many.
        unreadable: What could not be read so far.
        last: The number of the line that the last one begins in; 0 before the first.
        ended: Whether all of them were read.
    """

    source: AsyncIterable[Written | Unreadable]
    typed: bool = False
    lines: "array[int]" = field(init=False, factory=_no_numbers)
    unreadable: list[Unreadable] = field(init=False, factory=_none)
    last: int = field(init=False, default=0)
    ended: bool = field(init=False, default=False)

    @property
    def count(self) -> None:
        """How many there are: nobody knows before they are read."""
        return

    async def updates(self) -> AsyncGenerator[ValueUpdate, None]:
        """Give those that make sense, and note the others."""
        async for record in self.source:
            self.last = record.line
            if isinstance(record, Unreadable):
                self.unreadable.append(record)
            else:
                self.lines.append(record.line)
                yield record.update
        self.ended = True
