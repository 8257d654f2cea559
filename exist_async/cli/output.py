"""Prints text and tables; text from outside is escaped, because it could control the terminal."""

import re
import sys

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from exist_async.cli.error_text import describe_error

_LINE_BREAKS = re.compile(r"[\t-\r\x85\u2028\u2029]+")

# Control characters, which begin a terminal's escape sequences; characters that change the direction of text; and
# invisible ones, except those that join emoji and letters. Tabs and line feeds are safe.
_UNSAFE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff"
    r"\ufff9-\ufffb]"
)

# Columns of a table that is not printed in a terminal: wide enough that no line is ever broken.
_UNLIMITED_WIDTH = 100_000


def one_line(value: object) -> str:
    """Return a value or an error as one line that is safe for a terminal: a run of line breaks and tabs is a space."""
    text = describe_error(value) if isinstance(value, BaseException) else str(value)
    return escape_unsafe(_LINE_BREAKS.sub(" ", text).strip())


def escape_unsafe(text: str) -> str:
    """Replace characters that control a terminal or hide text by Python's escapes for them."""
    return _UNSAFE.sub(lambda match: ascii(match[0])[1:-1], text)


def escape_unsafe_json(text: str) -> str:
    """Do the same in JSON, which means the same afterwards."""
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def print_error(error: object) -> None:
    """Print an error or a warning as one line on standard error."""
    print(f"exist-async: {one_line(error)}", file=sys.stderr)


def stdout_console() -> Console:
    """Return a rich console on standard output, for which square brackets are not markup."""
    width = None if sys.stdout.isatty() else _UNLIMITED_WIDTH
    return Console(highlight=False, markup=False, emoji=False, width=width)


def plain_table(*columns: str) -> Table:
    """Return an empty table without borders; long cells are wrapped, never cut off."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in columns:
        table.add_column(cell(column), overflow="fold")
    return table


def cell(value: object, style: str = "") -> Text:
    """Return a table cell or a column's title, in which square brackets are not markup. None is an empty cell."""
    return Text("" if value is None else one_line(value), style=style)
