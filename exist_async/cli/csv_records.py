"""Reads values from CSV: the columns name, date and value, with or without a header."""

import csv
import re
from collections.abc import AsyncGenerator, AsyncIterable, Mapping, Sequence

from attrs import frozen

from exist_async.attributes import ValueType
from exist_async.cli.days import is_day, parse_day
from exist_async.cli.records import Line, Unreadable, Written
from exist_async.cli.value_text import from_text
from exist_async.errors import ConfigurationError
from exist_async.values import ValueUpdate

COLUMNS = ("name", "date", "value")

# A line that ends outside of quotes, if it begins there.
_FIELD = r'(?:"(?:[^"]++|"")*+"[^,]*+|(?!")[^,]*+)'
_CLOSED = re.compile(f"{_FIELD}(?:,{_FIELD})*+")


@frozen
class _Row:
    """The fields of a record.

    Attributes:
        line: The number of the line that it begins in.
        fields: What is in them, without their quotes.
    """

    line: int
    fields: Sequence[str]


@frozen
class _Layout:
    """Where the fields of a row stand.

    Attributes:
        titles: What the fields are.
        places: Where name, date and value are among them.
    """

    titles: Sequence[str] = COLUMNS
    places: Sequence[int] = (0, 1, 2)

    @classmethod
    def of_header(cls, row: _Row) -> "_Layout | None":
        """Return the layout that a header tells, or None of a row that is none.

        Raises:
            ConfigurationError: It is one by which nothing can be read, or is not divided by commas.
        """
        titles = [title.strip().lower() for title in row.fields]
        missing = [column for column in COLUMNS if column not in titles]
        if not missing:
            return cls(titles, [titles.index(column) for column in COLUMNS])
        if len(titles) < len(COLUMNS):
            _refuse_delimiters(row)
        # What somebody noted on a day may be the word "value".
        if len(missing) < len(COLUMNS) and not any(map(is_day, titles)):
            raise ConfigurationError(f"line {row.line} looks like a header, without: {', '.join(missing)}")
        return None

    def read(self, row: _Row, types: Mapping[str, ValueType | None]) -> ValueUpdate:
        """Return what a row says.

        Raises:
            ValueError: It is no update.
        """
        if len(row.fields) != len(self.titles):
            wanted = f"{len(self.titles)} fields are wanted: {','.join(self.titles)}"
            raise ValueError(f"it has {len(row.fields)}, where {wanted}")
        name, day, value = (row.fields[place] for place in self.places)
        name = name.strip()
        return ValueUpdate(name, parse_day(day.strip()), from_text(value, types.get(name)))

    def name(self, row: _Row) -> str:
        """Return the name that a row begins to speak of, even if it makes no sense; empty where it has none."""
        place = self.places[0]
        return row.fields[place].strip() if place < len(row.fields) else ""


def _refuse_delimiters(row: _Row) -> None:
    written = ",".join(row.fields)
    for delimiter, words in ((";", ";"), ("\t", "tabs")):
        if written.count(delimiter) >= len(COLUMNS) - 1:
            raise ConfigurationError(f"line {row.line}: the columns are separated by {words}: save it with commas")


async def csv_records(
    lines: AsyncIterable[Line], types: Mapping[str, ValueType | None]
) -> AsyncGenerator[Written | Unreadable, None]:
    """Read the records of CSV.

    Args:
        lines: The lines. A header may name the columns, in any order and with others among them.
        types: The value types of attributes, by which text becomes a number or stays what it is.

    Raises:
        ConfigurationError: The first row shows that none can be read.
    """
    layout: _Layout | None = None
    async for row in _rows(lines):
        if isinstance(row, Unreadable):
            yield row
            continue
        if layout is None:
            header = _Layout.of_header(row)
            layout = header or _Layout()
            if header is not None:
                continue
        try:
            yield Written(row.line, layout.read(row, types))
        except ValueError as error:
            yield Unreadable(row.line, str(error), layout.name(row))


async def _rows(lines: AsyncIterable[Line]) -> AsyncGenerator[_Row | Unreadable, None]:
    """Put lines together that quotes hold together, and give the rows that they are."""
    record = _Record(0)
    async for line in lines:
        # What is no UTF-8 is found when the record is read; where its quotes are does not depend on it.
        text = line.content.decode(errors="surrogateescape")
        if not record.is_open:
            record = _Record(line.number)
        record.add(text)
        if not record.is_open and (row := record.row()) is not None:
            yield row
    if record.is_open:
        yield Unreadable(record.line, "its quotes are not closed: from here on everything is inside of them")


class _Record:
    """A record that is being read.

    Args:
        line: The number of the line that it begins in.
    """

    __slots__ = ("_lines", "_size", "is_open", "line")

    def __init__(self, line: int) -> None:
        self.line = line
        self.is_open = False
        self._lines: list[str] = []
        self._size = 0

    def add(self, text: str) -> None:
        """Add a line."""
        if self.is_open or '"' in text:
            # To begin within quotes is to begin with a quote.
            self.is_open = _CLOSED.fullmatch(f'"{text}' if self.is_open else text) is None
        self._size += len(text)
        if self._size <= csv.field_size_limit():
            self._lines.append(text)

    def row(self) -> _Row | Unreadable | None:
        """Return the row that it is; None where it is blank."""
        if self._size > csv.field_size_limit():
            return Unreadable(self.line, f"it is longer than {csv.field_size_limit()} characters")
        try:
            "".join(self._lines).encode()
            fields = next(csv.reader(self._lines, strict=True))
        except UnicodeEncodeError:
            return Unreadable(self.line, "it is not UTF-8")
        except csv.Error as error:
            return Unreadable(self.line, f"it is no CSV: {error}")
        return _Row(self.line, fields) if any(map(str.strip, fields)) else None
