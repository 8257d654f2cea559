"""Acquiring and releasing attributes."""

import pytest


@pytest.fixture
def acquire(exist):
    async def post(*items, client=exist, **params):
        return await client.post("attributes/acquire/", json=list(items), params=params)

    return post


@pytest.fixture
def release(exist):
    async def post(*names, client=exist):
        return await client.post("attributes/release/", json=[{"name": name} for name in names])

    return post


@pytest.fixture
def other(sandbox):
    return sandbox.add_service("oura", "Oura")


def refused(answer):
    assert answer.status_code == 202
    assert answer.json()["success"] == []
    (item,) = answer.json()["failed"]
    return item


# Acquire


async def test_acquiring_echoes_what_was_sent_with_active(acquire, sandbox):
    sandbox.add_attribute(template="mood")
    sandbox.add_attribute(name="tag")

    answer = await acquire({"template": "mood"}, {"name": "tag", "manual": False})

    assert answer.status_code == 200
    assert answer.json() == {
        "success": [{"template": "mood", "active": True}, {"name": "tag", "manual": False, "active": True}],
        "failed": [],
    }
    assert [attribute.service for attribute in sandbox.user.attributes] == [sandbox.service, sandbox.service]


async def test_acquiring_gives_whole_attributes_when_asked_for(acquire, sandbox):
    sandbox.add_attribute(template="mood", active=False)

    answer = await acquire({"template": "mood"}, success_objects="1")

    assert answer.json()["success"] == [
        {
            "template": "mood",
            "name": "mood",
            "label": "Mood",
            "group": {"name": "mood", "label": "Mood", "priority": 3},
            "service": {"name": "my_client", "label": "My client"},
            "active": True,
            "priority": 1,
            "manual": True,
            "value_type": 8,
            "value_type_description": "Scale",
            "available_services": [{"name": "my_client", "label": "My client"}],
        }
    ]


async def test_acquiring_by_template_creates_what_the_user_lacks(acquire, sandbox):
    await acquire({"template": "mood"}, {"template": "sleep", "manual": False})

    mood, sleep = sandbox.user.attribute("mood"), sandbox.user.attribute("sleep")
    assert (mood.service, mood.manual) == (sandbox.service, True)
    assert (sleep.service, sleep.manual) == (sandbox.service, False)


async def test_acquiring_by_name_never_creates(acquire, sandbox):
    assert refused(await acquire({"name": "mood"})) == {
        "name": "mood",
        "error": "Attribute 'mood' does not exist",
        "error_code": "not_found",
    }
    assert sandbox.user.attributes == []


async def test_acquiring_by_name_takes_whatever_type_the_user_has(acquire, sandbox):
    sandbox.add_attribute(name="coffees", group="food", value_type=2)

    (taken,) = (await acquire({"name": "coffees"}, success_objects="1")).json()["success"]

    assert (taken["template"], taken["value_type"]) == (None, 2)


async def test_acquiring_by_template_leaves_a_custom_attribute_of_that_name_alone(acquire, sandbox):
    own = sandbox.add_attribute(name="coffees", group="food", value_type=2)

    (taken,) = (await acquire({"template": "coffees"}, success_objects="1")).json()["success"]
    (again,) = (await acquire({"template": "coffees"}, success_objects="1")).json()["success"]

    assert (taken["template"], taken["name"], taken["value_type"]) == ("coffees", "coffees_2", 0)
    assert again == taken
    assert own.service is None


async def test_acquiring_again_changes_nothing(acquire, sandbox):
    first = (await acquire({"template": "mood"}, success_objects="1")).json()
    second = (await acquire({"template": "mood"}, {"name": "mood"}, success_objects="1")).json()

    assert second["success"] == first["success"] * 2
    assert len(sandbox.user.attributes) == 1


@pytest.mark.parametrize(("sent", "manual"), [({}, False), ({"manual": None}, False), ({"manual": True}, True)])
async def test_acquiring_leaves_manual_unless_it_is_given(acquire, sandbox, sent, manual):
    mood = sandbox.add_attribute(template="mood", manual=False)

    await acquire({"template": "mood", **sent})

    assert mood.manual is manual


async def test_acquiring_takes_from_another_service_and_wakes_up(acquire, sandbox, other):
    mood = sandbox.add_attribute(template="mood", service=other, active=False)

    await acquire({"name": "mood"})

    assert (mood.service, mood.active) == (sandbox.service, True)
    assert mood.available_services == [other, sandbox.service]


async def test_the_older_flag_is_accepted(acquire, sandbox):
    sandbox.add_attribute(name="tag")

    assert (await acquire({"name": "tag"}, allow_user_defined="1")).status_code == 200


@pytest.mark.parametrize("sent", [{}, {"title": "mood"}, {"name": ""}, {"name": None}, {"template": ""}])
async def test_acquiring_without_a_name_misses_it(acquire, sent):
    assert refused(await acquire(sent)) == {
        **sent,
        "error": "Object at index 0 missing field(s) 'name'",
        "error_code": "missing_field",
    }


