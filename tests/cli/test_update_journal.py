"""The command `update` goes on where an earlier run stopped."""

import asyncio
import datetime as dt
import os
import re
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from exist_async import ExistClient, Journal, ValueIncrement
from exist_async.sandbox import Sandbox

FIRST_DAY = dt.date(2016, 1, 1)


def day(number: int) -> dt.date:
    return FIRST_DAY + dt.timedelta(days=number)


def rows(count: int, name: str = "steps", first: int = 0) -> str:
    return "".join(f"{name},{day(number)},{number}\n" for number in range(first, first + count))


def received(sandbox: Sandbox) -> list[Any]:
    """The requests so far; the server's thread may add one while they are read."""
    while True:
        with suppress(RuntimeError):
            return [*sandbox.requests]


def written(sandbox: Sandbox) -> Counter[tuple[str, str, object]]:
    """Number of times that the sandbox received each value."""
    items = [item for request in received(sandbox) if request.path.endswith("/update/") for item in request.json]
    return Counter((item["name"], item["date"], item["value"]) for item in items)


@pytest.fixture
def owned(sandbox: Sandbox) -> Sandbox:
    """The sandbox, with owned attributes."""
    for template in ("steps", "mood_note"):
        sandbox.add_attribute(template=template, service=sandbox.service)
    return sandbox


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "values.csv"


@pytest.fixture
def journals(tmp_path: Path) -> Callable[[], list[Path]]:
    """The journals that the command keeps by itself."""
    return lambda: sorted((tmp_path / "state" / "exist-async" / "journals").glob("*.db"))


@pytest.fixture
def update(cli: Callable, owned: Sandbox, file: Path) -> Callable[..., Any]:
    """Run `update` with a file; with content, write it first."""

    def call(content: str | None = None, *options: str) -> Any:
        if content is not None:
            file.write_text(content)
        return cli("update", str(file), *options)

    return call


@pytest.fixture
def stop_after(owned: Sandbox) -> Callable[[int], None]:
    """Let the service refuse two whole requests to write, after some."""

    def stop(requests: int) -> None:
        owned.fail_next(2, status=404, path="update/", skip=requests)

    return stop


def counts(out: str) -> dict[str, int]:
    """Return the last table of counts."""
    lines = out.rpartition("Items\n")[2].splitlines()[1:]
    cells = [line.rsplit(maxsplit=1) for line in lines[: lines.index("") if "" in lines else None]]
    return {label.strip(): int(count.replace(",", "")) for label, count in cells}


def test_the_same_command_goes_on_after_an_error(update: Callable, owned: Sandbox, stop_after: Callable) -> None:
    stop_after(5)
    first = update(rows(700))
    assert first.code == 1
    assert "exist-async: Run the same command again to go on.\n" in first.err
    done = counts(first.out)["written"]
    assert 0 < done < 700

    second = update()

    assert (second.code, second.err) == (0, f"Going on: {done} of 700 are written already.\n")
    assert counts(second.out) == {"written": 700}
    assert len(owned.values("steps")) == 700


def test_a_finished_file_takes_no_request(update: Callable, owned: Sandbox) -> None:
    assert update(rows(40)).code == 0
    requests = len(owned.requests)

    again = update()

    assert (again.code, again.err) == (0, "")
    assert re.fullmatch(
        r".*/values.csv finished on \d{4}-\d\d-\d\d \d\d:\d\d: every line was written. "
        r"Add --fresh to write it again.\n",
        again.out,
    )
    assert update(None, "--dry-run").out == again.out
    assert update(None, "--changed-only").out == again.out
    assert len(owned.requests) == requests
    assert set(written(owned).values()) == {1}


def test_fresh_writes_everything_again(update: Callable, owned: Sandbox) -> None:
    update(rows(40))

    result = update(None, "--fresh")

    assert (result.code, result.err, counts(result.out)) == (0, "", {"written": 40})
    assert set(written(owned).values()) == {2}


