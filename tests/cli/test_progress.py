"""The progress of long commands: how much is done, when the next request can be sent, and when all will be done."""

import asyncio
import datetime as dt
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from exist_async.cli.budget import EXIST_BUDGET, Budget
from exist_async.cli.local_time import describe_time
from exist_async.cli.progress import WorkInProgress, progress_bar, request_progress
from exist_async.cli.rate_limit_wait import CommandLimiter, current_limiter
from exist_async.events import AttemptEvent
from exist_async.sandbox import Sandbox

ANSWER = AttemptEvent("POST", "/api/2/attributes/update/", None, 1, 0.1, 202, None)


def local(*fields: int) -> float:
    """Return a moment of this machine's time zone in seconds since the epoch."""
    return time.mktime((*fields, *(0,) * (8 - len(fields)), -1))


class FastClock:
    """The clocks of a limiter: time passes only while it waits."""

    def __init__(self, now: float) -> None:
        self.now = now
        self.on_sleep: Callable[[], object] = lambda: None

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.on_sleep()
        await asyncio.sleep(0)
        self.now += seconds


@pytest.fixture
def evening() -> FastClock:
    return FastClock(local(2026, 6, 1, 22, 41))


@pytest.fixture
def limiter(token_file: Path, evening: FastClock) -> Callable[..., CommandLimiter]:
    """Make the limiter of the command that is running, with the clocks of the test."""

    def make(budget: Budget = EXIST_BUDGET, *, notices: bool = True) -> CommandLimiter:
        made = CommandLimiter(budget, "ada", notices=notices, clock=evening, wall_clock=evening, sleep=evening.sleep)
        current_limiter.set(made)
        return made

    return make


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        ((2026, 6, 1, 22, 41, 7), "22:41:07"),
        ((2026, 6, 1, 22, 41, 59), "22:41:59"),
        ((2026, 6, 1, 22, 42, 0), "22:42"),
        ((2026, 6, 1, 23, 59, 59), "23:59"),
        ((2026, 6, 2, 0, 0, 0), "tomorrow 00:00"),
        ((2026, 6, 2, 23, 59, 0), "tomorrow 23:59"),
        ((2026, 6, 3, 5, 40, 0), "2026-06-03 05:40"),
        ((2027, 6, 1, 22, 50, 0), "2027-06-01 22:50"),
        ((9998, 1, 1, 0, 0, 0), "9998-01-01 00:00"),
    ],
)
def test_a_time_of_another_day_names_the_day_and_a_near_one_has_seconds(moment: tuple[int, ...], text: str) -> None:
    assert describe_time(local(*moment), local(2026, 6, 1, 22, 41)) == text


def test_a_time_that_python_has_no_date_for_is_a_late_one() -> None:
    assert describe_time(1e18, local(2026, 6, 1, 22, 41)).startswith("9998-")


async def test_while_it_waits_the_progress_has_the_next_request_and_the_end(
    limiter: Callable, evening: FastClock, capsys: pytest.CaptureFixture[str]
) -> None:
    shared = limiter()
    work = WorkInProgress(73_010, limiter=shared)
    shown: list[str] = []
    evening.on_sleep = lambda: shown.append(work.describe(evening.now))
    with shared.working(work, is_shown=False):
        for _ in range(299):
            await shared.acquire("ada", max_wait=None)
            shared.on_event(ANSWER)
        work.items_done = 299 * 35
        await shared.acquire("ada", max_wait=None)
        await shared.acquire("ada", max_wait=None)

    # After these 300 requests, 1,787 are left, for six hours: 300 can be sent in each, from 23:41 on.
    assert shown[0] == shown[58] == "10,465/73,010 · next at 23:41 · done about tomorrow 04:41"
    notices = capsys.readouterr().err.splitlines()
    assert len(notices) == 6
    until = "waiting until 23:41 (10,465/73,010 · done about tomorrow 04:41)"
    assert set(notices) == {f"exist-async: this hour's requests are used up: {until}. Press Ctrl-C to stop."}
    assert work.describe(evening.now) == "10,465/73,010"


async def test_before_the_budget_is_used_up_the_end_is_known_if_the_work_takes_more_than_is_left(
    limiter: Callable, evening: FastClock
) -> None:
    shared = limiter()
    for _ in range(100):
        await shared.acquire("ada", max_wait=None)
        shared.on_event(ANSWER)
    for items, expected in [
        (200 * 35, ""),
        (500 * 35, " · done about 23:41"),
        (501 * 35, " · done about tomorrow 00:41"),
    ]:
        work = WorkInProgress(items, limiter=shared)
        with shared.working(work, is_shown=False):
            await shared._forecast()
            assert work.describe(evening.now) == f"0/{items:,}{expected}"


async def test_the_requests_that_are_left_are_estimated_from_the_items_in_those_that_were_answered(
    limiter: Callable,
) -> None:
    shared = limiter()
    shared.on_event(ANSWER)
    with progress_bar("Writing", 1000, done=200) as advance:
        assert shared._work.requests_left == 23  # of 35 items each
        for _ in range(2):
            shared.on_event(ANSWER)
        for _ in range(40):
            advance(None)

        assert (shared._work.count, shared._work.requests_left) == ("240/1,000", 38)


async def test_attempts_that_exist_did_not_carry_out_are_no_progress(limiter: Callable) -> None:
    shared = limiter()
    with request_progress("Reading") as work:
        work.total = 10
        for status in (None, 429, 500, 503, 200, 404):
            shared.on_event(AttemptEvent("GET", "/", None, 1, 0.1, status, None))

        assert (work.count, work.requests_left) == ("2/10", 8)


