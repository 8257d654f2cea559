"""The command `mirror`."""

import datetime as dt
import re
import signal
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from exist_async.sandbox import Sandbox
from support import Mount

TODAY = dt.date(2026, 11, 21)


@pytest.fixture
def tracked(sandbox: Sandbox) -> Sandbox:
    for template in ("steps", "sleep"):
        sandbox.add_attribute(template=template)
        sandbox.set_values(template, {TODAY - dt.timedelta(days=days): days for days in range(200)})
    return sandbox


@pytest.fixture
def long_tracked(tracked: Sandbox) -> Sandbox:
    """A sandbox with years of values, which take 40 requests."""
    for name in ("steps", "sleep"):
        tracked.set_values(name, {TODAY - dt.timedelta(days=days): days for days in range(2000)})
    return tracked


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "exist.db"


def values(file: Path, attribute: str) -> dict[str, Any]:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        return dict(connection.execute("SELECT date, number FROM value WHERE attribute = ?", (attribute,)))


def answered(sandbox: Sandbox) -> int:
    return len(sandbox.requests)


def test_the_first_run_copies_everything_and_one_line_says_what(cli: Callable, tracked: Sandbox, file: Path) -> None:
    result = cli("mirror", str(file))

    assert (result.code, result.out) == (0, "")
    match = re.fullmatch(
        re.escape(f"{file}: 400 new and 0 changed values in ")
        + r"(\d+) requests · values from (\S+), all as they were "
        r"on 2026-11-\d\d \d\d:\d\d or later · \d+ more runs? will have read all again\n",
        result.err,
    )
    assert match, result.err
    assert int(match[1]) == answered(tracked)
    assert match[2] < "2026-05-06"
    assert values(file, "steps") == {day.isoformat(): value for day, value in tracked.values("steps").items()}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_next_run_reads_what_may_have_changed(cli: Callable, tracked: Sandbox, file: Path) -> None:
    assert cli("mirror", str(file), "--since", "2026-01-01").code == 0
    tracked.reset_requests()
    tracked.set_values("steps", {TODAY: 12, TODAY - dt.timedelta(days=3): 13})

    result = cli("mirror", str(file), "--since", "2026-01-01")

    assert result.err.startswith(
        f"{file}: 0 new and 2 changed values in {answered(tracked)} requests · values from 2026-"
    )
    assert values(file, "steps")[TODAY.isoformat()] == 12


def test_the_option_of_the_rotation_is_not_the_budget(cli: Callable, tracked: Sandbox, file: Path) -> None:
    arguments = ("mirror", str(file), "--since", "2025-01-01", "--no-parts")
    assert cli(*arguments).code == 0
    counts = []
    for requests in ("0", "1", "4"):
        tracked.reset_requests()
        result = cli(*arguments, "--reread-requests", requests, "--budget", "300/60")
        assert ("will have read all again" in result.err) == (requests != "0")
        counts.append(answered(tracked))

    assert counts[0] < counts[1] < counts[2] <= counts[0] + 4


def test_the_days_that_each_run_reads_again_can_be_chosen(cli: Callable, tracked: Sandbox, file: Path) -> None:
    arguments = ("mirror", str(file), "--since", "2026-05-01", "--reread-requests", "0")
    assert cli(*arguments).code == 0
    edited = TODAY - dt.timedelta(days=40)
    tracked.set_values("steps", {edited: 99_999})

    assert ": 0 new and 0 changed values in " in cli(*arguments).err
    assert ": 0 new and 1 changed values in " in cli(*arguments, "--days", "60").err
    assert values(file, "steps")[edited.isoformat()] == 99_999


@pytest.mark.parametrize(
    ("options", "paths"),
    [
        ((), {"averages", "correlations", "insights"}),
        (("--no-parts",), set()),
        (("--parts", "averages,insights"), {"averages", "insights"}),
        (("--parts", "averages", "--parts", "correlations"), {"averages", "correlations"}),
    ],
)
def test_what_is_read_besides_values_can_be_chosen(
    cli: Callable, tracked: Sandbox, file: Path, options: tuple[str, ...], paths: set[str]
) -> None:
    assert cli("mirror", str(file), *options).code == 0
    read = {request.path.removeprefix("/api/2/").split("/")[0] for request in tracked.requests}

    assert read & {"averages", "correlations", "insights"} == paths


