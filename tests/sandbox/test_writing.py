"""Setting values: `attributes/update/`."""

from datetime import date

import pytest


@pytest.fixture
def update(exist):
    async def post(*items, client=exist):
        return await client.post("attributes/update/", json=list(items))

    return post


@pytest.fixture
def owned(sandbox):
    """Add attributes that the first service owns."""

    def add(*templates, **more):
        for template in templates:
            sandbox.add_attribute(template=template, service=sandbox.service, **more)

    return add


def item(name="steps", day="2026-11-20", value=8123):
    return {"name": name, "date": day, "value": value}


def refused(answer):
    assert answer.status_code == 202
    assert answer.json()["success"] == []
    (failed,) = answer.json()["failed"]
    return failed


async def test_a_value_is_kept_and_the_item_comes_back(update, sandbox, owned):
    owned("steps", "mood_note")
    items = [item(), item("mood_note", "2026-11-19", "Great day")]

    answer = await update(*items)

    assert answer.status_code == 200
    assert answer.json() == {"success": items, "failed": []}
    assert sandbox.values("steps") == {date(2026, 11, 20): 8123}
    assert sandbox.values("mood_note") == {date(2026, 11, 19): "Great day"}


async def test_a_second_value_for_a_day_replaces_the_first(update, sandbox, owned):
    owned("steps")

    await update(item(value=1), item(value=2))
    await update(item(value=3), item(day="2026-11-19", value=4))

    assert sandbox.values("steps") == {date(2026, 11, 19): 4, date(2026, 11, 20): 3}


@pytest.mark.parametrize(
    ("template", "sent", "kept"),
    [
        ("steps", 0, 0),
        ("steps", -5, -5),
        ("steps", 3.0, 3),
        ("weight", 70, 70.0),
        ("weight", 70.5, 70.5),
        ("sleep", 480, 480),
        ("sleep_end", 0, 0),
        ("sleep_end", 1439, 1439),
        ("sleep_start", 600, 600),
        ("body_fat", 0, 0.0),
        ("body_fat", 1, 1.0),
        ("body_fat", 0.215, 0.215),
        ("mood", 1, 1),
        ("mood", 9, 9),
        ("mood_note", "", ""),
        ("mood_note", "🙂\r\n", "🙂\r\n"),
    ],
)
async def test_each_value_type_keeps_its_own_kind(update, sandbox, owned, template, sent, kept):
    owned(template)

    (echo,) = (await update(item(template, value=sent))).json()["success"]

    (value,) = sandbox.values(template).values()
    assert (value, type(value)) == (kept, type(kept))
    assert (echo["value"], type(echo["value"])) == (kept, type(kept))


@pytest.mark.parametrize(("sent", "kept"), [(True, 1), (False, 0), (1, 1), (0, 0), (1.0, 1)])
async def test_a_boolean_is_kept_and_answered_as_a_number(update, sandbox, sent, kept):
    sandbox.add_attribute(name="tag", service=sandbox.service)

    answer = await update(item("tag", value=sent))

    assert answer.content == b'{"success":[{"name":"tag","date":"2026-11-20","value":%d}],"failed":[]}' % kept
    assert sandbox.values("tag") == {date(2026, 11, 20): kept}


@pytest.mark.parametrize(
    ("template", "sent", "error"),
    [
        ("steps", 1.5, "Cannot apply a float to an integer type"),
        ("steps", "many", "Cannot apply a string to an integer type"),
        ("steps", "7", "Cannot apply a string to an integer type"),
        ("steps", "", "Cannot apply a string to an integer type"),
        ("steps", True, "Cannot apply a boolean to an integer type"),
        ("steps", None, "Cannot apply null to an integer type"),
        ("steps", [7], "Cannot apply an array to an integer type"),
        ("steps", {"value": 7}, "Cannot apply an object to an integer type"),
        ("steps", 10**30, "Value is out of range, expected 64 bits"),
        ("weight", "70", "Cannot apply a string to a float type"),
        ("weight", 10**400, "Value is out of range, expected a finite number"),
        ("mood_note", 7, "Cannot apply an integer to a string type"),
        ("mood_note", None, "Cannot apply null to a string type"),
        ("sleep", -1, "Value is out of range, expected 0 or more minutes"),
        ("sleep", 7.5, "Cannot apply a float to an integer type"),
        ("sleep_end", 1440, "Value is out of range, expected 0 to 1439 minutes"),
        ("sleep_start", -1, "Value is out of range, expected 0 to 1439 minutes"),
        ("body_fat", 1.01, "Value is out of range, expected 0.0 to 1.0"),
        ("body_fat", -0.01, "Value is out of range, expected 0.0 to 1.0"),
        ("mood", 0, "Value is out of range, expected 1 to 9"),
        ("mood", 10, "Value is out of range, expected 1 to 9"),
        ("mood", 4.5, "Cannot apply a float to an integer type"),
    ],
)
async def test_what_a_value_type_cannot_hold_fails_validation(update, sandbox, owned, template, sent, error):
    owned(template)

    failed = refused(await update(item(template, value=sent)))

    assert failed == {**item(template, value=sent), "error": error, "error_code": "validation"}
    assert sandbox.values(template) == {}


