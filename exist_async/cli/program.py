"""The program: its commands, each loaded when it is called, and what its errors look like."""

import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper

from cyclopts import App, CycloptsError

from exist_async.cli.text import complain
from exist_async.errors import ExistAsyncError
from exist_async.version import __version__

_SIGNING_IN = "Your access token is taken from the environment: EXIST_TOKEN."

app = App(
    name="exist-async",
    help=f"""Exist (exist.io) from the command line.

    {_SIGNING_IN}""",
    version=f"exist-async {__version__}",
    print_error=False,
    exit_on_error=False,
    suppress_keyboard_interrupt=False,
    result_action="return_int_as_exit_code_else_zero",
)
app.command(
    "exist_async.cli.demo:demo",
    help="Show what the client does, on a sandbox of its own: no account, no network.",
    sort_key=1,
)
app.command(
    "exist_async.cli.sandbox:sandbox",
    help="Serve an Exist in memory on this machine, until Ctrl-C.",
    sort_key=2,
)
app.command(
    "exist_async.cli.owned:owned",
    help="""List the attributes that this service owns.

    A table in a terminal; into a file or a pipe one line for each, tab-separated, the name first.""",
    help_epilogue=_SIGNING_IN,
    sort_key=3,
)
app.command(
    "exist_async.cli.acquire:acquire",
    usage="Usage: exist-async acquire [OPTIONS] TEMPLATE... | -",
    help="""Make this service the owner of attributes.

    The exit code is 1 when one of them was not accepted.""",
    help_epilogue=_SIGNING_IN,
    sort_key=4,
)
app.command(
    "exist_async.cli.release:release",
    usage="Usage: exist-async release [OPTIONS] NAME... | -",
    help="""Give attributes back.

    The exit code is 1 when one of them was not accepted.""",
    help_epilogue=_SIGNING_IN,
    sort_key=5,
)


def run(arguments: Sequence[str]) -> int:
    """Run a command, and return the exit code of the process.

    Args:
        arguments: The command and its arguments.

    Returns:
        0; 1 after an error or when an item was not accepted; 2 for a command line that makes no sense.
    """
    # Supervisors start programs with these closed.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: PTH123, SIM115  (it lasts as long as the process)
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A label may hold what the terminal's encoding has not, and that is no reason to fail.
            stream.reconfigure(errors="backslashreplace")
    try:
        code: int = app(arguments)
        sys.stdout.flush()
        return code
    except CycloptsError as error:
        error.verbose = False
        complain(error)
        return 2
    except ExistAsyncError as error:
        complain(error)
    except OSError as error:
        # The client's own are of its tree: this is a standard stream's. Python flushes that once more at exit, which
        # would fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            complain(error)
    return 1
