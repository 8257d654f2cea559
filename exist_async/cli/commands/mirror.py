"""The command `mirror`."""

import asyncio
import datetime as dt
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import CycloptsError, Parameter
from cyclopts.validators import Number

from exist_async.cli.budget import EXIST_BUDGET
from exist_async.cli.connection import connect
from exist_async.cli.options import BaseUrl, BudgetOption, Day, NameList, Wait, resolve_days, split_names
from exist_async.cli.output import one_line, print_error
from exist_async.cli.progress import request_progress
from exist_async.errors import ExistAsyncError, MirrorError
from exist_async.mirror import Mirror, PullProgress, PullReport
from exist_async.mirror.parts import PARTS
from exist_async.resource import EXIST

_MOST_NAMES = 5


async def mirror(
    file: Path,
    /,
    *,
    since: Day | None = None,
    days: Annotated[int, Parameter(validator=Number(gte=1))] = 31,
    reread_requests: Annotated[int, Parameter(validator=Number(gte=0))] = 8,
    parts: Annotated[NameList, Parameter(negative="--no-parts", show_default=False)] = None,
    wait: Wait = None,
    budget: BudgetOption = EXIST_BUDGET,
    base_url: BaseUrl = EXIST,
) -> None:
    """Keep a copy of all of your data in a SQLite file, and bring it up to date.

    Args:
        file: The SQLite file, which the first run creates, readable by you alone.
        since: The first day to read: YYYY-MM-DD, today or yesterday. By default as far back as there are values: until
            there is none in more than a year.
        days: Number of last days that each run reads again, because their values may change.
        reread_requests: Requests that each run may use to read again, besides the last days, what was read longest ago,
            to find edits of older values. This has nothing to do with --budget, which limits all requests.
        parts: Kinds of data to read besides values, separated by commas; by default averages, correlations and
            insights.
            --no-parts reads none of them.
        wait: If the requests of this hour are used up: wait until more are allowed, which is the default, or end at
            once.
        budget: Requests that are allowed, and in how many seconds.
        base_url: Origin of the service.
    """
    chosen = PARTS if parts is None else split_names(parts)
    if unknown := [part for part in chosen if part not in PARTS]:
        raise CycloptsError(f"--parts takes some of {', '.join(PARTS)}, not {unknown[0]!r}")
    has_stored = False
    try:
        async with connect(base_url, wait=wait, budget=budget, has_file=True) as exist, Mirror(file) as copy:
            first_day = None if since is None else (await resolve_days(exist, since))[0]
            # How many averages and insights there are is not known before.
            with request_progress("Reading", is_estimate=True) as progress:

                def on_progress(so_far: PullProgress) -> None:
                    nonlocal has_stored
                    has_stored = True
                    progress.total = so_far.total

                report = await copy.pull(
                    exist, since=first_day, days=days, budget=reread_requests, parts=chosen, on_progress=on_progress
                )
    except (ExistAsyncError, asyncio.CancelledError) as error:
        if has_stored and not isinstance(error, MirrorError):
            print_error(f"{file} keeps what was read: run the same command again to go on where it stopped")
        raise
    print(one_line(_describe(report, file)), file=sys.stderr)


def _describe(report: PullReport, file: Path) -> str:
    """Return the outcome in one line."""
    requests = f"{report.requests:,} request{'' if report.requests == 1 else 's'}"
    facts = [
        f"{report.new:,} new and {report.changed:,} changed values in {requests}",
        f"values from {report.since}, all as they were on {_local(report.current_as_of)} or later",
    ]
    if report.rereads_in is not None:
        runs = f"{report.rereads_in:,} more run{'' if report.rereads_in == 1 else 's'}"
        facts.append(f"{runs} will have read all again")
    if report.inaccessible:
        names = ", ".join(report.inaccessible[:_MOST_NAMES])
        more = len(report.inaccessible) - _MOST_NAMES
        facts.append(f"not accessible now: {names}{f' and {more:,} more' if more > 0 else ''}")
    return f"{file}: {' · '.join(facts)}"


def _local(time: dt.datetime) -> str:
    return f"{time.astimezone():%Y-%m-%d %H:%M}"
