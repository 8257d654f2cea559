"""Exchanging codes and refresh tokens for access tokens: `/oauth2/access_token`."""

from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

TOKEN = "/oauth2/access_token"
SECRETS = {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}
REDIRECT = {"redirect_uri": "http://localhost:8000/"}


@pytest.fixture
async def anonymous(sandbox):
    async with httpx.AsyncClient(transport=sandbox.transport(), base_url="https://exist.test") as client:
        yield client


@pytest.fixture
def new_code(sandbox):
    """Return a function that gets a code for a user, the first by default."""

    def make(scope="mood_read mood_write", user=None, **service):
        parameters = {"response_type": "code", "client_id": "sandbox-client", **REDIRECT, "scope": scope, **service}
        url = sandbox.authorize(str(httpx.URL("https://exist.test/oauth2/authorize", params=parameters)), user)
        return dict(parse_qsl(urlsplit(url).query))["code"]

    return make


@pytest.fixture
def request_token(anonymous):
    async def post(**form):
        sent = {**SECRETS, **form}
        return await anonymous.post(TOKEN, data={name: value for name, value in sent.items() if value is not None})

    return post


@pytest.fixture
def exchange_code(request_token):
    async def post(code, **form):
        return await request_token(**{"grant_type": "authorization_code", "code": code, **REDIRECT, **form})

    return post


@pytest.fixture
def refresh(request_token):
    async def post(refresh_token, **form):
        return await request_token(**{"grant_type": "refresh_token", "refresh_token": refresh_token, **form})

    return post


@pytest.fixture
def profile_status(anonymous):
    """Return a function that gets the status of a request with this token."""

    async def get(token, scheme="Bearer"):
        headers = {"Authorization": f"{scheme} {token}"}
        return (await anonymous.get("/api/2/accounts/profile/", headers=headers)).status_code

    return get


def token_error(reply):
    assert reply.status_code == 400
    return reply.json()


async def test_a_code_is_exchanged_for_an_access_token_and_a_refresh_token(exchange_code, new_code, profile_status):
    reply = await exchange_code(new_code())
    given = reply.json()

    assert reply.status_code == 200
    assert given == {
        "access_token": given["access_token"],
        "token_type": "Bearer",
        "expires_in": 31_536_000,
        "refresh_token": given["refresh_token"],
        "scope": "mood_read mood_write",
    }
    assert len({given["access_token"], given["refresh_token"]}) == 2
    assert await profile_status(given["access_token"]) == 200
    assert await profile_status(given["refresh_token"]) == 401


async def test_the_token_belongs_to_the_user_who_allowed_it(anonymous, sandbox, exchange_code, new_code):
    token = (await exchange_code(new_code(user=sandbox.add_user("grace")))).json()["access_token"]

    profile = await anonymous.get("/api/2/accounts/profile/", headers={"Authorization": f"Bearer {token}"})
    assert profile.json()["username"] == "grace"


async def test_the_token_has_only_the_scopes_that_were_allowed(anonymous, sandbox, exchange_code, new_code):
    sandbox.add_attribute(template="mood")
    sandbox.add_attribute(template="sleep")
    token = (await exchange_code(new_code("mood_read mood_write"))).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}

    seen = await anonymous.get("/api/2/attributes/", headers=headers)
    written = await anonymous.post(
        "/api/2/attributes/acquire/", headers=headers, json=[{"name": "mood"}, {"name": "sleep"}]
    )

    assert [attribute["name"] for attribute in seen.json()["results"]] == ["mood"]
    assert [item["name"] for item in written.json()["success"]] == ["mood"]
    assert [item["error_code"] for item in written.json()["failed"]] == ["not_allowed"]


async def test_a_code_works_once(exchange_code, new_code, profile_status):
    code = new_code()
    first = (await exchange_code(code)).json()

    assert token_error(await exchange_code(code)) == {"error": "invalid_grant"}
    assert await profile_status(first["access_token"]) == 200


