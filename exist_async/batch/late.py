"""Logs what became of items whose write was cancelled while they were under way."""

import logging
from collections.abc import Sequence

from exist_async._http.call import Call
from exist_async.batch.outcomes import BatchResult, Outcome, OutcomeStatus, named, said, tally

_log = logging.getLogger("exist_async")


def log_late(call: Call, outcomes: Sequence[Outcome[object, object]], failure: Exception | None) -> None:
    """Log the outcomes of one request: a line for all, which is a warning where not all succeeded, and one for each.

    Args:
        call: The request.
        outcomes: The outcomes of its items.
        failure: What the caller's `on_outcome` raised when it was told of them, if it did.
    """
    result = BatchResult(tuple(outcomes))
    what = f"{call} was cancelled while it was under way. It ended all the same, of {tally(result)}"
    if result.ok:
        _log.info("%s.", what)
    else:
        _log.warning("%s: %s", what, named([each for each in outcomes if each.status is not OutcomeStatus.SUCCEEDED]))
    for outcome in outcomes:
        _log.info("items[%d], %s", outcome.index, outcome)
    if failure is not None:
        _log.error("on_outcome raised %s when it was told: %s", type(failure).__name__, said(failure))