def test_no_journal_is_kept_if_none_is_wanted(update: Callable, journals: Callable, owned: Sandbox) -> None:
    for _ in range(2):
        result = update(rows(40), "--no-journal")
        assert (result.code, counts(result.out)) == (0, {"written": 40})

    assert journals() == []
    assert set(written(owned).values()) == {2}


def test_journals_are_readable_by_their_owner_alone(update: Callable, journals: Callable) -> None:
    update(rows(1))

    (path,) = journals()
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert {entry.stat().st_mode & 0o777 for entry in path.parent.iterdir()} == {0o600}


def test_journals_are_removed_after_thirty_days(update: Callable, journals: Callable, tmp_path: Path) -> None:
    update(rows(1))
    (old,) = journals()
    month_ago = time.time() - 31 * 86_400
    for path in old.parent.iterdir():
        os.utime(path, (month_ago, month_ago))
    recent = old.with_name("other.db")
    recent.touch()
    os.utime(recent, (time.time() - 29 * 86_400,) * 2)

    assert update(rows(1)).out.startswith("Outcome")  # it is not known any more
    assert journals() == sorted([old, recent])


def test_lines_at_the_end_of_a_finished_file_are_written_alone(update: Callable, owned: Sandbox) -> None:
    update(rows(40))

    result = update(rows(50))

    assert (result.code, result.err) == (0, "Going on: 40 of 50 are written already.\n")
    assert counts(result.out) == {"written": 50}
    assert set(written(owned).values()) == {1}


def test_a_file_that_changed_before_it_was_finished_is_refused_with_its_first_other_line(
    update: Callable, owned: Sandbox, stop_after: Callable, file: Path
) -> None:
    stop_after(2)
    update("name,date,value\n" + rows(200))
    requests = len(owned.requests)

    changed = update("name,date,value\n" + rows(200).replace(f"{day(7)},7\n", f"{day(7)},8\n"))
    shorter = update("name,date,value\n" + rows(100))
    dry = update(None, "--dry-run")

    begin = f"exist-async: {file} is not as it was when an earlier run began to write it: "
    remedy = "Add --fresh to write it from its beginning, or give it as it was to go on\n"
    assert (changed.code, changed.out) == (1, "")
    assert changed.err == f"{begin}line 9 is steps on 2016-01-08: 8, and was steps on 2016-01-08: 7. {remedy}"
    assert (shorter.code, shorter.out) == (1, "")
    assert shorter.err == f"{begin}it has fewer lines, without steps on {day(100)}. {remedy}"
    assert (dry.code, dry.out, dry.err) == (1, "", shorter.err)
    assert all(request.method == "GET" for request in owned.requests[requests:])
    assert update(None, "--fresh").code == 0


def test_a_file_that_changed_after_it_was_finished_is_written_again(update: Callable, owned: Sandbox) -> None:
    update(rows(40))

    result = update(rows(40).replace(",7\n", ",8\n"))

    assert result.code == 0
    assert result.err.endswith(
        "values.csv is not as it was when it was written: all of it is written again. With "
        "--changed-only, only what differs would be\n"
    )
    assert counts(result.out) == {"written": 40}
    assert owned.values("steps")[day(7)] == 8


def test_another_kind_of_write_after_a_finished_one_is_not_told_as_a_changed_file(
    update: Callable, owned: Sandbox
) -> None:
    refused = "mood,2016-01-01,5\n"

    update(rows(40) + refused)
    compared = update(None, "--changed-only")
    changed = update(rows(49, first=1) + refused, "--changed-only")
    written_again = update()

    assert counts(compared.out) == {"written": 40, "refused": 1}
    assert counts(changed.out) == counts(written_again.out) == {"written": 49, "refused": 1}
    assert not any("is not as it was" in result.err for result in (compared, changed, written_again))


