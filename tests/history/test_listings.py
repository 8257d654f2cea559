"""Listing the values of one attribute, and the last days of all."""

from typing import Any

import pytest
from histories import END, back, track

from exist_async import AttributeWithValues, ConfigurationError, DayValue, ExistClient, NotFoundError
from exist_async.sandbox import Sandbox


async def test_the_values_of_one_attribute_are_listed_newest_first(exist: ExistClient, sandbox: Sandbox) -> None:
    tracked = track(sandbox, 1, 250)["thing_000"]

    assert await exist.values.of("thing_000").collect() == tracked
    assert await exist.values.of("thing_000", date_max=back(201)).collect() == tracked[200:]
    assert sandbox.requests[-1].query["date_max"] == back(201).isoformat()


@pytest.mark.parametrize("inactive", [True, False])
async def test_values_that_exist_does_not_give_are_an_error_that_says_what_to_do(
    exist: ExistClient, sandbox: Sandbox, inactive: bool
) -> None:
    if inactive:
        sandbox.add_attribute(template="steps", active=False)
        sandbox.set_value("steps", END, 8123)
    steps = exist.values.of("steps")

    for reading in (steps.collect(), steps.first(), steps.count(), anext(aiter(steps))):
        with pytest.raises(NotFoundError) as caught:
            await reading
        assert str(caught.value) == (
            "GET /api/2/attributes/values/ was answered with 404: Not found. The attribute 'steps' is inactive or not "
            "there: acquire it again, which brings its values back."
        )
        assert caught.value.detail == "Not found."

    await exist.attributes.acquire(["steps"])
    assert (await steps.collect())[-1] == DayValue(END, 8123 if inactive else 0)


async def test_a_404_of_a_proxy_says_nothing_about_the_attribute(exist: ExistClient, sandbox: Sandbox) -> None:
    sandbox.fail_next(status=404, body="<html>no upstream</html>")

    with pytest.raises(NotFoundError) as caught:
        await exist.values.of("steps").collect()

    assert str(caught.value) == "GET /api/2/attributes/values/ was answered with 404."


async def test_recent_values_include_attributes_of_low_priority_and_no_inactive_ones(
    exist: ExistClient, sandbox: Sandbox
) -> None:
    sandbox.add_attribute(name="goal", group="activity", priority=11)
    sandbox.add_attribute(template="steps", active=False)

    assert [attribute.name for attribute in await exist.values.recent().collect()] == ["goal"]


async def test_recent_values_come_with_their_attributes(exist: ExistClient, sandbox: Sandbox) -> None:
    track(sandbox, 2, 10)
    sandbox.add_attribute(template="mood", manual=True)

    attributes = await exist.values.recent(3, END, groups=["health"]).collect()

    assert all(isinstance(attribute, AttributeWithValues) for attribute in attributes)
    assert attributes[1].values == (DayValue(END, 1000), DayValue(back(2), 1001), DayValue(back(3), 1002))
    assert attributes[0].available_services == ()


async def test_the_filters_of_recent_values_are_exists_own(exist: ExistClient, sandbox: Sandbox) -> None:
    filters = exist.values.recent(7, END, groups=["mood"], attributes=["a", "b"], templates=["mood"], manual=False)
    await filters.collect()

    assert sandbox.requests[0].query == {
        "days": "7",
        "date_max": "2026-11-20",
        "groups": "mood",
        "attributes": "a,b",
        "templates": "mood",
        "manual": "false",
        "limit": "100",
    }


@pytest.mark.parametrize("days", [0, 32, True, "7"])
def test_recent_values_are_of_one_to_thirty_one_days(exist: ExistClient, days: Any) -> None:
    with pytest.raises(ConfigurationError, match="days must be"):
        exist.values.recent(days)
