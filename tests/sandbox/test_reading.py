"""Reading values: `attributes/with-values/` and `attributes/values/`."""

from datetime import date, timedelta

import pytest

TODAY = date(2026, 11, 21)


def days_before(last, count):
    return [(last - timedelta(number)).isoformat() for number in range(count)]


@pytest.fixture
def values_by_name(exist):
    """Return a function that gets the dates and values of each attribute, by name."""

    async def get(query="", client=exist):
        results = (await client.get(f"attributes/with-values/?{query}")).json()["results"]
        return {
            attribute["name"]: [(entry["date"], entry["value"]) for entry in attribute["values"]]
            for attribute in results
        }

    return get


@pytest.fixture
def values_of_steps(exist):
    """Return a function that gets the dates and values of steps."""

    async def get(query=""):
        results = (await exist.get(f"attributes/values/?attribute=steps&{query}")).json()["results"]
        return [(entry["date"], entry["value"]) for entry in results]

    return get


# With values


async def test_an_attribute_with_values_has_every_documented_field(exist, sandbox):
    sandbox.add_attribute(template="steps", service=sandbox.service, manual=False)
    sandbox.set_value("steps", TODAY, 1533)

    assert (await exist.get("attributes/with-values/")).json() == {
        "count": 1,
        "next": None,
        "previous": None,
        "results": [
            {
                "template": "steps",
                "name": "steps",
                "label": "Steps",
                "group": {"name": "activity", "label": "Activity", "priority": 1},
                "service": {"name": "my_client", "label": "My client"},
                "active": True,
                "priority": 1,
                "manual": False,
                "value_type": 0,
                "value_type_description": "Integer",
                "values": [{"date": "2026-11-21", "value": 1533}],
            }
        ],
    }


async def test_days_are_listed_newest_first_and_are_null_without_a_value(values_by_name, sandbox):
    sandbox.add_attribute(template="steps")
    sandbox.add_attribute(template="mood")
    sandbox.set_values("steps", {date(2026, 11, 19): 19, TODAY: 21, date(2026, 11, 18): 18, date(2026, 11, 22): 22})

    assert await values_by_name("days=3") == {
        "steps": [("2026-11-21", 21), ("2026-11-20", None), ("2026-11-19", 19)],
        "mood": [("2026-11-21", None), ("2026-11-20", None), ("2026-11-19", None)],
    }


async def test_days_without_a_value_can_be_absent(values_by_name, values_of_steps, sandbox):
    sandbox.add_attribute(template="steps")
    sandbox.add_attribute(template="mood")
    sandbox.set_values("steps", {date(2026, 11, 19): 0, TODAY: 21})

    sandbox.missing_days = "absent"
    assert await values_by_name("days=3") == {"steps": [("2026-11-21", 21), ("2026-11-19", 0)], "mood": []}
    assert await values_of_steps() == [("2026-11-21", 21), ("2026-11-19", 0)]

    sandbox.missing_days = "null"
    assert await values_of_steps() == [("2026-11-21", 21), ("2026-11-20", None), ("2026-11-19", 0)]


async def test_booleans_are_returned_as_numbers(exist, sandbox):
    sandbox.add_attribute(name="tag")
    sandbox.set_values("tag", {TODAY: True, date(2026, 11, 20): False})

    reply = await exist.get("attributes/values/?attribute=tag")

    assert b'"results":[{"date":"2026-11-21","value":1},{"date":"2026-11-20","value":0}]' in reply.content


async def test_days_end_at_date_max(values_by_name, sandbox):
    sandbox.add_attribute(template="steps")
    sandbox.set_value("steps", date(2026, 11, 30), 30)

    assert await values_by_name("date_max=2026-12-01&days=2") == {"steps": [("2026-12-01", None), ("2026-11-30", 30)]}
    assert await values_by_name("date_max=&days=") == {"steps": [("2026-11-21", None)]}


async def test_today_is_in_the_time_zone_of_the_user(values_by_name, connect, sandbox):
    london = sandbox.add_user("london", timezone="Europe/London")
    sandbox.add_attribute(london, template="steps")

    async with connect(f"Bearer {sandbox.issue_token(london)}") as exist:
        assert await values_by_name(client=exist) == {"steps": [("2026-11-20", None)]}


async def test_thirty_one_days_are_the_maximum(values_by_name, sandbox):
    sandbox.add_attribute(template="steps")

    assert [day for day, _ in (await values_by_name("days=31"))["steps"]] == days_before(TODAY, 31)


async def test_days_end_at_the_first_date_of_the_calendar(values_by_name, sandbox):
    sandbox.add_attribute(template="steps")

    assert await values_by_name("days=31&date_max=0001-01-02") == {
        "steps": [("0001-01-02", None), ("0001-01-01", None)]
    }


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("days=0", {"days": ["Ensure this value is greater than or equal to 1."]}),
        ("days=32", {"days": ["Ensure this value is less than or equal to 31."]}),
        ("days=two", {"days": ["A valid integer is required."]}),
        ("days=1.5", {"days": ["A valid integer is required."]}),
        (
            "date_max=yesterday",
            {"date_max": ["Date has wrong format. Use one of these formats instead: YYYY-MM-DD."]},
        ),
        (
            "date_max=2026-02-30",
            {"date_max": ["Date has wrong format. Use one of these formats instead: YYYY-MM-DD."]},
        ),
    ],
)
async def test_an_invalid_query_parameter_is_a_bad_request(exist, query, problem):
    reply = await exist.get(f"attributes/with-values/?{query}")

    assert (reply.status_code, reply.json()) == (400, problem)