def test_lines_that_were_not_accepted_can_be_mended_in_the_file_itself(update: Callable, owned: Sandbox) -> None:
    assert update(rows(40) + "steps,2016-02-30,1\nsteps,2016-03-01,x\n" + rows(1, "weight")).code == 1

    result = update(rows(40) + "steps,2016-03-02,1\nsteps,2016-03-01,5\n")

    assert (result.code, counts(result.out)) == (0, {"written": 42})


def test_values_whose_type_was_not_known_before_are_told_by_their_line(
    update: Callable, owned: Sandbox, stop_after: Callable, file: Path
) -> None:
    notes = owned.add_attribute(name="notes", value_type=2)
    stop_after(2)
    update(rows(200) + "notes,2016-01-01,7\n")
    notes.service = owned.service

    result = update()

    assert (result.code, result.out) == (1, "")
    assert (
        f"exist-async: {file} is not as it was when an earlier run began to write it: line 201 is notes on 2016-01-01: "
        "'7', and was notes on 2016-01-01: 7. Add --fresh"
    ) in result.err


def test_values_whose_type_is_known_now_are_written_if_nothing_else_is_left(update: Callable, owned: Sandbox) -> None:
    notes = owned.add_attribute(name="notes", value_type=2)
    assert update(rows(40) + "notes,2016-01-01,7\n").code == 1
    notes.service = owned.service

    assert update().code == 0
    assert owned.values("notes") == {FIRST_DAY: "7"}


def test_changed_only_does_not_go_on_with_a_write_of_everything(
    update: Callable, owned: Sandbox, stop_after: Callable, file: Path
) -> None:
    stop_after(2)
    update(rows(200))

    result = update(None, "--changed-only")

    assert (result.code, result.out) == (1, "")
    assert result.err == (
        f"exist-async: an earlier run began to write {file} without --changed-only: leave it out to go on, or add "
        "--fresh to write the file from its beginning\n"
    )
    assert update(None, "--changed-only", "--fresh").code == 0


def test_changed_only_goes_on(update: Callable, owned: Sandbox, stop_after: Callable) -> None:
    stop_after(2)
    update(rows(200), "--changed-only")

    result = update(None, "--changed-only")

    assert (result.code, counts(result.out)) == (0, {"written": 200})
    assert result.err.startswith("Going on: ")


def test_refused_lines_are_sent_again_once_the_others_are_written(update: Callable, owned: Sandbox) -> None:
    first = update(rows(40) + rows(3, "weight"))
    assert (first.code, counts(first.out)) == (1, {"written": 40, "refused": 3})
    assert first.err.endswith("or add --reacquire, and run the same command again\n")
    owned.add_attribute(template="weight", service=owned.service)

    second = update()

    assert (second.code, counts(second.out)) == (0, {"written": 43})
    assert written(owned)[("steps", str(day(0)), 0)] == 1


def test_reacquire_sends_refused_lines_again(update: Callable, owned: Sandbox) -> None:
    update(rows(40) + rows(3, "weight"))

    result = update(None, "--reacquire")

    assert (result.code, counts(result.out)) == (0, {"written": 43})
    assert len(owned.values("weight")) == 3


def test_rejects_of_an_interrupted_run_are_completed_by_the_next(
    update: Callable, owned: Sandbox, stop_after: Callable, tmp_path: Path
) -> None:
    rejects = tmp_path / "rejects.csv"
    stop_after(2)
    update("oops\n" + rows(3, "weight") + rows(200), "--rejects", str(rejects))
    assert len(rejects.read_text().splitlines()) > 1

    result = update(None, "--rejects", str(rejects))

    assert (result.code, counts(result.out)) == (1, {"written": 200, "refused": 3, "unreadable": 1})
    assert rejects.read_text() == (
        'name,date,value,reason\noops,"expected 3 fields (name,date,value), found 1"\n'
        + "".join(f"weight,{day(n)},{n},not_found: Attribute 'weight' does not exist\n" for n in range(3))
    )


