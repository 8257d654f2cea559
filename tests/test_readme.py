"""Every Python block of the README runs, against a sandbox."""

import ast
import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

import exist_async
from exist_async.sandbox import Sandbox

README = (Path(__file__).parents[1] / "README.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def title_of(block: str) -> str:
    before = README[: README.index(block)]
    return re.findall(r"^#+ (.*)$", before, re.MULTILINE)[-1]


@pytest.fixture
def sandbox() -> Sandbox:
    sandbox = Sandbox(token="your-access-token")
    sandbox.issue_token(sandbox.add_user("grace"), token="another-access-token")
    for n in range(500):
        sandbox.add_attribute(name=f"habit_{n}")
    sandbox.add_attribute(name="my_tag")
    return sandbox


@pytest.mark.parametrize("block", BLOCKS, ids=title_of)
async def test_a_block_runs(block: str, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXIST_TOKEN", "your-access-token")
    own_transport = exist_async._http.pool.Transport

    class ToTheSandbox(httpx.AsyncBaseTransport):
        """Takes what is meant for exist.io to the sandbox, and leaves loopback alone."""

        def __init__(self, **options: Any) -> None:
            self.own, self.sandbox = own_transport(**options), sandbox.transport()

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            transport = self.sandbox if request.url.host == "exist.io" else self.own
            return await transport.handle_async_request(request)

        async def aclose(self) -> None:
            await self.own.aclose()

    monkeypatch.setattr("exist_async._http.pool.Transport", ToTheSandbox)

    # A block that starts its own event loop is run in the one that is here.
    started: list[Any] = []
    monkeypatch.setattr("asyncio.run", started.append)
    names: dict[str, Any] = {}
    running: Any = eval(compile(block, "README.md", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
    if inspect.isawaitable(running):
        await running
    for main in started:
        await main
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
        if name.endswith("Error") and name != "ExistAsyncError":
            assert f"`{name}`" in README
