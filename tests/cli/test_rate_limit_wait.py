"""The hour's requests: commands count them over all runs, and wait for more or end."""

import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from exist_async import RateLimitError
from exist_async.cli.budget import Budget
from exist_async.cli.error_text import describe_error
from exist_async.cli.rate_limit_wait import CommandLimiter
from exist_async.sandbox import Sandbox

NOTICE = re.compile(
    r"exist-async: this hour's requests are used up: waiting until \d\d:\d\d:\d\d( \(0/1\))?\. Press Ctrl-C to stop\.\n"
)
ADVICE = "exist-async: To wait until more requests are allowed, add --wait.\n"


@pytest.fixture
def filled(sandbox: Sandbox) -> Sandbox:
    sandbox.add_attribute(template="sleep", service=sandbox.service)
    return sandbox


class FastClock:
    """The clocks of a limiter: time passes only while it waits."""

    def __init__(self) -> None:
        # A morning in summer, far from midnight: the tests' own time zone is the machine's.
        self.now = time.mktime((2026, 6, 1, 9, 0, 0, 0, 0, -1))
        self.start = self.now

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def fast() -> FastClock:
    return FastClock()


@pytest.fixture
def limiter(token_file: Path, fast: FastClock) -> Callable[..., CommandLimiter]:
    """Make the limiter of a command, with the clocks of the test."""

    def make(budget: Budget, account: str = "ada", *, notices: bool = True) -> CommandLimiter:
        return CommandLimiter(budget, account, notices=notices, clock=fast, wall_clock=fast, sleep=fast.sleep)

    return make


# Waiting


def test_the_notice_is_printed_once_when_exist_answers_429(cli: Callable, filled: Sandbox) -> None:
    filled.fail_next(2, status=429, headers={"Retry-After": "0"})

    result = cli("history", "--start", "2026-11-20", "--wait")

    assert result.code == 0
    assert NOTICE.fullmatch(result.err)


async def test_a_long_wait_is_told_once_in_ten_minutes_with_its_end(
    limiter: Callable, fast: FastClock, capsys: pytest.CaptureFixture[str]
) -> None:
    shared = limiter(Budget(1, 1500))
    await shared.acquire("user", max_wait=None)

    await shared.acquire("user", max_wait=None)

    assert fast.now - fast.start == pytest.approx(1500, abs=0.1)
    notice = "exist-async: the budget of 1/1500 is used up: waiting until 09:25. Press Ctrl-C to stop.\n"
    assert capsys.readouterr().err == 3 * notice
    assert shared.next_at is None


async def test_a_command_that_does_not_wait_prints_no_notice_and_is_told_when_to_come_again(
    limiter: Callable, fast: FastClock, capsys: pytest.CaptureFixture[str]
) -> None:
    shared = limiter(Budget(1, 3600), notices=False)
    await shared.acquire("user", max_wait=60.0)

    with pytest.raises(RateLimitError) as caught:
        await shared.acquire("user", max_wait=60.0)

    assert caught.value.retry_after == pytest.approx(3600, abs=61)
    assert (fast.now, capsys.readouterr().err) == (fast.start, "")


def test_without_a_wait_no_notice_is_printed(cli: Callable, filled: Sandbox) -> None:
    result = cli("history", "--start", "2026-11-20", "--wait")

    assert (result.code, result.err) == (0, "")