def test_attributes_that_can_not_be_read_any_more_are_named(cli: Callable, tracked: Sandbox, file: Path) -> None:
    assert cli("mirror", str(file)).code == 0
    next(each for each in tracked.user.attributes if each.name == "sleep").active = False

    result = cli("mirror", str(file))

    assert result.code == 0
    assert result.err.endswith(" · not accessible now: sleep\n")
    assert len(values(file, "sleep")) == 200


def test_of_many_such_attributes_five_are_named(cli: Callable, tracked: Sandbox, file: Path) -> None:
    for n in range(7):
        tracked.add_attribute(name=f"old_{n}", active=False)

    assert cli("mirror", str(file)).err.endswith(
        " · not accessible now: old_0, old_1, old_2, old_3, old_4 and 2 more\n"
    )


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "mirror needs FILE"),
        (["exist.db", "--days", "0"], 'Invalid value "0" for --days. Must be >= 1.'),
        (["exist.db", "--reread-requests", "-1"], 'Invalid value "-1" for --reread-requests. Must be >= 0.'),
        (
            ["exist.db", "--since", "2016"],
            'Invalid value "2016" for --since. Write a day as YYYY-MM-DD, today or yesterday.',
        ),
    ],
)
def test_a_wrong_command_line_is_reported_in_one_line(cli: Callable, arguments: list[str], line: str) -> None:
    assert cli("mirror", *arguments) == (2, "", f"exist-async: {line}\n")


def test_unknown_parts_are_refused_before_anything_is_sent(cli: Callable, tracked: Sandbox, file: Path) -> None:
    result = cli("mirror", str(file), "--parts", "averages,dreams")

    assert (result.code, result.out) == (2, "")
    assert result.err == "exist-async: --parts takes some of averages, correlations, insights, not 'dreams'\n"
    assert tracked.requests == []
    assert not file.exists()


def test_a_file_that_is_no_mirror_is_refused_and_kept(cli: Callable, tracked: Sandbox, file: Path) -> None:
    file.write_text("precious " * 1000)

    result = cli("mirror", str(file))

    assert (result.code, result.out, result.err.count("\n")) == (1, "", 1)
    assert str(file) in result.err
    assert result.err.endswith(". Run exist-async mirror with another file\n")
    assert file.read_text() == "precious " * 1000


def test_on_a_full_disk_it_says_to_run_the_command_again(
    cli: Callable, tracked: Sandbox, mount: Mount, tmp_path: Path
) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    mount("-t", "tmpfs", "-o", "size=100k", "tmpfs", str(folder))

    result = cli("mirror", str(folder / "exist.db"))

    assert (result.code, result.out, result.err.count("\n")) == (1, "", 1)
    assert result.err.endswith("its disk is full. Make space, and run the command again\n")


