"""Reading attributes, options and statuses."""

from uuid import UUID

import httpx
import pytest

from exist_async.sandbox import AttioSandbox


def slugs(reply):
    assert reply.status_code == 200
    assert list(reply.json()) == ["data"]
    return [attribute["api_slug"] for attribute in reply.json()["data"]]


async def test_a_new_sandbox_contains_objects_and_lists_with_attributes(attio):
    people = ["created_at", "name", "email_addresses", "company", "last_interaction", "lead_source"]
    companies = ["created_at", "team", "name", "domains", "annual_revenue", "advisers"]

    assert slugs(await attio.get("objects/people/attributes")) == people
    assert slugs(await attio.get("objects/companies/attributes")) == companies
    assert slugs(await attio.get("objects/deals/attributes")) == ["created_at", "name", "value", "expected_close"]
    assert slugs(await attio.get("lists/sales/attributes")) == ["created_at", "stage", "owner", "seats"]
    assert slugs(await attio.get("lists/hiring/attributes")) == ["created_at", "interview", "impression"]


async def test_an_attribute_is_returned_with_all_fields(attio, sandbox):
    ships = sandbox.add_object("ships")
    ship = sandbox.add_attribute("objects", "ships", title="Captain", api_slug="captain", type="text")

    assert (await attio.get("objects/ships/attributes/captain")).json() == {
        "data": {
            "id": {"workspace_id": sandbox.workspace_id, "object_id": ships.id, "attribute_id": ship.id},
            "title": "Captain",
            "description": None,
            "api_slug": "captain",
            "type": "text",
            "is_system_attribute": False,
            "is_writable": True,
            "is_required": False,
            "is_unique": False,
            "is_multiselect": False,
            "is_default_value_enabled": False,
            "is_archived": False,
            "default_value": None,
            "relationship": None,
            "created_at": ship.created_at,
            "config": {
                "currency": {"default_currency_code": None, "display_type": None},
                "record_reference": {"allowed_object_ids": None},
            },
        }
    }
    assert {UUID(part).version for part in ship.full_id.values()} == {4}


async def test_currencies_and_record_references_have_a_config(attio, sandbox):
    revenue = (await attio.get("objects/companies/attributes/annual_revenue")).json()["data"]
    advisers = (await attio.get("objects/companies/attributes/advisers")).json()["data"]
    (people,) = {attribute.parent.id for attribute in sandbox.attributes("objects", "people")}

    assert revenue["config"] == {
        "currency": {"default_currency_code": "USD", "display_type": "symbol"},
        "record_reference": {"allowed_object_ids": None},
    }
    assert advisers["config"] == {
        "currency": {"default_currency_code": None, "display_type": None},
        "record_reference": {"allowed_object_ids": [people]},
    }


async def test_a_relationship_names_the_related_attribute(attio, sandbox):
    company = (await attio.get("objects/people/attributes/company")).json()["data"]
    team = (await attio.get("objects/companies/attributes/team")).json()["data"]

    assert company["relationship"] == {
        "id": team["id"],
        "object_slug": "companies",
        "title": "Team",
        "api_slug": "team",
        "is_multiselect": True,
    }
    assert team["relationship"]["id"] == company["id"]
    assert team["relationship"]["object_slug"] == "people"
    assert team["config"]["record_reference"]["allowed_object_ids"] == [company["id"]["object_id"]]


async def test_times_of_creation_alternate_between_nine_and_three_fractional_digits(sandbox):
    assert [attribute.created_at for attribute in sandbox.attributes("lists", "hiring")][1:] == [
        "2026-11-20T18:30:15.061281000Z",
        "2026-11-20T18:30:15.061Z",
    ]


async def test_a_uuid_can_replace_each_slug(attio, sandbox):
    stage = sandbox.attribute("lists", "sales", "stage")
    by_slug = await attio.get("lists/sales/attributes/stage/statuses")
    by_id = await attio.get(f"lists/{stage.parent.id}/attributes/{stage.id}/statuses")

    assert by_id.json() == by_slug.json()
    assert len(by_id.json()["data"]) == 3


async def test_archived_attributes_need_a_parameter(attio):
    assert "old_score" not in slugs(await attio.get("objects/people/attributes?show_archived=false"))
    assert "old_score" in slugs(await attio.get("objects/people/attributes?show_archived=true"))
    assert (await attio.get("objects/people/attributes/old_score")).json()["data"]["is_archived"] is True


