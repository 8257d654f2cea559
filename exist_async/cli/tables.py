"""The tables that commands print, and where they print them."""

import sys

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from exist_async.cli.text import one_line

# In a file or a pipe nobody reads at the width of a window: a line is as long as it has to be.
_ENDLESS = 100_000


def screen() -> Console:
    """Return what prints on standard output."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _ENDLESS)


def table(*columns: str) -> Table:
    """Return an empty table in which nothing is cut off: what is too long goes on in the next line."""
    made = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def cell(text: object, style: str = "") -> Text:
    """Return a cell with what somebody else wrote: its brackets are no markup; None is empty."""
    return Text("" if text is None else one_line(text), style=style)
