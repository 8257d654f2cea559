"""Codes and refresh tokens, traded for access tokens at `/oauth2/access_token`."""

from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

TOKEN = "/oauth2/access_token"
SECRETS = {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}
REDIRECT = {"redirect_uri": "http://localhost:8000/"}


@pytest.fixture
async def anyone(sandbox):
    async with httpx.AsyncClient(transport=sandbox.transport(), base_url="https://exist.test") as client:
        yield client


@pytest.fixture
def code_for(sandbox):
    """Let the first user, or another, allow a service what it asks for."""

    def make(scope="mood_read mood_write", user=None, **service):
        asked = {"response_type": "code", "client_id": "sandbox-client", **REDIRECT, "scope": scope, **service}
        url = sandbox.authorize(str(httpx.URL("https://exist.test/oauth2/authorize", params=asked)), user)
        return dict(parse_qsl(urlsplit(url).query))["code"]

    return make


@pytest.fixture
def trade(anyone):
    async def post(**form):
        sent = {**SECRETS, **form}
        return await anyone.post(TOKEN, data={name: value for name, value in sent.items() if value is not None})

    return post


@pytest.fixture
def trade_code(trade):
    async def post(code, **form):
        return await trade(**{"grant_type": "authorization_code", "code": code, **REDIRECT, **form})

    return post


@pytest.fixture
def renew(trade):
    async def post(refresh_token, **form):
        return await trade(**{"grant_type": "refresh_token", "refresh_token": refresh_token, **form})

    return post


@pytest.fixture
def status(anyone):
    """Tell how an access token fares."""

    async def ask(token, scheme="Bearer"):
        headers = {"Authorization": f"{scheme} {token}"}
        return (await anyone.get("/api/2/accounts/profile/", headers=headers)).status_code

    return ask


def refused(answer):
    assert answer.status_code == 400
    return answer.json()


async def test_a_code_buys_an_access_token_and_a_refresh_token(trade_code, code_for, status):
    answer = await trade_code(code_for())
    given = answer.json()

    assert answer.status_code == 200
    assert given == {
        "access_token": given["access_token"],
        "token_type": "Bearer",
        "expires_in": 31_536_000,
        "refresh_token": given["refresh_token"],
        "scope": "mood_read mood_write",
    }
    assert len({given["access_token"], given["refresh_token"]}) == 2
    assert await status(given["access_token"]) == 200
    assert await status(given["refresh_token"]) == 401


async def test_the_token_is_that_of_the_user_who_allowed_it(anyone, sandbox, trade_code, code_for):
    token = (await trade_code(code_for(user=sandbox.add_user("grace")))).json()["access_token"]

    profile = await anyone.get("/api/2/accounts/profile/", headers={"Authorization": f"Bearer {token}"})
    assert profile.json()["username"] == "grace"


async def test_the_token_does_what_was_allowed_and_no_more(anyone, sandbox, trade_code, code_for):
    sandbox.add_attribute(template="mood")
    sandbox.add_attribute(template="sleep")
    token = (await trade_code(code_for("mood_read mood_write"))).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}

    seen = await anyone.get("/api/2/attributes/", headers=headers)
    written = await anyone.post(
        "/api/2/attributes/acquire/", headers=headers, json=[{"name": "mood"}, {"name": "sleep"}]
    )

    assert [attribute["name"] for attribute in seen.json()["results"]] == ["mood"]
    assert [item["name"] for item in written.json()["success"]] == ["mood"]
    assert [item["error_code"] for item in written.json()["failed"]] == ["not_allowed"]


async def test_a_code_works_once(trade_code, code_for, status):
    code = code_for()
    first = (await trade_code(code)).json()

    assert refused(await trade_code(code)) == {"error": "invalid_grant"}
    assert await status(first["access_token"]) == 200


async def test_a_code_is_good_for_ten_minutes(trade_code, code_for, clock):
    in_time, late = code_for(), code_for()
    clock.now += 599.5
    assert (await trade_code(in_time)).status_code == 200

    clock.now += 0.5
    assert refused(await trade_code(late)) == {"error": "invalid_grant"}


async def test_a_code_is_for_the_service_that_asked(sandbox, trade_code, code_for):
    other = sandbox.add_service("other", "Other")
    code = code_for()

    stolen = await trade_code(code, client_id="other", client_secret=other.client_secret)
    assert refused(stolen) == {"error": "invalid_grant"}
    assert (await trade_code(code)).status_code == 200


