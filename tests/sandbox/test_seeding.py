"""Seeding values, and reading them back."""

from datetime import UTC, date, datetime, timedelta

import pytest

DAY = date(2026, 11, 20)


def test_seeded_values_are_returned_oldest_first(sandbox):
    sandbox.add_attribute(template="steps")

    sandbox.set_values("steps", {DAY: 3, DAY - timedelta(2): 1})
    sandbox.set_value("steps", DAY - timedelta(1), 2)
    sandbox.set_value("steps", DAY, 4)

    assert list(sandbox.values("steps").items()) == [(date(2026, 11, 18), 1), (date(2026, 11, 19), 2), (DAY, 4)]


def test_the_returned_values_are_a_copy(sandbox):
    sandbox.add_attribute(template="steps")
    sandbox.set_value("steps", DAY, 4)

    sandbox.values("steps").clear()

    assert sandbox.values("steps") == {DAY: 4}


def test_setting_no_values_changes_nothing(sandbox):
    steps = sandbox.add_attribute(template="steps")

    sandbox.set_values("steps", {})

    assert sandbox.values("steps") == {}
    assert (steps.history.first, steps.history.last) == (None, None)


def test_the_history_has_a_first_and_a_last_day(sandbox):
    steps = sandbox.add_attribute(template="steps")

    sandbox.set_values("steps", {DAY - timedelta(5): 1, DAY: 2, DAY - timedelta(9): 3})
    sandbox.set_value("steps", DAY - timedelta(1), 4)

    assert (steps.history.first, steps.history.last) == (date(2026, 11, 11), DAY)


def test_users_have_their_own_values(sandbox):
    grace = sandbox.add_user("grace")
    for user in (sandbox.user, grace):
        sandbox.add_attribute(user, template="steps")

    sandbox.set_value("steps", DAY, 7, grace)

    assert sandbox.values("steps", grace) == {DAY: 7}
    assert sandbox.values("steps") == {}


def test_seeded_values_are_converted_as_in_the_api(sandbox):
    sandbox.add_attribute(name="tag")
    sandbox.add_attribute(template="weight")

    sandbox.set_value("tag", DAY, True)
    sandbox.set_value("weight", DAY, 70)

    assert [repr(value) for name in ("tag", "weight") for value in sandbox.values(name).values()] == ["1", "70.0"]


@pytest.mark.parametrize(
    ("name", "day", "value", "message"),
    [
        ("moood", DAY, 7, "user 'ada' has no attribute 'moood'"),
        ("mood", DAY, 10, "'mood' on 2026-11-20: Value is out of range, expected 1 to 9"),
        ("mood", DAY, None, "'mood' on 2026-11-20: Cannot apply null to an integer type"),
        ("weight", DAY, float("nan"), "'weight' on 2026-11-20: Value is out of range, expected a finite number"),
        ("weight", DAY, float("inf"), "'weight' on 2026-11-20: Value is out of range, expected a finite number"),
        ("weight", DAY, DAY, "'weight' on 2026-11-20: Cannot apply a date to a float type"),
        ("mood", "2026-11-20", 7, "the keys of values must be datetime.date, not '2026-11-20'"),
        ("mood", datetime(2026, 11, 20, tzinfo=UTC), 7, "the keys of values must be datetime.date, not datetime"),
    ],
)
def test_invalid_values_are_rejected_and_nothing_is_set(sandbox, name, day, value, message):
    sandbox.add_attribute(template="mood")
    sandbox.add_attribute(template="weight")
    good = {DAY - timedelta(1): 7}

    with pytest.raises(ValueError, match=message):
        sandbox.set_values(name, {**good, day: value})
    assert sandbox.values("mood") == {}
    assert sandbox.values("weight") == {}


def test_reading_values_of_an_unknown_attribute_is_rejected(sandbox):
    with pytest.raises(ValueError, match="user 'ada' has no attribute 'steps'"):
        sandbox.values("steps")


@pytest.mark.parametrize(
    ("setting", "message"),
    [("missing_days", "must be 'null' or 'absent'"), ("averages_key", "must be 'user_attribute' or 'attribute'")],
)
def test_a_setting_rejects_unknown_values(sandbox, setting, message):
    before = getattr(sandbox, setting)

    with pytest.raises(ValueError, match=message):
        setattr(sandbox, setting, "nothing")
    assert getattr(sandbox, setting) == before
