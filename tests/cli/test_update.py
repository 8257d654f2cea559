"""The command `update`."""

import datetime as dt
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from exist_async.sandbox import Sandbox

NEW_YEAR = dt.date(2026, 1, 1)


def listed(out: str) -> dict[str, str]:
    """The lines that a table lists, by their numbers: from the code on, or from the reason where there is no code."""
    table = out.split("\n\n")[0].splitlines()
    return {line.split()[0]: " ".join(line.split()[1:]) for line in table[2:]}


def counted(out: str) -> dict[str, int]:
    """How many items became what."""
    rows = [line.rsplit(maxsplit=1) for line in out.splitlines()[out.splitlines().index(HEAD) + 2 :]]
    return {row[0].strip(): int(row[1]) for row in rows}


HEAD = "Outcome      Items"
ACQUIRE_FIRST = (
    "exist-async: values can be written to what this service owns: acquire the others first (exist-async acquire NAME, "
    "with --by-name for what is no template), or add --reacquire\n"
)


@pytest.fixture
def owned(sandbox: Sandbox) -> Sandbox:
    """An Exist with attributes of many types that this service owns."""
    for template in ("steps", "sleep", "weight", "mood", "mood_note", "body_fat"):
        sandbox.add_attribute(template=template, service=sandbox.service)
    sandbox.add_attribute(name="tea", service=sandbox.service)
    return sandbox


@pytest.fixture
def fed(cli: Callable, standard_input: Callable[[bytes], None]) -> Callable:
    """Run `update` on an input."""

    def call(content: str | bytes, *options: str) -> tuple[int, str, str]:
        standard_input(content.encode() if isinstance(content, str) else content)
        return cli("update", *options)

    return call


def test_csv_is_written_and_counted(fed: Callable, owned: Sandbox) -> None:
    ran = fed("name,date,value\nsteps,2026-01-01,8123\nsleep,2026-01-01,450\n")

    assert (ran.code, ran.err) == (0, "")
    assert ran.out.split() == ["Outcome", "Items", "─" * 15, "written", "2"]
    assert owned.requests[-1].json == [
        {"name": "steps", "date": "2026-01-01", "value": 8123},
        {"name": "sleep", "date": "2026-01-01", "value": 450},
    ]


@pytest.mark.parametrize(
    "content",
    [
        "steps,2026-01-01,7\n",
        "steps,2026-01-01,7",
        "\n  \n,,\nsteps,2026-01-01,7\r\n\r\n",
        "\ufeffname,date,value\r\nsteps,2026-01-01,7\r\n",
        '"steps", 2026-01-01 ," 7"\n',
        "Value,more,Date,Name\n7,,2026-01-01,steps\n",
        '{"name": "steps", "date": "2026-01-01", "value": 7}\n',
        '\ufeff\n  {"value": 7, "more": [], "date": "2026-01-01", "name": "steps"}',
    ],
)
def test_these_are_ways_to_write_one_value(fed: Callable, owned: Sandbox, content: str) -> None:
    ran = fed(content)

    assert (ran.code, ran.err) == (0, "")
    assert ran.out.split()[-2:] == ["written", "1"]
    assert owned.values("steps") == {NEW_YEAR: 7}


@pytest.mark.parametrize(
    ("name", "written", "kept"),
    [
        ("steps", "-7", -7),
        ("steps", "7.0", 7),
        ("weight", "72.5", 72.5),
        ("weight", "1e2", 100.0),
        ("body_fat", ".25", 0.25),
        ("mood_note", "7", "7"),
        ("mood_note", "007 ", "007 "),
        ("mood_note", "NaN", "NaN"),
        ("mood_note", "yes", "yes"),
        ("mood_note", "", ""),
        ("mood_note", '"one\r\n""two"", é"', 'one\r\n"two", é'),
        ("tea", "yes", 1),
        ("tea", "False", 0),
        ("tea", "1", 1),
    ],
)
def test_text_becomes_what_the_value_type_of_the_attribute_is(
    fed: Callable, owned: Sandbox, name: str, written: str, kept: float | str
) -> None:
    assert fed(f"{name},2026-01-01,{written}\n").code == 0
    assert owned.values(name) == {NEW_YEAR: kept}
    assert type(owned.values(name)[NEW_YEAR]) is type(kept)


