"""The front page: `/`."""

import hashlib
import re
import time
from base64 import b64encode
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from xml.etree import ElementTree

import httpx
import pytest
from html_tables import Tables

from exist_async.sandbox import Sandbox
from exist_async.sandbox.templates import TEMPLATES


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
            ["Attribute", "Last 30 days", "Last value", "Name", "Type", "Owner"],
            ["Activity"],
            ["Steps (inactive)", "", "none", "steps", "Integer", "nobody"],
            ["Mood"],
            [
                "Mood",
                "Last 30 days: 7 of 9 to 8 of 9, on 2 days",
                "7 of 9 on 2026-11-20",
                "mood",
                "Integer scale (1-9)",
                "My client",
            ],
        ],
    }
    assert reply.text.count('<p class="note">None yet.</p>') == 1

    empty = (await browser.get("/?user=grace")).text
    assert Tables(empty).found.keys() == {"Services"}
    assert "None yet. Acquire some" in empty


async def test_in_a_narrow_window_tables_scroll_and_words_are_not_broken(browser, sandbox):
    sandbox.add_attribute(template="mood")
    await browser.get("/api/2/nowhere/")

    text = (await browser.get("/")).text

    tables = re.findall(r'<div class="wide" tabindex="0" role="region" aria-labelledby="(\w+)">\n<table>', text)
    assert tables == ["attributes", "requests", "services"]
    assert len(tables) == text.count("<table")
    assert all(f'<h2 id="{table}">' in text for table in tables)
    assert re.search(r"\.wide \{\s*overflow-x: auto;", text)
    assert "overflow-wrap: anywhere" not in text


async def test_the_page_shows_the_latest_thirty_requests_newest_first_without_its_own(browser, exist):
    for _ in range(40):
        await exist.get("attributes/")
    await browser.get("/")
    await browser.get("/api/2/nowhere/")
    await browser.post("/oauth2/access_token", data={})

    rows = Tables((await browser.get("/")).text).found["Latest requests"]

    assert [[*row[1:3], row[4]] for row in rows[:4]] == [
        ["Status", "Request", "User"],
        ["400", "POST /oauth2/access_token", "nobody"],
        ["404", "GET /api/2/nowhere/", "nobody"],
        ["200", "GET /api/2/attributes/", "ada"],
    ]
    assert len(rows) == 31


async def test_a_request_without_a_reply_has_no_status_and_no_duration(browser, sandbox, exist):
    sandbox.fail_next(drop=True)
    with pytest.raises(httpx.RemoteProtocolError):
        await exist.get("attributes/")

    rows = Tables((await browser.get("/")).text).found["Latest requests"]

    assert rows[1][1:] == ["none", "GET /api/2/attributes/", "", "ada"]


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

    text = (await browser.get("/")).text
    rows = Tables(text).found["Attributes of ada"]

    assert len(rows) == 1_002
    assert "attributes.</p>" not in text


async def test_beyond_a_thousand_attributes_the_page_says_how_many_there_are(browser, sandbox):
    for number in range(1_100):
        sandbox.add_attribute(label=f"Tag {number}")

    text = (await browser.get("/")).text

    assert len(Tables(text).found["Attributes of ada"]) == 1_002
    assert "The first 1,000 of 1,100 attributes." in text


async def test_the_page_needs_no_token_and_has_no_rate_limit(browser, sandbox):
    sandbox.rate_limit = 1

    assert [(await browser.get("/")).status_code for _ in range(3)] == [200, 200, 200]


async def test_the_page_allows_only_get(browser):
    reply = await browser.post("/")

    assert (reply.status_code, reply.headers["allow"]) == (405, "GET")


# The time of requests


class Moving:
    """A clock that tests move."""

    def __init__(self):
        self.now = datetime(2026, 11, 20, 18, 30, tzinfo=UTC)

    def __call__(self):
        return self.now


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="this platform can't change the time zone of a process")
async def test_requests_have_the_time_of_the_sandbox_in_the_time_zone_of_the_machine(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    try:
        now = Moving()
        sandbox = Sandbox(now=now)
        transport, headers = sandbox.transport(), {"Authorization": f"Bearer {sandbox.token}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as browser:
            now.now = datetime(2026, 11, 19, 18, 29, 59, tzinfo=UTC)
            await browser.get("/api/2/attributes/")
            now.now = datetime(2026, 11, 20, 18, 29, 59, tzinfo=UTC)
            await browser.get("/api/2/attributes/")
            now.now += timedelta(seconds=10)
            await browser.get("/api/2/attributes/")
            text = (await browser.get("/")).text
    finally:
        monkeypatch.undo()
        time.tzset()

    assert [row[0] for row in Tables(text).found["Latest requests"]] == [
        "Time",
        "00:00:09",
        "2026-11-20 23:59:59",
        "2026-11-19 23:59:59",
    ]
    assert 'datetime="2026-11-21T00:00:09.000+05:30"' in text
    assert "Times are in UTC+05:30; this page was made at 00:00:09" in text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.00004, "< 0.1 ms"),
        (0.0012, "1.2 ms"),
        (0.012, "12 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1.0 s"),
        (61.25, "61.2 s"),
        (3600, "3,600.0 s"),
    ],
)
async def test_requests_have_the_time_until_their_reply(browser, sandbox, exist, seconds, text):
    await exist.get("attributes/")
    sandbox._recorder._recordings[0].seconds = seconds

    assert Tables((await browser.get("/")).text).found["Latest requests"][1][3] == text


