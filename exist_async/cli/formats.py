"""The formats that values are written in: a table for people, CSV and JSON lines for programs."""

import csv
import sys
from collections.abc import Callable, Mapping
from io import TextIOWrapper
from typing import Literal, TypeAlias

import msgspec
from rich.cells import cell_len

from exist_async.attributes import ValueType
from exist_async.cli.csv_records import COLUMNS
from exist_async.cli.text import one_line
from exist_async.cli.value_text import for_people
from exist_async.client import ExistClient
from exist_async.values import DayValue

Format = Literal["table", "csv", "jsonl"]
Writer: TypeAlias = Callable[[str, DayValue], None]

# A little more than the longest name among the templates has.
_NAME_WIDTH = 22


async def writer(kind: Format, exist: ExistClient) -> Writer:
    """Return what writes a value of an attribute to standard output.

    A table's rows come one by one, as those of CSV and JSON lines do: nothing is held back to measure it.

    Args:
        kind: The format.
        exist: Is asked for the value types, which a table is written by.
    """
    match kind:
        case "table":
            attributes = exist.attributes.list(include_inactive=True, include_low_priority=True)
            return _table({attribute.name: attribute.value_type async for attribute in attributes})
        case "csv":
            return _csv()
        case "jsonl":
            return _json_lines()


def _table(types: Mapping[str, ValueType | None]) -> Writer:
    width = _NAME_WIDTH
    _print_row("Name", "Date", "Value", width)
    print("─" * (width + 24))

    def write(name: str, day: DayValue) -> None:
        nonlocal width
        name = one_line(name)
        width = max(width, cell_len(name))
        _print_row(name, str(day.date), one_line(for_people(day.value, types.get(name))), width)

    return write


def _print_row(name: str, day: str, value: str, width: int) -> None:
    print(f"{name}{' ' * (width - cell_len(name))}   {day:10}   {value}")


def _csv() -> Writer:
    _fix_encoding()
    rows = csv.writer(sys.stdout, lineterminator="\n")
    # A carriage return is not quoted where it ends no lines, and cannot be read then.
    quoted = csv.writer(sys.stdout, lineterminator="\n", quoting=csv.QUOTE_ALL)
    rows.writerow(COLUMNS)

    def write(name: str, day: DayValue) -> None:
        chosen = quoted if isinstance(day.value, str) and "\r" in day.value else rows
        chosen.writerow((name, day.date, day.value))

    return write


def _json_lines() -> Writer:
    _fix_encoding()

    def write(name: str, day: DayValue) -> None:
        print(msgspec.json.encode({"name": name, "date": day.date, "value": day.value}).decode())

    return write


def _fix_encoding() -> None:
    """Write files in UTF-8 with plain line ends wherever they are written, so that they can be read anywhere."""
    out = sys.stdout
    if isinstance(out, TextIOWrapper) and not out.isatty():
        out.reconfigure(encoding="utf-8", newline="\n")
