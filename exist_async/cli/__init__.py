"""The command `exist-async`; importing this module needs none of the packages of the extra `cli`."""

import logging
import sys


def main() -> None:
    """Run the command line on the arguments of this process, and exit."""
    try:
        from exist_async.cli.extras import require_packages

        require_packages("cli", "cyclopts", "platformdirs", "rich", feature="the command line")
        from exist_async.cli.program import run

        # Without a handler, Python prints logged warnings on standard error, beside the messages of the commands.
        logging.getLogger("exist_async").addHandler(logging.NullHandler())
        sys.exit(run(sys.argv[1:]))
    except KeyboardInterrupt:
        # The exit code of a program ended by SIGINT, by convention of the shells: 128 + 2.
        sys.exit(130)