async def test_the_latency_counts_as_time_until_the_reply(exist, sandbox):
    sandbox.latency = 0.02
    await exist.get("attributes/")

    (request,) = sandbox.requests
    assert request.seconds >= 0.02
    assert request.received_at == datetime(2026, 11, 20, 18, 30, tzinfo=UTC)


async def test_failed_requests_stand_out(browser, exist):
    await exist.get("nowhere/")
    await exist.get("attributes/")

    text = (await browser.get("/")).text

    assert re.findall(r'<td class="(\w+)">(\d+)</td>', text) == [("good", "200"), ("bad", "404")]


async def test_a_path_is_decoded_but_for_its_slashes(browser, exist):
    await exist.get("a%20b%2Fc/")

    assert Tables((await browser.get("/")).text).found["Latest requests"][1][2] == "GET /api/2/a b%2Fc/"


async def test_a_long_path_is_shortened(browser, exist):
    await exist.get("x" * 5_000)

    assert len(Tables((await browser.get("/")).text).found["Latest requests"][1][2]) == len("GET ") + 200


# Many attributes, users and services


async def test_many_attributes_are_in_groups_with_links_to_them(browser, sandbox):
    for template in TEMPLATES:
        sandbox.add_attribute(template=template)

    text = (await browser.get("/")).text

    groups = [row[0] for row in Tables(text).found["Attributes of ada"] if len(row) == 1]
    assert groups[:3] == ["Activity", "Productivity", "Workouts"]
    links = re.findall(r'<a href="#(\w+)">([\w ]+) <span class="note">(\d+)</span></a>', text)
    assert [label for _, label, _ in links] == groups
    assert links[0] == ("activity", "Activity", "9")
    assert all(text.count(f'id="{name}"') == 1 for name, _, _ in links)


async def test_a_few_attributes_need_no_links(browser, sandbox):
    sandbox.add_attribute(template="mood")
    sandbox.add_attribute(template="steps")

    assert 'aria-label="Groups"' not in (await browser.get("/")).text


async def test_each_of_a_few_users_has_a_link(browser, sandbox):
    sandbox.add_attribute(sandbox.add_user("grace & co?"), template="mood")

    text = (await browser.get("/")).text

    links = re.findall(r'<a href="(/\?user=[^"]*)"( aria-current="page")?>', text)
    assert links == [
        ("/?user=ada#attributes", ' aria-current="page"'),
        ("/?user=grace%20%26%20co%3F#attributes", ""),
    ]
    assert "Attributes of grace & co?" in Tables((await browser.get(links[1][0])).text).found


async def test_one_of_many_users_is_chosen_by_name(browser, sandbox):
    for number in range(1_500):
        sandbox.add_user(f"user{number}")
    sandbox.add_attribute(sandbox._state.user("user1400"), template="mood")

    text = (await browser.get("/")).text

    assert "Another of 1,501 users" in text
    assert text.count("<option") == 1_000
    assert "/?user=" not in text
    assert "Attributes of user1400" in Tables((await browser.get("/", params={"user": "user1400"})).text).found


@pytest.mark.parametrize("others", [0, 1, 100])
async def test_an_unknown_user_is_named(browser, sandbox, others):
    for number in range(others):
        sandbox.add_user(f"user{number}")

    reply = await browser.get("/", params={"user": "<Ada>"})

    assert reply.status_code == 404
    assert "There is no user <bdi>&lt;Ada&gt;</bdi>" in reply.text
    assert 'aria-current="page"' not in reply.text