COMMANDS = [
    ["history", "--start", "2026-11-20"],
    ["values", "sleep"],
    ["owned"],
    ["whoami"],
    ["acquire", "steps"],
    ["release", "sleep"],
    ["increment", "sleep", "1"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_every_command_waits_with_the_option(cli: Callable, filled: Sandbox, command: list[str]) -> None:
    filled.fail_next(status=429, headers={"Retry-After": "1"})

    result = cli(*command, "--wait")

    assert result.code == 0
    assert NOTICE.fullmatch(result.err)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_with_no_wait_every_command_ends_at_the_limit_and_names_the_option_once(
    cli: Callable, filled: Sandbox, command: list[str]
) -> None:
    filled.fail_next(status=429, headers={"Retry-After": "1"})

    result = cli(*command, "--no-wait")

    assert result.code == 1
    assert result.err == (
        "exist-async: the service accepts no more requests of this user for now (429: Too Many Requests). Try again in "
        f"1 s\n{ADVICE}"
    )


def test_without_a_terminal_a_command_waits_a_minute_at_most(cli: Callable, filled: Sandbox) -> None:
    filled.fail_next(status=429, headers={"Retry-After": "1"})
    short = cli("whoami")
    filled.fail_next(status=429, headers={"Retry-After": "61"})
    long = cli("whoami")

    assert (short.code, short.err) == (0, "")
    assert (long.code, long.err.endswith(f"Try again in 61 s\n{ADVICE}")) == (1, True)


def test_in_a_terminal_a_command_waits_by_default(open_terminal: Callable, sandbox: Sandbox) -> None:
    assert open_terminal("whoami", "--budget", "1/8").read_to_end() == 0
    terminal = open_terminal("whoami", "--budget", "1/8")

    assert terminal.read_to_end() == 0
    assert re.search(r"the budget of 1/8 is used up: waiting until [\d:]+\. Press Ctrl-C to stop\.", terminal.screen)
    assert "ada" in terminal.screen


def test_for_a_file_update_waits_by_default_and_for_a_pipe_a_minute_at_most(
    cli: Callable, filled: Sandbox, tmp_path: Path, standard_input: Callable
) -> None:
    file = tmp_path / "values.csv"
    file.write_text("sleep,2026-11-20,7\n")
    filled.fail_next(status=429, headers={"Retry-After": "1"})
    from_file = cli("update", str(file))
    filled.fail_next(status=429, headers={"Retry-After": "1"})
    standard_input(file.read_bytes())
    from_redirected_file = cli("update")
    reading, writing = os.pipe()
    os.write(writing, file.read_bytes())
    os.close(writing)
    os.dup2(reading, 0)
    os.close(reading)
    filled.fail_next(status=429, headers={"Retry-After": "61"})
    from_pipe = cli("update")

    for result in (from_file, from_redirected_file):
        assert result.code == 0
        assert NOTICE.fullmatch(result.err)
    assert (from_pipe.code, from_pipe.err.endswith(ADVICE)) == (1, True)


def test_at_the_limit_a_write_lists_no_unsent_line_and_names_the_reason_and_the_option_once(
    cli: Callable, filled: Sandbox, tmp_path: Path
) -> None:
    file = tmp_path / "values.csv"
    file.write_text("".join(f"sleep,{2000 + n // 28}-02-{n % 28 + 1:02},7\n" for n in range(140)))

    # One request tells the account, one lists the owned attributes, one writes 35 values.
    result = cli("update", str(file), "--no-wait", "--budget", "3/3600")

    assert result.code == 1
    assert [line.split() for line in result.out.splitlines()][-2:] == [["written", "35"], ["not", "sent", "105"]]
    assert "sleep" not in result.out
    assert re.fullmatch(
        r"exist-async: this hour's requests are used up\. Try again in 60 min\n"
        rf"exist-async: Run the same command again to go on\.\n{ADVICE}",
        result.err,
    )
    assert "max_wait" not in result.out + result.err


def test_an_increment_at_the_limit_names_the_option_and_adds_nothing(cli: Callable, filled: Sandbox) -> None:
    # One request is for the user's current day.
    result = cli("increment", "sleep", "1", "--budget", "1/3600", "--no-wait")

    assert (result.code, result.out) == (1, "")
    assert result.err == f"exist-async: this hour's requests are used up. Try again in 60 min\n{ADVICE}"
    assert [request.method for request in filled.requests] == ["GET"]


def test_ctrl_c_ends_a_wait_at_once(start: Callable, cli: Callable, sandbox: Sandbox) -> None:
    cli("whoami", "--budget", "1/3600")
    waiting = start("whoami", "--budget", "1/3600", "--wait")
    notice = waiting.stderr.readline()
    waiting.send_signal(signal.SIGINT)

    assert waiting.wait(timeout=20) == 130
    assert b"this hour's requests are used up: waiting until " in notice
    assert waiting.stderr.read() == b""


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            RateLimitError("The budget of 300 requests in 3600 s is spent: the next …", retry_after=0.2),
            "this hour's requests are used up. Try again in 1 s",
        ),
        (
            RateLimitError("The budget of 300 requests in 20 s is spent: the next …", retry_after=0.2),
            "the budget of 300/20 is used up. Try again in 1 s",
        ),
        (
            RateLimitError("…", retry_after=600),
            "the requests that are allowed for now are used up. Try again in 10 min",
        ),
        (
            RateLimitError("…", status_code=429),
            "the service accepts no more requests of this user for now (429). Try again later",
        ),
    ],
)
def test_a_rate_limit_is_described_without_arguments_of_python(error: RateLimitError, text: str) -> None:
    assert describe_error(error) == text


