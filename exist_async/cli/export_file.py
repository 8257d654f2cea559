"""The file that `history --output` writes as a whole, and that `--since-last` brings up to date."""

import re
from collections.abc import AsyncIterable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from attrs import define, field, frozen

from exist_async.cli.export_formats import FileFormat, RecordEncoder, header_of, record_encoder
from exist_async.cli.output_file import OutputFile
from exist_async.cli.records import COLUMNS
from exist_async.cli.value_text import is_date, shorten
from exist_async.errors import ConfigurationError
from exist_async.values import DayValue

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@frozen
class _Record:
    """A value in the file.

    Attributes:
        content: The bytes of the record, including its line end.
        name: Name of the attribute.
        day: The date, as ISO text.
    """

    content: bytes
    name: str
    day: str


@define
class FileSummary:
    """The attributes and days in a file.

    Attributes:
        newest: The newest day of each attribute by its name, as ISO text.
        oldest: The oldest day; empty without values.
    """

    newest: dict[str, str] = field(factory=dict[str, str])
    oldest: str = ""


@frozen
class Changes:
    """The changes to a file: numbers of values."""

    added: int
    replaced: int


@frozen
class ExportFile(OutputFile):
    """A file of values, one a line.

    Attributes:
        file_format: The format.
        safe_cells: Whether text that a spreadsheet may take for a formula has a single quote before it.
        encode: Encodes values.
    """

    file_format: FileFormat
    safe_cells: bool
    encode: RecordEncoder

    @classmethod
    def at(cls, given: Path, file_format: FileFormat, *, safe_cells: bool) -> "ExportFile":
        """Return the file at a path, which need not exist.

        Raises:
            ConfigurationError: There is something other than a regular file, or no folder to create it in.
        """
        path = cls.locate(
            given,
            described=f"--output {given}",
            remedy="leave --output out, and redirect the command's output",
        )
        return cls(given, path, file_format, safe_cells, record_encoder(file_format, safe_cells=safe_cells))

    @property
    def asked(self) -> dict[str, Any]:
        """The options that determine what is in the file."""
        return {"format": self.file_format, "safe_cells": self.safe_cells}

    async def write_values(self, out: BinaryIO, values: AsyncIterable[tuple[str, DayValue]]) -> int:
        """Write all values to a new file, and return their number."""
        count = 0
        out.write(self.header)
        async for name, day in values:
            out.write(self.encode_record(name, day))
            count += 1
        return count

    def encode_record(self, name: str, day: DayValue) -> bytes:
        """Return the record of a value."""
        return self.encode(name, day).encode()

    @property
    def header(self) -> bytes:
        """The bytes that the file begins with."""
        return header_of(self.file_format).encode()

    def summarise(self) -> FileSummary:
        """Read the file, and return from when to when it has values.

        Raises:
            ConfigurationError: It can't be read, or it has something else.
        """
        summary = FileSummary()
        with self.reporting("read"), self.path.open("rb") as file:
            for record in self._read(file):
                if not summary.oldest or record.day < summary.oldest:
                    summary.oldest = record.day
                if record.day > summary.newest.get(record.name, ""):
                    summary.newest[record.name] = record.day
        return summary

    def merge(self, records: Iterable[tuple[str, str, bytes]]) -> Changes:
        """Replace the records of the same attribute and day where they differ, and append the others.

        Args:
            records: Name, day and bytes of each record.

        Raises:
            ConfigurationError: The file can't be read or written; then it is as it was.
        """
        new = {(name, day): content for name, day, content in records}
        with self.reporting("read"), self.path.open("rb") as file:
            present, replaced = set[tuple[str, str]](), set[tuple[str, str]]()
            for record in self._read(file):
                key = record.name, record.day
                if key in new:
                    present.add(key)
                    if new[key].rstrip(b"\r\n") != record.content.rstrip(b"\r\n"):
                        replaced.add(key)
            added = [content for key, content in new.items() if key not in present]
            if added or replaced:
                file.seek(0)
                with self.writing(overwrite=True) as out:
                    out.write(self.header)
                    out.writelines(
                        new[key] if (key := (record.name, record.day)) in replaced else record.content
                        for record in self._read(file)
                    )
                    out.writelines(added)
        return Changes(len(added), len(replaced))

    def _read(self, file: BinaryIO) -> Iterator[_Record]:
        parse = _parse_csv if self.file_format == "csv" else _parse_json
        lines = enumerate(file, 1)
        if self.file_format == "csv":
            first = next(lines, (1, b""))[1]
            if first.removeprefix(_BYTE_ORDER_MARK).strip() != self.header.strip():
                raise ConfigurationError(f"{self.given} does not begin with {','.join(COLUMNS)}: {_REMEDY}")
        for number, line in lines:
            content = [line]
            # A text with line breaks is in quotes.
            in_quotes = self.file_format == "csv" and line.count(b'"') % 2 == 1
            while in_quotes and (following := next(lines, None)):
                content.append(following[1])
                in_quotes = following[1].count(b'"') % 2 == 0
            record = b"".join(content)
            if in_quotes or not record.endswith(b"\n"):
                raise ConfigurationError(f"{self.given} ends in the middle of line {number}: {_REMEDY}")
            try:
                name, day = parse(record)
            except (ValueError, msgspec.DecodeError):
                name = day = ""
            if not (name and _is_day(day)):
                text = shorten(record.decode(errors="replace").strip())
                raise ConfigurationError(f"{self.given}, line {number}: {text!r} is no value of a day: {_REMEDY}")
            yield _Record(record, name, day)


_REMEDY = (
    "--since-last only continues a file that history has written, with the same --format. Remove it to export "
    "everything again"
)


# Not read with the csv module, which takes no field longer than 131,072 characters: a text may be longer.
_QUOTED = rb'"(?:[^"]++|"")*+"'
_PLAIN = rb'[^",\r\n]*+'
_CSV_RECORD = re.compile(rb'(%b|%b),("?+)([\d-]*+)\2,(?:%b|%b)\r?\n' % (_QUOTED, _PLAIN, _QUOTED, _PLAIN))

# The files have hundreds of thousands of lines, and a few thousand days.
_is_day = cache(is_date)


class _Line(msgspec.Struct):
    name: str
    date: str


def _parse_csv(content: bytes) -> tuple[str, str]:
    record = _CSV_RECORD.fullmatch(content)
    if record is None:
        raise ValueError("not name,date,value")
    name = record[1].decode()
    return (name[1:-1].replace('""', '"') if name.startswith('"') else name), record[3].decode()


def _parse_json(content: bytes) -> tuple[str, str]:
    line = msgspec.json.decode(content, type=_Line)
    return line.name, line.date
