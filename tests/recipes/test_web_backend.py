"""The web backend of the guide to signing in: sign-in, a page for each user, and browsers that disconnect."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Callable
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

Browser = Callable[[], httpx.AsyncClient]


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
    """A browser of somebody who signed in."""
    async with httpx.AsyncClient(base_url=url) as browser:
        to_exist = (await browser.get("/login")).headers["location"]
        back = urlsplit(sandbox.authorize(to_exist, user))
        assert (await browser.get(f"{back.path}?{back.query}")).headers["location"] == "/"
        yield browser


async def test_who_is_not_signed_in_is_sent_to_sign_in(url: str) -> None:
    async with httpx.AsyncClient(base_url=url) as browser:
        assert (await browser.get("/")).headers["location"] == "/login"
        assert (await browser.get("/login")).headers["location"].startswith("https://exist.io/oauth2/authorize?")


async def test_each_user_sees_their_own_week(url: str, sandbox: Sandbox, grace: User) -> None:
    async with signed_in(url, sandbox) as ada, signed_in(url, sandbox, grace) as graces:
        weeks = await asyncio.gather(*(browser.get("/") for browser in [ada, graces] * 20))

    assert weeks[0].json() == {"steps": [8000 + n for n in range(7)]}
    assert weeks[1].json() == {"mood": [7, *[None] * 6]}
    assert [week.json() for week in weeks] == [weeks[0].json(), weeks[1].json()] * 20


async def test_a_callback_of_somebody_else_is_refused(url: str, sandbox: Sandbox) -> None:
    async with httpx.AsyncClient(base_url=url) as browser:
        answer = await browser.get("/callback?code=anything&state=evil")

    assert answer.status_code == 400
    assert "evil" not in answer.text
    assert not [request for request in sandbox.requests if request.path == "/oauth2/access_token"]


async def test_a_user_who_says_no_is_told_so(url: str, sandbox: Sandbox) -> None:
    async with httpx.AsyncClient(base_url=url) as browser:
        back = urlsplit(sandbox.deny((await browser.get("/login")).headers["location"]))
        answer = await browser.get(f"{back.path}?{back.query}")

    assert answer.status_code == 400
    assert "access_denied" in answer.text


async def test_tokens_that_expire_are_renewed_once_for_all_requests(url: str, sandbox: Sandbox) -> None:
    async with signed_in(url, sandbox) as ada:
        sandbox.expire_tokens()
        sandbox.reset_requests()
        weeks = await asyncio.gather(*(ada.get("/") for _ in range(20)))

    assert {week.status_code for week in weeks} == {200}
    assert [request.path for request in sandbox.requests].count("/oauth2/access_token") == 1


async def test_who_took_the_permission_back_is_sent_to_sign_in(url: str, sandbox: Sandbox) -> None:
    async with signed_in(url, sandbox) as ada:
        sandbox.expire_tokens()
        sandbox.fail_next(9, status=400, json={"error": "invalid_grant"}, path="oauth2/access_token")

        assert (await ada.get("/")).headers["location"] == "/login"


async def test_when_the_hour_is_used_up_the_page_says_so(url: str, sandbox: Sandbox) -> None:
    async with signed_in(url, sandbox) as ada:
        sandbox.fail_next(9, status=429, headers={"Retry-After": "3000"})

        assert (await ada.get("/")).status_code == 503


async def test_the_export_is_all_of_the_history(url: str, sandbox: Sandbox) -> None:
    async with signed_in(url, sandbox) as ada:
        lines = (await ada.get("/export")).text.splitlines()

    assert len(lines) == 3650
    assert lines[0] == "steps,2026-11-20,8000"
    assert lines[-1] == "steps,2016-11-23,11649"


async def test_users_who_hang_up_stop_what_runs_for_them_and_harm_nobody(
    url: str, sandbox: Sandbox, grace: User
) -> None:
    for n in range(150):
        sandbox.add_attribute(name=f"thing_{n}", group="activity", value_type=2)
        sandbox.set_values(f"thing_{n}", {TODAY - dt.timedelta(days=day): "x" * 500 for day in range(3650)})
    async with signed_in(url, sandbox) as ada, signed_in(url, sandbox, grace) as graces:
        sandbox.reset_requests()

        async def hang_up() -> None:
            async with ada.stream("GET", "/export") as export:
                async for _ in export.aiter_lines():
                    return

        await asyncio.gather(*(hang_up() for _ in range(5)))
        assert (await graces.get("/")).json() == {"mood": [7, *[None] * 6]}
        await _quiet(sandbox)
        asked = len(sandbox.requests)
        weeks = await asyncio.gather(*(ada.get("/") for _ in range(20)))

    # A whole export takes 236 requests.
    assert asked < 5 * 100
    assert {week.status_code for week in weeks} == {200}
    assert len(sandbox.requests) == asked + 40  # two pages each


async def _quiet(sandbox: Sandbox) -> None:
    """Wait until nothing is asked of the sandbox any more."""
    asked = -1
    while asked != len(sandbox.requests):
        asked = len(sandbox.requests)
        await asyncio.sleep(0.2)
