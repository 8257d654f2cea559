"""The command `export`, from Exist and from a mirror."""

import datetime as dt
import fcntl
import json
import signal
import stat
from collections.abc import Callable
from pathlib import Path

import duckdb
import polars
import pytest

from exist_async.sandbox import Sandbox

TODAY = dt.date(2026, 11, 21)
START = ("--start", "2026-11-01")


@pytest.fixture
def tracked(sandbox: Sandbox) -> Sandbox:
    """A sandbox with values of several types, and days without any."""
    for template in ("steps", "sleep", "sleep_start", "mood_note"):
        sandbox.add_attribute(template=template)
    sandbox.add_attribute(name="date", value_type=7)
    sandbox.set_values("steps", {dt.date(2026, 11, 20): 8123, dt.date(2026, 11, 18): 4000})
    sandbox.set_values("sleep", {dt.date(2026, 11, 20): 450})
    sandbox.set_values("sleep_start", {dt.date(2026, 11, 18): 840})
    sandbox.set_values("mood_note", {dt.date(2026, 11, 20): '=1+1, "calm"\r\nand more', dt.date(2026, 11, 2): "-"})
    sandbox.set_values("date", {dt.date(2026, 11, 18): 1})
    return sandbox


@pytest.fixture
def mirrored(cli: Callable, tracked: Sandbox, tmp_path: Path) -> Path:
    """A mirror of it."""
    path = tmp_path / "exist.db"
    assert cli("mirror", str(path)).code == 0
    tracked.reset_requests()
    return path


@pytest.fixture(params=["exist", "mirror"])
def source(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """The options that name the source of the values."""
    path: Path = request.getfixturevalue("mirrored")
    return START if request.param == "exist" else ("--mirror", str(path))


def files_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_file()} - {"exist.db", "exist.db.lock"}


@pytest.mark.parametrize(
    ("name", "history_format"), [("all.csv", "csv"), ("all.jsonl", "jsonl"), ("all.JSON", "jsonl")]
)
def test_a_row_for_each_value_is_as_in_history_and_update_reads_it(
    cli: Callable, source: tuple[str, ...], tmp_path: Path, name: str, history_format: str
) -> None:
    expected = cli("history", *START, "--format", history_format).out
    file = tmp_path / name

    result = cli("export", str(file), *source)

    assert (result.code, result.out) == (0, "")
    assert result.err == f"7 values written to {file}\n"
    assert sorted(file.read_bytes().decode().splitlines(True)) == sorted(expected.splitlines(True))
    assert cli("update", str(file), "--dry-run").code == 0
    assert files_in(tmp_path) == {name}


def test_wide_csv_has_a_row_a_day_and_a_column_an_attribute(
    cli: Callable, source: tuple[str, ...], tmp_path: Path
) -> None:
    file = tmp_path / "all.csv"

    assert cli("export", str(file), *source, "--wide").code == 0
    assert file.read_bytes().decode() == (
        "date,date_2,mood_note,sleep,sleep_start,steps\n"
        "2026-11-02,,-,,,\n"
        "2026-11-18,1,,,840,4000\n"
        '"2026-11-20","","=1+1, ""calm""\r\nand more","450","","8123"\n'
    )


