"""Every Python block of the README runs, against a sandbox."""

import ast
import datetime as dt
import inspect
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import exist_async
from exist_async import FileTokenStore, OAuthToken
from exist_async.sandbox import Sandbox
from exist_async.sandbox.app import ENDPOINTS, Endpoint
from support import BLOCKS, README, title_of

REDIS = "redis://localhost:6379/0"


@pytest.fixture
def sandbox() -> Sandbox:
    sandbox = Sandbox(token="your-access-token", client_id="your-client-id", client_secret="your-client-secret")
    sandbox.issue_token(sandbox.add_user("grace"), token="another-access-token")
    for n in range(500):
        sandbox.add_attribute(name=f"habit_{n}", active=False)
    sandbox.add_attribute(name="my_tag")
    sandbox.add_attribute(template="steps")
    sandbox.add_attribute(template="sleep")
    sandbox.add_attribute(template="mood")
    sandbox.set_values("mood", {dt.date(2026, 11, 20): 7, dt.date(2020, 2, 29): 5})
    return sandbox


@pytest.mark.parametrize("block", BLOCKS, ids=title_of)
async def test_a_block_runs(
    block: str,
    sandbox: Sandbox,
    to_the_sandbox: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    monkeypatch.setenv("EXIST_TOKEN", "your-access-token")
    monkeypatch.chdir(tmp_path)
    for user, token in (("ada", "your-access-token"), ("grace", "another-access-token")):
        await FileTokenStore("tokens.json").save(user, OAuthToken(token))
    # Somebody allows it, and pastes where they landed.
    monkeypatch.setattr("builtins.input", lambda prompt: sandbox.authorize(prompt.split()[1]))

    if REDIS in block:
        block = block.replace(REDIS, request.getfixturevalue("redis_server").url)

    # A block that starts its own event loop is run in the one that is here.
    started: list[Any] = []
    monkeypatch.setattr("asyncio.run", started.append)
    names: dict[str, Any] = {"__name__": "__main__"}
    with suppress(SystemExit):
        running: Any = eval(compile(block, "README.md", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
        if inspect.isawaitable(running):
            await running
    for main in started:
        assert not await main
    tests: list[Callable[[], Any]] = [value for name, value in names.items() if name.startswith("test_")]
    for test in tests:
        await test()


def test_the_quick_start_has_its_two_commands() -> None:
    quick_start = README.partition("## Quick start")[2].partition("\n## ")[0]

    assert re.findall(r"^```sh\n(.*?)^```$", quick_start, re.MULTILINE | re.DOTALL) == [
        "pip install uv && uv run exist-async demo\n",
        "pip install uv && uv run pytest\n",
    ]


def test_every_option_and_every_error_is_in_the_readme() -> None:
    for option in inspect.signature(exist_async.ExistClient).parameters:
        assert f"`{option}`" in README
    for name in exist_async.__all__:
        if name.endswith(("Error", "Required")) and name != "ExistAsyncError":
            assert f"`{name}`" in README


def test_every_endpoint_is_in_the_readme_with_its_method() -> None:
    table = README.partition("## Endpoints\n")[2].partition("\n## ")[0]

    for path, endpoint in ENDPOINTS.items():
        if path != "/":
            method = endpoint.method if isinstance(endpoint, Endpoint) else next(iter(endpoint.handlers))
            assert f"| `{method} {path.removeprefix('/api/2/')}` | `" in table
