"""Makes long and wide tables of columns of values."""

# arro3-core, and not nanoarrow: both make such tables in less than 0.1 s. arro3-core has types, a release every few
# weeks, and one wheel of 3 MB for all Pythons from 3.11 on; arro3-io, 8.5 MB, writes its tables to Parquet. nanoarrow
# is smaller, 1.2 MB, but has no types and two releases a year, and Parquet would need pyarrow or polars, 53 MB. Pyright
# finds some of arro3's types incomplete.
from array import array
from collections.abc import Callable, Mapping
from typing import Any

from arro3.core import Array, DataType, Field, RecordBatch, Schema
from arro3.core import Table as ArrowTable

from exist_async.attributes import ValueType
from exist_async.tables.column_names import column_names
from exist_async.tables.column_types import ColumnType, Number, Values, are_integers, choose_type, is_exact_float
from exist_async.tables.columns import Columns
from exist_async.tables.table import Table

_DAY_SECONDS = 24 * 60 * 60
_DATE = "date"


def long_table(columns: Columns) -> Table:
    """Return a table with a row for each value: see `Table`."""
    schema = Schema(
        [
            Field("attribute", DataType.utf8(), nullable=False),
            Field(_DATE, DataType.date32(), nullable=False),
            Field("number", DataType.float64()),
            Field("text", DataType.utf8()),
        ]
    )
    batches: list[RecordBatch] = []
    for name, column in columns:
        days, values = column.by_day()
        names = Array([name] * len(days), DataType.utf8())
        batches.append(_batch([names, _dates(days), *_numbers_and_texts(values)], schema))
    return Table(ArrowTable.from_batches(batches, schema=schema))


def wide_table(columns: Columns, value_types: Mapping[str, ValueType | None]) -> Table:
    """Return a table with a row for each day that has a value: see `Table`.

    Args:
        columns: The values.
        value_types: The types of the attributes, as far as they are known.
    """
    days = array("i", sorted(set[int]().union(*(column.days for _, column in columns))))
    rows = {day: row for row, day in enumerate(days)}
    fields = [Field(_DATE, DataType.date32(), nullable=False)]
    arrays = [_dates(days)]
    names = column_names(columns.names)
    for name, column in columns:
        convert, stored, shown = _CELLS[choose_type(column.values, value_types.get(name))]
        cells: list[Any] = [None] * len(days)
        for day, value in zip(column.days, column.values, strict=True):
            cells[rows[day]] = convert(value)
        values = Array(cells, stored())
        arrays.append(values if shown is None else values.cast(shown()))
        fields.append(Field(names[name], arrays[-1].type))
    schema = Schema(fields)
    return Table(ArrowTable.from_batches([_batch(arrays, schema)], schema=schema))


def _batch(arrays: list[Array], schema: Schema) -> RecordBatch:
    return RecordBatch.from_arrays(arrays, schema=schema)  # pyright: ignore[reportUnknownMemberType]


def _dates(days: "array[int]") -> Array:
    return _integers(days).cast(DataType.date32())


def _integers(numbers: "array[int]") -> Array:
    # Python gives no address of an empty array.
    if not numbers:
        return Array([], DataType.int64())
    return Array.from_buffer(numbers)  # pyright: ignore[reportUnknownMemberType]


def _numbers_and_texts(values: Values) -> tuple[Array, Array]:
    """Return the columns `number` and `text` of a long table."""
    if are_integers(values):
        integers = _integers(values)
        numbers = integers.cast(DataType.float64())
        if numbers.cast(DataType.int64()) == integers:
            return numbers, Array([None] * len(values), DataType.utf8())
    return (
        Array([_number(value) for value in values], DataType.float64()),
        Array([None if is_exact_float(value) else _plain_text(value) for value in values], DataType.utf8()),
    )


def _number(value: Number | str) -> float | None:
    try:
        return None if isinstance(value, str) else float(value)
    except OverflowError:
        return None


def _plain_text(value: Number | str) -> str:
    return str(int(value) if isinstance(value, bool) else value)


def _seconds(minutes: float) -> int:
    return int(minutes * 60)


def _microseconds(minutes: float) -> int:
    return _seconds(minutes) * 10**6


def _microseconds_from_midnight(minutes_from_midday: float) -> int:
    return (_seconds(minutes_from_midday) + _DAY_SECONDS // 2) % _DAY_SECONDS * 10**6


# For each type of a column: the conversion of a value, the type that its result is stored in, and the type that the
# column is then cast to.
_CELLS: Mapping[ColumnType, tuple[Callable[[Any], Any], Callable[[], DataType], Callable[[], DataType] | None]] = {
    ColumnType.INTEGER: (int, DataType.int64, None),
    ColumnType.FLOAT: (float, DataType.float64, None),
    ColumnType.TEXT: (_plain_text, DataType.utf8, None),
    ColumnType.BOOLEAN: (bool, DataType.bool, None),
    ColumnType.DURATION: (_seconds, DataType.int64, lambda: DataType.duration("s")),
    ColumnType.TIME_OF_DAY: (_microseconds, DataType.int64, lambda: DataType.time64("us")),
    ColumnType.TIME_FROM_MIDDAY: (_microseconds_from_midnight, DataType.int64, lambda: DataType.time64("us")),
}
