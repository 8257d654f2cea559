"""Records of an input for the command `update`: one value each, or an error."""

from array import array
from collections.abc import AsyncGenerator, AsyncIterable
from typing import Literal, TypeAlias

from attrs import define, field, frozen

from exist_async.errors import ConfigurationError
from exist_async.values import ValueUpdate

COLUMNS = ("name", "date", "value")

ImportFormat = Literal["csv", "jsonl"]


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
class HeaderRecord:
    """The header of a CSV file.

    Attributes:
        line_number: Number of the line that it begins in.
        source: Its text.
    """

    line_number: int
    source: str


@frozen
class ParsedRecord:
    """A valid record.

    Attributes:
        line_number: Number of the line that the record begins in.
        update: The value to write.
        source: The text that it was read from. Bytes that are not UTF-8 are surrogate escapes.
    """

    line_number: int
    update: ValueUpdate
    source: str


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
        source: The text, as in `ParsedRecord`; empty if it is too long to be kept.
    """

    line_number: int
    reason: str
    name: str = ""
    source: str = ""


def _new_line_numbers() -> "array[int]":
    return array("Q")


Record: TypeAlias = HeaderRecord | ParsedRecord | EmptyRecord | UnreadableRecord


def _new_unreadable() -> list[UnreadableRecord]:
    return []


def _new_sources() -> dict[int, str]:
    return {}


@define
class Records:
    """The records of an input, parsed while a write consumes them, or before it.

    Attributes:
        source: Yields the records.
        format: The format that they are written in.
        is_interactive: Whether the input is typed into a terminal.
        keeps_sources: Whether `sources` is filled.
        header: Text of the header, if there is one.
        line_numbers: Line number of each update, by its index in the write. An array of eight bytes each: there may be
            millions.
        sources: Text of each update's record, by its index in the write.
        unreadable: The records that could not be parsed so far.
        empty_count: Number of records without a value so far.
        last_line: Number of the line that the last record begins in; 0 before the first.
        is_complete: Whether the whole input was read.
        error: The error that ended reading early; None if there was none.
    """

    source: AsyncIterable[Record]
    format: ImportFormat = "csv"
    is_interactive: bool = False
    keeps_sources: bool = False
    header: str | None = field(init=False, default=None)
    line_numbers: "array[int]" = field(init=False, factory=_new_line_numbers)
    sources: dict[int, str] = field(init=False, factory=_new_sources)
    unreadable: list[UnreadableRecord] = field(init=False, factory=_new_unreadable)
    empty_count: int = field(init=False, default=0)
    last_line: int = field(init=False, default=0)
    is_complete: bool = field(init=False, default=False)
    error: ConfigurationError | None = field(init=False, default=None)

    @property
    def count(self) -> int | None:
        """Number of values to write; None before the whole input was read."""
        return len(self.line_numbers) if self.is_complete else None

    async def updates(self) -> AsyncGenerator[ValueUpdate, None]:
        """Yield the values of valid records; the others are counted, or added to `unreadable`."""
        try:
            async for record in self.source:
                self.last_line = record.line_number
                match record:
                    case ParsedRecord():
                        if self.keeps_sources:
                            self.sources[len(self.line_numbers)] = record.source
                        self.line_numbers.append(record.line_number)
                        yield record.update
                    case EmptyRecord():
                        self.empty_count += 1
                    case UnreadableRecord():
                        self.unreadable.append(record)
                    case HeaderRecord():
                        self.header = record.source
        except ConfigurationError as error:
            self.error = error
            raise
        self.is_complete = True
