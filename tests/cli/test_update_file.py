"""The command `update` with a file: planned whole, compared first, tried without writing, and its rejects."""

import datetime as dt
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exist_async.sandbox import Sandbox

NEW_YEAR = dt.date(2025, 1, 1)


def day(number: int) -> dt.date:
    return NEW_YEAR + dt.timedelta(days=number)


def rows(count: int, name: str = "steps") -> str:
    return "".join(f"{name},{day(number)},{number}\n" for number in range(count))


def counts(out: str) -> dict[str, int]:
    """Return the last table of counts."""
    lines = out.rpartition("Items\n")[2].splitlines()[1:]
    cells = [line.rsplit(maxsplit=1) for line in lines[: lines.index("") if "" in lines else None]]
    return {label: int(count.replace(",", "")) for label, count in cells}


@pytest.fixture
def owned(sandbox: Sandbox) -> Sandbox:
    """The sandbox, with owned attributes."""
    for template in ("steps", "mood", "mood_note"):
        sandbox.add_attribute(template=template, service=sandbox.service)
    return sandbox


@pytest.fixture
def writes(owned: Sandbox) -> Callable[[], int]:
    """The number of requests that wrote."""
    return lambda: sum(request.method == "POST" for request in owned.requests)


@pytest.fixture
def update(cli: Callable, owned: Sandbox, tmp_path: Path) -> Callable[..., Any]:
    """Run `update` with a file of some content."""

    def call(content: str | bytes, *options: str) -> Any:
        file = tmp_path / "values.csv"
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return cli("update", str(file), *options)

    return call


@pytest.fixture
def pipe(cli: Callable) -> Callable[..., Any]:
    """Run `update` with a pipe as its standard input."""

    def call(content: bytes, *options: str) -> Any:
        read_end, write_end = os.pipe()
        os.write(write_end, content)
        os.close(write_end)
        original = os.dup(0)
        os.dup2(read_end, 0)
        try:
            return cli("update", *options)
        finally:
            os.dup2(original, 0)
            os.close(original)
            os.close(read_end)

    return call


