"""Adding to values: `attributes/increment/`."""

import asyncio
from datetime import date

import pytest

TODAY = date(2026, 11, 21)


@pytest.fixture
def increment(exist):
    async def post(*items, client=exist):
        return await client.post("attributes/increment/", json=list(items))

    return post


@pytest.fixture
def owned(sandbox):
    """Add attributes that the first service owns."""

    def add(*templates):
        for template in templates:
            sandbox.add_attribute(template=template, service=sandbox.service)

    return add


def refused(answer):
    assert answer.status_code == 202
    assert answer.json()["success"] == []
    (failed,) = answer.json()["failed"]
    return failed


async def test_a_day_grows_and_tells_what_it_has_now(increment, sandbox, owned):
    owned("steps")
    sandbox.set_value("steps", date(2026, 11, 20), 1000)

    answer = await increment({"name": "steps", "date": "2026-11-20", "value": 700})

    assert answer.status_code == 200
    assert answer.json() == {
        "success": [{"name": "steps", "date": "2026-11-20", "value": 700, "current": 1700}],
        "failed": [],
    }
    assert sandbox.values("steps") == {date(2026, 11, 20): 1700}


async def test_without_a_date_it_is_the_users_own_today_and_none_comes_back(increment, sandbox, owned):
    owned("steps")

    answer = await increment({"name": "steps", "value": 5})

    assert answer.json()["success"] == [{"name": "steps", "value": 5, "current": 5}]
    assert sandbox.values("steps") == {TODAY: 5}


async def test_today_is_another_day_for_another_user(increment, connect, sandbox):
    london = sandbox.add_user("london", timezone="Europe/London")
    sandbox.add_attribute(london, template="steps", service=sandbox.service)

    async with connect(f"Bearer {sandbox.issue_token(london)}") as exist:
        await increment({"name": "steps", "value": 5}, client=exist)

    assert sandbox.values("steps", london) == {date(2026, 11, 20): 5}


async def test_each_item_of_a_request_counts(increment, sandbox, owned):
    owned("coffees")

    answer = await increment(*[{"name": "coffees", "value": 1}] * 3, {"name": "coffees", "value": -2, "date": None})

    assert [item["current"] for item in answer.json()["success"]] == [1, 2, 3, 1]
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
async def test_numbers_of_every_growing_type_are_added(increment, sandbox, owned, template, before, by, current):
    owned(template)
    sandbox.set_value(template, TODAY, before)

    await increment({"name": template, "value": by})

    assert sandbox.values(template) == {TODAY: current}


@pytest.mark.parametrize("by", [1, True])
async def test_a_boolean_grows_once(increment, sandbox, by):
    sandbox.add_attribute(name="tag", service=sandbox.service)

    assert (await increment({"name": "tag", "value": by})).json()["success"][0]["current"] == 1
    assert refused(await increment({"name": "tag", "value": by}))["error"] == "Value is out of range, expected 0 or 1"
    assert sandbox.values("tag") == {TODAY: 1}


@pytest.mark.parametrize("template", ["mood_note", "mood", "sleep_end", "sleep_start"])
async def test_strings_scales_and_times_of_day_do_not_grow(increment, sandbox, owned, template):
    owned(template)

    assert refused(await increment({"name": template, "value": 1})) == {
        "name": template,
        "value": 1,
        "error": "Cannot increment a string, scale or time of day type",
        "error_code": "validation",
    }
    assert sandbox.values(template) == {}


async def test_a_value_type_that_exist_does_not_have_does_not_grow(increment, sandbox):
    sandbox.add_attribute(name="odd", value_type=42, service=sandbox.service)

    assert refused(await increment({"name": "odd", "value": 1}))["error_code"] == "validation"


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
async def test_what_cannot_be_added_changes_nothing(increment, sandbox, owned, template, by, error):
    owned(template)
    before = {"weight": 70.5, "body_fat": 0.5}.get(template, 10)
    sandbox.set_value(template, TODAY, before)

    failed = refused(await increment({"name": template, "value": by}))

    assert failed == {"name": template, "value": by, "error": error, "error_code": "validation"}
    assert sandbox.values(template) == {TODAY: before}


async def test_the_codes_are_those_of_an_update(increment, connect, sandbox, owned):
    owned("steps", "mood")
    sandbox.add_attribute(template="sleep")
    scopes = ["mood_write", "sleep_write"]

    async with connect(f"Bearer {sandbox.issue_token(scopes=scopes)}") as exist:
        answer = await increment(
            {"name": "steps"},
            {"name": "floors", "value": 1},
            {"name": "sleep", "value": 1},
            {"name": "steps", "value": 1},
            {"name": "mood", "value": 1, "date": "yesterday"},
            client=exist,
        )

    assert [item["error_code"] for item in answer.json()["failed"]] == [
        "missing_field",
        "not_found",
        "unauthorised",
        "not_allowed",
        "validation",
    ]
    assert answer.json()["failed"][0]["error"] == "Object at index 0 missing field(s) 'value'"
    assert answer.json()["failed"][4]["error"] == (
        "Object at index 4 has an invalid 'date', expected a date as YYYY-MM-DD"
    )


async def test_two_hundred_concurrent_increments_are_two_hundred(exist, increment, sandbox, owned):
    owned("coffees")
    sandbox.latency = 0.001

    await asyncio.gather(*(increment({"name": "coffees", "value": 1}) for _ in range(200)))

    assert sandbox.values("coffees") == {TODAY: 200}