async def test_with_values_inactive_attributes_are_omitted_and_those_of_low_priority_are_not(values_by_name, sandbox):
    sandbox.add_attribute(template="steps")
    sandbox.add_attribute(template="mood", active=False)
    sandbox.add_attribute(name="ten", priority=10)

    assert list(await values_by_name()) == ["steps", "ten"]
    assert list(await values_by_name("include_inactive=true&include_low_priority=true")) == ["steps", "ten"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("groups=mood", ["mood", "mood_note"]),
        ("groups=mood,activity", ["steps", "mood", "mood_note"]),
        ("attributes=coffees_2,steps", ["steps", "coffees_2"]),
        ("templates=coffees,mood", ["mood", "coffees_2"]),
        ("templates=coffees&groups=mood", []),
        ("manual=true", ["mood", "coffees_2", "coffees"]),
        ("manual=false", ["steps", "mood_note"]),
    ],
)
async def test_filters(values_by_name, sandbox, query, expected):
    sandbox.add_attribute(template="steps", manual=False)
    sandbox.add_attribute(template="mood")
    sandbox.add_attribute(template="mood_note", manual=False)
    sandbox.add_attribute(name="coffees", group="food")
    sandbox.add_attribute(template="coffees")

    assert list(await values_by_name(query)) == expected


async def test_attributes_with_values_are_paginated(exist, sandbox):
    for number in range(7):
        sandbox.add_attribute(name=f"tag_{number}")

    page = (await exist.get("attributes/with-values/?limit=3&page=2&days=2")).json()

    assert [attribute["name"] for attribute in page["results"]] == ["tag_3", "tag_4", "tag_5"]
    assert page["count"] == 7
    assert page["next"] == "https://exist.test/api/2/attributes/with-values/?days=2&limit=3&page=3"


async def test_values_are_limited_to_the_read_scopes(values_by_name, connect, sandbox):
    for template in ("steps", "mood", "sleep"):
        sandbox.add_attribute(template=template, manual=template == "sleep")
        sandbox.set_value(template, TODAY, 7)

    async with connect(f"Bearer {sandbox.issue_token(scopes=['mood_read', 'manual_read', 'activity_write'])}") as exist:
        assert await values_by_name(client=exist) == {"mood": [("2026-11-21", 7)], "sleep": [("2026-11-21", 7)]}
        assert (await exist.get("attributes/values/?attribute=mood")).status_code == 200
        reply = await exist.get("attributes/values/?attribute=steps")

    assert (reply.status_code, reply.json()) == (404, {"detail": "Not found."})


async def test_a_simple_token_reads_values(values_by_name, connect, sandbox):
    sandbox.add_attribute(template="steps")
    sandbox.set_value("steps", TODAY, 7)

    async with connect(f"Token {sandbox.issue_simple_token()}") as exist:
        assert await values_by_name(client=exist) == {"steps": [("2026-11-21", 7)]}


# Values


async def test_the_values_of_an_attribute_go_back_to_its_first_day(exist, sandbox):
    sandbox.add_attribute(template="steps")
    sandbox.set_values("steps", {date(2026, 11, 20): 20, date(2026, 11, 18): 18, date(2026, 11, 23): 23})

    assert (await exist.get("attributes/values/?attribute=steps")).json() == {
        "count": 4,
        "next": None,
        "previous": None,
        "results": [
            {"date": "2026-11-21", "value": None},
            {"date": "2026-11-20", "value": 20},
            {"date": "2026-11-19", "value": None},
            {"date": "2026-11-18", "value": 18},
        ],
    }


async def test_values_end_at_date_max(values_of_steps, sandbox):
    sandbox.add_attribute(template="steps")
    sandbox.set_values("steps", {date(2026, 11, 20): 20, date(2026, 11, 18): 18, date(2026, 11, 23): 23})

    assert await values_of_steps("date_max=2026-11-19") == [("2026-11-19", None), ("2026-11-18", 18)]
    assert await values_of_steps("date_max=2026-11-17") == []
    assert (await values_of_steps("date_max=2026-11-23"))[0] == ("2026-11-23", 23)


async def test_an_earlier_value_extends_the_listing(values_of_steps, sandbox):
    sandbox.add_attribute(template="steps")
    sandbox.set_value("steps", TODAY, 21)
    sandbox.set_value("steps", date(2026, 11, 19), 19)
    sandbox.set_value("steps", date(2026, 11, 20), 20)

    assert await values_of_steps() == [("2026-11-21", 21), ("2026-11-20", 20), ("2026-11-19", 19)]