def test_a_file_is_read_to_its_end_before_anything_is_written(
    update: Callable, owned: Sandbox, writes: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exist_async.cli.inputs._MAX_LINE_SIZE", 100_000)

    result = update(rows(20_000) + "x" * 200_000)

    assert (result.code, result.out) == (1, "")
    assert "values.csv has a line of more than 100000 bytes" in result.err
    assert writes() == 0


def test_of_several_lines_about_one_day_only_the_last_of_the_whole_file_is_sent(
    update: Callable, writes: Callable
) -> None:
    result = update(rows(7_000) + rows(7_000).replace(",5\n", ",6\n"))

    assert (result.code, counts(result.out)) == (0, {"written": 7_000, "superseded": 7_000})
    assert writes() == 200


@pytest.fixture
def habits(sandbox: Sandbox) -> dict[str, Any]:
    """Twelve owned attributes, by name."""
    names = [f"habit_{number}" for number in range(12)]
    return {name: sandbox.add_attribute(name=name, value_type=0, service=sandbox.service) for name in names}


@pytest.fixture
def stored_month(sandbox: Sandbox, habits: dict[str, Any]) -> str:
    """A file of twelve attributes and 31 days, of which Exist has another value of habit_7 on the 7th."""
    for habit in habits:
        for number in range(31):
            sandbox.set_value(habit, day(number), number)
    sandbox.set_value("habit_7", day(6), 99)
    return "".join(rows(31, habit) for habit in habits)


def test_changed_only_writes_what_differs(
    update: Callable, sandbox: Sandbox, writes: Callable, stored_month: str
) -> None:
    result = update(stored_month, "--changed-only")

    assert (result.code, result.err) == (0, "")
    assert counts(result.out) == {"written": 1, "unchanged": 371}
    assert writes() == 1
    assert sandbox.values("habit_7")[day(6)] == 6


def test_changed_only_acquires_attributes_that_have_to_be_written(
    update: Callable, sandbox: Sandbox, habits: dict[str, Any], stored_month: str
) -> None:
    habits["habit_7"].service = sandbox.add_service("other", "Another service")

    result = update(stored_month, "--changed-only", "--reacquire")

    assert (result.code, counts(result.out)) == (0, {"written": 1, "unchanged": 371})


def test_changed_only_works_with_a_pipe(pipe: Callable, owned: Sandbox, writes: Callable) -> None:
    owned.set_value("steps", NEW_YEAR, 0)
    assert counts(pipe(rows(1).encode(), "--changed-only").out) == {"written": 1}  # one value is not read first
    assert writes() == 1


def test_a_dry_run_writes_nothing_and_tells_what_would_be_written(update: Callable, writes: Callable) -> None:
    result = update(rows(72) + rows(1) + "mood_note,2025-01-01,\n" + "oops\n", "--dry-run")

    assert (result.code, result.err) == (1, "")
    assert "unreadable  " in result.out.splitlines()[2]
    assert counts(result.out) == {"to write": 72, "superseded": 1, "empty": 1, "unreadable": 1}
    assert result.out.splitlines()[-2:] == [
        "72 values · 3 requests · no waiting at 300 requests an hour",
        "Nothing was written.",
    ]
    assert writes() == 0


def test_a_dry_run_tells_how_long_many_requests_would_take(update: Callable, writes: Callable) -> None:
    result = update(rows(73_010, "mood_note"), "--dry-run")

    assert (result.code, result.err) == (0, "")
    assert "\n73,010 values · 2,086 requests · about 6 h 57 min at 300 requests an hour\n" in result.out


def test_a_dry_run_of_changed_values_reads_them(update: Callable, writes: Callable, stored_month: str) -> None:
    result = update(stored_month, "--changed-only", "--dry-run")

    assert (result.code, counts(result.out)) == (0, {"to write": 1, "unchanged": 371})
    assert "\n1 value · 2 requests · no waiting" in result.out  # one to read, and one to write
    assert writes() == 0


def test_a_dry_run_reads_a_pipe_to_its_end(pipe: Callable, writes: Callable) -> None:
    assert "36 values · 2 requests" in pipe(rows(36).encode(), "--dry-run").out
    assert writes() == 0


def test_rejects_can_be_mended_and_given_again(cli: Callable, update: Callable, owned: Sandbox, tmp_path: Path) -> None:
    rejects = tmp_path / "rejects.csv"
    content = (
        b"Date, Name,unit,value\r\n"
        b"2025-01-01,steps,,1\r\n"
        b"2025-02-30,steps,,2\r\n"
        b'2025-01-02,no_such,"a ""unit"", so",1\r\n'
        b"2025-01-02,steps,\r\n"
        b"2025-01-02,caf\xe9,,1\r\n"
        b'2025-01-02,steps,,"1"2\r\n'
        b'2025-01-03,steps,"a\nb",x\r\n'
        b"2025-01-04,steps,,4"
    )

    result = update(content, "--rejects", str(rejects))

    assert result.code == 1
    assert (
        result.err.endswith(f"exist-async: lines that were not accepted are in {rejects}, with the reason of each: 6\n")
        or f"{rejects}, with the reason of each: 6\n" in result.err
    )
    expected = (
        b"Date, Name,unit,value,reason\n"
        b"2025-02-30,steps,,2,2025-02-30 does not exist in the calendar\n"
        b'2025-01-02,no_such,"a ""unit"", so",1,not_found: Attribute \'no_such\' does not exist\n'
        b'2025-01-02,steps,,"expected 4 fields (date,name,unit,value), found 3"\n'
        b"2025-01-02,caf\xe9,,1,not UTF-8\n"
        b'2025-01-02,steps,,"1"2,"not valid CSV: \',\' expected after \'""\'"\n'
        b"2025-01-03,steps,\"a\nb\",x,'x' is not a number\n"
    )
    assert rejects.read_bytes() == expected

    again = cli("update", str(rejects))

    assert counts(again.out) == {"written": 0, "refused": 1, "unreadable": 5}
    mended = expected.replace(b"-02-30", b"-01-30").replace(b"no_such", b"mood").replace(b",x,", b",3,")
    mended = (
        mended.replace(b"caf\xe9,,1", b"mood_note,,caf\xc3\xa9").replace(b'"1"2', b"12").replace(b',,"exp', b',,5,"exp')
    )
    rejects.write_bytes(mended.replace(b"2025-01-02,steps,,12", b"2025-01-05,steps,,12"))

    assert counts(cli("update", str(rejects)).out) == {"written": 6}
    assert owned.values("mood_note") == {day(1): "café"}
    assert owned.values("steps") == {day(0): 1, day(1): 5, day(2): 3, day(3): 4, day(4): 12, day(29): 2}


def test_rejects_that_are_refused_again_have_one_reason(cli: Callable, update: Callable, tmp_path: Path) -> None:
    first, second = tmp_path / "1.csv", tmp_path / "2.csv"
    update('no_such,2025-01-01,"1"\nsteps,2025-01-01,x\n', "--rejects", str(first))

    cli("update", str(first), "--rejects", str(second))

    assert first.read_text() == (
        "name,date,value,reason\n"
        "no_such,2025-01-01,\"1\",not_found: Attribute 'no_such' does not exist\n"
        "steps,2025-01-01,x,'x' is not a number\n"
    )
    assert second.read_text() == first.read_text().replace('"1"', "1")


def test_rejects_of_json_lines_are_objects_with_their_reason(cli: Callable, update: Callable, tmp_path: Path) -> None:
    first, second = tmp_path / "1.jsonl", tmp_path / "2.jsonl"
    update(
        '{"name": "no_such", "date": "2025-01-01", "value": 1.50, "unit": "é"}\n'
        '{"name": "steps", "date": "2025-01-01", "value": 1 }\n'
        '{"name": "steps", "date": "2025-01-01", "value": "x" }\n'
        '{"value": 6, "value": 3}\n'
        "{}\n"
        '{"name": \n',
        "--rejects",
        str(first),
    )

    cli("update", str(first), "--format", "jsonl", "--rejects", str(second))

    assert first.read_text() == (
        '{"name": "no_such", "date": "2025-01-01", "value": 1.50, "unit": "é", '
        '"reason": "not_found: Attribute \'no_such\' does not exist"}\n'
        '{"name": "steps", "date": "2025-01-01", "value": "x", '
        '"reason": "\'x\' is not a number: write numbers without quotes"}\n'
        '{"value": 6, "value": 3, "reason": "the member \'value\' is there twice: remove one"}\n'
        '{"reason": "missing: name, date, value"}\n'
        '{"name":\n'
    )
    again = [json.loads(line) for line in second.read_text().splitlines()[:2]]
    assert again == [json.loads(line) for line in first.read_text().splitlines()[:2]]


def test_no_file_is_left_if_every_line_is_accepted(update: Callable, tmp_path: Path) -> None:
    rejects = tmp_path / "rejects.csv"

    result = update(rows(2), "--no-journal", "--rejects", str(rejects))

    assert result == update(rows(2), "--no-journal")
    assert not rejects.exists()


def test_the_rejects_have_the_mode_of_other_new_files(update: Callable, tmp_path: Path) -> None:
    rejects = tmp_path / "rejects.csv"
    previous = os.umask(0o027)
    try:
        update("oops\n", "--rejects", str(rejects))
    finally:
        os.umask(previous)

    assert rejects.stat().st_mode & 0o777 == 0o640


def test_a_file_with_other_lines_is_not_replaced_by_rejects(update: Callable, tmp_path: Path, writes: Callable) -> None:
    rejects = tmp_path / "rejects.csv"
    update("oops\n", "--rejects", str(rejects))
    assert update("oops\n", "--rejects", str(rejects)).out  # the same lines: nothing is lost
    before = rejects.read_text() + "steps,2025-01-01,7,mended by hand\n"
    rejects.write_text(before)

    result = update("oops\nsteps,2025-01-01,1\n", "--rejects", str(rejects))

    assert (result.code, result.out) == (1, "")
    assert result.err == (
        f"exist-async: {rejects} exists, and has lines that would be lost: remove it, or name another file with "
        "--rejects\n"
    )
    assert (rejects.read_text(), writes()) == (before, 0)


def test_rejects_that_cannot_be_written_are_reported_before_anything_is_sent(
    update: Callable, tmp_path: Path, writes: Callable
) -> None:
    rejects = tmp_path / "missing" / "rejects.csv"

    result = update(rows(1), "--rejects", str(rejects))

    assert (result.code, result.out) == (1, "")
    assert result.err == (
        f"exist-async: {rejects} can't be written: No such file or directory. Name another file with --rejects\n"
    )
    assert writes() == 0


def test_a_folder_is_no_file_for_rejects(update: Callable, tmp_path: Path, writes: Callable) -> None:
    result = update("oops\n" + rows(1), "--rejects", str(tmp_path))

    assert (result.code, result.out, writes()) == (1, "", 0)
    assert f"{tmp_path} can't be written: Is a directory." in result.err


def test_rejects_can_go_to_a_pipe(update: Callable, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert update("oops\n" + rows(1), "--rejects", str(pipe)).code == 1
        assert os.read(reader, 1000).startswith(b"name,date,value,reason\noops,")
    finally:
        os.close(reader)


def test_rejects_that_are_too_long_are_named(update: Callable, tmp_path: Path) -> None:
    rejects = tmp_path / "rejects.csv"

    result = update('oops\nmood_note,2025-01-01,"a\n' + rows(5), "--rejects", str(rejects))

    assert rejects.read_text() == 'name,date,value,reason\noops,"expected 3 fields (name,date,value), found 1"\n'
    assert f"exist-async: not in {rejects}: line 2, to be mended in {tmp_path / 'values.csv'} itself\n" in result.err


def test_lines_that_were_not_sent_are_no_rejects(update: Callable, owned: Sandbox, tmp_path: Path) -> None:
    rejects = tmp_path / "rejects.csv"
    owned.fail_next(status=401, path="update/", times=8)

    result = update("oops\n" + rows(105), "--no-journal", "--rejects", str(rejects))

    assert len(rejects.read_text().splitlines()) == 2
    assert f"lines that were not sent, or not answered, are not in {rejects}\n" in result.err
    # Neither are they listed one by one.
    assert len(result.out.splitlines()) < 12


def test_lines_of_requests_that_were_refused_or_not_sent_are_counted_and_not_listed(
    update: Callable, owned: Sandbox
) -> None:
    owned.fail_next(20, status=401, path="update/", skip=1)

    result = update("oops\n" + rows(1_000), "--no-journal")

    assert result.code == 1
    assert counts(result.out).keys() == {"written", "refused", "not sent", "unreadable"}
    assert len(result.out.splitlines()) < 12


def test_rejects_of_a_pipe_are_written(pipe: Callable, tmp_path: Path) -> None:
    rejects = tmp_path / "rejects.csv"

    assert pipe(b"oops\n" + rows(1, "no_such").encode(), "--rejects", str(rejects)).code == 1
    assert len(rejects.read_text().splitlines()) == 3


def test_rejects_of_a_dry_run_are_refused(update: Callable, writes: Callable) -> None:
    result = update(rows(1), "--dry-run", "--rejects", "x")

    assert (result.code, writes()) == (2, 0)
    assert "--rejects can't be combined with --dry-run" in result.err


@pytest.fixture
def of_another_service(owned: Sandbox) -> Sandbox:
    """The sandbox, where Fitness tracker owns sleep and weight."""
    tracker = owned.add_service("tracker", "Fitness tracker")
    for template in ("sleep", "weight"):
        owned.add_attribute(template=template, service=tracker)
    return owned


@pytest.mark.slow
@pytest.mark.parametrize(("answer", "written"), [("y\r", True), ("\r", False)])
def test_a_person_is_asked_before_attributes_of_a_file_are_taken(
    open_terminal: Callable, of_another_service: Sandbox, writes: Callable, tmp_path: Path, answer: str, written: bool
) -> None:
    file = tmp_path / "values.csv"
    file.write_text(rows(1) + rows(1, "sleep") + rows(2, "weight"))
    terminal = open_terminal("update", str(file), "--reacquire")
    terminal.read_until(r"Take 2 attributes from other services\? \[y/N\] ")
    assert "sleep: from Fitness tracker\r\nweight: from Fitness tracker\r\n" in terminal.screen
    assert writes() == 0

    terminal.type(answer)

    assert terminal.read_to_end() == (0 if written else 1)
    assert len(of_another_service.values("weight")) == (2 if written else 0)
    assert (writes() > 0) is written
    assert ("sleep: taken from Fitness tracker" in terminal.screen) is written


@pytest.mark.slow
def test_a_person_who_says_yes_beforehand_is_not_asked(
    open_terminal: Callable, of_another_service: Sandbox, tmp_path: Path
) -> None:
    file = tmp_path / "values.csv"
    file.write_text(rows(2, "weight"))
    terminal = open_terminal("update", str(file), "--reacquire", "-y")

    assert terminal.read_to_end() == 0
    assert "[y/N]" not in terminal.screen
    assert "weight: taken from Fitness tracker" in terminal.screen


def test_a_dry_run_names_what_would_be_taken_from_whom(
    update: Callable, of_another_service: Sandbox, writes: Callable
) -> None:
    result = update(rows(1) + rows(2, "weight"), "--reacquire", "--dry-run")

    assert (result.code, result.err) == (0, "")
    assert [line.split() for line in result.out.splitlines()[:3:2]] == [
        ["Would", "be", "taken", "Owner", "now"],
        ["weight", "Fitness", "tracker"],
    ]
    assert writes() == 0
