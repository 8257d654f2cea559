"""Settings of the sandbox, its faults, seeding, and invalid arguments."""

import time

import httpx
import pytest

from exist_async.sandbox import AttioSandbox

PEOPLE = "objects/people/attributes"


async def test_requests_are_recorded_with_their_body_and_without_their_token(attio, connect, sandbox, new_attribute):
    await attio.post(PEOPLE, json=new_attribute())
    async with connect("Bearer wrong") as anonymous:
        await anonymous.get(PEOPLE, params={"limit": 50, "show_archived": "true"})

    created, listed = sandbox.requests
    assert (created.method, created.path, created.json) == ("POST", "/v2/objects/people/attributes", new_attribute())
    assert (created.user, created.status) == ("sandbox", 200)
    assert (listed.query, listed.json) == ({"limit": "50", "show_archived": "true"}, None)
    assert (listed.user, listed.status) == (None, 401)
    assert sandbox.token not in repr(sandbox.requests)
    sandbox.reset_requests()
    assert sandbox.requests == []


@pytest.mark.parametrize(
    ("status", "type_", "code"),
    [
        (400, "invalid_request_error", "bad_request"),
        (401, "auth_error", "unauthorized"),
        (403, "auth_error", "unauthorized"),
        (404, "invalid_request_error", "not_found"),
        (429, "rate_limit_error", "rate_limit_exceeded"),
    ],
)
async def test_an_error_fault_has_attios_error_format(attio, sandbox, status, type_, code):
    sandbox.fail_next(status=status)
    reply = await attio.get(PEOPLE)

    assert reply.status_code == status
    body = reply.json()
    assert (body["status_code"], body["type"], body["code"]) == (status, type_, code)
    assert body["message"] == f"{reply.reason_phrase}."


async def test_a_fault_can_be_limited_to_a_raw_path(attio, sandbox):
    sandbox.add_attribute("objects", "people", title="A", api_slug="a/attributes", type="text")
    sandbox.fail_next(path="people/attributes", headers={"X-Attio-Execution-Id": "mine"})

    assert (await attio.get(f"{PEOPLE}/a%2Fattributes")).status_code == 200
    reply = await attio.get(PEOPLE)
    assert (reply.status_code, reply.headers["x-attio-execution-id"]) == (503, "mine")


async def test_the_reply_to_a_write_can_be_dropped_after_it_was_carried_out(attio, sandbox, new_attribute):
    sandbox.fail_next(drop=True, when="after")

    with pytest.raises(httpx.RemoteProtocolError):
        await attio.post(PEOPLE, json=new_attribute())

    assert sandbox.attribute("objects", "people", "shoe_size").title == "Shoe size"


async def test_replies_can_be_rewritten(attio, sandbox):
    def from_the_future(reply):
        reply["data"]["type"] = "hologram"
        return reply

    sandbox.rewrite_next(from_the_future)

    assert (await attio.get(f"{PEOPLE}/name")).json()["data"]["type"] == "hologram"
    assert (await attio.get(f"{PEOPLE}/name")).json()["data"]["type"] == "personal-name"


async def test_each_request_waits_for_the_latency_which_may_be_changed(attio, sandbox):
    sandbox.latency = 0.03
    started = time.monotonic()
    await attio.get(PEOPLE)

    assert time.monotonic() - started >= 0.03
    assert AttioSandbox(latency=0.5).latency == 0.5


async def test_on_a_socket_path_segments_stay_encoded(sandbox):
    sandbox.add_attribute("lists", "sales", title="A or B", api_slug="a/b 🙂", type="text")
    headers = {"Authorization": f"Bearer {sandbox.token}"}

    async with sandbox.serve() as url, httpx.AsyncClient(base_url=f"{url}/v2/", headers=headers) as attio:
        path = "lists/sales/attributes/a%2Fb%20%F0%9F%99%82"
        reply = await attio.patch(path, json={"data": {"title": "Either"}})
        sandbox.fail_next(drop=True)
        with pytest.raises(httpx.RemoteProtocolError):
            await attio.get(path)

    assert reply.json()["data"]["title"] == "Either"
    assert reply.headers.get_list("date") == ["Fri, 20 Nov 2026 18:30:15 GMT"]
    assert sandbox.requests[0].path == f"/v2/{path}"


