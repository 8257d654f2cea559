"""Records of an input for the command `update`: one value each, or an error."""

from array import array
from collections.abc import AsyncGenerator, AsyncIterable
from typing import TypeAlias

from attrs import define, field, frozen

from exist_async.values import ValueUpdate

COLUMNS = ("name", "date", "value")


@frozen
class Line:
    """A line of an input.

    Attributes:
        number: Line number, from 1.
        content: The bytes of the line, including its line end.
    """

    number: int
    content: bytes


@frozen
class ParsedRecord:
    """A valid record.

    Attributes:
        line_number: Number of the line that the record begins in.
        update: The value to write.
    """

    line_number: int
    update: ValueUpdate


@frozen
class EmptyRecord:
    """A record without a value, for which nothing is written.

    Attributes:
        line_number: Number of the line that the record begins in.
    """

    line_number: int


@frozen
class UnreadableRecord:
    """A record that could not be parsed.

    Attributes:
        line_number: Number of the line that the record begins in.
        reason: The error.
        name: The attribute's name, if that could be read.
    """

    line_number: int
    reason: str
    name: str = ""


def _new_line_numbers() -> "array[int]":
    return array("Q")


Record: TypeAlias = ParsedRecord | EmptyRecord | UnreadableRecord


def _new_unreadable() -> list[UnreadableRecord]:
    return []


@define
class Records:
    """The records of an input, parsed while a write consumes them.

    Attributes:
        source: Yields the records.
        is_interactive: Whether the input is typed into a terminal.
        line_numbers: Line number of each update, by its index in the write. An array of eight bytes each: there may be
            millions.
        unreadable: The records that could not be parsed so far.
        empty_count: Number of records without a value so far.
        last_line: Number of the line that the last record begins in; 0 before the first.
        is_complete: Whether the whole input was read.
    """

    source: AsyncIterable[Record]
    is_interactive: bool = False
    line_numbers: "array[int]" = field(init=False, factory=_new_line_numbers)
    unreadable: list[UnreadableRecord] = field(init=False, factory=_new_unreadable)
    empty_count: int = field(init=False, default=0)
    last_line: int = field(init=False, default=0)
    is_complete: bool = field(init=False, default=False)

    @property
    def count(self) -> None:
        """Number of records: unknown before the input was read."""
        return

    async def updates(self) -> AsyncGenerator[ValueUpdate, None]:
        """Yield the values of valid records; the others are counted, or added to `unreadable`."""
        async for record in self.source:
            self.last_line = record.line_number
            match record:
                case ParsedRecord():
                    self.line_numbers.append(record.line_number)
                    yield record.update
                case EmptyRecord():
                    self.empty_count += 1
                case UnreadableRecord():
                    self.unreadable.append(record)
        self.is_complete = True
