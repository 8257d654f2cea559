"""The option `--since-last` of `history`: a file that is brought up to date, night after night."""

import datetime as dt
import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exist_async import DayValue
from exist_async.cli.export_file import ExportFile
from exist_async.sandbox import Sandbox

TODAY = dt.date(2026, 11, 21)


def back(days: int) -> dt.date:
    return TODAY - dt.timedelta(days=days)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "all.csv"


@pytest.fixture
def update(cli: Callable, file: Path) -> Callable[..., Any]:
    """Run the command of a cron job."""
    return lambda *options: cli("history", "--output", str(file), "--since-last", *options)


@pytest.fixture
def filled(sandbox: Sandbox) -> Sandbox:
    """The sandbox with two attributes, one of them with a value every day."""
    for name in ("steps", "mood_note"):
        sandbox.add_attribute(template=name)
    sandbox.set_values("steps", {back(days): 1000 + days for days in range(60)})
    sandbox.set_values("mood_note", {back(50): 'so "so",\nand é', back(3): "a\r\nb\rc"})
    return sandbox


def advance(sandbox: Sandbox, days: int) -> None:
    sandbox._settings.now = lambda: dt.datetime(2026, 11, 20, 20, tzinfo=dt.UTC) + dt.timedelta(days=days)


def rows(file: Path) -> list[str]:
    return file.read_bytes().decode().split("\n")[1:-1]


def test_the_first_run_writes_the_file_up_to_yesterday(
    cli: Callable, update: Callable, filled: Sandbox, file: Path
) -> None:
    result = update("--start", "2026-10-01")

    assert (result.code, result.out) == (0, "")
    assert file.read_bytes().decode() == cli("history", "--start", "2026-10-01", "--end", "yesterday").out
    assert "steps,2026-11-21" not in file.read_text()


def test_the_next_run_adds_the_days_since_at_the_end(update: Callable, filled: Sandbox, file: Path) -> None:
    update("--start", "2026-10-01")
    before = file.read_bytes().decode()
    advance(filled, 1)
    filled.set_values("steps", {back(0): 7, back(-1): 99})
    filled.reset_requests()

    result = update()

    assert result == (0, "", f"1 value added to {file}, 0 replaced\n")
    assert file.read_bytes().decode() == before + "steps,2026-11-21,7\n"
    assert [request.path for request in filled.requests] == [
        "/api/2/accounts/profile/",
        "/api/2/attributes/with-values/",
    ]
    assert list(file.parent.glob("all.csv?*")) == []


def test_values_of_the_last_31_days_that_changed_are_replaced_where_they_are(
    update: Callable, filled: Sandbox, file: Path
) -> None:
    update("--start", "2026-10-01")
    before = file.read_bytes().decode()
    filled.set_values("steps", {back(1): 1, back(31): 31, back(32): 32})
    filled.set_value("mood_note", back(3), "=b")

    result = update()

    assert result == (0, "", f"0 values added to {file}, 3 replaced\n")
    assert file.read_bytes().decode() == (
        before.replace("steps,2026-11-20,1001\n", "steps,2026-11-20,1\n")
        .replace("steps,2026-10-21,1031\n", "steps,2026-10-21,31\n")
        .replace('"mood_note","2026-11-18","a\r\nb\rc"', "mood_note,2026-11-18,=b")
    )


def test_a_value_that_came_late_is_added_and_one_that_is_gone_stays(
    update: Callable, filled: Sandbox, file: Path
) -> None:
    filled.user.attribute("steps").history.by_day.pop(back(5))
    update("--start", "2026-10-01")
    before = file.read_bytes().decode()
    filled.set_value("steps", back(5), 5)
    filled.user.attribute("steps").history.by_day.pop(back(6))

    assert update().err == f"1 value added to {file}, 0 replaced\n"
    assert file.read_bytes().decode() == before + "steps,2026-11-16,5\n"