def test_the_type_of_inactive_and_hidden_attributes_is_known_too(fed: Callable, sandbox: Sandbox) -> None:
    sandbox.add_attribute(template="mood_note", service=sandbox.service, active=False, priority=12)

    assert fed("mood_note,2026-01-01,7\n").code == 0
    assert sandbox.values("mood_note") == {NEW_YEAR: "7"}


def test_a_token_that_may_only_write_knows_the_types_of_what_it_owns(
    fed: Callable, owned: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXIST_TOKEN", owned.issue_token(scopes=["mood_write"]))

    assert fed("mood_note,2026-01-01,7\n").code == 0


def test_each_line_that_was_not_accepted_is_listed_by_its_number(fed: Callable, owned: Sandbox) -> None:
    owned.add_attribute(template="coffees")
    ran = fed(
        b"date,name,value\n"
        b"2026-01-01,steps,1\n"
        b"2026-02-30,steps,2\n"
        b"\n"
        b"01.01.2026,steps,3\n"
        b'2026-01-02,mood_note,"a\nb"\n'
        b"2026-01-02,coffees,1\n"
        b"2026-01-02,no_such,1\n"
        b"2026-01-02,steps\n"
        b"2026-01-02,weight,NaN\n"
        b"2026-01-02,steps,\n"
        b"2026-01-02,steps,1_000\n"
        b"2026-01-02,mood,12\n"
        b"2026-01-02,,1\n"
        b"2026-01-02,caf\xe9,1\n"
        b'2026-01-02,steps,"1"2\n'
        b"2026-01-03,steps,4\n"
    )

    assert (ran.code, ran.err) == (1, ACQUIRE_FIRST)
    assert listed(ran.out) == {
        "3": "steps unreadable 2026-02-30 is no day of the calendar",
        "5": "steps unreadable '01.01.2026' is no day: write YYYY-MM-DD",
        "8": "coffees refused unauthorised Attribute 'coffees' does not belong to this service",
        "9": "no_such refused not_found Attribute 'no_such' does not exist",
        "10": "steps unreadable it has 2, where 3 fields are wanted: date,name,value",
        "11": "weight unreadable 'NaN' is no number",
        "12": "steps unreadable the value is empty: what a day has can be changed, and not taken away again",
        "13": "steps unreadable '1_000' is no number",
        "14": "mood unreadable a scale must be from 1 to 9, not 12",
        "15": "unreadable name is empty",
        "16": "unreadable it is not UTF-8",
        "17": "unreadable it is no CSV: ',' expected after '\"'",
    }
    assert counted(ran.out) == {"written": 3, "refused": 2, "unreadable": 10}
    assert owned.values("steps") == {NEW_YEAR: 1, dt.date(2026, 1, 3): 4}
    assert owned.values("mood_note") == {dt.date(2026, 1, 2): "a\nb"}


def test_lines_of_json_that_say_nothing_are_listed_by_their_numbers(fed: Callable, owned: Sandbox) -> None:
    ran = fed(
        b'{"name": "steps", "date": "2026-01-01", "value": 1}\n'
        b'{"name": "steps", "date": "2026-01-01"}\n'
        b"\n"
        b'{"name": "steps", "date": "2026-01-01", "value": null}\n'
        b'{"name": "steps", "date": "2026-01-01", "value": NaN}\n'
        b'{"name": "steps", "date": "20260101", "value": 1}\n'
        b'{"name": "", "date": "2026-01-01", "value": 1}\n'
        b'{"name": "caf\xe9", "date": "2026-01-01", "value": 1}\n'
        b"steps,2026-01-01,1\n"
        b'["steps", "2026-01-01", 1]\n'
        b'{"name": "steps", "date": 20260101, "value": 1}\n'
        b'{"name": "steps", "date": "2026-01-02", "value": "2"}\n'
        b'{"name": "steps", "date": "2026-01-02", "value": true}\n'
        b'{"name": "steps", "date": "2026-01-02", "value": [2]}\n'
        b'{"name": "mood", "date": "2026-01-02", "value": 12}\n'
        b'{"name": "mood_note", "date": "2026-01-02", "value": 7}\n'
        b'{"name": "mood_note", "date": "2026-01-02", "value": false}\n'
        b'{"name": "no_such", "date": "2026-01-02", "value": "7"}\n'
        b'{"name": "tea", "date": "2026-01-02", "value": true}\n' + b"[" * 50_000
    )

    assert (ran.code, ran.err) == (1, ACQUIRE_FIRST)
    assert listed(ran.out) == {
        "2": "steps unreadable it is without: value",
        "4": "steps unreadable the value is empty: what a day has can be changed, and not taken away again",
        "5": "unreadable it is no JSON",
        "6": "steps unreadable '20260101' is no day: write YYYY-MM-DD",
        "7": "unreadable name is empty",
        "8": "unreadable it is not UTF-8",
        "9": "unreadable it is no JSON",
        "10": "unreadable it is no object: write name, date and value in braces",
        "11": "steps unreadable name and date are written in quotes",
        "12": "steps unreadable '2' is no number: write numbers without quotes",
        "13": "steps unreadable true is no number",
        "14": "steps unreadable a value is a number or a string",
        "15": "mood unreadable a scale must be from 1 to 9, not 12",
        "16": "mood_note unreadable 7 is no string: write strings in quotes",
        "17": "mood_note unreadable false is no string",
        "18": "no_such refused not_found Attribute 'no_such' does not exist",
        "20": "unreadable it is no JSON",
    }
    assert counted(ran.out) == {"written": 2, "refused": 1, "unreadable": 16}
    assert owned.values("tea") == {dt.date(2026, 1, 2): 1}


@pytest.mark.parametrize(
    ("first", "line"),
    [
        ("attribute,date,value", "line 1 looks like a header, without: name"),
        ("Value,When,What", "line 1 looks like a header, without: name, date"),
        ("date,value", "line 1 looks like a header, without: name"),
        ("name;date;value", "line 1: the columns are separated by ;: save it with commas"),
        ("weight;2026-01-01;72,5", "line 1: the columns are separated by ;: save it with commas"),
        ("name\tdate\tvalue", "line 1: the columns are separated by tabs: save it with commas"),
    ],
)
def test_columns_that_cannot_be_read_are_told_once_and_nothing_is_written(
    fed: Callable, owned: Sandbox, first: str, line: str
) -> None:
    ran = fed(f"{first}\nsteps,2026-01-01,1\n")

    assert (ran.code, ran.out, ran.err) == (1, "", f"exist-async: {line}\n")
    assert owned.values("steps") == {}


def test_a_note_that_looks_like_a_title_or_holds_semicolons_is_a_note(fed: Callable, owned: Sandbox) -> None:
    assert fed("mood_note,2026-01-01,value\n").code == 0
    assert fed("mood_note,2026-01-02,a;b;c\n").code == 0
    assert list(owned.values("mood_note").values()) == ["value", "a;b;c"]


def test_values_are_read_from_a_file(cli: Callable, owned: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "values.csv"
    file.write_text("steps,2026-01-01,7\noops\n")

    ran = cli("update", str(file))

    assert (ran.code, ran.err) == (1, "")
    assert listed(ran.out) == {
        "2": "oops unreadable it has 1, where 3 fields are wanted: name,date,value",
    }
    assert owned.values("steps") == {NEW_YEAR: 7}


def test_a_dash_is_standard_input(fed: Callable, owned: Sandbox) -> None:
    assert fed("steps,2026-01-01,7\n", "-").code == 0
    assert owned.values("steps") == {NEW_YEAR: 7}


def test_a_file_that_cannot_be_read_is_one_line(cli: Callable, owned: Sandbox, tmp_path: Path) -> None:
    missing = tmp_path / "no.csv"

    assert cli("update", str(missing)) == (1, "", f"exist-async: {missing} can't be read: No such file or directory\n")
    assert cli("update", str(tmp_path)) == (1, "", f"exist-async: {tmp_path} can't be read: Is a directory\n")
    assert owned.requests == []


def test_what_is_wrong_with_a_file_as_a_whole_is_told_by_its_name(
    cli: Callable, owned: Sandbox, tmp_path: Path
) -> None:
    file = tmp_path / "values.json"
    file.write_text("[]")

    assert cli("update", str(file)).err == (
        f"exist-async: {file} is a JSON array: write each of its objects into a line of its own\n"
    )


def test_quotes_that_are_never_closed_are_told_by_the_line_they_begin_in(fed: Callable, owned: Sandbox) -> None:
    ran = fed('steps,2026-01-01,1\nmood_note,2026-01-01,"a\nsteps,2026-01-02,2\n' + "x\n" * 100_000)

    assert ran.code == 1
    assert listed(ran.out) == {
        "2": "unreadable its quotes are not closed: from here on everything is inside of them",
    }
    assert owned.values("steps") == {NEW_YEAR: 1}


def test_a_record_that_is_far_too_long_does_not_stop_the_others(fed: Callable, owned: Sandbox) -> None:
    ran = fed('mood_note,2026-01-01,"' + "x\n" * 100_000 + '"\nsteps,2026-01-02,2\n')

    assert listed(ran.out) == {"1": "unreadable it is longer than 131072 characters"}
    assert owned.values("steps") == {dt.date(2026, 1, 2): 2}


def test_quotes_inside_of_a_field_are_nothing_special(fed: Callable, owned: Sandbox) -> None:
    assert fed('mood_note,2026-01-01,a 7" nail\nsteps,2026-01-01,1\n').code == 0
    assert owned.values("mood_note") == {NEW_YEAR: 'a 7" nail'}


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ('[{"name": "steps"}]', "standard input is a JSON array: write each of its objects into a line of its own"),
        ("steps,2026-01-01,1\n".encode("utf-16"), "standard input is UTF-16: save it as UTF-8"),
        (
            b"x" * 1_200_000,
            f"standard input has a line of more than 1048576 bytes: {b'x' * 50!r}…",
        ),
    ],
)
def test_what_is_no_list_of_lines_is_one_line_and_nothing_is_sent(
    fed: Callable, owned: Sandbox, content: str | bytes, line: str
) -> None:
    assert fed(content) == (1, "", f"exist-async: {line}\n")
    assert owned.requests == []


