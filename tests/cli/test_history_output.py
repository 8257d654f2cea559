"""The option `--output` of `history`: the file is whole or not there, and a second run goes on."""

import datetime as dt
import errno
import fcntl
import os
import random
import re
import signal
import stat
import subprocess
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from exist_async.sandbox import Sandbox
from support import Mount

TODAY = dt.date(2026, 11, 21)


def back(days: int) -> dt.date:
    return TODAY - dt.timedelta(days=days - 1)


def track(sandbox: Sandbox, count: int, days: int) -> None:
    for n in range(count):
        sandbox.add_attribute(name=f"thing_{n:03}", value_type=0)
        sandbox.set_values(f"thing_{n:03}", {TODAY - dt.timedelta(days=day): n * 10_000 + day for day in range(days)})


def answered(sandbox: Sandbox) -> Counter[tuple[str, ...]]:
    """Return how often each request for values was answered with 200."""
    return Counter(
        (request.path, *map(str, sorted(request.query.items())))
        for request in sandbox.requests
        if request.status == 200 and not request.path.endswith("profile/")
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "all.csv"


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return tmp_path / "all.csv.part"


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("options", [(), ("--format", "jsonl"), ("--safe-cells",), ("--attribute", "note,thing_001")])
def test_the_file_has_what_a_pipe_would_get_and_nothing_is_left_beside_it(
    cli: Callable, sandbox: Sandbox, file: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    track(sandbox, 2, 40)
    sandbox.add_attribute(name="note", value_type=2)
    sandbox.set_values("note", {TODAY: '=so "so",\nand é', back(2): "a\r\nb\rc"})
    printed = cli("history", "--start", "2026-10-01", *options)

    result = cli("history", "--start", "2026-10-01", "--output", str(file), *options)

    assert result == (0, "", f"{82 if not options or '--att' not in options[0] else 42} values written to {file}\n")
    assert file.read_bytes().decode() == printed.out
    assert names_in(tmp_path) == {"all.csv"}


@pytest.mark.parametrize(
    ("name", "options", "begins"),
    [
        ("all.csv", (), "name,date,value\n"),
        ("all", (), "name,date,value\n"),
        ("all.jsonl", (), '{"name":"thing_000",'),
        ("all.JSON", (), '{"name":"thing_000",'),
        ("all.jsonl", ("--format", "csv"), "name,date,value\n"),
    ],
)
def test_the_format_is_that_of_the_option_or_of_the_file_s_name(
    cli: Callable, sandbox: Sandbox, tmp_path: Path, name: str, options: tuple[str, ...], begins: str
) -> None:
    track(sandbox, 1, 1)

    assert cli("history", "--start", "today", "--output", str(tmp_path / name), *options).code == 0
    assert (tmp_path / name).read_text().startswith(begins)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--output", "x.csv"], "history needs --start"),
        (["--start", "today", "--output", "x.csv", "--format", "table"], "--format csv or --format jsonl"),
        (["--start", "today", "--output", "x.jsonl", "--safe-cells"], "add --format csv"),
        (["--start", "today", "--output=-"], "leave it out to write to standard output"),
        (["--start", "today", "--since-last"], "add --output FILE"),
        (["--output", "x.csv", "--since-last"], "needs --start, because x.csv does not exist yet"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    cli: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)

    result = cli("history", *arguments)

    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert message in result.err
    assert names_in(tmp_path) == set()
    assert sandbox.requests == []


def test_a_file_that_exists_is_not_overwritten(cli: Callable, sandbox: Sandbox, file: Path, tmp_path: Path) -> None:
    file.write_text("precious")

    result = cli("history", "--start", "today", "--output", str(file))

    assert (result.code, result.out) == (1, "")
    assert result.err == (
        f"exist-async: {file} exists: add --since-last to bring it up to date, or remove it to export everything "
        "again\n"
    )
    assert file.read_text() == "precious"
    assert names_in(tmp_path) == {"all.csv"}
    assert sandbox.requests == []


def test_an_empty_file_is_written_with_the_mode_that_it_has(cli: Callable, sandbox: Sandbox, file: Path) -> None:
    file.touch()
    file.chmod(0o640)

    assert cli("history", "--start", "today", "--output", str(file)).code == 0
    assert file.read_text() == "name,date,value\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_a_new_file_has_the_mode_of_the_user_s_other_files(cli: Callable, sandbox: Sandbox, file: Path) -> None:
    previous = os.umask(0o027)
    try:
        assert cli("history", "--start", "today", "--output", str(file)).code == 0
    finally:
        os.umask(previous)

    assert stat.S_IMODE(file.stat().st_mode) == 0o640


@pytest.mark.parametrize("kind", ["folder", "pipe", "open pipe", "no folder", "link to itself"])
def test_what_is_no_file_is_refused_before_anything_is_sent(
    cli: Callable, sandbox: Sandbox, file: Path, tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    if kind == "folder":
        file.mkdir()
    elif kind == "pipe":
        os.mkfifo(file)
    elif kind == "open pipe":
        for end in os.pipe():
            request.addfinalizer(partial(os.close, end))
        file = Path("/dev/fd") / str(end)
    elif kind == "link to itself":
        file.symlink_to(file)
    else:
        file = tmp_path / "nowhere" / "all.csv"

    result = cli("history", "--start", "today", "--output", str(file))

    assert (result.code, result.err.count("\n")) == (1, 1)
    assert f"--output {file}" in result.err
    assert sandbox.requests == []


def test_a_name_that_is_not_utf_8_is_refused(cli: Callable, sandbox: Sandbox, file: Path, tmp_path: Path) -> None:
    result = cli("history", "--start", "today", "--output", str(file), "--attribute", "\udcff")

    assert (result.code, result.err.count("\n")) == (1, 1)
    assert "'\\udcff' contains a control character" in result.err
    assert names_in(tmp_path) == set()


def test_through_a_symbolic_link_the_file_itself_is_written(
    cli: Callable, sandbox: Sandbox, file: Path, tmp_path: Path
) -> None:
    link = tmp_path / "link.csv"
    link.symlink_to(file)

    assert cli("history", "--start", "today", "--output", str(link)).code == 0
    assert link.is_symlink()
    assert file.read_text() == "name,date,value\n"


def test_attributes_without_readable_values_are_named_before_the_last_line(
    cli: Callable, sandbox: Sandbox, file: Path
) -> None:
    track(sandbox, 1, 1)

    result = cli("history", "--start", "today", "--attribute", "thing_000,no_such", "--output", str(file))

    assert (result.code, result.out) == (1, "")
    assert result.err.splitlines() == [
        "exist-async: left out, because they are inactive or not there: no_such. Acquire them to read their values.",
        f"1 value written to {file}",
    ]


# After an interruption


@pytest.fixture
def interrupted(cli: Callable, sandbox: Sandbox, served: tuple[str, Any], file: Path) -> Callable[..., Any]:
    """Begin an export of two attributes by name that fails after some requests for values."""
    track(sandbox, 2, 350)

    def begin(*options: str, requests: int = 3, start: str = "2026-01-01") -> Any:
        sandbox.fail_next(99, status=403, skip=1 + requests)  # the first is for the profile
        result = cli("history", "--start", start, "--output", str(file), *options)
        served[1].wait_until_idle()
        sandbox.clear_faults()
        return result

    return begin


@pytest.mark.parametrize("fails", [1, 2, 4, 6])
@pytest.mark.parametrize("options", [(), ("--attribute", "thing_001,thing_000"), ("--format", "jsonl")])
def test_the_next_run_completes_it_and_asks_for_nothing_that_was_answered(
    cli: Callable, sandbox: Sandbox, interrupted: Callable, file: Path, part: Path, options: tuple[str, ...], fails: int
) -> None:
    arguments = ("history", "--start", "2026-01-01", *options)
    whole = cli(*arguments).out
    in_one_go = answered(sandbox)
    sandbox.reset_requests()

    failed = interrupted(*options, requests=fails)
    assert failed.code == 1
    assert failed.err.splitlines()[0] == (
        f"exist-async: {file} is not complete: run the same command again to go on where it stopped"
    )
    assert names_in(file.parent) == {"all.csv.part"}
    kept = part.read_bytes().count(b"\n") - 1
    assert kept > 0
    sandbox.reset_requests()
    result = cli(*arguments, "--output", str(file))

    assert (result.code, result.out) == (0, "")
    assert result.err.splitlines()[-1] == f"650 values written to {file}"
    assert file.read_text() == whole
    assert names_in(file.parent) == {"all.csv"}
    # Each is one of the others: what was in flight when the first run ended may be among them.
    assert answered(sandbox) <= in_one_go
    assert answered(sandbox).total() == in_one_go.total() - kept


def test_a_run_that_reads_nothing_leaves_nothing(cli: Callable, interrupted: Callable, tmp_path: Path) -> None:
    result = interrupted(requests=0)

    assert (result.code, result.err.count("\n")) == (1, 1)
    assert names_in(tmp_path) == set()


def test_the_last_day_stays_the_one_that_it_was_when_the_export_began(
    cli: Callable, sandbox: Sandbox, interrupted: Callable, file: Path
) -> None:
    whole = cli("history", "--start", "2026-01-01").out
    interrupted()
    sandbox._settings.now = lambda: dt.datetime(2026, 11, 23, 20, tzinfo=dt.UTC)
    sandbox.set_value("thing_000", TODAY + dt.timedelta(days=2), 1)

    assert cli("history", "--start", "2026-01-01", "--output", str(file)).code == 0
    assert file.read_text() == whole


@pytest.mark.parametrize(
    "options",
    [
        ("--start", "2026-01-02"),
        ("--start", "2026-01-01", "--end", "2026-11-20"),
        ("--start", "2026-01-01", "--attribute", "thing_000"),
        ("--start", "2026-01-01", "--group", "custom"),
        ("--start", "2026-01-01", "--format", "jsonl"),
        ("--start", "2026-01-01", "--safe-cells"),
    ],
)
def test_with_other_options_it_names_those_that_the_export_was_begun_with(
    cli: Callable, sandbox: Sandbox, interrupted: Callable, file: Path, part: Path, options: tuple[str, ...]
) -> None:
    interrupted("--attribute", "thing_000,thing_001")
    before = part.read_bytes()

    result = cli("history", *options, "--output", str(file))

    assert (result.code, result.out) == (1, "")
    assert (
        f"{part} was begun with --start 2026-01-01 --attribute thing_000,thing_001 --format csv: give the same "
        "options to complete it, or remove it to begin again\n"
    ) in result.err
    assert part.read_bytes() == before
    assert not file.exists()


def test_it_is_not_completed_for_another_user(
    cli: Callable, sandbox: Sandbox, interrupted: Callable, file: Path, part: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted()
    before = part.read_bytes()
    monkeypatch.setenv("EXIST_TOKEN", sandbox.issue_token(sandbox.add_user("grace")))

    result = cli("history", "--start", "2026-01-01", "--output", str(file))

    assert result.code == 1
    assert f"{part} was begun for another user, {sandbox.user.username}: " in result.err
    assert part.read_bytes() == before


def test_it_is_not_completed_at_another_service(
    cli: Callable, sandbox: Sandbox, interrupted: Callable, file: Path, url: str
) -> None:
    interrupted()

    other = url.replace("127.0.0.1", "localhost")
    result = cli("history", "--start", "2026-01-01", "--output", str(file), "--base-url", other)

    assert result.code == 1
    assert f"was begun at another service, {url}: " in result.err


def test_it_is_completed_at_the_same_service_however_its_url_is_written(
    cli: Callable, interrupted: Callable, file: Path, url: str
) -> None:
    interrupted()

    result = cli("history", "--start", "2026-01-01", "--output", str(file), "--base-url", f"{url.upper()}/")

    assert result.code == 0


@pytest.mark.parametrize("tail", ["half a line", "zeros", "no line end", "header"])
def test_what_a_crash_cut_off_is_read_again(
    cli: Callable, sandbox: Sandbox, interrupted: Callable, file: Path, part: Path, tail: str
) -> None:
    whole = cli("history", "--start", "2026-01-01").out
    interrupted(requests=4)
    lines = part.read_bytes().splitlines(keepends=True)
    assert len(lines) > 3
    match tail:
        case "half a line":
            lines[-1] = lines[-1][: len(lines[-1]) // 2]
        case "zeros":
            lines[-1] = bytes(len(lines[-1]))
        case "no line end":
            lines[-1] = lines[-1][:-1]
        case "header":
            lines = [lines[0][:30]]
    part.write_bytes(b"".join(lines))
    if tail != "header":
        sandbox.fail_next(status=403)
        assert cli("history", "--start", "2026-01-01", "--output", str(file)).code == 1
        assert part.read_bytes() == b"".join(lines[:-1])

    assert cli("history", "--start", "2026-01-01", "--output", str(file)).code == 0
    assert file.read_text() == whole


@pytest.mark.parametrize(
    "content",
    [
        b"name,date,value\n",
        b"{}\n",
        b"\x00\xff",
        b'{"exist-async history":2,"asked":{}}\n',
        b'{"exist-async history":1}\n',
    ],
)
def test_a_file_of_that_name_that_is_something_else_is_refused_and_kept(
    cli: Callable, sandbox: Sandbox, file: Path, part: Path, content: bytes
) -> None:
    part.write_bytes(content)

    result = cli("history", "--start", "today", "--output", str(file))

    assert (result.code, result.err.count("\n")) == (1, 1)
    assert str(part) in result.err
    assert part.read_bytes() == content
    assert sandbox.requests == []


def test_two_at_once_do_not_write_the_same_file(cli: Callable, sandbox: Sandbox, file: Path, part: Path) -> None:
    with part.open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)

        result = cli("history", "--start", "today", "--output", str(file))

    assert (result.code, result.out) == (1, "")
    assert result.err == f"exist-async: {part} is in use: another exist-async is writing this export\n"
    assert sandbox.requests == []


def test_a_file_that_the_process_before_removed_when_it_was_done_is_opened_anew(
    cli: Callable, interrupted: Callable, file: Path, part: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = fcntl.flock
    waited = []

    def lock_when_it_is_gone(*arguments: Any) -> None:
        if not waited:
            part.unlink()
            waited.append(True)
        lock(*arguments)

    monkeypatch.setattr(fcntl, "flock", lock_when_it_is_gone)

    assert interrupted().code == 1
    assert waited
    assert part.exists()


def test_where_files_can_not_be_locked_it_works_without(
    cli: Callable, sandbox: Sandbox, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)

    assert cli("history", "--start", "today", "--output", str(file)).code == 0


def test_a_crash_after_the_file_was_written_and_before_the_other_was_removed_does_no_harm(
    cli: Callable, sandbox: Sandbox, file: Path, part: Path
) -> None:
    track(sandbox, 2, 20)
    arguments = ("history", "--start", "2026-11-01", "--output", str(file))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("exist_async.cli.part_file.PartFile.remove", lambda _: None)
        assert cli(*arguments).code == 0
    written = file.read_bytes()
    assert part.exists()
    sandbox.reset_requests()

    assert cli(*arguments).code == 0
    assert file.read_bytes() == written
    assert not part.exists()
    assert answered(sandbox) == {}


def test_a_file_that_something_else_wrote_meanwhile_is_kept(
    cli: Callable, interrupted: Callable, file: Path, part: Path
) -> None:
    interrupted()
    file.write_text("precious")

    result = cli("history", "--start", "2026-01-01", "--output", str(file))

    assert result.code == 1
    assert f"exist-async: {file} was written by something else meanwhile: move it away\n" in result.err
    assert file.read_text() == "precious"
    assert part.exists()


@pytest.fixture
def small_disk(mount: Mount, tmp_path: Path) -> Path:
    """A folder on a file system of its own that is soon full."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount("-t", "tmpfs", "-o", "size=8k", "tmpfs", str(folder))
    return folder


def resize(disk: Path, option: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{option}", str(disk)], check=True)


@pytest.mark.parametrize("size", ["8k", "32k"])
def test_on_a_full_disk_it_says_so_and_goes_on_once_there_is_space(
    cli: Callable, sandbox: Sandbox, small_disk: Path, size: str
) -> None:
    track(sandbox, 2, 350)
    whole = cli("history", "--start", "2026-01-01").out
    arguments = ("history", "--start", "2026-01-01", "--output", str(small_disk / "all.csv"))
    resize(small_disk, f"size={size}")

    result = cli(*arguments)

    assert result.code == 1
    assert re.search(r"/all\.csv(\.part)? can't be written: No space left on device\n$", result.err)
    assert names_in(small_disk) == {"all.csv.part"}
    assert (small_disk / "all.csv.part").read_bytes().endswith(b"\n")
    resize(small_disk, "size=1m")
    assert cli(*arguments).code == 0
    assert (small_disk / "all.csv").read_text() == whole


def test_in_a_folder_that_can_not_be_written_it_says_so_before_anything_is_sent(
    cli: Callable, sandbox: Sandbox, small_disk: Path
) -> None:
    resize(small_disk, "ro")

    result = cli("history", "--start", "today", "--output", str(small_disk / "all.csv"))

    assert (result.code, result.out) == (1, "")
    assert result.err == f"exist-async: {small_disk}/all.csv.part can't be written: Read-only file system\n"
    assert sandbox.requests == []


def test_when_the_budget_is_spent_it_ends_with_no_wait_and_goes_on_in_the_next_hour(
    cli: Callable, sandbox: Sandbox, file: Path, part: Path
) -> None:
    track(sandbox, 2, 350)
    arguments = ("history", "--start", "2026-01-01", "--output", str(file))

    result = cli(*arguments, "--no-wait", "--budget", "4/3600")

    assert (result.code, result.out) == (1, "")
    assert f"{file} is not complete: run the same command again" in result.err
    assert "--wait" in result.err
    assert part.read_bytes().count(b"\n") == 1 + 3  # one of the four was for the profile
    assert cli(*arguments, "--no-wait", "--budget", "9/3600").code == 0
    assert file.read_text() == cli("history", "--start", "2026-01-01").out


# As processes


@pytest.mark.slow
def test_it_waits_for_the_next_hour_also_without_a_terminal(start: Callable, sandbox: Sandbox, file: Path) -> None:
    sandbox.fail_next(status=429, headers={"Retry-After": "600"})

    running = start("history", "--start", "2026-01-01", "--output", str(file), text=True)

    assert ": waiting until " in running.stderr.readline()


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 130])
def test_killed_at_random_points_it_is_complete_in_the_end(
    start: Callable, cli: Callable, sandbox: Sandbox, file: Path, count: int
) -> None:
    days = 900 if count == 2 else 120
    track(sandbox, count, days)
    arguments = ("history", "--start", back(days).isoformat(), "--output", str(file))
    whole = cli(*arguments[:3]).out
    minimum = answered(sandbox).total()
    sandbox.reset_requests()
    sandbox.latency = 0.3
    kills = 0
    for _ in range(5):
        had = len(sandbox.requests)
        running = start(*arguments)
        moment = random.uniform(0, 0.5)
        while running.poll() is None and len(sandbox.requests) == had:
            wait_at_most(running, 0.02)
        wait_at_most(running, moment)
        assert not file.exists() or file.read_text() == whole
        kills += running.poll() is None
        running.send_signal(signal.SIGKILL)
        running.wait()
    sandbox.latency = 0.0

    if not file.exists():
        assert cli(*arguments).code == 0
    assert kills
    assert file.read_text() == whole
    assert names_in(file.parent) == {"all.csv"}
    # Of each process that was killed, what was in flight is lost.
    sent = sum(not request.path.endswith("profile/") for request in sandbox.requests)
    assert sent <= minimum + 8 * kills


def wait_at_most(running: subprocess.Popen[Any], seconds: float) -> None:
    with suppress(subprocess.TimeoutExpired):
        running.wait(seconds)


@pytest.mark.slow
def test_after_ctrl_c_it_says_how_to_go_on(
    start: Callable, wait_until: Callable, cli: Callable, sandbox: Sandbox, file: Path, part: Path
) -> None:
    track(sandbox, 2, 900)
    whole = cli("history", "--start", back(900).isoformat()).out
    sandbox.latency = 0.3
    arguments = ("history", "--start", back(900).isoformat(), "--output", str(file))
    running = start(*arguments)
    wait_until(lambda: part.exists() and part.read_bytes().count(b"\n") > 2)
    running.send_signal(signal.SIGINT)

    out, err = running.communicate(timeout=20)
    assert (running.returncode, out) == (130, b"")
    assert err.decode() == (
        f"exist-async: {file} is not complete: run the same command again to go on where it stopped\n"
    )
    assert names_in(file.parent) == {"all.csv.part"}
    sandbox.latency = 0.0
    assert cli(*arguments).code == 0
    assert file.read_text() == whole


@pytest.mark.slow
def test_in_a_terminal_it_shows_its_progress_and_the_last_line_names_the_file(
    open_terminal: Callable, sandbox: Sandbox, file: Path, interrupted: Callable
) -> None:
    interrupted(requests=2)
    sandbox.latency = 0.8
    terminal = open_terminal("history", "--start", "2026-01-01", "--output", str(file))

    assert terminal.read_to_end() == 0
    screen = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", terminal.screen).splitlines()
    assert screen[0].startswith(
        f"exist-async: going on with {file}.part (2026-01-01 to 2026-11-21), which has the answers to 2 "
    )
    assert "Requests needed: 5 (300 are allowed in an hour)" in screen
    assert "Reading" in terminal.screen
    assert screen[-1] == f"650 values written to {file}"
