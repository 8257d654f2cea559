"""Tokens, methods and paths: everything that is checked before the endpoint."""

import httpx
import pytest

MISSING = {"detail": "Authentication credentials were not provided."}
INVALID = {"detail": "Invalid token."}


async def test_a_bearer_token_is_accepted(exist):
    assert (await exist.get("accounts/profile/")).status_code == 200


async def test_the_scheme_may_be_written_in_any_case(connect, sandbox):
    async with connect(f"bearer {sandbox.token}") as exist:
        assert (await exist.get("accounts/profile/")).status_code == 200


async def test_a_request_without_a_token_is_unauthorized_and_names_the_scheme(sandbox):
    async with httpx.AsyncClient(transport=sandbox.transport()) as anonymous:
        reply = await anonymous.get("https://exist.test/api/2/accounts/profile/")

    assert reply.status_code == 401
    assert reply.json() == MISSING
    assert reply.headers["www-authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize(
    ("authorization", "detail"),
    [
        ("Bearer wrong", INVALID),
        ("Bearer", INVALID),
        ("Token sandbox-token", INVALID),
        ("Basic sandbox-token", MISSING),
        ("sandbox-token", MISSING),
    ],
)
async def test_an_invalid_token_or_scheme_is_unauthorized(connect, authorization, detail):
    async with connect(authorization) as exist:
        reply = await exist.get("accounts/profile/")

    assert reply.status_code == 401
    assert reply.json() == detail


async def test_a_simple_token_reads(connect, sandbox):
    sandbox.add_attribute(template="mood")

    async with connect(f"Token {sandbox.issue_simple_token()}") as exist:
        reply = await exist.get("attributes/")

    assert [attribute["name"] for attribute in reply.json()["results"]] == ["mood"]


async def test_a_simple_token_is_not_accepted_as_a_bearer_token(connect, sandbox):
    async with connect(f"Bearer {sandbox.issue_simple_token()}") as exist:
        assert (await exist.get("attributes/")).status_code == 401


async def test_a_simple_token_is_forbidden_to_write(connect, sandbox):
    async with connect(f"Token {sandbox.issue_simple_token()}") as exist:
        reply = await exist.post("attributes/acquire/", json=[{"template": "mood"}])

    assert reply.status_code == 403
    assert reply.json() == {"detail": "You do not have permission to perform this action."}
    assert sandbox.user.attributes == []


async def test_a_simple_token_owns_no_attributes(connect, sandbox):
    sandbox.add_attribute(template="mood", service=sandbox.service)
    sandbox.add_attribute(template="sleep")

    async with connect(f"Token {sandbox.issue_simple_token()}") as exist:
        assert (await exist.get("attributes/owned/")).json()["count"] == 0
        assert (await exist.get("attributes/", params={"owned": "true"})).json()["count"] == 0


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "attributes/create/", "POST"),
        ("GET", "attributes/acquire/", "POST"),
        ("GET", "attributes/release/", "POST"),
        ("POST", "attributes/owned/", "GET"),
        ("DELETE", "attributes/", "GET"),
    ],
)
async def test_a_wrong_method_is_not_allowed(exist, method, path, allowed):
    reply = await exist.request(method, path)

    assert reply.status_code == 405
    assert reply.json() == {"detail": f'Method "{method}" not allowed.'}
    assert reply.headers["allow"] == allowed


async def test_without_a_token_a_wrong_method_is_unauthorized(sandbox):
    async with httpx.AsyncClient(transport=sandbox.transport()) as anonymous:
        assert (await anonymous.get("https://exist.test/api/2/attributes/create/")).status_code == 401


@pytest.mark.parametrize("path", ["nowhere/", "attributes/nowhere/", "/", "/api/1/users/", "nowhere"])
async def test_an_unknown_path_is_not_found(exist, path):
    reply = await exist.get(path)

    assert reply.status_code == 404
    assert reply.json() == {"detail": "Not found."}


@pytest.mark.parametrize(
    ("method", "path", "location"),
    [
        ("GET", "attributes", "/api/2/attributes/"),
        ("GET", "attributes/owned?page=2&limit=3", "/api/2/attributes/owned/?page=2&limit=3"),
        ("POST", "attributes/acquire", "/api/2/attributes/acquire/"),
    ],
)
async def test_a_missing_slash_is_redirected(exist, method, path, location):
    reply = await exist.request(method, path)

    assert reply.status_code == 301
    assert reply.headers["location"] == location


async def test_a_redirected_write_is_not_carried_out(connect, sandbox):
    async with connect(follow_redirects=True) as exist:
        reply = await exist.post("attributes/acquire", json=[{"template": "mood"}])

    assert reply.status_code == 405
    assert sandbox.user.attributes == []


async def test_only_http_is_supported(sandbox):
    with pytest.raises(NotImplementedError, match="HTTP only, not websocket"):
        await sandbox.app({"type": "websocket"}, None, None)
