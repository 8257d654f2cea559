"""Averages: medians of the last 60 days."""

from datetime import date, timedelta

import pytest

TODAY = date(2026, 11, 21)  # a Saturday


@pytest.fixture
def listed(exist):
    """List the pairs of attribute and day that a query answers."""

    async def ask(query="", client=exist):
        results = (await client.get(f"averages/?{query}")).json()["results"]
        return [(average["user_attribute"], average["date"]) for average in results]

    return ask


def with_values(sandbox, template, *, weeks=1, **more):
    """Give an attribute a value on each Saturday of so many weeks."""
    sandbox.add_attribute(template=template, **more)
    sandbox.set_values(template, {TODAY - timedelta(7 * week): 7 for week in range(weeks)})


async def test_an_average_is_the_median_of_all_days_and_of_each_day_of_the_week(exist, sandbox):
    sandbox.add_attribute(template="steps")
    # Saturdays 100, 200, 900; Fridays 10, 20; no other day.
    sandbox.set_values(
        "steps",
        {
            TODAY: 100,
            TODAY - timedelta(7): 900,
            TODAY - timedelta(14): 200,
            TODAY - timedelta(1): 10,
            TODAY - timedelta(8): 20,
        },
    )

    assert (await exist.get("averages/")).json() == {
        "count": 1,
        "next": None,
        "previous": None,
        "results": [
            {
                "user_attribute": "steps",
                "date": "2026-11-21",
                "overall": 100,
                "monday": None,
                "tuesday": None,
                "wednesday": None,
                "thursday": None,
                "friday": 15.0,
                "saturday": 200,
                "sunday": None,
            }
        ],
    }


async def test_only_the_last_sixty_days_count(exist, sandbox):
    sandbox.add_attribute(template="steps")
    sandbox.set_values("steps", {TODAY - timedelta(59): 5, TODAY - timedelta(60): 900, TODAY + timedelta(1): 900})

    (average,) = (await exist.get("averages/")).json()["results"]

    assert average["overall"] == 5


async def test_the_key_may_be_the_other_documented_one(exist, sandbox):
    with_values(sandbox, "steps")
    sandbox.averages_key = "attribute"

    (average,) = (await exist.get("averages/")).json()["results"]

    assert average["attribute"] == "steps"
    assert "user_attribute" not in average


async def test_strings_unknown_types_and_attributes_without_data_have_no_average(listed, sandbox):
    sandbox.add_attribute(template="mood")
    sandbox.add_attribute(template="mood_note")
    sandbox.add_attribute(name="odd", value_type=42)
    sandbox.add_attribute(name="tag")
    sandbox.set_value("mood_note", TODAY, "fine")
    sandbox.set_value("odd", TODAY, "fine")
    sandbox.set_value("tag", TODAY, 1)

    assert await listed() == [("tag", "2026-11-21")]


async def test_the_latest_comes_alone_unless_earlier_ones_are_asked_for(listed, sandbox):
    with_values(sandbox, "steps", weeks=3)
    with_values(sandbox, "mood", weeks=2)

    assert await listed() == [("steps", "2026-11-21"), ("mood", "2026-11-21")]
    assert await listed("include_historical=1") == [
        ("steps", "2026-11-21"),
        ("mood", "2026-11-21"),
        ("steps", "2026-11-14"),
        ("mood", "2026-11-14"),
        ("steps", "2026-11-07"),
    ]


async def test_an_earlier_average_knows_nothing_of_later_days(exist, sandbox):
    sandbox.add_attribute(template="steps")
    sandbox.set_values("steps", {TODAY: 900, TODAY - timedelta(7): 5})

    results = (await exist.get("averages/?include_historical=true")).json()["results"]

    assert [(average["date"], average["overall"]) for average in results] == [("2026-11-21", 452.5), ("2026-11-14", 5)]


async def test_sixty_days_without_data_have_no_average(listed, sandbox):
    sandbox.add_attribute(template="steps")
    sandbox.set_values("steps", {TODAY: 7, TODAY - timedelta(77): 7})

    days = [day for _, day in await listed("include_historical=1")]

    # Not 14 and 7 November, before the one and more than sixty days after the other.
    assert (days[0], days[1], days[-1]) == ("2026-11-21", "2026-10-31", "2026-09-05")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("date_min=2026-11-14", ["2026-11-21", "2026-11-14"]),
        ("date_max=2026-11-14", ["2026-11-14", "2026-11-07"]),
        ("date_min=2026-11-08&date_max=2026-11-20", ["2026-11-14"]),
        ("date_min=2026-11-22", []),
    ],
)
async def test_days_are_chosen(listed, sandbox, query, expected):
    with_values(sandbox, "steps", weeks=3)

    assert [day for _, day in await listed(f"include_historical=1&{query}")] == expected


async def test_groups_and_attributes_are_chosen(listed, sandbox):
    for template in ("steps", "floors", "mood"):
        with_values(sandbox, template)

    assert await listed("groups=activity") == [("steps", "2026-11-21"), ("floors", "2026-11-21")]
    assert await listed("attributes=floors,mood") == [("floors", "2026-11-21"), ("mood", "2026-11-21")]


async def test_inactive_attributes_and_those_of_low_priority_have_averages(listed, sandbox):
    with_values(sandbox, "mood", active=False)
    with_values(sandbox, "keystrokes")

    assert await listed() == [("keystrokes", "2026-11-21"), ("mood", "2026-11-21")]


async def test_averages_end_at_the_read_scopes(listed, connect, sandbox):
    with_values(sandbox, "steps")
    with_values(sandbox, "mood")

    async with connect(f"Bearer {sandbox.issue_token(scopes=['mood_read'])}") as exist:
        assert await listed(client=exist) == [("mood", "2026-11-21")]


async def test_a_day_that_is_none_is_a_bad_request(exist):
    for name in ("date_min", "date_max"):
        answer = await exist.get(f"averages/?{name}=monday")

        assert answer.status_code == 400
        assert list(answer.json()) == [name]


async def test_without_any_attribute_there_are_no_averages(listed):
    assert await listed() == []
    assert await listed("include_historical=1") == []
