"""Registers the commands, each imported only when it is called, and turns errors into messages and exit codes."""

import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper

from cyclopts import App, CycloptsError, MissingArgumentError

from exist_async.cli.output import print_error
from exist_async.errors import ExistAsyncError
from exist_async.version import __version__

_SIGNING_IN = "Sign in with exist-async login, or set the environment variable EXIST_TOKEN to your own access token."

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
    "exist_async.cli.commands.demo:demo",
    help="Demonstrate the client on an in-memory sandbox; needs no account and no network.",
    sort_key=1,
)
app.command(
    "exist_async.cli.commands.sandbox:sandbox",
    help="Serve an in-memory Exist or Attio on this machine, until Ctrl-C.",
    sort_key=2,
)
app.command(
    "exist_async.cli.commands.login:login",
    help="""Sign in with your browser, and store the token for the other commands.

    The client ID and client secret of your app are read from EXIST_CLIENT_ID and EXIST_CLIENT_SECRET; if they are not
    set, the command prompts for them. Set EXIST_REDIRECT_URI to the redirect URI registered with the app, if that is
    not http://localhost:8000/.""",
    sort_key=3,
)
app.command(
    "exist_async.cli.commands.logout:logout",
    help="Delete the stored token.",
    sort_key=4,
)
app.command(
    "exist_async.cli.commands.whoami:whoami",
    help="Show the signed-in user, and which credentials are used.",
    help_epilogue=_SIGNING_IN,
    sort_key=5,
)
app.command(
    "exist_async.cli.commands.owned:owned",
    help="""List the attributes that this service owns.

    Prints a table in a terminal; in a file or a pipe one line each, tab-separated, with the name first.""",
    help_epilogue=_SIGNING_IN,
    sort_key=6,
)
app.command(
    "exist_async.cli.commands.acquire:acquire",
    usage="Usage: exist-async acquire [OPTIONS] TEMPLATE... | -",
    help="""Make this service the owner of attributes.

    In a terminal it asks before it takes attributes from other services. Elsewhere it takes them, and names them on
    standard error.

    The exit code is 1 if one of them was not accepted, or if you answer no.""",
    help_epilogue=_SIGNING_IN,
    sort_key=7,
)
app.command(
    "exist_async.cli.commands.release:release",
    usage="Usage: exist-async release [OPTIONS] NAME... | -",
    help="""Give up the ownership of attributes.

    The exit code is 1 if one of them was not accepted.""",
    help_epilogue=_SIGNING_IN,
    sort_key=8,
)
app.command(
    "exist_async.cli.commands.values:values",
    help="""Show the values of an attribute, newest day first.

    Prints a table in a terminal; in a file or a pipe the date and the value in Exist's own units, tab-separated.""",
    help_epilogue=_SIGNING_IN,
    sort_key=9,
)
app.command(
    "exist_async.cli.commands.history:history",
    help="""Export all values between two days, in as few requests as possible.

    Prints a table in a terminal; in a pipe CSV, which update can read. With --output FILE, the file is there once it is
    whole: after an interruption, run the same command again.

    A line on standard error lists attributes whose values Exist does not give, because they are inactive or not there.
    The exit code is 1 if one of them was named.""",
    help_epilogue=_SIGNING_IN,
    sort_key=10,
)
app.command(
    "exist_async.cli.commands.mirror:mirror",
    usage="Usage: exist-async mirror [OPTIONS] FILE",
    help="""Keep a copy of all of your data in a SQLite file, and bring it up to date.

    The first run reads everything. Each later one reads the last days, and besides what was read longest ago, so that
    after some runs every edit is found. What Exist lists no more is kept. Let cron run it each night.

    The last line on standard error says what was read; without a terminal, nothing else is printed. After an
    interruption, run the same command again: it goes on where it stopped. A second run at the same time ends with exit
    code 1.""",
    help_epilogue=_SIGNING_IN,
    sort_key=11,
)
app.command(
    "exist_async.cli.commands.export:export",
    usage="Usage: exist-async export [OPTIONS] FILE",
    help="""Write values to a file, as CSV, JSON lines or Parquet, by the end of its name.

    With --mirror, the values are those of a file that the command mirror has written. Otherwise they are read from
    Exist: after an interruption, run the same command again to go on.

    The file is there once it is whole. CSV and JSON lines have values in Exist's own units. Without --wide, they are as
    those of history, and update reads them. Parquet with --wide has dates, durations, times and booleans as such; it
    needs exist-async[tables].

    The exit code is 1 if one of the attributes that were named could not be exported.""",
    help_epilogue=_SIGNING_IN,
    sort_key=12,
)
app.command(
    "exist_async.cli.commands.show:show",
    usage="Usage: exist-async show [OPTIONS] NAME...",
    help="""Draw charts of attributes in the terminal, below each other, over the same days.

    A line joins values of days that follow each other. If there are more days than fit, each point is the mean of
    several. Values are in everyday units.

    The exit code is 1 if one of the attributes does not exist, or can't be drawn.""",
    help_epilogue=_SIGNING_IN,
    sort_key=13,
)
app.command(
    "exist_async.cli.commands.update:update",
    usage="Usage: exist-async update [OPTIONS] [FILE | -]",
    help="""Write values from a file or from standard input.

    The input is CSV with the columns name, date and value, in any order if there is a header; or JSON lines:
    {"name": "steps", "date": "2026-11-20", "value": 8123}. Values are in Exist's own units: durations in minutes,
    percentages from 0.0 to 1.0. Booleans in CSV may also be true, false, yes or no. Nothing is written for an empty
    value. Other columns and members are ignored.

    After an interruption, the same command with a file goes on where it stopped.

    The exit code is 1 if a line was not accepted; each such line is listed with its number.""",
    help_epilogue=_SIGNING_IN,
    sort_key=14,
)
app.command(
    "exist_async.cli.commands.increment:increment",
    help="Add a number to the value of an attribute on a day, and print the new value.",
    help_epilogue=_SIGNING_IN,
    sort_key=15,
)


def run(arguments: Sequence[str]) -> int:
    """Run a command, and return the exit code of the process.

    Args:
        arguments: The command and its arguments.

    Returns:
        0 on success; 1 after an error, or if an item was not accepted; 2 for an invalid command line.
    """
    # Supervisors may start programs with these streams closed.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: PTH123, SIM115  (open until the process exits)
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # Labels may contain characters that the terminal's encoding does not have.
            stream.reconfigure(errors="backslashreplace")
    try:
        code: int = app(arguments)
        sys.stdout.flush()
        return code
    except MissingArgumentError as error:
        print_error(_missing_argument_message(error))
        return 2
    except CycloptsError as error:
        error.verbose = False
        print_error(error)
        return 2
    except ExistAsyncError as error:
        print_error(error)
        # An error that was raised with other words has those of its cause.
        for each in (error, error.__cause__):
            for note in getattr(each, "__notes__", ()):
                print_error(note)
    except OSError as error:
        # An error of a standard stream: the client raises its own errors. Python flushes standard output again at exit,
        # which would fail once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            print_error(error)
    return 1


def _missing_argument_message(error: MissingArgumentError) -> str:
    if error.keyword is not None:
        return f"{error.keyword} needs a value"
    # cyclopts sets both for a missing argument, though its types allow None.
    return f"{' '.join(error.command_chain or ())} needs {error.argument.name if error.argument else 'an argument'}"