def test_a_file_that_is_up_to_date_is_not_touched(update: Callable, filled: Sandbox, file: Path) -> None:
    update("--start", "2026-10-01")
    before = file.stat()

    assert update() == (0, "", f"0 values added to {file}, 0 replaced\n")
    after = file.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_the_value_of_a_day_that_was_not_over_is_replaced_the_next_night(
    cli: Callable, update: Callable, filled: Sandbox, file: Path
) -> None:
    cli("history", "--start", "2026-11-01", "--output", str(file))
    assert "steps,2026-11-21,1000\n" in file.read_text()
    filled.set_value("steps", TODAY, 12_000)
    assert update().err == f"0 values added to {file}, 0 replaced\n"
    advance(filled, 1)

    assert update().err == f"0 values added to {file}, 1 replaced\n"
    assert "steps,2026-11-21,12000\n" in file.read_text()


def test_today_is_read_if_it_is_asked_for(update: Callable, filled: Sandbox, file: Path) -> None:
    update("--start", "2026-11-01")

    assert update("--end", "today").err == f"1 value added to {file}, 0 replaced\n"
    assert file.read_bytes().decode().endswith("steps,2026-11-21,1000\n")


def test_nothing_older_than_the_file_is_added_unless_start_says_so(
    update: Callable, filled: Sandbox, file: Path
) -> None:
    update("--start", "2026-11-15")
    before = file.read_bytes().decode()

    assert update().err == f"0 values added to {file}, 0 replaced\n"
    assert file.read_bytes().decode() == before
    assert update("--start", "2026-11-13").err == f"2 values added to {file}, 0 replaced\n"


def test_an_attribute_that_is_new_gets_its_older_days_too(update: Callable, filled: Sandbox, file: Path) -> None:
    update("--start", "2026-10-01", "--attribute", "steps")
    before = file.read_bytes().decode()
    filled.add_attribute(template="sleep")
    filled.set_values("sleep", {back(1): 400, back(45): 300, back(80): 200})

    assert update("--attribute", "steps,sleep").err == f"2 values added to {file}, 0 replaced\n"
    assert file.read_bytes().decode() == before + "sleep,2026-11-20,400\nsleep,2026-10-07,300\n"
    filled.reset_requests()
    assert update("--attribute", "steps,sleep").err == f"0 values added to {file}, 0 replaced\n"
    assert len(filled.requests) == 2


def test_after_a_long_pause_all_days_since_are_read(update: Callable, filled: Sandbox, file: Path) -> None:
    update("--start", "2026-09-25", "--end", "2026-10-01")
    before = file.read_bytes().decode()
    filled.set_value("steps", dt.date(2026, 10, 1), 1)

    assert update().err == f"52 values added to {file}, 1 replaced\n"
    days = [row.split(",")[1] for row in rows(file) if row.startswith("steps,")]
    assert sorted(days) == [str(back(day)) for day in range(57, 0, -1)]
    assert file.read_bytes().decode().startswith(before.replace("steps,2026-10-01,1051", "steps,2026-10-01,1"))


def test_after_a_long_pause_values_that_came_late_before_it_are_added_too(
    update: Callable, filled: Sandbox, file: Path
) -> None:
    late = filled.user.attribute("steps").history.by_day
    late.pop(back(2))
    update("--start", "2026-10-01")
    filled.set_value("steps", back(2), 2)
    advance(filled, 40)
    filled.set_value("steps", back(-40), 40)
    filled.reset_requests()

    assert update().err == f"2 values added to {file}, 0 replaced\n"
    assert {"steps,2026-11-19,2", "steps,2026-11-21,1000"} <= set(rows(file))
    assert len(filled.requests) == 4


def test_an_attribute_that_could_not_be_read_for_a_while_gets_the_days_that_it_lacks(
    update: Callable, filled: Sandbox, file: Path
) -> None:
    update("--start", "2026-10-01")
    filled.user.attribute("steps").active = False
    filled.add_attribute(template="sleep")
    for day in (20, 40, 60):
        advance(filled, day)
        filled.set_value("sleep", back(1 - day), day)
        assert update().code == 0
    filled.user.attribute("steps").active = True
    filled.set_values("steps", {back(-day): day for day in range(61)})
    advance(filled, 61)
    filled.reset_requests()

    assert update().err == f"61 values added to {file}, 0 replaced\n"
    days = [row.split(",")[1] for row in rows(file) if row.startswith("steps,")]
    assert sorted(days) == [str(dt.date(2026, 10, 1) + dt.timedelta(days=day)) for day in range(112)]
    assert len(filled.requests) == 3
    filled.reset_requests()
    assert update().err == f"0 values added to {file}, 0 replaced\n"
    assert len(filled.requests) == 2


