"""The web backend of the guide to signing in: sign-in, a page for each user, and browsers that disconnect."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from guides import block_under

from exist_async.sandbox import Sandbox, User
from exist_async.sandbox.server import serve

NOW = dt.datetime(2026, 11, 20, 1, tzinfo=dt.UTC)
TODAY = dt.date(2026, 11, 20)


@pytest.fixture
def sandbox() -> Sandbox:
    sandbox = Sandbox(
        client_id="your-client-id",
        client_secret="your-client-secret",
        redirect_uri="http://localhost:8000/callback",
        now=lambda: NOW,
    )
    sandbox.add_attribute(template="steps")
    sandbox.set_values("steps", {TODAY - dt.timedelta(days=n): 8000 + n for n in range(3650)})
    return sandbox


@pytest.fixture
def grace(sandbox: Sandbox) -> User:
    grace = sandbox.add_user("grace")
    sandbox.add_attribute(grace, template="mood")
    sandbox.set_value("mood", TODAY, 7, grace)
    return grace


@pytest.fixture
async def url(
    sandbox: Sandbox, to_the_sandbox: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[str]:
    """The URL at which the app of the guide is served."""
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    block = block_under("A web backend", guide="exist_async/oauth/README.md")
    exec(compile(block.code, str(block), "exec"), names)
    app = names["app"]
    async with app.router.lifespan_context(app), serve(app, "127.0.0.1", 0) as url:
        yield url


@asynccontextmanager
async def signed_in(url: str, sandbox: Sandbox, user: User | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """A browser in which a user, ada by default, is signed in."""
    async with httpx.AsyncClient(base_url=url) as browser:
        to_exist = (await browser.get("/login")).headers["location"]
        back = urlsplit(sandbox.authorize(to_exist, user))
        assert (await browser.get(f"{back.path}?{back.query}")).headers["location"] == "/"
        yield browser


async def test_a_user_without_a_session_is_redirected_to_the_sign_in(url: str) -> None:
    async with httpx.AsyncClient(base_url=url) as browser:
        assert (await browser.get("/")).headers["location"] == "/login"
        assert (await browser.get("/login")).headers["location"].startswith("https://exist.io/oauth2/authorize?")


async def test_each_user_gets_their_own_week(url: str, sandbox: Sandbox, grace: User) -> None:
    async with signed_in(url, sandbox) as ada, signed_in(url, sandbox, grace) as graces:
        weeks = await asyncio.gather(*(browser.get("/") for browser in [ada, graces] * 20))

    assert weeks[0].json() == {"steps": [8000 + n for n in range(7)]}
    assert weeks[1].json() == {"mood": [7, *[None] * 6]}
    assert [week.json() for week in weeks] == [weeks[0].json(), weeks[1].json()] * 20


async def test_a_callback_with_a_forged_state_is_rejected(url: str, sandbox: Sandbox) -> None:
    async with httpx.AsyncClient(base_url=url) as browser:
        answer = await browser.get("/callback?code=anything&state=evil")

    assert answer.status_code == 400
    assert "evil" not in answer.text
    assert not [request for request in sandbox.requests if request.path == "/oauth2/access_token"]


async def test_a_user_who_denies_access_gets_the_reason(url: str, sandbox: Sandbox) -> None:
    async with httpx.AsyncClient(base_url=url) as browser:
        back = urlsplit(sandbox.deny((await browser.get("/login")).headers["location"]))
        answer = await browser.get(f"{back.path}?{back.query}")

    assert answer.status_code == 400
    assert "access_denied" in answer.text


async def test_an_expired_token_is_renewed_once_for_all_requests(url: str, sandbox: Sandbox) -> None:
    async with signed_in(url, sandbox) as ada:
        sandbox.expire_tokens()
        sandbox.reset_requests()
        weeks = await asyncio.gather(*(ada.get("/") for _ in range(20)))

    assert {week.status_code for week in weeks} == {200}
    assert [request.path for request in sandbox.requests].count("/oauth2/access_token") == 1


async def test_a_user_who_revoked_access_is_redirected_to_the_sign_in(url: str, sandbox: Sandbox) -> None:
    async with signed_in(url, sandbox) as ada:
        sandbox.expire_tokens()
        sandbox.fail_next(9, status=400, json={"error": "invalid_grant"}, path="oauth2/access_token")

        assert (await ada.get("/")).headers["location"] == "/login"


async def test_a_spent_hourly_budget_is_a_503(url: str, sandbox: Sandbox) -> None:
    async with signed_in(url, sandbox) as ada:
        sandbox.fail_next(9, status=429, headers={"Retry-After": "3000"})

        assert (await ada.get("/")).status_code == 503


async def test_the_export_has_the_complete_history(url: str, sandbox: Sandbox) -> None:
    async with signed_in(url, sandbox) as ada:
        lines = (await ada.get("/export")).text.splitlines()

    assert len(lines) == 3650
    assert lines[0] == "steps,2026-11-20,8000"
    assert lines[-1] == "steps,2016-11-23,11649"


@pytest.mark.slow
async def test_a_browser_that_disconnects_stops_its_export_and_affects_no_other_user(
    url: str, sandbox: Sandbox, grace: User
) -> None:
    for n in range(150):
        sandbox.add_attribute(name=f"attribute_{n}", group="activity", value_type=2)
        sandbox.set_values(f"attribute_{n}", {TODAY - dt.timedelta(days=day): "x" * 500 for day in range(3650)})
    async with signed_in(url, sandbox) as ada, signed_in(url, sandbox, grace) as graces:
        sandbox.reset_requests()
        before = asyncio.all_tasks()

        async def disconnect() -> None:
            async with ada.stream("GET", "/export") as export:
                async for _ in export.aiter_lines():
                    return

        await asyncio.gather(*(disconnect() for _ in range(5)))
        assert (await graces.get("/")).json() == {"mood": [7, *[None] * 6]}
        async with asyncio.timeout(30):
            while exports := asyncio.all_tasks() - before:
                await asyncio.wait(exports)
        requests = len(sandbox.requests)
        weeks = await asyncio.gather(*(ada.get("/") for _ in range(20)))

    # A complete export takes 236 requests.
    assert requests < 5 * 100
    assert {week.status_code for week in weeks} == {200}
    assert len(sandbox.requests) == requests + 40  # two pages each
