"""Asks Exist for the types of attributes, and makes tables of their values."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import quote

from attrs import frozen

from exist_async._checks import check_flag
from exist_async._http.session import Session
from exist_async.attributes import ValueType
from exist_async.paging import LARGEST_PAGE, NumberedPaginator, PageBody
from exist_async.resource import ROOT, encode_filters
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


@frozen
class ListedType:
    """An attribute with its type. The listing's other fields are ignored, even if they are malformed."""

    name: str
    value_type: ValueType | None = None


async def read_value_types(
    session: Session, names: Sequence[str] | None, filters: Mapping[str, str]
) -> dict[str, ValueType | None]:
    """Return the types of attributes by name.

    If the names fit into a URL, only these attributes are listed, otherwise all; it takes a request for each hundred.

    Args:
        session: Sends the requests.
        names: The names; None is all active attributes.
        filters: Other query parameters of the listing.
    """
    fit = names is not None and len(quote(",".join(names))) <= _LONGEST_FILTER
    params = {
        **filters,
        **encode_filters(
            lists={"attributes": names if fit else None},
            flags={"include_inactive": names is not None, "include_low_priority": True},
        ),
    }
    listing = NumberedPaginator(
        session.with_deadline(), f"{ROOT}attributes/", params, PageBody[ListedType], LARGEST_PAGE
    )
    return {attribute.name: attribute.value_type for attribute in await listing.collect()}


async def make_table(columns: Columns, value_types: Mapping[str, ValueType | None] | None) -> Table:
    """Return a table of values, which a thread makes.

    Args:
        columns: The values.
        value_types: The types of the attributes as far as they are known, for a wide table; None for a long one.
    """
    return await asyncio.to_thread(build_table, columns, value_types)


def build_table(columns: Columns, value_types: Mapping[str, ValueType | None] | None) -> Table:
    """Return a table as `make_table` does, in this thread."""
    from exist_async.tables.build import long_table, wide_table

    return long_table(columns) if value_types is None else wide_table(columns, value_types)
