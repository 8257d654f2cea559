"""Attributes that `acquire` and `update --reacquire` take from other services: the question, and the names then."""

import datetime as dt
import signal
import subprocess
from collections.abc import Callable

import pytest

from exist_async.cli.takeover import Ownership
from exist_async.sandbox import Sandbox

STEPS_TAKEN = "exist-async: steps: taken from Fitness tracker\n"
WEIGHT_TAKEN = "exist-async: weight: taken from Smart scale\n"


@pytest.fixture
def others(sandbox: Sandbox) -> Sandbox:
    """A user whose steps and weight belong to other services, sleep to this one, and mood to none."""
    sandbox.add_attribute(template="steps", service=sandbox.add_service("tracker", "Fitness tracker"))
    sandbox.add_attribute(template="weight", service=sandbox.add_service("scale", "Smart scale"))
    sandbox.add_attribute(template="sleep", service=sandbox.service)
    sandbox.add_attribute(template="mood")
    return sandbox


def owner_of(sandbox: Sandbox, name: str) -> str:
    service = sandbox.user.attribute(name).service
    return service.name if service else ""


def writes(sandbox: Sandbox) -> list[object]:
    return [request.json for request in sandbox.requests if request.method == "POST"]


def rows(output: str) -> list[list[str]]:
    """Return the cells of a table, which are separated by at least two spaces."""
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in output.splitlines()]


# Without a terminal


@pytest.mark.parametrize("yes", [[], ["--yes"], ["-y"]])
def test_without_a_terminal_nothing_is_asked_and_what_was_taken_is_named(
    cli: Callable, others: Sandbox, yes: list[str]
) -> None:
    result = cli("acquire", "steps", "weight", "sleep", "mood", "coffees", *yes)

    assert (result.code, result.err) == (0, STEPS_TAKEN + WEIGHT_TAKEN)
    assert (owner_of(others, "steps"), owner_of(others, "weight")) == ("my_client", "my_client")


def test_names_in_a_pipe_are_sent_and_what_was_taken_is_named(
    cli: Callable, others: Sandbox, standard_input: Callable[[bytes], None]
) -> None:
    standard_input(b"weight\nmood\nsteps\nsteps\n")

    result = cli("acquire", "-", "--by-name")

    assert (result.code, result.err) == (0, WEIGHT_TAKEN + STEPS_TAKEN)


def test_an_attribute_is_named_by_its_own_name_if_it_differs_from_its_template(cli: Callable, sandbox: Sandbox) -> None:
    sandbox.add_attribute(name="steps", label="My steps")
    sandbox.add_attribute(template="steps", service=sandbox.add_service("tracker", "Fitness tracker"))
    name = sandbox.user.attribute_by_template("steps").name
    assert name != "steps"

    assert cli("acquire", "steps").err == f"exist-async: {name}: taken from Fitness tracker\n"


def test_inactive_attributes_and_those_of_low_priority_are_looked_up(cli: Callable, sandbox: Sandbox) -> None:
    tracker = sandbox.add_service("tracker", "Fitness tracker")
    sandbox.add_attribute(template="steps", service=tracker, active=False, priority=12)

    assert cli("acquire", "steps").err == STEPS_TAKEN


def test_a_service_without_a_label_is_named_by_its_name_and_neither_can_control_the_terminal(
    cli: Callable, sandbox: Sandbox
) -> None:
    sandbox.add_attribute(name="a", service=sandbox.add_service("tracker", ""))
    sandbox.add_attribute(name="b", service=sandbox.add_service("evil", "Evil\x1b[2J\nscale"))

    assert cli("acquire", "a", "b", "--by-name").err == (
        "exist-async: a: taken from tracker\nexist-async: b: taken from Evil\\x1b[2J scale\n"
    )