async def test_a_code_expires_after_ten_minutes(exchange_code, new_code, clock):
    in_time, late = new_code(), new_code()
    clock.now += 599.5
    assert (await exchange_code(in_time)).status_code == 200

    clock.now += 0.5
    assert token_error(await exchange_code(late)) == {"error": "invalid_grant"}


async def test_a_code_is_valid_for_its_own_service_only(sandbox, exchange_code, new_code):
    other = sandbox.add_service("other", "Other")
    code = new_code()

    stolen = await exchange_code(code, client_id="other", client_secret=other.client_secret)
    assert token_error(stolen) == {"error": "invalid_grant"}
    assert (await exchange_code(code)).status_code == 200


async def test_a_code_is_valid_for_its_own_redirect_uri_only(exchange_code, new_code):
    code = new_code()

    assert token_error(await exchange_code(code, redirect_uri="http://localhost:8000")) == {"error": "invalid_grant"}
    assert (await exchange_code(code)).status_code == 200


async def test_a_refresh_revokes_both_old_tokens(exchange_code, refresh, new_code, profile_status):
    old = (await exchange_code(new_code())).json()
    reply = await refresh(old["refresh_token"])
    new = reply.json()

    assert reply.status_code == 200
    assert (new["token_type"], new["expires_in"], new["scope"]) == ("Bearer", 31_536_000, "mood_read mood_write")
    assert not {old["access_token"], old["refresh_token"]} & {new["access_token"], new["refresh_token"]}
    assert [await profile_status(old["access_token"]), await profile_status(new["access_token"])] == [401, 200]
    assert token_error(await refresh(old["refresh_token"])) == {"error": "invalid_grant"}
    assert (await refresh(new["refresh_token"])).status_code == 200


async def test_a_refresh_token_is_valid_for_its_own_service_only(sandbox, exchange_code, refresh, new_code):
    other = sandbox.add_service("other", "Other")
    held = (await exchange_code(new_code())).json()["refresh_token"]

    stolen = await refresh(held, client_id="other", client_secret=other.client_secret)
    assert token_error(stolen) == {"error": "invalid_grant"}
    assert (await refresh(held)).status_code == 200


async def test_two_sign_ins_of_one_user_are_independent(exchange_code, refresh, new_code, profile_status):
    laptop = (await exchange_code(new_code())).json()
    phone = (await exchange_code(new_code())).json()
    await refresh(laptop["refresh_token"])

    assert await profile_status(phone["access_token"]) == 200
    assert (await refresh(phone["refresh_token"])).status_code == 200


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
async def test_every_token_error_is_a_400_with_its_code(exchange_code, new_code, form, error):
    code = new_code()

    assert token_error(await exchange_code(**{"code": code, **form})) == error
    assert (await exchange_code(code)).status_code == 200


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
async def test_a_body_that_is_not_a_url_encoded_form_has_no_client(anonymous, content, content_type):
    reply = await anonymous.post(TOKEN, content=content, headers={"Content-Type": content_type})

    assert token_error(reply) == {"error": "invalid_client"}


async def test_a_form_may_have_any_size(anonymous):
    fields = {f"field {n}": "x" for n in range(2_000)} | {"long": "x" * 2_000_000}

    assert token_error(await anonymous.post(TOKEN, data=fields)) == {"error": "invalid_client"}


async def test_only_post_is_allowed(anonymous):
    reply = await anonymous.get(TOKEN)

    assert (reply.status_code, reply.headers["allow"]) == (405, "POST")


async def test_an_extra_slash_is_not_found(anonymous):
    assert (await anonymous.post(TOKEN + "/", data=SECRETS)).status_code == 404


async def test_access_tokens_expire_after_the_token_lifetime(sandbox, clock, exchange_code, new_code, profile_status):
    sandbox.token_lifetime = 60
    first = (await exchange_code(new_code())).json()
    sandbox.token_lifetime = 120
    second = (await exchange_code(new_code())).json()
    assert (sandbox.token_lifetime, first["expires_in"], second["expires_in"]) == (120, 60, 120)

    clock.now += 59.5
    assert [await profile_status(first["access_token"]), await profile_status(second["access_token"])] == [200, 200]
    clock.now += 0.5
    assert [await profile_status(first["access_token"]), await profile_status(second["access_token"])] == [401, 200]


