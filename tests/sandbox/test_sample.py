"""The sample data: a year of plausible values."""

import time
from datetime import UTC, date, datetime, timedelta

import pytest

from exist_async.sandbox import Sandbox

TODAY = date(2026, 11, 21)


async def test_every_listing_contains_sample_data(sandbox, exist):
    sandbox.add_sample()

    counts = {
        path: (await exist.get(path)).json()["count"]
        for path in ("attributes/", "attributes/owned/", "averages/", "correlations/", "insights/")
    }
    values = (await exist.get("attributes/values/", params={"attribute": "mood"})).json()

    # The notes have no averages, because they are strings.
    assert counts == {
        "attributes/": 10,
        "attributes/owned/": 7,
        "averages/": 9,
        "correlations/": 3,
        "insights/": 2,
    }
    assert values["count"] == 365


def test_the_sample_covers_a_year_up_to_today_in_the_time_zone_of_the_user(sandbox):
    sandbox.add_sample()

    for name in ("steps", "sleep", "mood", "coffees"):
        days = list(sandbox.values(name))
        assert (days[0], days[-1], len(days)) == (TODAY - timedelta(364), TODAY, 365)
    assert len(sandbox.values("weight")) == 122
    for name in ("went_running", "headache", "read_a_book"):
        assert 10 < len(sandbox.values(name)) < 200


def test_mood_rises_and_coffee_falls_with_sleep(sandbox):
    sandbox.add_sample()

    found = {
        (correlation.attribute.name, correlation.attribute2.name): correlation.value
        for correlation in sandbox.user.correlations
    }
    assert 0.3 < found["mood", "sleep"] < 0.9
    assert -0.9 < found["coffees", "sleep"] < -0.3


def test_an_insight_matches_the_values(sandbox):
    sandbox.add_sample()

    steps = sandbox.values("steps")
    insight = sandbox.user.insights[0]
    assert steps[insight.target_date] == max(list(steps.values())[-30:])
    assert f"{steps[insight.target_date]:,} steps" in insight.text


def test_the_attributes_belong_to_two_services(sandbox):
    sandbox.add_sample()

    owners = {attribute.name: attribute.service.name for attribute in sandbox.user.attributes}
    assert {name for name, owner in owners.items() if owner == "tracker"} == {"sleep", "sleep_start", "weight"}
    assert set(owners.values()) == {"my_client", "tracker"}


def test_the_sample_is_always_the_same(sandbox):
    grace = sandbox.add_user("grace")
    other = Sandbox(now=lambda: datetime(2026, 11, 20, 18, 30, tzinfo=UTC))
    for add in (sandbox.add_sample, other.add_sample):
        add()
    sandbox.add_sample(grace)

    for name in ("steps", "mood_note", "weight"):
        assert sandbox.values(name) == other.values(name) == sandbox.values(name, grace)


def test_a_user_with_attributes_is_rejected(sandbox):
    sandbox.add_attribute(template="tracks")

    with pytest.raises(ValueError, match="user 'ada' has attributes already: the sample needs a user without any"):
        sandbox.add_sample()
    assert [attribute.name for attribute in sandbox.user.attributes] == ["tracks"]
    assert [service.name for service in sandbox._state.services] == ["my_client"]


def test_the_sample_takes_less_than_a_fifth_of_a_second(sandbox):
    started = time.process_time()

    sandbox.add_sample()

    assert time.process_time() - started < 0.2


def test_measured_attributes_are_not_manual(sandbox):
    sandbox.add_sample()

    measured = {attribute.name for attribute in sandbox.user.attributes if not attribute.manual}
    assert measured == {"steps", "sleep", "sleep_start", "weight"}
