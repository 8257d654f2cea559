"""Planned faults."""

import httpx
import pytest

from exist_async.sandbox import ConnectionDropped

MOOD = [{"template": "mood"}]


async def test_only_the_next_request_fails_with_the_page_of_a_proxy(exist, sandbox):
    sandbox.fail_next()

    first = await exist.post("attributes/acquire/", json=MOOD)
    assert first.status_code == 503
    assert first.headers["content-type"] == "text/html; charset=utf-8"
    assert first.text == "<html><body><h1>503 Service Unavailable</h1></body></html>\n"
    assert sandbox.user.attributes == []
    assert (await exist.post("attributes/acquire/", json=MOOD)).status_code == 200


async def test_a_number_of_requests_fail(exist, sandbox):
    sandbox.fail_next(2, status=500)

    assert [(await exist.get("attributes/")).status_code for _ in range(3)] == [500, 500, 200]


@pytest.mark.parametrize(("status", "detail"), [(401, "Unauthorized."), (429, "Too Many Requests."), (499, "Unknown.")])
async def test_by_default_an_error_has_a_detail(exist, sandbox, status, detail):
    sandbox.fail_next(status=status)

    assert (await exist.get("attributes/")).json() == {"detail": detail}


async def test_the_reply_can_be_given_as_json_and_headers(exist, sandbox):
    sandbox.fail_next(status=429, json={"detail": "Slow down."}, headers={"Retry-After": "7"})

    reply = await exist.get("attributes/")

    assert reply.json() == {"detail": "Slow down."}
    assert reply.headers["retry-after"] == "7"
    assert reply.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("body", "headers", "content", "content_type"),
    [
        ("<p>é", None, "<p>é".encode(), "text/html; charset=utf-8"),
        (b"", None, b"", "text/html; charset=utf-8"),
        (b'{"success": [', {"Content-Type": "application/json"}, b'{"success": [', "application/json"),
    ],
)
async def test_the_reply_can_be_given_as_raw_bytes(exist, sandbox, body, headers, content, content_type):
    sandbox.fail_next(status=200, body=body, headers=headers)

    reply = await exist.get("attributes/")

    assert (reply.status_code, reply.content) == (200, content)
    assert reply.headers["content-type"] == content_type


async def test_statuses_without_content_have_no_body(exist, sandbox):
    sandbox.fail_next(status=204)

    assert (await exist.get("attributes/")).content == b""


async def test_a_fault_after_the_write_leaves_it_carried_out(exist, sandbox):
    sandbox.fail_next(status=502, when="after")

    reply = await exist.post("attributes/acquire/", json=MOOD)

    assert reply.status_code == 502
    assert sandbox.user.attribute("mood").service is sandbox.service


async def test_in_process_a_dropped_connection_raises_the_error_of_httpx(exist, sandbox):
    sandbox.fail_next(drop=True)

    with pytest.raises(httpx.RemoteProtocolError, match="Server disconnected without sending a response"):
        await exist.post("attributes/acquire/", json=MOOD)

    assert sandbox.user.attributes == []
    assert sandbox.requests[-1].status is None


async def test_a_connection_can_be_dropped_after_the_write_was_carried_out(exist, sandbox):
    sandbox.fail_next(drop=True, when="after")

    with pytest.raises(httpx.RemoteProtocolError):
        await exist.post("attributes/acquire/", json=MOOD)

    assert sandbox.user.attribute("mood").service is sandbox.service


async def test_calling_the_app_directly_raises_connection_dropped(sandbox):
    sandbox.fail_next(drop=True)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(sandbox.app)) as client:
        with pytest.raises(ConnectionDropped):
            await client.get("https://exist.test/api/2/attributes/")


@pytest.mark.parametrize("path", ["attributes/acquire/", "attributes/acquire", "/api/2/attributes/acquire/", "acquire"])
async def test_a_fault_can_be_limited_to_a_path(exist, sandbox, path):
    sandbox.fail_next(path=path)

    assert (await exist.get("attributes/")).status_code == 200
    assert (await exist.post("attributes/acquire/", json=MOOD)).status_code == 503
    assert (await exist.post("attributes/acquire/", json=MOOD)).status_code == 200


async def test_the_path_of_a_fault_must_match_the_end_of_the_path(exist, sandbox):
    sandbox.fail_next(path="attributes/")

    assert (await exist.get("attributes/owned/")).status_code == 200
    assert (await exist.get("attributes/")).status_code == 503


async def test_a_fault_can_skip_requests_first(exist, sandbox):
    sandbox.fail_next(2, skip=1, path="attributes/owned/")

    assert (await exist.get("attributes/")).status_code == 200
    assert [(await exist.get("attributes/owned/")).status_code for _ in range(4)] == [200, 503, 503, 200]


async def test_faults_are_used_in_the_order_in_which_they_were_added(exist, sandbox):
    sandbox.fail_next(status=500)
    sandbox.fail_next(status=502, path="attributes/owned/")
    sandbox.fail_next(status=504)

    paths = ["attributes/", "attributes/", "attributes/owned/", "attributes/"]
    assert [(await exist.get(path)).status_code for path in paths] == [500, 504, 502, 200]


async def test_unused_faults_can_be_discarded(exist, sandbox):
    sandbox.fail_next(1000)
    sandbox.clear_faults()

    assert (await exist.get("attributes/")).status_code == 200


async def test_a_fault_applies_before_authentication_and_rate_limit(connect, sandbox):
    sandbox.rate_limit = 1
    sandbox.fail_next(3)

    async with connect() as exist, connect("Bearer wrong") as anonymous:
        assert (await anonymous.get("attributes/")).status_code == 503
        assert [(await exist.get("attributes/")).status_code for _ in range(4)] == [503, 503, 200, 429]


async def test_replies_can_be_rewritten_after_the_write_was_carried_out(exist, sandbox):
    def shorten(reply):
        reply["success"].pop()
        return reply

    sandbox.rewrite_next(shorten, path="attributes/acquire/")
    sent = [{"template": "mood"}, {"template": "sleep"}]

    assert (await exist.get("attributes/")).json()["count"] == 0
    reply = await exist.post("attributes/acquire/", json=sent)
    assert reply.status_code == 200
    assert reply.json() == {"success": [{"template": "mood", "active": True}], "failed": []}
    assert len(sandbox.user.attributes) == 2
    assert len((await exist.post("attributes/acquire/", json=sent)).json()["success"]) == 2


async def test_several_replies_can_be_rewritten_after_some_were_skipped(exist, sandbox):
    sandbox.rewrite_next(lambda _: "ugly", 2, skip=1)

    replies = [(await exist.get("attributes/templates/")).json() for _ in range(4)]

    assert [reply == "ugly" for reply in replies] == [False, True, True, False]


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"times": 0}, "times must be at least 1"),
        ({"when": "later"}, "when must be 'before' or 'after', not 'later'"),
        ({"skip": -1}, "skip at least 0"),
        ({"status": 100}, "status must be from 200 to 599, not 100"),
        ({"status": 600}, "status must be from 200 to 599, not 600"),
        ({"json": {}, "body": b""}, "json and body exclude each other"),
        ({"drop": True, "json": {}}, "a dropped connection has no reply"),
        ({"drop": True, "body": b""}, "a dropped connection has no reply"),
        ({"drop": True, "headers": {}}, "a dropped connection has no reply"),
    ],
)
def test_an_invalid_fault_is_rejected(sandbox, fault, message):
    with pytest.raises(ValueError, match=message):
        sandbox.fail_next(**fault)
