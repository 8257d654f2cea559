"""Listing attribute templates: `attributes/templates/`."""


async def list_templates(exist, **params):
    return (await exist.get("attributes/templates/", params={"limit": "100", **params})).json()


async def test_a_template_has_every_documented_field(exist):
    assert (await list_templates(exist))["results"][:2] == [
        {
            "name": "steps",
            "label": "Steps",
            "group": {"name": "activity", "label": "Activity", "priority": 1},
            "priority": 1,
            "value_type": 0,
            "value_type_description": "Integer",
        },
        {
            "name": "steps_active_min",
            "label": "Active minutes",
            "group": {"name": "activity", "label": "Activity", "priority": 1},
            "priority": 2,
            "value_type": 3,
            "value_type_description": "Period (min)",
        },
    ]


async def test_seven_of_the_eighty_six_templates_need_a_flag(exist):
    default = await list_templates(exist)
    complete = await list_templates(exist, include_low_priority="true")

    assert (default["count"], complete["count"]) == (79, 86)
    assert {template["name"] for template in complete["results"]} - {t["name"] for t in default["results"]} == {
        "keystrokes",
        "cholesterol",
        "location",
        "facebook_comments",
        "twitter_username",
        "weather_summary",
        "weather_icon",
    }


async def test_templates_are_paginated(exist):
    reply = (await exist.get("attributes/templates/")).json()

    assert len(reply["results"]) == 20
    assert reply["next"] == "https://exist.test/api/2/attributes/templates/?page=2"


async def test_templates_can_be_filtered_by_group(exist):
    listing = await list_templates(exist, groups="mood,finance")

    assert [template["name"] for template in listing["results"]] == [
        "mood",
        "mood_note",
        "energy_level",
        "stress_level",
        "money_spent",
    ]


async def test_only_the_bedtime_has_the_value_type_that_cannot_be_created(exist):
    listing = await list_templates(exist, groups="sleep")

    assert [(t["name"], t["value_type"]) for t in listing["results"] if t["value_type"] in {4, 6}] == [
        ("sleep_start", 6),
        ("sleep_end", 4),
    ]


async def test_templates_do_not_depend_on_the_scopes(connect, sandbox):
    async with connect(f"Bearer {sandbox.issue_token(scopes=['mood_write'])}") as exist:
        assert (await list_templates(exist))["count"] == 79