def test_a_new_token_of_the_same_account_goes_on(
    update: Callable, owned: Sandbox, stop_after: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_after(2)
    done = counts(update(rows(200)).out)["written"]
    monkeypatch.setenv("EXIST_TOKEN", owned.issue_token())

    assert update().err == f"Going on: {done} of 200 are written already.\n"


def test_another_account_begins_by_itself(
    update: Callable, owned: Sandbox, journals: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    update(rows(40))
    other = owned.add_user("grace")
    owned.add_attribute(template="steps", user=other, service=owned.service)
    monkeypatch.setenv("EXIST_TOKEN", owned.issue_token(other))

    result = update()

    assert (result.code, result.err, counts(result.out)) == (0, "", {"written": 40})
    assert len(owned.values("steps", other)) == 40
    assert len(journals()) == 2


def test_the_account_is_asked_for_once_for_each_token(update: Callable, owned: Sandbox) -> None:
    for _ in range(3):
        update(rows(1), "--fresh")

    assert sum(request.path.endswith("/profile/") for request in owned.requests) == 1


def test_a_token_that_may_not_read_the_profile_has_journals_of_its_own(update: Callable, owned: Sandbox) -> None:
    owned.fail_next(status=403, path="/profile/")

    assert update(rows(1)).code == 0
    assert "finished on" in update().out


def test_the_journal_can_be_another_file(update: Callable, owned: Sandbox, journals: Callable, tmp_path: Path) -> None:
    path = tmp_path / "here.db"
    update(rows(40), "--journal", str(path))

    again = update(None, "--journal", str(path))

    assert journals() == []
    assert path.stat().st_mode & 0o777 == 0o600
    assert (again.code, again.err) == (
        0,
        "40 of 40 are written already: add --fresh to write them again.\n",
    )
    assert set(written(owned).values()) == {1}
    assert update(None, "--journal", str(path), "--fresh").code == 0
    assert set(written(owned).values()) == {2}


def test_a_journal_of_another_input_or_kind_is_refused_with_the_remedy(
    cli: Callable, standard_input: Callable, owned: Sandbox, tmp_path: Path
) -> None:
    path = tmp_path / "here.db"
    standard_input(rows(40).encode())
    assert cli("update", "--journal", str(path)).code == 0
    requests = len(owned.requests)
    remedy = "exist-async: To write everything with a new journal, add --fresh.\n"

    standard_input(b"name,date,value\n" + rows(40).replace(",7\n", ",8\n").encode())
    other = cli("update", "--journal", str(path))
    standard_input(rows(30).encode())
    shorter = cli("update", "--journal", str(path))
    standard_input(rows(40).encode())
    kind = cli("update", "--changed-only", "--journal", str(path))

    assert (other.code, shorter.code, kind.code) == (1, 1, 1)
    assert other.err.startswith("Going on: 40 are written already.\nexist-async: line 9 is not the one that")
    assert "exist-async: a further line is missing: " in shorter.err
    assert "'sync'" in kind.err
    assert all(result.err.endswith(remedy) for result in (other, shorter, kind))
    assert all(request.method == "GET" for request in owned.requests[requests:])


def test_an_input_of_another_kind_is_told_without_the_journal(
    cli: Callable, standard_input: Callable, owned: Sandbox, tmp_path: Path
) -> None:
    standard_input(b"name;date;value\n")
    result = cli("update", "--journal", str(tmp_path / "here.db"))

    assert result.err == ("exist-async: line 1: the columns are separated by semicolons: save the file with commas\n")


def test_a_file_that_is_no_journal_is_neither_used_nor_removed(
    update: Callable, owned: Sandbox, tmp_path: Path
) -> None:
    path = tmp_path / "mine.db"
    path.write_text("not a journal\n" * 100)

    for options in ((), ("--fresh",)):
        result = update(rows(1), "--journal", str(path), *options)
        assert (result.code, result.out) == (1, "")
        assert str(path) in result.err
    assert path.read_text() == "not a journal\n" * 100
    assert written(owned) == {}


@pytest.mark.parametrize("kind", ["increment", "acquire"])
async def test_a_journal_of_another_kind_of_write_is_neither_used_nor_removed(
    update: Callable, owned: Sandbox, tmp_path: Path, kind: str, url: str
) -> None:
    path = tmp_path / "mine.db"
    async with ExistClient(owned.token, base_url=url) as exist, Journal(path, user="me") as journal:
        if kind == "increment":
            await exist.values.increment([ValueIncrement("steps", 1, day(0))], journal=journal)
        else:
            await exist.attributes.acquire(["mood"], journal=journal)

    for options in ((), ("--fresh",), ("--dry-run",)):
        result = await asyncio.to_thread(update, rows(1), "--journal", str(path), *options)
        assert (result.code, result.out) == (1, "")
        assert result.err == (
            f"exist-async: {path} is the journal of another kind of write: name another file with --journal\n"
        )
    assert path.exists()


def test_a_damaged_journal_is_begun_again_with_fresh(
    update: Callable, owned: Sandbox, journals: Callable, file: Path
) -> None:
    update(rows(40))
    (path,) = journals()
    path.write_bytes(b"damaged" * 1000)
    path.with_suffix(".json").unlink()

    damaged = update()
    assert (damaged.code, damaged.out) == (1, "")
    assert damaged.err == (
        f"exist-async: the journal of {file} is damaged ({path}): add --fresh to write {file} from its beginning\n"
    )
    requests = len(owned.requests)
    assert update(None, "--dry-run").err == damaged.err
    assert len(owned.requests) == requests

    assert counts(update(None, "--fresh").out) == {"written": 40}


def test_a_journal_in_use_is_neither_used_nor_removed(update: Callable, owned: Sandbox, journals: Callable) -> None:
    update(rows(40))
    (path,) = journals()
    requests = len(owned.requests)
    other = sqlite3.connect(path)
    other.execute("BEGIN EXCLUSIVE")
    try:
        for options in ((), ("--fresh",)):
            result = update(rows(50), *options)
            assert (result.code, result.out) == (1, "")
            assert "values.csv is being written by another run of update: wait for its end, or stop it" in result.err
        assert len(owned.requests) == requests
    finally:
        other.close()
    assert path.exists()


def test_a_state_folder_that_cannot_be_used_names_the_remedies(
    update: Callable, owned: Sandbox, tmp_path: Path
) -> None:
    folder = tmp_path / "state" / "exist-async"
    folder.mkdir(parents=True)
    (folder / "journals").touch()

    result = update(rows(1))

    assert (result.code, result.out) == (1, "")
    assert "Name another file with --journal, or add --no-journal to do without\n" in result.err
    assert written(owned) == {}
    assert update(None, "--no-journal").code == 0


def test_a_state_folder_that_cannot_be_created_names_the_options(
    update: Callable, owned: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "state").touch()

    result = update(rows(1))

    assert result.code == 1
    assert result.err.endswith("Or name another file with --journal, or add --no-journal to do without.\n")
    assert update(None, "--no-journal").code == 0
    assert update(None, "--journal", str(tmp_path / "here.db")).code == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--no-journal", "--fresh"), "--no-journal can't be combined with --fresh"),
        (("--no-journal", "--journal", "x.db"), "--no-journal can't be combined with --journal"),
    ],
)
def test_contradicting_options_are_refused(update: Callable, options: tuple[str, ...], message: str) -> None:
    result = update(rows(1), *options)

    assert (result.code, message in result.err) == (2, True)


