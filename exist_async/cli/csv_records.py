"""Parses values from CSV: the columns name, date and value, with or without a header."""

import csv
import re
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterable, Mapping, Sequence

from attrs import frozen

from exist_async.attributes import ValueType
from exist_async.cli.records import COLUMNS, EmptyRecord, HeaderRecord, Line, ParsedRecord, Record, UnreadableRecord
from exist_async.cli.value_text import is_blank, is_date, parse_date, parse_value, shorten, strip_invisible
from exist_async.errors import ConfigurationError
from exist_async.values import ValueUpdate

# Matches a line that ends outside of quotes, given that it begins outside of them.
_FIELD = r'(?:"(?:[^"]++|"")*+"[^,]*+|(?!")[^,]*+)'
_QUOTES_CLOSED = re.compile(f"{_FIELD}(?:,{_FIELD})*+")

_BEGINS_AS_NUMBER = re.compile(r"[+-]?\.?\d")


@frozen
class _Row:
    """The fields of a CSV record.

    Attributes:
        line_number: Number of the line that the record begins in.
        fields: The fields, unquoted.
        source: The text of the record.
    """

    line_number: int
    fields: Sequence[str]
    source: str


@frozen
class _Layout:
    """Position of the columns in a row.

    Attributes:
        titles: Titles of all columns.
        positions: Indexes of name, date and value among them.
    """

    titles: Sequence[str] = COLUMNS
    positions: Sequence[int] = (0, 1, 2)

    @classmethod
    def from_header(cls, row: _Row) -> "_Layout | None":
        """Return the layout that a header defines; None if the row is not a header.

        Raises:
            ConfigurationError: The row is a header that lacks a needed column or has one twice, its columns are not
                separated by commas, or it is data in another order.
        """
        titles = list(map(_normalize_title, row.fields))
        if len(titles) < len(COLUMNS):
            _refuse_other_delimiters(row)
        # A row with a date is data: the text of a note may be the word "value".
        if any(map(is_date, titles)):
            if is_date(titles[1] if len(titles) > 1 else ""):
                return None
            raise _unexpected_columns(row)
        if set(COLUMNS).isdisjoint(titles):
            # A row of data without a valid date has a field that begins with a digit, such as 20.11.2026.
            if len(titles) < 2 or any(map(_BEGINS_AS_NUMBER.match, titles)):
                return None
            raise _unexpected_columns(row)
        if repeated := [title for title, count in Counter(titles).items() if title and count > 1]:
            raise ConfigurationError(
                f"line {row.line_number} names a column twice: {', '.join(map(shorten, repeated))}. Remove or rename "
                "one of them: which of the values is meant can't be known"
            )
        if not set(COLUMNS) <= set(titles):
            raise _unexpected_columns(row)
        return cls(titles, [titles.index(column) for column in COLUMNS])

    def make_update(self, row: _Row, types: Mapping[str, ValueType | None]) -> ValueUpdate | None:
        """Convert a row into a value to write; None if it has none.

        Raises:
            ValueError: The row has another number of fields, or a field is invalid.
        """
        if len(row.fields) != len(self.titles):
            raise ValueError(f"expected {len(self.titles)} fields ({','.join(self.titles)}), found {len(row.fields)}")
        name, day, value = (row.fields[position] for position in self.positions)
        if is_blank(value):
            if not is_blank(day):
                parse_date(day.strip())
            return None
        name = name.strip()
        return ValueUpdate(name, parse_date(day.strip()), parse_value(value, types.get(name)))

    def attribute_name(self, row: _Row) -> str:
        """Return the attribute's name in a row that may be too short; empty if it has none."""
        position = self.positions[0]
        return row.fields[position].strip() if position < len(row.fields) else ""


def _normalize_title(title: str) -> str:
    return strip_invisible(title).strip().lower()


def _unexpected_columns(row: _Row) -> ConfigurationError:
    found = shorten(",".join(field.strip() for field in row.fields))
    return ConfigurationError(
        f"line {row.line_number} is {found!r}, but expected are the columns {', '.join(COLUMNS)}, in this order or in "
        "that of a header. If a column is called otherwise, rename it. If each attribute has a column of its own, "
        "write a line for each value: 2026-11-20,8123 under date,steps becomes steps,2026-11-20,8123 under "
        f"{','.join(COLUMNS)}"
    )


