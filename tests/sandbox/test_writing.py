"""Updating values: `attributes/update/`."""

from datetime import date

import pytest


@pytest.fixture
def update(exist):
    async def post(*items, client=exist):
        return await client.post("attributes/update/", json=list(items))

    return post


def item(name="steps", day="2026-11-20", value=8123):
    return {"name": name, "date": day, "value": value}


def failed_item(reply):
    assert reply.status_code == 202
    assert reply.json()["success"] == []
    (failed,) = reply.json()["failed"]
    return failed


async def test_an_update_stores_the_value_and_echoes_the_item(update, sandbox, add_owned):
    add_owned("steps", "mood_note")
    items = [item(), item("mood_note", "2026-11-19", "Great day")]

    reply = await update(*items)

    assert reply.status_code == 200
    assert reply.json() == {"success": items, "failed": []}
    assert sandbox.values("steps") == {date(2026, 11, 20): 8123}
    assert sandbox.values("mood_note") == {date(2026, 11, 19): "Great day"}


async def test_a_second_value_for_a_day_replaces_the_first(update, sandbox, add_owned):
    add_owned("steps")

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
async def test_each_value_type_is_stored_as_its_own_python_type(update, sandbox, add_owned, template, sent, kept):
    add_owned(template)

    (echo,) = (await update(item(template, value=sent))).json()["success"]

    (value,) = sandbox.values(template).values()
    assert (value, type(value)) == (kept, type(kept))
    assert (echo["value"], type(echo["value"])) == (kept, type(kept))


@pytest.mark.parametrize(("sent", "kept"), [(True, 1), (False, 0), (1, 1), (0, 0), (1.0, 1)])
async def test_a_boolean_is_stored_and_returned_as_a_number(update, sandbox, sent, kept):
    sandbox.add_attribute(name="tag", service=sandbox.service)

    reply = await update(item("tag", value=sent))

    assert reply.content == b'{"success":[{"name":"tag","date":"2026-11-20","value":%d}],"failed":[]}' % kept
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
async def test_a_value_of_another_type_or_out_of_range_fails_validation(
    update, sandbox, add_owned, template, sent, error
):
    add_owned(template)

    failed = failed_item(await update(item(template, value=sent)))

    assert failed == {**item(template, value=sent), "error": error, "error_code": "validation"}
    assert sandbox.values(template) == {}


@pytest.mark.parametrize("sent", [2, -1, 0.5, "1", None])
async def test_a_boolean_accepts_only_true_and_false(update, sandbox, sent):
    sandbox.add_attribute(name="tag", service=sandbox.service)

    assert failed_item(await update(item("tag", value=sent)))["error_code"] == "validation"


async def test_a_value_cannot_be_reset_to_null(update, sandbox, add_owned):
    add_owned("steps")
    await update(item(value=7))

    assert failed_item(await update(item(value=None)))["error_code"] == "validation"
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
async def test_missing_fields_are_named(update, add_owned, sent, missing):
    add_owned("steps")

    assert failed_item(await update(sent)) == {
        **sent,
        "error": f"Object at index 0 missing field(s) {missing}",
        "error_code": "missing_field",
    }


@pytest.mark.parametrize(
    "day",
    ["20261120", "2026-11-31", "2026-1-2", "20-11-2026", "2026-W47-5", "2026-11-20T00:00:00", "٢٠٢٦-11-20", 7, [1]],
)
async def test_only_one_date_format_is_accepted(update, sandbox, add_owned, day):
    add_owned("steps")

    assert failed_item(await update(item(day=day))) == {
        **item(day=day),
        "error": "Object at index 0 has an invalid 'date', expected a date as YYYY-MM-DD",
        "error_code": "validation",
    }
    assert sandbox.values("steps") == {}


async def test_future_and_distant_dates_are_accepted(update, sandbox, add_owned):
    add_owned("steps")

    assert (await update(item(day="9999-12-31"), item(day="0001-01-01", value=1))).status_code == 200
    assert sandbox.values("steps") == {date(1, 1, 1): 1, date(9999, 12, 31): 8123}


async def test_each_item_fails_on_its_own(update, sandbox, add_owned):
    other = sandbox.add_service("oura", "Oura")
    add_owned("steps", "mood")
    sandbox.add_attribute(template="sleep", service=other)
    sandbox.add_attribute(template="weight")

    reply = await update(
        item("mood", value=12),
        item("steps"),
        item("floors"),
        item("sleep"),
        item("weight"),
        item("steps", "2026-11-19"),
    )

    assert [(failed["name"], failed["error_code"], failed["error"]) for failed in reply.json()["failed"]] == [
        ("mood", "validation", "Value is out of range, expected 1 to 9"),
        ("floors", "not_found", "Attribute 'floors' does not exist"),
        ("sleep", "unauthorised", "Attribute 'sleep' does not belong to this service"),
        ("weight", "unauthorised", "Attribute 'weight' does not belong to this service"),
    ]
    assert sandbox.values("steps") == {date(2026, 11, 19): 8123, date(2026, 11, 20): 8123}
    assert sandbox.values("sleep") == {}


async def test_updating_needs_the_write_scope_of_the_group(update, connect, sandbox, add_owned):
    add_owned("steps", "mood", manual=False)

    async with connect(
        f"Bearer {sandbox.issue_token(scopes=['mood_write', 'activity_read', 'manual_write'])}"
    ) as exist:
        reply = await update(item("mood", value=7), item("steps"), client=exist)

    assert reply.json() == {
        "success": [item("mood", value=7)],
        "failed": [
            {
                **item("steps"),
                "error": "This client may not write to the group 'activity'",
                "error_code": "not_allowed",
            }
        ],
    }


async def test_a_simple_token_is_forbidden_to_update(update, connect, sandbox, add_owned):
    add_owned("steps")

    async with connect(f"Token {sandbox.issue_simple_token()}") as exist:
        assert (await update(item(), client=exist)).status_code == 403
    assert sandbox.values("steps") == {}


async def test_a_value_is_stored_for_the_user_of_the_token(update, connect, sandbox, add_owned):
    grace = sandbox.add_user("grace")
    add_owned("steps")
    sandbox.add_attribute(grace, template="steps", service=sandbox.service)

    async with connect(f"Bearer {sandbox.issue_token(grace)}") as exist:
        await update(item(value=7), client=exist)

    assert sandbox.values("steps", grace) == {date(2026, 11, 20): 7}
    assert sandbox.values("steps") == {}


async def test_releasing_and_acquiring_again_keeps_the_values(exist, update, sandbox, add_owned):
    add_owned("steps")
    await update(item())

    await exist.post("attributes/release/", json=[{"name": "steps"}])
    assert failed_item(await update(item(value=1)))["error_code"] == "unauthorised"
    await exist.post("attributes/acquire/", json=[{"name": "steps"}])

    assert sandbox.values("steps") == {date(2026, 11, 20): 8123}


async def test_an_unknown_value_type_accepts_numbers_and_strings(update, sandbox):
    sandbox.add_attribute(name="odd", value_type=42, service=sandbox.service)

    assert (await update(item("odd", value=1.5), item("odd", "2026-11-19", "text"))).status_code == 200
    assert failed_item(await update(item("odd", value=[])))["error_code"] == "validation"
    assert sandbox.values("odd") == {date(2026, 11, 19): "text", date(2026, 11, 20): 1.5}