def test_fresh_needs_a_journal(cli: Callable, standard_input: Callable) -> None:
    standard_input(b"")
    result = cli("update", "--fresh")

    assert result.code == 2
    assert "--fresh begins a journal again, and standard input has none: add --journal FILE" in result.err


def test_a_dry_run_counts_what_is_left(update: Callable, owned: Sandbox, stop_after: Callable) -> None:
    stop_after(2)
    done = counts(update(rows(200)).out)["written"]

    result = update(None, "--dry-run")

    assert (result.code, result.err) == (0, f"Going on: {done} of 200 are written already.\n")
    assert counts(result.out) == {"to write": 200 - done}


def test_a_dry_run_counts_refused_lines_when_they_would_be_sent_again(
    update: Callable, owned: Sandbox, stop_after: Callable
) -> None:
    stop_after(1)
    done = counts(update(rows(5, "mood", 1) + rows(200)).out)["written"]
    assert counts(update(None, "--dry-run").out) == {"to write": 200 - done}
    assert counts(update(None, "--dry-run", "--reacquire").out) == {"to write": 205 - done}

    assert counts(update().out) == {"written": 200, "refused": 5}
    assert counts(update(None, "--dry-run").out) == {"to write": 5}


@pytest.mark.slow
def test_a_file_is_written_whole_through_kills_and_ctrl_c(
    start: Callable, wait_until: Callable, owned: Sandbox, file: Path
) -> None:
    """Real processes; a request that was in flight at a SIGKILL may be sent twice, and no other."""
    owned.latency = 0.1
    file.write_text(rows(3_500))
    kills = [signal.SIGKILL, signal.SIGINT, signal.SIGKILL, signal.SIGINT, signal.SIGKILL]
    for number, kill in enumerate(kills, 1):
        running = start("update", str(file))
        wait_until(lambda number=number: len(written(owned)) >= 500 * number)
        running.send_signal(kill)
        _, errors = running.communicate()
        if kill is signal.SIGINT:
            assert running.returncode == 130
            assert errors.endswith(b"exist-async: stopped. Run the same command again to go on.\n")

    last = start("update", str(file))
    out, errors = last.communicate()

    assert last.returncode == 0
    assert re.fullmatch(rb"Going on: [\d,]+ of 3,500 are written already.\n", errors)
    assert counts(out.decode()) == {"written": 3_500}
    assert owned.values("steps") == {day(number): number for number in range(3_500)}
    repeated = sum(written(owned).values()) - 3_500
    assert repeated <= kills.count(signal.SIGKILL) * 8 * 35


