"""Decides whether a failed attempt is worth another, and after how long."""

import ssl
from enum import Enum, auto

import httpx

from exist_async._json import UnreadableError
from exist_async.errors import ConnectionFailedError, ExistAsyncError, NoAnswerError, RateLimitError, StatusError

_FIRST_BACKOFF = 0.5
_LONGEST_BACKOFF = 8.0
# A Retry-After of 0, or a date in the past, must not spin.
_SHORTEST_WAIT = 0.1
# An answer that can't be read is mostly the same the next time.
_UNREADABLE_REPEATS = 1
_SERVER_FAILED = frozenset((408, 500, 502, 503, 504, *range(520, 530)))


class Failure(Enum):
    """What an attempt ended in, as far as it matters for another one."""

    NOT_SENT = auto()
    """No connection was made."""
    RATE_LIMITED = auto()
    """The service let the request in no more: it was not carried out."""
    NO_ANSWER = auto()
    """Sent, and no answer came, or it broke off."""
    SERVER_FAILED = auto()
    """The service, or a proxy in front of it, failed on the way."""
    UNREADABLE = auto()
    """A success came that can't be read."""
    FINAL = auto()
    """The next attempt would end the same way."""

    @property
    def is_costly(self) -> bool:
        """Whether trying again is a load for a service that may be failing for everybody."""
        return self not in (Failure.RATE_LIMITED, Failure.FINAL)

    @property
    def may_have_been_carried_out(self) -> bool:
        """Whether the service may have done what was asked of it all the same."""
        return self in (Failure.NO_ANSWER, Failure.SERVER_FAILED, Failure.UNREADABLE)


def failure_of(error: ExistAsyncError) -> Failure:
    """Return what an error of an attempt means for another one."""
    if isinstance(error, ConnectionFailedError):
        # A certificate does not get better by asking again.
        return Failure.FINAL if isinstance(_root(error), ssl.SSLError) else Failure.NOT_SENT
    if isinstance(error, RateLimitError):
        return Failure.RATE_LIMITED
    cause = _said(error)
    if isinstance(cause, StatusError):
        return Failure.SERVER_FAILED if cause.status_code in _SERVER_FAILED else Failure.FINAL
    if not isinstance(error, NoAnswerError):
        return Failure.FINAL
    return Failure.UNREADABLE if isinstance(cause, UnreadableError | httpx.DecodingError) else Failure.NO_ANSWER


def asked_for(error: ExistAsyncError) -> float | None:
    """Return after how many seconds the service wants to be asked again, where it said so."""
    said = _said(error)
    return said.retry_after if isinstance(said, RateLimitError | StatusError) else None


def pause(
    failure: Failure,
    attempt: int,
    *,
    uncounted: int = 0,
    repeatable: bool,
    max_retries: int,
    fraction: float,
    retry_after: float | None = None,
    max_wait: float | None = None,
    time_left: float | None = None,
    quota_left: int = 1,
) -> float | None:
    """Return the seconds to wait before another attempt, or None to give up.

    Args:
        failure: What the attempt ended in.
        attempt: How many attempts there were, this one included.
        uncounted: How many of them don't count as retries.
        repeatable: Whether the call may be carried out twice.
        max_retries: How many attempts there may be beyond the first.
        fraction: A random number from 0 to 1, which spreads out those who failed together.
        retry_after: How many seconds the service asks for, where it does.
        max_wait: The longest that the service may ask for; None is as long as it takes.
        time_left: The seconds after which no further attempt may begin; None is no end.
        quota_left: The retries that all callers together have left.
    """
    counted = attempt - uncounted
    if failure is Failure.FINAL or counted > max_retries:
        return None
    if failure.may_have_been_carried_out and not repeatable:
        return None
    if failure is Failure.UNREADABLE and counted > _UNREADABLE_REPEATS:
        return None
    if failure.is_costly and quota_left < 1:
        return None
    wait = backoff(attempt, fraction)
    if retry_after is not None:
        if max_wait is not None and retry_after > max_wait:
            return None
        wait += max(_SHORTEST_WAIT, retry_after)
    elif failure is Failure.RATE_LIMITED:
        wait = max(_SHORTEST_WAIT, wait)
        if max_wait is not None and wait > max_wait:
            return None
    return None if time_left is not None and wait >= time_left else wait


def backoff(attempt: int, fraction: float) -> float:
    """Return a part of the longest wait in seconds after so many attempts, which doubles with each."""
    # From the fifth doubling on it is the longest; after a thousand, 2.0 would overflow.
    return fraction * min(_LONGEST_BACKOFF, _FIRST_BACKOFF * 2.0 ** min(attempt - 1, 5))


def _said(error: ExistAsyncError) -> BaseException | None:
    """Return what the service said, which a write's unknown outcome has as its cause."""
    return error.__cause__ if isinstance(error, NoAnswerError) else error


def _root(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error
