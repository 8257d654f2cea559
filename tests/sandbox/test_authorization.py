"""The page on which a user allows a service what it asks for."""

from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

AUTHORIZE = "/oauth2/authorize"
ASKED = {
    "response_type": "code",
    "client_id": "sandbox-client",
    "redirect_uri": "http://localhost:8000/",
    "scope": "mood_read mood_write manual_read",
    "state": "a state",
}


class Page(HTMLParser):
    """The form of a page, as a browser would send it: hidden fields, the choice of a user, and the buttons."""

    def __init__(self, answer):
        super().__init__()
        self.text = answer.text
        self.form = {}
        self.fields = {}
        self.users = []
        self.chosen = None
        self.buttons = {}
        self._open = []
        self.feed(answer.text)

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
    return str(httpx.URL("https://exist.test/oauth2/authorize", params=ASKED))


def query(url):
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))


def location(answer):
    assert answer.status_code == 302
    return answer.headers["location"]


async def traded(browser, back, client_id="sandbox-client", client_secret="sandbox-secret"):
    """Return the tokens for the code in a callback URL."""
    sent = {"code": query(back)["code"], "client_id": client_id, "client_secret": client_secret}
    form = {**sent, "grant_type": "authorization_code", "redirect_uri": "http://localhost:8000/"}
    return (await browser.post("/oauth2/access_token", data=form)).json()


async def user_of(browser, tokens):
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    return (await browser.get("/api/2/accounts/profile/", headers=headers)).json()["username"]


async def test_the_page_says_who_asks_whom_for_what(browser):
    answer = await browser.get(AUTHORIZE, params=ASKED)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "<h1>Allow My client to use the data of ada?</h1>" in answer.text
    assert [line for line in answer.text.splitlines() if line.startswith("<li>")] == [
        '<li>Read: Mood <code class="note">mood_read</code></li>',
        '<li>Read: everything tracked by hand <code class="note">manual_read</code></li>',
        '<li>Write: Mood <code class="note">mood_write</code></li>',
    ]


async def test_allow_sends_the_browser_back_with_a_code_and_the_state(browser):
    page = Page(await browser.get(AUTHORIZE, params=ASKED))
    assert (page.form["method"], page.form["action"]) == ("post", AUTHORIZE)
    assert list(page.buttons) == ["Allow", "Deny"]

    back = location(await browser.post(page.form["action"], data=page.press("Allow")))

    assert back.startswith("http://localhost:8000/?code=")
    assert set(query(back)) == {"code", "state"}
    assert query(back)["state"] == "a state"


async def test_deny_sends_the_browser_back_with_an_error_and_the_state(browser):
    page = Page(await browser.get(AUTHORIZE, params=ASKED))

    back = location(await browser.post(AUTHORIZE, data=page.press("Deny")))

    assert back == "http://localhost:8000/?error=access_denied&state=a+state"


async def test_two_codes_differ(sandbox, url):
    assert query(sandbox.authorize(url))["code"] != query(sandbox.authorize(url))["code"]


@pytest.mark.parametrize("state", ['"><script>alert(1)</script>', "a&b=c d+e", "ü-✓", ""])
async def test_a_state_survives_the_page_whatever_it_holds(browser, state):
    answer = await browser.get(AUTHORIZE, params={**ASKED, "state": state})
    page = Page(answer)

    assert "<script>" not in answer.text
    assert page.fields["state"] == state
    assert query(location(await browser.post(AUTHORIZE, data=page.press("Allow"))))["state"] == state


async def test_no_state_is_made_up(browser):
    page = Page(await browser.get(AUTHORIZE, params={name: ASKED[name] for name in ASKED if name != "state"}))

    assert "state" not in page.fields
    assert set(query(location(await browser.post(AUTHORIZE, data=page.press("Allow"))))) == {"code"}


async def test_a_sandbox_may_keep_the_state_to_itself(browser, sandbox, url):
    sandbox.passes_state = False
    page = Page(await browser.get(AUTHORIZE, params=ASKED))

    assert not sandbox.passes_state
    assert set(query(location(await browser.post(AUTHORIZE, data=page.press("Allow"))))) == {"code"}
    assert sandbox.deny(url) == "http://localhost:8000/?error=access_denied"


async def test_with_several_users_the_page_asks_who_one_is(browser, sandbox):
    sandbox.add_user("grace")
    page = Page(await browser.get(AUTHORIZE, params=ASKED))
    assert (page.users, page.chosen) == (["ada", "grace"], "ada")
    assert "<h1>Allow My client to use your data?</h1>" in page.text

    back = location(await browser.post(AUTHORIZE, data=page.press("Allow", user="grace")))
    assert await user_of(browser, await traded(browser, back)) == "grace"


