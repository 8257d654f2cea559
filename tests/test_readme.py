"""The guides: every Python block runs against a sandbox, links work, and nothing public is missing."""

import ast
import datetime as dt
import inspect
import re
from collections.abc import Callable
from contextlib import suppress
from functools import partialmethod
from pathlib import Path, PurePosixPath
from typing import Any

import procrastinate
import pytest
from guides import GUIDES, PYTHON_BLOCKS, ROOT, Block, Guide, block_under
from postgres_server import PostgresServer

import exist_async
from exist_async import ExistClient, FileTokenStore, OAuthToken
from exist_async.attio import AttioClient
from exist_async.mirror import Mirror
from exist_async.sandbox import Sandbox
from exist_async.sandbox.app import ENDPOINTS, Endpoint

README = GUIDES["README.md"]
REFERENCE = GUIDES["exist_async/README.md"]
REDIS = "redis://localhost:6379/0"
POSTGRES = "postgresql://localhost/app"


@pytest.fixture
def sandbox() -> Sandbox:
    sandbox = Sandbox(token="your-access-token", client_id="your-client-id", client_secret="your-client-secret")
    sandbox.user.password = "your-password"
    sandbox.issue_token(sandbox.add_user("grace"), token="another-access-token")
    fitness_tracker = sandbox.add_service("fitness_tracker", "Fitness tracker")
    for n in range(500):
        sandbox.add_attribute(name=f"habit_{n}", active=False, service=fitness_tracker)
    for template in ("steps", "sleep", "mood", "weight", "coffees"):
        sandbox.add_attribute(template=template, service=fitness_tracker)
    sandbox.set_values("mood", {dt.date(2026, 11, 20): 7, dt.date(2020, 2, 29): 5})
    return sandbox


