"""Incrementing values: `attributes/increment/`."""

import asyncio
from datetime import date

import pytest

TODAY = date(2026, 11, 21)


@pytest.fixture
def increment(exist):
    async def post(*items, client=exist):
        return await client.post("attributes/increment/", json=list(items))

    return post


def failed_item(reply):
    assert reply.status_code == 202
    assert reply.json()["success"] == []
    (failed,) = reply.json()["failed"]
    return failed


async def test_an_increment_is_added_and_the_new_value_is_returned(increment, sandbox, add_owned):
    add_owned("steps")
    sandbox.set_value("steps", date(2026, 11, 20), 1000)

    reply = await increment({"name": "steps", "date": "2026-11-20", "value": 700})

    assert reply.status_code == 200
    assert reply.json() == {
        "success": [{"name": "steps", "date": "2026-11-20", "value": 700, "current": 1700}],
        "failed": [],
    }
    assert sandbox.values("steps") == {date(2026, 11, 20): 1700}


async def test_without_a_date_the_increment_is_for_today_and_the_reply_has_no_date(increment, sandbox, add_owned):
    add_owned("steps")

    reply = await increment({"name": "steps", "value": 5})

    assert reply.json()["success"] == [{"name": "steps", "value": 5, "current": 5}]
    assert sandbox.values("steps") == {TODAY: 5}


async def test_today_depends_on_the_time_zone_of_the_user(increment, connect, sandbox):
    london = sandbox.add_user("london", timezone="Europe/London")
    sandbox.add_attribute(london, template="steps", service=sandbox.service)

    async with connect(f"Bearer {sandbox.issue_token(london)}") as exist:
        await increment({"name": "steps", "value": 5}, client=exist)

    assert sandbox.values("steps", london) == {date(2026, 11, 20): 5}


async def test_each_item_of_a_request_counts(increment, sandbox, add_owned):
    add_owned("coffees")

    reply = await increment(*[{"name": "coffees", "value": 1}] * 3, {"name": "coffees", "value": -2, "date": None})

    assert [item["current"] for item in reply.json()["success"]] == [1, 2, 3, 1]
    assert sandbox.values("coffees") == {TODAY: 1}


@pytest.mark.parametrize(
    ("template", "before", "by", "current"),
    [
        ("weight", 70.5, 1, 71.5),
        ("weight", 70.5, -0.5, 70.0),
        ("sleep", 400, 20, 420),
        ("body_fat", 0.25, 0.5, 0.75),
    ],
)
async def test_every_incrementable_type_is_incremented(increment, sandbox, add_owned, template, before, by, current):
    add_owned(template)
    sandbox.set_value(template, TODAY, before)

    await increment({"name": template, "value": by})

    assert sandbox.values(template) == {TODAY: current}


@pytest.mark.parametrize("by", [1, True])
async def test_a_boolean_can_be_incremented_once(increment, sandbox, by):
    sandbox.add_attribute(name="tag", service=sandbox.service)

    assert (await increment({"name": "tag", "value": by})).json()["success"][0]["current"] == 1
    assert (
        failed_item(await increment({"name": "tag", "value": by}))["error"] == "Value is out of range, expected 0 or 1"
    )
    assert sandbox.values("tag") == {TODAY: 1}


@pytest.mark.parametrize("template", ["mood_note", "mood", "sleep_end", "sleep_start"])
async def test_strings_scales_and_times_of_day_cannot_be_incremented(increment, sandbox, add_owned, template):
    add_owned(template)

    assert failed_item(await increment({"name": template, "value": 1})) == {
        "name": template,
        "value": 1,
        "error": "Cannot increment a string, scale or time of day type",
        "error_code": "validation",
    }
    assert sandbox.values(template) == {}


async def test_an_unknown_value_type_cannot_be_incremented(increment, sandbox):
    sandbox.add_attribute(name="odd", value_type=42, service=sandbox.service)

    assert failed_item(await increment({"name": "odd", "value": 1}))["error_code"] == "validation"


@pytest.mark.parametrize(
    ("template", "by", "error"),
    [
        ("steps_active_min", 9.0, "Cannot apply a float to an integer type"),
        ("steps", 0.5, "Cannot apply a float to an integer type"),
        ("steps", "1", "Cannot apply a string to an integer type"),
        ("steps", True, "Cannot apply a boolean to an integer type"),
        ("steps", None, "Cannot apply null to an integer type"),
        ("weight", "1", "Cannot apply a string to a float type"),
        ("sleep", -11, "Value is out of range, expected 0 or more minutes"),
        ("body_fat", 1, "Value is out of range, expected 0.0 to 1.0"),
        ("steps", 2**63, "Value is out of range, expected 64 bits"),
        ("weight", 10**400, "Value is out of range, expected a finite number"),
    ],
)
async def test_an_invalid_increment_changes_nothing(increment, sandbox, add_owned, template, by, error):
    add_owned(template)
    before = {"weight": 70.5, "body_fat": 0.5}.get(template, 10)
    sandbox.set_value(template, TODAY, before)

    failed = failed_item(await increment({"name": template, "value": by}))

    assert failed == {"name": template, "value": by, "error": error, "error_code": "validation"}
    assert sandbox.values(template) == {TODAY: before}


async def test_the_error_codes_are_those_of_an_update(increment, connect, sandbox, add_owned):
    add_owned("steps", "mood")
    sandbox.add_attribute(template="sleep")
    scopes = ["mood_write", "sleep_write"]

    async with connect(f"Bearer {sandbox.issue_token(scopes=scopes)}") as exist:
        reply = await increment(
            {"name": "steps"},
            {"name": "floors", "value": 1},
            {"name": "sleep", "value": 1},
            {"name": "steps", "value": 1},
            {"name": "mood", "value": 1, "date": "yesterday"},
            client=exist,
        )

    assert [item["error_code"] for item in reply.json()["failed"]] == [
        "missing_field",
        "not_found",
        "unauthorised",
        "not_allowed",
        "validation",
    ]
    assert reply.json()["failed"][0]["error"] == "Object at index 0 missing field(s) 'value'"
    assert reply.json()["failed"][4]["error"] == (
        "Object at index 4 has an invalid 'date', expected a date as YYYY-MM-DD"
    )


async def test_two_hundred_concurrent_increments_are_all_counted(exist, increment, sandbox, add_owned):
    add_owned("coffees")
    sandbox.latency = 0.001

    await asyncio.gather(*(increment({"name": "coffees", "value": 1}) for _ in range(200)))

    assert sandbox.values("coffees") == {TODAY: 200}
