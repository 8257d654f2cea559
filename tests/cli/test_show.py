"""The command `show`."""

import datetime as dt
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exist_async.sandbox import Sandbox

TODAY = dt.date(2026, 11, 21)


@pytest.fixture
def tracked(sandbox: Sandbox) -> Sandbox:
    """A sandbox with half a year of values."""
    for template, first, step in (("steps", 1000, 10), ("sleep", 400, 1), ("weight", 72, 0.25)):
        sandbox.add_attribute(template=template)
        days = {TODAY - dt.timedelta(days=days): first + step * (days % 50) for days in range(180)}
        sandbox.set_values(template, days)
    sandbox.add_attribute(template="mood_note")
    sandbox.set_value("mood_note", TODAY, "calm")
    sandbox.reset_requests()
    return sandbox


@pytest.fixture
def mirrored(cli: Callable, tracked: Sandbox, tmp_path: Path) -> Path:
    """A mirror of it."""
    path = tmp_path / "exist.db"
    assert cli("mirror", str(path)).code == 0
    tracked.reset_requests()
    return path


def headings(out: str) -> list[str]:
    return [line for line in out.splitlines() if line and not set("┤│└") & set(line) and line[0] != " "]


def test_it_draws_attributes_below_each_other_over_ninety_days_by_default(cli: Callable, tracked: Sandbox) -> None:
    result = cli("show", "sleep", "steps,weight")

    assert (result.code, result.err) == (0, "")
    assert headings(result.out) == [
        "Time asleep (sleep)",
        "6 h 40 min on 2026-11-21 · mean 7 h 2 min · 6 h 40 min to 7 h 29 min",
        "values on 90 of 90 days",
        "Steps (steps)",
        "1000 on 2026-11-21 · mean 1223 · 1000 to 1490 · values on 90 of 90 days",
        "Weight (weight)",
        "72 on 2026-11-21 · mean 77.57 · 72 to 84.25 · values on 90 of 90 days",
        "2026-08-24 to 2026-11-21",
    ]
    assert result.out.count("└") == 1
    assert "\x1b" not in result.out


def test_the_days_can_be_chosen(cli: Callable, tracked: Sandbox) -> None:
    assert cli("show", "steps", "--days", "7").out.splitlines()[-1] == "2026-11-15 to 2026-11-21"
    assert cli("show", "steps", "--until", "yesterday").out.splitlines()[-1] == "2026-08-23 to 2026-11-20"
    assert cli("show", "steps", "--until", "2026-08-01", "--days", "1").out.splitlines()[-1] == (
        "2026-08-01 to 2026-08-01"
    )
    assert cli("show", "steps", "--days", "4000").out.splitlines()[-1] == (
        "2015-12-10 to 2026-11-21 · each point is the mean of 28 days"
    )


def test_values_before_and_after_these_days_are_left_out(cli: Callable, tracked: Sandbox) -> None:
    assert "1010 to 1030 · values on 3 of 3 days" in cli("show", "steps", "--days", "3", "--until", "yesterday").out


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("stepz", ". Did you mean steps?"),
        ("slep", ". Did you mean sleep?"),
        ("MOODNOTE", ". Did you mean mood_note?"),
        ("Weight", ". Did you mean weight?"),
        ("unheard_of", ""),
    ],
)
def test_names_that_are_near_an_unknown_one_are_suggested(
    cli: Callable, tracked: Sandbox, mirrored: Path, name: str, hint: str
) -> None:
    result = cli("show", name)
    assert (result.code, result.out) == (1, "")
    assert result.err == f"exist-async: attribute {name!r} does not exist, or the token may not read it{hint}\n"

    assert cli("show", name, "--mirror", str(mirrored)) == (
        1,
        "",
        f"exist-async: attribute {name!r} is not in {mirrored}{hint}\n",
    )


def test_the_others_are_drawn_although_a_name_is_unknown(cli: Callable, tracked: Sandbox, mirrored: Path) -> None:
    for options in ((), ("--mirror", str(mirrored))):
        result = cli("show", "nothing_like_it", "steps", *options)

        assert (result.code, result.err.count("\n")) == (1, 1)
        assert headings(result.out)[1].startswith("1000 on 2026-11-21")


