"""Creating attributes."""

import pytest


def validation_errors(reply):
    assert reply.status_code == 400
    body = reply.json()
    assert (body["status_code"], body["type"], body["code"]) == (400, "invalid_request_error", "validation_type")
    assert body["message"] == "Body payload validation error."
    return [(".".join(map(str, problem["path"])), problem["code"]) for problem in body["validation_errors"]]


async def test_creating_returns_200_and_the_new_attribute(attio, sandbox, new_attribute):
    reply = await attio.post("objects/deals/attributes", json=new_attribute(description="In EU sizes", is_unique=True))

    assert reply.status_code == 200
    created = reply.json()["data"]
    assert (created["title"], created["description"], created["type"]) == ("Shoe size", "In EU sizes", "number")
    assert (created["is_required"], created["is_unique"], created["is_multiselect"]) == (False, True, False)
    assert (created["is_system_attribute"], created["is_writable"], created["is_archived"]) == (False, True, False)
    assert created["created_at"].startswith("2026-11-20T18:30:15.061")
    assert (await attio.get("objects/deals/attributes/shoe_size")).json()["data"] == created
    assert sandbox.attribute("objects", "deals", "shoe_size").is_unique


async def test_an_attribute_can_be_created_on_a_list(attio, new_attribute):
    assert (await attio.post("lists/hiring/attributes", json=new_attribute())).status_code == 200
    assert (await attio.get("lists/hiring/attributes/shoe_size")).status_code == 200


async def test_a_currency_is_created_with_its_config(attio, new_attribute):
    currency = {"default_currency_code": "EUR", "display_type": "narrowSymbol"}
    reply = await attio.post(
        "lists/sales/attributes", json=new_attribute(type="currency", config={"currency": currency})
    )

    assert reply.json()["data"]["config"] == {
        "currency": currency,
        "record_reference": {"allowed_object_ids": None},
    }


async def test_the_part_of_a_config_for_another_type_changes_nothing(attio, new_attribute):
    config = {"currency": {"default_currency_code": "EUR", "display_type": "name"}}
    reply = await attio.post("lists/sales/attributes", json=new_attribute(config=config))

    assert reply.json()["data"]["config"]["currency"] == {"default_currency_code": None, "display_type": None}


async def test_allowed_objects_are_sent_by_slug_or_uuid_and_received_by_uuid(attio, sandbox, new_attribute):
    companies = sandbox.attribute("objects", "companies", "name").parent.id
    people = sandbox.attribute("objects", "people", "name").parent.id
    config = {"record_reference": {"allowed_objects": ["people", companies]}}
    reply = await attio.post("lists/sales/attributes", json=new_attribute(type="record-reference", config=config))

    assert reply.json()["data"]["config"]["record_reference"] == {"allowed_object_ids": [people, companies]}


@pytest.mark.parametrize("config", [{}, {"record_reference": {"allowed_objects": ["companies"]}}])
async def test_a_relationship_creates_the_related_attribute_too(attio, new_attribute, config):
    other = {"object": "companies", "title": "Buyers", "api_slug": "buyers", "is_multiselect": True}
    body = new_attribute(type="record-reference", api_slug="buys_from", config=config, relationship=other)
    created = (await attio.post("objects/people/attributes", json=body)).json()["data"]
    related = (await attio.get("objects/companies/attributes/buyers")).json()["data"]

    assert (related["title"], related["type"], related["is_multiselect"]) == ("Buyers", "record-reference", True)
    assert created["relationship"]["id"] == related["id"]
    assert related["relationship"]["id"] == created["id"]
    assert created["config"]["record_reference"]["allowed_object_ids"] == [related["id"]["object_id"]]


@pytest.mark.parametrize(
    ("type_", "default"),
    [
        ("number", {"type": "static", "template": [{"value": 5}]}),
        ("actor-reference", {"type": "dynamic", "template": "current-user"}),
        ("date", {"type": "dynamic", "template": "P1M"}),
        ("timestamp", {"type": "dynamic", "template": "PT1H30M"}),
    ],
)
async def test_a_default_value_may_be_static_or_dynamic(attio, new_attribute, type_, default):
    created = (
        await attio.post("lists/sales/attributes", json=new_attribute(type=type_, default_value=default))
    ).json()["data"]

    assert (created["default_value"], created["is_default_value_enabled"]) == (default, True)


