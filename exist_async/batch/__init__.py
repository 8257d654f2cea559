"""One outcome for every item of a write."""

from exist_async.batch.outcomes import BatchResult, Outcome, OutcomeStatus

__all__ = ["BatchResult", "Outcome", "OutcomeStatus"]
