"""The command `update`."""

import datetime as dt
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from exist_async import ConfigurationError, ValueType, ValueUpdate
from exist_async.sandbox import Sandbox

NEW_YEAR = dt.date(2026, 1, 1)


def rows_by_line(out: str) -> dict[str, str]:
    """Return the rows of the table of failures, by line number."""
    table = out.split("\n\n")[0].splitlines()
    return {line.split()[0]: " ".join(line.split()[1:]) for line in table[2:]}


def counts(out: str) -> dict[str, int]:
    """Return the table of counts, by outcome."""
    table = re.search(r"^Outcome +Items\n─+\n((?:.+\n?)+)", out, re.MULTILINE)
    rows = [line.rsplit(maxsplit=1) for line in table[1].splitlines()]
    return {row[0].strip(): int(row[1]) for row in rows}


def error_of(function: Callable[..., object], *arguments: object) -> str:
    """Return the message of the ConfigurationError that a function raises."""
    with pytest.raises(ConfigurationError) as error:
        function(*arguments)
    return str(error.value)


SCALE_ERROR = error_of(ValueType.SCALE.from_python, 12)
NAME_ERROR = error_of(ValueUpdate, "", NEW_YEAR, 1)
ACQUIRE_FIRST = (
    "exist-async: only attributes that this service owns can be written: run exist-async acquire NAME for the others "
    "first, with --by-name if NAME is not a template, or add --reacquire\n"
)


EXPECTED_COLUMNS = (
    "but expected are the columns name, date, value, in this order or in that of a header. If a column is called "
    "otherwise, rename it. If each attribute has a column of its own, write a line for each value: 2026-11-20,8123 "
    "under date,steps becomes steps,2026-11-20,8123 under name,date,value"
)


@pytest.fixture
def owned(sandbox: Sandbox) -> Sandbox:
    """The sandbox, with owned attributes of many value types."""
    for template in ("steps", "sleep", "weight", "mood", "mood_note", "body_fat"):
        sandbox.add_attribute(template=template, service=sandbox.service)
    sandbox.add_attribute(name="tea", service=sandbox.service)
    return sandbox


@pytest.fixture
def update(cli: Callable, standard_input: Callable[[bytes], None]) -> Callable:
    """Run `update` with a standard input."""

    def call(content: str | bytes, *options: str) -> tuple[int, str, str]:
        standard_input(content.encode() if isinstance(content, str) else content)
        return cli("update", *options)

    return call


def test_the_values_of_a_csv_are_sent_and_counted(update: Callable, owned: Sandbox) -> None:
    result = update("name,date,value\nsteps,2026-01-01,8123\nsleep,2026-01-01,450\n")

    assert (result.code, result.err) == (0, "")
    assert result.out.split() == ["Outcome", "Items", "─" * 15, "written", "2"]
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
        "name,date,value\rsteps,2026-01-01,7\r",
        "name,date,value\r\rsteps,2026-01-01,7",
        "name,date,value\r\r\nsteps,2026-01-01,7\r\r\n",
        '{"name": "steps", "date": "2026-01-01", "value": 7}\r',
        '{"name": "steps", "date": "2026-01-01", "value": 7}\n',
        '\ufeff\n  {"value": 7, "more": [], "date": "2026-01-01", "name": "steps"}',
    ],
)
def test_blank_lines_headers_quotes_line_ends_and_json_are_accepted(
    update: Callable, owned: Sandbox, content: str
) -> None:
    result = update(content)

    assert (result.code, result.err) == (0, "")
    assert result.out.split()[-2:] == ["written", "1"]
    assert owned.values("steps") == {NEW_YEAR: 7}


@pytest.mark.parametrize(
    ("name", "text", "value"),
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
        ("mood_note", '"one\r\n""two"", é"', 'one\r\n"two", é'),
        ("tea", "yes", 1),
        ("tea", "False", 0),
        ("tea", "1", 1),
    ],
)
def test_text_is_converted_by_the_value_type_of_the_attribute(
    update: Callable, owned: Sandbox, name: str, text: str, value: float | str
) -> None:
    assert update(f"{name},2026-01-01,{text}\n").code == 0
    assert owned.values(name) == {NEW_YEAR: value}
    assert type(owned.values(name)[NEW_YEAR]) is type(value)