async def test_attributes_can_be_seeded_without_the_restrictions_of_the_api(attio, sandbox):
    other = {"object": "ships", "title": "Harbours", "api_slug": "harbours", "is_multiselect": False}
    ships, harbours = sandbox.add_object("ships"), sandbox.add_object("harbours")
    sandbox.add_attribute("objects", ships.id, title="Wake", api_slug="wake", type="hologram", is_writable=False)
    sandbox.add_attribute(
        "objects",
        "harbours",
        title="Ships",
        api_slug="ships",
        type="record-reference",
        relationship=other,
        created_at="2021-11-21T13:22:49.061Z",
    )
    fee = sandbox.add_attribute(
        "objects",
        "harbours",
        title="Fee",
        api_slug="fee",
        type="currency",
        config={"currency": {"default_currency_code": "DOGE", "display_type": "emoji"}},
    )
    fee.is_archived = True

    wake, back = (await attio.get("objects/ships/attributes")).json()["data"]
    there = (await attio.get("objects/harbours/attributes?show_archived=true")).json()["data"]
    assert (wake["type"], wake["is_writable"]) == ("hologram", False)
    assert back["relationship"]["id"]["object_id"] == harbours.id
    assert there[0]["created_at"] == "2021-11-21T13:22:49.061Z"
    assert there[0]["config"]["record_reference"]["allowed_object_ids"] == [ships.id]
    assert there[1]["config"]["currency"] == {"default_currency_code": "DOGE", "display_type": "emoji"}
    assert there[1]["is_archived"] is True


async def test_options_and_statuses_can_be_added_and_changed(attio, sandbox):
    sandbox.add_option("objects", "people", "lead_source", "Pigeon").title = "Carrier pigeon"
    sandbox.add_status("lists", "sales", "stage", "Sunk", celebration_enabled=True, target_time_in_status="P1D")

    options = (await attio.get(f"{PEOPLE}/lead_source/options")).json()["data"]
    statuses = (await attio.get("lists/sales/attributes/stage/statuses")).json()["data"]
    assert options[-1]["title"] == "Carrier pigeon"
    assert (statuses[-1]["celebration_enabled"], statuses[-1]["target_time_in_status"]) == (True, "P1D")


async def test_a_token_value_can_be_given_but_not_twice(connect, sandbox):
    assert sandbox.issue_token(token="chosen") == "chosen"
    async with connect("bearer chosen") as attio:
        assert (await attio.get(PEOPLE)).status_code == 200
    assert len({AttioSandbox(token="mine").token, sandbox.token, sandbox.issue_token()}) == 3


TEXT = {"title": "T", "type": "text"}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: s.issue_token(token="sandbox-token"), "token is already in use"),
        (lambda s: s.add_object(""), "slug must not be empty"),
        (lambda s: s.add_object("people"), "slug 'people' is already in use among the objects"),
        (lambda s: s.add_list("sales"), "slug 'sales' is already in use among the lists"),
        (lambda s: s.attributes("lists", "people"), "lists contain no 'people'"),
        (lambda s: s.attribute("lists", "sales", "ghost"), "'sales' has no attribute 'ghost'"),
        (lambda s: s.add_attribute("lists", "sales", api_slug="stage", **TEXT), "api_slug 'stage' is already in use"),
        (
            lambda s: s.add_option("lists", "sales", "stage", "x"),
            "attribute 'stage' has the type 'status', not 'select'",
        ),
        (
            lambda s: s.add_status("lists", "sales", "seats", "x"),
            "attribute 'seats' has the type 'number', not 'status'",
        ),
        (lambda s: AttioSandbox(page_size=0), "page_size must be from 1 to 500, or None, not 0"),
        (lambda s: AttioSandbox(page_size=501), "page_size must be from 1 to 500, or None, not 501"),
        (lambda s: AttioSandbox(latency=-1), "latency must be a finite number"),
        (lambda s: s.serve("0.0.0.0"), "must be a loopback address"),
    ],
)
def test_invalid_arguments_are_rejected(sandbox, call, message):
    with pytest.raises(ValueError, match=message):
        call(sandbox)
