"""The sample: a year of plausible data."""

import time
from datetime import UTC, date, datetime, timedelta

import pytest

from exist_async.sandbox import Sandbox

TODAY = date(2026, 11, 21)


async def test_every_listing_shows_something(sandbox, exist):
    sandbox.add_sample()

    counts = {
        path: (await exist.get(path)).json()["count"]
        for path in ("attributes/", "attributes/owned/", "averages/", "correlations/", "insights/")
    }
    values = (await exist.get("attributes/values/", params={"attribute": "mood"})).json()

    # Averages are for what has numbers: all but the notes.
    assert counts == {
        "attributes/": 10,
        "attributes/owned/": 7,
        "averages/": 9,
        "correlations/": 3,
        "insights/": 2,
    }
    assert values["count"] == 365


def test_it_is_a_year_up_to_today_where_the_user_is(sandbox):
    sandbox.add_sample()

    for name in ("steps", "sleep", "mood", "coffees"):
        days = list(sandbox.values(name))
        assert (days[0], days[-1], len(days)) == (TODAY - timedelta(364), TODAY, 365)
    assert len(sandbox.values("weight")) == 122
    for name in ("went_running", "headache", "read_a_book"):
        assert 10 < len(sandbox.values(name)) < 200


def test_who_sleeps_more_has_better_days_and_fewer_coffees(sandbox):
    sandbox.add_sample()

    found = {
        (correlation.attribute.name, correlation.attribute2.name): correlation.value
        for correlation in sandbox.user.correlations
    }
    assert 0.3 < found["mood", "sleep"] < 0.9
    assert -0.9 < found["coffees", "sleep"] < -0.3


def test_an_insight_tells_what_the_values_are(sandbox):
    sandbox.add_sample()

    steps = sandbox.values("steps")
    insight = sandbox.user.insights[0]
    assert steps[insight.target_date] == max(list(steps.values())[-30:])
    assert f"{steps[insight.target_date]:,} steps" in insight.text


def test_it_belongs_partly_to_the_client_and_partly_to_another_service(sandbox):
    sandbox.add_sample()

    owners = {attribute.name: attribute.service.name for attribute in sandbox.user.attributes}
    assert {name for name, owner in owners.items() if owner == "tracker"} == {"sleep", "sleep_start", "weight"}
    assert set(owners.values()) == {"my_client", "tracker"}


def test_it_is_the_same_each_time_and_for_each_user(sandbox):
    grace = sandbox.add_user("grace")
    other = Sandbox(now=lambda: datetime(2026, 11, 20, 18, 30, tzinfo=UTC))
    for add in (sandbox.add_sample, other.add_sample):
        add()
    sandbox.add_sample(grace)

    for name in ("steps", "mood_note", "weight"):
        assert sandbox.values(name) == other.values(name) == sandbox.values(name, grace)


def test_a_user_with_attributes_gets_none(sandbox):
    sandbox.add_attribute(template="tracks")

    with pytest.raises(ValueError, match="user 'ada' has attributes already: the sample needs a user without any"):
        sandbox.add_sample()
    assert [attribute.name for attribute in sandbox.user.attributes] == ["tracks"]
    assert [service.name for service in sandbox._state.services] == ["my_client"]


def test_it_is_there_at_once(sandbox):
    started = time.process_time()

    sandbox.add_sample()

    assert time.process_time() - started < 0.2


def test_what_a_device_measures_is_not_entered_by_hand(sandbox):
    sandbox.add_sample()

    measured = {attribute.name for attribute in sandbox.user.attributes if not attribute.manual}
    assert measured == {"steps", "sleep", "sleep_start", "weight"}
