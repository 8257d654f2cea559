"""Getting a simple token with username and password: `auth/simple-token/`."""

import httpx
import pytest

ADA = {"username": "ada", "password": "sandbox-password"}
REQUIRED = ["This field is required."]


@pytest.fixture
async def anonymous(sandbox):
    async with httpx.AsyncClient(transport=sandbox.transport(), base_url="https://exist.test/api/2/") as client:
        yield client


async def test_username_and_password_return_a_read_only_token(anonymous, sandbox):
    sandbox.add_attribute(template="mood")

    reply = await anonymous.post("auth/simple-token/", data=ADA)
    headers = {"Authorization": f"Token {reply.json()['token']}"}

    assert (reply.status_code, list(reply.json())) == (200, ["token"])
    assert (await anonymous.get("attributes/", headers=headers)).json()["count"] == 1
    assert (await anonymous.post("attributes/release/", headers=headers, json=[{"name": "mood"}])).status_code == 403


async def test_each_user_has_one_simple_token(anonymous, sandbox):
    sandbox.add_user("grace", password="hers")

    first, again = [(await anonymous.post("auth/simple-token/", data=ADA)).json() for _ in range(2)]
    hers = (await anonymous.post("auth/simple-token/", data={"username": "grace", "password": "hers"})).json()

    assert first == again == {"token": sandbox.issue_simple_token()}
    assert hers != first


@pytest.mark.parametrize(
    "wrong", [{"password": "guessed"}, {"username": "grace"}, {"password": "SANDBOX-PASSWORD"}, {"username": "Ada"}]
)
async def test_a_wrong_username_and_a_wrong_password_have_the_same_error(anonymous, wrong):
    reply = await anonymous.post("auth/simple-token/", data={**ADA, **wrong})

    assert reply.status_code == 400
    assert reply.json() == {"non_field_errors": ["Unable to log in with provided credentials."]}


@pytest.mark.parametrize(
    ("form", "missing"),
    [
        ({"password": "x"}, {"username": REQUIRED}),
        ({"username": "ada", "password": ""}, {"password": REQUIRED}),
        ({}, {"username": REQUIRED, "password": REQUIRED}),
    ],
)
async def test_a_missing_field_is_named(anonymous, form, missing):
    reply = await anonymous.post("auth/simple-token/", data=form)

    assert reply.status_code == 400
    assert reply.json() == missing


async def test_a_password_may_contain_any_characters(anonymous, sandbox):
    sandbox.user.password = "ü &=+%\n✓"

    assert (await anonymous.post("auth/simple-token/", data={**ADA, "password": "ü &=+%\n✓"})).status_code == 200


async def test_a_missing_slash_is_redirected(anonymous):
    reply = await anonymous.post("auth/simple-token", data=ADA)

    assert (reply.status_code, reply.headers["location"]) == (301, "/api/2/auth/simple-token/")


async def test_there_is_no_rate_limit_and_no_record_of_the_password(anonymous, sandbox):
    sandbox.rate_limit = 1
    statuses = [(await anonymous.post("auth/simple-token/", data=ADA)).status_code for _ in range(3)]

    assert statuses == [200, 200, 200]
    assert [request.json for request in sandbox.requests] == [None, None, None]
    assert "sandbox-password" not in repr(sandbox.requests) + repr(list(sandbox._recorder._recordings))
    assert "sandbox-password" not in repr(sandbox.user)


async def test_faults_apply_to_the_token_endpoint(anonymous, sandbox):
    sandbox.fail_next(path="auth/simple-token/")

    assert [(await anonymous.post("auth/simple-token/", data=ADA)).status_code for _ in range(2)] == [503, 200]