def test_texts_are_refused_with_the_command_that_lists_them(cli: Callable, tracked: Sandbox, mirrored: Path) -> None:
    for options in ((), ("--mirror", str(mirrored))):
        result = cli("show", "mood_note", "steps", *options)

        assert result.code == 1
        assert result.err == (
            "exist-async: attribute 'mood_note' has texts, which no chart can show. To list them: exist-async values "
            "mood_note\n"
        )
        assert "(mood_note)" not in result.out
        assert "(steps)" in result.out


def test_an_inactive_attribute_is_named_with_the_remedy(cli: Callable, tracked: Sandbox) -> None:
    tracked.add_attribute(template="coffees", active=False)

    result = cli("show", "coffees", "steps")

    assert result.code == 1
    assert "'coffees' is inactive or owned by no service: acquire it" in result.err
    assert "(coffees)" not in result.out
    assert "(steps)" in result.out


def test_a_mirror_takes_no_request_and_no_token_and_ends_at_its_newest_day(
    cli: Callable, tracked: Sandbox, mirrored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = cli("show", "steps", "sleep").out
    tracked.reset_requests()
    monkeypatch.delenv("EXIST_TOKEN")

    assert cli("show", "steps", "sleep", "--mirror", str(mirrored)) == (0, expected, "")
    assert tracked.requests == []


def test_a_mirror_that_is_not_there_is_not_created(cli: Callable, tmp_path: Path) -> None:
    path = tmp_path / "none.db"

    assert cli("show", "steps", "--mirror", str(path)) == (
        1,
        "",
        f"exist-async: the mirror {path} does not exist: run exist-async mirror with it first, which creates it\n",
    )
    assert not path.exists()


@pytest.mark.parametrize("option", ["--wait", "--no-wait", "--budget=4/60"])
def test_options_about_requests_do_not_go_with_a_mirror(cli: Callable, option: str) -> None:
    for command in (("show", "steps"), ("export", "all.csv")):
        assert cli(*command, "--mirror", "exist.db", option) == (
            2,
            "",
            "exist-async: --mirror takes no requests: leave out --wait, --no-wait and --budget\n",
        )


def test_the_variable_columns_sets_the_width_in_a_pipe(
    cli: Callable, tracked: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    narrow = cli("show", "steps").out.splitlines()
    monkeypatch.setenv("COLUMNS", "wide")

    assert max(map(len, narrow)) == 40
    assert max(map(len, cli("show", "steps").out.splitlines())) == 80


def test_without_the_package_that_draws_one_line_names_the_remedy(
    cli: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("exist_async.cli.extras.find_spec", lambda name: None if name == "plotille" else name)

    with pytest.raises(SystemExit) as exit_:
        cli("show", "steps")
    assert exit_.value.code == 'exist-async: show needs plotille: pip install "exist-async[cli]"'


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["cp437", "cp1252", "ascii", "utf-8"])
def test_it_is_drawn_with_characters_that_the_encoding_has(
    script: str, tracked: Sandbox, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    tracked.add_attribute(label="Schritte 歩数", name="hosu", value_type=0)
    tracked.set_values("hosu", tracked.values("steps"))

    out = subprocess.check_output([script, "show", "hosu"], timeout=40).decode(encoding)

    assert ("⠉" in out or "⡠" in out) == (encoding == "utf-8")
    assert ("歩数" in out) == (encoding == "utf-8")
    assert not any("\\u" in line for line in out.splitlines()[1:])


@pytest.mark.slow
@pytest.mark.parametrize("no_color", [False, True])
def test_in_a_terminal_it_is_as_wide_as_that_and_colored_unless_that_is_switched_off(
    open_terminal: Callable[..., Any], tracked: Sandbox, no_color: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    terminal = open_terminal("show", "steps")

    assert terminal.read_to_end() == 0
    assert ("\x1b[36m" in terminal.screen) != no_color
    lines = re.sub(r"\x1b\[[\d;]*m", "", terminal.screen).splitlines()
    assert max(map(len, lines)) == 100


def test_nothing_that_draws_is_imported_before() -> None:
    code = (
        "import sys; had = set(sys.modules); from exist_async.cli.program import run; run(['show', '--help']); "
        "print((sys.modules.keys() - had) & {'plotille', 'sqlite3', 'arro3'})"
    )

    assert subprocess.check_output([sys.executable, "-c", code], text=True).splitlines()[-1] == "set()"
