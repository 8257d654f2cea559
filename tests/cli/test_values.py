"""The command `values`."""

import datetime as dt
from collections.abc import Callable

import pytest

from exist_async.sandbox import Sandbox

TODAY = dt.date(2026, 11, 21)


def days_ago(days: int) -> dt.date:
    return TODAY - dt.timedelta(days=days)


def test_in_a_pipe_it_prints_dates_and_values_in_exists_units_newest_first(cli: Callable, sandbox: Sandbox) -> None:
    sandbox.add_attribute(template="sleep")
    sandbox.set_values("sleep", {dt.date(2026, 11, 21): 450, dt.date(2026, 11, 18): 0})

    assert cli("values", "sleep") == (0, "2026-11-21\t450\n2026-11-18\t0\n", "")


def test_it_prints_thirty_days_up_to_the_users_current_day_by_default(cli: Callable, sandbox: Sandbox) -> None:
    sandbox.add_attribute(template="steps")
    sandbox.set_values("steps", {days_ago(days): days for days in range(-1, 130)})

    def printed_values(*options: str) -> list[int]:
        return [int(line.split("\t")[1]) for line in cli("values", "steps", *options).out.splitlines()]

    assert printed_values() == list(range(30))
    assert printed_values("--days", "1") == [0]
    assert printed_values("--days", "2", "--until", "yesterday") == [1, 2]
    assert printed_values("--days", "120", "--until", "2026-11-20") == list(range(1, 121))
    assert printed_values("--days", "99999999") == list(range(130))


@pytest.mark.parametrize(
    ("template", "value", "text"),
    [
        ("sleep", 450, "7 h 30 min"),
        ("sleep_end", 1395, "23:15"),
        ("sleep_start", 840, "02:00"),
        ("body_fat", 0.55, "55 %"),
        ("weight", 72.4, "72.4"),
        ("mood", 7, "7"),
        ("mood_note", "a\tquiet\r\nday [b]", "a quiet day [b]"),
    ],
)
def test_in_a_terminal_values_are_printed_in_everyday_units(
    at_terminal: Callable, sandbox: Sandbox, template: str, value: float | str, text: str
) -> None:
    label = sandbox.add_attribute(template=template).label
    sandbox.set_value(template, TODAY, value)

    result = at_terminal("values", template)

    assert (result.code, result.err) == (0, "")
    lines = [line.rstrip() for line in result.out.splitlines()]
    assert (lines[0].split(maxsplit=1), lines[2:]) == (["Date", label], [f"2026-11-21   {text}", "", "Values: 1"])


def test_in_a_terminal_booleans_are_printed_as_yes_and_no(at_terminal: Callable, sandbox: Sandbox) -> None:
    sandbox.add_attribute(name="tea")
    sandbox.set_values("tea", {days_ago(0): 1, days_ago(1): 0})

    assert [line.split() for line in at_terminal("values", "tea").out.splitlines()[2:4]] == [
        ["2026-11-21", "yes"],
        ["2026-11-20", "no"],
    ]


def test_in_a_pipe_text_of_several_lines_is_printed_in_one_line(cli: Callable, sandbox: Sandbox) -> None:
    sandbox.add_attribute(template="mood_note")
    sandbox.set_value("mood_note", TODAY, "a\tquiet\nday")

    assert cli("values", "mood_note").out == "2026-11-21\ta quiet day\n"


def test_days_missing_in_the_reply_are_left_out(cli: Callable, sandbox: Sandbox) -> None:
    sandbox.missing_days = "absent"
    sandbox.add_attribute(template="steps")
    sandbox.set_values("steps", {days_ago(2): 5, days_ago(3): 6})

    assert cli("values", "steps", "--days", "3").out == "2026-11-19\t5\n"


def test_a_low_priority_attribute_is_found(cli: Callable, sandbox: Sandbox) -> None:
    sandbox.add_attribute(template="steps", priority=10)
    sandbox.set_value("steps", TODAY, 5)

    assert cli("values", "steps").out == "2026-11-21\t5\n"


def test_an_inactive_attribute_is_reported_in_one_line_with_exit_code_1(cli: Callable, sandbox: Sandbox) -> None:
    sandbox.add_attribute(template="steps", active=False)
    sandbox.set_value("steps", TODAY, 5)

    assert cli("values", "steps") == (
        1,
        "",
        "exist-async: attribute 'steps' is inactive or owned by no service: acquire it to read its values\n",
    )


def test_an_unknown_attribute_is_reported_in_one_line_with_exit_code_1(cli: Callable, sandbox: Sandbox) -> None:
    assert cli("values", "stepz") == (
        1,
        "",
        "exist-async: attribute 'stepz' does not exist, or the token may not read it\n",
    )


def test_a_date_needs_no_request_for_the_users_current_day(cli: Callable, sandbox: Sandbox) -> None:
    sandbox.add_attribute(template="steps")

    assert cli("values", "steps", "--until", "2026-11-21") == (0, "", "")
    assert [request.path for request in sandbox.requests] == ["/api/2/attributes/", "/api/2/attributes/values/"]
