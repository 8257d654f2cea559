"""The commands `acquire` and `release`."""

import re
from collections.abc import Callable

import pytest

from exist_async.attributes import ByTemplate
from exist_async.errors import ConfigurationError
from exist_async.sandbox import Sandbox


def test_acquire_sends_templates_and_prints_the_number_of_items_by_outcome(cli: Callable, sandbox: Sandbox) -> None:
    result = cli("acquire", "steps", "mood")

    assert (result.code, result.err) == (0, "")
    assert result.out.split() == ["Outcome", "Items", "─" * 16, "acquired", "2"]
    assert sandbox.requests[-1].json == [{"template": "steps"}, {"template": "mood"}]


def test_an_argument_may_contain_several_names_separated_by_commas(cli: Callable, sandbox: Sandbox) -> None:
    assert cli("acquire", "steps,mood", "sleep").code == 0
    assert cli("release", "steps, mood,sleep").code == 0
    assert [item["name"] for item in sandbox.requests[-1].json] == ["steps", "mood", "sleep"]


def test_refused_items_are_listed_with_code_and_reason_and_the_exit_code_is_1(cli: Callable) -> None:
    result = cli("acquire", "steps", "stepz", "[b]mood[/b]")

    assert (result.code, result.err) == (1, "")
    assert [line.rstrip() for line in result.out.splitlines()] == [
        "Name          Outcome   Code        Reason",
        "─" * 83,
        "stepz         refused   not_found   Attribute template 'stepz' does not exist",
        "[b]mood[/b]   refused   not_found   Attribute template '[b]mood[/b]' does not exist",
        "",
        "Outcome    Items",
        "─" * 16,
        "acquired       1",
        "refused        2",
    ]


def test_hundreds_of_refused_items_are_listed_in_full(cli: Callable) -> None:
    long_name = "x" * 200
    result = cli("acquire", *(f"{long_name}_{number}" for number in range(200)))

    assert result.code == 1
    assert [line.split()[0] for line in result.out.splitlines()[2:202]] == [
        f"{long_name}_{number}" for number in range(200)
    ]


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ([], {"name": "mood"}),
        (["--manual"], {"name": "mood", "manual": True}),
        (["--no-manual"], {"name": "mood", "manual": False}),
    ],
)
def test_the_options_by_name_and_manual_are_sent(
    cli: Callable, sandbox: Sandbox, options: list[str], sent: dict[str, object]
) -> None:
    sandbox.add_attribute(template="mood")

    assert cli("acquire", "--by-name", "mood", *options).code == 0
    assert sandbox.requests[-1].json == [sent]


def test_a_dash_reads_names_from_standard_input(
    cli: Callable, sandbox: Sandbox, standard_input: Callable[[bytes], None]
) -> None:
    standard_input(b"\xef\xbb\xbfsteps\n\n  mood \r\n   \nweight")

    assert cli("acquire", "-", "--no-manual").code == 0
    assert [item["template"] for item in sandbox.requests[-1].json] == ["steps", "mood", "weight"]


def test_any_number_of_names_is_read_and_sent_35_a_request(
    cli: Callable, sandbox: Sandbox, standard_input: Callable[[bytes], None]
) -> None:
    for number in range(3000):
        sandbox.add_attribute(name=f"a_tag_with_a_long_name_{number}")
    standard_input("".join(f"a_tag_with_a_long_name_{number}\n" for number in range(3000)).encode())

    result = cli("acquire", "--by-name", "-")

    assert result.code == 0
    assert result.out.split()[-2:] == ["acquired", "3000"]
    assert sorted(sandbox.batch_sizes) == [25] + 85 * [35]


def test_empty_standard_input_succeeds_without_a_request(
    cli: Callable, sandbox: Sandbox, standard_input: Callable[[bytes], None]
) -> None:
    standard_input(b"\n")

    result = cli("release", "-")

    assert (result.code, result.err) == (0, "")
    assert result.out.split()[-2:] == ["released", "0"]
    assert sandbox.requests == []


def test_a_line_that_is_not_utf_8_stops_reading_and_the_outcomes_so_far_are_printed(
    cli: Callable, standard_input: Callable[[bytes], None]
) -> None:
    standard_input(b"steps\nm\xf6od\n")

    result = cli("acquire", "-")

    assert (result.code, result.err) == (1, "exist-async: standard input is not UTF-8: b'm\\xf6od'\n")
    assert result.out.split()[-3:] == ["not", "sent", "1"]


def test_an_invalid_name_is_reported_before_any_request(cli: Callable, sandbox: Sandbox) -> None:
    with pytest.raises(ConfigurationError) as error:
        ByTemplate("")

    assert cli("acquire", "steps", "") == (1, "", f"exist-async: {error.value}\n")
    assert sandbox.requests == []


def test_an_error_shared_by_all_items_is_printed_once(cli: Callable, sandbox: Sandbox) -> None:
    sandbox.fail_next(3, status=503, path="acquire/")

    result = cli("acquire", "steps", "mood")

    assert result.code == 1
    assert result.out.split() == ["Outcome", "Items", "─" * 16, "acquired", "0", "unknown", "2"]
    assert result.err.startswith("exist-async: ")
    assert "POST /api/2/attributes/acquire/" in result.err
    assert result.err.count("\n") == 1


def test_the_outcomes_are_printed_before_the_error_of_an_incomplete_write(cli: Callable, sandbox: Sandbox) -> None:
    for number in range(40):
        sandbox.add_attribute(name=f"tag_{number:02}")
    sandbox.fail_next(3, status=500, path="acquire/", skip=1)

    result = cli("acquire", "--by-name", *(f"tag_{number:02}" for number in range(40)))

    assert result.code == 1
    lines = [line.split() for line in result.out.splitlines()]
    unknown = [line for line in lines if line[1:2] == ["unknown"]]
    assert "/api/2/attributes/acquire/" in " ".join(unknown[0][2:])
    assert all(line[2:] == ["as", "above"] for line in unknown[1:])
    assert lines[-2:] == [["acquired", str(40 - len(unknown))], ["unknown", str(len(unknown))]]
    assert result.err.startswith("exist-async: ")
    assert re.search(rf"\b{40 - len(unknown)}( of 40 items)? succeeded, {len(unknown)} unknown", result.err)
    assert result.err.count("\n") == 1


def test_release_gives_up_owned_attributes_and_lists_the_others_as_refused(cli: Callable, sandbox: Sandbox) -> None:
    sandbox.add_attribute(template="steps", service=sandbox.service)
    sandbox.add_attribute(template="mood")

    result = cli("release", "steps", "mood")

    assert result.code == 1
    assert result.out.splitlines()[2].split(maxsplit=3)[:3] == ["mood", "refused", "unauthorised"]
    assert [line.split() for line in result.out.splitlines()[-2:]] == [["released", "1"], ["refused", "1"]]
    assert sandbox.user.attribute("steps").service is None
