"""A user's own token, for their name and password: `auth/simple-token/`."""

import httpx
import pytest

ADA = {"username": "ada", "password": "sandbox-password"}
REQUIRED = ["This field is required."]


@pytest.fixture
async def anyone(sandbox):
    async with httpx.AsyncClient(transport=sandbox.transport(), base_url="https://exist.test/api/2/") as client:
        yield client


async def test_name_and_password_give_a_token_that_reads_and_does_not_write(anyone, sandbox):
    sandbox.add_attribute(template="mood")

    answer = await anyone.post("auth/simple-token/", data=ADA)
    headers = {"Authorization": f"Token {answer.json()['token']}"}

    assert (answer.status_code, list(answer.json())) == (200, ["token"])
    assert (await anyone.get("attributes/", headers=headers)).json()["count"] == 1
    assert (await anyone.post("attributes/release/", headers=headers, json=[{"name": "mood"}])).status_code == 403


async def test_the_token_is_the_same_each_time_and_everybody_has_their_own(anyone, sandbox):
    sandbox.add_user("grace", password="hers")

    first, again = [(await anyone.post("auth/simple-token/", data=ADA)).json() for _ in range(2)]
    hers = (await anyone.post("auth/simple-token/", data={"username": "grace", "password": "hers"})).json()

    assert first == again == {"token": sandbox.issue_simple_token()}
    assert hers != first


@pytest.mark.parametrize(
    "wrong", [{"password": "guessed"}, {"username": "grace"}, {"password": "SANDBOX-PASSWORD"}, {"username": "Ada"}]
)
async def test_a_wrong_name_or_password_is_refused_without_saying_which(anyone, wrong):
    answer = await anyone.post("auth/simple-token/", data={**ADA, **wrong})

    assert answer.status_code == 400
    assert answer.json() == {"non_field_errors": ["Unable to log in with provided credentials."]}


@pytest.mark.parametrize(
    ("form", "missing"),
    [
        ({"password": "x"}, {"username": REQUIRED}),
        ({"username": "ada", "password": ""}, {"password": REQUIRED}),
        ({}, {"username": REQUIRED, "password": REQUIRED}),
    ],
)
async def test_a_missing_field_is_named(anyone, form, missing):
    answer = await anyone.post("auth/simple-token/", data=form)

    assert answer.status_code == 400
    assert answer.json() == missing


async def test_a_password_may_hold_anything(anyone, sandbox):
    sandbox.user.password = "ü &=+%\n✓"

    assert (await anyone.post("auth/simple-token/", data={**ADA, "password": "ü &=+%\n✓"})).status_code == 200


async def test_a_missing_slash_is_redirected_to(anyone):
    answer = await anyone.post("auth/simple-token", data=ADA)

    assert (answer.status_code, answer.headers["location"]) == (301, "/api/2/auth/simple-token/")


async def test_there_is_no_rate_limit_and_no_record_of_the_password(anyone, sandbox):
    sandbox.rate_limit = 1
    statuses = [(await anyone.post("auth/simple-token/", data=ADA)).status_code for _ in range(3)]

    assert statuses == [200, 200, 200]
    assert [request.json for request in sandbox.requests] == [None, None, None]
    assert "sandbox-password" not in repr(sandbox.requests) + repr(list(sandbox._recorder._recordings))
    assert "sandbox-password" not in repr(sandbox.user)


async def test_faults_come_before_it(anyone, sandbox):
    sandbox.fail_next(path="auth/simple-token/")

    assert [(await anyone.post("auth/simple-token/", data=ADA)).status_code for _ in range(2)] == [503, 200]
