"""The tables of the outcomes of a write."""

import io

from rich.console import Console

from exist_async import BatchResult, CustomAttribute, Outcome, OutcomeStatus, ValueType
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
