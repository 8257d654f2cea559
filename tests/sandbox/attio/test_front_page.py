"""The front page of the Attio sandbox: `/`."""

import re
import time
from datetime import UTC, datetime

import httpx
import pytest
from html_tables import Tables, heading

from exist_async.sandbox import AttioSandbox


@pytest.fixture
async def browser(sandbox):
    async with httpx.AsyncClient(transport=sandbox.transport(), base_url="http://127.0.0.1:8765") as client:
        yield client


async def test_the_page_shows_how_to_connect_a_client(browser):
    reply = await browser.get("/")

    assert reply.status_code == 200
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert heading(reply.text) == "Attio sandbox"
    assert "\nhttp://127.0.0.1:8765/v2/objects/people/attributes</pre>" in reply.text
    assert 'AttioClient(token, base_url="http://127.0.0.1:8765")' in reply.text


async def test_the_page_shows_objects_and_lists_with_their_attributes(browser):
    tables = Tables((await browser.get("/")).text).found

    columns = ["Attribute", "Type", "Slug", "Properties", "Choices"]
    assert tables.keys() == {"Objects", "Lists"}
    assert tables["Objects"][:2] == [columns, ["people"]]
    assert [row[0] for row in tables["Objects"] if len(row) == 1] == ["people", "companies", "deals"]
    assert ["Email addresses", "email-address", "email_addresses", "system, unique, several values", ""] in tables[
        "Objects"
    ]
    assert ["Lead source", "select", "lead_source", "", "Website, Referral, Fax (archived)"] in tables["Objects"]
    assert ["Old score (archived)", "number", "old_score", "", ""] in tables["Objects"]
    assert ["Value", "currency", "value", "system, USD", ""] in tables["Objects"]
    assert tables["Lists"][:4] == [
        columns,
        ["sales"],
        ["Created at", "timestamp", "created_at", "system, read-only", ""],
        ["Stage", "status", "stage", "", "Lead, In progress, Won, Lost to fax (archived)"],
    ]
    assert ["Seats", "number", "seats", "has a default", ""] in tables["Lists"]


async def test_an_object_without_attributes_is_shown_as_empty(browser, sandbox):
    sandbox.add_object("workspaces")

    tables = Tables((await browser.get("/")).text).found

    assert tables["Objects"][-2:] == [["workspaces"], ["None yet."]]


async def test_the_page_shows_the_latest_requests_with_their_time(browser, attio):
    await attio.get("objects/people/attributes")
    await attio.get("lists/hiring%2Fsales/attributes")
    await browser.get("/v2/objects/people/attributes")

    rows = Tables((await browser.get("/")).text).found["Latest requests"]

    assert rows[0] == ["Time", "Status", "Request", "Took", "Workspace"]
    assert [row[1:3] + row[4:] for row in rows[1:]] == [
        ["401", "GET /v2/objects/people/attributes", "nobody"],
        ["404", "GET /v2/lists/hiring%2Fsales/attributes", "sandbox"],
        ["200", "GET /v2/objects/people/attributes", "sandbox"],
    ]
    assert all(re.fullmatch(r"\d\d:\d\d:\d\d", row[0]) and row[3].endswith("ms") for row in rows[1:])


async def test_the_time_of_a_request_is_the_sandboxes():
    now = datetime(2020, 2, 29, 12, tzinfo=UTC)
    sandbox = AttioSandbox(now=lambda: now)
    async with httpx.AsyncClient(transport=sandbox.transport(), base_url="http://127.0.0.1") as browser:
        await browser.get("/v2/")

    assert [request.received_at for request in sandbox.requests] == [now]


async def test_the_page_contains_no_secrets(browser, sandbox):
    other = sandbox.issue_token(read_only=True)
    await browser.get("/v2/objects/people/attributes", headers={"Authorization": f"Bearer {other}"})

    text = (await browser.get("/")).text

    assert "sandbox-token" not in text
    assert other not in text


async def test_all_values_on_the_page_are_escaped(browser, sandbox):
    evil = "<script>alert(1)</script>"
    sandbox.add_object(evil)
    sandbox.add_attribute("objects", evil, title=evil, api_slug=evil, type="select")
    sandbox.add_option("objects", evil, evil, evil)
    await browser.get(f"/{evil}")

    reply = await browser.get("/", headers={"Host": f"{evil}.test"})

    assert "<script" not in reply.text
    assert reply.text.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 6
    assert "default-src 'none'" in reply.headers["content-security-policy"]


async def test_a_workspace_of_any_size_is_shown_in_a_moment_and_the_page_says_what_is_left_out(browser, sandbox):
    for number in range(300):
        sandbox.add_object(f"object{number}")
        for attribute in range(10):
            slug = f"attribute{attribute}"
            sandbox.add_attribute("objects", f"object{number}", title=slug, api_slug=slug, type="select")
    for number in range(5_000):
        sandbox.add_option("objects", "object0", "attribute0", f"option {number}")
    await browser.get("/")  # compiles the template

    started = time.perf_counter()
    text = (await browser.get("/")).text
    took = time.perf_counter() - started

    assert "200 of 305 objects and lists" in text
    assert "1,000 of 3,024 attributes" in text
    assert took < 1
    assert len(text) < 500_000


async def test_the_page_needs_no_token_and_has_no_rate_limit(browser, sandbox):
    sandbox.read_limit = 1

    assert [(await browser.get("/")).status_code for _ in range(3)] == [200, 200, 200]
    assert len(sandbox.requests) == 3


@pytest.mark.parametrize(("method", "path"), [("POST", "/"), ("GET", "//"), ("GET", "/v2/")])
async def test_everything_else_is_answered_as_by_the_api(browser, method, path):
    reply = await browser.request(method, f"http://127.0.0.1:8765{path}")

    assert (reply.status_code, reply.json()["code"]) == (401, "unauthorized")
