"""Asks the user a question in the terminal, which is answered with yes or no."""

import sys
from contextlib import aclosing

from exist_async.cli.inputs import STDIN, read_lines


def can_ask() -> bool:
    """Whether a person can read a question and answer it: standard input and standard error are terminals."""
    return STDIN.is_interactive and sys.stderr.isatty()


async def ask(question: str) -> bool:
    """Ask a question on standard error, and return whether the answer is yes; anything else is no."""
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    answer = b""
    try:
        async with aclosing(read_lines()) as lines:
            answer = await anext(lines, b"")
    finally:
        # Ctrl-C and Ctrl-D end no line.
        if not answer.endswith(b"\n"):
            print(file=sys.stderr)
    return answer.decode(errors="replace").strip().lower() in ("y", "yes")
