"""Tables in the libraries that people read them with."""

import datetime as dt
import gc
import math

import pytest
from arro3.core import DataType, Field, Schema
from arro3.core import Table as ArrowTable
from table_values import BEFORE, DAY, long, wide

from exist_async import ValueType

TYPES = {
    "steps": ValueType.INTEGER,
    "weight": ValueType.DECIMAL,
    "note": ValueType.STRING,
    "sleep": ValueType.DURATION,
    "wake_time": ValueType.TIME_OF_DAY,
    "productive": ValueType.PERCENTAGE,
    "bed_time": ValueType.TIME_FROM_MIDDAY,
    "tag": ValueType.BOOLEAN,
    "mood": ValueType.SCALE,
}
VALUES = {
    "steps": {BEFORE: 2**63 - 1, DAY: 8123},
    "weight": {DAY: 71.5},
    "note": {BEFORE: "Zoë's ☕️"},
    "sleep": {BEFORE: 450, DAY: 0},
    "wake_time": {DAY: 415},
    "productive": {DAY: 0.25},
    "bed_time": {BEFORE: 690, DAY: 840},
    "tag": {BEFORE: 0, DAY: 1},
    "mood": {DAY: 7},
    "odd": {BEFORE: 3, DAY: 7.5},
}
COLUMNS = {
    "date": [BEFORE, DAY],
    "bed_time": [dt.time(23, 30), dt.time(2)],
    "mood": [None, 7],
    "note": ["Zoë's ☕️", None],
    "odd": [3.0, 7.5],
    "productive": [None, 0.25],
    "sleep": [dt.timedelta(hours=7, minutes=30), dt.timedelta()],
    "steps": [2**63 - 1, 8123],
    "tag": [False, True],
    "wake_time": [None, dt.time(6, 55)],
    "weight": [None, 71.5],
}
LONG = {"mood": {DAY: 7}, "note": {BEFORE: "Tired."}, "steps": {BEFORE: 8000, DAY: 8123}}
ROWS = [
    ("mood", DAY, 7.0, None),
    ("note", BEFORE, None, "Tired."),
    ("steps", BEFORE, 8000.0, None),
    ("steps", DAY, 8123.0, None),
]


def test_polars_reads_it():
    polars = pytest.importorskip("polars")

    frame = polars.DataFrame(wide(VALUES, **TYPES))
    assert frame.to_dict(as_series=False) == COLUMNS
    assert frame.schema == {
        "date": polars.Date,
        "bed_time": polars.Time,
        "mood": polars.Int64,
        "note": polars.String,
        "odd": polars.Float64,
        "productive": polars.Float64,
        "sleep": polars.Duration("ms"),
        "steps": polars.Int64,
        "tag": polars.Boolean,
        "wake_time": polars.Time,
        "weight": polars.Float64,
    }
    assert polars.DataFrame(long(LONG)).rows() == ROWS
    assert polars.DataFrame(long({})).schema == {
        "attribute": polars.String,
        "date": polars.Date,
        "number": polars.Float64,
        "text": polars.String,
    }


@pytest.mark.slow  # pyarrow imports pandas
def test_pyarrow_reads_it():
    pyarrow = pytest.importorskip("pyarrow")

    arrow = pyarrow.table(wide(VALUES, **TYPES))
    arrow.validate(full=True)
    assert arrow.to_pydict() == COLUMNS
    assert {field.name: str(field.type) for field in arrow.schema} == {
        "date": "date32[day]",
        "bed_time": "time64[us]",
        "mood": "int64",
        "note": "string",
        "odd": "double",
        "productive": "double",
        "sleep": "duration[s]",
        "steps": "int64",
        "tag": "bool",
        "wake_time": "time64[us]",
        "weight": "double",
    }
    assert [field.name for field in arrow.schema if not field.nullable] == ["date"]
    pyarrow.table(long(LONG)).validate(full=True)
    assert [field.name for field in pyarrow.table(long(LONG)).schema if not field.nullable] == ["attribute", "date"]
    assert [tuple(row.values()) for row in pyarrow.table(long(LONG)).to_pylist()] == ROWS
    assert pyarrow.table(wide({})).num_rows == 0


