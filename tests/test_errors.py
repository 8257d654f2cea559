"""The errors: one tree, picklable, free of secrets."""

import pickle

import pytest

import exist_async
from exist_async import (
    BatchError,
    BatchResult,
    ByName,
    ConfigurationError,
    ExistAsyncError,
    NotFoundError,
    OAuthError,
    Outcome,
    OutcomeStatus,
    OutcomeUnknownError,
    RateLimitError,
    ReauthorizationRequired,
    StatusError,
)

EVERY_ERROR: list[ExistAsyncError] = [
    ConfigurationError("timeout is wrong"),
    exist_async.ClientClosedError("closed"),
    exist_async.ConnectionFailedError("refused"),
    exist_async.NoAnswerError("cut short"),
    OutcomeUnknownError("cut short", repeatable=False),
    RateLimitError("spent", retry_after=12.0, status_code=429),
    NotFoundError(
        "no such thing", status_code=404, method="GET", path="/api/2/", detail="Not found.", code="not_found"
    ),
    OAuthError("no", code="access_denied", description="The user said no.", status_code=None),
    ReauthorizationRequired("sign in again", code="invalid_grant", status_code=400),
    BatchError("some failed", result=BatchResult(()), errors=(ValueError("why"),)),
]


@pytest.mark.parametrize("error", EVERY_ERROR, ids=lambda error: type(error).__name__)
def test_an_error_survives_pickling_with_its_facts(error: ExistAsyncError) -> None:
    error.add_note("seen at noon")

    copy = pickle.loads(pickle.dumps(error))

    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert copy.__dict__.keys() == error.__dict__.keys()
    assert copy.__notes__ == ["seen at noon"]


def test_an_error_with_its_result_survives_pickling() -> None:
    error = exist_async.ConnectionFailedError("refused")
    error.result = BatchResult((Outcome(0, ByName("mood"), OutcomeStatus.NOT_SENT, cause=error),))

    copy = pickle.loads(pickle.dumps(error))

    assert copy.result[0].item == ByName("mood")
    assert copy.result[0].cause is copy


def test_every_error_is_of_the_one_tree() -> None:
    for name in exist_async.__all__:
        exported = getattr(exist_async, name)
        if isinstance(exported, type) and issubclass(exported, Exception):
            assert issubclass(exported, ExistAsyncError)


def test_a_wrong_argument_is_also_a_value_error() -> None:
    assert issubclass(ConfigurationError, ValueError)


def test_a_write_with_unknown_outcome_is_a_kind_of_no_answer() -> None:
    assert issubclass(OutcomeUnknownError, exist_async.NoAnswerError)


def test_every_status_has_its_place_below_status_error() -> None:
    for name in [
        "BadRequestError",
        "AuthenticationError",
        "PermissionDeniedError",
        "NotFoundError",
        "ConflictError",
        "ServerError",
    ]:
        assert issubclass(getattr(exist_async, name), StatusError)


def test_what_happened_survives_pickling_too() -> None:
    error = OutcomeUnknownError("halfway", repeatable=True)
    error.__cause__ = NotFoundError("no such thing", status_code=404, method="GET", path="/")

    copy = pickle.loads(pickle.dumps(error))

    assert isinstance(copy.__cause__, NotFoundError)
    assert copy.__cause__.status_code == 404
