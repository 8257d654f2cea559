"""Acquiring and releasing attributes: `attributes/acquire/` and `attributes/release/`."""

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


def failed_item(reply):
    assert reply.status_code == 202
    assert reply.json()["success"] == []
    (item,) = reply.json()["failed"]
    return item


# Acquire


async def test_acquiring_echoes_the_item_with_active(acquire, sandbox):
    sandbox.add_attribute(template="mood")
    sandbox.add_attribute(name="tag")

    reply = await acquire({"template": "mood"}, {"name": "tag", "manual": False})

    assert reply.status_code == 200
    assert reply.json() == {
        "success": [{"template": "mood", "active": True}, {"name": "tag", "manual": False, "active": True}],
        "failed": [],
    }
    assert [attribute.service for attribute in sandbox.user.attributes] == [sandbox.service, sandbox.service]


async def test_with_the_flag_acquiring_returns_whole_attributes(acquire, sandbox):
    sandbox.add_attribute(template="mood", active=False)

    reply = await acquire({"template": "mood"}, success_objects="1")

    assert reply.json()["success"] == [
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
            "value_type_description": "Integer scale (1-9)",
            "available_services": [{"name": "my_client", "label": "My client"}],
        }
    ]


async def test_acquiring_by_template_creates_a_missing_attribute(acquire, sandbox):
    await acquire({"template": "mood"}, {"template": "sleep", "manual": False})

    mood, sleep = sandbox.user.attribute("mood"), sandbox.user.attribute("sleep")
    assert (mood.service, mood.manual) == (sandbox.service, True)
    assert (sleep.service, sleep.manual) == (sandbox.service, False)


async def test_acquiring_by_name_never_creates(acquire, sandbox):
    assert failed_item(await acquire({"name": "mood"})) == {
        "name": "mood",
        "error": "Attribute 'mood' does not exist",
        "error_code": "not_found",
    }
    assert sandbox.user.attributes == []


async def test_acquiring_by_name_accepts_any_value_type(acquire, sandbox):
    sandbox.add_attribute(name="coffees", group="food", value_type=2)

    (acquired,) = (await acquire({"name": "coffees"}, success_objects="1")).json()["success"]

    assert (acquired["template"], acquired["value_type"]) == (None, 2)


async def test_acquiring_by_template_does_not_touch_a_custom_attribute_of_that_name(acquire, sandbox):
    own = sandbox.add_attribute(name="coffees", group="food", value_type=2)

    (acquired,) = (await acquire({"template": "coffees"}, success_objects="1")).json()["success"]
    (again,) = (await acquire({"template": "coffees"}, success_objects="1")).json()["success"]

    assert (acquired["template"], acquired["name"], acquired["value_type"]) == ("coffees", "coffees_2", 0)
    assert again == acquired
    assert own.service is None


async def test_acquiring_again_changes_nothing(acquire, sandbox):
    first = (await acquire({"template": "mood"}, success_objects="1")).json()
    second = (await acquire({"template": "mood"}, {"name": "mood"}, success_objects="1")).json()

    assert second["success"] == first["success"] * 2
    assert len(sandbox.user.attributes) == 1


@pytest.mark.parametrize(("sent", "manual"), [({}, False), ({"manual": None}, False), ({"manual": True}, True)])
async def test_acquiring_changes_manual_only_when_it_is_given(acquire, sandbox, sent, manual):
    mood = sandbox.add_attribute(template="mood", manual=False)

    await acquire({"template": "mood", **sent})

    assert mood.manual is manual


async def test_acquiring_takes_over_from_another_service_and_activates(acquire, sandbox, other):
    mood = sandbox.add_attribute(template="mood", service=other, active=False)

    await acquire({"name": "mood"})

    assert (mood.service, mood.active) == (sandbox.service, True)
    assert mood.available_services == [other, sandbox.service]


async def test_the_older_flag_is_accepted(acquire, sandbox):
    sandbox.add_attribute(name="tag")

    assert (await acquire({"name": "tag"}, allow_user_defined="1")).status_code == 200


@pytest.mark.parametrize("sent", [{}, {"title": "mood"}, {"name": ""}, {"name": None}, {"template": ""}])
async def test_acquiring_requires_a_name_or_a_template(acquire, sent):
    assert failed_item(await acquire(sent)) == {
        **sent,
        "error": "Object at index 0 missing field(s) 'name'",
        "error_code": "missing_field",
    }


