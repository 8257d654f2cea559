"""The authorisation page: `/oauth2/authorize`."""

from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from html_tables import Tables, heading

from exist_async.sandbox.groups import SCOPES

AUTHORIZE = "/oauth2/authorize"
REQUEST = {
    "response_type": "code",
    "client_id": "sandbox-client",
    "redirect_uri": "http://localhost:8000/",
    "scope": "mood_read mood_write manual_read",
    "state": "a state",
}


class Page(HTMLParser):
    """The form of the page: hidden fields, choice of users, and buttons."""

    def __init__(self, reply):
        super().__init__()
        self.text = reply.text
        self.form = {}
        self.fields = {}
        self.users = []
        self.chosen = None
        self.buttons = {}
        self._open = []
        self.feed(reply.text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self._open.append((tag, given))
        if tag == "form":
            self.form = given
        elif tag == "input":
            self.fields[given["name"]] = given["value"]

    def handle_data(self, data):
        tag, given = self._open[-1] if self._open else (None, {})
        if tag == "option" and data.strip():
            self.users.append(data)
            self.chosen = data if "selected" in given else self.chosen
        if tag == "button" and data.strip():
            self.buttons[data] = (given["name"], given["value"])

    def handle_endtag(self, tag):
        while self._open and self._open.pop()[0] != tag:
            pass

    def press(self, button, **changed):
        name, value = self.buttons[button]
        return {**self.fields, name: value, **changed}


@pytest.fixture
async def browser(sandbox):
    async with httpx.AsyncClient(transport=sandbox.transport(), base_url="https://exist.test") as client:
        yield client


@pytest.fixture
def url():
    return str(httpx.URL("https://exist.test/oauth2/authorize", params=REQUEST))


def query(url):
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))


def location(reply):
    assert reply.status_code == 302
    return reply.headers["location"]


async def exchange(browser, back, client_id="sandbox-client", client_secret="sandbox-secret"):
    """Return the tokens for the code in a callback URL."""
    sent = {"code": query(back)["code"], "client_id": client_id, "client_secret": client_secret}
    form = {**sent, "grant_type": "authorization_code", "redirect_uri": "http://localhost:8000/"}
    return (await browser.post("/oauth2/access_token", data=form)).json()


async def user_of(browser, tokens):
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    return (await browser.get("/api/2/accounts/profile/", headers=headers)).json()["username"]


async def test_the_page_names_the_service_the_user_and_the_scopes(browser):
    reply = await browser.get(AUTHORIZE, params=REQUEST)

    assert reply.status_code == 200
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert heading(reply.text) == "Allow My client to use the data of ada?"
    assert list(Tables(reply.text).found.values()) == [
        [
            ["Attributes", "Read", "Write"],
            ["Mood", "yes", "yes"],
            ["Everything tracked by hand", "yes", "no"],
        ]
    ]


async def test_all_scopes_are_a_row_for_each_group_and_one_for_attributes_tracked_by_hand(browser):
    reply = await browser.get(AUTHORIZE, params={**REQUEST, "scope": " ".join(SCOPES)})

    ((_, *rows),) = Tables(reply.text).found.values()
    assert len(SCOPES) == 34
    assert len(rows) == 17
    assert rows[:2] == [["Activity", "yes", "yes"], ["Productivity", "yes", "yes"]]
    assert rows[-2:] == [["Daily tags", "yes", "yes"], ["Everything tracked by hand", "yes", "yes"]]
    assert {tuple(row[1:]) for row in rows} == {("yes", "yes")}


async def test_a_scope_to_write_alone_is_no_permission_to_read(browser):
    reply = await browser.get(AUTHORIZE, params={**REQUEST, "scope": "food_write"})

    ((_, *rows),) = Tables(reply.text).found.values()
    assert rows == [["Food and drink", "no", "yes"]]


async def test_allow_redirects_with_a_code_and_the_state(browser):
    page = Page(await browser.get(AUTHORIZE, params=REQUEST))
    assert (page.form["method"], page.form["action"]) == ("post", AUTHORIZE)
    assert list(page.buttons) == ["Allow", "Deny"]

    back = location(await browser.post(page.form["action"], data=page.press("Allow")))

    assert back.startswith("http://localhost:8000/?code=")
    assert set(query(back)) == {"code", "state"}
    assert query(back)["state"] == "a state"