async def test_options_are_listed_and_archived_ones_need_a_parameter(attio, sandbox):
    source = sandbox.attribute("objects", "people", "lead_source")
    url = "objects/people/attributes/lead_source/options"
    listed = (await attio.get(url)).json()["data"]

    assert listed[0] == {
        "id": {**source.full_id, "option_id": source.options[0].id},
        "title": "Website",
        "is_archived": False,
    }
    assert [option["title"] for option in listed] == ["Website", "Referral"]
    with_archived = (await attio.get(url, params={"show_archived": "true"})).json()["data"]
    assert [(option["title"], option["is_archived"]) for option in with_archived][2:] == [("Fax", True)]


async def test_statuses_are_listed_and_archived_ones_need_a_parameter(attio, sandbox):
    stage = sandbox.attribute("lists", "sales", "stage")
    url = "lists/sales/attributes/stage/statuses"
    listed = (await attio.get(url)).json()["data"]

    assert listed[0] == {
        "id": {**stage.full_id, "status_id": stage.statuses[0].id},
        "title": "Lead",
        "is_archived": False,
        "celebration_enabled": False,
        "target_time_in_status": "P7D",
    }
    assert [(s["title"], s["celebration_enabled"], s["target_time_in_status"]) for s in listed[1:]] == [
        ("In progress", False, None),
        ("Won", True, None),
    ]
    assert len((await attio.get(url, params={"show_archived": "true"})).json()["data"]) == 4


async def test_an_attribute_of_another_type_has_no_options_and_no_statuses(attio):
    assert (await attio.get("objects/people/attributes/name/options")).json() == {"data": []}
    assert (await attio.get("objects/people/attributes/name/statuses")).json() == {"data": []}


@pytest.fixture
def sixty_attributes(sandbox):
    sandbox.add_list("many")
    for n in range(60):
        sandbox.add_attribute("lists", "many", title=f"A {n}", api_slug=f"a{n}", type="text", is_archived=n == 7)


@pytest.mark.parametrize(
    ("query", "first", "count"),
    [
        ("", "a0", 50),
        ("?limit=54", "a0", 54),
        ("?limit=9999", "a0", 59),
        ("?limit=2&offset=6", "a6", 2),
        ("?limit=2&offset=7", "a8", 2),
        ("?limit=2&offset=7&show_archived=true", "a7", 2),
        ("?offset=58", "a59", 1),
        ("?offset=59", None, 0),
    ],
)
async def test_a_listing_is_read_in_pages(attio, sixty_attributes, query, first, count):
    found = slugs(await attio.get(f"lists/many/attributes{query}"))

    assert (found[0] if found else None, len(found)) == (first, count)


@pytest.mark.parametrize("query", ["", "?limit=50"])
async def test_pages_can_be_smaller_than_the_limit_requested(query):
    sandbox = AttioSandbox(page_size=2)
    headers = {"Authorization": f"Bearer {sandbox.token}"}
    async with httpx.AsyncClient(transport=sandbox.transport(), headers=headers) as attio:
        url = "https://attio.test/v2/objects/people/attributes"
        assert slugs(await attio.get(f"{url}{query}")) == ["created_at", "name"]
        assert slugs(await attio.get(f"{url}?limit=1")) == ["created_at"]


@pytest.mark.parametrize(
    ("query", "name", "expected", "received"),
    [
        ("limit=0", "limit", "integer of at least 1", "0"),
        ("limit=ten", "limit", "integer of at least 1", "ten"),
        ("limit=" + "9" * 5000, "limit", "integer of at least 1", "9" * 5000),
        ("offset=-1", "offset", "integer of at least 0", "-1"),
        ("show_archived=True", "show_archived", "boolean", "True"),
        ("show_archived=1", "show_archived", "boolean", "1"),
    ],
)
async def test_an_invalid_query_parameter_is_rejected(attio, query, name, expected, received):
    reply = await attio.get(f"objects/people/attributes?{query}")

    assert reply.status_code == 400
    assert reply.json() == {
        "status_code": 400,
        "type": "invalid_request_error",
        "code": "validation_type",
        "message": "Query parameter validation error.",
        "validation_errors": [
            {
                "code": "invalid_type",
                "path": [name],
                "message": f"Expected {expected}",
                "expected": expected,
                "received": received,
            }
        ],
    }
