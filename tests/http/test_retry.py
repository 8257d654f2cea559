"""The decision whether to try again, without a loop and without a clock."""

import ssl
from typing import Any

import httpx
import pytest

from exist_async import (
    AuthenticationError,
    BadRequestError,
    ClientClosedError,
    ConnectionFailedError,
    DeadlineExceededError,
    ExistAsyncError,
    NoAnswerError,
    OAuthError,
    OutcomeUnknownError,
    RateLimitError,
    ServerError,
    StatusError,
)
from exist_async._http.call import Call, CallState
from exist_async._http.options import Options
from exist_async._http.retry import Failure, RetryBudget, classify, delay
from exist_async._json import UnreadableError


def after(
    failure: Failure,
    attempt: int = 1,
    *,
    uncounted: int = 0,
    repeatable: bool = True,
    max_repeats: int | None = None,
    repeats: int = 0,
    retry_after: float | None = None,
    time_left: float | None = None,
    fraction: float = 1.0,
    retries_left: int = 1,
    **options: Any,
) -> float | None:
    """Return the delay after an attempt that failed in this way, at the monotonic time 1,000."""
    call = Call("POST", "/", repeatable=repeatable, max_repeats=max_repeats)
    ends_at = None if time_left is None else 1_000.0 + time_left
    state = CallState(ends_at=ends_at, attempt=attempt, uncounted=uncounted, repeats=repeats)
    settings = Options("https://exist.io", **({"max_wait": None} | options))
    return delay(
        error_of(failure, retry_after),
        call,
        state,
        settings,
        now=1_000.0,
        fraction=fraction,
        retries_left=retries_left,
    )


def error_of(failure: Failure, retry_after: float | None = None) -> ExistAsyncError:
    match failure:
        case Failure.NOT_CONNECTED:
            return ConnectionFailedError("refused")
        case Failure.RATE_LIMITED:
            return RateLimitError("spent", retry_after=retry_after, status_code=429)
        case Failure.NO_ANSWER:
            return read_without_answer(httpx.ReadError("reset"))
        case Failure.SERVER_FAILED:
            return ServerError("no", status_code=503, method="GET", path="/", retry_after=retry_after)
        case Failure.UNREADABLE:
            return read_without_answer(UnreadableError("no JSON"))
        case Failure.FINAL:
            return answered(404)


def answered(status: int, cls: type[StatusError] = StatusError) -> StatusError:
    return cls("no", status_code=status, method="GET", path="/")


def write_without_answer(cause: Exception | None) -> OutcomeUnknownError:
    error = OutcomeUnknownError("who knows", repeatable=False)
    error.__cause__ = cause
    return error


def read_without_answer(cause: Exception | None) -> NoAnswerError:
    error = NoAnswerError("nothing")
    error.__cause__ = cause
    return error


# How often each is tried in all, with two retries: for what may be repeated, and for an increment.
TABLE = {
    Failure.NOT_CONNECTED: (3, 3),
    Failure.RATE_LIMITED: (3, 3),
    Failure.NO_ANSWER: (3, 1),
    Failure.SERVER_FAILED: (3, 1),
    Failure.UNREADABLE: (2, 1),
    Failure.FINAL: (1, 1),
}


@pytest.mark.parametrize("repeatable", [True, False])
@pytest.mark.parametrize("failure", Failure)
def test_each_failure_is_tried_as_often_as_it_is_harmless_and_worth_it(failure: Failure, repeatable: bool) -> None:
    attempts = 1
    while after(failure, attempts, repeatable=repeatable) is not None:
        attempts += 1

    assert attempts == TABLE[failure][0 if repeatable else 1]


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 520, 524, 529])
def test_a_service_or_proxy_that_failed_may_do_better(status: int) -> None:
    assert classify(answered(status)) is Failure.SERVER_FAILED
    assert classify(write_without_answer(answered(status, ServerError))) is Failure.SERVER_FAILED


@pytest.mark.parametrize("status", [301, 400, 404, 405, 409, 422, 501, 505, 530])
def test_other_answers_stay_the_same(status: int) -> None:
    assert classify(answered(status)) is Failure.FINAL
    assert classify(write_without_answer(answered(status))) is Failure.FINAL


