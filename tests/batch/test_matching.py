"""Laying replies beside items: whatever the shape of the reply, no item is given another's answer."""

from typing import Any

import pytest

from exist_async import Attribute, AttributeEcho, ByName, ByTemplate, CustomAttribute, ValueType
from exist_async.attributes.requests import match_key, match_keys_of
from exist_async.batch.matching import FailedEntry, Reply, match_reply


def laid(items: list[Any], success: tuple[Any, ...] = (), failed: tuple[FailedEntry, ...] = ()) -> list[Any]:
    return match_reply(list(map(match_key, items)), Reply(success, failed), match_keys_of)


def echo(name: str) -> AttributeEcho:
    return AttributeEcho(name=name)


def refusal(name: str | None = None, **more: Any) -> FailedEntry:
    return FailedEntry(name=name, error_code="no", **more)


def tag(label: str) -> CustomAttribute:
    return CustomAttribute(label, "custom", ValueType.BOOLEAN)


A, B, C = ByName("a"), ByName("b"), ByName("c")


def test_entries_are_found_by_name_in_whatever_order() -> None:
    assert laid([A, B, C], (echo("c"), echo("a")), (refusal("b"),)) == [echo("a"), refusal("b"), echo("c")]


def test_entries_are_found_by_template() -> None:
    steps, mood = Attribute("steps", "steps"), Attribute("mood_2", "mood")

    assert laid([ByTemplate("mood"), ByTemplate("steps")], (steps, mood)) == [mood, steps]


def test_entries_are_found_by_label_as_a_person_reads_it() -> None:
    tea = Attribute("tea_time", label="Tea time")

    assert laid([tag("coffee"), tag("tea  TIME")], (tea,), (FailedEntry(label="coffee"),)) == [
        FailedEntry(label="coffee"),
        tea,
    ]


def test_what_was_asked_by_template_may_be_answered_by_name_alone() -> None:
    answer = AttributeEcho(name="mood_note", active=True)

    assert laid([ByTemplate("mood"), ByTemplate("mood_note")], (answer,), (FailedEntry(title="mood"),)) == [
        FailedEntry(title="mood"),
        answer,
    ]


def test_equal_items_are_answered_in_their_order() -> None:
    first, second = AttributeEcho(name="a", priority=1), AttributeEcho(name="a", priority=2)

    assert laid([A, B, A], (first, echo("b"), second)) == [first, echo("b"), second]


def test_of_equal_items_with_different_fates_none_is_guessed() -> None:
    assert laid([A, A], (echo("a"),), (refusal("a"),)) == [None, None]


def test_a_position_tells_equal_items_apart() -> None:
    failure = refusal("a", error="Object at index 1 is wrong")

    assert laid([A, A], (echo("a"),), (failure,)) == [echo("a"), failure]


def test_of_equal_items_with_one_answer_too_few_none_is_guessed() -> None:
    assert laid([A, A, B], (echo("a"), echo("b"))) == [None, None, echo("b")]


def test_an_item_that_both_succeeded_and_failed_has_no_answer() -> None:
    assert laid([A], (echo("a"),), (refusal("a"),)) == [None]


def test_an_answer_given_twice_is_one_answer() -> None:
    assert laid([A, B], (echo("a"), echo("a"), echo("b"))) == [echo("a"), echo("b")]


def test_a_failure_without_a_name_is_found_by_its_position() -> None:
    failure = FailedEntry(error_code="missing_field", error="Object at index 1 missing field(s) 'name'")

    assert laid([A, B, C], (echo("c"), echo("a")), (failure,)) == [echo("a"), failure, echo("c")]


def test_a_number_in_a_name_is_no_position() -> None:
    failure = FailedEntry(error="Attribute index 3 already exists")

    answers = laid(
        [tag("index 3"), tag("x"), tag("y"), tag("z")], tuple(AttributeEcho(label=n) for n in "xyz"), (failure,)
    )

    assert answers == [failure, AttributeEcho(label="x"), AttributeEcho(label="y"), AttributeEcho(label="z")]


def test_a_position_beyond_the_request_is_no_position() -> None:
    failure = FailedEntry(error="Object at index 7 missing field(s) 'name'")

    assert laid([A, B], (echo("a"),), (failure,)) == [echo("a"), failure]
    assert laid([A, B, C], (echo("a"),), (failure,)) == [echo("a"), None, None]


def test_entries_without_any_name_are_taken_in_order_if_there_is_one_for_each_item() -> None:
    first, second = AttributeEcho(active=True), AttributeEcho(active=False)

    assert laid([A, B], (first, second)) == [first, second]
    assert laid([A, B, C], (first, second)) == [None, None, None]


def test_between_successes_and_failures_there_is_no_order() -> None:
    assert laid([A, B], (AttributeEcho(active=True),), (FailedEntry(error="no"),)) == [None, None]


def test_an_entry_with_another_name_is_never_taken_for_an_item_s() -> None:
    assert laid([A, B], (echo("a"), echo("x"))) == [echo("a"), None]


def test_one_name_asked_for_in_two_ways_is_told_apart_by_what_the_refusal_repeats() -> None:
    mood = Attribute("mood", "mood", "Mood")

    answers = laid([ByTemplate("mood"), ByName("mood")], (mood,), (FailedEntry(template="mood"),))

    assert answers == [FailedEntry(template="mood"), mood]


def test_one_name_asked_for_in_two_ways_with_one_fate_is_answered_in_order() -> None:
    mood = Attribute("mood", "mood", "Mood")

    assert laid([ByTemplate("mood"), ByName("mood")], (mood, mood)) == [mood, mood]


def test_one_name_asked_for_in_two_ways_with_one_answer_is_not_guessed() -> None:
    assert laid([ByTemplate("mood"), ByName("mood")], (Attribute("mood", "mood"),)) == [None, None]


@pytest.mark.parametrize("items", [[], [A], [A, B, C]])
def test_an_empty_reply_answers_nothing(items: list[ByName]) -> None:
    assert laid(items) == [None] * len(items)


def test_an_answer_to_a_question_never_asked_is_left_aside() -> None:
    assert laid([], (echo("a"),), (refusal("b"),)) == []
    assert laid([A], (echo("a"), echo("x")), (refusal("y"),)) == [echo("a")]


def test_what_may_be_one_of_several_is_not_given_to_the_one_that_has_no_answer_yet() -> None:
    named_twice = FailedEntry(template="Mood", name="Mood")

    answers = laid(
        [ByTemplate("Mood"), ByName("Mood"), ByTemplate("Mood")], (AttributeEcho(template="Mood"),), (named_twice,)
    )

    assert answers == [None, None, None]


@pytest.mark.parametrize("count", [13, 5_000])
def test_a_reply_with_many_more_entries_than_items_answers_nothing_and_is_not_searched(count: int) -> None:
    compared: list[object] = []

    def keys_of(entry: Any, wanted: Any) -> Any:
        compared.append(entry)
        return match_keys_of(entry, wanted)

    entries = (echo("a"), *(FailedEntry() for _ in range(count)))

    assert match_reply([match_key(A)], Reply((), entries), keys_of) == [None]
    assert compared == []
