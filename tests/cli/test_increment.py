"""The command `increment`."""

import datetime as dt
from collections.abc import Callable

from exist_async.sandbox import Sandbox

TODAY = dt.date(2026, 11, 21)


def test_it_adds_to_the_users_current_day_and_prints_the_new_value(cli: Callable, sandbox: Sandbox) -> None:
    sandbox.add_attribute(template="coffees", service=sandbox.service)
    sandbox.set_value("coffees", TODAY, 2)

    assert cli("increment", "coffees", "1") == (0, "3\n", "")
    assert sandbox.requests[-1].json == [{"name": "coffees", "value": 1, "date": "2026-11-21"}]


def test_another_day_can_be_given_and_a_negative_number_subtracts(cli: Callable, sandbox: Sandbox) -> None:
    sandbox.add_attribute(template="water", service=sandbox.service)
    sandbox.set_value("water", dt.date(2026, 11, 20), 5)

    assert cli("increment", "water", "-2", "--date", "yesterday").out == "3\n"
    assert cli("increment", "water", "2", "--date", "2026-01-01").out == "2\n"


def test_decimals_are_added(cli: Callable, sandbox: Sandbox) -> None:
    sandbox.add_attribute(template="money_spent", service=sandbox.service)

    assert cli("increment", "money_spent", "2.50").out == "2.5\n"


def test_in_a_terminal_the_new_value_is_printed_in_everyday_units(at_terminal: Callable, sandbox: Sandbox) -> None:
    sandbox.add_attribute(template="meditation_min", service=sandbox.service)
    sandbox.set_value("meditation_min", TODAY, 50)

    assert at_terminal("increment", "meditation_min", "15") == (
        0,
        "meditation_min is now 1 h 5 min on 2026-11-21\n",
        "",
    )


def test_a_reply_without_the_new_value_prints_none(cli: Callable, at_terminal: Callable, sandbox: Sandbox) -> None:
    sandbox.add_attribute(template="coffees", service=sandbox.service)

    def without_current(reply: dict) -> dict:
        del reply["success"][0]["current"]
        return reply

    sandbox.rewrite_next(without_current, times=2, path="increment/")

    assert cli("increment", "coffees", "1") == (0, "\n", "")
    assert at_terminal("increment", "coffees", "1") == (0, "coffees: added 1 on 2026-11-21\n", "")


def test_a_refusal_is_printed_in_one_line_with_code_and_reason(cli: Callable, sandbox: Sandbox) -> None:
    sandbox.add_attribute(template="mood", service=sandbox.service)

    assert cli("increment", "mood", "1") == (
        1,
        "",
        ("exist-async: mood was refused: validation: Cannot increment a string, scale or time of day type\n"),
    )


def test_a_lost_answer_is_reported_as_an_unknown_outcome(cli: Callable, sandbox: Sandbox) -> None:
    sandbox.add_attribute(template="coffees", service=sandbox.service)
    sandbox.fail_next(drop=True, when="after", path="increment/")

    result = cli("increment", "coffees", "1")

    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("exist-async: ")
    assert "/api/2/attributes/increment/" in result.err
    assert "may have been carried out" in result.err
    assert sandbox.values("coffees") == {TODAY: 1}


def test_an_attribute_of_another_service_gets_the_advice_to_acquire_it(cli: Callable, sandbox: Sandbox) -> None:
    sandbox.add_attribute(template="coffees")

    assert cli("increment", "coffees", "1") == (
        1,
        "",
        (
            "exist-async: coffees was refused: unauthorised: Attribute 'coffees' does not belong to this service\n"
            "exist-async: only attributes that this service owns can be changed: run exist-async acquire coffees "
            "first, with --by-name if it is not a template\n"
        ),
    )
