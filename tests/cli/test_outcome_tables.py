"""The tables of the outcomes of a write."""

import datetime as dt
import io

import pytest
from rich.console import Console

from exist_async import (
    BatchResult,
    ByName,
    CustomAttribute,
    Outcome,
    OutcomeStatus,
    RateLimitError,
    ValueType,
    ValueUpdate,
)
from exist_async.cli.outcome_tables import print_outcomes


def test_a_custom_attribute_that_was_not_created_is_listed_by_its_label() -> None:
    tea = CustomAttribute("Cups of tea", "food", ValueType.INTEGER)
    refused = Outcome(0, tea, OutcomeStatus.REFUSED, error_code="exists", error="It exists")
    output = io.StringIO()

    print_outcomes(Console(file=output, width=80), BatchResult((refused,)), success_label="created")

    assert [" ".join(line.split()) for line in output.getvalue().splitlines() if "refused" in line] == [
        "Cups of tea refused exists It exists",
        "refused 1",
    ]


def test_the_reason_of_an_item_that_was_not_sent_names_no_option_that_a_command_has_not() -> None:
    error = RateLimitError("The budget is spent. Call again then, or raise max_wait (and deadline, if there is one).")
    not_sent = Outcome(0, ByName("tea"), OutcomeStatus.NOT_SENT, cause=error)
    output = io.StringIO()

    print_outcomes(Console(file=output, width=120), BatchResult((not_sent,)), success_label="acquired")

    assert "allowed in an hour are used up. Try again later" in output.getvalue()
    assert "max_wait" not in output.getvalue()


@pytest.mark.parametrize("status", [OutcomeStatus.UNCHANGED, OutcomeStatus.SUPERSEDED])
def test_an_item_that_was_not_sent_and_is_fine_is_counted_but_not_listed(status: OutcomeStatus) -> None:
    fine = Outcome(0, ValueUpdate("steps", dt.date(2026, 11, 20), 1), status)
    output = io.StringIO()

    print_outcomes(Console(file=output, width=80), BatchResult((fine,)), success_label="written")

    lines = [line.split() for line in output.getvalue().splitlines()]
    assert [status.value, "1"] in lines
    assert "steps" not in output.getvalue()
