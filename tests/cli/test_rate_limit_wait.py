"""The option `--wait`: it waits for the hourly rate limit, and prints a notice."""

from collections.abc import Awaitable, Callable

import pytest

from exist_async import MemoryRateLimiter, RateLimitError
from exist_async.cli import rate_limit_wait
from exist_async.cli.error_text import describe_error
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
    assert result.err == (
        "exist-async: the service accepts no more requests of this user for now (429: Too Many Requests). Try again in "
        "10 min; history and update wait as long with --wait\n"
    )


@pytest.mark.parametrize(
    ("command", "at_most"), [(["owned"], 1), (["acquire", "steps"], 1), (["increment", "a", "1"], 1)]
)
def test_a_command_that_cannot_wait_says_when_to_try_again(
    cli: Callable, filled: Sandbox, command: list[str], at_most: int
) -> None:
    filled.fail_next(status=429, headers={"Retry-After": "90"}, json={"detail": "Slow down.\x1b[2J"})

    result = cli(*command)

    assert (result.code, result.err.count("\n")) == (1, at_most)
    assert "for now (429: Slow down.\\x1b[2J). Try again in 90 s" in result.err
    assert "max_wait" not in result.out + result.err


def test_a_write_of_which_only_a_part_fits_into_the_hour_says_when_to_try_again(cli: Callable, filled: Sandbox) -> None:
    filled.fail_next(20, status=429, headers={"Retry-After": "4000"}, path="acquire/", skip=1)

    result = cli("acquire", *(f"template_{number}" for number in range(100)))

    assert result.code == 1
    assert "Try again in 67 min" in result.err
    assert "max_wait" not in result.out + result.err


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            RateLimitError("…", retry_after=0.2),
            "the requests that are allowed in an hour are used up. Try again in 1 s",
        ),
        (
            RateLimitError("…", status_code=429),
            "the service accepts no more requests of this user for now (429). Try again later",
        ),
    ],
)
def test_a_rate_limit_is_described_without_arguments_of_python(error: RateLimitError, text: str) -> None:
    assert describe_error(error) == f"{text}; history and update wait as long with --wait"


def test_a_spent_budget_is_reported_without_advice_for_programmers(
    cli: Callable, filled: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exist_async.client.MemoryRateLimiter", lambda: MemoryRateLimiter(1))

    result = cli("history", "--start", "2026-11-20")

    assert result.code == 1
    assert "allowed in an hour are used up. Try again in" in result.err
    assert "max_wait" not in result.err
