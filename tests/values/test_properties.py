"""However little Exist repeats of values, and in whatever order: no item is given a fate that it did not have."""

import datetime as dt
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exist_async import ValueEcho, ValueIncrement, ValueUpdate
from exist_async.batch.matching import FailedEntry, Reply, match_reply
from exist_async.values.requests import match_key, match_keys_of

pytestmark = pytest.mark.slow

NAMES = st.sampled_from(["mood", "steps", "tea"])
DAYS = st.sampled_from([dt.date(2026, 11, day) for day in (18, 19, 20)])
VALUES = st.sampled_from([1, 1.5, 2])

UPDATES = st.lists(
    st.builds(ValueUpdate, NAMES, DAYS, VALUES), max_size=9, unique_by=lambda item: (item.name, item.date)
)
INCREMENTS = st.lists(st.builds(ValueIncrement, NAMES, VALUES, st.none() | DAYS), max_size=9)

SAYS = st.sampled_from(["all", "name and date", "date and value", "name", "title", "position", "nothing"])


def entry(
    place: int, item: ValueUpdate | ValueIncrement, succeeded: bool, says: str, today: dt.date | None = None
) -> ValueEcho | FailedEntry:
    """Return the entry for an item. `current` and `error_code` smuggle in which item it is really about."""
    date = item.date or today
    said: dict[str, Any] = {}
    if says in ("all", "name and date", "name") or (says == "title" and succeeded):
        said["name"] = item.name
    elif says == "title":
        said["title"] = item.name
    if says in ("all", "name and date", "date and value"):
        said["date"] = date if succeeded or date is None else date.isoformat()
    if says in ("all", "date and value"):
        said["value"] = item.value
    if succeeded:
        return ValueEcho(current=place, **said)
    return FailedEntry(
        error_code=place, error=f"Object at index {place} is wrong" if says == "position" else "no", **said
    )


@st.composite
def replies(draw: st.DrawFn, items: Any) -> tuple[list[Any], list[bool], Reply[ValueEcho]]:
    """Items, whether each really succeeded, and an honest reply that may be reordered and may leave some out."""
    given_items = draw(items)
    fates = [(draw(st.booleans()), draw(SAYS)) for _ in given_items]
    answered = [place for place in range(len(given_items)) if draw(st.integers(0, 4))]
    today = draw(st.none() | DAYS)  # of items without a day, the reply has either none or the user's current one
    entries = [entry(place, given_items[place], *fates[place], today) for place in answered]
    # Entries that say nothing of their item can only be told by their order: a service that drops names keeps it.
    anonymous = any(says == "nothing" or (says == "position" and ok) for ok, says in fates)
    shuffled = entries if anonymous or draw(st.booleans()) else draw(st.permutations(entries))
    success = tuple(each for each in shuffled if not isinstance(each, FailedEntry))
    failed = tuple(each for each in shuffled if isinstance(each, FailedEntry))
    return given_items, [ok for ok, _ in fates], Reply(success, failed)


@settings(max_examples=400, deadline=None)
@given(replies(UPDATES))
def test_no_update_is_given_a_fate_that_it_did_not_have(case: Any) -> None:
    items, succeeded, reply = case

    check(match_reply(list(map(match_key, items)), reply, match_keys_of), items, succeeded)


@settings(max_examples=400, deadline=None)
@given(replies(INCREMENTS))
def test_no_increment_is_given_a_fate_that_it_did_not_have(case: Any) -> None:
    items, succeeded, reply = case

    check(match_reply(list(map(match_key, items)), reply, match_keys_of), items, succeeded)


def check(answers: list[Any], items: list[Any], succeeded: list[bool]) -> None:
    assert len(answers) == len(items)
    used = [answer for answer in answers if answer is not None]
    assert len(set(map(id, used))) == len(used)
    for place, answer in enumerate(answers):
        if answer is not None:
            assert (not isinstance(answer, FailedEntry)) == succeeded[place]


@settings(max_examples=200, deadline=None)
@given(UPDATES, st.data())
def test_a_full_reply_that_names_items_and_days_answers_each_with_its_own(
    items: list[Any], data: st.DataObject
) -> None:
    entries = [entry(place, item, data.draw(st.booleans()), "name and date") for place, item in enumerate(items)]
    shuffled = data.draw(st.permutations(entries))
    reply = Reply(
        tuple(each for each in shuffled if not isinstance(each, FailedEntry)),
        tuple(each for each in shuffled if isinstance(each, FailedEntry)),
    )

    answers = match_reply(list(map(match_key, items)), reply, match_keys_of)

    about = [answer.error_code if isinstance(answer, FailedEntry) else answer.current for answer in answers]
    assert about == list(range(len(items)))
