"""The sync job of the guide to values: many users concurrently, and a failure for one does not affect the others."""

import datetime as dt
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from guides import block_under

from exist_async import FileTokenStore, OAuthToken, ValueUpdate
from exist_async.sandbox import Sandbox

USERS = [f"user_{n:02}" for n in range(40)]
WRITTEN = {dt.date(2026, 11, 19): 7342, dt.date(2026, 11, 20): 8123}

Job = Callable[[], Awaitable[int]]


@pytest.fixture
async def job(sandbox: Sandbox, to_the_sandbox: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    """The job of the guide, for forty users who have signed in."""
    monkeypatch.chdir(tmp_path)
    store = FileTokenStore("tokens.json")
    for user in USERS:
        await store.save(user, OAuthToken(sandbox.issue_token(sandbox.add_user(user))))
    names: dict[str, Any] = {}
    block = block_under("A sync job", guide="exist_async/values/README.md")
    exec(compile(block.code, str(block), "exec"), names)
    names["USERS"] = USERS
    main: Job = names["main"]
    return main


def values_of(sandbox: Sandbox, user: str) -> dict[dt.date, Any]:
    return sandbox.values("steps", sandbox._state.user(user))


async def test_every_user_is_synchronised_and_reported(
    job: Job, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await job() == 0

    assert sorted(capsys.readouterr().out.splitlines()) == [f"{user}: 2 values are there" for user in USERS]
    assert all(values_of(sandbox, user) == WRITTEN for user in USERS)


async def test_running_it_again_changes_nothing(job: Job, sandbox: Sandbox) -> None:
    await job()
    sandbox.reset_requests()

    assert await job() == 0
    assert values_of(sandbox, "user_00") == WRITTEN
    assert {request.method for request in sandbox.requests} == {"GET"}


async def test_a_user_who_was_not_finished_goes_on_and_new_values_are_written(job: Job, sandbox: Sandbox) -> None:
    sandbox.fail_next(1, status=400, path="attributes/update/")
    assert await job() == 1
    sandbox.reset_requests()
    rows_of = job.__globals__["rows_of"]  # type: ignore[attr-defined]

    async def more_rows_of(user: str) -> list[Any]:
        return [*await rows_of(user), ValueUpdate("steps", dt.date(2026, 11, 19), 7350)]

    job.__globals__["rows_of"] = more_rows_of  # type: ignore[attr-defined]
    assert await job() == 0

    assert all(values_of(sandbox, user) == {**WRITTEN, dt.date(2026, 11, 19): 7350} for user in USERS)
    written = [request for request in sandbox.requests if request.path.endswith("update/")]
    assert sorted(len(request.json) for request in written) == [1] * 39 + [2]


async def test_a_failure_for_one_user_does_not_affect_the_others(
    job: Job, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    await FileTokenStore("tokens.json").save("user_00", OAuthToken("a-token-that-was-revoked"))
    sandbox.fail_next(1, status=400, path="attributes/update/")

    assert await job() == 1

    lines = capsys.readouterr().out.splitlines()
    assert "user_00: has to sign in again" in lines
    assert sum("not finished, and goes on next time" in line for line in lines) == 1
    assert sum(line.endswith(": 2 values are there") for line in lines) == 38


async def test_a_refused_value_is_a_failure_with_its_reason(
    job: Job, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    without_the_scope = OAuthToken(sandbox.issue_token(sandbox._state.user("user_00"), scopes=["mood_write"]))
    await FileTokenStore("tokens.json").save("user_00", without_the_scope)

    assert await job() == 1
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("user_00")]
    assert "not_allowed" in line