def test_no_lines_at_all_succeed_without_a_request(fed: Callable, owned: Sandbox) -> None:
    ran = fed("\n\n")

    assert (ran.code, ran.err) == (0, "")
    assert ran.out.split()[-2:] == ["written", "0"]
    assert owned.requests == []


def test_who_types_is_told_what_to_type(fed: Callable, owned: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "isatty", lambda _: True)

    ran = fed("steps,2026-01-01,1\n")

    assert (ran.code, ran.err) == (0, "Reading lines of name,date,value until Ctrl-D:\n")


def test_the_format_can_be_told(fed: Callable, owned: Sandbox) -> None:
    assert listed(fed("[1]\n", "--format", "jsonl").out) == {
        "1": "unreadable it is no object: write name, date and value in braces"
    }
    assert listed(fed("{steps},2026-01-01,1\n", "--format", "csv").out) == {
        "1": "{steps} refused not_found Attribute '{steps}' does not exist"
    }


def test_with_reacquire_what_is_lost_or_missing_is_acquired_and_written_as_its_own_type(
    fed: Callable, sandbox: Sandbox
) -> None:
    sandbox.add_attribute(name="notes", value_type=2)

    ran = fed("notes,2026-01-01,7\nmood_note,2026-01-01,8\nsteps,2026-01-01,9\n", "--reacquire")

    assert (ran.code, ran.err) == (0, "")
    assert [sandbox.values(name) for name in ("notes", "mood_note", "steps")] == [
        {NEW_YEAR: "7"},
        {NEW_YEAR: "8"},
        {NEW_YEAR: 9},
    ]