@pytest.mark.slow
def test_the_progress_counts_what_earlier_runs_have_written(
    open_terminal: Callable, owned: Sandbox, file: Path, stop_after: Callable, update: Callable
) -> None:
    stop_after(2)
    done = counts(update(rows(200)).out)["written"]
    owned.latency = 1.5

    terminal = open_terminal("update", str(file))

    assert terminal.read_to_end() == 0
    assert f"Going on: {done} of 200 are written already." in terminal.screen
    shown = {int(count) for count in re.findall(r"(\d+)/200", terminal.screen)}
    assert min(shown) == done


@pytest.mark.slow
def test_ctrl_c_in_the_middle_prints_the_outcomes_of_all_runs(
    start: Callable, wait_until: Callable, owned: Sandbox, file: Path, stop_after: Callable, update: Callable
) -> None:
    stop_after(2)
    first = counts(update(rows(200)).out)["written"]
    owned.latency = 1.0
    requests = len(owned.requests)
    running = start("update", str(file))
    wait_until(lambda: any(request.method == "POST" for request in received(owned)[requests:]))
    running.send_signal(signal.SIGINT)

    out, _ = running.communicate()

    assert running.returncode == 130
    assert counts(out.decode())["written"] > first


def test_an_interrupted_write_of_everything_again_goes_on_without_fresh(
    update: Callable, owned: Sandbox, stop_after: Callable
) -> None:
    update(rows(200))
    stop_after(2)

    interrupted = update(None, "--fresh")

    assert "exist-async: Run the same command again without --fresh to go on.\n" in interrupted.err
    assert update().code == 0
    assert set(written(owned).values()) <= {2, 3}


