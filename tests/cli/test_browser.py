"""Signing in with a real browser, if one is installed."""

import asyncio
import os
import shutil
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from exist_async.sandbox import Sandbox

INSTALL = "apt-get install chromium, and uv run --group browser pytest"

playwright = pytest.importorskip("playwright.async_api", reason=f"no Playwright: {INSTALL}")

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = os.environ.get("EXIST_TEST_BROWSER") or next(filter(None, map(shutil.which, NAMES)), None)

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason=f"no Chromium: {INSTALL}")]


@pytest.fixture
async def page() -> AsyncIterator[Any]:
    """A page of a headless browser."""
    async with playwright.async_playwright() as driver:
        chromium = await driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield await chromium.new_page()
        await chromium.close()


@pytest.fixture
def run(script: str) -> Callable[..., Any]:
    """Run the program during a block."""

    @asynccontextmanager
    async def start(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
        running = await asyncio.create_subprocess_exec(script, *arguments, stdout=PIPE, stderr=PIPE)
        try:
            yield running
        finally:
            if running.returncode is None:
                running.kill()
            await running.communicate()

    return start


@pytest.fixture
def opened(tmp_path: Path, redirect_uri: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Any]:
    """Return the URL that the program opens in the user's browser."""
    url_file = tmp_path / "opened"
    program = tmp_path / "browser"
    program.write_text(f'#!/bin/sh\nprintf %s "$1" > "{url_file}.new" && mv "{url_file}.new" "{url_file}"\n')
    program.chmod(0o700)
    monkeypatch.setenv("BROWSER", f"{program} %s")

    async def address() -> str:
        while not url_file.exists():  # noqa: ASYNC110  (another process writes it; each test has a time limit)
            await asyncio.sleep(0.01)
        return url_file.read_text()

    return address


async def test_allowing_access_in_the_browser_signs_in(page, run: Callable, opened: Callable, url: str) -> None:
    async with asyncio.timeout(60), run("login") as login:
        await page.goto(await opened())
        assert await page.get_by_role("heading").inner_text() == "Allow My app to use the data of ada?"
        await page.get_by_role("button", name="Allow").click()

        await page.get_by_role("heading", name="Signed in", exact=True).wait_for()
        out, _ = await login.communicate()

    assert login.returncode == 0
    assert out.decode().startswith(f"Signed in as ada at {url}; token stored in ")
    async with asyncio.timeout(60), run("whoami") as whoami:
        out, _ = await whoami.communicate()
    assert out.decode().splitlines()[0] == "Username\tada"


async def test_denying_access_in_the_browser_does_not_sign_in(
    page, run: Callable, opened: Callable, stored: Callable
) -> None:
    async with asyncio.timeout(60), run("login") as login:
        await page.goto(await opened())
        await page.get_by_role("button", name="Deny").click()

        await page.get_by_role("heading", name="Not signed in", exact=True).wait_for()
        _, err = await login.communicate()

    assert login.returncode == 1
    assert err.decode().splitlines()[-1] == "exist-async: You denied access. Nothing was stored."
    assert stored() == {}


async def test_a_forged_callback_is_ignored(page, run: Callable, opened: Callable, redirect_uri: str) -> None:
    async with asyncio.timeout(60), run("login") as login:
        asked = await opened()
        await page.goto(f"{redirect_uri}?code=forged&state=forged")
        assert "another attempt" in await page.inner_text("body")
        await page.goto(asked)
        await page.get_by_role("button", name="Allow").click()

        await page.get_by_role("heading", name="Signed in", exact=True).wait_for()
        await login.communicate()

    assert login.returncode == 0


async def test_the_front_page_of_the_sandbox_lists_its_attributes(page, sandbox: Sandbox, url: str) -> None:
    sandbox.add_attribute(template="mood", service=sandbox.service)

    await page.goto(url)

    assert await page.get_by_role("heading", level=1).inner_text() == "Exist sandbox"
    assert await page.get_by_role("cell", name="Mood", exact=True).count() == 1
