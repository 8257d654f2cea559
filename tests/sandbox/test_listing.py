"""Listing attributes: `attributes/` and `attributes/owned/`, their scopes and filters."""

import pytest


@pytest.fixture
def names_of(exist):
    """Return a function that gets the names in a listing."""

    async def get(path, client=exist):
        return [attribute["name"] for attribute in (await client.get(path)).json()["results"]]

    return get


async def test_an_attribute_has_every_documented_field(exist, sandbox):
    oura = sandbox.add_service("oura", "Oura")
    sandbox.add_attribute(template="steps", service=sandbox.service, available_services=[oura], manual=False)
    sandbox.add_attribute(label="Café crème")

    assert (await exist.get("attributes/")).json()["results"] == [
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
            "available_services": [{"name": "my_client", "label": "My client"}, {"name": "oura", "label": "Oura"}],
        },
        {
            "template": None,
            "name": "cafe_creme",
            "label": "Café crème",
            "group": {"name": "custom", "label": "Daily tags", "priority": 3},
            "service": None,
            "active": True,
            "priority": 2,
            "manual": True,
            "value_type": 7,
            "value_type_description": "Boolean",
            "available_services": [],
        },
    ]


async def test_attributes_are_sorted_by_group_priority_then_by_their_own(names_of, sandbox):
    for template in ("weight", "mood_note", "mood", "floors", "commits", "steps"):
        sandbox.add_attribute(template=template)
    sandbox.add_attribute(name="zebra")
    sandbox.add_attribute(name="apple")

    assert await names_of("attributes/") == [
        "steps",
        "floors",
        "commits",
        "apple",
        "zebra",
        "mood",
        "mood_note",
        "weight",
    ]


async def test_an_unknown_value_type_is_returned_unchanged(exist, sandbox):
    sandbox.add_attribute(name="odd", value_type=42)

    (attribute,) = (await exist.get("attributes/")).json()["results"]

    assert (attribute["value_type"], attribute["value_type_description"]) == (42, "Unknown")


async def test_inactive_attributes_need_a_flag(names_of, sandbox):
    sandbox.add_attribute(template="mood", active=False)

    assert await names_of("attributes/") == []
    assert await names_of("attributes/?include_inactive=true") == ["mood"]


async def test_attributes_from_priority_ten_on_need_a_flag(names_of, sandbox):
    sandbox.add_attribute(name="nine", priority=9)
    sandbox.add_attribute(name="ten", priority=10)

    assert await names_of("attributes/") == ["nine"]
    assert await names_of("attributes/?include_low_priority=1") == ["nine", "ten"]


async def test_a_flag_is_set_by_its_presence_whatever_its_value(names_of, sandbox):
    sandbox.add_attribute(template="mood", active=False)
    sandbox.add_attribute(name="tag")

    assert await names_of("attributes/?include_inactive=false") == ["tag", "mood"]
    assert await names_of("attributes/?include_inactive") == ["tag", "mood"]
    assert await names_of("attributes/?exclude_custom=false") == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("groups=mood", ["mood", "mood_note"]),
        ("groups=mood,activity", ["steps", "mood", "mood_note"]),
        ("groups=mood,%20activity,", ["steps", "mood", "mood_note"]),
        ("groups=nowhere", []),
        ("groups=", ["steps", "tag", "mood", "mood_note"]),
        ("attributes=tag,steps,nothing", ["steps", "tag"]),
        ("attributes=tag&groups=mood", []),
        ("exclude_custom=true", ["steps", "mood", "mood_note"]),
        ("manual=true", ["tag", "mood"]),
        ("manual=false", ["steps", "mood_note"]),
        ("manual=0", ["steps", "mood_note"]),
        ("manual=perhaps", ["steps", "tag", "mood", "mood_note"]),
        ("owned=true", ["steps", "mood"]),
        ("owned", ["steps", "mood"]),
        ("owned=true&manual=true", ["mood"]),
    ],
)
async def test_filters(names_of, sandbox, query, expected):
    other = sandbox.add_service("other", "Other")
    sandbox.add_attribute(template="steps", service=sandbox.service, manual=False)
    sandbox.add_attribute(template="mood", service=sandbox.service)
    sandbox.add_attribute(template="mood_note", service=other, manual=False)
    sandbox.add_attribute(name="tag")

    assert await names_of(f"attributes/?{query}") == expected


async def test_owned_lists_the_attributes_of_the_service_and_has_the_same_filters(names_of, sandbox):
    other = sandbox.add_service("other", "Other")
    sandbox.add_attribute(template="steps", service=sandbox.service, manual=False)
    sandbox.add_attribute(template="mood", service=sandbox.service, active=False)
    sandbox.add_attribute(template="mood_note", service=other)
    sandbox.add_attribute(template="keystrokes", service=sandbox.service)
    sandbox.add_attribute(name="tag", service=sandbox.service)

    assert await names_of("attributes/owned/") == ["steps", "tag"]
    assert await names_of("attributes/owned/?include_inactive=1") == ["steps", "tag", "mood"]
    assert await names_of("attributes/owned/?include_low_priority=1") == ["steps", "keystrokes", "tag"]
    assert await names_of("attributes/owned/?exclude_custom=1") == ["steps"]
    assert await names_of("attributes/owned/?groups=custom") == ["tag"]
    assert await names_of("attributes/owned/?attributes=steps") == ["steps"]
    assert await names_of("attributes/owned/?manual=true") == ["tag"]


async def test_reading_is_limited_to_the_groups_of_the_read_scopes(connect, names_of, sandbox):
    sandbox.add_attribute(template="steps")
    sandbox.add_attribute(template="mood")
    sandbox.add_attribute(template="sleep")

    async with connect(f"Bearer {sandbox.issue_token(scopes=['mood_read', 'sleep_read', 'activity_write'])}") as exist:
        assert await names_of("attributes/", exist) == ["mood", "sleep"]
        assert await names_of("attributes/?groups=activity", exist) == []


async def test_manual_read_reads_manual_attributes_in_any_group(connect, names_of, sandbox):
    sandbox.add_attribute(template="steps", manual=False)
    sandbox.add_attribute(template="mood", manual=True)
    sandbox.add_attribute(template="weight", manual=True)

    async with connect(f"Bearer {sandbox.issue_token(scopes=['manual_read'])}") as exist:
        assert await names_of("attributes/", exist) == ["mood", "weight"]


async def test_owned_accepts_a_token_with_write_scopes_only(connect, names_of, sandbox):
    sandbox.add_attribute(template="mood", service=sandbox.service)
    sandbox.add_attribute(template="steps", service=sandbox.service, manual=True)
    sandbox.add_attribute(template="sleep", service=sandbox.service, manual=False)

    async with connect(f"Bearer {sandbox.issue_token(scopes=['mood_write', 'manual_write'])}") as exist:
        assert await names_of("attributes/owned/", exist) == ["steps", "mood"]
        assert await names_of("attributes/", exist) == []
        assert await names_of("attributes/?owned=1", exist) == []


async def test_users_do_not_see_each_other(connect, names_of, sandbox):
    grace = sandbox.add_user("grace")
    sandbox.add_attribute(template="mood")
    sandbox.add_attribute(grace, template="sleep")

    async with connect(f"Bearer {sandbox.issue_token(grace)}") as exist:
        assert await names_of("attributes/", exist) == ["sleep"]
    assert await names_of("attributes/") == ["mood"]
