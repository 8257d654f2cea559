"""Writes a table to a Parquet file."""

import io
from pathlib import Path
from typing import BinaryIO

from exist_async.tables.table import Table, require_package


def write_parquet(table: Table, file: str | Path | BinaryIO) -> None:
    """Write a table to a Parquet file, compressed with Zstandard.

    Parquet has no durations: they are written as integers, of seconds. A note in the file tells libraries that know
    Arrow, such as pandas, polars and pyarrow, to read them as durations.

    Args:
        table: The table.
        file: Path of the file, which is replaced if it exists, or a file that is open for writing bytes.

    Raises:
        ConfigurationError: The package arro3-io is not installed.
        OSError: The file can't be written. If the disk is full, an incomplete file is left, which readers refuse.
    """
    require_package("arro3.io", "write_parquet()")
    from arro3.io import write_parquet as write

    # arro3-io panics if writing to a file fails, as on a full disk. Ten years of 120 attributes are a few megabytes.
    content = io.BytesIO()
    write(table, content, compression="zstd(3)")
    if isinstance(file, str | Path):
        Path(file).write_bytes(content.getbuffer())
    else:
        file.write(content.getbuffer())
