"""Decides whether a failed attempt is worth another, and after how long."""

import ssl

from exist_async.errors import ConnectionFailedError, ExistAsyncError, RateLimitError

_FIRST_BACKOFF = 0.5
_LONGEST_BACKOFF = 8.0
# A Retry-After of 0, or a date in the past, must not spin.
_SHORTEST_WAIT = 0.1


def pause(
    error: ExistAsyncError, attempt: int, *, max_retries: int, max_wait: float | None, fraction: float
) -> float | None:
    """Return the seconds to wait before another attempt, or None to give up.

    Only two failures are sure to have changed nothing, so that any call may be made again: no connection was made, or
    the service refused the request with a 429.

    Args:
        error: What the attempt ended in.
        attempt: How many attempts there were, this one included.
        max_retries: How many attempts there may be beyond the first.
        max_wait: The longest wait for a 429; None is as long as it takes.
        fraction: A random number from 0 to 1, which spreads out those who failed together.
    """
    if attempt > max_retries:
        return None
    wait = backoff(attempt, fraction)
    if isinstance(error, ConnectionFailedError):
        # A certificate does not get better by asking again.
        return None if isinstance(_root(error), ssl.SSLError) else wait
    if isinstance(error, RateLimitError):
        asked = error.retry_after
        if asked is None:
            return max(_SHORTEST_WAIT, wait)
        if max_wait is not None and asked > max_wait:
            return None
        return max(_SHORTEST_WAIT, asked) + wait
    return None


def backoff(attempt: int, fraction: float) -> float:
    """Return a part of the longest wait in seconds after so many attempts, which doubles with each."""
    return fraction * min(_LONGEST_BACKOFF, _FIRST_BACKOFF * 2.0 ** (attempt - 1))


def _root(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error
