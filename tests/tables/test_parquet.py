"""Tables in Parquet files."""

import datetime as dt
import io
from pathlib import Path

import pytest
from table_values import BEFORE, DAY, long, wide

from exist_async import ConfigurationError, ValueType
from exist_async.tables import write_parquet

pytest.importorskip("arro3.io", reason='no arro3-io: pip install "exist-async[tables]"')

TYPES = {"bed_time": ValueType.TIME_FROM_MIDDAY, "sleep": ValueType.DURATION, "tag": ValueType.BOOLEAN}
VALUES = {"bed_time": {DAY: 840}, "note": {BEFORE: "☕️"}, "sleep": {BEFORE: 450, DAY: 90}, "tag": {DAY: 1}}


@pytest.mark.parametrize("table", [wide(VALUES, **TYPES), long(VALUES), wide({}), long({})], ids=repr)
def test_it_is_read_back_with_the_same_types_and_values(table, tmp_path):
    polars = pytest.importorskip("polars")
    write_parquet(table, tmp_path / "table.parquet")

    found = polars.read_parquet(tmp_path / "table.parquet")
    assert found.schema == polars.DataFrame(table).schema
    assert found.equals(polars.DataFrame(table))


def test_duckdb_reads_durations_as_seconds_and_all_else_as_it_is(tmp_path):
    duckdb = pytest.importorskip("duckdb")
    write_parquet(wide(VALUES, **TYPES), str(tmp_path / "table.parquet"))

    with duckdb.connect() as connection:
        found = connection.read_parquet(str(tmp_path / "table.parquet"))
        assert found.columns == ["date", "bed_time", "note", "sleep", "tag"]
        assert found.fetchall() == [
            (BEFORE, None, "☕️", 27_000, None),
            (DAY, dt.time(2), None, 5_400, True),
        ]


def test_it_can_be_written_to_an_open_file_and_replaces_what_a_path_has(tmp_path):
    file = io.BytesIO()
    write_parquet(long(VALUES), file)
    path = tmp_path / "table.parquet"
    path.write_bytes(b"x" * 100_000)
    write_parquet(long(VALUES), path)

    assert path.read_bytes() == file.getvalue()
    assert file.getvalue()[:4] == file.getvalue()[-4:] == b"PAR1"


def test_a_file_that_cannot_be_written_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_parquet(long(VALUES), tmp_path / "missing" / "table.parquet")
    with pytest.raises(IsADirectoryError):
        write_parquet(long(VALUES), tmp_path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_is_an_os_error_too():
    with pytest.raises(OSError, match="No space left"):
        write_parquet(long(VALUES), "/dev/full")
    with pytest.raises(OSError, match="No space left"), Path("/dev/full").open("wb", buffering=0) as file:
        write_parquet(long(VALUES), file)


def test_without_the_package_the_error_tells_what_to_install(tmp_path, monkeypatch):
    table = long(VALUES)
    monkeypatch.setattr("exist_async.tables.table.find_spec", lambda name: None)

    with pytest.raises(
        ConfigurationError, match=r"write_parquet\(\) needs the package arro3-io: .*exist-async\[tables\]"
    ):
        write_parquet(table, tmp_path / "table.parquet")
    assert list(tmp_path.iterdir()) == []
