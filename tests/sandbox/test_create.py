"""Creating attributes: `attributes/create/`."""

import pytest


@pytest.fixture
def create(exist):
    async def post(*items, client=exist, **params):
        return await client.post("attributes/create/", json=list(items), params=params)

    return post


def tag(label, **more):
    return {"label": label, "group": "custom", "value_type": 7, **more}


def failed_item(reply):
    assert reply.status_code == 202
    assert reply.json()["success"] == []
    (item,) = reply.json()["failed"]
    return item


async def test_a_template_creates_the_documented_object(create, sandbox):
    reply = await create({"template": "facebook_reactions"}, success_objects="1")

    assert reply.status_code == 200
    assert reply.json() == {
        "success": [
            {
                "template": "facebook_reactions",
                "name": "facebook_reactions",
                "label": "Facebook reactions",
                "group": {"name": "social", "label": "Social", "priority": 7},
                "service": {"name": "my_client", "label": "My client"},
                "active": True,
                "priority": 2,
                "manual": True,
                "value_type": 0,
                "value_type_description": "Integer",
                "available_services": [],
            }
        ],
        "failed": [],
    }
    assert sandbox.user.attribute("facebook_reactions").service is sandbox.service


async def test_without_the_flag_a_template_is_echoed_with_name_priority_and_group_name(create):
    reply = await create({"template": "facebook_reactions", "manual": False})

    assert reply.json()["success"] == [
        {
            "template": "facebook_reactions",
            "manual": False,
            "name": "facebook_reactions",
            "priority": 2,
            "group": "social",
        }
    ]


async def test_without_the_flag_a_label_is_echoed_with_the_derived_name(create):
    reply = await create({"label": "Cups of Tea!", "group": "food", "value_type": 0})

    assert reply.json()["success"] == [
        {"label": "Cups of Tea!", "group": "food", "value_type": 0, "name": "cups_of_tea", "priority": 9}
    ]


async def test_with_the_flag_a_custom_attribute_is_returned_whole(create):
    (created,) = (await create(tag("Sunny day", manual=False), success_objects="true")).json()["success"]

    assert created == {
        "template": None,
        "name": "sunny_day",
        "label": "Sunny day",
        "group": {"name": "custom", "label": "Daily tags", "priority": 3},
        "service": {"name": "my_client", "label": "My client"},
        "active": True,
        "priority": 2,
        "manual": False,
        "value_type": 7,
        "value_type_description": "Boolean",
        "available_services": [],
    }


@pytest.mark.parametrize(("sent", "manual"), [({}, True), ({"manual": True}, True), ({"manual": False}, False)])
async def test_manual_is_true_by_default(create, sandbox, sent, manual):
    await create({"template": "mood", **sent}, tag("Tea", **sent))

    assert sandbox.user.attribute("mood").manual is manual
    assert sandbox.user.attribute("tea").manual is manual


async def test_similar_labels_get_distinct_names(create):
    reply = await create(tag("Tea"), tag("tea"), tag("TEA?"), tag("寿司"), tag("茶"))

    assert [item["name"] for item in reply.json()["success"]] == ["tea", "tea_2", "tea_3", "attribute", "attribute_2"]


async def test_a_template_gets_another_name_when_its_own_is_in_use(create, sandbox):
    sandbox.add_attribute(name="coffees", group="food", value_type=2)

    (created,) = (await create({"template": "coffees"})).json()["success"]

    assert created == {"template": "coffees", "name": "coffees_2", "priority": 1, "group": "food"}
    assert failed_item(await create({"template": "coffees"}))["error_code"] == "exists"


async def test_an_existing_template_is_rejected(create, sandbox):
    sandbox.add_attribute(template="mood", active=False)

    assert failed_item(await create({"template": "mood"})) == {
        "template": "mood",
        "error": "Attribute with template 'mood' already exists",
        "error_code": "exists",
    }


async def test_an_existing_label_is_rejected_even_when_it_comes_from_a_template(create, sandbox):
    sandbox.add_attribute(template="mood")

    assert failed_item(await create({"label": "Mood", "group": "health", "value_type": 8})) == {
        "label": "Mood",
        "group": "health",
        "value_type": 8,
        "error": "Attribute with label 'Mood' already exists",
        "error_code": "exists",
    }