async def test_deny_redirects_with_an_error_and_the_state(browser):
    page = Page(await browser.get(AUTHORIZE, params=REQUEST))

    back = location(await browser.post(AUTHORIZE, data=page.press("Deny")))

    assert back == "http://localhost:8000/?error=access_denied&state=a+state"


async def test_two_codes_differ(sandbox, url):
    assert query(sandbox.authorize(url))["code"] != query(sandbox.authorize(url))["code"]


@pytest.mark.parametrize("state", ['"><script>alert(1)</script>', "a&b=c d+e", "ü-✓", ""])
async def test_a_state_with_any_characters_passes_through_the_page(browser, state):
    reply = await browser.get(AUTHORIZE, params={**REQUEST, "state": state})
    page = Page(reply)

    assert "<script>" not in reply.text
    assert page.fields["state"] == state
    assert query(location(await browser.post(AUTHORIZE, data=page.press("Allow"))))["state"] == state


async def test_without_a_state_in_the_request_there_is_none_in_the_redirect(browser):
    page = Page(await browser.get(AUTHORIZE, params={name: REQUEST[name] for name in REQUEST if name != "state"}))

    assert "state" not in page.fields
    assert set(query(location(await browser.post(AUTHORIZE, data=page.press("Allow"))))) == {"code"}


async def test_a_sandbox_can_be_set_to_drop_the_state(browser, sandbox, url):
    sandbox.passes_state = False
    page = Page(await browser.get(AUTHORIZE, params=REQUEST))

    assert not sandbox.passes_state
    assert set(query(location(await browser.post(AUTHORIZE, data=page.press("Allow"))))) == {"code"}
    assert sandbox.deny(url) == "http://localhost:8000/?error=access_denied"


async def test_with_several_users_the_page_lets_the_browser_choose_one(browser, sandbox):
    sandbox.add_user("grace")
    page = Page(await browser.get(AUTHORIZE, params=REQUEST))
    assert (page.users, page.chosen) == (["ada", "grace"], "ada")
    assert heading(page.text) == "Allow My client to use your data?"

    back = location(await browser.post(AUTHORIZE, data=page.press("Allow", user="grace")))
    assert await user_of(browser, await exchange(browser, back)) == "grace"


async def test_with_many_users_the_browser_sends_a_name(browser, sandbox):
    for number in range(1_500):
        sandbox.add_user(f"user{number}")
    page = Page(await browser.get(AUTHORIZE, params=REQUEST))
    assert page.users == []
    assert page.text.count("<option") == 1_000
    assert page.fields["user"] == "ada"

    back = location(await browser.post(AUTHORIZE, data=page.press("Allow", user="user1400")))
    assert await user_of(browser, await exchange(browser, back)) == "user1400"


