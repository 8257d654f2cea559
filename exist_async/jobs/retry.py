"""Decides whether a job that ended in an error is tried again, and after how long."""

import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from attrs import field, frozen
from attrs.validators import optional

from exist_async._checks import check_int, is_function, is_seconds, validator
from exist_async.errors import (
    AuthenticationError,
    BatchError,
    ClientClosedError,
    ConfigurationError,
    ConnectionFailedError,
    DeadlineExceededError,
    ExistAsyncError,
    JournalError,
    NoAnswerError,
    OAuthError,
    PermissionDeniedError,
    RateLimitError,
    ReauthorizationRequired,
    ServerError,
)
from exist_async.outcomes import OutcomeStatus

# The first that fits is the error that decides. Those that no repeat helps come first, as every request would end in
# them; then the longest wait.
_DECISIVE: Final = (
    ReauthorizationRequired,
    AuthenticationError,
    PermissionDeniedError,
    ConfigurationError,
    OAuthError,
    JournalError,
    RateLimitError,
    ClientClosedError,
    ConnectionFailedError,
    DeadlineExceededError,
    NoAnswerError,
    ServerError,
    ExistAsyncError,
)

_TEMPORARY: Final = (
    JournalError,
    RateLimitError,
    ClientClosedError,
    ConnectionFailedError,
    DeadlineExceededError,
    NoAnswerError,
    ServerError,
    ConnectionError,
    TimeoutError,
)

_BUSY: Final = (408, 429)

_JITTER: Final = 0.05  # of a wait for the budget
_DAY: Final = 86_400.0  # seconds
_LONGEST_EXPONENT: Final = 30


@frozen
class RetryPolicy:
    """Decides whether a job that ended in an error is tried again. It does nothing by itself.

    - The rate budget is spent, or Exist answered 429: after `retry_after`, a day at most, and a little later at random,
      so that not all come back at once. This is no failure, and never the last attempt.
    - No connection, no answer, a 5xx, or a token store, journal or limiter that can't be used for now: after a pause of
      `first_wait` seconds, which doubles with each attempt up to `longest_wait`, of which a random part, at most half,
      is left out. This includes a journal that another process has open: a worker that seemed dead may only be slow.
    - The user has to sign in again, 401, 403, a wrong argument, items that were refused, any other error: never.

    Args:
        max_attempts: The most attempts that may fail; None is no limit.
        first_wait: Seconds to wait after the first attempt that fails.
        longest_wait: The most seconds to wait after an attempt that fails.
        fraction: Returns random numbers from 0 to 1, for the jitter; for tests.

    Raises:
        ConfigurationError: An argument is wrong.
    """

    max_attempts: int | None = field(default=None, validator=optional(validator(partial(check_int, least=1))))
    first_wait: float = field(default=2.0, validator=is_seconds, kw_only=True)
    longest_wait: float = field(default=300.0, validator=is_seconds, kw_only=True)
    fraction: Callable[[], float] = field(default=random.random, validator=is_function, kw_only=True, repr=False)

    def seconds_before_retry(self, error: BaseException, attempts: int) -> float | None:
        """Return the seconds after which a job is tried again; None if it is not.

        Args:
            error: The error that ended the last attempt.
            attempts: Number of attempts before that one.
        """
        error = _decisive_of(error)
        if isinstance(error, RateLimitError) and waits_for_budget(error):
            if error.retry_after is None:
                return self._pause(attempts)
            wait = min(error.retry_after, _DAY)
            return wait + self.fraction() * max(_JITTER * wait, min(1.0, wait))
        is_last = self.max_attempts is not None and attempts + 1 >= self.max_attempts
        return self._pause(attempts) if _is_temporary(error) and not is_last else None

    def _pause(self, attempts: int) -> float:
        longest: float = min(self.longest_wait, self.first_wait * 2 ** min(attempts, _LONGEST_EXPONENT))
        return longest * (1 + self.fraction()) / 2


def decisive_error(errors: Sequence[Exception]) -> Exception | None:
    """Return the error of a write's several ones that decides whether it is tried again; None if there are none.

    An error of the caller's own code comes first: no repeat is known to help.
    """
    for error in errors:
        if not isinstance(error, ExistAsyncError):
            return error
    return min(errors, key=_rank, default=None)


def _rank(error: Exception) -> int:
    return next(rank for rank, cls in enumerate(_DECISIVE) if isinstance(error, cls))


def is_worth_another(error: BaseException) -> bool:
    """Whether another attempt may help after an error."""
    error = _decisive_of(error)
    return waits_for_budget(error) or _is_temporary(error)


def waits_for_budget(error: BaseException) -> bool:
    """Whether an error says that the budget is spent. Otherwise, the store of the budget has failed."""
    return isinstance(error, RateLimitError) and (error.retry_after is not None or error.status_code is not None)


def _decisive_of(error: BaseException) -> BaseException:
    """Return the error that decides instead of one for several."""
    return (decisive_error(error.errors) or error) if isinstance(error, BatchError) else error


def _is_temporary(error: BaseException) -> bool:
    """Whether an error may not occur again: no connection, no answer, something that can't be used for now."""
    if isinstance(error, OAuthError):
        # Without a status, the token store failed, or the service did not answer.
        is_busy = error.status_code is None or error.status_code in _BUSY or error.status_code >= 500
        return is_busy and not isinstance(error, ReauthorizationRequired)
    if isinstance(error, BatchError):
        # Some items may have been kept from being sent, for example by others that are unknown.
        return error.summary is not None and error.summary.counts[OutcomeStatus.NOT_SENT] > 0
    return isinstance(error, _TEMPORARY)