@pytest.mark.slow
def test_pandas_reads_it():
    pandas = pytest.importorskip("pandas", minversion="3")
    pytest.importorskip("pyarrow")

    frame = pandas.DataFrame.from_arrow(wide(VALUES, **TYPES))
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == {
        "date": "object",
        "bed_time": "object",
        "mood": "float64",
        "note": "str",
        "odd": "float64",
        "productive": "float64",
        "sleep": "timedelta64[s]",
        "steps": "int64",
        "tag": "bool",
        "wake_time": "object",
        "weight": "float64",
    }
    for name, values in COLUMNS.items():
        found = [None if pandas.isna(value) else value for value in frame[name]]
        assert found == values, name
    rows = pandas.DataFrame.from_arrow(long(LONG)).itertuples(index=False, name=None)
    assert [tuple(None if pandas.isna(cell) else cell for cell in row) for row in rows] == ROWS
    assert len(pandas.DataFrame.from_arrow(long({}))) == 0


def test_duckdb_queries_it_by_the_name_of_its_variable():
    duckdb = pytest.importorskip("duckdb")

    with duckdb.connect() as connection:
        days, values, empty = wide(VALUES, **TYPES), long(LONG), long({})  # noqa: F841  (DuckDB finds them)
        found = connection.sql("SELECT * FROM days ORDER BY date")
        assert {name: str(of) for name, of in zip(found.columns, found.types, strict=True)} == {
            "date": "DATE",
            "bed_time": "TIME",
            "mood": "BIGINT",
            "note": "VARCHAR",
            "odd": "DOUBLE",
            "productive": "DOUBLE",
            "sleep": "INTERVAL",
            "steps": "BIGINT",
            "tag": "BOOLEAN",
            "wake_time": "TIME",
            "weight": "DOUBLE",
        }
        assert found.fetchall() == list(zip(*COLUMNS.values(), strict=True))
        assert connection.sql("SELECT * FROM values ORDER BY ALL").fetchall() == ROWS
        joined = connection.sql("SELECT sum(number) FROM values JOIN days USING (date) WHERE attribute = 'steps'")
        assert joined.fetchall() == [(16123.0,)]
        assert connection.sql("SELECT count(*) FROM empty").fetchall() == [(0,)]


def test_a_table_can_be_read_again_and_is_no_longer_needed_afterwards():
    polars = pytest.importorskip("polars")
    table = wide(VALUES, **TYPES)

    first, second = polars.DataFrame(table), polars.DataFrame(table)
    stream = table.__arrow_c_stream__()
    schema = table.__arrow_c_schema__()
    del table
    gc.collect()

    assert first.to_dict(as_series=False) == second.to_dict(as_series=False) == COLUMNS
    # A capsule holds what it needs, and releases it if nobody reads it.
    assert "arrow_array_stream" in repr(stream)
    assert "arrow_schema" in repr(schema)
    del stream, schema
    gc.collect()


def test_a_reader_may_ask_for_other_types():
    table = wide({"steps": {DAY: 8123}, "tag": {DAY: 1}}, tag=ValueType.BOOLEAN)
    schema = Schema([Field("date", DataType.date32()), *(Field(name, DataType.utf8()) for name in ("steps", "tag"))])

    arrow = ArrowTable.from_arrow_pycapsule(table.__arrow_c_stream__(schema.__arrow_c_schema__()))

    assert [str(field.type) for field in arrow.schema] == [str(field.type) for field in schema]
    assert arrow["steps"].to_pylist() == ["8123"]
    assert arrow["tag"].to_pylist() == ["true"]


def test_numbers_that_are_none_are_no_nulls():
    polars = pytest.importorskip("polars")

    number = polars.DataFrame(long({"odd": {BEFORE: math.nan, DAY: math.inf}}))["number"]

    assert number.null_count() == 0
    assert number.is_nan().to_list() == [True, False]