@pytest.mark.parametrize(
    ("path", "type_", "default", "where"),
    [
        ("objects/people", "number", {"type": "static", "template": [{"value": 5}]}, ""),
        ("objects/companies", "number", {"type": "static", "template": [{"value": 5}]}, ""),
        ("lists/sales", "number", {"type": "dynamic", "template": "current-user"}, ".template"),
        ("lists/sales", "actor-reference", {"type": "dynamic", "template": "P1D"}, ".template"),
        ("lists/sales", "date", {"type": "dynamic", "template": "tomorrow"}, ".template"),
        ("lists/sales", "date", {"type": "dynamic", "template": "P"}, ".template"),
    ],
)
async def test_a_default_value_of_another_type_is_rejected(attio, new_attribute, path, type_, default, where):
    reply = await attio.post(f"{path}/attributes", json=new_attribute(type=type_, default_value=default))

    assert validation_errors(reply) == [(f"data.default_value{where}", "custom")]


REQUIRED = ["title", "description", "api_slug", "type", "is_required", "is_unique", "is_multiselect", "config"]


async def test_every_required_key_that_is_missing_is_named(attio):
    reply = await attio.post("lists/sales/attributes", json={"data": {}})

    assert validation_errors(reply) == [(f"data.{key}", "invalid_type") for key in REQUIRED]
    assert reply.json()["validation_errors"][4] == {
        "code": "invalid_type",
        "path": ["data", "is_required"],
        "message": "Required",
        "expected": "boolean",
        "received": "undefined",
    }


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"title": None}, ("data.title", "invalid_type")),
        ({"title": ""}, ("data.title", "too_small")),
        ({"description": 3}, ("data.description", "invalid_type")),
        ({"api_slug": 1.5}, ("data.api_slug", "invalid_type")),
        ({"type": "interaction"}, ("data.type", "invalid_enum_value")),
        ({"type": "magic"}, ("data.type", "invalid_enum_value")),
        ({"type": None}, ("data.type", "invalid_type")),
        ({"is_required": "true"}, ("data.is_required", "invalid_type")),
        ({"is_unique": None}, ("data.is_unique", "invalid_type")),
        ({"is_multiselect": 0}, ("data.is_multiselect", "invalid_type")),
        ({"is_archived": False}, ("data", "unrecognized_keys")),
        ({"config": None}, ("data.config", "invalid_type")),
        ({"config": {"number": {}}}, ("data.config", "unrecognized_keys")),
        ({"config": {"currency": None}}, ("data.config.currency", "invalid_type")),
        (
            {"config": {"currency": {"default_currency_code": "EUR"}}},
            ("data.config.currency.display_type", "invalid_type"),
        ),
        (
            {"config": {"currency": {"default_currency_code": "DOGE", "display_type": "code"}}},
            ("data.config.currency.default_currency_code", "invalid_enum_value"),
        ),
        (
            {"config": {"currency": {"default_currency_code": "EUR", "display_type": "narrow_symbol"}}},
            ("data.config.currency.display_type", "invalid_enum_value"),
        ),
        (
            {"config": {"record_reference": {"allowed_objects": []}}},
            ("data.config.record_reference.allowed_objects", "too_small"),
        ),
        (
            {"config": {"record_reference": {"allowed_objects": "people"}}},
            ("data.config.record_reference.allowed_objects", "invalid_type"),
        ),
        (
            {"config": {"record_reference": {"allowed_objects": ["people", "ghosts"]}}},
            ("data.config.record_reference.allowed_objects.1", "custom"),
        ),
        ({"default_value": []}, ("data.default_value", "invalid_type")),
        ({"default_value": {"type": "static", "template": "5"}}, ("data.default_value.template", "invalid_type")),
        ({"default_value": {"type": "static", "template": [5]}}, ("data.default_value.template.0", "invalid_type")),
        ({"default_value": {"type": "dynamic", "template": []}}, ("data.default_value.template", "invalid_type")),
        ({"default_value": {"type": "odd", "template": []}}, ("data.default_value.type", "invalid_enum_value")),
        ({"default_value": {"type": "dynamic"}}, ("data.default_value.template", "invalid_type")),
        ({"relationship": "people"}, ("data.relationship", "invalid_type")),
    ],
)
async def test_invalid_values_are_named_by_path(attio, sandbox, new_attribute, changed, found):
    assert validation_errors(await attio.post("lists/sales/attributes", json=new_attribute(**changed))) == [found]
    assert len(sandbox.attributes("lists", "sales")) == 4


