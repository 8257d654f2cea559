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


def test_in_a_pipe_it_prints_one_line_an_attribute_with_the_name_first(cli: Callable, owning: Sandbox) -> None:
    assert cli("owned") == (
        0,
        (
            "steps\tSteps\tactivity\tinteger\tyes\tMy client\n"
            "cold_shower\tCold shower\tcustom\tboolean\tyes\tMy client\n"
            "mood\tMood\tmood\tscale\tyes\tMy client\n"
        ),
        "",
    )


def test_groups_can_be_selected(cli: Callable, owning: Sandbox) -> None:
    assert cli("owned", "--group", "mood", "--group", "activity").out.split("\n") == [
        "steps\tSteps\tactivity\tinteger\tyes\tMy client",
        "mood\tMood\tmood\tscale\tyes\tMy client",
        "",
    ]


def test_groups_may_be_separated_by_commas(cli: Callable, owning: Sandbox) -> None:
    assert cli("owned", "--group", "mood, activity") == cli("owned", "--group", "mood", "--group", "activity")


def test_an_unknown_group_is_requested_with_a_warning(cli: Callable, owning: Sandbox) -> None:
    result = cli("owned", "--group", "activty,mood")

    assert (result.code, result.out) == (0, "mood\tMood\tmood\tscale\tyes\tMy client\n")
    assert result.err == (
        "exist-async: 'activty' is not a known group. Known groups: activity, productivity, mood, sleep, "
        "workouts, events, finance, food, health, location, media, social, weather, symptoms, medication, custom\n"
    )


def test_an_empty_group_is_reported_in_one_line(cli: Callable) -> None:
    assert cli("owned", "--group", "mood,") == (1, "", "exist-async: --group is empty\n")


def test_inactive_and_low_priority_attributes_are_listed_on_request(cli: Callable, owning: Sandbox) -> None:
    def names(*options: str) -> list[str]:
        return [line.partition("\t")[0] for line in cli("owned", *options).out.splitlines()]

    assert names("--inactive") == ["steps", "cold_shower", "mood", "sleep"]
    assert names("--low-priority") == ["steps", "cold_shower", "mood", "weather_icon"]


def test_a_long_name_is_not_cut_off_in_a_pipe(cli: Callable, sandbox: Sandbox) -> None:
    name = "a" * 300
    sandbox.add_attribute(name=name, service=sandbox.service)

    assert cli("owned").out.startswith(f"{name}\t")


def test_without_owned_attributes_it_prints_nothing(cli: Callable) -> None:
    assert cli("owned") == (0, "", "")


@pytest.mark.slow
def test_all_pages_are_read_before_the_first_line_so_that_a_reader_may_release_attributes(
    script: str, sandbox: Sandbox
) -> None:
    for number in range(250):
        sandbox.add_attribute(label=f"Tag {number}", service=sandbox.service)

    result = subprocess.run(
        f"'{script}' owned | cut -f1 | '{script}' release -", shell=True, capture_output=True, text=True, timeout=30
    )

    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.split() == ["Outcome", "Items", "─" * 16, "released", "250"]
    assert [attribute for attribute in sandbox.user.attributes if attribute.service] == []


def test_a_reader_that_closes_the_pipe_causes_no_traceback(start: Callable, owning: Sandbox) -> None:
    running = start("owned")
    running.stdout.close()

    assert running.stderr.read() == b""
    assert running.wait(timeout=30) == 1


def test_a_full_disk_is_reported_in_one_line(script: str, owning: Sandbox) -> None:
    with Path("/dev/full").open("w") as full:
        result = subprocess.run([script, "owned"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=30)

    assert (result.returncode, result.stderr) == (1, "exist-async: [Errno 28] No space left on device\n")
