"""Prints text and tables that are safe for a terminal."""

import re
import sys

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

# Line breaks, tabs, and the control characters that begin a terminal's escape sequences.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")

# The commands have no such option; some have --wait, which waits as long as it takes.
_OPTION_OF_THE_CLIENT = re.compile(r", or raise max_wait( \(and deadline, if there is one\))?(?=\.)")

# Columns of a table that is not printed in a terminal: wide enough that no line is ever broken.
_UNLIMITED_WIDTH = 100_000


def one_line(value: object) -> str:
    """Return a value as text without line breaks; each run of control characters becomes a space."""
    return _CONTROLS.sub(" ", str(value)).strip()


def error_line(error: object) -> str:
    """Return an error as text without line breaks, and without advice that is for programmers only."""
    return _OPTION_OF_THE_CLIENT.sub("", one_line(error))


def print_error(error: object) -> None:
    """Print an error or a warning as one line on standard error."""
    print(f"exist-async: {error_line(error)}", file=sys.stderr)


def stdout_console() -> Console:
    """Return a rich console on standard output."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _UNLIMITED_WIDTH)


def plain_table(*columns: str) -> Table:
    """Return an empty table without borders; long cells are wrapped, never cut off."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def cell(value: object, style: str = "") -> Text:
    """Return a table cell, in which square brackets are not markup. None is an empty cell."""
    return Text("" if value is None else one_line(value), style=style)