def test_who_has_asked_to_reacquire_is_not_told_to(fed: Callable, sandbox: Sandbox) -> None:
    ran = fed("no_such,2026-01-01,7\n", "--reacquire")

    assert (ran.code, ran.err) == (1, "")
    assert listed(ran.out)["1"].startswith("no_such refused not_found")


def test_any_number_of_lines_travels_thirty_five_a_request(fed: Callable, owned: Sandbox) -> None:
    days = [dt.date(2010, 1, 1) + dt.timedelta(days=number) for number in range(3000)]

    ran = fed("".join(f"steps,{day},{number}\n" for number, day in enumerate(days)))

    assert ran.code == 0
    assert sorted(owned.batch_sizes) == [25] + 85 * [35]
    assert owned.values("steps") == dict(zip(days, range(3000), strict=True))


def test_of_two_lines_about_one_day_the_later_one_stays(fed: Callable, owned: Sandbox) -> None:
    lines = "".join(f"steps,2026-01-01,{number}\n" for number in range(100))

    assert fed(lines).code == 0
    assert owned.values("steps") == {NEW_YEAR: 99}


def test_an_error_that_stops_the_write_tells_how_far_the_reading_came(fed: Callable, owned: Sandbox) -> None:
    owned.fail_next(status=401, path="update/", times=8)

    ran = fed("oops\n" + "".join(f"steps,{NEW_YEAR + dt.timedelta(days=day)},1\n" for day in range(2000)))

    assert ran.code == 1
    assert listed(ran.out)["1"].startswith("oops unreadable it has 1, where")
    assert "not sent" in ran.out
    last = int(ran.out.splitlines()[-1].removeprefix("Nothing was read after line ").removesuffix("."))
    counts = counted(ran.out.rpartition("\n\n")[0])
    assert counts.pop("written") == 0
    assert sum(counts.values()) == last < 2000
    assert ran.err.count("\n") == 1


