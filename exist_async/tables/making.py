"""Makes a table of values read from Exist, whose types it asks Exist for."""

import asyncio
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from exist_async._checks import check_flag
from exist_async._http.session import Session
from exist_async.attributes import Attributes, ValueType
from exist_async.paging import LARGEST_PAGE
from exist_async.tables.columns import Columns
from exist_async.tables.table import Table, require_package

# As in histories: not every server accepts longer URLs.
_LONGEST_FILTER: Final = 2000


def check_table(wide: object, *, owner: str) -> None:
    """Check the argument `wide`, and that the package that makes tables is installed.

    Args:
        wide: The argument.
        owner: The method that it is given to, as the message names it.
    """
    check_flag("wide", wide)
    require_package("arro3.core", owner)


async def make_table(session: Session, columns: Columns, *, wide: bool) -> Table:
    """Return a long or wide table of values; for a wide one, ask Exist for the types of their attributes."""
    value_types = await _read_value_types(session, columns.names) if wide else None
    return await asyncio.to_thread(build_table, columns, value_types)


def build_table(columns: Columns, value_types: Mapping[str, ValueType | None] | None) -> Table:
    """Return a table of values.

    Args:
        columns: The values.
        value_types: The types of the attributes as far as they are known, for a wide table; None for a long one.
    """
    from exist_async.tables.build import long_table, wide_table

    return long_table(columns) if value_types is None else wide_table(columns, value_types)


async def _read_value_types(session: Session, names: list[str]) -> dict[str, ValueType | None]:
    """Return the types of attributes, as far as Exist lists them: inactive ones and those of low priority, too.

    It takes one request if the names fit on a page and into a URL; else it lists all attributes, 100 a request.
    """
    if not names:
        return {}
    fit = len(names) <= LARGEST_PAGE and len(quote(",".join(names))) <= _LONGEST_FILTER
    listing = Attributes(session.with_deadline()).list(
        attributes=names if fit else None, include_inactive=True, include_low_priority=True
    )
    return {attribute.name: attribute.value_type for attribute in await listing.collect()}