@pytest.mark.parametrize("without_answer", [read_without_answer, write_without_answer])
@pytest.mark.parametrize(
    ("cause", "failure"),
    [
        (httpx.ReadError("reset"), Failure.NO_ANSWER),
        (httpx.ReadTimeout("late"), Failure.NO_ANSWER),
        (httpx.RemoteProtocolError("garbage"), Failure.NO_ANSWER),
        (None, Failure.NO_ANSWER),
        (httpx.DecodingError("no gzip"), Failure.UNREADABLE),
        (UnreadableError("no JSON"), Failure.UNREADABLE),
    ],
)
def test_what_came_instead_of_an_answer_tells_whether_it_will_come_again(
    without_answer: Any, cause: Exception | None, failure: Failure
) -> None:
    assert classify(without_answer(cause)) is failure


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (ConnectionFailedError("refused"), Failure.NOT_CONNECTED),
        (RateLimitError("spent", retry_after=1.0, status_code=429), Failure.RATE_LIMITED),
        (answered(401, AuthenticationError), Failure.FINAL),
        (answered(400, BadRequestError), Failure.FINAL),
        (ClientClosedError("closed"), Failure.FINAL),
        (DeadlineExceededError("late"), Failure.FINAL),
        (OAuthError("signed out"), Failure.FINAL),
    ],
)
def test_the_class_of_an_error_tells_the_rest(error: ExistAsyncError, failure: Failure) -> None:
    assert classify(error) is failure


def test_a_certificate_gets_no_better_by_asking_again() -> None:
    error = ConnectionFailedError("certificate has expired")
    error.__cause__ = OSError()
    error.__cause__.__cause__ = ssl.SSLCertVerificationError()

    assert classify(error) is Failure.FINAL


def test_it_is_tried_again_after_ever_longer_pauses() -> None:
    pauses = [after(Failure.NOT_CONNECTED, attempt, max_retries=9) for attempt in range(1, 8)]

    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]


def test_the_thousandth_pause_is_no_longer_than_the_tenth() -> None:
    assert after(Failure.RATE_LIMITED, 5_000, uncounted=5_000, max_wait=None) == 8.0


def test_a_429_without_a_time_is_not_waited_for_longer_than_max_wait() -> None:
    assert after(Failure.RATE_LIMITED, 1, max_wait=0.4) is None
    assert after(Failure.RATE_LIMITED, 1, max_wait=0.5) == 0.5


def test_the_pause_is_spread_over_its_whole_length() -> None:
    assert after(Failure.NOT_CONNECTED, fraction=0.0) == 0.0
    assert after(Failure.NOT_CONNECTED, fraction=0.5) == 0.25


def test_without_retries_nothing_is_tried_again() -> None:
    assert {after(failure, max_retries=0) for failure in Failure} == {None}


def test_a_429_waits_as_long_as_it_says_and_a_little_more() -> None:
    assert after(Failure.RATE_LIMITED, retry_after=7.0, fraction=0.0) == 7.0
    assert after(Failure.RATE_LIMITED, retry_after=7.0, fraction=1.0) == 7.5


def test_a_429_without_a_time_waits_a_little() -> None:
    assert after(Failure.RATE_LIMITED, 2) == 1.0
    assert after(Failure.RATE_LIMITED, fraction=0.0) == 0.1


def test_a_time_that_is_past_does_not_spin() -> None:
    assert after(Failure.RATE_LIMITED, retry_after=0.0, fraction=0.0) == 0.1


def test_a_failing_service_is_given_the_time_that_it_asks_for() -> None:
    assert after(Failure.SERVER_FAILED, retry_after=20.0, fraction=0.0) == 20.0


def test_a_longer_wait_than_max_wait_is_given_up() -> None:
    assert after(Failure.RATE_LIMITED, retry_after=60.0, max_wait=60.0) is not None
    assert after(Failure.RATE_LIMITED, retry_after=61.0, max_wait=60.0) is None
    assert after(Failure.SERVER_FAILED, retry_after=61.0, max_wait=60.0) is None
    assert after(Failure.RATE_LIMITED, retry_after=3_000.0, max_wait=None) is not None


def test_no_attempt_begins_after_the_deadline() -> None:
    assert after(Failure.NOT_CONNECTED, time_left=0.6) == 0.5
    assert after(Failure.NOT_CONNECTED, time_left=0.5) is None
    assert after(Failure.RATE_LIMITED, retry_after=7.0, time_left=7.0) is None
    assert after(Failure.NOT_CONNECTED, fraction=0.0, time_left=-1.0) is None


@pytest.mark.parametrize("failure", Failure)
def test_with_the_budget_spent_only_what_is_no_load_is_tried_again(failure: Failure) -> None:
    assert (after(failure, retries_left=0) is not None) == (failure is Failure.RATE_LIMITED)


def test_a_call_can_limit_how_often_it_is_repeated() -> None:
    assert after(Failure.NO_ANSWER, max_repeats=1, repeats=0) is not None
    assert after(Failure.NO_ANSWER, 2, max_repeats=1, repeats=1) is None
    assert after(Failure.NOT_CONNECTED, 2, max_repeats=1, repeats=1) is not None


def test_a_budget_of_retries_is_spent_by_retries_and_filled_by_answers() -> None:
    budget = RetryBudget()
    for _ in range(100):
        budget.take()
    assert budget.left == 0

    for _ in range(10):
        budget.give_back()
    assert budget.left == 1
    for _ in range(10_000):
        budget.give_back()
    assert budget.left == 100