async def test_a_repeated_item_is_rejected_the_second_time(create):
    reply = await create(tag("Tea"), tag("Tea"))

    assert reply.status_code == 202
    assert [item["name"] for item in reply.json()["success"]] == ["tea"]
    assert [item["error_code"] for item in reply.json()["failed"]] == ["exists"]


@pytest.mark.parametrize(
    ("sent", "missing"),
    [
        ({}, "'label', 'group', 'value_type'"),
        ({"template": ""}, "'label', 'group', 'value_type'"),
        ({"template": None, "label": "Tea"}, "'group', 'value_type'"),
        ({"label": "Tea", "value_type": 0}, "'group'"),
        ({"label": "", "group": "food", "value_type": 0}, "'label'"),
        ({"label": "Tea", "group": "food", "value_type": None}, "'value_type'"),
    ],
)
async def test_missing_fields_are_named_with_the_index_of_the_item(create, sent, missing):
    reply = await create({"template": "mood"}, sent)

    assert reply.json()["failed"] == [
        {**sent, "error": f"Object at index 1 missing field(s) {missing}", "error_code": "missing_field"}
    ]


async def test_an_unknown_template_is_not_found(create):
    assert failed_item(await create({"template": "moood"})) == {
        "template": "moood",
        "error": "Attribute template 'moood' does not exist",
        "error_code": "not_found",
    }


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        (tag("Tea", manual="true"), "manual"),
        (tag("Tea", manual=1), "manual"),
        ({"template": "mood", "manual": 0}, "manual"),
        ({"template": 7}, "template"),
        (tag(7), "label"),
        (tag("Tea", group="drinks"), "group"),
        (tag("Tea", group=["food"]), "group"),
        (tag("Tea", group="food", value_type=6), "value_type"),
        (tag("Tea", group="food", value_type=9), "value_type"),
        (tag("Tea", group="food", value_type=-1), "value_type"),
        (tag("Tea", group="food", value_type="0"), "value_type"),
        (tag("Tea", group="food", value_type=True), "value_type"),
        (tag("Tea", value_type=0), "value_type"),
    ],
)
async def test_invalid_fields_are_named(create, sandbox, sent, field):
    item = failed_item(await create(sent))

    assert item["error_code"] == "validation"
    assert item["error"].startswith(f"Object at index 0 has an invalid '{field}', expected ")
    assert sandbox.user.attributes == []


@pytest.mark.parametrize("value_type", [0, 1, 2, 3, 4, 5, 7, 8])
async def test_all_value_types_but_one_can_be_created(create, value_type):
    assert (await create({"label": "Tea", "group": "food", "value_type": value_type})).status_code == 200


async def test_creation_is_limited_to_the_groups_of_the_write_scopes(create, connect, sandbox):
    async with connect(f"Bearer {sandbox.issue_token(scopes=['mood_write', 'custom_read'])}") as exist:
        reply = await create({"template": "mood"}, tag("Tea"), {"template": "sleep"}, client=exist)

    assert [item["name"] for item in reply.json()["success"]] == ["mood"]
    assert reply.json()["failed"] == [
        {
            "label": "Tea",
            "group": "custom",
            "value_type": 7,
            "error": "This client may not write to the group 'custom'",
            "error_code": "not_allowed",
        },
        {
            "template": "sleep",
            "error": "This client may not write to the group 'sleep'",
            "error_code": "not_allowed",
        },
    ]


async def test_manual_write_creates_manual_attributes_in_any_group(create, connect, sandbox):
    async with connect(f"Bearer {sandbox.issue_token(scopes=['manual_write'])}") as exist:
        reply = await create(
            {"template": "mood"}, tag("Tea", manual=True), {"template": "sleep", "manual": False}, client=exist
        )

    assert [item["name"] for item in reply.json()["success"]] == ["mood", "tea"]
    assert [item["error_code"] for item in reply.json()["failed"]] == ["not_allowed"]
