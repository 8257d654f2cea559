"""Writes values as a table for people, and as CSV or JSON lines for programs."""

import csv
import sys
from collections.abc import Callable, Mapping, Sequence
from io import TextIOWrapper
from typing import Literal, TypeAlias

import msgspec
from rich.cells import cell_len

from exist_async.attributes import ValueType
from exist_async.cli.output import escape_unsafe, escape_unsafe_json, one_line
from exist_async.cli.records import COLUMNS
from exist_async.cli.value_text import format_value
from exist_async.client import ExistClient
from exist_async.values import DayValue

FileFormat = Literal["csv", "jsonl"]
ExportFormat = Literal["table", "csv", "jsonl"]
ValueWriter: TypeAlias = Callable[[str, DayValue], None]
RecordEncoder: TypeAlias = Callable[[str, DayValue], str]
"""Returns the record of an attribute's value, with its line end."""

CSV_HEADER = f"{','.join(COLUMNS)}\n"

# A spreadsheet may run a cell that begins with one of these.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")

# Slightly wider than the longest name of a template.
_NAME_WIDTH = 22


def header_of(file_format: FileFormat) -> str:
    """Return what a file begins with."""
    return CSV_HEADER if file_format == "csv" else ""


def record_encoder(file_format: FileFormat, *, safe_cells: bool = False, for_terminal: bool = False) -> RecordEncoder:
    """Return the function that encodes values in a format.

    Args:
        file_format: The format.
        safe_cells: Whether CSV has a single quote before text that a spreadsheet may take for a formula.
        for_terminal: Whether to escape characters that would control a terminal. In a file or a pipe, values are exact.
    """
    return _csv_encoder(safe_cells, for_terminal) if file_format == "csv" else _json_encoder(for_terminal)


async def open_writer(export_format: ExportFormat, exist: ExistClient, *, safe_cells: bool = False) -> ValueWriter:
    """Write the header to standard output, and return the function that writes one value of an attribute.

    Rows of a table are written one by one, as those of the other formats: its columns are not measured first.

    Args:
        export_format: The format to write.
        exist: Client to request the value types with, which only a table needs.
        safe_cells: Whether CSV has a single quote before text that a spreadsheet may take for a formula.
    """
    if export_format == "table":
        attributes = exist.attributes.list(include_inactive=True, include_low_priority=True)
        return _table_writer({attribute.name: attribute.value_type async for attribute in attributes})
    _use_portable_encoding()
    out = sys.stdout
    encode = record_encoder(export_format, safe_cells=safe_cells, for_terminal=out.isatty())
    out.write(header_of(export_format))

    def write(name: str, day: DayValue) -> None:
        out.write(encode(name, day))

    return write


def _table_writer(types: Mapping[str, ValueType | None]) -> ValueWriter:
    width = _NAME_WIDTH
    _print_row("Name", "Date", "Value", width)
    print("─" * (width + 24))

    def write(name: str, day: DayValue) -> None:
        nonlocal width
        value = format_value(day.value, types.get(name))
        name = one_line(name)
        width = max(width, cell_len(name))
        _print_row(name, str(day.date), one_line(value), width)

    return write


def _print_row(name: str, day: str, value: str, width: int) -> None:
    print(f"{name}{' ' * (width - cell_len(name))}   {day:10}   {value}")


class _Row:
    """A file for the csv module, which returns each row that is written to it: `writerow` passes that on."""

    def write(self, row: str) -> str:
        return row


def _csv_encoder(safe_cells: bool, for_terminal: bool) -> RecordEncoder:
    encode_row = csv_row_encoder()

    def text(field: str) -> str:
        field = make_safe(field) if safe_cells else field
        return escape_unsafe(field) if for_terminal else field

    def encode(name: str, day: DayValue) -> str:
        value = text(day.value) if isinstance(day.value, str) else day.value
        return encode_row((text(name), day.date, value))

    return encode


def csv_row_encoder() -> Callable[[Sequence[object]], str]:
    """Return the function that encodes the fields of a row of CSV, with its line end. None is an empty field."""
    rows = csv.writer(_Row(), lineterminator="\n")
    # The csv module does not quote a carriage return unless it is part of the line terminator, and then can't read it.
    quoted_rows = csv.writer(_Row(), lineterminator="\n", quoting=csv.QUOTE_ALL)

    def encode(fields: Sequence[object]) -> str:
        has_return = any(isinstance(field, str) and "\r" in field for field in fields)
        row: str = (quoted_rows if has_return else rows).writerow(fields)
        return row

    return encode


def make_safe(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula: with a single quote before it, if that is needed."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _json_encoder(for_terminal: bool) -> RecordEncoder:
    def encode(name: str, day: DayValue) -> str:
        line = msgspec.json.encode({"name": name, "date": day.date, "value": day.value}).decode()
        return f"{escape_unsafe_json(line) if for_terminal else line}\n"

    return encode


def _use_portable_encoding() -> None:
    """Write UTF-8 and plain line feeds on every platform, unless standard output is a terminal."""
    out = sys.stdout
    if isinstance(out, TextIOWrapper) and not out.isatty():
        out.reconfigure(encoding="utf-8", newline="\n")