def test_what_exist_says_at_its_limit_is_printed_in_one_safe_line(cli: Callable, filled: Sandbox) -> None:
    filled.fail_next(status=429, headers={"Retry-After": "90"}, json={"detail": "Slow down.\x1b[2J"})

    assert "for now (429: Slow down.\\x1b[2J). Try again in 90 s\n" in cli("owned").err


# The hour's requests over several runs


def test_runs_one_after_another_share_the_budget(cli: Callable, filled: Sandbox) -> None:
    first, second, third = (cli("whoami", "--budget", "2/3600") for _ in range(3))

    assert (first.code, second.code, third.code) == (0, 0, 1)
    assert third.err == f"exist-async: this hour's requests are used up. Try again in 60 min\n{ADVICE}"
    assert len(filled.requests) == 2


def test_the_file_with_the_requests_is_private_and_contains_no_token(
    cli: Callable, sandbox: Sandbox, tmp_path: Path
) -> None:
    cli("whoami")

    (file,) = (tmp_path / "state" / "exist-async").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert sandbox.token.encode() not in file.read_bytes()


def test_accounts_and_services_have_budgets_of_their_own(
    cli: Callable, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = sandbox.issue_token(sandbox.add_user("bob"))
    options = ("--budget", "1/3600", "--no-wait")
    codes = [cli("whoami", *options).code]
    monkeypatch.setenv("EXIST_TOKEN", bob)
    codes += [cli("whoami", *options).code, cli("whoami", *options).code]
    monkeypatch.setenv("EXIST_BASE_URL", os.environ["EXIST_BASE_URL"].replace("127.0.0.1", "localhost"))
    codes += [cli("whoami", *options).code, cli("whoami", *options).code]

    assert codes == [0, 0, 1, 0, 1]


def test_a_token_has_the_same_budget_with_and_without_its_kind_and_for_another_spelling_of_the_service(
    cli: Callable, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--budget", "1/3600", "--no-wait")
    codes = [cli("whoami", *options).code]
    monkeypatch.setenv("EXIST_TOKEN", f"Bearer {sandbox.token}")
    codes.append(cli("whoami", *options).code)
    monkeypatch.setenv("EXIST_BASE_URL", os.environ["EXIST_BASE_URL"].replace("http:", "HTTP:"))
    codes.append(cli("whoami", *options).code)

    assert codes == [0, 1, 1]


def test_a_stored_login_keeps_its_budget_when_its_token_is_renewed(
    login: Callable, cli: Callable, sandbox: Sandbox
) -> None:
    login()
    options = ("--budget", "3/3600", "--no-wait")
    codes = [cli("whoami", *options).code]
    # The next run sends its request with the old token, renews it, and sends the request again.
    sandbox.expire_tokens()
    sandbox.reset_requests()
    codes += [cli("whoami", *options).code, cli("whoami", *options).code]

    assert codes == [0, 0, 1]
    assert any(request.path.endswith("/oauth2/access_token") for request in sandbox.requests)


def test_a_period_has_a_count_of_its_own_which_removes_nothing_from_that_of_a_longer_one(
    cli: Callable, sandbox: Sandbox
) -> None:
    budgets = ["1/3600", "1/1", "1/3600"]

    assert [cli("whoami", "--budget", budget, "--no-wait").code for budget in budgets] == [0, 0, 1]


def test_a_smaller_number_of_requests_counts_those_of_the_same_period(cli: Callable, sandbox: Sandbox) -> None:
    budgets = ["300/3600", "1/3600", "300/3600"]

    assert [cli("whoami", "--budget", budget, "--no-wait").code for budget in budgets] == [0, 1, 0]


@pytest.mark.parametrize(
    "budget", ["300", "0/3600", "300/0", "-1/20", "300/20/1", "1e3/20", "300/inf", "300/0.5", "", "٣/20"]
)
def test_a_budget_of_another_form_is_refused_with_an_example(cli: Callable, sandbox: Sandbox, budget: str) -> None:
    result = cli("whoami", f"--budget={budget}")

    assert (result.code, result.err) == (
        2,
        (
            "exist-async: Invalid value for --budget: Write a number of requests and a number of seconds, such as "
            "300/3600.\n"
        ),
    )
    assert sandbox.requests == []


# A folder or file that can't be used


def test_a_folder_that_cannot_be_created_is_told_and_does_not_stop_a_command(
    cli: Callable, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))

    result = cli("values", "sleep")

    assert (result.code, result.err.count("\n")) == (1, 2)
    assert (
        "can't be created: Not a directory. Set XDG_STATE_HOME to a folder that can be written. Until then, only"
        in result.err
    )
    assert len(sandbox.requests) == 1


def test_a_damaged_file_is_told_once_and_only_this_run_is_counted(
    cli: Callable, filled: Sandbox, tmp_path: Path
) -> None:
    folder = tmp_path / "state" / "exist-async"
    folder.mkdir(parents=True)
    (folder / "requests-3600s.db").write_bytes(b"no database " * 1000)

    result = cli("values", "sleep", "--budget", "2/3600", "--no-wait")

    assert result.code == 1
    lines = result.err.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("exist-async: The budget file ")
    assert lines[0].endswith("if it is damaged, delete it. Until then, only the requests of this run are counted.")
    assert lines[1].startswith("exist-async: this hour's requests are used up. Try again in ")
    assert len(filled.requests) == 2


def test_a_damaged_file_is_told_once_by_requests_at_the_same_time_which_share_one_budget(
    cli: Callable, sandbox: Sandbox, tmp_path: Path
) -> None:
    folder = tmp_path / "state" / "exist-async"
    folder.mkdir(parents=True)
    (folder / "requests-3600s.db").write_bytes(b"no database " * 1000)

    # Four requests of 35 names.
    result = cli("release", *(f"name_{number}" for number in range(140)), "--budget", "2/3600", "--no-wait")

    assert result.err.count("only the requests of this run are counted") == 1
    assert len(sandbox.requests) == 2


async def test_a_file_that_fails_after_a_request_is_told_with_its_reason(
    limiter: Callable, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shared = limiter(Budget(300, 3600))
    await shared.acquire("user", max_wait=None)
    (tmp_path / "state" / "exist-async" / "requests-3600s.db").write_bytes(b"no database " * 1000)

    await shared.refund("user", hold=0.0)
    await shared.acquire("user", max_wait=None)

    assert "can't be used: file is not a database. Check that it can be written" in capsys.readouterr().err
