"""Decides whether a failed attempt is worth another, and after how long."""

import math
import ssl
from enum import Enum, auto

import httpx
from attrs import define

from exist_async._http.call import Call, CallState
from exist_async._http.options import Options
from exist_async._json import UnreadableError
from exist_async.errors import ConnectionFailedError, ExistAsyncError, NoAnswerError, RateLimitError, StatusError

_FIRST_BACKOFF = 0.5
_LONGEST_BACKOFF = 8.0
# A 429 that does not say how long to wait must not lead to a busy loop.
_SHORTEST_WAIT = 0.1
# An answer that can't be decoded is mostly the same the next time.
_UNREADABLE_REPEATS = 1
_SERVER_FAILED = frozenset((408, 500, 502, 503, 504, *range(520, 530)))


class Failure(Enum):
    """The kinds of failure, as far as a retry depends on them."""

    NOT_CONNECTED = auto()
    """No connection was made."""
    RATE_LIMITED = auto()
    """The service answered 429: the request was not carried out."""
    NO_ANSWER = auto()
    """Sent, and no answer came, or it broke off."""
    SERVER_FAILED = auto()
    """The service, or a proxy in front of it, failed while handling it."""
    UNREADABLE = auto()
    """A success was answered that can't be decoded."""
    FINAL = auto()
    """Another attempt would end the same way."""

    @property
    def is_costly(self) -> bool:
        """Whether another attempt adds load to a service that may be failing for everybody."""
        return self not in (Failure.RATE_LIMITED, Failure.FINAL)

    @property
    def may_have_been_carried_out(self) -> bool:
        """Whether the service may have carried the request out all the same."""
        return self in (Failure.NO_ANSWER, Failure.SERVER_FAILED, Failure.UNREADABLE)


@define(eq=False, repr=False)
class RetryBudget:
    """Limits the retries of all calls of a client together: at most 100 at once, and one more for each ten answers.

    While a service fails for everybody, unlimited retries would triple its load just when it can bear the least. The
    count may be slightly wrong when threads share it, which does no harm.

    Attributes:
        spent: Number of answers until the budget is full again; a retry costs ten.
    """

    _ANSWERS = 1000
    _ANSWERS_PER_RETRY = 10

    spent: int = 0

    @property
    def left(self) -> int:
        """The number of retries that are possible now."""
        return (self._ANSWERS - self.spent) // self._ANSWERS_PER_RETRY

    def take(self) -> None:
        """Take one for a retry."""
        self.spent += self._ANSWERS_PER_RETRY

    def give_back(self) -> None:
        """Give back a part of one, for a call that was answered."""
        self.spent = max(0, self.spent - 1)


def classify(error: ExistAsyncError) -> Failure:
    """Return which kind of failure an attempt's error is."""
    if isinstance(error, ConnectionFailedError):
        # A certificate does not get better by asking again.
        return Failure.FINAL if isinstance(_root_cause(error), ssl.SSLError) else Failure.NOT_CONNECTED
    if isinstance(error, RateLimitError):
        return Failure.RATE_LIMITED
    cause = _decisive_error(error)
    if isinstance(cause, StatusError):
        return Failure.SERVER_FAILED if cause.status_code in _SERVER_FAILED else Failure.FINAL
    if not isinstance(error, NoAnswerError):
        return Failure.FINAL
    return Failure.UNREADABLE if isinstance(cause, UnreadableError | httpx.DecodingError) else Failure.NO_ANSWER


def retry_after(error: ExistAsyncError) -> float | None:
    """Return the seconds after which the service wants to be asked again, where it says so."""
    cause = _decisive_error(error)
    return cause.retry_after if isinstance(cause, RateLimitError | StatusError) else None


def delay(
    error: ExistAsyncError,
    call: Call,
    state: CallState,
    options: Options,
    *,
    now: float,
    fraction: float,
    retries_left: int,
) -> float | None:
    """Return the seconds to wait before another attempt after one that failed with an error, or None to give up.

    The state includes the failed attempt; `now` is the monotonic time. `fraction` is a random number from 0 to 1: the
    jitter that spreads out calls which failed together. `retries_left` is how many the client's budget has left.
    """
    failure = classify(error)
    if call.is_token_request and failure is Failure.RATE_LIMITED:
        return None
    counted = state.attempt - state.uncounted
    if failure is Failure.FINAL or counted > options.max_retries:
        return None
    max_repeats = math.inf if call.max_repeats is None else call.max_repeats
    if failure.may_have_been_carried_out and not (call.repeatable and state.repeats < max_repeats):
        return None
    if failure is Failure.UNREADABLE and counted > _UNREADABLE_REPEATS:
        return None
    if failure.is_costly and retries_left < 1:
        return None
    wait = backoff(state.attempt, fraction)
    # A user waits for a token request: no Retry-After is waited for. One of 0, or a date in the past, says nothing.
    asked = None if call.is_token_request else retry_after(error) or None
    if asked is not None or failure is Failure.RATE_LIMITED:
        wait = max(_SHORTEST_WAIT, wait) if asked is None else wait + max(_SHORTEST_WAIT, asked)
        # The jitter on top of a Retry-After does not count towards max_wait.
        required = asked or wait
        if options.max_wait is not None and required > options.max_wait - state.waited:
            return None
    if state.ends_at is not None and wait >= state.ends_at - now:
        return None
    return wait


def backoff(attempt: int, fraction: float) -> float:
    """Return a random part of the longest pause in seconds after an attempt; that pause doubles with each attempt."""
    # It no longer grows after the fifth doubling; and after a thousand, 2.0 would overflow.
    return fraction * min(_LONGEST_BACKOFF, _FIRST_BACKOFF * 2.0 ** min(attempt - 1, 5))


def _decisive_error(error: ExistAsyncError) -> BaseException | None:
    """Return the error that a retry depends on: the cause of a NoAnswerError, or else the error itself."""
    return error.__cause__ if isinstance(error, NoAnswerError) else error


def _root_cause(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error