@pytest.fixture
async def run(
    sandbox: Sandbox,
    to_the_sandbox: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Callable[[Block], Any]:
    """Runs a block as its reader would; requests to exist.io and to Attio go to sandboxes."""
    monkeypatch.setenv("EXIST_TOKEN", "your-access-token")
    monkeypatch.chdir(tmp_path)
    for user, token in (("ada", "your-access-token"), ("grace", "another-access-token")):
        await FileTokenStore("tokens.json").save(user, OAuthToken(token))
    # The user clicks Allow, and pastes the address that the browser is sent to.
    monkeypatch.setattr("builtins.input", lambda prompt: sandbox.authorize(prompt.split()[1]))
    (tmp_path / "mirrors").mkdir()
    # A block that starts an event loop runs on the loop of the test.
    started: list[Any] = []
    monkeypatch.setattr("asyncio.run", started.append)

    async def run(block: Block) -> None:
        code = block.code
        if REDIS in code:
            code = code.replace(REDIS, request.getfixturevalue("redis_server").url)
        if POSTGRES in code:
            postgres = request.getfixturevalue("postgres")
            postgres.execute("DROP SCHEMA IF EXISTS exist_async CASCADE")
            code = code.replace(POSTGRES, postgres.url)
            if "procrastinate" in code:
                prepare_queue(postgres, monkeypatch)
        if "Mirror(" in code and ".pull(" not in code:
            await pull_mirrors()
        names: dict[str, Any] = {"__name__": "__main__"}
        with suppress(SystemExit):
            running: Any = eval(compile(code, str(block), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
            if inspect.isawaitable(running):
                await running
        for main in started:
            assert not await main
        tests: list[Callable[[], Any]] = [value for name, value in names.items() if name.startswith("test_")]
        for test in tests:
            await test()

    return run


async def pull_mirrors() -> None:
    """Create the mirrors that other blocks have pulled before."""
    async with ExistClient("your-access-token") as exist:
        for file in ("exist.db", "mirrors/ada.db"):
            async with Mirror(file) as mirror:
                await mirror.pull(exist, since=dt.date(2026, 1, 1))


def prepare_queue(postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Create Procrastinate's tables, and let workers end when they have nothing to do."""
    postgres.execute("DROP SCHEMA public CASCADE")
    postgres.execute("CREATE SCHEMA public")
    app = procrastinate.App(connector=procrastinate.SyncPsycopgConnector(conninfo=postgres.url))
    with app.open():
        app.schema_manager.apply_schema()
    run_worker = procrastinate.App.run_worker_async
    monkeypatch.setattr(procrastinate.App, "run_worker_async", partialmethod(run_worker, wait=False))


@pytest.mark.parametrize("block", PYTHON_BLOCKS, ids=str)
async def test_a_block_runs_and_warns_if_it_takes_an_attribute(
    block: Block, run: Callable[[Block], Any], sandbox: Sandbox
) -> None:
    others = [attribute for attribute in sandbox.user.attributes if attribute.service is not None]

    await run(block)

    if any(attribute.service is sandbox.service for attribute in others):
        assert "acquiring takes" in block.code


async def test_the_first_example_only_reads(run: Callable[[Block], Any], sandbox: Sandbox) -> None:
    await run(README.blocks[0])

    assert {request.method for request in sandbox.requests} == {"GET"}


def test_the_guides_are_found() -> None:
    folders = ["attio", "attributes", "cli", "jobs", "mirror", "oauth", "rate_limits", "sandbox", "values"]

    assert {"README.md", "exist_async/README.md", *(f"exist_async/{name}/README.md" for name in folders)} <= set(GUIDES)
    assert block_under("A sync job", guide="exist_async/values/README.md").number == 1


def test_the_readme_is_short() -> None:
    assert len(README.text.encode()) < 12_000


def test_the_readme_links_every_guide() -> None:
    guides = {path for path in GUIDES if path.startswith("exist_async/")}

    assert guides <= {target for target in README.links if "#" not in target}


@pytest.mark.parametrize("guide", GUIDES.values(), ids=GUIDES)
def test_links_lead_to_files_and_headings(guide: Guide) -> None:
    for link in guide.links:
        target, _, anchor = link.partition("#")
        path = _normalised(PurePosixPath(guide.path).parent / target) if target else guide.path
        if path in GUIDES:
            assert not anchor or anchor in {_slug(heading) for heading in GUIDES[path].headings}, link
        elif (ROOT / exist_async.__name__).is_dir():  # without a checkout, the other files are not there
            assert (ROOT / path).exists(), link


def _normalised(path: PurePosixPath) -> str:
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


def _slug(heading: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_the_quick_start_has_its_two_commands() -> None:
    quick_start = [block for block in README.blocks if block.heading == "Quick start"]

    assert [(block.language, block.code) for block in quick_start] == [
        ("sh", "python3 -m venv .uv && .uv/bin/pip install --quiet uv && .uv/bin/uv run exist-async demo\n"),
        ("sh", "python3 -m venv .uv && .uv/bin/pip install --quiet uv && .uv/bin/uv run pytest\n"),
    ]


def test_every_option_and_every_error_is_in_the_reference() -> None:
    for option in inspect.signature(exist_async.ExistClient).parameters:
        assert f"`{option}`" in REFERENCE.section("Client options")
    for name in exist_async.__all__:
        if name.endswith(("Error", "Required")) and name != "ExistAsyncError":
            assert f"| `{name}` | " in REFERENCE.section("Errors")


def test_the_options_of_attio_alone_are_in_its_guide() -> None:
    own = (
        inspect.signature(AttioClient).parameters.keys() - inspect.signature(exist_async.ExistClient).parameters.keys()
    )

    assert own
    for option in own:
        assert f"`{option}`" in GUIDES["exist_async/attio/README.md"].text


def test_every_endpoint_is_in_the_reference_with_its_method() -> None:
    table = REFERENCE.section("Endpoints")

    for path, endpoint in ENDPOINTS.items():
        if path != "/":
            method = endpoint.method if isinstance(endpoint, Endpoint) else next(iter(endpoint.handlers))
            assert f"| `{method} {path.removeprefix('/api/2/')}` | `" in table
