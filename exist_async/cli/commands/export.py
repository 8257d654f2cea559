"""The command `export`."""

import datetime as dt
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path

from cyclopts import CycloptsError

from exist_async._checks import check_names
from exist_async.attributes import ValueType
from exist_async.cli.attribute_lookup import describe_unknown, find_attributes
from exist_async.cli.budget import EXIST_BUDGET, Budget
from exist_async.cli.connection import connect
from exist_async.cli.extras import require_packages
from exist_async.cli.local_time import today_here
from exist_async.cli.options import (
    BaseUrl,
    BudgetOption,
    Day,
    Flag,
    MirrorFile,
    NameList,
    Wait,
    check_mirror_options,
    group_names,
    resolve_day,
    split_names,
)
from exist_async.cli.output import print_error
from exist_async.cli.part_file import PartFile
from exist_async.cli.stored_login import normalized_origin
from exist_async.cli.table_file import TableFile, format_of
from exist_async.cli.whole_export import HistoryOptions, WholeExport, print_written
from exist_async.errors import ConfigurationError
from exist_async.mirror import Mirror
from exist_async.resource import EXIST
from exist_async.values import DayValue


async def export(
    file: Path,
    /,
    *,
    mirror: MirrorFile = None,
    start: Day | None = None,
    end: Day | None = None,
    attribute: NameList = None,
    group: NameList = None,
    wide: Flag = False,
    overwrite: Flag = False,
    safe_cells: Flag = False,
    wait: Wait = None,
    budget: BudgetOption = EXIST_BUDGET,
    base_url: BaseUrl = EXIST,
) -> int:
    """Write values to a file: CSV, JSON lines or Parquet.

    Args:
        file: The file, whose name ends with .csv, .jsonl or .parquet.
        mirror: Take the values from this file, which the command mirror has written, without any request.
        start: The first day: YYYY-MM-DD, today or yesterday. It may be left out with --mirror, to export all.
        end: The last day, inclusive; by default today, and with --mirror the newest.
        attribute: Only these attributes, separated by commas; may be repeated.
        group: Only attributes of these groups, separated by commas; may be repeated.
        wide: Write a row for each day and a column for each attribute, instead of a row for each value.
        overwrite: Replace the file if it exists, at once when the new one is complete.
        safe_cells: Write a single quote before text in CSV that begins with =, +, -, @, a tab or a line break, which a
            spreadsheet would run as a formula. Numbers stay numbers.
        wait: If the requests of this hour are used up: wait until more are allowed, which is the default, or end at
            once.
        budget: Requests that are allowed, and in how many seconds.
        base_url: Origin of the service.
    """
    file_format = format_of(file)
    if file_format is None:
        raise CycloptsError(f"the name of {str(file)!r} must end with .csv, .jsonl or .parquet")
    if safe_cells and file_format != "csv":
        raise CycloptsError("--safe-cells is an option of CSV: name a file that ends with .csv")
    if mirror is None and start is None:
        raise CycloptsError("export needs --start, the first day. With --mirror it may be left out")
    _check_is_other(file, mirror)
    check_mirror_options(mirror, wait=wait, budget=budget)
    if file_format == "parquet":
        require_packages("tables", "arro3.core", "arro3.io", feature="Parquet")
    names = None if attribute is None else split_names(attribute)
    options = HistoryOptions(start, end, names, group_names(group))
    if mirror is not None:
        return await _export_mirror(mirror, file, options, wide=wide, overwrite=overwrite, safe_cells=safe_cells)
    return await _export_from_exist(
        file,
        options,
        wide=wide,
        overwrite=overwrite,
        safe_cells=safe_cells,
        wait=wait,
        budget=budget,
        base_url=base_url,
    )


async def _export_from_exist(
    given: Path,
    options: HistoryOptions,
    *,
    wide: bool,
    overwrite: bool,
    safe_cells: bool,
    wait: bool | None,
    budget: Budget,
    base_url: str,
) -> int:
    async def read_types() -> Mapping[str, ValueType | None]:
        listing = exist.attributes.list(include_inactive=True, include_low_priority=True)
        return {attribute.name: attribute.value_type for attribute in await listing.collect()}

    file = TableFile.at(given, wide=wide, safe_cells=safe_cells, names=options.attributes, read_types=read_types)
    with PartFile.open(file.part_path) as part:
        if part.begun is None:
            _check_absent(file, overwrite=overwrite)
        async with connect(base_url, wait=wait, budget=budget, has_file=True) as exist:
            export = WholeExport(exist, normalized_origin(base_url), budget, options, file, part, overwrite=overwrite)
            await export.run()
    return 1 if options.attributes is not None and export.inaccessible else 0


async def _export_mirror(
    path: Path, given: Path, options: HistoryOptions, *, wide: bool, overwrite: bool, safe_cells: bool
) -> int:
    for argument, given_names in (("attributes", options.attributes), ("groups", options.groups)):
        if given_names is not None:
            check_names(argument, given_names)
    today = today_here()
    start, end = (None if day is None else resolve_day(day, today) for day in (options.start, options.end))
    async with Mirror(path) as mirror:
        attributes = await mirror.attributes()
        if options.attributes is not None:
            unknown = find_attributes(options.attributes, attributes)[1]
            for name in unknown:
                print_error(describe_unknown(name, attributes, f"is not in {path}"))
            if unknown:
                return 1
        names: Sequence[str] = [attribute.name for attribute in attributes]
        if options.attributes is not None:
            names = list(dict.fromkeys(options.attributes))
        if options.groups is not None:
            in_groups = {each.name for each in attributes if each.group and each.group.name in options.groups}
            names = [name for name in names if name in in_groups]

        async def read_types() -> Mapping[str, ValueType | None]:
            return {attribute.name: attribute.value_type for attribute in attributes}

        file = TableFile.at(
            given,
            wide=wide,
            safe_cells=safe_cells,
            names=None if options.attributes is None else names,
            read_types=read_types,
        )
        # Nothing is kept in it here: it only keeps two exports from writing the same file.
        with PartFile.open(file.part_path):
            _check_absent(file, overwrite=overwrite)
            with file.writing(overwrite=overwrite) as out:
                async with aclosing(_values(mirror, names, start, end)) as values:
                    count = await file.write_values(out, values)
    print_written(count, given)
    return 0


async def _values(
    mirror: Mirror, names: Sequence[str], start: dt.date | None, end: dt.date | None
) -> AsyncGenerator[tuple[str, DayValue], None]:
    """Yield the values of some attributes. There are none if no attribute is in the groups that were asked for."""
    if names:
        async with aclosing(mirror.history(start, end, attributes=names)) as values:
            async for value in values:
                yield value


def _check_is_other(file: Path, mirror: Path | None) -> None:
    if mirror is not None and mirror.resolve() == file.resolve():
        raise CycloptsError("FILE and --mirror name the same file: name another one to write")


def _check_absent(file: TableFile, *, overwrite: bool) -> None:
    if file.exists and not overwrite:
        raise ConfigurationError(f"{file.given} exists: add --overwrite to replace it, or name another file")