async def test_acquiring_an_unknown_template_is_not_found(acquire):
    assert failed_item(await acquire({"template": "moood"}))["error_code"] == "not_found"


@pytest.mark.parametrize("sent", [{"name": 7}, {"template": ["mood"]}, {"template": "mood", "manual": "true"}])
async def test_acquiring_with_invalid_fields_fails_validation(acquire, sent):
    assert failed_item(await acquire(sent))["error_code"] == "validation"


async def test_acquiring_is_limited_to_the_groups_of_the_write_scopes(acquire, connect, sandbox):
    sandbox.add_attribute(name="tag")

    async with connect(f"Bearer {sandbox.issue_token(scopes=['mood_write', 'sleep_read'])}") as exist:
        reply = await acquire({"template": "mood"}, {"template": "sleep"}, {"name": "tag"}, client=exist)

    assert reply.json() == {
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


async def test_manual_write_acquires_only_attributes_that_are_and_stay_manual(acquire, connect, sandbox):
    sandbox.add_attribute(name="by_hand", manual=True)
    sandbox.add_attribute(name="by_machine", manual=False)

    async with connect(f"Bearer {sandbox.issue_token(scopes=['manual_write'])}") as exist:
        reply = await acquire(
            {"name": "by_hand"},
            {"name": "by_hand", "manual": False},
            {"name": "by_machine"},
            {"name": "by_machine", "manual": True},
            {"template": "mood"},
            {"template": "sleep", "manual": False},
            client=exist,
        )

    assert reply.json()["success"] == [{"name": "by_hand", "active": True}, {"template": "mood", "active": True}]
    assert [item["error_code"] for item in reply.json()["failed"]] == ["not_allowed"] * 4


# Release


async def test_releasing_deactivates_and_removes_the_owner(release, sandbox):
    mood = sandbox.add_attribute(template="mood", service=sandbox.service)

    reply = await release("mood")

    assert reply.status_code == 200
    assert reply.json() == {"success": [{"name": "mood", "service": "", "active": False}], "failed": []}
    assert (mood.service, mood.active, mood.available_services) == (None, False, [])


async def test_releasing_passes_to_the_next_available_service(release, sandbox, other):
    mood = sandbox.add_attribute(template="mood", service=sandbox.service, available_services=[other])

    reply = await release("mood")

    assert reply.json()["success"] == [{"name": "mood", "service": "oura", "active": True}]
    assert (mood.service, mood.active) == (other, True)


async def test_releasing_returns_an_acquired_attribute_to_its_previous_owner(acquire, release, sandbox, other):
    mood = sandbox.add_attribute(template="mood", service=other)

    await acquire({"name": "mood"})
    await release("mood")

    assert mood.service is other


async def test_releasing_an_attribute_of_another_service_is_unauthorised(release, sandbox, other):
    sandbox.add_attribute(template="mood", service=other)
    sandbox.add_attribute(template="sleep")
    sandbox.add_attribute(template="mood_note", service=sandbox.service)

    reply = await release("mood_note", "mood", "sleep")

    assert reply.status_code == 202
    assert reply.json() == {
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


async def test_releasing_an_unknown_attribute_is_not_found(release):
    assert failed_item(await release("mood"))["error_code"] == "not_found"


async def test_releasing_does_not_accept_a_template(exist, sandbox):
    sandbox.add_attribute(template="mood", service=sandbox.service)

    reply = await exist.post("attributes/release/", json=[{"template": "mood"}])

    assert failed_item(reply) == {
        "template": "mood",
        "error": "Object at index 0 missing field(s) 'name'",
        "error_code": "missing_field",
    }


async def test_releasing_needs_the_write_scope_too(release, connect, sandbox):
    sandbox.add_attribute(template="mood", service=sandbox.service)

    async with connect(f"Bearer {sandbox.issue_token(scopes=['mood_read'])}") as exist:
        assert failed_item(await release("mood", client=exist))["error_code"] == "not_allowed"


async def test_ownership_belongs_to_the_service_and_not_to_the_token(acquire, release, connect, sandbox, other):
    await acquire({"template": "mood"})

    async with connect(f"Bearer {sandbox.issue_token(service=other)}") as exist:
        assert failed_item(await release("mood", client=exist))["error_code"] == "unauthorised"
    async with connect(f"Bearer {sandbox.issue_token()}") as exist:
        assert (await release("mood", client=exist)).status_code == 200
