"""The option `--wait`: it waits for the hourly budget, and says so."""

from collections.abc import Callable
from functools import partial

import pytest

from exist_async import MemoryRateLimiter
from exist_async.cli import waiting
from exist_async.sandbox import Sandbox

TOLD = "exist-async: this hour's requests are used up: waiting for the next ones. Ctrl-C ends it.\n"


@pytest.fixture
def filled(sandbox: Sandbox) -> Sandbox:
    sandbox.add_attribute(template="sleep")
    return sandbox


def test_it_says_once_that_it_waits_when_exist_lets_no_more_in(cli: Callable, filled: Sandbox) -> None:
    filled.fail_next(2, status=429, headers={"Retry-After": "0"})

    ran = cli("history", "--start", "2026-11-20", "--wait")

    assert (ran.code, ran.err) == (0, TOLD)


def test_it_says_that_it_waits_when_its_own_requests_are_used_up(
    cli: Callable, filled: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "MemoryRateLimiter", partial(MemoryRateLimiter, 1, 0.1))

    ran = cli("history", "--start", "2026-01-01", "--wait")

    assert (ran.code, ran.err) == (0, TOLD)


def test_without_waiting_it_says_nothing(cli: Callable, filled: Sandbox) -> None:
    ran = cli("history", "--start", "2026-11-20", "--wait")

    assert (ran.code, ran.err) == (0, "")


def test_without_the_option_it_ends_when_it_would_have_to_wait_long(cli: Callable, filled: Sandbox) -> None:
    filled.fail_next(status=429, headers={"Retry-After": "600"})

    ran = cli("history", "--start", "2026-11-20")

    assert ran.code == 1
    assert "Call again then" in ran.err