async def test_a_code_is_for_the_redirect_uri_it_was_sent_to(trade_code, code_for):
    code = code_for()

    assert refused(await trade_code(code, redirect_uri="http://localhost:8000")) == {"error": "invalid_grant"}
    assert (await trade_code(code)).status_code == 200


async def test_a_refresh_ends_both_old_tokens_at_once(trade_code, renew, code_for, status):
    old = (await trade_code(code_for())).json()
    answer = await renew(old["refresh_token"])
    new = answer.json()

    assert answer.status_code == 200
    assert (new["token_type"], new["expires_in"], new["scope"]) == ("Bearer", 31_536_000, "mood_read mood_write")
    assert not {old["access_token"], old["refresh_token"]} & {new["access_token"], new["refresh_token"]}
    assert [await status(old["access_token"]), await status(new["access_token"])] == [401, 200]
    assert refused(await renew(old["refresh_token"])) == {"error": "invalid_grant"}
    assert (await renew(new["refresh_token"])).status_code == 200


async def test_a_refresh_token_is_of_one_service(sandbox, trade_code, renew, code_for):
    other = sandbox.add_service("other", "Other")
    held = (await trade_code(code_for())).json()["refresh_token"]

    stolen = await renew(held, client_id="other", client_secret=other.client_secret)
    assert refused(stolen) == {"error": "invalid_grant"}
    assert (await renew(held)).status_code == 200


async def test_two_sign_ins_of_one_user_live_side_by_side(trade_code, renew, code_for, status):
    laptop = (await trade_code(code_for())).json()
    phone = (await trade_code(code_for())).json()
    await renew(laptop["refresh_token"])

    assert await status(phone["access_token"]) == 200
    assert (await renew(phone["refresh_token"])).status_code == 200


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"client_id": "somebody"}, {"error": "invalid_client"}),
        ({"client_id": None}, {"error": "invalid_client"}),
        ({"client_secret": "guessed"}, {"error": "invalid_client"}),
        ({"client_secret": None}, {"error": "invalid_client"}),
        ({"client_secret": None, "grant_type": "password"}, {"error": "invalid_client"}),
        ({"grant_type": "password"}, {"error": "unsupported_grant_type"}),
        ({"grant_type": None}, {"error": "invalid_request", "error_description": "grant_type is missing"}),
        ({"code": None}, {"error": "invalid_request", "error_description": "code is missing"}),
        ({"redirect_uri": None}, {"error": "invalid_request", "error_description": "redirect_uri is missing"}),
        (
            {"grant_type": "refresh_token"},
            {"error": "invalid_request", "error_description": "refresh_token is missing"},
        ),
        ({"grant_type": "refresh_token", "refresh_token": "guessed"}, {"error": "invalid_grant"}),
        ({"code": "guessed"}, {"error": "invalid_grant"}),
    ],
)
async def test_every_refusal_is_a_400_with_its_code(trade_code, code_for, form, error):
    code = code_for()

    assert refused(await trade_code(**{"code": code, **form})) == error
    assert (await trade_code(code)).status_code == 200


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b'{"client_id": "sandbox-client", "client_secret": "sandbox-secret"}', "application/json"),
        (b"client_id=sandbox-client&client_secret=sandbox-secret", "text/plain"),
        (b"--x\r\nno form", "multipart/form-data; boundary=x"),
        (b"&&=&%", "application/x-www-form-urlencoded"),
        (b"", "application/x-www-form-urlencoded; charset=utf-8"),
    ],
)
async def test_what_is_no_url_encoded_form_is_nobodys(anyone, content, content_type):
    answer = await anyone.post(TOKEN, content=content, headers={"Content-Type": content_type})

    assert refused(answer) == {"error": "invalid_client"}


async def test_a_form_may_have_any_size(anyone):
    fields = {f"field {n}": "x" for n in range(2_000)} | {"long": "x" * 2_000_000}

    assert refused(await anyone.post(TOKEN, data=fields)) == {"error": "invalid_client"}


async def test_only_post_is_answered(anyone):
    answer = await anyone.get(TOKEN)

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_a_slash_too_many_is_not_found(anyone):
    assert (await anyone.post(TOKEN + "/", data=SECRETS)).status_code == 404


