"""The front page: `/`."""

from datetime import date
from html.parser import HTMLParser

import httpx
import pytest


class Tables(HTMLParser):
    """The tables of a page by their heading, each a list of rows of cells."""

    def __init__(self, text):
        super().__init__()
        self.found = {}
        self._heading = ""
        self._tag = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag in ("h1", "h2"):
            self._heading = ""
        if tag in ("h1", "h2", "th", "td"):
            self._tag = tag
        if tag == "tr":
            self.found.setdefault(self._heading, []).append([])
        if tag in ("th", "td"):
            self.found[self._heading][-1].append("")

    def handle_data(self, data):
        if self._tag in ("h1", "h2"):
            self._heading += data
        elif self._tag:
            self.found[self._heading][-1][-1] += data

    def handle_endtag(self, tag):
        if tag == self._tag:
            self._tag = ""


@pytest.fixture
async def browser(sandbox):
    async with httpx.AsyncClient(transport=sandbox.transport(), base_url="http://127.0.0.1:8765") as client:
        yield client


async def test_the_page_shows_how_to_connect_a_client(browser):
    reply = await browser.get("/")

    assert reply.status_code == 200
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert "\nexport EXIST_BASE_URL=http://127.0.0.1:8765\n" in reply.text
    assert 'ExistClient(token, base_url="http://127.0.0.1:8765")' in reply.text


async def test_the_page_shows_users_services_and_attributes_with_owner_type_and_last_value(browser, sandbox):
    sandbox.add_user("grace")
    sandbox.add_service("other", "Other", client_id="of-other", redirect_uri="https://other.test/")
    sandbox.add_attribute(template="mood", service=sandbox.service)
    sandbox.add_attribute(template="steps", active=False)
    sandbox.set_value("mood", date(2026, 11, 19), 8)
    sandbox.set_value("mood", date(2026, 11, 20), 7)

    reply = await browser.get("/")

    assert Tables(reply.text).found == {
        "Services": [
            ["Service", "Client ID", "Redirect URI"],
            ["My client", "sandbox-client", "http://localhost:8000/"],
            ["Other", "of-other", "https://other.test/"],
        ],
        "Attributes of ada": [
            ["Attribute", "Name", "Type", "Owner", "Last value"],
            ["Steps (inactive)", "steps", "Integer", "nobody", "none"],
            ["Mood", "mood", "Integer scale (1-9)", "My client", "7 on 2026-11-20"],
        ],
    }
    assert reply.text.count('<p class="note">None yet.</p>') == 2


async def test_in_a_narrow_window_tables_scroll_and_words_are_not_broken(browser, sandbox):
    sandbox.add_attribute(template="mood")
    await browser.get("/api/2/nowhere/")

    text = (await browser.get("/")).text

    assert text.count("<table>") == text.count('<div class="wide">\n<table>') == 3
    assert ".wide { overflow-x: auto; }" in text
    assert "overflow-wrap: anywhere" not in text


async def test_the_page_shows_the_latest_thirty_requests_newest_first_without_its_own(browser, exist):
    for _ in range(40):
        await exist.get("attributes/")
    await browser.get("/")
    await browser.get("/api/2/nowhere/")
    await browser.post("/oauth2/access_token", data={})

    rows = Tables((await browser.get("/")).text).found["Latest requests"]

    assert rows[:4] == [
        ["Method", "Path", "User", "Status"],
        ["POST", "/oauth2/access_token", "nobody", "400"],
        ["GET", "/api/2/nowhere/", "nobody", "404"],
        ["GET", "/api/2/attributes/", "ada", "200"],
    ]
    assert len(rows) == 31


async def test_a_request_without_a_reply_has_no_status(browser, sandbox, exist):
    sandbox.fail_next(drop=True)
    with pytest.raises(httpx.RemoteProtocolError):
        await exist.get("attributes/")

    rows = Tables((await browser.get("/")).text).found["Latest requests"]

    assert rows[1] == ["GET", "/api/2/attributes/", "ada", "none"]


async def test_the_page_contains_no_secrets(browser, sandbox):
    await browser.post("/api/2/auth/simple-token/", data={"username": "ada", "password": "sandbox-password"})
    simple_token = sandbox.issue_simple_token()
    await browser.get("/api/2/attributes/", headers={"Authorization": f"Token {simple_token}"})

    text = (await browser.get("/")).text

    for secret in ("sandbox-token", "sandbox-secret", "sandbox-password", simple_token):
        assert secret not in text


async def test_all_values_on_the_page_are_escaped(browser, sandbox):
    evil = "<script>alert(1)</script>"
    sandbox.add_user(evil)
    sandbox.add_service(evil, evil, client_id=evil)
    sandbox.add_attribute(label=evil)
    sandbox.add_attribute(template="mood_note")
    sandbox.set_value("mood_note", date(2026, 11, 20), evil)
    await browser.get(f"/{evil}")

    text = (await browser.get("/", headers={"Host": f"{evil}.test"})).text

    assert "<script" not in text
    assert text.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 6


async def test_the_page_shows_a_thousand_attributes(browser, sandbox):
    for number in range(1_000):
        sandbox.add_attribute(label=f"Tag {number}")

    rows = Tables((await browser.get("/")).text).found["Attributes of ada"]

    assert len(rows) == 1_001


async def test_the_page_needs_no_token_and_has_no_rate_limit(browser, sandbox):
    sandbox.rate_limit = 1

    assert [(await browser.get("/")).status_code for _ in range(3)] == [200, 200, 200]


async def test_the_page_allows_only_get(browser):
    reply = await browser.post("/")

    assert (reply.status_code, reply.headers["allow"]) == (405, "GET")
