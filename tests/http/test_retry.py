"""The decision whether to try again, without a loop and without a clock."""

import ssl
from typing import Any

import pytest

from exist_async import (
    ConnectionFailedError,
    ExistAsyncError,
    NoAnswerError,
    OutcomeUnknownError,
    RateLimitError,
    ServerError,
)
from exist_async._http.retry import pause


def after(error: ExistAsyncError, attempt: int = 1, **changes: Any) -> float | None:
    return pause(error, attempt, **({"max_retries": 2, "max_wait": 60.0, "fraction": 1.0} | changes))


def limited(retry_after: float | None) -> RateLimitError:
    return RateLimitError("spent", retry_after=retry_after, status_code=429)


def test_without_a_connection_it_is_tried_again_after_ever_longer_pauses() -> None:
    pauses = [after(ConnectionFailedError("refused"), attempt, max_retries=9) for attempt in range(1, 8)]

    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]


def test_the_pause_is_spread_over_its_whole_length() -> None:
    assert after(ConnectionFailedError("refused"), fraction=0.0) == 0.0
    assert after(ConnectionFailedError("refused"), fraction=0.5) == 0.25


def test_after_max_retries_it_is_given_up() -> None:
    assert after(ConnectionFailedError("refused"), 2) is not None
    assert after(ConnectionFailedError("refused"), 3) is None
    assert after(ConnectionFailedError("refused"), 1, max_retries=0) is None
    assert after(limited(1.0), 3) is None


def test_a_certificate_gets_no_better_by_asking_again() -> None:
    error = ConnectionFailedError("certificate has expired")
    error.__cause__ = OSError()
    error.__cause__.__cause__ = ssl.SSLCertVerificationError()

    assert after(error) is None


def test_a_429_waits_as_long_as_it_says_and_a_little_more() -> None:
    assert after(limited(7.0), fraction=0.0) == 7.0
    assert after(limited(7.0), fraction=1.0) == 7.5


def test_a_429_without_a_time_waits_a_little() -> None:
    assert after(limited(None), 2) == 1.0
    assert after(limited(None), fraction=0.0) == 0.1


def test_a_time_that_is_past_does_not_spin() -> None:
    assert after(limited(0.0), fraction=0.0) == 0.1


def test_a_longer_wait_than_max_wait_is_given_up() -> None:
    assert after(limited(60.0)) is not None
    assert after(limited(61.0)) is None
    assert after(limited(3_000.0), max_wait=None) is not None


@pytest.mark.parametrize(
    "error",
    [
        NoAnswerError("cut"),
        OutcomeUnknownError("cut", repeatable=False),
        ServerError("503", status_code=503, method="GET", path="/"),
    ],
)
def test_what_may_have_been_carried_out_is_not_tried_again(error: ExistAsyncError) -> None:
    assert after(error) is None
