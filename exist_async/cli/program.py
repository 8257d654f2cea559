"""The program: its commands, each loaded when it is called, and what its errors look like."""

import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper

from cyclopts import App, CycloptsError, MissingArgumentError

from exist_async.cli.text import complain
from exist_async.errors import ExistAsyncError
from exist_async.version import __version__

_SIGNING_IN = "Sign in with exist-async login, or put your own access token into the environment: EXIST_TOKEN."

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
    help="Serve an Exist, or an Attio, in memory on this machine, until Ctrl-C.",
    sort_key=2,
)
app.command(
    "exist_async.cli.login:login",
    help="""Sign in through your browser, and keep the token for the other commands.

    The client ID and client secret of your app come from EXIST_CLIENT_ID and EXIST_CLIENT_SECRET, or are asked for. The
    browser comes back to EXIST_REDIRECT_URI, http://localhost:8000/ unless set, which has to be the app's own.""",
    sort_key=3,
)
app.command(
    "exist_async.cli.logout:logout",
    help="Forget the token that signing in left behind.",
    sort_key=4,
)
app.command(
    "exist_async.cli.whoami:whoami",
    help="Show who is signed in, and how.",
    help_epilogue=_SIGNING_IN,
    sort_key=5,
)
app.command(
    "exist_async.cli.owned:owned",
    help="""List the attributes that this service owns.

    A table in a terminal; into a file or a pipe one line for each, tab-separated, the name first.""",
    help_epilogue=_SIGNING_IN,
    sort_key=6,
)
app.command(
    "exist_async.cli.acquire:acquire",
    usage="Usage: exist-async acquire [OPTIONS] TEMPLATE... | -",
    help="""Make this service the owner of attributes.

    The exit code is 1 when one of them was not accepted.""",
    help_epilogue=_SIGNING_IN,
    sort_key=7,
)
app.command(
    "exist_async.cli.release:release",
    usage="Usage: exist-async release [OPTIONS] NAME... | -",
    help="""Give attributes back.

    The exit code is 1 when one of them was not accepted.""",
    help_epilogue=_SIGNING_IN,
    sort_key=8,
)
app.command(
    "exist_async.cli.values:values",
    help="""Show what an attribute has, newest day first.

    A table in a terminal; into a file or a pipe the day and the value as Exist writes it, tab-separated.""",
    help_epilogue=_SIGNING_IN,
    sort_key=9,
)
app.command(
    "exist_async.cli.history:history",
    help="""Write out every value between two days, in the fewest requests.

    A table in a terminal; into a file or a pipe the CSV that update reads.""",
    help_epilogue=_SIGNING_IN,
    sort_key=10,
)
app.command(
    "exist_async.cli.update:update",
    usage="Usage: exist-async update [OPTIONS] [FILE | -]",
    help="""Write values that are read from a file or from standard input.

    CSV with the columns name, date and value; a header may name them in another order. Or JSON lines:
    {"name": "steps", "date": "2026-11-20", "value": 8123}. Values are as Exist counts them: durations in minutes,
    percentages from 0.0 to 1.0; in CSV also true, false, yes and no.

    The exit code is 1 when a line was not accepted; each is listed by its number.""",
    help_epilogue=_SIGNING_IN,
    sort_key=11,
)
app.command(
    "exist_async.cli.increment:increment",
    help="Add to what an attribute has on a day, and print what it has now.",
    help_epilogue=_SIGNING_IN,
    sort_key=12,
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
    except MissingArgumentError as error:
        complain(_missing(error))
        return 2
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


def _missing(error: MissingArgumentError) -> str:
    if error.keyword is not None:
        return f"{error.keyword} needs a value"
    # cyclopts always knows both of a missing argument; its types leave them open.
    return f"{' '.join(error.command_chain or ())} needs {error.argument.name if error.argument else 'an argument'}"
