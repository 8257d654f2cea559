"""Tables of values in Arrow's format, which pandas, polars, DuckDB and others read without a copy."""

from exist_async.tables.parquet import write_parquet
from exist_async.tables.table import Table

__all__ = ["Table", "write_parquet"]
