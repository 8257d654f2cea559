"""The pages in a real browser, if one is installed: on a phone, by keyboard, and without scripts."""

import os
import shutil
from datetime import date, timedelta
from urllib.parse import urlencode

import pytest

from exist_async.sandbox import AttioSandbox
from exist_async.sandbox.groups import SCOPES
from exist_async.sandbox.templates import TEMPLATES

playwright = pytest.importorskip("playwright.async_api", reason="no Playwright: uv run --group browser pytest")

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = os.environ.get("EXIST_TEST_BROWSER") or next(filter(None, map(shutil.which, NAMES)), None)

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium")]

LONG = "W" * 200


@pytest.fixture
async def chromium():
    async with playwright.async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        await browser.close()


def authorization_path(service, **changes):
    asked = {
        "response_type": "code",
        "client_id": service.client_id,
        "redirect_uri": service.redirect_uri,
        "scope": " ".join(SCOPES),
    }
    return f"/oauth2/authorize?{urlencode(asked | changes)}"


async def test_on_a_phone_no_page_scrolls_sideways_but_its_tables_do(chromium, sandbox):
    long = sandbox.add_service("long", LONG, client_id=LONG, redirect_uri=f"http://localhost:8000/{LONG}")
    for template in TEMPLATES:
        sandbox.add_attribute(template=template, service=long)
    sandbox.add_attribute(label=LONG, name=LONG)
    sandbox.add_attribute(label="النوم 😴", name="note", value_type=2)
    sandbox.set_value("note", date(2026, 11, 21), LONG)
    sandbox.set_values("steps", {date(2026, 11, 21) - timedelta(day): day for day in range(30)})
    sandbox.add_user(LONG)
    phone = await chromium.new_page(viewport={"width": 375, "height": 667})
    said = []
    phone.on("console", lambda message: said.append(message.text))
    paths = ["/", f"/?user={LONG}", "/?user=nobody", authorization_path(long)]
    failing = [authorization_path(long, client_id=f"x{LONG}"), authorization_path(long, redirect_uri=f"http://{LONG}")]

    async with sandbox.serve() as url, AttioSandbox().serve() as attio_url:
        for address in [*(url + path for path in (*paths, *failing)), attio_url]:
            await phone.goto(address)
            assert await phone.evaluate("document.documentElement.scrollWidth") == 375, address
        await phone.goto(url)
        table = phone.locator("#attributes ~ .wide").first
        widths = await table.evaluate("e => [e.clientWidth, e.scrollWidth]")
        await table.evaluate("e => { e.scrollLeft = e.scrollWidth }")
        label = await table.get_by_role("cell", name="Steps", exact=True).bounding_box()

    assert widths[0] < 375 < widths[1]
    assert label["x"] >= 0, "a row scrolls without the name of its attribute"
    # A violation of the security policy would be a message as well.
    assert set(said) == {
        "Failed to load resource: the server responded with a status of 404 (Not Found)",
        "Failed to load resource: the server responded with a status of 400 (Bad Request)",
    }


async def test_by_keyboard_users_choose_who_they_are_and_allow_access(chromium, sandbox):
    sandbox.add_user("grace")
    page = await chromium.new_page(viewport={"width": 375, "height": 667})

    async with sandbox.serve() as url:
        app = sandbox.add_service("app", "An app", redirect_uri=f"{url}/?user=grace")
        await page.goto(url + authorization_path(app))
        await page.get_by_role("row", name="Everything tracked by hand yes yes").wait_for()
        box = await page.get_by_role("button", name="Allow").bounding_box()
        assert box["y"] + box["height"] <= 667, "34 scopes push the buttons out of sight"
        fills = [
            await page.get_by_role("button", name=name).evaluate("e => getComputedStyle(e).backgroundColor")
            for name in ("Allow", "Deny")
        ]
        assert fills[0] != fills[1]
        for _ in range(2):  # beyond the link to the front page
            await page.keyboard.press("Tab")
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.textContent") == "Allow"
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"{url}/?user=grace&code=*")

        assert await page.get_by_role("heading", level=2, name="Attributes of grace").is_visible()


async def test_a_screen_reader_is_told_what_a_chart_shows(chromium, sandbox):
    sandbox.add_attribute(template="sleep")
    sandbox.set_values("sleep", {date(2026, 11, 21): 374, date(2026, 11, 20): 480})
    page = await chromium.new_page()

    async with sandbox.serve() as url:
        await page.goto(url)
        chart = page.get_by_role("img", name="Last 30 days: 6 h 14 min to 8 h, on 2 days")

        assert await chart.is_visible()
        assert (await chart.bounding_box())["width"] > 100


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_page_has_the_colours_of_the_system(chromium, sandbox, scheme):
    page = await chromium.new_page(color_scheme=scheme)

    async with sandbox.serve() as url:
        await page.goto(url)
        colours = await page.evaluate(
            "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
        )

    bright = [sum(int(part) for part in colour[4:-1].split(",")) > 384 for colour in colours]
    assert bright == ([True, False] if scheme == "light" else [False, True])