async def test_access_tokens_last_as_long_as_the_sandbox_says(sandbox, clock, trade_code, code_for, status):
    sandbox.token_lifetime = 60
    first = (await trade_code(code_for())).json()
    sandbox.token_lifetime = 120
    second = (await trade_code(code_for())).json()
    assert (sandbox.token_lifetime, first["expires_in"], second["expires_in"]) == (120, 60, 120)

    clock.now += 59.5
    assert [await status(first["access_token"]), await status(second["access_token"])] == [200, 200]
    clock.now += 0.5
    assert [await status(first["access_token"]), await status(second["access_token"])] == [401, 200]


async def test_an_expired_token_can_still_be_renewed(sandbox, clock, trade_code, renew, code_for, status):
    sandbox.token_lifetime = 60
    held = (await trade_code(code_for())).json()
    clock.now += 3600

    renewed = (await renew(held["refresh_token"])).json()

    assert [await status(held["access_token"]), await status(renewed["access_token"])] == [401, 200]


async def test_a_token_lasts_a_year_unless_said_otherwise(sandbox, clock, status):
    clock.now += 31_536_000 - 1
    assert await status(sandbox.token) == 200

    clock.now += 1
    assert await status(sandbox.token) == 401


async def test_tokens_can_be_made_to_expire_and_renewed(sandbox, trade_code, renew, code_for, status):
    held = (await trade_code(code_for())).json()
    simple = sandbox.issue_simple_token()
    sandbox.expire_tokens()

    assert [await status(held["access_token"]), await status(sandbox.token)] == [401, 401]
    assert await status(simple, "Token") == 200
    renewed = (await renew(held["refresh_token"])).json()
    assert await status(renewed["access_token"]) == 200


async def test_the_tokens_of_one_user_can_be_made_to_expire(sandbox, trade_code, code_for, status):
    grace = sandbox.add_user("grace")
    hers = (await trade_code(code_for(user=grace))).json()["access_token"]
    mine = (await trade_code(code_for())).json()["access_token"]

    sandbox.expire_tokens(grace)

    assert [await status(hers), await status(mine), await status(sandbox.token)] == [401, 200, 200]


async def test_there_is_no_rate_limit(sandbox, trade_code, code_for):
    sandbox.rate_limit = 1

    assert [(await trade_code(code_for())).status_code for _ in range(3)] == [200, 200, 200]


async def test_trades_are_recorded_without_what_was_traded(sandbox, trade_code, code_for):
    code = code_for()
    given = (await trade_code(code)).json()

    (request,) = sandbox.requests
    assert (request.method, request.path, request.user, request.status) == ("POST", TOKEN, None, 200)
    assert (request.query, request.json) == ({}, None)
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    seen = repr(sandbox.requests) + repr(list(sandbox._recorder._recordings))
    for secret in (code, "sandbox-secret", given["access_token"], given["refresh_token"]):
        assert secret not in seen


async def test_secrets_sent_as_json_are_recorded_no_more_than_those_of_a_form(anyone, sandbox):
    await anyone.post(TOKEN, json=[SECRETS])

    assert sandbox.requests[0].json is None
    assert sandbox.batch_sizes == []


async def test_the_answer_to_a_refresh_can_be_lost(sandbox, trade_code, renew, code_for, status):
    held = (await trade_code(code_for())).json()
    sandbox.fail_next(path="oauth2/access_token", when="after", drop=True)

    with pytest.raises(httpx.RemoteProtocolError):
        await renew(held["refresh_token"])

    assert await status(held["access_token"]) == 401
    assert refused(await renew(held["refresh_token"])) == {"error": "invalid_grant"}


async def test_a_refresh_that_failed_before_it_was_carried_out_can_be_repeated(sandbox, trade_code, renew, code_for):
    held = (await trade_code(code_for())).json()
    sandbox.fail_next(path="oauth2/access_token")

    assert (await renew(held["refresh_token"])).status_code == 503
    assert (await renew(held["refresh_token"])).status_code == 200


async def test_the_answer_to_a_trade_can_be_rewritten(sandbox, trade_code, code_for):
    sandbox.rewrite_next(lambda tokens: {"access_token": tokens["access_token"]}, path="oauth2/access_token")

    assert list((await trade_code(code_for())).json()) == ["access_token"]
