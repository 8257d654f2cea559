"""Helpers of the tests of tables."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import pytest

from exist_async import DayValue, ValueType
from exist_async.tables import Table
from exist_async.tables.columns import Columns
from exist_async.tables.making import build_table

pytest.importorskip("arro3.core", reason='no arro3-core: pip install "exist-async[tables]"')

DAY = dt.date(2026, 11, 20)
BEFORE = dt.date(2026, 11, 19)


def long(values: Mapping[str, Mapping[dt.date, Any]]) -> Table:
    return build_table(_columns(values), None)


def wide(values: Mapping[str, Mapping[dt.date, Any]], **types: ValueType) -> Table:
    return build_table(_columns(values), types)


def column(value_type: ValueType | None, *values: Any) -> tuple[str, list[Any]]:
    """Return the type and the cells of the column of a wide table that has these values on some days."""
    days = {DAY - dt.timedelta(days=ago): value for ago, value in enumerate(reversed(values))}
    types = {} if value_type is None else {"thing": value_type}
    table = wide({"thing": days}, **types)
    return types_of(table)["thing"], cells(table)["thing"]


def cells(table: Table) -> dict[str, list[Any]]:
    """Return the cells of each column."""
    from arro3.core import Table as ArrowTable

    arrow = ArrowTable(table)
    return {name: arrow[name].to_pylist() for name in arrow.column_names}


def types_of(table: Table) -> dict[str, str]:
    """Return the type of each column, in arro3's words."""
    from arro3.core import Schema

    schema = Schema.from_arrow(table)
    return {name: str(schema.field(name).type).split("<")[1].split(">")[0] for name in schema.names}


def _columns(values: Mapping[str, Mapping[dt.date, Any]]) -> Columns:
    columns = Columns()
    columns.add((name, DayValue(date, value)) for name, days in values.items() for date, value in days.items())
    return columns