def test_json_lines_are_brought_up_to_date_too(cli: Callable, filled: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "all.jsonl"
    arguments = ("history", "--output", str(file), "--since-last")
    cli(*arguments, "--start", "2026-10-01")
    before = file.read_bytes().decode()
    filled.set_values("steps", {back(1): 1})
    filled.set_value("mood_note", TODAY, "é")
    advance(filled, 1)

    assert cli(*arguments).err == f"2 values added to {file}, 1 replaced\n"
    lines = file.read_text().splitlines()
    assert lines[:-2] == before.replace('20","value":1001}', '20","value":1}').splitlines()
    assert {"name": "mood_note", "date": "2026-11-21", "value": "é"} in map(json.loads, lines[-2:])


def test_mode_and_symbolic_link_stay(update: Callable, filled: Sandbox, file: Path, tmp_path: Path) -> None:
    update("--start", "2026-10-01")
    (tmp_path / "real").mkdir()
    real = file.rename(tmp_path / "real" / "values.csv")
    real.chmod(0o604)
    file.symlink_to(real)
    filled.set_value("steps", back(1), 1)

    assert update().code == 0
    assert file.is_symlink()
    assert "steps,2026-11-20,1\n" in real.read_text()
    assert stat.S_IMODE(real.stat().st_mode) == 0o604
    assert [path.name for path in real.parent.iterdir()] == ["values.csv"]


def test_a_file_with_the_line_ends_and_the_mark_of_a_spreadsheet_is_continued(
    update: Callable, filled: Sandbox, file: Path
) -> None:
    file.write_bytes(b"\xef\xbb\xbfname,date,value\r\nsteps,2026-11-19,1002\r\nsteps,2026-11-18,3\r\n")

    assert update("--attribute", "steps").err == f"1 value added to {file}, 1 replaced\n"
    assert sorted(rows(file)) == ["steps,2026-11-18,1003", "steps,2026-11-19,1002\r", "steps,2026-11-20,1001"]


def test_texts_of_any_length_and_names_with_any_characters_are_read_again(
    update: Callable, sandbox: Sandbox, file: Path
) -> None:
    texts = ["x," * 100_000, 'so "so"', '"', "a\rb", "a\n\nb", "\0", ",", ""]
    for name in ("note", "a,b", 'a"b', "a\rb", "a\nb"):
        sandbox.add_attribute(name=name, value_type=2)
        sandbox.set_values(name, {back(days): text for days, text in enumerate(texts, 1)})
    update("--start", "2026-10-01")
    before = file.read_bytes()

    assert update() == (0, "", f"0 values added to {file}, 0 replaced\n")
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name,date\nsteps,2026-11-20\n", "does not begin with name,date,value"),
        (b'{"name":"steps","date":"2026-11-20","value":1}\n', "does not begin with name,date,value"),
        (b"name,date,value\nsteps,2026-11-20,1\nsteps,2026-11-1", "ends in the middle of line 3"),
        (b'name,date,value\nmood_note,2026-11-20,"a\nb\n', "ends in the middle of line 2"),
        (b"name,date,value\nsteps,20.11.2026,1\n", "line 2: 'steps,20.11.2026,1' is no value of a day"),
        (b"name,date,value\nsteps,2026-11-20,1,2\n", "line 2: "),
        (b"name,date,value\n\xff,2026-11-20,1\n", "line 2: "),
    ],
)
def test_a_file_that_history_did_not_write_is_refused_and_kept(
    update: Callable, sandbox: Sandbox, file: Path, content: bytes, message: str
) -> None:
    file.write_bytes(content)

    result = update()

    assert (result.code, result.err.count("\n")) == (1, 1)
    assert f"exist-async: {file}" in result.err
    assert message in result.err
    assert "Remove it to export everything again" in result.err
    assert file.read_bytes() == content
    assert not any("values" in request.path for request in sandbox.requests)


