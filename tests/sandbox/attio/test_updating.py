"""Updating attributes."""

import pytest

URL = "objects/people/attributes/lead_source"


@pytest.mark.parametrize(
    "changed",
    [
        {"title": "Source"},
        {"description": "Another"},
        {"description": None},
        {"description": ""},
        {"api_slug": "source"},
        {"api_slug": "lead_source"},
        {"is_unique": True},
        {"is_archived": True},
        {"default_value": None},
        {"title": "Source", "description": None, "is_unique": True},
        {},
    ],
)
async def test_an_update_changes_only_the_fields_sent_and_returns_the_whole_attribute(attio, changed):
    before = (await attio.get(URL)).json()["data"]
    reply = await attio.patch(URL, json={"data": changed})

    assert reply.status_code == 200
    assert reply.json() == {"data": {**before, **changed}}
    assert (await attio.get(f"objects/people/attributes/{before['id']['attribute_id']}")).json() == reply.json()


async def test_a_required_attribute_has_its_default_value_enabled(attio):
    changed = (await attio.patch(URL, json={"data": {"is_required": True}})).json()["data"]

    assert (changed["is_required"], changed["is_default_value_enabled"], changed["default_value"]) == (True, True, None)


async def test_an_attribute_is_archived_and_restored(attio):
    async def listed():
        reply = await attio.get("objects/people/attributes")
        return [attribute["api_slug"] for attribute in reply.json()["data"]]

    await attio.patch(URL, json={"data": {"is_archived": True}})
    assert "lead_source" not in await listed()
    await attio.patch(URL, json={"data": {"is_archived": False}})
    assert "lead_source" in await listed()


async def test_a_default_value_can_be_set_and_removed(attio):
    url = "lists/sales/attributes/seats"
    default = {"type": "static", "template": [{"value": 7}]}

    changed = (await attio.patch(url, json={"data": {"default_value": default}})).json()["data"]
    assert (changed["default_value"], changed["is_default_value_enabled"]) == (default, True)
    changed = (await attio.patch(url, json={"data": {"default_value": None}})).json()["data"]
    assert (changed["default_value"], changed["is_default_value_enabled"]) == (None, False)


async def test_only_the_part_of_a_config_for_the_type_of_the_attribute_is_applied(attio):
    config = {
        "currency": {"default_currency_code": "GBP", "display_type": "name"},
        "record_reference": {"allowed_objects": ["deals"]},
    }
    url = "objects/companies/attributes/annual_revenue"

    changed = (await attio.patch(url, json={"data": {"config": config}})).json()["data"]
    assert changed["config"]["currency"] == config["currency"]
    assert changed["config"]["record_reference"] == {"allowed_object_ids": None}
    assert (await attio.patch(url, json={"data": {"config": {}}})).json()["data"] == changed


@pytest.mark.parametrize("changed", [{"title": "Full name"}, {"is_archived": True}, {}])
async def test_a_system_attribute_cannot_be_edited(attio, sandbox, changed):
    reply = await attio.patch("objects/people/attributes/name", json={"data": changed})

    assert reply.status_code == 400
    assert reply.json() == {
        "status_code": 400,
        "type": "invalid_request_error",
        "code": "system_edit_unauthorized",
        "message": 'The attribute "name" is a system attribute, which cannot be edited.',
    }
    assert sandbox.attribute("objects", "people", "name").title == "Name"


@pytest.mark.parametrize("key", ["type", "is_multiselect", "relationship", "id", "is_system_attribute", "created_at"])
async def test_fields_that_cannot_be_updated_are_unrecognized_keys(attio, key):
    reply = await attio.patch(URL, json={"data": {"title": "Source", key: None}})

    assert reply.status_code == 400
    assert reply.json()["validation_errors"] == [
        {
            "code": "unrecognized_keys",
            "path": ["data"],
            "message": f"Unrecognized key(s) in object: '{key}'",
        }
    ]
    assert (await attio.get(URL)).json()["data"]["title"] == "Lead source"


@pytest.mark.parametrize("key", ["title", "api_slug", "is_required", "is_unique", "config", "is_archived"])
async def test_only_descriptions_and_default_values_can_be_null(attio, key):
    reply = await attio.patch(URL, json={"data": {key: None}})

    assert reply.status_code == 400
    (problem,) = reply.json()["validation_errors"]
    assert (problem["path"], problem["code"], problem["received"]) == (["data", key], "invalid_type", "null")


async def test_a_default_value_of_another_type_is_rejected_in_an_update(attio):
    default = {"type": "dynamic", "template": "current-user"}
    reply = await attio.patch("lists/sales/attributes/seats", json={"data": {"default_value": default}})

    assert reply.status_code == 400
    assert reply.json()["validation_errors"][0]["path"] == ["data", "default_value", "template"]


async def test_the_slug_of_another_attribute_is_a_conflict(attio):
    reply = await attio.patch(URL, json={"data": {"api_slug": "company", "title": "Source"}})

    assert (reply.status_code, reply.json()["code"]) == (409, "slug_conflict")
    assert (await attio.get(URL)).json()["data"]["title"] == "Lead source"