@pytest.mark.slow
def test_ctrl_c_before_the_first_request_to_write_tells_how_to_go_on(
    start: Callable, wait_until: Callable, owned: Sandbox, file: Path
) -> None:
    owned.latency = 2.0
    file.write_text(rows(10))
    running = start("update", str(file))
    wait_until(lambda: any("owned" in request.path for request in received(owned)))
    running.send_signal(signal.SIGINT)

    out, errors = running.communicate()

    assert (running.returncode, out) == (130, b"")
    message = b"exist-async: stopped: this run has written nothing. Run the same command again to go on.\n"
    assert errors.endswith(message)


def test_standard_input_goes_on_with_a_journal(
    cli: Callable, standard_input: Callable, owned: Sandbox, stop_after: Callable, tmp_path: Path
) -> None:
    path = tmp_path / "here.db"
    stop_after(2)
    standard_input(rows(200).encode())
    first = cli("update", "--journal", str(path))
    assert "Run the same command again to go on.\n" in first.err
    done = counts(first.out)["written"]

    standard_input(rows(200).encode())
    second = cli("update", "--journal", str(path))

    assert (second.code, second.err) == (0, f"Going on: {done} are written already.\n")
    assert counts(second.out) == {"written": 200}


def test_refused_lines_of_standard_input_are_sent_again_once_the_others_are_written(
    cli: Callable, standard_input: Callable, owned: Sandbox, tmp_path: Path
) -> None:
    def send() -> Any:
        standard_input((rows(40) + rows(2, "mood", 1)).encode())
        return cli("update", "--journal", str(tmp_path / "here.db"))

    first = send()
    owned.add_attribute(template="mood", service=owned.service)
    second = send()

    assert first.err.endswith("and run the same command again\n")
    assert (second.code, counts(second.out)) == (0, {"written": 42})


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_file_is_finished_within_the_budget_through_ctrl_c_a_kill_and_a_service_that_hangs(
    start: Callable, open_terminal: Callable, file: Path, tmp_path: Path
) -> None:
    """Every part is a process of its own, as in the guide, with an hour of two seconds."""
    sandbox = start("sandbox", "--port", "0", "--rate-limit", "8", "--period", "2", text=True)
    environment = dict(os.environ)
    for line in iter(sandbox.stdout.readline, ""):
        if match := re.search(r"export (EXIST_BASE_URL|EXIST_TOKEN)=(\S+)", line):
            environment[match[1]] = match[2]
        if line.startswith("  export EXIST_TOKEN"):
            break
    file.write_text("name,date,value\n" + rows(1_000))
    command = ("update", str(file), "--reacquire", "--yes", "--budget", "8/2")

    def shown(terminal: Any) -> int:
        return max((int(count.replace(",", "")) for count in re.findall(r"([\d,]+)/1,000", terminal.screen)), default=0)

    first = open_terminal(*command, env=environment)
    first.read_until(r"[1-9]\d\d/1,000")
    first.process.send_signal(signal.SIGINT)
    assert first.read_to_end() == 130
    assert "Run the same command again to go on." in first.screen
    second = open_terminal(*command, env=environment)
    second.read_until(r"[3-9]\d\d/1,000")
    second.process.kill()
    second.read_to_end()
    assert shown(second) > shown(first)
    third = open_terminal(*command, env=environment)
    third.read_until(r"[5-9]\d\d/1,000")
    sandbox.send_signal(signal.SIGSTOP)
    time.sleep(1)
    sandbox.send_signal(signal.SIGCONT)
    assert third.read_to_end() == 0
    assert re.search(r"next at \d\d:\d\d", third.screen)
    assert "every line was written" in start(*command, env=environment, text=True).communicate()[0]

    export = start(
        "history",
        "--start",
        str(day(0)),
        "--end",
        str(day(999)),
        "--budget",
        "8/2",
        "--wait",
        env=environment,
        text=True,
    )
    lines = export.communicate()[0].splitlines()
    assert sorted(lines) == sorted(file.read_text().splitlines())