async def test_an_attribute_without_values_has_an_empty_listing(exist, sandbox):
    sandbox.add_attribute(template="steps")

    assert (await exist.get("attributes/values/?attribute=steps")).json() == {
        "count": 0,
        "next": None,
        "previous": None,
        "results": [],
    }


@pytest.mark.parametrize("missing_days", ["null", "absent"])
async def test_ten_years_of_values_have_thirty_seven_pages(exist, sandbox, missing_days):
    sandbox.add_attribute(template="steps")
    sandbox.set_values("steps", {TODAY - timedelta(number): number for number in range(3_650)})
    sandbox.missing_days = missing_days

    seen, pages, url = [], 0, "attributes/values/?attribute=steps&limit=500"
    while url:
        page = (await exist.get(url)).json()
        seen += [(entry["date"], entry["value"]) for entry in page["results"]]
        pages, url = pages + 1, page["next"]

    assert pages == 37
    assert seen == list(zip(days_before(TODAY, 3_650), range(3_650), strict=True))


async def test_values_of_an_inactive_attribute_are_not_found_until_it_is_acquired_again(
    values_of_steps, exist, sandbox, add_owned
):
    add_owned("steps")
    sandbox.set_value("steps", TODAY, 7)
    await exist.post("attributes/release/", json=[{"name": "steps"}])

    reply = await exist.get("attributes/values/?attribute=steps")
    await exist.post("attributes/acquire/", json=[{"name": "steps"}])

    assert (reply.status_code, reply.json()) == (404, {"detail": "Not found."})
    assert await values_of_steps() == [("2026-11-21", 7)]


@pytest.mark.parametrize("missing_days", ["null", "absent"])
@pytest.mark.parametrize(("template", "value"), [("steps", 0), ("weight", 0.0), ("mood", None), ("mood_note", None)])
async def test_the_day_on_which_an_attribute_is_created_or_acquired_has_a_value_that_nobody_wrote(
    values_by_name, exist, sandbox, template, value, missing_days
):
    sandbox.missing_days = missing_days
    sandbox.add_attribute(template="tracks", service=sandbox.add_service("player", "Player"))
    sandbox.set_value("tracks", date(2026, 11, 20), 5)

    await exist.post("attributes/create/", json=[{"template": template}])
    await exist.post("attributes/acquire/", json=[{"name": "tracks"}])

    shown = (await values_by_name("days=2", exist))[template]
    listed = (await exist.get(f"attributes/values/?attribute={template}")).json()["results"]
    assert shown == [("2026-11-21", value), ("2026-11-20", None)][: 1 if missing_days == "absent" else 2]
    assert listed == [{"date": "2026-11-21", "value": value}]
    assert (await values_by_name("days=2", exist))["tracks"] == [("2026-11-21", 0), ("2026-11-20", 5)]
    assert sandbox.values(template) == {}


async def test_the_value_that_nobody_wrote_hides_none_that_was_written(values_of_steps, exist, sandbox):
    sandbox.add_attribute(template="steps", service=sandbox.add_service("tracker", "Tracker"))
    sandbox.set_value("steps", TODAY, 7)

    await exist.post("attributes/acquire/", json=[{"name": "steps"}])
    before = await values_of_steps()
    await exist.post("attributes/increment/", json=[{"name": "steps", "value": 2}])

    assert (before, await values_of_steps()) == ([("2026-11-21", 7)], [("2026-11-21", 9)])


async def test_values_of_low_priority_attributes_are_listed(exist, sandbox):
    sandbox.add_attribute(template="keystrokes")
    sandbox.set_value("keystrokes", TODAY, 9)

    assert (await exist.get("attributes/values/?attribute=keystrokes")).json()["count"] == 1


@pytest.mark.parametrize("query", ["", "attribute=", "attributes=steps"])
async def test_values_without_an_attribute_are_a_bad_request(exist, query):
    reply = await exist.get(f"attributes/values/?{query}")

    assert (reply.status_code, reply.json()) == (400, {"attribute": ["This field is required."]})


async def test_values_of_an_unknown_attribute_are_not_found(exist, sandbox):
    sandbox.add_attribute(sandbox.add_user("grace"), template="steps")

    reply = await exist.get("attributes/values/?attribute=steps")

    assert (reply.status_code, reply.json()) == (404, {"detail": "Not found."})


async def test_values_with_an_invalid_date_max_are_a_bad_request(exist, sandbox):
    sandbox.add_attribute(template="steps")

    reply = await exist.get("attributes/values/?attribute=steps&date_max=20261120")

    assert reply.status_code == 400
    assert list(reply.json()) == ["date_max"]


async def test_written_values_are_listed(exist, values_of_steps, sandbox):
    sandbox.add_attribute(template="steps", service=sandbox.service)

    await exist.post("attributes/update/", json=[{"name": "steps", "date": "2026-11-20", "value": 7}])
    await exist.post("attributes/increment/", json=[{"name": "steps", "value": 5}])

    assert await values_of_steps() == [("2026-11-21", 5), ("2026-11-20", 7)]