@pytest.mark.parametrize(
    "line", [b"name,date,value\n", b"[]\n", b'{"name":"steps"}\n', b'{"name":"steps","date":7}\n', b'{"name":"\xff"\n']
)
def test_a_file_that_is_no_json_lines_is_refused_and_kept(
    cli: Callable, sandbox: Sandbox, tmp_path: Path, line: bytes
) -> None:
    file = tmp_path / "all.jsonl"
    file.write_bytes(b'{"name":"steps","date":"2026-11-20","value":1}\n' + line)

    result = cli("history", "--output", str(file), "--since-last")

    assert (result.code, result.err.count("\n")) == (1, 1)
    assert f"exist-async: {file}, line 2: " in result.err


def test_a_file_without_values_needs_the_first_day(update: Callable, filled: Sandbox, file: Path) -> None:
    file.write_text("name,date,value\n")

    result = update()

    assert result == (1, "", f"exist-async: {file} has no values yet: add --start, the first day\n")
    assert update("--start", "2026-11-20").code == 0
    assert file.read_bytes().decode() == "name,date,value\nsteps,2026-11-20,1001\n"


# After an interruption


def test_an_interrupted_first_run_is_completed_and_then_brought_up_to_date(
    cli: Callable, update: Callable, filled: Sandbox, file: Path
) -> None:
    filled.set_values("steps", {back(days): days for days in range(400)})
    filled.fail_next(99, status=403, skip=3)
    assert update("--start", "2025-11-01").code == 1
    assert not file.exists()
    filled.clear_faults()
    filled.set_value("steps", back(-1), 5)
    filled.set_value("steps", back(0), 6)
    advance(filled, 3)

    result = update("--start", "2025-11-01")

    assert (result.code, result.out) == (0, "")
    assert result.err.splitlines()[-2:] == [
        f"387 values written to {file}",
        f"2 values added to {file}, 0 replaced",
    ]
    expected = cli("history", "--start", "2025-11-01", "--end", "2026-11-23").out
    assert sorted(file.read_text().splitlines()) == sorted(expected.splitlines())


def test_an_interrupted_update_leaves_the_file_as_it_was_and_is_completed(
    cli: Callable, update: Callable, filled: Sandbox, file: Path
) -> None:
    filled.set_values("steps", {back(days): days for days in range(400)})
    update("--start", "2025-10-20", "--end", "2025-11-01")
    before = file.read_bytes()
    filled.fail_next(99, status=403, skip=3)
    failed = update()
    filled.clear_faults()
    filled.reset_requests()

    assert failed.code == 1
    assert f"exist-async: {file} is as it was: run the same command again to go on" in failed.err
    assert file.read_bytes() == before
    assert file.with_name("all.csv.part").exists()
    # Without --since-last, the file is complete and refused as such.
    assert "exists: add --since-last" in cli("history", "--start", "2025-10-20", "--output", str(file)).err
    assert update().code == 0
    expected = cli("history", "--start", "2025-10-20", "--end", "yesterday").out
    assert sorted(file.read_text().splitlines()) == sorted(expected.splitlines())
    assert not file.with_name("all.csv.part").exists()


def test_an_interrupted_update_is_completed_the_next_night_and_the_days_since_are_added(
    cli: Callable, update: Callable, filled: Sandbox, file: Path
) -> None:
    filled.set_values("steps", {back(days): days for days in range(-1, 400)})
    update("--start", "2025-10-20", "--end", "2025-11-01")
    for day in (0, 1):
        advance(filled, day)
        filled.fail_next(99, status=403, skip=3 + 2 * day)
        assert update().code == 1
        filled.clear_faults()
        filled.reset_requests()
    advance(filled, 2)

    assert update().code == 0
    expected = cli("history", "--start", "2025-10-20", "--end", "2026-11-22").out
    assert sorted(file.read_bytes().decode().splitlines()) == sorted(expected.splitlines())


