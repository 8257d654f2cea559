"""The file that `export` writes: values one a line, or a row a day, or Parquet."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterable, Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal, TypeAlias

import msgspec
from attrs import frozen

from exist_async.attributes import ValueType
from exist_async.cli.export_formats import FileFormat, csv_row_encoder, header_of, make_safe, record_encoder
from exist_async.cli.output_file import OutputFile
from exist_async.tables import write_parquet
from exist_async.tables.column_names import column_names
from exist_async.tables.columns import Columns
from exist_async.tables.making import build_table
from exist_async.values import DayValue

TableFormat = Literal["csv", "jsonl", "parquet"]

TypesReader: TypeAlias = Callable[[], Awaitable[Mapping[str, ValueType | None]]]
"""Returns the value types of attributes by their names."""

_Values: TypeAlias = AsyncIterable[tuple[str, DayValue]]

_FORMATS: Final[Mapping[str, TableFormat]] = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}

_VALUES_IN_BLOCK: Final = 1000  # that are added to their columns at once, which is faster
_EPOCH: Final = dt.date(1970, 1, 1).toordinal()


def format_of(path: Path) -> TableFormat | None:
    """Return the format that a file's name says; None if it says none."""
    return _FORMATS.get(path.suffix.lower())


@frozen
class TableFile(OutputFile):
    """A file of values.

    Attributes:
        file_format: The format.
        wide: Whether it has a row for each day and a column for each attribute, instead of a row for each value.
        safe_cells: Whether text in CSV that a spreadsheet may take for a formula has a single quote before it.
        names: Attributes that have a column in any case, in this order; None gives one to each that has a value.
        read_types: Returns the attributes' types, for the columns of a wide Parquet file.
    """

    file_format: TableFormat
    wide: bool
    safe_cells: bool
    names: Sequence[str] | None
    read_types: TypesReader

    @classmethod
    def at(
        cls,
        given: Path,
        *,
        wide: bool,
        safe_cells: bool,
        names: Sequence[str] | None,
        read_types: TypesReader,
    ) -> "TableFile":
        """Return the file at a path, which need not exist, and whose name says the format.

        Raises:
            ConfigurationError: There is something other than a regular file, or no folder to create it in.
        """
        path = cls.locate(given, described=str(given), remedy="name a file to write")
        return cls(given, path, format_of(given) or "csv", wide, safe_cells, names, read_types)

    @property
    def asked(self) -> dict[str, Any]:
        """The options that determine what is in the file."""
        return {"format": self.file_format, "safe_cells": self.safe_cells, "wide": self.wide}

    async def write_values(self, out: BinaryIO, values: _Values) -> int:
        """Write all values to a new file, and return their number; None is no value."""
        if self.file_format != "parquet" and not self.wide:
            return await self._write_lines(out, values, self.file_format)
        columns = await self._collect(values)
        if self.file_format == "parquet":
            types = await self.read_types() if self.wide else None
            await asyncio.to_thread(lambda: write_parquet(build_table(columns, types), out))
        else:
            await asyncio.to_thread(out.writelines, self._encode_rows(columns, self.file_format))
        return sum(len(column.days) for _, column in columns)

    async def _collect(self, values: _Values) -> Columns:
        columns = Columns(self.names)
        block: list[tuple[str, DayValue]] = []
        async for value in values:
            block.append(value)
            if len(block) == _VALUES_IN_BLOCK:
                columns.add(block)
                block.clear()
        columns.add(block)
        return columns

    async def _write_lines(self, out: BinaryIO, values: _Values, file_format: FileFormat) -> int:
        encode = record_encoder(file_format, safe_cells=self.safe_cells)
        out.write(header_of(file_format).encode())
        count = 0
        async for name, day in values:
            if day.value is not None:
                out.write(encode(name, day).encode())
                count += 1
        return count

    def _encode_rows(self, columns: Columns, file_format: FileFormat) -> Iterator[bytes]:
        """Yield a line for each day that has a value, the oldest first, in CSV after a header."""
        titles = ["date", *column_names(columns.names).values()]
        rows: dict[int, list[Any]] = {}
        for position, (_, column) in enumerate(columns, 1):
            for day, value in zip(column.days, column.values, strict=True):
                row = rows.get(day)
                if row is None:
                    row = rows[day] = [dt.date.fromordinal(_EPOCH + day), *[None] * (len(titles) - 1)]
                row[position] = value
        ordered = (rows[day] for day in sorted(rows))
        if file_format == "jsonl":
            for row in ordered:
                yield msgspec.json.encode(dict(zip(titles, row, strict=True))) + b"\n"
            return
        encode = csv_row_encoder()
        for row in ([*titles], *ordered):
            yield encode([self._cell(field) for field in row]).encode()

    def _cell(self, field: object) -> object:
        return make_safe(field) if self.safe_cells and isinstance(field, str) else field