@pytest.mark.parametrize("sent", [2, -1, 0.5, "1", None])
async def test_a_boolean_is_nothing_but_yes_and_no(update, sandbox, sent):
    sandbox.add_attribute(name="tag", service=sandbox.service)

    assert refused(await update(item("tag", value=sent)))["error_code"] == "validation"


async def test_a_value_cannot_go_back_to_null(update, sandbox, owned):
    owned("steps")
    await update(item(value=7))

    assert refused(await update(item(value=None)))["error_code"] == "validation"
    assert sandbox.values("steps") == {date(2026, 11, 20): 7}


@pytest.mark.parametrize(
    ("sent", "missing"),
    [
        ({}, "'name', 'date', 'value'"),
        ({"name": "steps", "date": "2026-11-20"}, "'value'"),
        ({"name": "steps", "value": 7}, "'date'"),
        ({"name": "steps", "date": None, "value": 7}, "'date'"),
        ({"name": "", "date": "2026-11-20", "value": None}, "'name'"),
    ],
)
async def test_what_is_missing_is_named(update, owned, sent, missing):
    owned("steps")

    assert refused(await update(sent)) == {
        **sent,
        "error": f"Object at index 0 missing field(s) {missing}",
        "error_code": "missing_field",
    }


@pytest.mark.parametrize(
    "day",
    ["20261120", "2026-11-31", "2026-1-2", "20-11-2026", "2026-W47-5", "2026-11-20T00:00:00", "٢٠٢٦-11-20", 7, [1]],
)
async def test_a_date_is_written_in_one_way(update, sandbox, owned, day):
    owned("steps")

    assert refused(await update(item(day=day))) == {
        **item(day=day),
        "error": "Object at index 0 has an invalid 'date', expected a date as YYYY-MM-DD",
        "error_code": "validation",
    }
    assert sandbox.values("steps") == {}


async def test_days_to_come_and_days_long_gone_are_written_like_any_other(update, sandbox, owned):
    owned("steps")

    assert (await update(item(day="9999-12-31"), item(day="0001-01-01", value=1))).status_code == 200
    assert sandbox.values("steps") == {date(1, 1, 1): 1, date(9999, 12, 31): 8123}


async def test_each_item_fails_for_itself_and_in_its_place(update, sandbox, owned):
    other = sandbox.add_service("oura", "Oura")
    owned("steps", "mood")
    sandbox.add_attribute(template="sleep", service=other)
    sandbox.add_attribute(template="weight")

    answer = await update(
        item("mood", value=12),
        item("steps"),
        item("floors"),
        item("sleep"),
        item("weight"),
        item("steps", "2026-11-19"),
    )

    assert [(failed["name"], failed["error_code"], failed["error"]) for failed in answer.json()["failed"]] == [
        ("mood", "validation", "Value is out of range, expected 1 to 9"),
        ("floors", "not_found", "Attribute 'floors' does not exist"),
        ("sleep", "unauthorised", "Attribute 'sleep' does not belong to this service"),
        ("weight", "unauthorised", "Attribute 'weight' does not belong to this service"),
    ]
    assert sandbox.values("steps") == {date(2026, 11, 19): 8123, date(2026, 11, 20): 8123}
    assert sandbox.values("sleep") == {}


async def test_writing_needs_the_write_scope_of_the_group(update, connect, sandbox, owned):
    owned("steps", "mood", manual=False)

    async with connect(
        f"Bearer {sandbox.issue_token(scopes=['mood_write', 'activity_read', 'manual_write'])}"
    ) as exist:
        answer = await update(item("mood", value=7), item("steps"), client=exist)

    assert answer.json() == {
        "success": [item("mood", value=7)],
        "failed": [
            {
                **item("steps"),
                "error": "This client may not write to the group 'activity'",
                "error_code": "not_allowed",
            }
        ],
    }


async def test_a_simple_token_writes_nothing(update, connect, sandbox, owned):
    owned("steps")

    async with connect(f"Token {sandbox.issue_simple_token()}") as exist:
        assert (await update(item(), client=exist)).status_code == 403
    assert sandbox.values("steps") == {}


async def test_a_value_goes_to_the_user_of_the_token(update, connect, sandbox, owned):
    grace = sandbox.add_user("grace")
    owned("steps")
    sandbox.add_attribute(grace, template="steps", service=sandbox.service)

    async with connect(f"Bearer {sandbox.issue_token(grace)}") as exist:
        await update(item(value=7), client=exist)

    assert sandbox.values("steps", grace) == {date(2026, 11, 20): 7}
    assert sandbox.values("steps") == {}


async def test_releasing_and_acquiring_again_leaves_the_values(exist, update, sandbox, owned):
    owned("steps")
    await update(item())

    await exist.post("attributes/release/", json=[{"name": "steps"}])
    assert refused(await update(item(value=1)))["error_code"] == "unauthorised"
    await exist.post("attributes/acquire/", json=[{"name": "steps"}])

    assert sandbox.values("steps") == {date(2026, 11, 20): 8123}


async def test_a_value_type_that_exist_does_not_have_takes_numbers_and_strings(update, sandbox):
    sandbox.add_attribute(name="odd", value_type=42, service=sandbox.service)

    assert (await update(item("odd", value=1.5), item("odd", "2026-11-19", "text"))).status_code == 200
    assert refused(await update(item("odd", value=[])))["error_code"] == "validation"
    assert sandbox.values("odd") == {date(2026, 11, 19): "text", date(2026, 11, 20): 1.5}