def test_unknown_outcomes_are_listed_by_line_and_the_reason_is_told_once(fed: Callable, owned: Sandbox) -> None:
    owned.fail_next(3, status=500, path="update/", skip=1)
    lines = "".join(f"steps,{NEW_YEAR + dt.timedelta(days=day)},1\n" for day in range(40))

    ran = fed(lines)

    assert ran.code == 1
    unknown = listed(ran.out)
    assert len(unknown) in (5, 35)
    first, *others = unknown.values()
    assert first.startswith("steps unknown POST /api/2/attributes/update/:")
    assert set(others) == {"steps unknown as above"}


@pytest.mark.slow
def test_lines_are_sent_while_more_are_awaited(script: str, owned: Sandbox) -> None:
    with subprocess.Popen(
        [script, "update"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        for number in range(36):
            day = NEW_YEAR + dt.timedelta(days=number)
            running.stdin.write(f"steps,{day},".encode())
            running.stdin.flush()
            running.stdin.write(b"1\n")
            running.stdin.flush()
        give_up = time.monotonic() + 20
        while len(owned.values("steps")) < 35:
            assert time.monotonic() < give_up, "nothing was sent"
            time.sleep(0.01)
        running.stdin.close()

        assert running.wait(timeout=20) == 0
        assert running.stderr.read() == b""
    assert len(owned.values("steps")) == 36


@pytest.mark.slow
def test_ctrl_c_while_lines_are_awaited_ends_at_once(script: str, owned: Sandbox) -> None:
    with subprocess.Popen([script, "update"], stdin=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        running.stdin.write(b"steps,2026-01-01,1\n")
        running.stdin.flush()
        give_up = time.monotonic() + 20
        while not (owned.requests and owned.requests[-1].status):
            assert time.monotonic() < give_up, "nothing was asked"
            time.sleep(0.01)
        running.send_signal(signal.SIGINT)

        assert running.wait(timeout=20) == 130
        assert b"Traceback" not in running.stderr.read()
