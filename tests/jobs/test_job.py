"""Jobs as JSON: what was written is read again exactly, and anything else is an error that names the place."""

import datetime as dt
import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exist_async import ConfigurationError, ValueIncrement, ValueUpdate
from exist_async.jobs import SyncJob

DAY = dt.date(2026, 11, 20)

numbers = st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.booleans()
characters = st.characters(exclude_categories=["Cs"])
names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(str.strip)


@given(user=names, rows=st.lists(st.tuples(names, st.dates(), numbers | st.text(characters))))
def test_updates_are_read_as_they_were_written(user: str, rows: list[tuple[Any, ...]]) -> None:
    job = SyncJob(user, "update", [ValueUpdate(*row) for row in rows])

    read = SyncJob.from_json(job.to_json())

    assert read == job
    assert [repr(item) for item in read.items] == [repr(item) for item in job.items]  # 7.0 stays a decimal


@given(rows=st.lists(st.tuples(names, numbers, st.dates())))
def test_increments_are_read_as_they_were_written(rows: list[tuple[Any, ...]]) -> None:
    job = SyncJob("ada", "increment", [ValueIncrement(*row) for row in rows])

    read = SyncJob.from_json(job.to_json().encode())

    assert [repr(item) for item in read.items] == [repr(item) for item in job.items]
    assert read.id == job.id


def test_the_json_is_the_one_that_workers_of_other_versions_read() -> None:
    job = SyncJob("ada", "sync", [ValueUpdate("steps", DAY, 8123)], UUID(int=7))

    assert json.loads(job.to_json()) == {
        "version": 1,
        "id": "00000000-0000-0000-0000-000000000007",
        "user": "ada",
        "kind": "sync",
        "items": [{"name": "steps", "date": "2026-11-20", "value": 8123}],
    }


def test_two_equal_jobs_are_two() -> None:
    first, second = (SyncJob("ada", "update", [ValueUpdate("steps", DAY, 1)]) for _ in range(2))

    assert first.id != second.id


def test_the_repr_shows_no_values() -> None:
    assert "8123" not in repr(SyncJob("ada", "update", [ValueUpdate("steps", DAY, 8123)]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("", "update", []), "user is empty"),
        (("a\ud800", "update", []), "control character"),
        ((7, "update", []), "user must be a string"),
        (("ada", "acquire", []), "kind must be one of update, sync, increment, not 'acquire'"),
        (("ada", ["update"], []), "kind must be one of"),
        (("ada", "update", "steps"), "items must be a list"),
        (("ada", "update", {"steps": 1}), "items must be a list"),
        (("ada", "update", 7), "items must be a list"),
        (("ada", "update", [ValueIncrement("steps", 1, DAY)]), r"items\[0\]: an item to update must be a ValueUpdate"),
        (("ada", "increment", [ValueUpdate("steps", DAY, 1)]), r"items\[0\]: an item to increment"),
        (("ada", "increment", [ValueIncrement("s", 1, DAY), ValueIncrement("s", 1)]), r"items\[1\]: .* needs a date"),
        (("ada", "update", [], "7"), "id must be a uuid.UUID"),
    ],
)
def test_a_wrong_argument_is_named(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        SyncJob(*arguments)


GOOD: dict[str, Any] = {
    "version": 1,
    "id": str(UUID(int=7)),
    "user": "ada",
    "kind": "update",
    "items": [
        {"name": "steps", "date": "2026-11-20", "value": 1},
        {"name": "steps", "date": "2026-11-21", "value": 2},
    ],
}


def with_item(**changes: object) -> dict[str, Any]:
    return GOOD | {"items": [GOOD["items"][0], GOOD["items"][1] | changes]}


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in GOOD.items() if key != name}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (GOOD | {"version": 2, "kind": "mirror"}, "a newer version of exist-async wrote it"),
        ({"version": 2, "kind": ["update", "sync"]}, "a newer version of exist-async wrote it"),
        ({"version": 2}, "a newer version of exist-async wrote it"),
        (GOOD | {"version": 0}, r"Unknown version 0 - at `\$.version`"),
        (GOOD | {"version": "1"}, r"\$.version"),
        (without("version"), "`version`"),
        (without("user"), "`user`"),
        (without("items"), "`items`"),
        (GOOD | {"kind": "acquire"}, r"\$.kind"),
        (GOOD | {"id": "7"}, r"\$.id"),
        (GOOD | {"user": " "}, "user is empty"),
        (GOOD | {"user": 7}, r"\$.user"),
        (GOOD | {"kind": "increment", "items": [{"name": "steps", "value": 1}]}, r"items\[0\]: .*needs a date"),
        (with_item(date="2026-11-31"), r"\$.items\[1\].date"),
        (with_item(date="2026-11-20T10:00:00"), r"\$.items\[1\].date"),
        (with_item(value=None), r"\$.items\[1\].value"),
        (with_item(value=True), r"\$.items\[1\].value"),
        (with_item(value=2**70), r"at most 64 bits - at `\$.items\[1\]`"),
        (with_item(name=""), r"name is empty - at `\$.items\[1\]`"),
        ([GOOD], "Expected `object`"),
    ],
)
def test_json_that_is_no_job_is_an_error_that_names_the_place(document: object, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        SyncJob.from_json(json.dumps(document))


@pytest.mark.parametrize("text", ["", "{", "null", "\ud800", b"\xff", "[" * 100_000, '{"version": NaN}'])
def test_text_that_is_no_json_is_an_error(text: str | bytes) -> None:
    with pytest.raises(ConfigurationError, match="this can't be read as a SyncJob"):
        SyncJob.from_json(text)


def test_half_a_surrogate_pair_in_json_is_an_error() -> None:
    text = json.dumps(GOOD).replace('"value": 2', r'"value": "\ud800"')

    with pytest.raises(ConfigurationError, match="this can't be read as a SyncJob"):
        SyncJob.from_json(text)


@pytest.mark.parametrize("change", [lambda text: text.replace("steps", "s" * 5000 + r"\u0000")])
def test_an_error_does_not_quote_long_values(change: Callable[[str], str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        SyncJob.from_json(change(json.dumps(GOOD)))

    assert len(str(caught.value)) < 500
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_something_else_than_text_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="must be a string or bytes"):
        SyncJob.from_json(GOOD)  # type: ignore[arg-type]
