"""The command `increment`."""

import datetime as dt
from collections.abc import Callable

from exist_async.sandbox import Sandbox

TODAY = dt.date(2026, 11, 21)


def test_it_adds_to_the_users_today_and_prints_what_there_is_now(cli: Callable, sandbox: Sandbox) -> None:
    sandbox.add_attribute(template="coffees", service=sandbox.service)
    sandbox.set_value("coffees", TODAY, 2)

    assert cli("increment", "coffees", "1") == (0, "3\n", "")
    assert sandbox.requests[-1].json == [{"name": "coffees", "value": 1, "date": "2026-11-21"}]


def test_another_day_can_be_named_and_something_taken_away(cli: Callable, sandbox: Sandbox) -> None:
    sandbox.add_attribute(template="water", service=sandbox.service)
    sandbox.set_value("water", dt.date(2026, 11, 20), 5)

    assert cli("increment", "water", "-2", "--date", "yesterday").out == "3\n"
    assert cli("increment", "water", "2", "--date", "2026-01-01").out == "2\n"


def test_decimals_are_added(cli: Callable, sandbox: Sandbox) -> None:
    sandbox.add_attribute(template="money_spent", service=sandbox.service)

    assert cli("increment", "money_spent", "2.50").out == "2.5\n"


def test_in_a_terminal_it_is_said_as_people_say_it(at_terminal: Callable, sandbox: Sandbox) -> None:
    sandbox.add_attribute(template="meditation_min", service=sandbox.service)
    sandbox.set_value("meditation_min", TODAY, 50)

    assert at_terminal("increment", "meditation_min", "15") == (0, "meditation_min has 1 h 5 min on 2026-11-21\n", "")


def test_where_exist_does_not_say_what_there_is_now_nothing_is_made_up(
    cli: Callable, at_terminal: Callable, sandbox: Sandbox
) -> None:
    sandbox.add_attribute(template="coffees", service=sandbox.service)

    def without_current(reply: dict) -> dict:
        del reply["success"][0]["current"]
        return reply

    sandbox.rewrite_next(without_current, times=2, path="increment/")

    assert cli("increment", "coffees", "1") == (0, "\n", "")
    assert at_terminal("increment", "coffees", "1") == (0, "coffees: added 1 on 2026-11-21\n", "")


def test_a_refusal_is_one_line_with_its_code_and_words(cli: Callable, sandbox: Sandbox) -> None:
    sandbox.add_attribute(template="mood", service=sandbox.service)

    assert cli("increment", "mood", "1") == (
        1,
        "",
        ("exist-async: mood was refused: validation: Cannot increment a string, scale or time of day type\n"),
    )


def test_a_lost_answer_says_that_it_may_have_been_added(cli: Callable, sandbox: Sandbox) -> None:
    sandbox.add_attribute(template="coffees", service=sandbox.service)
    sandbox.fail_next(drop=True, when="after", path="increment/")

    ran = cli("increment", "coffees", "1")

    assert (ran.code, ran.out) == (1, "")
    assert ran.err.endswith("It may have been carried out. Look before you do it again: it may count twice.\n")
    assert sandbox.values("coffees") == {TODAY: 1}


def test_what_this_service_does_not_own_is_to_be_acquired_first(cli: Callable, sandbox: Sandbox) -> None:
    sandbox.add_attribute(template="coffees")

    assert cli("increment", "coffees", "1") == (
        1,
        "",
        (
            "exist-async: coffees was refused: unauthorised: Attribute 'coffees' does not belong to this service\n"
            "exist-async: this service can add to what it owns: acquire it first (exist-async acquire coffees, with "
            "--by-name if it is no template)\n"
        ),
    )
