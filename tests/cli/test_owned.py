"""The command `owned`."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from exist_async.sandbox import Sandbox


@pytest.fixture
def owning(sandbox: Sandbox) -> Sandbox:
    sandbox.add_attribute(template="steps", service=sandbox.service)
    sandbox.add_attribute(template="mood", service=sandbox.service)
    sandbox.add_attribute(template="weather_icon", service=sandbox.service)
    sandbox.add_attribute(template="sleep", service=sandbox.service, active=False)
    sandbox.add_attribute(template="weight")
    sandbox.add_attribute(label="Cold\tshower", service=sandbox.service)
    return sandbox


def test_into_a_pipe_it_prints_one_line_for_each_and_the_name_first(cli: Callable, owning: Sandbox) -> None:
    assert cli("owned") == (
        0,
        (
            "steps\tSteps\tactivity\tinteger\tyes\tMy client\n"
            "cold_shower\tCold shower\tcustom\tboolean\tyes\tMy client\n"
            "mood\tMood\tmood\tscale\tyes\tMy client\n"
        ),
        "",
    )


def test_groups_can_be_chosen(cli: Callable, owning: Sandbox) -> None:
    assert cli("owned", "--group", "mood", "--group", "activity").out.split("\n") == [
        "steps\tSteps\tactivity\tinteger\tyes\tMy client",
        "mood\tMood\tmood\tscale\tyes\tMy client",
        "",
    ]


def test_groups_can_be_written_with_commas(cli: Callable, owning: Sandbox) -> None:
    assert cli("owned", "--group", "mood, activity") == cli("owned", "--group", "mood", "--group", "activity")


def test_a_group_that_exist_is_not_known_to_have_is_asked_for_all_the_same(cli: Callable, owning: Sandbox) -> None:
    ran = cli("owned", "--group", "activty,mood")

    assert (ran.code, ran.out) == (0, "mood\tMood\tmood\tscale\tyes\tMy client\n")
    assert ran.err == (
        "exist-async: 'activty' is no group that is known here. Those are: activity, productivity, mood, sleep, "
        "workouts, events, finance, food, health, location, media, social, weather, symptoms, medication, custom\n"
    )


def test_a_group_without_a_name_is_one_line(cli: Callable) -> None:
    assert cli("owned", "--group", "mood,") == (1, "", "exist-async: groups is empty\n")


def test_what_is_hidden_is_shown_when_asked_for(cli: Callable, owning: Sandbox) -> None:
    def names(*options: str) -> list[str]:
        return [line.partition("\t")[0] for line in cli("owned", *options).out.splitlines()]

    assert names("--inactive") == ["steps", "cold_shower", "mood", "sleep"]
    assert names("--low-priority") == ["steps", "cold_shower", "mood", "weather_icon"]


def test_a_long_name_is_not_cut_in_a_pipe(cli: Callable, sandbox: Sandbox) -> None:
    name = "a" * 300
    sandbox.add_attribute(name=name, service=sandbox.service)

    assert cli("owned").out.startswith(f"{name}\t")


def test_owning_nothing_prints_nothing(cli: Callable) -> None:
    assert cli("owned") == (0, "", "")


@pytest.mark.slow
def test_everything_is_listed_before_the_first_line_so_that_a_reader_may_release_it(
    script: str, sandbox: Sandbox
) -> None:
    for number in range(250):
        sandbox.add_attribute(label=f"Tag {number}", service=sandbox.service)

    ran = subprocess.run(
        f"'{script}' owned | cut -f1 | '{script}' release -", shell=True, capture_output=True, text=True, timeout=30
    )

    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.split() == ["Outcome", "Items", "─" * 16, "released", "250"]
    assert [attribute for attribute in sandbox.user.attributes if attribute.service] == []


@pytest.mark.slow
def test_a_reader_that_goes_away_is_no_traceback(script: str, owning: Sandbox) -> None:
    with subprocess.Popen([script, "owned"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        running.stdout.close()

        assert running.stderr.read() == b""
        assert running.wait(timeout=30) == 1


@pytest.mark.slow
def test_a_full_disk_is_one_line(script: str, owning: Sandbox) -> None:
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run([script, "owned"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=30)

    assert (ran.returncode, ran.stderr) == (1, "exist-async: [Errno 28] No space left on device\n")
