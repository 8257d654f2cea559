"""The token itself: hidden in reprs, and stored as plain data."""

import copy
import json
import pickle
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from exist_async import ConfigurationError, OAuthToken

TOKEN = OAuthToken("s3cr3t-access", "s3cr3t-refresh", datetime(2027, 1, 1, 12, tzinfo=UTC), ("mood_read", "mood_write"))


def test_a_token_is_hidden_in_its_repr_and_not_pickled() -> None:
    assert "s3cr3t" not in f"{TOKEN!r} {TOKEN} {[TOKEN]}"
    for carry in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="OAuthToken holds a secret and can't be pickled"):
            carry(TOKEN)


def test_a_token_survives_storage_as_json() -> None:
    zone = timezone(timedelta(hours=10))

    for token in [TOKEN, OAuthToken("a"), OAuthToken("a", None, datetime(2027, 1, 1, tzinfo=zone))]:
        assert OAuthToken.from_dict(json.loads(json.dumps(token.to_dict()))) == token


def test_the_stored_form_is_plain_json() -> None:
    assert json.loads(json.dumps(TOKEN.to_dict())) == {
        "access_token": "s3cr3t-access",
        "refresh_token": "s3cr3t-refresh",
        "expires_at": "2027-01-01T12:00:00Z",
        "scope": ["mood_read", "mood_write"],
        "token_type": "Bearer",
    }


@pytest.mark.parametrize(
    "fields",
    [
        {},
        [],
        None,
        {"access_token": None},
        {"access_token": 7},
        {"access_token": "s3cr3t token"},
        {"access_token": "a", "refresh_token": "s3cr3t\n"},
        {"access_token": "a", "expires_at": "s3cr3t"},
        {"access_token": "a", "expires_at": "2027-01-01T12:00:00"},
        {"access_token": "a", "scope": "s3cr3t"},
    ],
)
def test_fields_of_something_else_are_refused_and_not_quoted(fields: Any) -> None:
    with pytest.raises(ConfigurationError, match="not the fields of an OAuthToken") as caught:
        OAuthToken.from_dict(fields)

    error: BaseException | None = caught.value
    while error is not None:
        assert "s3cr3t" not in f"{error!r}"
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize(
    "wrong",
    [
        {"access_token": ""},
        {"access_token": None},
        {"refresh_token": "two words"},
        {"refresh_token": b"bytes"},
        {"expires_at": datetime(2027, 1, 1)},  # noqa: DTZ001
        {"expires_at": 1_800_000_000},
    ],
)
def test_a_wrong_field_is_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        OAuthToken(**({"access_token": "a"} | wrong))


@pytest.mark.parametrize("wrong", [{"scope": 7}, {"scope": "mood_read"}, {"scope": (7,)}, {"token_type": 7}])
def test_a_scope_and_a_type_are_strings(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        OAuthToken("access", **wrong)