def test_wide_json_lines_have_all_attributes_each_day(cli: Callable, source: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "all.jsonl"

    assert cli("export", str(file), *source, "--wide", "--attribute", "steps,sleep_start,sleep").code == 0
    assert [json.loads(line) for line in file.read_text().splitlines()] == [
        {"date": "2026-11-18", "steps": 4000, "sleep_start": 840, "sleep": None},
        {"date": "2026-11-20", "steps": 8123, "sleep_start": None, "sleep": 450},
    ]
    assert polars.read_ndjson(file).columns == ["date", "steps", "sleep_start", "sleep"]


def test_safe_cells_are_no_formulas_in_wide_csv_either(cli: Callable, source: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "all.csv"

    assert cli("export", str(file), *source, "--wide", "--safe-cells", "--attribute", "mood_note").code == 0
    assert file.read_bytes().decode() == (
        'date,mood_note\n2026-11-02,\'-\n"2026-11-20","\'=1+1, ""calm""\r\nand more"\n'
    )


def test_wide_parquet_has_the_types_of_the_attributes(cli: Callable, source: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "all.parquet"

    assert cli("export", str(file), *source, "--wide").code == 0
    table = polars.read_parquet(file)
    assert table.rows(named=True)[1:] == [
        {
            "date": dt.date(2026, 11, 18),
            "date_2": True,
            "mood_note": None,
            "sleep": None,
            "sleep_start": dt.time(2, 0),
            "steps": 4000,
        },
        {
            "date": dt.date(2026, 11, 20),
            "date_2": None,
            "mood_note": '=1+1, "calm"\r\nand more',
            "sleep": dt.timedelta(hours=7, minutes=30),
            "sleep_start": None,
            "steps": 8123,
        },
    ]


def test_long_parquet_is_read_by_duckdb(cli: Callable, source: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "all.parquet"

    assert cli("export", str(file), *source).code == 0
    query = f"SELECT date, number FROM '{file}' WHERE attribute = 'steps' ORDER BY date"
    with duckdb.connect() as connection:
        assert connection.sql(query).fetchall() == [(dt.date(2026, 11, 18), 4000.0), (dt.date(2026, 11, 20), 8123.0)]


@pytest.mark.parametrize("wide", [(), ("--wide",)])
@pytest.mark.parametrize(
    ("options", "days"),
    [
        (("--attribute", "steps"), {"2026-11-18", "2026-11-20"}),
        (("--attribute", "steps", "--end", "2026-11-19"), {"2026-11-18"}),
        (("--group", "sleep"), {"2026-11-18", "2026-11-20"}),
        (("--group", "mood", "--end", "2026-11-02"), {"2026-11-02"}),
        (("--start", "yesterday", "--group", "activity"), {"2026-11-20"}),
    ],
)
def test_days_attributes_and_groups_can_be_chosen(
    cli: Callable,
    source: tuple[str, ...],
    tmp_path: Path,
    options: tuple[str, ...],
    days: set[str],
    wide: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("exist_async.cli.commands.export.today_here", lambda: TODAY)
    file = tmp_path / "all.jsonl"
    if "--start" in options:
        source = () if source == START else source

    assert cli("export", str(file), *source, *options, *wide).code == 0
    assert {json.loads(line)["date"] for line in file.read_text().splitlines()} == days


@pytest.mark.parametrize("wide", [(), ("--wide",)])
def test_a_group_without_attributes_has_no_values(
    cli: Callable, source: tuple[str, ...], tmp_path: Path, wide: tuple[str, ...]
) -> None:
    file = tmp_path / "all.csv"

    result = cli("export", str(file), *source, "--group", "food", *wide)

    assert result == (0, "", f"0 values written to {file}\n")
    assert file.read_text() == ("date\n" if wide else "name,date,value\n")


@pytest.mark.parametrize("option", ["--attribute", "--group"])
@pytest.mark.parametrize("names", ["", "steps,"])
def test_an_empty_name_is_refused(
    cli: Callable, source: tuple[str, ...], tmp_path: Path, option: str, names: str
) -> None:
    result = cli("export", str(tmp_path / "all.csv"), *source, option, names)

    assert result.code == 1
    assert result.err.endswith(f"exist-async: {option} is empty\n")
    assert files_in(tmp_path) == set()


def test_a_mirror_takes_no_request_and_no_token(
    cli: Callable, tracked: Sandbox, mirrored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EXIST_TOKEN")

    assert cli("export", str(tmp_path / "all.csv"), "--mirror", str(mirrored)).code == 0
    assert tracked.requests == []


def test_values_that_exist_has_no_more_are_left_out(
    cli: Callable, tracked: Sandbox, mirrored: Path, tmp_path: Path
) -> None:
    del next(each for each in tracked.user.attributes if each.name == "steps").history.by_day[dt.date(2026, 11, 18)]
    assert cli("mirror", str(mirrored)).code == 0
    file = tmp_path / "all.csv"

    result = cli("export", str(file), "--mirror", str(mirrored), "--attribute", "steps")

    assert result.err == f"1 value written to {file}\n"
    assert file.read_text() == "name,date,value\nsteps,2026-11-20,8123\n"


def test_of_a_mirror_unknown_names_are_told_before_anything_is_written(
    cli: Callable, mirrored: Path, tmp_path: Path
) -> None:
    result = cli("export", str(tmp_path / "all.csv"), "--mirror", str(mirrored), "--attribute", "steps,slep")

    assert result == (1, "", f"exist-async: attribute 'slep' is not in {mirrored}. Did you mean sleep?\n")
    assert files_in(tmp_path) == set()


def test_from_exist_attributes_that_are_not_there_are_left_out_with_exit_code_1(
    cli: Callable, tracked: Sandbox, tmp_path: Path
) -> None:
    file = tmp_path / "all.csv"

    result = cli("export", str(file), *START, "--attribute", "steps,slep")

    assert result.code == 1
    assert "left out, because they are inactive or not there: slep." in result.err
    assert file.read_text().count("\n") == 3


def test_an_existing_file_is_kept_unless_it_may_be_overwritten(
    cli: Callable, tracked: Sandbox, source: tuple[str, ...], tmp_path: Path
) -> None:
    file = tmp_path / "all.csv"
    file.write_text("precious")
    file.chmod(0o600)
    tracked.reset_requests()

    assert cli("export", str(file), *source) == (
        1,
        "",
        f"exist-async: {file} exists: add --overwrite to replace it, or name another file\n",
    )
    assert file.read_text() == "precious"
    assert tracked.requests == []

    assert cli("export", str(file), *source, "--overwrite").code == 0
    assert file.read_text().startswith("name,date,value\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert files_in(tmp_path) == {"all.csv"}


@pytest.mark.parametrize("options", [(), ("--wide",)])
@pytest.mark.parametrize("name", ["all.csv", "all.parquet"])
def test_after_an_interruption_the_same_command_goes_on(
    cli: Callable, sandbox: Sandbox, served: tuple, tmp_path: Path, name: str, options: tuple[str, ...]
) -> None:
    for n in range(2):
        sandbox.add_attribute(name=f"thing_{n}", value_type=0)
        sandbox.set_values(f"thing_{n}", {TODAY - dt.timedelta(days=days): days for days in range(325)})
    whole, file = tmp_path / f"whole_{name}", tmp_path / name
    arguments = ("--start", "2026-01-01", *options)
    assert cli("export", str(whole), *arguments).code == 0
    in_one_go = len(sandbox.requests)
    sandbox.reset_requests()
    sandbox.fail_next(99, status=403, skip=4)

    failed = cli("export", str(file), *arguments)
    served[1].wait_until_idle()
    sandbox.clear_faults()
    assert failed.code == 1
    assert f"{file} is not complete: run the same command again to go on where it stopped" in failed.err
    assert files_in(tmp_path) == {whole.name, f"{name}.part"}
    wrong = cli("export", str(file), *({"--wide"} ^ set(options)), "--start", "2026-01-01")
    assert (wrong.code, wrong.err.count("\n")) == (1, 1)
    assert f"{file}.part was begun with --start 2026-01-01{' --wide' if options else ''}: give the same" in wrong.err
    sandbox.reset_requests()

    assert cli("export", str(file), *arguments).code == 0
    assert file.read_bytes() == whole.read_bytes()
    assert files_in(tmp_path) == {whole.name, name}
    assert len(sandbox.requests) < in_one_go


def test_what_history_began_is_not_completed_by_export(
    cli: Callable, tracked: Sandbox, served: tuple, tmp_path: Path
) -> None:
    file = tmp_path / "all.csv"
    tracked.fail_next(99, status=403, skip=2)
    assert cli("history", "--start", "2026-01-01", "--output", str(file)).code == 1
    served[1].wait_until_idle()
    tracked.clear_faults()

    result = cli("export", str(file), "--start", "2026-01-01")

    assert result.code == 1
    assert f"{file}.part was begun by another command: run that again to complete it, or remove it" in result.err


def test_two_at_once_do_not_write_the_same_file(cli: Callable, source: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "all.csv"
    with file.with_name("all.csv.part").open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)

        result = cli("export", str(file), *source)

    assert result.code == 1
    assert f"{file}.part is in use: another exist-async is writing this export" in result.err
    assert not file.exists()


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["all.xlsx", "--start", "today"], "the name of 'all.xlsx' must end with .csv, .jsonl or .parquet"),
        (["all.csv"], "export needs --start, the first day. With --mirror it may be left out"),
        (
            ["all.jsonl", "--start", "today", "--safe-cells"],
            "--safe-cells is an option of CSV: name a file that ends with .csv",
        ),
        ([], "export needs FILE"),
        (["all.csv", "--mirror", "./all.csv"], "FILE and --mirror name the same file: name another one to write"),
    ],
)
def test_a_wrong_command_line_is_reported_in_one_line(cli: Callable, arguments: list[str], line: str) -> None:
    assert cli("export", *arguments) == (2, "", f"exist-async: {line}\n")


def test_a_mirror_that_is_not_there_is_not_created_and_nothing_is_written(cli: Callable, tmp_path: Path) -> None:
    missing = tmp_path / "none.db"

    result = cli("export", str(tmp_path / "all.csv"), "--mirror", str(missing))

    assert result.code == 1
    assert result.err.startswith(f"exist-async: the mirror {missing} does not exist: run exist-async mirror with it")
    assert files_in(tmp_path) == set()


def test_a_folder_that_is_not_there_is_named(cli: Callable, source: tuple[str, ...], tmp_path: Path) -> None:
    result = cli("export", str(tmp_path / "no" / "all.csv"), *source)

    assert (result.code, result.err) == (
        1,
        f"exist-async: {tmp_path}/no/all.csv: there is no folder {tmp_path / 'no'}\n",
    )


def test_without_the_package_of_tables_parquet_is_refused_in_one_line(
    cli: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exist_async.cli.extras.find_spec", lambda name: None if "arro3" in name else name)

    with pytest.raises(SystemExit) as exit_:
        cli("export", "all.parquet", *START)
    assert exit_.value.code == ('exist-async: Parquet needs arro3-core and arro3-io: pip install "exist-async[tables]"')


@pytest.mark.slow
def test_after_ctrl_c_it_says_how_to_go_on(
    start: Callable, wait_until: Callable, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.add_attribute(name="thing", value_type=0)
    sandbox.set_values("thing", {TODAY - dt.timedelta(days=days): days for days in range(900)})
    sandbox.latency = 0.3
    file = tmp_path / "all.parquet"
    running = start("export", str(file), "--start", "2024-01-01", "--wide")
    wait_until(lambda: (part := tmp_path / "all.parquet.part").exists() and part.read_bytes().count(b"\n") > 2)
    running.send_signal(signal.SIGINT)

    out, err = running.communicate(timeout=20)
    assert (running.returncode, out) == (130, b"")
    assert err.decode() == (
        f"exist-async: {file} is not complete: run the same command again to go on where it stopped\n"
    )