async def test_an_expired_token_can_still_be_renewed(sandbox, clock, exchange_code, refresh, new_code, profile_status):
    sandbox.token_lifetime = 60
    held = (await exchange_code(new_code())).json()
    clock.now += 3600

    renewed = (await refresh(held["refresh_token"])).json()

    assert [await profile_status(held["access_token"]), await profile_status(renewed["access_token"])] == [401, 200]


async def test_by_default_a_token_expires_after_a_year(sandbox, clock, profile_status):
    clock.now += 31_536_000 - 1
    assert await profile_status(sandbox.token) == 200

    clock.now += 1
    assert await profile_status(sandbox.token) == 401


async def test_expired_tokens_can_be_refreshed(sandbox, exchange_code, refresh, new_code, profile_status):
    held = (await exchange_code(new_code())).json()
    simple = sandbox.issue_simple_token()
    sandbox.expire_tokens()

    assert [await profile_status(held["access_token"]), await profile_status(sandbox.token)] == [401, 401]
    assert await profile_status(simple, "Token") == 200
    renewed = (await refresh(held["refresh_token"])).json()
    assert await profile_status(renewed["access_token"]) == 200


async def test_expire_tokens_can_be_limited_to_one_user(sandbox, exchange_code, new_code, profile_status):
    grace = sandbox.add_user("grace")
    hers = (await exchange_code(new_code(user=grace))).json()["access_token"]
    mine = (await exchange_code(new_code())).json()["access_token"]

    sandbox.expire_tokens(grace)

    assert [await profile_status(hers), await profile_status(mine), await profile_status(sandbox.token)] == [
        401,
        200,
        200,
    ]


async def test_there_is_no_rate_limit(sandbox, exchange_code, new_code):
    sandbox.rate_limit = 1

    assert [(await exchange_code(new_code())).status_code for _ in range(3)] == [200, 200, 200]


async def test_token_requests_are_recorded_without_secrets(sandbox, exchange_code, new_code):
    code = new_code()
    given = (await exchange_code(code)).json()

    (request,) = sandbox.requests
    assert (request.method, request.path, request.user, request.status) == ("POST", TOKEN, None, 200)
    assert (request.query, request.json) == ({}, None)
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    seen = repr(sandbox.requests) + repr(list(sandbox._recorder._recordings))
    for secret in (code, "sandbox-secret", given["access_token"], given["refresh_token"]):
        assert secret not in seen


async def test_secrets_sent_as_json_are_not_recorded_either(anonymous, sandbox):
    await anonymous.post(TOKEN, json=[SECRETS])

    assert sandbox.requests[0].json is None
    assert sandbox.batch_sizes == []


async def test_the_reply_to_a_refresh_can_be_lost(sandbox, exchange_code, refresh, new_code, profile_status):
    held = (await exchange_code(new_code())).json()
    sandbox.fail_next(path="oauth2/access_token", when="after", drop=True)

    with pytest.raises(httpx.RemoteProtocolError):
        await refresh(held["refresh_token"])

    assert await profile_status(held["access_token"]) == 401
    assert token_error(await refresh(held["refresh_token"])) == {"error": "invalid_grant"}


async def test_a_refresh_that_failed_without_effect_can_be_repeated(sandbox, exchange_code, refresh, new_code):
    held = (await exchange_code(new_code())).json()
    sandbox.fail_next(path="oauth2/access_token")

    assert (await refresh(held["refresh_token"])).status_code == 503
    assert (await refresh(held["refresh_token"])).status_code == 200


async def test_the_reply_to_a_code_exchange_can_be_rewritten(sandbox, exchange_code, new_code):
    sandbox.rewrite_next(lambda tokens: {"access_token": tokens["access_token"]}, path="oauth2/access_token")

    assert list((await exchange_code(new_code())).json()) == ["access_token"]
