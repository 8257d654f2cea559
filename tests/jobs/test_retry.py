"""Whether a job is tried again, and when: a decision without a clock, a queue or a loop."""

from collections.abc import Mapping
from typing import Any

import pytest

from exist_async import (
    AuthenticationError,
    BadRequestError,
    BatchError,
    ClientClosedError,
    ConfigurationError,
    ConnectionFailedError,
    DeadlineExceededError,
    JournalError,
    NoAnswerError,
    OAuthError,
    OutcomeStatus,
    OutcomeUnknownError,
    PermissionDeniedError,
    RateLimitError,
    ReauthorizationRequired,
    ServerError,
    WriteSummary,
)
from exist_async.jobs import RetryPolicy
from exist_async.jobs.retry import decisive_error

PLACE: Mapping[str, Any] = {"method": "POST", "path": "/api/2/attributes/update/"}
UNAUTHORIZED = AuthenticationError("401", status_code=401, **PLACE)
FORBIDDEN = PermissionDeniedError("403", status_code=403, **PLACE)
BAD = BadRequestError("400", status_code=400, **PLACE)
BROKEN = ServerError("502", status_code=502, **PLACE)
UNKNOWN = OutcomeUnknownError("unknown", repeatable=True)

TEMPORARY = [
    ConnectionFailedError("no connection"),
    NoAnswerError("no answer"),
    UNKNOWN,
    DeadlineExceededError("too late"),
    ClientClosedError("closed"),
    JournalError("open elsewhere"),
    BROKEN,
    OAuthError("the token store failed"),
    OAuthError("busy", status_code=429),
    OAuthError("failing", status_code=503),
    RateLimitError("the store of the budget failed"),
    ConnectionResetError("another connection"),
    TimeoutError("another time-out"),
]
LASTING = [
    ReauthorizationRequired("sign in"),
    ReauthorizationRequired("sign in", code="invalid_grant", status_code=400),
    UNAUTHORIZED,
    FORBIDDEN,
    BAD,
    ConfigurationError("wrong"),
    OAuthError("wrong client secret", code="invalid_client", status_code=401),
    KeyError("of the task"),
    BatchError("1 of 2 items did not succeed", errors=()),
]


def names(errors: list[Any]) -> list[str]:
    return [f"{type(error).__name__} {error}" for error in errors]


@pytest.mark.parametrize("error", TEMPORARY, ids=names(TEMPORARY))
def test_what_may_pass_is_tried_again_after_pauses_that_double_up_to_a_limit(error: Exception) -> None:
    policy = RetryPolicy(first_wait=2, longest_wait=30, fraction=lambda: 1.0)

    pauses = [policy.seconds_before_retry(error, attempts) for attempts in (0, 1, 2, 3, 4, 1000)]

    assert pauses == [2, 4, 8, 16, 30, 30]


def test_at_most_half_of_a_pause_is_left_out_at_random() -> None:
    policy = RetryPolicy(first_wait=2, fraction=lambda: 0.0)

    assert policy.seconds_before_retry(UNKNOWN, 3) == 8
    assert {RetryPolicy().seconds_before_retry(UNKNOWN, 3) for _ in range(5)} != {8}


@pytest.mark.parametrize("error", LASTING, ids=names(LASTING))
def test_what_no_repeat_helps_is_not_tried_again(error: Exception) -> None:
    assert RetryPolicy().seconds_before_retry(error, 0) is None


def test_the_last_attempt_is_the_last() -> None:
    policy = RetryPolicy(max_attempts=3)

    assert policy.seconds_before_retry(UNKNOWN, 1) is not None
    assert policy.seconds_before_retry(UNKNOWN, 2) is None
    assert RetryPolicy(max_attempts=1).seconds_before_retry(UNKNOWN, 0) is None


@pytest.mark.parametrize(("retry_after", "latest"), [(0.5, 1.0), (10, 11), (3600, 3780)])
def test_a_job_comes_back_when_its_budget_does_and_not_with_all_others(retry_after: float, latest: float) -> None:
    error = RateLimitError("spent", retry_after=retry_after)

    earliest = RetryPolicy(fraction=lambda: 0.0).seconds_before_retry(error, 100)
    assert earliest == retry_after
    assert RetryPolicy(fraction=lambda: 1.0).seconds_before_retry(error, 100) == pytest.approx(latest)


def test_a_job_is_put_off_for_a_day_at_most() -> None:
    error = RateLimitError("spent", retry_after=1e300)

    assert RetryPolicy(fraction=lambda: 0.0).seconds_before_retry(error, 0) == 86_400


def test_waiting_for_the_budget_is_never_the_last_attempt() -> None:
    policy = RetryPolicy(max_attempts=1)

    assert policy.seconds_before_retry(RateLimitError("spent", retry_after=1), 50) is not None
    assert policy.seconds_before_retry(RateLimitError("429", status_code=429), 50) is not None
    assert policy.seconds_before_retry(RateLimitError("Redis is not there"), 50) is None


def test_a_429_that_does_not_say_for_how_long_has_a_pause_that_doubles() -> None:
    policy = RetryPolicy(first_wait=2, fraction=lambda: 1.0)

    error = RateLimitError("429", status_code=429)

    assert [policy.seconds_before_retry(error, attempts) for attempts in range(3)] == [2, 4, 8]


@pytest.mark.parametrize(
    ("errors", "decisive"),
    [
        ([BAD, UNKNOWN, FORBIDDEN], FORBIDDEN),
        ([BAD, UNKNOWN], UNKNOWN),
        ([UNKNOWN, limit := RateLimitError("spent", retry_after=7)], limit),
        ([FORBIDDEN, sign_in := ReauthorizationRequired("sign in")], sign_in),
        ([FORBIDDEN, own := KeyError("of the callback")], own),
        ([], None),
    ],
)
def test_of_several_errors_one_decides(errors: list[Exception], decisive: Exception | None) -> None:
    assert decisive_error(errors) is decisive
    expected = None if decisive is None else RetryPolicy(fraction=lambda: 0.0).seconds_before_retry(decisive, 0)
    batch = BatchError("several", errors=tuple(errors))
    assert RetryPolicy(fraction=lambda: 0.0).seconds_before_retry(batch, 0) == expected


def test_items_that_were_not_sent_for_no_known_reason_are_tried_again() -> None:
    counts = dict.fromkeys(OutcomeStatus, 0) | {OutcomeStatus.NOT_SENT: 1}

    error = BatchError("incomplete", summary=WriteSummary(counts), errors=())

    assert RetryPolicy().seconds_before_retry(error, 0) is not None


@pytest.mark.parametrize(
    "arguments",
    [
        {"max_attempts": 0},
        {"max_attempts": True},
        {"max_attempts": 2.5},
        {"first_wait": 0},
        {"first_wait": "2"},
        {"longest_wait": -1},
        {"longest_wait": float("inf")},
        {"fraction": 0.5},
    ],
)
def test_a_wrong_argument_is_named(arguments: dict[str, Any]) -> None:
    (name,) = arguments

    with pytest.raises(ConfigurationError, match=name):
        RetryPolicy(**arguments)