async def test_keys_of_replies_are_not_accepted_in_requests(attio, new_attribute):
    config = {"record_reference": {"allowed_object_ids": ["people"]}}
    reply = await attio.post("lists/sales/attributes", json=new_attribute(type="record-reference", config=config))

    assert validation_errors(reply) == [
        ("data.config.record_reference.allowed_objects", "invalid_type"),
        ("data.config.record_reference", "unrecognized_keys"),
    ]


OTHER = {"object": "companies", "title": "Buyers", "api_slug": "buyers", "is_multiselect": True}


@pytest.mark.parametrize(
    ("path", "changed", "where"),
    [
        ("objects/people", {"type": "text"}, "data.relationship"),
        ("lists/sales", {}, "data.relationship"),
        (
            "objects/people",
            {"config": {"record_reference": {"allowed_objects": ["companies", "people"]}}},
            "data.config.record_reference.allowed_objects",
        ),
    ],
)
async def test_an_invalid_relationship_is_rejected(attio, new_attribute, path, changed, where):
    body = new_attribute(**{"type": "record-reference", "relationship": OTHER, **changed})

    assert validation_errors(await attio.post(f"{path}/attributes", json=body)) == [(where, "custom")]


@pytest.mark.parametrize(
    ("slug", "other"),
    [
        ("lead_source", None),
        ("old_score", None),
        ("sells_to", {**OTHER, "api_slug": "team"}),
        ("boss", {**OTHER, "object": "people", "api_slug": "boss"}),
    ],
)
async def test_a_slug_in_use_is_a_conflict(attio, sandbox, new_attribute, slug, other):
    body = new_attribute(type="record-reference", api_slug=slug, relationship=other)
    reply = await attio.post("objects/people/attributes", json=body)

    assert reply.status_code == 409
    taken = other["api_slug"] if other else slug
    assert reply.json() == {
        "status_code": 409,
        "type": "invalid_request_error",
        "code": "slug_conflict",
        "message": f'An attribute with the slug "{taken}" already exists.',
    }
    assert len(sandbox.attributes("objects", "people")) == 7


async def test_a_slug_is_unique_per_object_only(attio, new_attribute):
    assert (await attio.post("objects/people/attributes", json=new_attribute())).status_code == 200
    assert (await attio.post("objects/companies/attributes", json=new_attribute())).status_code == 200


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({}, [("data", "invalid_type")]),
        ([], [("", "invalid_type")]),
        ({"data": []}, [("data", "invalid_type")]),
        ({"data": None}, [("data", "invalid_type")]),
    ],
)
async def test_the_body_must_contain_the_data_as_an_object(attio, body, found):
    assert validation_errors(await attio.post("lists/sales/attributes", json=body)) == found


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b"\xff"])
async def test_a_body_that_is_not_json_is_rejected(attio, body):
    reply = await attio.post("lists/sales/attributes", content=body)

    assert reply.status_code == 400
    assert reply.json()["code"] == "validation_type"
    assert reply.json()["message"].startswith("Body payload is no JSON: ")


async def test_a_body_of_another_content_type_is_rejected(attio, new_attribute):
    reply = await attio.post("lists/sales/attributes", data={"title": "Shoe size"})

    assert reply.status_code == 415
    assert reply.json()["message"] == 'Unsupported media type "application/x-www-form-urlencoded".'


async def test_a_currency_code_can_be_added(attio, sandbox, new_attribute):
    config = {"currency": {"default_currency_code": "DOGE", "display_type": "code"}}
    sandbox.currencies.add("DOGE")
    reply = await attio.post("lists/sales/attributes", json=new_attribute(type="currency", config=config))

    assert reply.json()["data"]["config"]["currency"] == config["currency"]
