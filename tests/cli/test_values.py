"""The command `values`."""

import datetime as dt
from collections.abc import Callable

import pytest

from exist_async.sandbox import Sandbox

TODAY = dt.date(2026, 11, 21)


def days_ago(days: int) -> dt.date:
    return TODAY - dt.timedelta(days=days)


def test_into_a_pipe_go_the_days_and_the_values_as_exist_writes_them_newest_first(
    cli: Callable, sandbox: Sandbox
) -> None:
    sandbox.add_attribute(template="sleep")
    sandbox.set_values("sleep", {dt.date(2026, 11, 21): 450, dt.date(2026, 11, 18): 0})

    assert cli("values", "sleep") == (0, "2026-11-21\t450\n2026-11-18\t0\n", "")


def test_thirty_days_up_to_the_users_today_are_shown_unless_others_are_asked_for(
    cli: Callable, sandbox: Sandbox
) -> None:
    sandbox.add_attribute(template="steps")
    sandbox.set_values("steps", {days_ago(days): days for days in range(-1, 130)})

    def shown(*options: str) -> list[int]:
        return [int(line.split("\t")[1]) for line in cli("values", "steps", *options).out.splitlines()]

    assert shown() == list(range(30))
    assert shown("--days", "1") == [0]
    assert shown("--days", "2", "--until", "yesterday") == [1, 2]
    assert shown("--days", "120", "--until", "2026-11-20") == list(range(1, 121))
    assert shown("--days", "99999999") == list(range(130))


@pytest.mark.parametrize(
    ("template", "value", "shown"),
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
def test_in_a_terminal_values_are_written_as_people_write_them(
    at_terminal: Callable, sandbox: Sandbox, template: str, value: float | str, shown: str
) -> None:
    label = sandbox.add_attribute(template=template).label
    sandbox.set_value(template, TODAY, value)

    ran = at_terminal("values", template)

    assert (ran.code, ran.err) == (0, "")
    lines = [line.rstrip() for line in ran.out.splitlines()]
    assert (lines[0].split(maxsplit=1), lines[2:]) == (["Date", label], [f"2026-11-21   {shown}", "", "Values: 1"])


def test_in_a_terminal_a_tag_is_yes_or_no(at_terminal: Callable, sandbox: Sandbox) -> None:
    sandbox.add_attribute(name="tea")
    sandbox.set_values("tea", {days_ago(0): 1, days_ago(1): 0})

    assert [line.split() for line in at_terminal("values", "tea").out.splitlines()[2:4]] == [
        ["2026-11-21", "yes"],
        ["2026-11-20", "no"],
    ]


def test_text_of_several_lines_stays_one_line_in_a_pipe(cli: Callable, sandbox: Sandbox) -> None:
    sandbox.add_attribute(template="mood_note")
    sandbox.set_value("mood_note", TODAY, "a\tquiet\nday")

    assert cli("values", "mood_note").out == "2026-11-21\ta quiet day\n"


def test_days_that_exist_leaves_out_make_no_difference(cli: Callable, sandbox: Sandbox) -> None:
    sandbox.missing_days = "absent"
    sandbox.add_attribute(template="steps")
    sandbox.set_values("steps", {days_ago(2): 5, days_ago(3): 6})

    assert cli("values", "steps", "--days", "3").out == "2026-11-19\t5\n"


def test_an_inactive_attribute_is_found(cli: Callable, sandbox: Sandbox) -> None:
    sandbox.add_attribute(template="steps", active=False, priority=10)
    sandbox.set_value("steps", TODAY, 5)

    assert cli("values", "steps").out == "2026-11-21\t5\n"


def test_an_unknown_attribute_is_one_line_and_code_1(cli: Callable, sandbox: Sandbox) -> None:
    assert cli("values", "stepz") == (
        1,
        "",
        "exist-async: there is no attribute 'stepz', or the token may not read it\n",
    )


def test_a_written_out_day_asks_for_no_profile(cli: Callable, sandbox: Sandbox) -> None:
    sandbox.add_attribute(template="steps")

    assert cli("values", "steps", "--until", "2026-11-21") == (0, "", "")
    assert [request.path for request in sandbox.requests] == ["/api/2/attributes/", "/api/2/attributes/values/"]