async def test_the_page_of_a_thousand_users_with_120_attributes_each_is_made_in_a_moment(browser, sandbox):
    days = {date(2026, 11, 20) - timedelta(day): 0 for day in range(30)}
    for number in range(1_000):
        user = sandbox.add_user(f"user{number}")
        for tag in range(120 if number == 999 else 12):
            sandbox.add_attribute(user, name=f"tag_{tag}", value_type=1)
            sandbox.set_values(f"tag_{tag}", days, user)
    await browser.get("/")  # compiles the template

    started = time.perf_counter()
    text = (await browser.get("/?user=user999")).text
    took = time.perf_counter() - started

    assert len(Tables(text).found["Attributes of user999"]) == 122
    assert took < 1
    assert len(text) < 500_000


async def test_beyond_a_hundred_services_the_page_says_how_many_there_are(browser, sandbox):
    for number in range(150):
        sandbox.add_service(f"service{number}", f"Service {number}")

    text = (await browser.get("/")).text

    assert len(Tables(text).found["Services"]) == 101
    assert "And 51 more." in text


# Values and charts


async def test_values_are_shown_as_people_read_them(browser, sandbox):
    sandbox.add_sample()

    rows = {row[3]: row[2] for row in Tables((await browser.get("/")).text).found["Attributes of ada"] if row[3:]}

    assert rows["sleep"] == "6 h 14 min on 2026-11-21"
    assert rows["sleep_start"] == "23:42 on 2026-11-21"
    assert rows["mood"] == "4 of 9 on 2026-11-21"
    assert rows["steps"] == "13,791 on 2026-11-21"
    assert rows["went_running"].startswith("yes on ")
    assert rows["weight"] == "70.5 on 2026-11-21"


class Charts(HTMLParser):
    """The paths of the page's charts by attribute, which is the cell before the chart."""

    def __init__(self, text):
        super().__init__()
        self.found = {}
        self._label = ""
        self._inside = self._chart = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "td":
            self._inside = given.get("class") == "label"
            self._label = "" if self._inside else self._label
            self._chart = given.get("class") == "chart"
        if tag == "path" and self._chart:
            self.found.setdefault(self._label.strip(), {})[given["class"]] = given["d"]

    def handle_data(self, data):
        self._label += data if self._inside else ""


async def test_the_last_30_days_are_a_chart_with_gaps_up_to_the_users_today(browser, sandbox):
    sandbox.add_attribute(template="steps")
    today = date(2026, 11, 21)  # in Melbourne
    sandbox.set_values("steps", {today - timedelta(day): 10 for day in (0, 1, 3, 29, 30)})

    charts = Charts((await browser.get("/")).text).found

    assert charts["Steps"] == {
        "line": "M116.0 14.0L120.0 14.0",
        "dots": "M4.0 14.0h0M108.0 14.0h0",
        "last": "M120.0 14.0h0",
    }


async def test_notes_and_days_long_ago_have_no_chart(browser, sandbox):
    sandbox.add_attribute(template="mood_note")
    sandbox.set_value("mood_note", date(2026, 11, 21), "fine")
    sandbox.add_attribute(template="steps")
    sandbox.set_value("steps", date(2026, 10, 1), 5)

    text = (await browser.get("/")).text

    assert Charts(text).found == {}
    assert "5 on 2026-10-01" in [row[2] for row in Tables(text).found["Attributes of ada"] if row[2:]]


async def test_a_long_note_is_shortened(browser, sandbox):
    sandbox.add_attribute(template="mood_note")
    sandbox.set_value("mood_note", date(2026, 11, 21), "x" * 10_000)

    (value,) = [row[2] for row in Tables((await browser.get("/")).text).found["Attributes of ada"][2:]]

    assert value == "x" * 79 + "… on 2026-11-21"


# What a browser may do


async def test_the_page_allows_its_own_style_and_nothing_else(browser):
    reply = await browser.get("/")

    (style,) = re.findall("<style>(.*?)</style>", reply.text, re.DOTALL)
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = reply.headers["content-security-policy"].split("; ")
    assert policy == [
        "default-src 'none'",
        f"style-src 'sha256-{digest}'",
        "img-src data:",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
    assert "style=" not in reply.text
    assert "<script" not in reply.text
    assert reply.headers["cache-control"] == "no-store"
    assert reply.headers["referrer-policy"] == "same-origin"


async def test_the_page_is_well_formed(browser, sandbox):
    sandbox.add_sample()
    sandbox.add_user("grace")
    await browser.get("/api/2/attributes/")

    text = (await browser.get("/")).text
    text = re.sub(r"(<(?:meta|link|input)\b[^>]*)>", r"\1/>", text.replace("<!doctype html>", ""))

    ElementTree.fromstring(text.replace(" required>", ">"))


async def test_labels_with_half_of_a_surrogate_pair_do_not_break_the_page(browser, sandbox):
    sandbox.add_attribute(label="half \ud83d", name="half")

    rows = Tables((await browser.get("/")).text).found["Attributes of ada"]

    assert rows[2][0] == "half ?"