def test_the_mirror_of_another_user_is_refused_with_both_names(
    cli: Callable, tracked: Sandbox, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli("mirror", str(file)).code == 0
    grace = tracked.add_user("grace")
    monkeypatch.setenv("EXIST_TOKEN", tracked.issue_token(grace))

    result = cli("mirror", str(file))

    assert (result.code, result.err.count("\n")) == (1, 1)
    assert "grace" in result.err
    assert str(tracked.user.username) in result.err


def test_without_a_token_nothing_is_created(cli: Callable, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EXIST_TOKEN")

    result = cli("mirror", str(file))

    assert (result.code, result.err.count("\n")) == (1, 1)
    assert "You are not signed in" in result.err
    assert not file.exists()


@pytest.mark.parametrize("runs", [0, 1])
def test_an_error_before_anything_was_read_does_not_say_that_it_was_kept(
    cli: Callable, tracked: Sandbox, file: Path, monkeypatch: pytest.MonkeyPatch, runs: int
) -> None:
    for _ in range(runs):
        assert cli("mirror", str(file)).code == 0
    monkeypatch.setenv("EXIST_TOKEN", "wrong")

    result = cli("mirror", str(file))

    assert (result.code, result.out, result.err.count("\n")) == (1, "", 1)
    assert "401" in result.err


def test_when_the_budget_is_spent_it_keeps_what_was_read_and_the_next_run_goes_on(
    cli: Callable, long_tracked: Sandbox, file: Path
) -> None:
    arguments = ("mirror", str(file), "--since", "2021-01-01", "--no-parts")
    assert cli(*arguments[:1], str(file.with_name("other.db")), *arguments[2:], "--budget", "300/61").code == 0
    minimum = answered(long_tracked)
    long_tracked.reset_requests()

    result = cli(*arguments, "--no-wait", "--budget", "20/3600")

    assert (result.code, result.out) == (1, "")
    assert result.err.splitlines() == [
        f"exist-async: {file} keeps what was read: run the same command again to go on where it stopped",
        result.err.splitlines()[1],
        "exist-async: To wait until more requests are allowed, add --wait.",
    ]
    assert "exist-async: this hour's requests are used up. Try again in " in result.err
    assert 0 < len(values(file, "steps")) < 2000
    assert answered(long_tracked) == 20
    assert cli(*arguments, "--budget", "300/62").code == 0
    assert values(file, "steps") == {
        day.isoformat(): value for day, value in long_tracked.values("steps").items() if day.year > 2020
    }
    # The profile and the listing of the second run, and what was in flight at the end of the first.
    assert answered(long_tracked) <= minimum + 3 + 8


# As processes


@pytest.mark.slow
def test_after_ctrl_c_it_keeps_what_was_read_and_says_how_to_go_on(
    start: Callable, wait_until: Callable, cli: Callable, long_tracked: Sandbox, file: Path
) -> None:
    long_tracked.latency = 0.3
    running = start("mirror", str(file), "--since", "2021-01-01", "--no-parts")
    wait_until(lambda: file.exists() and len(long_tracked.requests) > 15)
    running.send_signal(signal.SIGINT)

    out, err = running.communicate(timeout=20)
    assert (running.returncode, out) == (130, b"")
    assert err.decode() == (
        f"exist-async: {file} keeps what was read: run the same command again to go on where it stopped\n"
    )
    assert len(values(file, "steps")) > 0
    long_tracked.latency = 0.0
    assert cli("mirror", str(file), "--since", "2021-01-01").code == 0
    assert len(values(file, "steps")) == 2000


@pytest.mark.slow
def test_a_second_run_at_the_same_time_ends_at_once(
    start: Callable, wait_until: Callable, cli: Callable, long_tracked: Sandbox, file: Path
) -> None:
    long_tracked.latency = 0.5
    running = start("mirror", str(file), "--since", "2021-01-01")
    wait_until(lambda: file.exists() and len(long_tracked.requests) > 3)
    long_tracked.latency = 0.0

    result = cli("mirror", str(file))

    assert (result.code, result.out) == (1, "")
    assert result.err == (
        f"exist-async: another pull into the mirror {file} is running, in this program or another: wait until it has "
        "ended\n"
    )
    assert running.wait(40) == 0


@pytest.mark.slow
def test_it_waits_for_the_next_hour_also_without_a_terminal(start: Callable, tracked: Sandbox, file: Path) -> None:
    tracked.fail_next(status=429, headers={"Retry-After": "600"})

    running = start("mirror", str(file), text=True)

    assert ": waiting until " in running.stderr.readline()


@pytest.mark.slow
def test_in_a_terminal_it_shows_how_many_of_the_requests_are_done(
    open_terminal: Callable, long_tracked: Sandbox, file: Path
) -> None:
    long_tracked.latency = 0.2
    terminal = open_terminal("mirror", str(file), "--since", "2021-01-01", "--no-parts")

    assert terminal.read_to_end() == 0
    shown = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", terminal.screen)
    done = [(int(count), int(total)) for count, total in re.findall(r"Reading .*? (\d+)/(\d+)", shown)]
    assert done
    assert done == sorted(done)
    assert all(count <= total for count, total in done)
    assert shown.splitlines()[-1].startswith(
        f"{file}: 4,000 new and 0 changed values in {len(long_tracked.requests)} requests"
    )
