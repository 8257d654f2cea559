"""Listings of a user's attributes: who sees what, and the filters."""

import pytest


@pytest.fixture
def named(exist):
    """List the names that a path answers."""

    async def ask(path, client=exist):
        return [attribute["name"] for attribute in (await client.get(path)).json()["results"]]

    return ask


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
            "priority": 1,
            "manual": True,
            "value_type": 7,
            "value_type_description": "Boolean",
            "available_services": [],
        },
    ]


async def test_groups_come_by_priority_and_attributes_by_theirs(named, sandbox):
    for template in ("weight", "mood_note", "mood", "floors", "commits", "steps"):
        sandbox.add_attribute(template=template)
    sandbox.add_attribute(name="zebra")
    sandbox.add_attribute(name="apple")

    assert await named("attributes/") == [
        "steps",
        "floors",
        "commits",
        "apple",
        "zebra",
        "mood",
        "mood_note",
        "weight",
    ]


async def test_an_unknown_value_type_is_shown_as_it_is(exist, sandbox):
    sandbox.add_attribute(name="odd", value_type=42)

    (shown,) = (await exist.get("attributes/")).json()["results"]

    assert (shown["value_type"], shown["value_type_description"]) == (42, "Unknown")


async def test_inactive_attributes_are_hidden_unless_asked_for(named, sandbox):
    sandbox.add_attribute(template="mood", active=False)

    assert await named("attributes/") == []
    assert await named("attributes/?include_inactive=true") == ["mood"]


async def test_attributes_of_priority_ten_and_more_are_hidden_unless_asked_for(named, sandbox):
    sandbox.add_attribute(name="nine", priority=9)
    sandbox.add_attribute(name="ten", priority=10)

    assert await named("attributes/") == ["nine"]
    assert await named("attributes/?include_low_priority=1") == ["nine", "ten"]


async def test_a_flag_counts_by_its_presence_whatever_it_says(named, sandbox):
    sandbox.add_attribute(template="mood", active=False)
    sandbox.add_attribute(name="tag")

    assert await named("attributes/?include_inactive=false") == ["tag", "mood"]
    assert await named("attributes/?include_inactive") == ["tag", "mood"]
    assert await named("attributes/?exclude_custom=false") == []


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
async def test_filters(named, sandbox, query, expected):
    other = sandbox.add_service("other", "Other")
    sandbox.add_attribute(template="steps", service=sandbox.service, manual=False)
    sandbox.add_attribute(template="mood", service=sandbox.service)
    sandbox.add_attribute(template="mood_note", service=other, manual=False)
    sandbox.add_attribute(name="tag")

    assert await named(f"attributes/?{query}") == expected


async def test_owned_lists_what_this_service_owns_and_takes_the_same_filters(named, sandbox):
    other = sandbox.add_service("other", "Other")
    sandbox.add_attribute(template="steps", service=sandbox.service, manual=False)
    sandbox.add_attribute(template="mood", service=sandbox.service, active=False)
    sandbox.add_attribute(template="mood_note", service=other)
    sandbox.add_attribute(template="keystrokes", service=sandbox.service)
    sandbox.add_attribute(name="tag", service=sandbox.service)

    assert await named("attributes/owned/") == ["steps", "tag"]
    assert await named("attributes/owned/?include_inactive=1") == ["steps", "tag", "mood"]
    assert await named("attributes/owned/?include_low_priority=1") == ["steps", "keystrokes", "tag"]
    assert await named("attributes/owned/?exclude_custom=1") == ["steps"]
    assert await named("attributes/owned/?groups=custom") == ["tag"]
    assert await named("attributes/owned/?attributes=steps") == ["steps"]
    assert await named("attributes/owned/?manual=true") == ["tag"]


async def test_reading_ends_at_the_groups_of_the_read_scopes(connect, named, sandbox):
    sandbox.add_attribute(template="steps")
    sandbox.add_attribute(template="mood")
    sandbox.add_attribute(template="sleep")

    async with connect(f"Bearer {sandbox.issue_token(scopes=['mood_read', 'sleep_read', 'activity_write'])}") as exist:
        assert await named("attributes/", exist) == ["mood", "sleep"]
        assert await named("attributes/?groups=activity", exist) == []


async def test_manual_read_reads_what_is_tracked_by_hand_in_any_group(connect, named, sandbox):
    sandbox.add_attribute(template="steps", manual=False)
    sandbox.add_attribute(template="mood", manual=True)
    sandbox.add_attribute(template="weight", manual=True)

    async with connect(f"Bearer {sandbox.issue_token(scopes=['manual_read'])}") as exist:
        assert await named("attributes/", exist) == ["mood", "weight"]


async def test_owned_answers_a_token_that_only_writes(connect, named, sandbox):
    sandbox.add_attribute(template="mood", service=sandbox.service)
    sandbox.add_attribute(template="steps", service=sandbox.service, manual=True)
    sandbox.add_attribute(template="sleep", service=sandbox.service, manual=False)

    async with connect(f"Bearer {sandbox.issue_token(scopes=['mood_write', 'manual_write'])}") as exist:
        assert await named("attributes/owned/", exist) == ["steps", "mood"]
        assert await named("attributes/", exist) == []
        assert await named("attributes/?owned=1", exist) == []


async def test_users_do_not_see_each_other(connect, named, sandbox):
    grace = sandbox.add_user("grace")
    sandbox.add_attribute(template="mood")
    sandbox.add_attribute(grace, template="sleep")

    async with connect(f"Bearer {sandbox.issue_token(grace)}") as exist:
        assert await named("attributes/", exist) == ["sleep"]
    assert await named("attributes/") == ["mood"]
