"""The command `exist-async`; importing it needs nothing of the extra `cli`."""

import logging
import sys


def main() -> None:
    """Run the command line on this process's arguments, and exit."""
    try:
        from exist_async.cli.extras import need

        need("cli", "cyclopts", "platformdirs", "rich", what="the command line")
        from exist_async.cli.program import run

        # Without a handler, Python prints warnings on standard error; the command line tells people in its own words.
        logging.getLogger("exist_async").addHandler(logging.NullHandler())
        sys.exit(run(sys.argv[1:]))
    except KeyboardInterrupt:
        # What a shell says of a program that SIGINT ended.
        sys.exit(130)
