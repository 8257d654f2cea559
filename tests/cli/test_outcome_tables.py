"""The tables of the outcomes of a write."""

import datetime as dt
import io

import pytest
from rich.console import Console

from exist_async import (
    BatchResult,
    ByName,
    ClientClosedError,
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


def test_items_that_await_the_budget_are_counted_and_not_listed_and_others_that_were_not_sent_are() -> None:
    awaiting = Outcome(0, ByName("tea"), OutcomeStatus.NOT_SENT, cause=RateLimitError("The budget is spent."))
    stopped = Outcome(1, ByName("mood"), OutcomeStatus.NOT_SENT, cause=ClientClosedError("The client was closed."))
    output = io.StringIO()

    print_outcomes(Console(file=output, width=120), BatchResult((awaiting, stopped)), success_label="acquired")

    lines = [" ".join(line.split()) for line in output.getvalue().splitlines()]
    assert "mood not sent The client was closed." in lines
    assert "not sent 2" in lines
    assert "tea" not in output.getvalue()


@pytest.mark.parametrize("status", [OutcomeStatus.UNCHANGED, OutcomeStatus.SUPERSEDED])
def test_an_item_that_was_not_sent_and_is_fine_is_counted_but_not_listed(status: OutcomeStatus) -> None:
    fine = Outcome(0, ValueUpdate("steps", dt.date(2026, 11, 20), 1), status)
    output = io.StringIO()

    print_outcomes(Console(file=output, width=80), BatchResult((fine,)), success_label="written")

    lines = [line.split() for line in output.getvalue().splitlines()]
    assert [status.value, "1"] in lines
    assert "steps" not in output.getvalue()