async def test_with_a_single_user_the_page_has_no_choice_of_users(browser, sandbox):
    page = Page(await browser.get(AUTHORIZE, params=REQUEST))

    assert page.users == []
    back = location(await browser.post(AUTHORIZE, data=page.press("Allow")))
    assert await user_of(browser, await exchange(browser, back)) == "ada"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"client_id": "somebody"}, "There is no service with this client_id."),
        ({"client_id": None}, "There is no service with this client_id."),
        ({"redirect_uri": "https://evil.test/"}, "not the one that My client is registered with"),
        ({"redirect_uri": "http://localhost:8000"}, "not the one that My client is registered with"),
        ({"redirect_uri": "http://localhost:8000/?x=1"}, "not the one that My client is registered with"),
        ({"redirect_uri": None}, "not the one that My client is registered with"),
        ({"redirect_uri": "https://evil.test/", "scope": ""}, "not the one that My client is registered with"),
    ],
)
async def test_an_unknown_client_id_or_redirect_uri_is_an_error_page(browser, sandbox, changes, problem):
    fields = {name: value for name, value in {**REQUEST, **changes}.items() if value is not None}

    for reply in (
        await browser.get(AUTHORIZE, params=fields),
        await browser.post(AUTHORIZE, data={**fields, "decision": "allow"}),
        await browser.post(AUTHORIZE, data={**fields, "decision": "deny"}),
    ):
        assert reply.status_code == 400
        assert "location" not in reply.headers
        assert reply.headers["content-type"] == "text/html; charset=utf-8"
        assert problem in reply.text
        assert Page(reply).buttons == {}
    with pytest.raises(ValueError, match=problem):
        sandbox.authorize(str(httpx.URL("https://exist.test/oauth2/authorize", params=fields)))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, {"error": "unsupported_response_type"}),
        (
            {"response_type": None},
            {"error": "invalid_request", "error_description": "response_type is missing"},
        ),
        ({"scope": None}, {"error": "invalid_scope", "error_description": "scope is missing"}),
        ({"scope": " "}, {"error": "invalid_scope", "error_description": "scope is missing"}),
        (
            {"scope": "mood_read moood_read all"},
            {"error": "invalid_scope", "error_description": "Unknown scopes: all moood_read"},
        ),
    ],
)
async def test_other_errors_are_sent_to_the_redirect_uri(browser, sandbox, changes, error):
    fields = {name: value for name, value in {**REQUEST, **changes}.items() if value is not None}
    expected = {**error, "state": "a state"}

    back = location(await browser.get(AUTHORIZE, params=fields))
    assert back.startswith("http://localhost:8000/?")
    assert query(back) == expected
    assert query(location(await browser.post(AUTHORIZE, data={**fields, "decision": "allow"}))) == expected
    assert query(sandbox.authorize(str(httpx.URL("https://exist.test/oauth2/authorize", params=fields)))) == expected


async def test_a_service_is_given_no_scopes_beyond_its_own(browser, sandbox):
    reader = sandbox.add_service("reader", "Reader", ["mood_read", "sleep_read"])
    request = {**REQUEST, "client_id": "reader", "scope": "mood_read mood_write"}

    reply = await browser.get(AUTHORIZE, params=request)
    ((_, *rows),) = Tables(reply.text).found.values()
    assert rows == [["Mood", "yes", "no"]]
    back = location(await browser.post(AUTHORIZE, data=Page(reply).press("Allow")))
    assert (await exchange(browser, back, "reader", reader.client_secret))["scope"] == "mood_read"

    refused = query(location(await browser.get(AUTHORIZE, params={**request, "scope": "mood_write"})))
    assert refused["error"] == "invalid_scope"


@pytest.mark.parametrize(
    "uri",
    ["https://exämple.test/", "https://app.test/✓", "https://app.test/a b", "https://app.test/\r\nSet-Cookie:x=1"],
)
def test_a_redirect_uri_that_no_header_can_carry_is_refused(sandbox, uri):
    with pytest.raises(ValueError, match="redirect_uri must be visible ASCII"):
        sandbox.add_service("other", "Other", redirect_uri=uri)


async def test_a_redirect_uri_keeps_its_own_query(sandbox):
    sandbox.add_service("other", "Other", redirect_uri="https://app.test/back?from=exist&empty=")
    request = {**REQUEST, "client_id": "other", "redirect_uri": "https://app.test/back?from=exist&empty="}

    back = sandbox.deny(str(httpx.URL("https://exist.test/oauth2/authorize", params=request)))

    assert back == "https://app.test/back?from=exist&empty=&error=access_denied&state=a+state"


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ({}, "field decision must be allow or deny"),
        ({"decision": "maybe"}, "field decision must be allow or deny"),
        ({"decision": "allow", "user": "<b>"}, "User &#39;&lt;b&gt;&#39; does not exist."),
    ],
)
async def test_an_invalid_form_is_an_error_page(browser, form, problem):
    reply = await browser.post(AUTHORIZE, data={**REQUEST, **form})

    assert reply.status_code == 400
    assert problem in reply.text


