"""Writes values to standard output: as a table for people, as CSV or JSON lines for programs."""

import csv
import sys
from collections.abc import Callable, Mapping
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

ExportFormat = Literal["table", "csv", "jsonl"]
ValueWriter: TypeAlias = Callable[[str, DayValue], None]

# A spreadsheet may run a cell that begins with one of these.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")

# Slightly wider than the longest name of a template.
_NAME_WIDTH = 22


async def open_writer(export_format: ExportFormat, exist: ExistClient, *, safe_cells: bool = False) -> ValueWriter:
    """Write the header, and return the function that writes one value of an attribute.

    Rows of a table are written one by one, as those of the other formats: its columns are not measured first. CSV and
    JSON are exact in a file or a pipe; in a terminal, characters that would control it are escaped.

    Args:
        export_format: The format to write.
        exist: Client to request the value types with, which only a table needs.
        safe_cells: Whether CSV has a single quote before text that a spreadsheet may take for a formula.
    """
    match export_format:
        case "table":
            attributes = exist.attributes.list(include_inactive=True, include_low_priority=True)
            return _table_writer({attribute.name: attribute.value_type async for attribute in attributes})
        case "csv":
            return _csv_writer(safe_cells)
        case "jsonl":
            return _json_lines_writer()


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


def _csv_writer(safe_cells: bool) -> ValueWriter:
    _use_portable_encoding()
    rows = csv.writer(sys.stdout, lineterminator="\n")
    # The csv module does not quote a carriage return unless it is part of the line terminator, and then can't read it.
    quoted_rows = csv.writer(sys.stdout, lineterminator="\n", quoting=csv.QUOTE_ALL)
    rows.writerow(COLUMNS)
    in_terminal = sys.stdout.isatty()

    def text(field: str) -> str:
        if safe_cells and field.startswith(_FORMULA_STARTS):
            field = f"'{field}"
        return escape_unsafe(field) if in_terminal else field

    def write(name: str, day: DayValue) -> None:
        value = text(day.value) if isinstance(day.value, str) else day.value
        writer = quoted_rows if isinstance(value, str) and "\r" in value else rows
        writer.writerow((text(name), day.date, value))

    return write


def _json_lines_writer() -> ValueWriter:
    _use_portable_encoding()
    in_terminal = sys.stdout.isatty()

    def write(name: str, day: DayValue) -> None:
        line = msgspec.json.encode({"name": name, "date": day.date, "value": day.value}).decode()
        print(escape_unsafe_json(line) if in_terminal else line)

    return write


def _use_portable_encoding() -> None:
    """Write UTF-8 and plain line feeds on every platform, unless standard output is a terminal."""
    out = sys.stdout
    if isinstance(out, TextIOWrapper) and not out.isatty():
        out.reconfigure(encoding="utf-8", newline="\n")
