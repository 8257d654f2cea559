"""Recorded requests."""

import asyncio

import httpx
import pytest

from exist_async.sandbox import RecordedRequest, Sandbox, recorder


async def test_a_request_is_recorded_without_its_token(exist, sandbox):
    await exist.post(
        "attributes/acquire/?success_objects=1&x=&x=2",
        json=[{"template": "mood"}],
        headers={"X-Mine": "yes", "Cookie": "a=b"},
    )

    (recorded,) = sandbox.requests
    headers = recorded.headers
    assert recorded == RecordedRequest(
        method="POST",
        path="/api/2/attributes/acquire/",
        query={"success_objects": "1", "x": "2"},
        json=[{"template": "mood"}],
        headers=headers,
        user="ada",
        status=200,
    )
    assert headers["x-mine"] == "yes"
    assert headers["content-type"] == "application/json"
    assert not {"authorization", "cookie"} & set(headers)
    assert sandbox.token not in repr(sandbox.requests)


@pytest.mark.parametrize("body", [b"", b"{", b"a=b"])
async def test_a_body_that_is_not_json_is_recorded_as_none(exist, sandbox, body):
    await exist.post("attributes/acquire/", content=body)

    assert sandbox.requests[0].json is None


@pytest.mark.parametrize("authorization", ["Bearer wrong", None])
async def test_the_body_of_a_write_is_recorded_even_without_permission(connect, sandbox, authorization):
    simple = f"Token {sandbox.issue_simple_token()}"
    async with connect(authorization or simple) as anonymous:
        refused = await anonymous.post("attributes/acquire/", json=[{"template": "mood"}])

    assert refused.status_code == (401 if authorization else 403)
    assert sandbox.requests[0].json == [{"template": "mood"}]


SECRETS = dict.fromkeys(("client_secret", "password", "code", "refresh_token", "token", "access_token"), "s3cr3t")


@pytest.mark.parametrize(
    "path", ["oauth2/access_token/", "api/2/auth/simple-token", "/", "nowhere", "oauth2/authorize"]
)
@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_secrets_at_a_wrong_path_or_in_a_query_are_not_recorded(exist, sandbox, path, method):
    await exist.request(method, f"https://exist.test/{path}", json=[SECRETS], params={**SECRETS, "Token": "s3cr3t"})
    await exist.request(method, "attributes/", params={**SECRETS, "page": 1})

    assert [request.query for request in sandbox.requests] == [{}, {"page": "1"}]
    assert "s3cr3t" not in repr(sandbox.requests) + repr(list(sandbox._recorder._recordings))
    assert sandbox.batch_sizes == []


async def test_refused_throttled_and_faulty_requests_are_recorded_too(connect, exist, sandbox):
    sandbox.fail_next()
    await exist.get("attributes/")
    await exist.get("nowhere/")
    async with connect("Bearer wrong") as anonymous:
        await anonymous.get("attributes/")

    assert [(r.path, r.user, r.status) for r in sandbox.requests] == [
        ("/api/2/attributes/", "ada", 503),
        ("/api/2/nowhere/", "ada", 404),
        ("/api/2/attributes/", None, 401),
    ]


async def test_batch_sizes_are_the_lengths_of_the_arrays_in_post_requests(exist, sandbox):
    sandbox.fail_next(path="attributes/release/")
    await exist.post("attributes/acquire/", json=[{"template": "mood"}, {"template": "sleep"}])
    await exist.get("attributes/")
    await exist.post("attributes/create/", json=[{}] * 40)
    await exist.post("attributes/create/", json={"template": "mood"})
    await exist.post("attributes/release/", json=[{"name": "mood"}])

    assert sandbox.batch_sizes == [2, 40, 1]


async def test_requests_are_recorded_in_order_of_arrival(exist, sandbox):
    first_arrived, finish_first = asyncio.Event(), asyncio.Event()

    async def body():
        first_arrived.set()
        yield b"[{}, "
        await finish_first.wait()
        yield b"{}]"

    first = asyncio.create_task(exist.post("attributes/acquire/", content=body()))
    await first_arrived.wait()
    assert sandbox.requests[0].status is None

    await exist.post("attributes/acquire/", json=[{}])
    assert [request.status for request in sandbox.requests] == [None, 202]
    finish_first.set()
    await first

    assert sandbox.batch_sizes == [2, 1]
    assert [request.status for request in sandbox.requests] == [202, 202]


async def test_recorded_requests_can_be_discarded(exist, sandbox):
    await exist.post("attributes/acquire/", json=[{}])
    sandbox.reset_requests()

    assert sandbox.requests == []
    assert sandbox.batch_sizes == []


async def test_only_the_last_requests_are_kept(monkeypatch):
    assert recorder.MAX_RECORDINGS == 10_000
    monkeypatch.setattr(recorder, "MAX_RECORDINGS", 3)
    sandbox = Sandbox()

    async with httpx.AsyncClient(transport=sandbox.transport(), base_url="https://exist.test") as exist:
        for number in range(5):
            await exist.get("/", params={"page": number})

    assert [request.query for request in sandbox.requests] == [{"page": "2"}, {"page": "3"}, {"page": "4"}]


@pytest.mark.parametrize("raw", [{}, {"raw_path": None}, {"raw_path": b"/a%20b"}])
def test_the_path_is_raw_even_when_the_server_passes_only_the_decoded_one(raw):
    assert recorder.raw_path({"path": "/a b", **raw}) == "/a%20b"