async def test_names_of_users_and_services_are_escaped(browser, sandbox):
    sandbox.add_user("<i>grace</i>")
    sandbox.add_service("other", "<b>Other</b>")

    reply = await browser.get(AUTHORIZE, params={**REQUEST, "client_id": "other"})

    assert "&lt;b&gt;Other&lt;/b&gt;" in reply.text
    assert "&lt;i&gt;grace&lt;/i&gt;" in reply.text
    assert "<b>" not in reply.text
    assert "<i>" not in reply.text


async def test_the_page_of_a_wrong_client_id_names_the_right_ones(browser, sandbox):
    sandbox.add_service("other", "Other", client_id="<other>")

    text = (await browser.get(AUTHORIZE, params={**REQUEST, "client_id": "<somebody>"})).text

    assert "<dt>The app sent</dt><dd><code>&lt;somebody&gt;</code></dd>" in text
    assert "<dt>Client IDs here</dt><dd><code>sandbox-client, &lt;other&gt;</code></dd>" in text
    assert "Set the client ID of the app" in text


async def test_the_page_of_a_wrong_redirect_uri_shows_both(browser):
    text = (await browser.get(AUTHORIZE, params={**REQUEST, "redirect_uri": "http://localhost:9/<x>"})).text

    assert "<dt>The app sent</dt><dd><code>http://localhost:9/&lt;x&gt;</code></dd>" in text
    assert "<dt>Registered</dt><dd><code>http://localhost:8000/</code></dd>" in text
    assert "--redirect-uri" in text


@pytest.mark.parametrize("sent", [{}, {"redirect_uri": ""}])
async def test_a_parameter_that_was_not_sent_is_said_to_be_missing(browser, sent):
    text = (await browser.get(AUTHORIZE, params={"client_id": "sandbox-client", **sent})).text

    assert "<dt>The app sent</dt><dd>nothing</dd>" in text


async def test_an_error_page_shows_the_beginning_of_a_long_parameter(browser):
    text = (await browser.get(AUTHORIZE, params={**REQUEST, "client_id": "x" * 10_000})).text

    assert f"<code>{'x' * 199}…</code>" in text


async def test_an_error_page_forbids_scripts_and_frames(browser):
    reply = await browser.get(AUTHORIZE, params={**REQUEST, "client_id": "somebody"})

    assert "default-src 'none'" in reply.headers["content-security-policy"]
    assert reply.headers["x-frame-options"] == "DENY"


async def test_another_method_is_not_allowed(browser):
    reply = await browser.delete(AUTHORIZE)

    assert (reply.status_code, reply.headers["allow"]) == (405, "GET, POST")


async def test_authorize_takes_a_user(browser, sandbox, url):
    grace = sandbox.add_user("grace")

    assert await user_of(browser, await exchange(browser, sandbox.authorize(url))) == "ada"
    assert await user_of(browser, await exchange(browser, sandbox.authorize(url, grace))) == "grace"


def test_authorize_rejects_other_urls(sandbox):
    with pytest.raises(
        ValueError, match="url must be an authorisation URL with the path /oauth2/authorize, not '/oauth2/access_token'"
    ):
        sandbox.authorize("https://exist.test/oauth2/access_token")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.test"},
        {"Origin": "null"},
        {"Origin": "https://exist.test:8000"},
        {"Origin": "https://exist.test.evil.test", "Referer": "https://exist.test/"},
        {"Referer": "https://evil.test/https://exist.test/"},
    ],
)
async def test_a_form_of_another_site_allows_nothing(browser, headers):
    page = Page(await browser.get(AUTHORIZE, params=REQUEST))

    reply = await browser.post(AUTHORIZE, data=page.press("Allow"), headers=headers)

    assert reply.status_code == 400
    assert "not sent by the sandbox&#39;s own page" in reply.text


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://exist.test"}, {"Referer": "https://exist.test/oauth2/authorize"}]
)
async def test_the_form_of_the_own_page_is_accepted(browser, headers):
    page = Page(await browser.get(AUTHORIZE, params=REQUEST))

    assert "code" in query(location(await browser.post(AUTHORIZE, data=page.press("Allow"), headers=headers)))


async def test_no_other_site_shows_the_page_in_a_frame(browser):
    assert (await browser.get(AUTHORIZE, params=REQUEST)).headers["x-frame-options"] == "DENY"
