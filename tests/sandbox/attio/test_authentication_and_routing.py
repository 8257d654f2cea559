"""Tokens, paths and methods: everything that is checked before the endpoint."""

from urllib.parse import quote
from uuid import UUID

import httpx
import pytest

AWKWARD = ["with space", "a/b", "a%2Fb", "🙂", "ü?#&+", "options", "..."]


@pytest.mark.parametrize("slug", AWKWARD)
async def test_each_path_segment_is_decoded_separately(attio, sandbox, slug):
    sandbox.add_list(slug)
    sandbox.add_attribute("lists", slug, title=slug, api_slug=slug, type="select")
    sandbox.add_option("lists", slug, slug, "One")
    url = f"lists/{quote(slug, safe='')}/attributes"
    one = f"{url}/{quote(slug, safe='')}"

    assert [attribute["title"] for attribute in (await attio.get(url)).json()["data"]] == [slug]
    assert (await attio.get(one)).json()["data"]["api_slug"] == slug
    assert (await attio.patch(one, json={"data": {"title": "New"}})).json()["data"]["title"] == "New"
    assert (await attio.get(f"{one}/options")).json()["data"][0]["title"] == "One"
    assert sandbox.requests[-1].path == f"/v2/{one}/options"


async def test_an_unencoded_slash_separates_segments(attio, sandbox):
    sandbox.add_attribute("lists", "sales", title="A or B", api_slug="a/b", type="text")

    assert (await attio.get("lists/sales/attributes/a/b")).status_code == 404


@pytest.mark.parametrize("authorization", ["Bearer wrong", "Bearer", "Token sandbox-token", "sandbox-token"])
@pytest.mark.parametrize("path", ["objects/people/attributes", "nowhere"])
async def test_an_invalid_token_is_rejected(connect, authorization, path):
    async with connect(authorization) as attio:
        reply = await attio.get(path)

    assert reply.status_code == 401
    assert reply.json() == {
        "status_code": 401,
        "type": "auth_error",
        "code": "unauthorized",
        "message": "Could not authenticate the request: its access token is missing or invalid.",
    }


async def test_a_missing_token_is_rejected(sandbox):
    async with httpx.AsyncClient(transport=sandbox.transport()) as attio:
        reply = await attio.get("https://attio.test/v2/objects/people/attributes")

    assert (reply.status_code, reply.json()["type"]) == (401, "auth_error")


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("POST", "objects/people/attributes", "object_configuration"),
        ("PATCH", "lists/sales/attributes/stage", "list_configuration"),
    ],
)
async def test_a_read_only_token_reads_and_does_not_write(connect, sandbox, new_attribute, method, path, scope):
    async with connect(f"Bearer {sandbox.issue_token(read_only=True)}") as attio:
        assert (await attio.get("objects/people/attributes")).status_code == 200
        reply = await attio.request(method, path, json=new_attribute())

    assert reply.status_code == 403
    assert reply.json() == {
        "status_code": 403,
        "type": "auth_error",
        "code": "unauthorized",
        "message": f'This access token lacks the scope "{scope}:read-write".',
    }


@pytest.mark.parametrize(
    ("method", "path", "message"),
    [
        ("GET", "objects/ghosts/attributes", 'Could not find object with slug/ID "ghosts".'),
        ("GET", "lists/people/attributes", 'Could not find list with slug/ID "people".'),
        ("GET", "objects//attributes", 'Could not find object with slug/ID "".'),
        ("POST", "lists/ghosts/attributes", 'Could not find list with slug/ID "ghosts".'),
        ("GET", "objects/people/attributes/ghost", 'Could not find attribute with slug/ID "ghost".'),
        ("GET", "objects/people/attributes/%FF", 'Could not find attribute with slug/ID "\ufffd".'),
        ("GET", "objects/people/attributes/", 'Could not find attribute with slug/ID "".'),
        ("PATCH", "objects/people/attributes/ghost", 'Could not find attribute with slug/ID "ghost".'),
        ("GET", "objects/people/attributes/ghost/options", 'Could not find attribute with slug/ID "ghost".'),
        ("GET", "lists/sales/attributes/ghost/statuses", 'Could not find attribute with slug/ID "ghost".'),
        ("GET", "objects/people", 'Could not find endpoint "GET /v2/objects/people".'),
        ("GET", "tasks/people/attributes", 'Could not find endpoint "GET /v2/tasks/people/attributes".'),
        (
            "DELETE",
            "objects/people/attributes/old_score",
            'Could not find endpoint "DELETE /v2/objects/people/attributes/old_score".',
        ),
    ],
)
async def test_unknown_paths_and_identifiers_are_not_found(attio, method, path, message):
    reply = await attio.request(method, path)

    assert reply.status_code == 404
    assert reply.json() == {
        "status_code": 404,
        "type": "invalid_request_error",
        "code": "not_found",
        "message": message,
    }


async def test_every_reply_has_its_own_execution_id_and_a_date(attio, sandbox):
    sandbox.fail_next(path="sales/attributes")
    paths = ["objects/people/attributes", "nowhere", "lists/sales/attributes"]
    replies = [await attio.get(path) for path in paths]

    assert [reply.status_code for reply in replies] == [200, 404, 503]
    assert len({UUID(reply.headers["x-attio-execution-id"]) for reply in replies}) == 3
    assert {reply.headers["date"] for reply in replies} == {"Fri, 20 Nov 2026 18:30:15 GMT"}


async def test_only_http_is_supported(sandbox):
    with pytest.raises(NotImplementedError, match="HTTP only, not websocket"):
        await sandbox.app({"type": "websocket"}, None, None)