async def test_more_requests_than_were_planned_are_not_more_than_all(limiter: Callable) -> None:
    shared = limiter()
    with request_progress("Reading") as work:
        work.total = 1
        for _ in range(2):
            shared.on_event(ANSWER)

        assert (work.count, work.requests_left) == ("1/1", 0)


async def test_once_there_are_more_requests_than_were_estimated_the_total_is_not_known(limiter: Callable) -> None:
    shared = limiter()
    with request_progress("Reading", is_estimate=True) as work:
        work.total = 1
        shared.on_event(ANSWER)
        assert (work.count, work.requests_left) == ("1/1", 0)
        shared.on_event(ANSWER)
        assert (work.count, work.requests_left) == ("2/?", None)
        work.total = 3
        assert (work.count, work.requests_left) == ("2/3", 1)


async def test_after_the_block_notices_have_no_count(
    limiter: Callable, evening: FastClock, capsys: pytest.CaptureFixture[str]
) -> None:
    shared = limiter(Budget(1, 600))
    with progress_bar("Writing", 1000):
        await shared.acquire("ada", max_wait=None)
    await shared.acquire("ada", max_wait=None)

    assert capsys.readouterr().err == (
        "exist-async: the budget of 1/600 is used up: waiting until 22:51. Press Ctrl-C to stop.\n"
    )


@pytest.mark.parametrize(("variable", "value"), [("TERM", "dumb"), ("TERM", "unknown"), ("TTY_COMPATIBLE", "0")])
async def test_a_terminal_that_can_show_no_bar_gets_each_notice(
    limiter: Callable, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv(variable, value)
    shared = limiter(Budget(1, 1500))
    with progress_bar("Writing", 35):
        await shared.acquire("ada", max_wait=None)
        await shared.acquire("ada", max_wait=None)

    assert capsys.readouterr().err.count("waiting until ") == 3


async def test_requests_in_flight_are_not_sent_once_more_in_the_estimate(limiter: Callable, evening: FastClock) -> None:
    shared = limiter(Budget(2, 600), notices=False)
    work = WorkInProgress(105, limiter=shared)
    shown: list[str] = []
    evening.on_sleep = lambda: shown.append(work.describe(evening.now))
    with shared.working(work, is_shown=True):
        for _ in range(3):
            await shared.acquire("ada", max_wait=None)

    # Of the three requests that 105 items take, two are in flight.
    assert shown[0] == "0/105 · next at 22:51 · done about 22:51"


async def test_an_end_that_is_past_is_not_shown(limiter: Callable, evening: FastClock) -> None:
    shared = limiter(Budget(1, 600), notices=False)
    work = WorkInProgress(140, limiter=shared)
    with shared.working(work, is_shown=True):
        await shared.acquire("ada", max_wait=None)
        await shared.acquire("ada", max_wait=None)
        assert shared.done_at is not None

        assert work.describe(shared.done_at - 1) == "0/140 · done about 23:11:00"
        assert work.describe(shared.done_at) == "0/140"


async def test_several_requests_that_wait_show_the_first(limiter: Callable, evening: FastClock) -> None:
    shared = limiter(Budget(1, 600), notices=False)
    await shared.acquire("ada", max_wait=None)
    shown: list[float | None] = []
    evening.on_sleep = lambda: shown.append(shared.next_at)
    await asyncio.gather(*(shared.acquire("ada", max_wait=None) for _ in range(3)))

    start = local(2026, 6, 1, 22, 41)
    assert sorted(set(shown)) == [pytest.approx(start + 600 * number, abs=1) for number in (1, 2, 3)]


def test_in_a_terminal_the_bar_shows_the_count_the_next_request_and_the_end(
    open_terminal: Callable, sandbox: Sandbox
) -> None:
    # Three requests, of which one has to wait.
    terminal = open_terminal("release", *(f"name_{number}" for number in range(105)), "--budget", "2/15")

    assert terminal.read_to_end() == 1
    assert len(sandbox.requests) == 3
    screen = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", terminal.screen)
    assert re.search(r"Releasing .*70/105 · next at \d\d:\d\d:\d\d · done about \d\d:\d\d:\d\d \d:\d\d:\d\d", screen)
    # Above the bar; once, as the bar goes on to show it.
    assert screen.count("the budget of 2/15 is used up: waiting until ") == 1
    assert screen.rstrip().splitlines()[-1].split() == ["refused", "105"]


@pytest.mark.parametrize("output_format", ["csv", "table", "jsonl"])
def test_values_go_to_the_file_of_standard_output_while_the_bar_is_in_the_terminal(
    open_terminal: Callable, cli: Callable, sandbox: Sandbox, tmp_path: Path, output_format: str
) -> None:
    sandbox.add_attribute(template="steps", service=sandbox.service)
    sandbox.set_value("steps", dt.date(2026, 11, 20), 8123)
    command = ("history", "--start", "2026-11-20", "--end", "2026-11-21", "--format", output_format)
    expected = cli(*command).out
    # So the bar is there before the first value.
    sandbox.fail_next(status=429, headers={"Retry-After": "2"})
    with (tmp_path / "values").open("w") as file:
        terminal = open_terminal(*command, stdout=file)
        assert terminal.read_to_end() == 0

    assert "Reading " in terminal.screen
    assert "8123" not in terminal.screen
    assert (tmp_path / "values").read_text() == expected