async def test_acquiring_an_unknown_template_is_not_found(acquire):
    assert refused(await acquire({"template": "moood"}))["error_code"] == "not_found"


@pytest.mark.parametrize("sent", [{"name": 7}, {"template": ["mood"]}, {"template": "mood", "manual": "true"}])
async def test_acquiring_with_rubbish_fails_validation(acquire, sent):
    assert refused(await acquire(sent))["error_code"] == "validation"


async def test_acquiring_ends_at_the_groups_of_the_write_scopes(acquire, connect, sandbox):
    sandbox.add_attribute(name="tag")

    async with connect(f"Bearer {sandbox.issue_token(scopes=['mood_write', 'sleep_read'])}") as exist:
        answer = await acquire({"template": "mood"}, {"template": "sleep"}, {"name": "tag"}, client=exist)

    assert answer.json() == {
        "success": [{"template": "mood", "active": True}],
        "failed": [
            {
                "template": "sleep",
                "error": "This client may not write to the group 'sleep'",
                "error_code": "not_allowed",
            },
            {"name": "tag", "error": "This client may not write to the group 'custom'", "error_code": "not_allowed"},
        ],
    }


async def test_manual_write_acquires_only_what_is_and_stays_tracked_by_hand(acquire, connect, sandbox):
    sandbox.add_attribute(name="by_hand", manual=True)
    sandbox.add_attribute(name="by_machine", manual=False)

    async with connect(f"Bearer {sandbox.issue_token(scopes=['manual_write'])}") as exist:
        answer = await acquire(
            {"name": "by_hand"},
            {"name": "by_hand", "manual": False},
            {"name": "by_machine"},
            {"name": "by_machine", "manual": True},
            {"template": "mood"},
            {"template": "sleep", "manual": False},
            client=exist,
        )

    assert answer.json()["success"] == [{"name": "by_hand", "active": True}, {"template": "mood", "active": True}]
    assert [item["error_code"] for item in answer.json()["failed"]] == ["not_allowed"] * 4


# Release


async def test_releasing_makes_inactive_and_ownerless(release, sandbox):
    mood = sandbox.add_attribute(template="mood", service=sandbox.service)

    answer = await release("mood")

    assert answer.status_code == 200
    assert answer.json() == {"success": [{"name": "mood", "service": "", "active": False}], "failed": []}
    assert (mood.service, mood.active, mood.available_services) == (None, False, [])


async def test_releasing_passes_to_the_next_available_service(release, sandbox, other):
    mood = sandbox.add_attribute(template="mood", service=sandbox.service, available_services=[other])

    answer = await release("mood")

    assert answer.json()["success"] == [{"name": "mood", "service": "oura", "active": True}]
    assert (mood.service, mood.active) == (other, True)


async def test_what_was_taken_goes_back_where_it_came_from(acquire, release, sandbox, other):
    mood = sandbox.add_attribute(template="mood", service=other)

    await acquire({"name": "mood"})
    await release("mood")

    assert mood.service is other


async def test_releasing_what_is_anothers_is_unauthorised(release, sandbox, other):
    sandbox.add_attribute(template="mood", service=other)
    sandbox.add_attribute(template="sleep")
    sandbox.add_attribute(template="mood_note", service=sandbox.service)

    answer = await release("mood_note", "mood", "sleep")

    assert answer.status_code == 202
    assert answer.json() == {
        "success": [{"name": "mood_note", "service": "", "active": False}],
        "failed": [
            {
                "name": "mood",
                "error": "Attribute 'mood' does not belong to this service",
                "error_code": "unauthorised",
            },
            {
                "name": "sleep",
                "error": "Attribute 'sleep' does not belong to this service",
                "error_code": "unauthorised",
            },
        ],
    }


async def test_releasing_what_the_user_lacks_is_not_found(release):
    assert refused(await release("mood"))["error_code"] == "not_found"


async def test_releasing_takes_no_template(exist, sandbox):
    sandbox.add_attribute(template="mood", service=sandbox.service)

    answer = await exist.post("attributes/release/", json=[{"template": "mood"}])

    assert refused(answer) == {
        "template": "mood",
        "error": "Object at index 0 missing field(s) 'name'",
        "error_code": "missing_field",
    }


async def test_releasing_needs_the_write_scope_too(release, connect, sandbox):
    sandbox.add_attribute(template="mood", service=sandbox.service)

    async with connect(f"Bearer {sandbox.issue_token(scopes=['mood_read'])}") as exist:
        assert refused(await release("mood", client=exist))["error_code"] == "not_allowed"


async def test_ownership_is_the_services_not_the_tokens(acquire, release, connect, sandbox, other):
    await acquire({"template": "mood"})

    async with connect(f"Bearer {sandbox.issue_token(service=other)}") as exist:
        assert refused(await release("mood", client=exist))["error_code"] == "unauthorised"
    async with connect(f"Bearer {sandbox.issue_token()}") as exist:
        assert (await release("mood", client=exist)).status_code == 200
