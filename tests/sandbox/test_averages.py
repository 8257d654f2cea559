"""Averages, medians of the last 60 days: `averages/`."""

from datetime import date, timedelta

import pytest

TODAY = date(2026, 11, 21)  # a Saturday


@pytest.fixture
def list_averages(exist):
    """Return a function that gets attribute and date of the listed averages."""

    async def get(query="", client=exist):
        results = (await client.get(f"averages/?{query}")).json()["results"]
        return [(average["user_attribute"], average["date"]) for average in results]

    return get


def add_values(sandbox, template, *, weeks=1, **more):
    """Add an attribute with a value on each Saturday of the last weeks."""
    sandbox.add_attribute(template=template, **more)
    sandbox.set_values(template, {TODAY - timedelta(7 * week): 7 for week in range(weeks)})


async def test_an_average_has_the_median_of_all_days_and_of_each_weekday(exist, sandbox):
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


async def test_the_key_of_the_attribute_can_be_the_other_documented_one(exist, sandbox):
    add_values(sandbox, "steps")
    sandbox.averages_key = "attribute"

    (average,) = (await exist.get("averages/")).json()["results"]

    assert average["attribute"] == "steps"
    assert "user_attribute" not in average


async def test_strings_unknown_types_and_attributes_without_data_have_no_average(list_averages, sandbox):
    sandbox.add_attribute(template="mood")
    sandbox.add_attribute(template="mood_note")
    sandbox.add_attribute(name="odd", value_type=42)
    sandbox.add_attribute(name="tag")
    sandbox.set_value("mood_note", TODAY, "fine")
    sandbox.set_value("odd", TODAY, "fine")
    sandbox.set_value("tag", TODAY, 1)

    assert await list_averages() == [("tag", "2026-11-21")]


async def test_only_the_latest_average_is_listed_without_the_flag(list_averages, sandbox):
    add_values(sandbox, "steps", weeks=3)
    add_values(sandbox, "mood", weeks=2)

    assert await list_averages() == [("steps", "2026-11-21"), ("mood", "2026-11-21")]
    assert await list_averages("include_historical=1") == [
        ("steps", "2026-11-21"),
        ("mood", "2026-11-21"),
        ("steps", "2026-11-14"),
        ("mood", "2026-11-14"),
        ("steps", "2026-11-07"),
    ]


async def test_an_earlier_average_excludes_later_days(exist, sandbox):
    sandbox.add_attribute(template="steps")
    sandbox.set_values("steps", {TODAY: 900, TODAY - timedelta(7): 5})

    results = (await exist.get("averages/?include_historical=true")).json()["results"]

    assert [(average["date"], average["overall"]) for average in results] == [("2026-11-21", 452.5), ("2026-11-14", 5)]


async def test_sixty_days_without_a_value_have_no_average(list_averages, sandbox):
    sandbox.add_attribute(template="steps")
    sandbox.set_values("steps", {TODAY: 7, TODAY - timedelta(77): 7})

    days = [day for _, day in await list_averages("include_historical=1")]

    # Without 14 and 7 November: before the second value, and more than sixty days after the first.
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
async def test_averages_can_be_filtered_by_date(list_averages, sandbox, query, expected):
    add_values(sandbox, "steps", weeks=3)

    assert [day for _, day in await list_averages(f"include_historical=1&{query}")] == expected


async def test_averages_can_be_filtered_by_group_and_attribute(list_averages, sandbox):
    for template in ("steps", "floors", "mood"):
        add_values(sandbox, template)

    assert await list_averages("groups=activity") == [("steps", "2026-11-21"), ("floors", "2026-11-21")]
    assert await list_averages("attributes=floors,mood") == [("floors", "2026-11-21"), ("mood", "2026-11-21")]


async def test_inactive_and_low_priority_attributes_have_averages(list_averages, sandbox):
    add_values(sandbox, "mood", active=False)
    add_values(sandbox, "keystrokes")

    assert await list_averages() == [("keystrokes", "2026-11-21"), ("mood", "2026-11-21")]


async def test_averages_are_limited_to_the_read_scopes(list_averages, connect, sandbox):
    add_values(sandbox, "steps")
    add_values(sandbox, "mood")

    async with connect(f"Bearer {sandbox.issue_token(scopes=['mood_read'])}") as exist:
        assert await list_averages(client=exist) == [("mood", "2026-11-21")]


async def test_an_invalid_date_is_a_bad_request(exist):
    for name in ("date_min", "date_max"):
        reply = await exist.get(f"averages/?{name}=monday")

        assert reply.status_code == 400
        assert list(reply.json()) == [name]


async def test_without_attributes_there_are_no_averages(list_averages):
    assert await list_averages() == []
    assert await list_averages("include_historical=1") == []
