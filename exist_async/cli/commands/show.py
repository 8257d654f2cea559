"""The command `show`."""

import datetime as dt
import os
import sys
from collections.abc import AsyncIterable, Sequence
from pathlib import Path
from typing import Annotated, Final

from cyclopts import CycloptsError, Parameter
from cyclopts.validators import Number

from exist_async.attributes import Attribute, ValueType
from exist_async.cli.attribute_lookup import describe_unknown, find_attributes
from exist_async.cli.budget import EXIST_BUDGET
from exist_async.cli.chart import Glyphs, Series, draw_charts
from exist_async.cli.connection import connect
from exist_async.cli.extras import require_packages
from exist_async.cli.local_time import today_here
from exist_async.cli.options import (
    BaseUrl,
    BudgetOption,
    Day,
    MirrorFile,
    Wait,
    check_mirror_options,
    resolve_day,
    resolve_days,
    split_names,
)
from exist_async.cli.output import print_error, stdout_console
from exist_async.client import ExistClient
from exist_async.mirror import Mirror
from exist_async.resource import EXIST
from exist_async.values import DayValue

_WIDTH_IN_PIPE: Final = 80


async def show(
    *names: str,
    days: Annotated[int, Parameter(validator=Number(gte=1))] = 90,
    until: Annotated[Day | None, Parameter(show_default=False)] = None,
    mirror: MirrorFile = None,
    wait: Wait = None,
    budget: BudgetOption = EXIST_BUDGET,
    base_url: BaseUrl = EXIST,
) -> int:
    """Draw charts of attributes in the terminal, below each other, over the same days.

    Args:
        names: Names of attributes, separated by spaces or commas.
        days: Number of days.
        until: The last day: YYYY-MM-DD, today or yesterday. By default today, and of a mirror the newest day that has a
            value of these attributes.
        mirror: Take the values from this file, which the command mirror has written, without any request.
        wait: If the requests of this hour are used up: wait until more are allowed, or end at once. By default wait in
            a terminal, and else for a minute at most.
        budget: Requests that are allowed, and in how many seconds.
        base_url: Origin of the service.
    """
    asked = [name for name in split_names(names) if name]
    if not asked:
        raise CycloptsError("show needs names of attributes, such as: exist-async show steps sleep")
    check_mirror_options(mirror, wait=wait, budget=budget)
    require_packages("cli", "plotille", feature="show")
    if mirror is not None:
        return await _show_mirror(mirror, asked, days, until)
    async with connect(base_url, wait=wait, budget=budget) as exist:
        return await _show_from_exist(exist, asked, days, until or "today")


async def _show_from_exist(exist: ExistClient, names: Sequence[str], days: int, until: str) -> int:
    listing = exist.attributes.list(attributes=names, include_inactive=True, include_low_priority=True)
    found, unknown = find_attributes(names, await listing.collect())
    if unknown:
        everything = await exist.attributes.list(include_inactive=True, include_low_priority=True).collect()
        for name in unknown:
            print_error(describe_unknown(name, everything, "does not exist, or the token may not read it"))
    chosen = _choose(found)
    inaccessible: Sequence[str] = ()
    if chosen:
        (end,) = await resolve_days(exist, until)
        start = _first_day(end, days)
        history = exist.values.history(start, end, attributes=[attribute.name for attribute in chosen])
        series = await _collect(chosen, history)
        inaccessible = history.inaccessible
        for name in inaccessible:
            print_error(f"attribute {name!r} is inactive or owned by no service: acquire it to read its values")
        _print([each for each in series if each.name not in inaccessible], start, end)
    return 1 if unknown or inaccessible or len(chosen) < len(found) else 0


async def _show_mirror(path: Path, names: Sequence[str], days: int, until: str | None) -> int:
    async with Mirror(path) as mirror:
        everything = await mirror.attributes()
        found, unknown = find_attributes(names, everything)
        for name in unknown:
            print_error(describe_unknown(name, everything, f"is not in {path}"))
        chosen = _choose(found)
        if chosen:
            today = today_here()
            end = resolve_day(until, today) if until is not None else await _newest_day(mirror, chosen) or today
            start = _first_day(end, days)
            history = mirror.history(start, end, attributes=[attribute.name for attribute in chosen])
            _print(await _collect(chosen, history), start, end)
    return 1 if unknown or len(chosen) < len(found) else 0


async def _newest_day(mirror: Mirror, attributes: Sequence[Attribute]) -> dt.date | None:
    """Return the newest day that has a value of some attributes; None if there is none."""
    newest: dt.date | None = None
    for attribute in attributes:
        async for _, day in mirror.history(newest, attributes=[attribute.name]):
            if day.value is not None:
                newest = day.date
                break
    return newest


def _choose(attributes: Sequence[Attribute]) -> Sequence[Attribute]:
    """Return the attributes that can be drawn, and name the others."""
    for attribute in attributes:
        if attribute.value_type is ValueType.STRING:
            print_error(
                f"attribute {attribute.name!r} has texts, which no chart can show. To list them: exist-async values "
                f"{attribute.name}"
            )
    return [attribute for attribute in attributes if attribute.value_type is not ValueType.STRING]


async def _collect(attributes: Sequence[Attribute], history: AsyncIterable[tuple[str, DayValue]]) -> Sequence[Series]:
    values: dict[str, dict[dt.date, float | str]] = {attribute.name: {} for attribute in attributes}
    async for name, day in history:
        if day.value is not None:
            values[name][day.date] = day.value
    return [
        Series(attribute.name, attribute.label or "", attribute.value_type, values[attribute.name])
        for attribute in attributes
    ]


def _print(series: Sequence[Series], start: dt.date, end: dt.date) -> None:
    if not series:
        return
    console = stdout_console()
    width = console.width if sys.stdout.isatty() else _pipe_width()
    glyphs = Glyphs.for_encoding(sys.stdout.encoding or "ascii")
    for line in draw_charts(series, start, end, width=width, glyphs=glyphs):
        console.print(line, soft_wrap=True)


def _pipe_width() -> int:
    """Return the width of a chart that is not printed in a terminal, which the variable COLUMNS may set."""
    columns = os.environ.get("COLUMNS", "")
    return int(columns) if columns.isascii() and columns.isdigit() and len(columns) < 6 else _WIDTH_IN_PIPE


def _first_day(end: dt.date, days: int) -> dt.date:
    return dt.date.fromordinal(max(1, end.toordinal() - days + 1))