def test_what_was_refused_is_not_named(cli: Callable, others: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    scopes = ["activity_read", "health_read", "activity_write"]
    monkeypatch.setenv("EXIST_TOKEN", others.issue_token(scopes=scopes))

    result = cli("acquire", "steps", "weight")

    assert (result.code, result.err) == (1, STEPS_TAKEN)
    assert owner_of(others, "weight") == "scale"


def test_an_attribute_whose_acquisition_was_not_answered_is_looked_up_again(cli: Callable, others: Sandbox) -> None:
    others.fail_next(3, status=503, path="acquire/")
    assert "taken" not in cli("acquire", "steps").err

    others.fail_next(3, status=503, path="acquire/", when="after")
    result = cli("acquire", "steps")

    assert result.code == 1
    assert result.err.startswith(STEPS_TAKEN)


def test_if_that_fails_as_well_the_attribute_may_have_been_taken(cli: Callable, others: Sandbox) -> None:
    others.fail_next(6, status=503, skip=2)

    result = cli("acquire", "steps")

    assert result.code == 1
    assert result.err.splitlines()[0] == (
        "exist-async: may have been taken, as exist-async owned will show: steps from Fitness tracker"
    )


def test_if_the_owners_cannot_be_looked_up_for_an_error_nothing_is_sent(cli: Callable, others: Sandbox) -> None:
    others.fail_next(3, status=503)

    result = cli("acquire", "steps")

    assert (result.code, result.out) == (1, "")
    assert "GET /api/2/attributes/" in result.err
    assert writes(others) == []


# Tokens that can't list what they may write


@pytest.fixture
def write_only(others: Sandbox, cli: Callable, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """The same user, with a token that may write and not read."""
    monkeypatch.setenv("EXIST_TOKEN", others.issue_token(scopes=["activity_write", "sleep_write", "mood_write"]))
    return others


@pytest.mark.parametrize("listing", ["empty", "forbidden"])
def test_a_token_that_cannot_list_attributes_acquires_them_and_says_so(
    cli: Callable, write_only: Sandbox, listing: str
) -> None:
    if listing == "forbidden":
        write_only.fail_next(status=403, path="/api/2/attributes/")

    result = cli("acquire", "steps", "sleep", "mood")

    assert (result.code, result.err) == (
        0,
        "exist-async: steps: acquired, but who owned it before can't be looked up with this token\n",
    )


def test_a_token_that_cannot_list_attributes_writes_values_and_says_so(
    cli: Callable, write_only: Sandbox, standard_input: Callable[[bytes], None]
) -> None:
    standard_input(b"steps,2026-01-01,7\nsteps,2026-01-02,7\nsleep,2026-01-01,7\n")

    result = cli("update", "-", "--reacquire")

    assert (result.code, result.err) == (
        0,
        "exist-async: steps: acquired, but who owned it before can't be looked up with this token\n",
    )


def test_the_plan_of_a_token_that_cannot_list_attributes_says_so(cli: Callable, write_only: Sandbox) -> None:
    unknown = "the present owner can't be looked up with this token"

    assert rows(cli("acquire", "steps", "sleep", "stepz", "--dry-run").out)[2:5] == [
        ["steps", "acquired or created", unknown],
        ["sleep", "owned already", "My client"],
        ["stepz", "refused", "there is no such template"],
    ]
    assert rows(cli("acquire", "weight", "--by-name", "--dry-run").out)[2] == ["weight", "acquired", unknown]


def test_a_token_that_can_list_some_groups_and_owns_attributes_of_others_says_so(
    cli: Callable, others: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    scopes = ["activity_read", "activity_write", "sleep_write", "health_write"]
    monkeypatch.setenv("EXIST_TOKEN", others.issue_token(scopes=scopes))

    assert rows(cli("acquire", "steps", "sleep", "weight", "--dry-run").out)[2:5] == [
        ["steps", "taken", "Fitness tracker"],
        ["sleep", "owned already", "My client"],
        ["weight", "acquired or created", "the present owner can't be looked up with this token"],
    ]
    assert cli("acquire", "weight").err == (
        "exist-async: weight: acquired, but who owned it before can't be looked up with this token\n"
    )


# A new user, who has no attributes


def test_the_first_attribute_of_a_new_user_is_created_without_a_word_about_owners(cli: Callable) -> None:
    assert rows(cli("acquire", "steps", "--dry-run").out)[2] == ["steps", "created"]
    assert rows(cli("acquire", "steps", "--by-name", "--dry-run").out)[2][1] == "refused"

    assert cli("acquire", "steps").err == ""


def test_the_first_value_of_a_new_user_is_written_without_a_word_about_owners(
    cli: Callable, standard_input: Callable[[bytes], None]
) -> None:
    standard_input(b"weight,2026-01-01,70\n")

    result = cli("update", "-", "--reacquire")

    assert (result.code, result.err) == (0, "")


@pytest.mark.slow
def test_in_a_terminal_a_new_user_is_asked_nothing(open_terminal: Callable, sandbox: Sandbox) -> None:
    terminal = open_terminal("acquire", "steps", stdout=subprocess.PIPE)

    assert terminal.read_to_end() == 0
    assert terminal.screen == ""


def test_a_token_without_read_scopes_and_without_owned_attributes_names_what_had_another_owner(
    cli: Callable, others: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXIST_TOKEN", others.issue_token(scopes=["activity_write", "mood_write"]))

    assert cli("acquire", "steps", "mood").err == (
        "exist-async: steps: acquired, but who owned it before can't be looked up with this token\n"
    )


@pytest.mark.slow
@pytest.mark.parametrize("scopes", ["activity_write", "activity_write,mood_read,mood_write"])
def test_a_stored_token_that_cannot_read_what_it_writes_is_not_taken_for_that_of_a_new_user(
    login: Callable, cli: Callable, open_terminal: Callable, others: Sandbox, scopes: str
) -> None:
    assert login("--scope", scopes).code == 0

    assert rows(cli("acquire", "steps", "--dry-run").out)[2] == [
        "steps",
        "acquired or created",
        "the present owner can't be looked up with this token",
    ]
    terminal = open_terminal("acquire", "steps", stdout=subprocess.PIPE)
    terminal.read_until(r"whoever owns it\? \[y/N\] $")
    terminal.type("n\n")
    assert terminal.read_to_end() == 1
    assert owner_of(others, "steps") == "tracker"


# --dry-run


def test_a_dry_run_shows_what_would_be_done_and_sends_no_write(cli: Callable, others: Sandbox) -> None:
    others.add_attribute(template="mood_note", service=others.service, active=False)

    result = cli("acquire", "steps", "weight", "sleep", "mood", "coffees", "mood_note", "--dry-run")

    assert (result.code, result.err) == (0, "")
    assert rows(result.out) == [
        ["Name", "Would be", "Owner now"],
        ["─" * 43],
        ["steps", "taken", "Fitness tracker"],
        ["weight", "taken", "Smart scale"],
        ["sleep", "owned already", "My client"],
        ["mood", "acquired"],
        ["coffees", "created"],
        ["mood_note", "made active", "My client"],
        [],
        ["Would be", "Items"],
        ["─" * 21],
        ["taken", "2"],
        ["owned already", "1"],
        ["acquired", "1"],
        ["created", "1"],
        ["made active", "1"],
    ]
    assert writes(others) == []
    assert others.user.attribute("coffees") is None


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [(["stepz"], "there is no such template"), (["stepz", "--by-name"], "there is no such attribute")],
)
def test_a_dry_run_shows_what_would_be_refused_and_exits_with_1(
    cli: Callable, others: Sandbox, arguments: list[str], reason: str
) -> None:
    result = cli("acquire", *arguments, "--dry-run")

    assert (result.code, rows(result.out)[2]) == (1, ["stepz", "refused", reason])


def test_a_dry_run_reads_names_from_standard_input(
    cli: Callable, others: Sandbox, standard_input: Callable[[bytes], None]
) -> None:
    standard_input(b"steps\nmood\n")

    result = cli("acquire", "-", "--dry-run")

    assert [row[:2] for row in rows(result.out)[2:4]] == [["steps", "taken"], ["mood", "acquired"]]
    assert writes(others) == []


# update --reacquire


def test_reacquire_names_each_attribute_that_it_takes_once(
    cli: Callable, others: Sandbox, standard_input: Callable[[bytes], None]
) -> None:
    lines = [f"{name},2026-01-{day:02},1\n" for day in range(1, 31) for name in ("steps", "weight", "sleep", "coffees")]
    standard_input("".join(lines).encode())

    result = cli("update", "-", "--reacquire")

    assert result.code == 0
    assert sorted(result.err.splitlines(keepends=True)) == [STEPS_TAKEN, WEIGHT_TAKEN]


def test_update_without_reacquire_looks_up_no_owner(
    cli: Callable, others: Sandbox, standard_input: Callable[[bytes], None]
) -> None:
    standard_input(b"sleep,2026-01-01,1\n")

    result = cli("update", "-")

    assert (result.code, result.err) == (0, "")
    assert {request.path for request in others.requests} == {"/api/2/attributes/owned/", "/api/2/attributes/update/"}


def test_reacquire_needs_no_more_requests_than_the_value_types_do(
    cli: Callable, others: Sandbox, standard_input: Callable[[bytes], None]
) -> None:
    standard_input(b"sleep,2026-01-01,1\n")

    assert cli("update", "-", "--reacquire").code == 0
    assert len(others.requests) == 4  # templates, all attributes, the owned ones, and the write


def test_an_attribute_that_was_acquired_for_a_value_that_exist_then_refuses_is_named(
    cli: Callable, others: Sandbox, standard_input: Callable[[bytes], None]
) -> None:
    others.fail_next(status=400, path="update/", skip=1)
    standard_input(b"steps,2026-01-01,1\n")

    result = cli("update", "-", "--reacquire")

    assert result.code == 1
    assert result.out.split()[-2:] == ["refused", "1"]
    assert result.err.startswith(STEPS_TAKEN)
    assert owner_of(others, "steps") == "my_client"


def test_an_attribute_that_could_not_be_acquired_is_not_named(
    cli: Callable, others: Sandbox, standard_input: Callable[[bytes], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXIST_TOKEN", others.issue_token(scopes=["activity_read", "sleep_read", "sleep_write"]))
    standard_input(b"steps,2026-01-01,1\nsleep,2026-01-01,1\n")

    result = cli("update", "-", "--reacquire")

    assert (result.code, result.err) == (1, "")
    assert owner_of(others, "steps") == "tracker"


# In a terminal


@pytest.mark.slow
def test_in_a_terminal_acquire_lists_what_it_would_take_and_asks(open_terminal: Callable, others: Sandbox) -> None:
    terminal = open_terminal("acquire", "steps", "weight", "sleep", "mood", stdout=subprocess.PIPE)
    terminal.read_until(r"\[y/N\] $")
    assert terminal.screen.splitlines() == [
        "steps: from Fitness tracker",
        "weight: from Smart scale",
        "Take 2 attributes from other services? [y/N] ",
    ]
    assert writes(others) == []
    terminal.type("y\n")

    assert terminal.read_to_end() == 0
    assert owner_of(others, "steps") == owner_of(others, "weight") == "my_client"
    assert terminal.screen.splitlines()[3:] == [STEPS_TAKEN.rstrip(), WEIGHT_TAKEN.rstrip()]
    assert terminal.process.stdout.read().decode().split()[-2:] == ["acquired", "4"]


@pytest.mark.slow
@pytest.mark.parametrize("answer", ["\n", "n\n", "yess\n", "\x04"])
def test_without_a_yes_nothing_is_sent_and_the_exit_code_is_1(
    open_terminal: Callable, others: Sandbox, answer: str
) -> None:
    terminal = open_terminal("acquire", "steps")
    terminal.read_until(r"Take 1 attribute from other services\? \[y/N\] $")
    terminal.type(answer)

    assert terminal.read_to_end() == 1
    assert terminal.screen.splitlines()[-1] == "exist-async: stopped: nothing was sent"
    assert (writes(others), owner_of(others, "steps")) == ([], "tracker")


@pytest.mark.slow
def test_ctrl_c_at_the_question_ends_it_and_nothing_is_sent(open_terminal: Callable, others: Sandbox) -> None:
    terminal = open_terminal("acquire", "steps")
    terminal.read_until(r"\[y/N\] $")
    terminal.process.send_signal(signal.SIGINT)

    assert terminal.read_to_end() == 130
    assert terminal.screen.splitlines(keepends=True)[1:] == ["Take 1 attribute from other services? [y/N] \r\n"]
    assert writes(others) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("times", "named"),
    [
        (1, STEPS_TAKEN),
        (2, "exist-async: may have been taken, as exist-async owned will show: steps from Fitness tracker\n"),
    ],
)
def test_ctrl_c_while_an_attribute_is_being_acquired_names_it_without_another_request(
    start: Callable, wait_until: Callable, others: Sandbox, times: int, named: str
) -> None:
    others.latency = 1.0 if times == 1 else 3.0
    running = start("acquire", "steps")
    wait_until(lambda: writes(others))
    for number in range(times):
        if number:
            assert running.stderr.readline().endswith(b"Press Ctrl-C again to stop at once\n")
        running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=30)

    assert running.returncode == 130
    assert named in err.decode()
    assert "Traceback" not in err.decode()
    assert len(others.requests) == 3


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["steps", "--yes"], ["mood", "sleep", "coffees"]])
def test_in_a_terminal_nothing_is_asked_with_yes_or_if_nothing_is_taken(
    open_terminal: Callable, others: Sandbox, arguments: list[str]
) -> None:
    terminal = open_terminal("acquire", *arguments)

    assert terminal.read_to_end() == 0
    assert "[y/N]" not in terminal.screen


@pytest.mark.slow
def test_names_typed_into_a_terminal_are_read_to_their_end_before_the_question(
    open_terminal: Callable, others: Sandbox
) -> None:
    terminal = open_terminal("acquire", "-")
    terminal.type("steps\nmood\n\x04")
    terminal.read_until(r"\[y/N\] $")
    assert writes(others) == []
    terminal.type("y\n")

    assert terminal.read_to_end() == 0
    assert writes(others) == [[{"template": "steps"}, {"template": "mood"}]]


@pytest.mark.slow
def test_a_terminal_that_errors_are_not_printed_in_is_not_asked(open_terminal: Callable, others: Sandbox) -> None:
    terminal = open_terminal("acquire", "steps", stderr=subprocess.PIPE)

    assert terminal.read_to_end() == 0
    assert terminal.process.stderr.read().decode() == STEPS_TAKEN


@pytest.mark.slow
def test_in_a_terminal_it_also_asks_if_the_owners_cannot_be_looked_up(
    open_terminal: Callable, write_only: Sandbox
) -> None:
    terminal = open_terminal("acquire", "steps", "mood", "sleep")
    terminal.read_until(r"\[y/N\] $")
    terminal.type("n\n")

    assert terminal.read_to_end() == 1
    assert terminal.screen.splitlines()[:2] == [
        "steps, mood: the present owner can't be looked up with this token",
        "Acquire 2 attributes, whoever owns them? [y/N] n",
    ]
    assert writes(write_only) == []


def test_value_updates_are_compared_with_owners_by_name_and_by_template() -> None:
    from exist_async.attributes import Attribute
    from exist_async.attributes.models import Service
    from exist_async.values import ValueUpdate

    tracker, own = Service("tracker", "Fitness tracker"), Service("client")
    owned = Attribute("sleep", service=own)
    listed = [Attribute("steps_2", template="steps", service=tracker), owned, Attribute("mood")]
    ownership = Ownership(listed, [owned], is_complete=True)
    updates = [ValueUpdate(name, dt.date(2026, 1, 1), 1) for name in ("steps", "sleep", "mood", "new", "steps_2")]

    takeovers = ownership.takeovers(updates)

    assert (dict(takeovers.owners), takeovers.unlisted) == ({"steps_2": "Fitness tracker"}, [])
