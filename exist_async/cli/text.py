"""What is printed, made safe for a terminal and for a line of its own."""

import re
import sys

# Line breaks, tabs, and what a terminal would obey.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def one_line(text: object) -> str:
    """Return a text in which control characters and line breaks are spaces."""
    return _CONTROLS.sub(" ", str(text)).strip()


def complain(error: object) -> None:
    """Print an error as one line on standard error."""
    print(f"exist-async: {one_line(error)}", file=sys.stderr)