def test_what_was_read_in_the_second_part_of_a_run_is_kept_too(update: Callable, filled: Sandbox, file: Path) -> None:
    filled.set_values("steps", {back(days): days for days in range(400)})
    filled.fail_next(99, status=403, skip=3)
    update("--start", "2025-11-01")
    filled.clear_faults()
    advance(filled, 3)
    filled.add_attribute(template="sleep")
    filled.set_values("sleep", {back(days): days for days in range(200)})
    # The last days are read, and then it fails at the older ones of the new attribute.
    missing = 5
    filled.fail_next(99, status=403, path="attributes/values/", skip=missing)

    result = update("--start", "2025-11-01")

    assert result.err.splitlines()[-2] == (
        f"exist-async: {file} is as it was: run the same command again to go on where it stopped"
    )
    assert file.with_name("all.csv.part").read_bytes().count(b"\n") > 1
    filled.clear_faults()
    assert update("--start", "2025-11-01").code == 0
    assert sum(row.startswith("sleep,") for row in rows(file)) == 200


def test_what_an_update_had_read_of_a_file_that_was_removed_is_dropped(
    cli: Callable, update: Callable, filled: Sandbox, file: Path
) -> None:
    filled.set_values("steps", {back(days): days for days in range(400)})
    update("--start", "2025-10-20", "--end", "2025-11-01")
    filled.fail_next(99, status=403, skip=3)
    update()
    filled.clear_faults()
    file.unlink()
    filled.set_value("steps", back(1), 12_345)
    arguments = ("history", "--start", "2025-10-20", "--end", "yesterday")

    assert cli(*arguments, "--output", str(file)).code == 0
    assert file.read_bytes().decode() == cli(*arguments).out


def test_a_crash_after_the_file_was_replaced_does_no_harm(update: Callable, filled: Sandbox, file: Path) -> None:
    update("--start", "2026-10-01")
    filled.add_attribute(template="sleep")
    filled.set_values("sleep", {back(1): 400, back(45): 300})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("exist_async.cli.part_file.PartFile.remove", lambda _: None)
        assert update().err.endswith(f"2 values added to {file}, 0 replaced\n")
    written = file.read_bytes()

    assert update().err.endswith(f"0 values added to {file}, 0 replaced\n")
    assert file.read_bytes() == written


def test_the_power_fails_while_the_file_is_replaced(
    update: Callable, filled: Sandbox, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    update("--start", "2026-10-01")
    before = file.read_bytes()
    filled.set_value("steps", back(1), 1)

    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "replace", fail)
        result = update()

    assert result.err.endswith(f"exist-async: {file} can't be written: Input/output error\n")
    assert file.read_bytes() == before
    assert update().err.endswith("1 replaced\n")


TEXTS = st.text(st.sampled_from('ab",\r\n\t =é;\u2028 '), max_size=5) | st.integers(0, 9) | st.floats(0, 1)
KEYS = st.tuples(st.sampled_from(["a", "b", "=c"]), st.dates(dt.date(2026, 11, 18), TODAY))
VALUES = st.dictionaries(KEYS, TEXTS, max_size=12)


@pytest.mark.parametrize("file_format", ["csv", "jsonl"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(had=VALUES, found=VALUES)
def test_a_merge_has_each_day_once_and_the_new_values(
    tmp_path: Path, file_format: Any, had: dict[Any, Any], found: dict[Any, Any]
) -> None:
    path = tmp_path / "merged"
    file = ExportFile.at(path, file_format, safe_cells=False)

    def encode(values: dict[Any, Any]) -> list[tuple[str, str, bytes]]:
        return [
            (name, day.isoformat(), file.encode_record(name, DayValue(day, value)))
            for (name, day), value in values.items()
        ]

    path.write_bytes(file.header + b"".join(record for *_, record in encode(had)))

    changes = file.merge(encode(found))

    assert path.read_bytes() == file.header + b"".join(record for *_, record in encode(had | found))
    assert changes.added == len(found.keys() - had.keys())
    differing = [key for key in found.keys() & had.keys() if encode({key: found[key]}) != encode({key: had[key]})]
    assert changes.replaced == len(differing)