async def test_a_single_user_is_not_asked_who_they_are(browser, sandbox):
    page = Page(await browser.get(AUTHORIZE, params=ASKED))

    assert page.users == []
    back = location(await browser.post(AUTHORIZE, data=page.press("Allow")))
    assert await user_of(browser, await traded(browser, back)) == "ada"


@pytest.mark.parametrize(
    ("wrong", "problem"),
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
async def test_nobody_is_sent_to_where_the_service_is_not_known_to_be(browser, sandbox, wrong, problem):
    fields = {name: value for name, value in {**ASKED, **wrong}.items() if value is not None}

    for answer in (
        await browser.get(AUTHORIZE, params=fields),
        await browser.post(AUTHORIZE, data={**fields, "decision": "allow"}),
        await browser.post(AUTHORIZE, data={**fields, "decision": "deny"}),
    ):
        assert answer.status_code == 400
        assert "location" not in answer.headers
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert problem in answer.text
        assert Page(answer).buttons == {}
    with pytest.raises(ValueError, match=problem):
        sandbox.authorize(str(httpx.URL("https://exist.test/oauth2/authorize", params=fields)))


@pytest.mark.parametrize(
    ("wrong", "error"),
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
async def test_what_else_is_wrong_the_service_is_told(browser, sandbox, wrong, error):
    fields = {name: value for name, value in {**ASKED, **wrong}.items() if value is not None}
    told = {**error, "state": "a state"}

    back = location(await browser.get(AUTHORIZE, params=fields))
    assert back.startswith("http://localhost:8000/?")
    assert query(back) == told
    assert query(location(await browser.post(AUTHORIZE, data={**fields, "decision": "allow"}))) == told
    assert query(sandbox.authorize(str(httpx.URL("https://exist.test/oauth2/authorize", params=fields)))) == told


async def test_a_service_is_given_no_scopes_beyond_its_own(browser, sandbox):
    reader = sandbox.add_service("reader", "Reader", ["mood_read", "sleep_read"])
    asked = {**ASKED, "client_id": "reader", "scope": "mood_read mood_write"}

    answer = await browser.get(AUTHORIZE, params=asked)
    assert "mood_write</code>" not in answer.text
    back = location(await browser.post(AUTHORIZE, data=Page(answer).press("Allow")))
    assert (await traded(browser, back, "reader", reader.client_secret))["scope"] == "mood_read"

    refused = query(location(await browser.get(AUTHORIZE, params={**asked, "scope": "mood_write"})))
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
    asked = {**ASKED, "client_id": "other", "redirect_uri": "https://app.test/back?from=exist&empty="}

    back = sandbox.deny(str(httpx.URL("https://exist.test/oauth2/authorize", params=asked)))

    assert back == "https://app.test/back?from=exist&empty=&error=access_denied&state=a+state"


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ({}, "field decision must be allow or deny"),
        ({"decision": "maybe"}, "field decision must be allow or deny"),
        ({"decision": "allow", "user": "<b>"}, "User &#39;&lt;b&gt;&#39; does not exist."),
    ],
)
async def test_a_form_that_is_not_that_of_the_page_is_refused(browser, form, problem):
    answer = await browser.post(AUTHORIZE, data={**ASKED, **form})

    assert answer.status_code == 400
    assert problem in answer.text


async def test_what_people_have_named_is_escaped(browser, sandbox):
    sandbox.add_user("<i>grace</i>")
    sandbox.add_service("other", "<b>Other</b>")

    answer = await browser.get(AUTHORIZE, params={**ASKED, "client_id": "other"})

    assert "&lt;b&gt;Other&lt;/b&gt;" in answer.text
    assert "&lt;i&gt;grace&lt;/i&gt;" in answer.text
    assert "<b>" not in answer.text
    assert "<i>" not in answer.text


async def test_another_method_is_refused(browser):
    answer = await browser.delete(AUTHORIZE)

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")


async def test_a_user_may_be_named_without_a_browser(browser, sandbox, url):
    grace = sandbox.add_user("grace")

    assert await user_of(browser, await traded(browser, sandbox.authorize(url))) == "ada"
    assert await user_of(browser, await traded(browser, sandbox.authorize(url, grace))) == "grace"


def test_only_an_authorisation_url_is_one(sandbox):
    with pytest.raises(
        ValueError, match="url must be an authorisation URL with the path /oauth2/authorize, not '/oauth2/access_token'"
    ):
        sandbox.authorize("https://exist.test/oauth2/access_token")