def test_the_value_types_of_inactive_and_low_priority_attributes_are_used(update: Callable, sandbox: Sandbox) -> None:
    sandbox.add_attribute(template="mood_note", service=sandbox.service, active=False, priority=12)

    assert update("mood_note,2026-01-01,7\n").code == 0
    assert sandbox.values("mood_note") == {NEW_YEAR: "7"}


def test_a_token_with_write_scopes_alone_uses_the_value_types_of_owned_attributes(
    update: Callable, owned: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXIST_TOKEN", owned.issue_token(scopes=["mood_write"]))

    assert update("mood_note,2026-01-01,7\n").code == 0


def test_each_csv_line_that_was_not_accepted_is_listed_with_its_number(update: Callable, owned: Sandbox) -> None:
    owned.add_attribute(template="coffees")
    result = update(
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

    assert (result.code, result.err) == (1, ACQUIRE_FIRST)
    assert rows_by_line(result.out) == {
        "3": "steps unreadable 2026-02-30 does not exist in the calendar",
        "5": "steps unreadable '01.01.2026' is not a date: write YYYY-MM-DD",
        "8": "coffees refused unauthorised Attribute 'coffees' does not belong to this service",
        "9": "no_such refused not_found Attribute 'no_such' does not exist",
        "10": "steps unreadable expected 3 fields (date,name,value), found 2",
        "11": "weight unreadable 'NaN' is not a number",
        "13": "steps unreadable '1_000' is not a number",
        "14": f"mood unreadable {SCALE_ERROR}",
        "15": f"unreadable {NAME_ERROR}",
        "16": "unreadable not UTF-8",
        "17": "unreadable not valid CSV: ',' expected after '\"'",
    }
    assert counts(result.out) == {"written": 3, "refused": 2, "unreadable": 9}
    assert owned.values("steps") == {NEW_YEAR: 1, dt.date(2026, 1, 3): 4}
    assert owned.values("mood_note") == {dt.date(2026, 1, 2): "a\nb"}


def test_each_json_line_that_was_not_accepted_is_listed_with_its_number(update: Callable, owned: Sandbox) -> None:
    result = update(
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

    assert (result.code, result.err) == (1, ACQUIRE_FIRST)
    assert rows_by_line(result.out) == {
        "2": "steps unreadable missing: value",
        "5": "unreadable not valid JSON",
        "6": "steps unreadable '20260101' is not a date: write YYYY-MM-DD",
        "7": f"unreadable {NAME_ERROR}",
        "8": "unreadable not UTF-8",
        "9": "unreadable not valid JSON",
        "10": "unreadable not a JSON object: write name, date and value in braces",
        "11": "steps unreadable name and date must be strings in quotes",
        "12": "steps unreadable '2' is not a number: write numbers without quotes",
        "13": "steps unreadable true is not a number",
        "14": "steps unreadable a value must be a number or a string",
        "15": f"mood unreadable {SCALE_ERROR}",
        "16": "mood_note unreadable 7 is not a string: write strings in quotes",
        "17": "mood_note unreadable false is not a string",
        "18": "no_such refused not_found Attribute 'no_such' does not exist",
        "20": "unreadable not valid JSON",
    }
    assert counts(result.out) == {"written": 2, "refused": 1, "unreadable": 15}
    assert owned.values("tea") == {dt.date(2026, 1, 2): 1}


@pytest.mark.parametrize(
    ("first", "line"),
    [
        ("attribute,date,value", f"line 1 is 'attribute,date,value', {EXPECTED_COLUMNS}"),
        (" Datum , Schritte ", f"line 1 is 'Datum,Schritte', {EXPECTED_COLUMNS}"),
        ("date,value", f"line 1 is 'date,value', {EXPECTED_COLUMNS}"),
        ("Date,steps,mood", f"line 1 is 'Date,steps,mood', {EXPECTED_COLUMNS}"),
        ("date,2nd,3rd,4th", f"line 1 is 'date,2nd,3rd,4th', {EXPECTED_COLUMNS}"),
        ("2026-01-01,8123,6", f"line 1 is '2026-01-01,8123,6', {EXPECTED_COLUMNS}"),
        ("date;mood", "line 1: the columns are separated by semicolons: save the file with commas"),
        ("name;date;value", "line 1: the columns are separated by semicolons: save the file with commas"),
        ("weight;2026-01-01;72,5", "line 1: the columns are separated by semicolons: save the file with commas"),
        ("name\tdate\tvalue", "line 1: the columns are separated by tabs: save the file with commas"),
        ("mood|2026-01-01|5", "line 1: the columns are separated by vertical bars: save the file with commas"),
    ],
)
def test_unusable_columns_are_reported_once_and_nothing_is_sent(
    update: Callable, owned: Sandbox, first: str, line: str
) -> None:
    result = update(f"{first}\nsteps,2026-01-01,1\n")

    assert (result.code, result.out, result.err) == (1, "", f"exist-async: {line}\n")
    assert owned.values("steps") == {}


@pytest.mark.parametrize(
    ("header", "repeated"),
    [
        ("name,date,value,value", "value"),
        ("Name,Date,Value, VALUE ", "value"),
        ("name,date,value,\u200bvalue\ufeff", "value"),
        ("date,name,Date,value,name", "date, name"),
        ("name,date,value,Unit,unit", "unit"),
    ],
)
def test_a_header_with_two_columns_of_one_name_is_refused_and_nothing_is_sent(
    update: Callable, owned: Sandbox, header: str, repeated: str
) -> None:
    result = update(f"{header}\nmood,2026-01-01,6,3,1\n")

    assert (result.code, result.out) == (1, "")
    assert result.err == (
        f"exist-async: line 1 names a column twice: {repeated}. Remove or rename one of them: which of the values is "
        "meant can't be known\n"
    )
    assert owned.values("mood") == {}


def test_columns_without_a_title_are_not_taken_for_repeated_ones(update: Callable, owned: Sandbox) -> None:
    assert update("name,date,value,, \nmood,2026-01-01,6,,\n").code == 0
    assert owned.values("mood") == {NEW_YEAR: 6}


def test_a_json_object_with_two_members_of_one_name_is_refused(update: Callable, owned: Sandbox) -> None:
    result = update(
        '{"name": "mood", "date": "2026-01-01", "value": 6, "val\\u0075e": 3}\n'
        '{"name": "mood", "date": "2026-01-02", "value": 6, "more": {"value": 1}}\n'
    )

    assert result.code == 1
    assert rows_by_line(result.out) == {"1": "unreadable the member 'value' is there twice: remove one"}
    assert owned.values("mood") == {dt.date(2026, 1, 2): 6}


@pytest.mark.parametrize("nothing", ["", "   ", "\t", "\u00a0", "\u200b\ufeff", '""', '" \r\n"'])
def test_an_empty_cell_leaves_the_stored_value_alone(update: Callable, owned: Sandbox, nothing: str) -> None:
    for name, value in (("mood_note", "a note"), ("steps", 5), ("tea", 1)):
        owned.set_value(name, NEW_YEAR, value)
    result = update(
        "name,date,value\nweight,2026-01-01,70\n"
        + "".join(f"{name},2026-01-01,{nothing}\n" for name in ("mood_note", "steps", "tea", "not_there"))
    )

    assert (result.code, result.err) == (0, "")
    assert counts(result.out) == {"written": 1}
    assert result.out.endswith("\n\n4 values were empty: nothing was written for them.\n")
    assert [owned.values(name)[NEW_YEAR] for name in ("mood_note", "steps", "tea")] == ["a note", 5, 1]


@pytest.mark.parametrize("nothing", ["null", '""', '" "', '"\\u200b"'])
def test_an_empty_json_value_leaves_the_stored_value_alone(update: Callable, owned: Sandbox, nothing: str) -> None:
    owned.set_value("mood_note", NEW_YEAR, "a note")
    result = update(
        f'{{"name": "mood_note", "date": "2026-01-01", "value": {nothing}}}\n'
        '{"name": "mood_note", "date": "2026-01-02", "value": "another"}\n'
    )

    assert (result.code, result.err) == (0, "")
    assert counts(result.out) == {"written": 1}
    assert result.out.endswith("\n\n1 value was empty: nothing was written for it.\n")
    assert owned.values("mood_note")[NEW_YEAR] == "a note"


def test_an_input_of_empty_values_alone_succeeds_and_says_so(update: Callable, owned: Sandbox) -> None:
    result = update("mood_note,2026-01-01,\nmood_note,2026-01-02,\nmood_note,,\n,2026-01-03,\n")

    assert (result.code, result.err) == (0, "")
    assert result.out.endswith("\n\nNothing was written: all values that were read are empty (4).\n")
    assert [request for request in owned.requests if request.method == "POST"] == []


def test_an_empty_value_does_not_hide_a_wrong_date(update: Callable, owned: Sandbox) -> None:
    csv = update("steps,8123,\n")
    json = update('{"name": "steps", "date": "20260101", "value": null}\n')

    assert (csv.code, json.code) == (1, 1)
    assert rows_by_line(csv.out) == {"1": "steps unreadable '8123' is not a date: write YYYY-MM-DD"}
    assert rows_by_line(json.out) == {"1": "steps unreadable '20260101' is not a date: write YYYY-MM-DD"}


def test_a_note_of_one_new_emoji_is_not_taken_for_empty(update: Callable, owned: Sandbox) -> None:
    notes = ["\U0001fae9", "\ue000", "\U0001f469\u200d\U0001f467"]

    assert update("".join(f"mood_note,2026-01-0{day},{note}\n" for day, note in enumerate(notes, 1))).code == 0
    assert list(owned.values("mood_note").values()) == notes


def test_a_first_row_with_a_date_is_not_taken_for_a_header(update: Callable, owned: Sandbox) -> None:
    assert update("mood_note,2026-01-01,value\n").code == 0
    assert update("mood_note,2026-01-02,a;b;c\n").code == 0
    assert list(owned.values("mood_note").values()) == ["value", "a;b;c"]


def test_a_file_is_read(cli: Callable, owned: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "values.csv"
    file.write_text("steps,2026-01-01,7\noops\n")

    result = cli("update", str(file))

    assert (result.code, result.err) == (1, "")
    assert rows_by_line(result.out) == {
        "2": "oops unreadable expected 3 fields (name,date,value), found 1",
    }
    assert owned.values("steps") == {NEW_YEAR: 7}


def test_a_dash_reads_standard_input(update: Callable, owned: Sandbox) -> None:
    assert update("steps,2026-01-01,7\n", "-").code == 0
    assert owned.values("steps") == {NEW_YEAR: 7}


def test_a_file_that_cannot_be_read_is_reported_in_one_line(cli: Callable, owned: Sandbox, tmp_path: Path) -> None:
    missing = tmp_path / "no.csv"

    assert cli("update", str(missing)) == (1, "", f"exist-async: {missing} can't be read: No such file or directory\n")
    assert cli("update", str(tmp_path)) == (1, "", f"exist-async: {tmp_path} can't be read: Is a directory\n")
    assert owned.requests == []


def test_an_error_about_a_whole_file_contains_its_name(cli: Callable, owned: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "values.json"
    file.write_text("[]")

    assert cli("update", str(file)).err == (f"exist-async: {file} is a JSON array: write one object a line instead\n")


def test_unclosed_quotes_are_reported_with_the_line_that_they_begin_in(update: Callable, owned: Sandbox) -> None:
    result = update('steps,2026-01-01,1\nmood_note,2026-01-01,"a\nsteps,2026-01-02,2\n' + "x\n" * 100_000)

    assert result.code == 1
    assert rows_by_line(result.out) == {
        "2": "unreadable unclosed quotes: the rest of the input is inside of them",
    }
    assert owned.values("steps") == {NEW_YEAR: 1}


def test_a_record_that_is_too_long_does_not_stop_the_others(update: Callable, owned: Sandbox) -> None:
    result = update('mood_note,2026-01-01,"' + "x\n" * 100_000 + '"\nsteps,2026-01-02,2\n')

    assert rows_by_line(result.out) == {"1": "unreadable longer than 131072 characters"}
    assert owned.values("steps") == {dt.date(2026, 1, 2): 2}


def test_lines_that_end_with_carriage_returns_alone_are_numbered_and_keep_those_inside_of_quotes(
    update: Callable, owned: Sandbox
) -> None:
    result = update('name,date,value\rmood_note,2026-01-01,"a\rb\nc"\rsteps,2026-01-02,x\r\rsteps,2026-01-03,1\r')

    assert rows_by_line(result.out) == {"5": "steps unreadable 'x' is not a number"}
    assert owned.values("mood_note") == {NEW_YEAR: "a\rb\nc"}
    assert owned.values("steps") == {dt.date(2026, 1, 3): 1}


def test_a_carriage_return_in_a_file_of_line_feeds_does_not_cut_a_text_in_two(update: Callable, owned: Sandbox) -> None:
    result = update("name,date,value\nmood_note,2026-01-01,a\rb\nsteps,2026-01-01,1\n")

    assert rows_by_line(result.out) == {
        "2": "unreadable a carriage return outside of quotes: write a line feed at the end of each line"
    }
    assert (owned.values("mood_note"), owned.values("steps")) == ({}, {NEW_YEAR: 1})


def test_quotes_inside_an_unquoted_field_are_part_of_it(update: Callable, owned: Sandbox) -> None:
    assert update('mood_note,2026-01-01,a 7" nail\nsteps,2026-01-01,1\n').code == 0
    assert owned.values("mood_note") == {NEW_YEAR: 'a 7" nail'}


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ('[{"name": "steps"}]', "standard input is a JSON array: write one object a line instead"),
        ("steps,2026-01-01,1\n".encode("utf-16"), "standard input is encoded in UTF-16: save it as UTF-8"),
        (
            b"x" * 1_200_000,
            f"standard input has a line of more than 1048576 bytes: {b'x' * 50!r}…",
        ),
    ],
)
def test_input_of_another_kind_is_reported_in_one_line_and_nothing_is_sent(
    update: Callable, owned: Sandbox, content: str | bytes, line: str
) -> None:
    assert update(content) == (1, "", f"exist-async: {line}\n")
    assert owned.requests == []


def test_empty_input_succeeds_without_a_request(update: Callable, owned: Sandbox) -> None:
    result = update("\n\n")

    assert (result.code, result.err) == (0, "")
    assert result.out.split()[-2:] == ["written", "0"]
    assert owned.requests == []


def test_input_typed_into_a_terminal_gets_instructions(
    update: Callable, owned: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "isatty", lambda _: True)

    result = update("steps,2026-01-01,1\n")

    assert (result.code, result.err) == (0, "Enter lines of name,date,value, and end with Ctrl-D:\n")


def test_the_format_can_be_given(update: Callable, owned: Sandbox) -> None:
    assert rows_by_line(update("[1]\n", "--format", "jsonl").out) == {
        "1": "unreadable not a JSON object: write name, date and value in braces"
    }
    assert rows_by_line(update("{steps},2026-01-01,1\n", "--format", "csv").out) == {
        "1": "{steps} refused not_found Attribute '{steps}' does not exist"
    }


def test_reacquire_acquires_attributes_and_converts_values_by_their_types(update: Callable, sandbox: Sandbox) -> None:
    sandbox.add_attribute(name="notes", value_type=2)

    result = update("notes,2026-01-01,7\nmood_note,2026-01-01,8\nsteps,2026-01-01,9\n", "--reacquire")

    assert (result.code, result.err) == (0, "")
    assert [sandbox.values(name) for name in ("notes", "mood_note", "steps")] == [
        {NEW_YEAR: "7"},
        {NEW_YEAR: "8"},
        {NEW_YEAR: 9},
    ]


def test_reacquire_is_not_recommended_if_it_was_given(update: Callable, sandbox: Sandbox) -> None:
    result = update("no_such,2026-01-01,7\n", "--reacquire")

    assert (result.code, result.err) == (1, "")
    assert rows_by_line(result.out)["1"].startswith("no_such refused not_found")


def test_any_number_of_lines_is_sent_35_a_request(update: Callable, owned: Sandbox) -> None:
    days = [dt.date(2010, 1, 1) + dt.timedelta(days=number) for number in range(3000)]

    result = update("".join(f"steps,{day},{number}\n" for number, day in enumerate(days)))

    assert result.code == 0
    assert sorted(owned.batch_sizes) == [25] + 85 * [35]
    assert owned.values("steps") == dict(zip(days, range(3000), strict=True))


def test_of_several_lines_about_one_day_the_last_one_is_stored(update: Callable, owned: Sandbox) -> None:
    lines = "".join(f"steps,2026-01-01,{number}\n" for number in range(100))

    assert update(lines).code == 0
    assert owned.values("steps") == {NEW_YEAR: 99}


def test_an_error_that_stops_the_write_reports_the_last_line_that_was_read(update: Callable, owned: Sandbox) -> None:
    owned.fail_next(status=401, path="update/", times=8)

    result = update("oops\n" + "".join(f"steps,{NEW_YEAR + dt.timedelta(days=day)},1\n" for day in range(12_000)))

    assert result.code == 1
    assert rows_by_line(result.out)["1"].startswith("oops unreadable expected 3 fields")
    assert "not sent" in result.out
    last = int(result.out.splitlines()[-1].removeprefix("Nothing was read after line ").removesuffix("."))
    numbers = counts(result.out.rpartition("\n\n")[0])
    assert numbers.pop("written") == 0
    assert sum(numbers.values()) == last < 12_000
    assert result.err.count("\n") == 1


def test_lines_about_one_day_are_one_value_and_no_failure(update: Callable, owned: Sandbox) -> None:
    result = update("".join(f"steps,{NEW_YEAR},{number}\n" for number in range(1, 101)))

    assert result.code == 0
    assert counts(result.out) == {"written": 1, "superseded": 99}
    assert result.out.split()[:2] == ["Outcome", "Items"]  # no table of failures
    assert owned.values("steps") == {NEW_YEAR: 100}


def test_unknown_outcomes_are_listed_by_line_and_their_reason_only_once(update: Callable, owned: Sandbox) -> None:
    owned.fail_next(3, status=500, path="update/", skip=1)
    lines = "".join(f"steps,{NEW_YEAR + dt.timedelta(days=day)},1\n" for day in range(40))

    result = update(lines)

    assert result.code == 1
    unknown = rows_by_line(result.out)
    assert len(unknown) in (5, 35)
    first, *others = unknown.values()
    assert first.startswith("steps unknown ")
    assert "/api/2/attributes/update/" in first
    assert set(others) == {"steps unknown as above"}


@pytest.mark.slow
def test_lines_are_sent_while_more_are_awaited(start: Callable, wait_until: Callable, owned: Sandbox) -> None:
    running = start("update")
    for number in range(36):
        day = NEW_YEAR + dt.timedelta(days=number)
        running.stdin.write(f"steps,{day},".encode())
        running.stdin.flush()
        running.stdin.write(b"1\n")
        running.stdin.flush()
    wait_until(lambda: len(owned.values("steps")) == 36)
    running.stdin.close()

    assert running.wait(timeout=20) == 0
    assert running.stderr.read() == b""
    assert len(owned.values("steps")) == 36


@pytest.mark.slow
def test_ctrl_c_while_lines_are_awaited_ends_it_at_once(start: Callable, wait_until: Callable, owned: Sandbox) -> None:
    running = start("update")
    running.stdin.write(b"steps,2026-01-01,1\n")
    running.stdin.flush()
    wait_until(lambda: owned.requests and owned.requests[-1].status)
    running.send_signal(signal.SIGINT)

    assert running.wait(timeout=20) == 130
    assert b"Traceback" not in running.stderr.read()