def _refuse_other_delimiters(row: _Row) -> None:
    text = ",".join(row.fields)
    for delimiter, description in ((";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars")):
        titles = list(map(_normalize_title, text.split(delimiter)))
        if len(titles) >= len(COLUMNS) or (len(titles) > 1 and not set(COLUMNS).isdisjoint(titles)):
            raise ConfigurationError(
                f"line {row.line_number}: the columns are separated by {description}: save the file with commas"
            )


async def parse_csv(lines: AsyncIterable[Line], types: Mapping[str, ValueType | None]) -> AsyncGenerator[Record, None]:
    """Parse the records of a CSV file.

    Args:
        lines: The lines of the input. A header may name the columns, in any order and with additional ones.
        types: Value types by attribute name; they decide whether a field becomes a number or stays text.

    Raises:
        ConfigurationError: The first row is a header that lacks a needed column or has one twice, is not separated by
            commas, or is data in another order.
    """
    layout: _Layout | None = None
    async for row in _read_rows(lines):
        if isinstance(row, UnreadableRecord):
            yield row
            continue
        if layout is None:
            header = _Layout.from_header(row)
            layout = header or _Layout()
            if header is not None:
                yield HeaderRecord(row.line_number, row.source)
                continue
        try:
            update = layout.make_update(row, types)
            yield EmptyRecord(row.line_number) if update is None else ParsedRecord(row.line_number, update, row.source)
        except ValueError as error:
            yield UnreadableRecord(row.line_number, str(error), layout.attribute_name(row), row.source)


async def _read_rows(lines: AsyncIterable[Line]) -> AsyncGenerator[_Row | UnreadableRecord, None]:
    """Join the lines of quoted fields, and yield the rows."""
    buffer = _RecordBuffer(0)
    async for line in lines:
        # Invalid UTF-8 is reported when the record is complete; where its quotes are does not depend on it.
        text = line.content.decode(errors="surrogateescape")
        if not buffer.in_quotes:
            buffer = _RecordBuffer(line.number)
        buffer.add(text)
        if not buffer.in_quotes and (row := buffer.parse()) is not None:
            yield row
    if buffer.in_quotes:
        yield UnreadableRecord(buffer.line_number, "unclosed quotes: the rest of the input is inside of them")


class _RecordBuffer:
    """The lines of a record, until its quotes are closed.

    Args:
        line_number: Number of the line that the record begins in.
    """

    __slots__ = ("_lines", "_size", "in_quotes", "line_number")

    def __init__(self, line_number: int) -> None:
        self.line_number = line_number
        self.in_quotes = False
        self._lines: list[str] = []
        self._size = 0

    def add(self, text: str) -> None:
        """Add a line."""
        if self.in_quotes or '"' in text:
            # A line that begins inside quotes is matched as if it began with the opening quote.
            self.in_quotes = _QUOTES_CLOSED.fullmatch(f'"{text}' if self.in_quotes else text) is None
        self._size += len(text)
        if self._size <= csv.field_size_limit():
            self._lines.append(text)

    def parse(self) -> _Row | UnreadableRecord | None:
        """Parse the complete record; None if it is blank."""
        if self._size > csv.field_size_limit():
            return UnreadableRecord(self.line_number, f"longer than {csv.field_size_limit()} characters")
        source = "".join(self._lines)
        try:
            source.encode()
            fields = next(csv.reader(self._lines, strict=True))
        except UnicodeEncodeError:
            return UnreadableRecord(self.line_number, "not UTF-8", source=source)
        except csv.Error as error:
            if str(error).startswith("new-line character"):  # its words are for programmers
                reason = "a carriage return outside of quotes: write a line feed at the end of each line"
            else:
                reason = f"not valid CSV: {error}"
            return UnreadableRecord(self.line_number, reason, source=source)
        return _Row(self.line_number, fields, source) if any(map(str.strip, fields)) else None
