"""The option `--wait`: it waits for the hourly rate limit, and prints a notice."""

from collections.abc import Awaitable, Callable

import pytest

from exist_async import MemoryRateLimiter
from exist_async.cli import rate_limit_wait
from exist_async.cli.rate_limit_wait import _WaitNotice
from exist_async.sandbox import Sandbox

NOTICE = "exist-async: this hour's requests are used up: waiting until more are allowed. Press Ctrl-C to stop.\n"


@pytest.fixture
def filled(sandbox: Sandbox) -> Sandbox:
    sandbox.add_attribute(template="sleep")
    return sandbox


def test_the_notice_is_printed_once_when_exist_answers_429(cli: Callable, filled: Sandbox) -> None:
    filled.fail_next(2, status=429, headers={"Retry-After": "0"})

    result = cli("history", "--start", "2026-11-20", "--wait")

    assert (result.code, result.err) == (0, NOTICE)


def test_the_notice_is_printed_when_the_budget_of_the_client_is_used_up(
    cli: Callable, filled: Sandbox, clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def one_request_an_hour(*, sleep: Callable[[float], Awaitable[object]]) -> MemoryRateLimiter:
        async def skip_time(seconds: float) -> None:
            await sleep(0)
            clock.now += seconds

        return MemoryRateLimiter(1, 3600, clock=clock, sleep=skip_time)

    monkeypatch.setattr(rate_limit_wait, "MemoryRateLimiter", one_request_an_hour)
    start = clock.now

    result = cli("history", "--start", "2026-01-01", "--wait")

    assert result.code == 0
    assert result.err == NOTICE
    assert clock.now - start >= 3600


async def test_the_notice_is_printed_at_most_once_in_ten_minutes(clock, capsys: pytest.CaptureFixture[str]) -> None:
    notice = _WaitNotice(clock)

    for _ in range(4):
        await notice.sleep(0)
        clock.now += 250

    assert capsys.readouterr().err == 2 * NOTICE


def test_without_a_wait_no_notice_is_printed(cli: Callable, filled: Sandbox) -> None:
    result = cli("history", "--start", "2026-11-20", "--wait")

    assert (result.code, result.err) == (0, "")


def test_without_the_option_a_long_wait_is_an_error(cli: Callable, filled: Sandbox) -> None:
    filled.fail_next(status=429, headers={"Retry-After": "600"})

    result = cli("history", "--start", "2026-11-20")

    assert result.code == 1
    assert result.err.endswith(" (429): Too Many Requests. Call again in 600 s.\n")
    assert result.err.count("\n") == 1


def test_a_spent_budget_is_reported_without_advice_for_programmers(
    cli: Callable, filled: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exist_async.client.MemoryRateLimiter", lambda: MemoryRateLimiter(1))

    result = cli("history", "--start", "2026-11-20")

    assert result.code == 1
    assert "budget of 1 requests" in result.err
    assert "Call again then." in result.err
    assert "max_wait" not in result.err
