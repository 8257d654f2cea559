"""Tokens, methods and paths: what is decided before an endpoint sees a request."""

import httpx
import pytest

MISSING = {"detail": "Authentication credentials were not provided."}
INVALID = {"detail": "Invalid token."}


async def test_a_bearer_token_opens_the_door(exist):
    assert (await exist.get("accounts/profile/")).status_code == 200


async def test_the_scheme_may_be_written_in_any_case(connect, sandbox):
    async with connect(f"bearer {sandbox.token}") as exist:
        assert (await exist.get("accounts/profile/")).status_code == 200


async def test_a_request_without_a_token_is_refused_and_told_which_kind_is_wanted(sandbox):
    async with httpx.AsyncClient(transport=sandbox.transport()) as nobody:
        answer = await nobody.get("https://exist.test/api/2/accounts/profile/")

    assert answer.status_code == 401
    assert answer.json() == MISSING
    assert answer.headers["www-authenticate"] == 'Bearer realm="api"'


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
async def test_a_token_that_is_wrong_or_wrongly_named_is_refused(connect, authorization, detail):
    async with connect(authorization) as exist:
        answer = await exist.get("accounts/profile/")

    assert answer.status_code == 401
    assert answer.json() == detail


async def test_a_simple_token_reads(connect, sandbox):
    sandbox.add_attribute(template="mood")

    async with connect(f"Token {sandbox.issue_simple_token()}") as exist:
        answer = await exist.get("attributes/")

    assert [attribute["name"] for attribute in answer.json()["results"]] == ["mood"]


async def test_a_simple_token_is_no_bearer_token(connect, sandbox):
    async with connect(f"Bearer {sandbox.issue_simple_token()}") as exist:
        assert (await exist.get("attributes/")).status_code == 401


async def test_a_simple_token_does_not_write(connect, sandbox):
    async with connect(f"Token {sandbox.issue_simple_token()}") as exist:
        answer = await exist.post("attributes/acquire/", json=[{"template": "mood"}])

    assert answer.status_code == 403
    assert answer.json() == {"detail": "You do not have permission to perform this action."}
    assert sandbox.user.attributes == []


async def test_a_simple_token_owns_nothing(connect, sandbox):
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
async def test_a_wrong_method_is_refused_by_name(exist, method, path, allowed):
    answer = await exist.request(method, path)

    assert answer.status_code == 405
    assert answer.json() == {"detail": f'Method "{method}" not allowed.'}
    assert answer.headers["allow"] == allowed


async def test_a_wrong_method_without_a_token_is_a_missing_token_first(sandbox):
    async with httpx.AsyncClient(transport=sandbox.transport()) as nobody:
        assert (await nobody.get("https://exist.test/api/2/attributes/create/")).status_code == 401


@pytest.mark.parametrize("path", ["nowhere/", "attributes/nowhere/", "/", "/api/1/users/", "nowhere"])
async def test_an_unknown_path_is_not_found(exist, path):
    answer = await exist.get(path)

    assert answer.status_code == 404
    assert answer.json() == {"detail": "Not found."}


@pytest.mark.parametrize(
    ("method", "path", "location"),
    [
        ("GET", "attributes", "/api/2/attributes/"),
        ("GET", "attributes/owned?page=2&limit=3", "/api/2/attributes/owned/?page=2&limit=3"),
        ("POST", "attributes/acquire", "/api/2/attributes/acquire/"),
    ],
)
async def test_a_missing_slash_is_redirected_to(exist, method, path, location):
    answer = await exist.request(method, path)

    assert answer.status_code == 301
    assert answer.headers["location"] == location


async def test_a_redirected_write_loses_its_body_and_its_effect(connect, sandbox):
    async with connect(follow_redirects=True) as exist:
        answer = await exist.post("attributes/acquire", json=[{"template": "mood"}])

    assert answer.status_code == 405
    assert sandbox.user.attributes == []


async def test_only_http_is_spoken(sandbox):
    with pytest.raises(NotImplementedError, match="HTTP only, not websocket"):
        await sandbox.app({"type": "websocket"}, None, None)
