"""The command `history`."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import CycloptsError, Parameter

from exist_async.cli.budget import EXIST_BUDGET, Budget
from exist_async.cli.connection import connect
from exist_async.cli.export_file import ExportFile
from exist_async.cli.export_formats import ExportFormat, FileFormat, open_writer
from exist_async.cli.history_export import HistoryExport
from exist_async.cli.options import (
    BaseUrl,
    BudgetOption,
    Day,
    Flag,
    NameList,
    Wait,
    group_names,
    resolve_days,
    split_names,
)
from exist_async.cli.part_file import PartFile
from exist_async.cli.progress import request_progress
from exist_async.cli.stored_login import normalized_origin
from exist_async.cli.whole_export import HistoryOptions, print_left_out
from exist_async.errors import ConfigurationError
from exist_async.resource import EXIST

_FORMAT_OF_SUFFIX: dict[str, FileFormat] = {".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl"}


async def history(
    *,
    start: Day | None = None,
    end: Day | None = None,
    attribute: NameList = None,
    group: NameList = None,
    output: Path | None = None,
    since_last: Flag = False,
    format_: Annotated[ExportFormat | None, Parameter(name="--format")] = None,
    safe_cells: Flag = False,
    wait: Wait = None,
    budget: BudgetOption = EXIST_BUDGET,
    base_url: BaseUrl = EXIST,
) -> int:
    """Export all values between two days, attribute by attribute, newest day first.

    Args:
        start: The first day: YYYY-MM-DD, today or yesterday. It may be left out if --since-last finds the file.
        end: The last day, inclusive; by default today, and with --since-last yesterday, whose values are complete.
        attribute: Only these attributes, separated by commas; may be repeated. Exist gives the values of inactive
            attributes to nobody: acquire them first.
        group: Only attributes of these groups, separated by commas; may be repeated.
        output: Write this file. It is there once it is complete; until then, FILE.part beside it keeps what was read.
            After an interruption, the same command goes on.
        since_last: If the file of --output exists, bring it up to date: read the days since its newest one, and the 30
            days up to that one again. New values are added at its end, and changed ones are replaced.
        format_: Output format; by default a table in a terminal, and CSV in a pipe or a file, or JSON lines if the
            file's name ends with .jsonl.
        safe_cells: Write a single quote before text in CSV that begins with =, +, -, @, a tab or a line break, which a
            spreadsheet would run as a formula. Numbers stay numbers. Such a file is not for update, which would keep
            the quotes.
        wait: If the requests of this hour are used up: wait until more are allowed, or end at once. By default wait in
            a terminal and with --output, and else for a minute at most.
        budget: Requests that are allowed, and in how many seconds.
        base_url: Origin of the service.
    """
    names = None if attribute is None else split_names(attribute)
    options = HistoryOptions(start, end, names, group_names(group))
    if output is not None:
        return await _export(
            output,
            format_,
            options,
            safe_cells=safe_cells,
            since_last=since_last,
            wait=wait,
            budget=budget,
            base_url=base_url,
        )
    if since_last:
        raise CycloptsError("--since-last needs the file that it brings up to date: add --output FILE")
    if start is None:
        raise CycloptsError("history needs --start")
    in_terminal = sys.stdout.isatty()
    export_format = format_ or ("table" if in_terminal else "csv")
    _check_safe_cells(safe_cells, export_format)
    async with connect(base_url, wait=wait, budget=budget) as exist:
        first_day, last_day = await resolve_days(exist, start, end or "today")
        days = exist.values.history(first_day, last_day, attributes=names, groups=options.groups)
        # A progress bar and rows in the same terminal would overwrite each other.
        with request_progress("Reading", enabled=not in_terminal) as progress:
            progress.total = await days.plan()
            if sys.stderr.isatty():
                print(f"Requests needed: {progress.total} ({budget.allowed})", file=sys.stderr)
            write = await open_writer(export_format, exist, safe_cells=safe_cells)
            async for name, day in days:
                write(name, day)
    print_left_out(days.inaccessible)
    return 1 if names is not None and days.inaccessible else 0


async def _export(
    output: Path,
    format_: ExportFormat | None,
    options: HistoryOptions,
    *,
    safe_cells: bool,
    since_last: bool,
    wait: bool | None,
    budget: Budget,
    base_url: str,
) -> int:
    if str(output) == "-":
        raise CycloptsError("--output needs the path of a file: leave it out to write to standard output")
    if format_ == "table":
        raise CycloptsError("--output writes CSV or JSON lines: add --format csv or --format jsonl")
    file_format = format_ or _FORMAT_OF_SUFFIX.get(output.suffix.lower(), "csv")
    _check_safe_cells(safe_cells, file_format)
    if options.start is None and not since_last:
        raise CycloptsError("history needs --start")
    file = ExportFile.at(output, file_format, safe_cells=safe_cells)
    with PartFile.open(file.part_path) as part:
        if file.exists and not since_last and (part.begun is None or part.begun.updates):
            raise ConfigurationError(
                f"{output} exists: add --since-last to bring it up to date, or remove it to export everything again"
            )
        if options.start is None and not file.exists:
            raise CycloptsError(f"history needs --start, because {output} does not exist yet")
        async with connect(base_url, wait=wait, budget=budget, has_file=True) as exist:
            export = HistoryExport(
                exist, normalized_origin(base_url), budget, options, file, part, since_last=since_last
            )
            await export.run()
    return 1 if options.attributes is not None and export.inaccessible else 0


def _check_safe_cells(safe_cells: bool, export_format: ExportFormat) -> None:
    if safe_cells and export_format != "csv":
        raise CycloptsError("--safe-cells is an option of CSV: add --format csv")
