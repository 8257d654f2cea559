"""Logs what became of the items of a write that was cancelled."""

import logging
from collections.abc import Sequence

from exist_async._http.call import Call
from exist_async.outcomes import BatchResult, Outcome, OutcomeStatus, count_by_status, error_text, quote_first

_log = logging.getLogger("exist_async")


def log_late(call: Call, outcomes: Sequence[Outcome[object, object]], failure: Exception | None) -> None:
    """Log the outcomes of one request: a line for all, which is a warning where not all succeeded, and one for each.

    Args:
        call: The request.
        outcomes: The outcomes of its items.
        failure: What the caller's `on_outcome` raised when it was told of them, if it did.
    """
    _log_all(f"{call} was cancelled while it was under way. It ended all the same", outcomes)
    if failure is not None:
        _log.error("on_outcome raised %s when it was told: %s", type(failure).__name__, error_text(failure))


def log_cancelled(what: str, outcomes: Sequence[Outcome[object, object]]) -> None:
    """Log the outcomes that a write had already when it was cancelled: nobody gets its result."""
    if outcomes:
        _log_all(f"{what} was cancelled. What had become of items before", outcomes)


def _log_all(what: str, outcomes: Sequence[Outcome[object, object]]) -> None:
    result = BatchResult(tuple(outcomes))
    if result.ok:
        _log.info("%s, of %s.", what, count_by_status(result))
    else:
        failed = [outcome for outcome in outcomes if outcome.status is not OutcomeStatus.SUCCEEDED]
        _log.warning("%s, of %s: %s", what, count_by_status(result), quote_first(failed))
    for outcome in outcomes:
        _log.info("items[%d], %s", outcome.index, outcome)
