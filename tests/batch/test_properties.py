"""However a service splits, shortens or reorders its replies: one outcome for each item, and none a false success."""

import asyncio
import datetime as dt
import json
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any
from unittest.mock import patch

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exist_async import (
    AttributeEcho,
    BatchResult,
    ByName,
    ByTemplate,
    CustomAttribute,
    ExistAsyncError,
    ExistClient,
    OutcomeStatus,
    ValueEcho,
    ValueType,
    ValueUpdate,
)
from exist_async.attributes.requests import comparable_label, match_key, match_keys_of
from exist_async.batch.matching import FailedEntry, Reply, match_reply

# Few words, so that lists repeat themselves and names, templates and labels meet.
WORDS = st.sampled_from(["mood", "Mood", "steps", "tea", "a b", "🍵"])
ITEMS = st.one_of(
    WORDS.map(ByName), WORDS.map(ByTemplate), WORDS.map(lambda word: CustomAttribute(word, "custom", ValueType.BOOLEAN))
)

# What becomes of an item, and what the reply then says of it.
SAYS = st.sampled_from(["whole", "echo", "nothing but itself", "position"])
FATES = st.tuples(st.booleans(), SAYS)

FIELD = {ByName: "name", ByTemplate: "template", CustomAttribute: "label"}


def entry(place: int, item: Any, succeeded: bool, says: str) -> AttributeEcho | FailedEntry:
    """Return the entry for an item. `priority` and `error_code` smuggle in which item it is really about."""
    kind = match_key(item)[0]
    word = getattr(item, kind)
    said: dict[str, Any] = {} if says in ("position", "nothing but itself") else {kind: word}
    if says == "whole" and kind == "template":
        said["name"] = word
    if succeeded:
        return AttributeEcho(priority=place, **said)
    return FailedEntry(
        error_code=place, error=f"Object at index {place} is wrong" if says == "position" else "no", **said
    )


def really_about(answer: AttributeEcho | FailedEntry) -> int:
    return int(answer.error_code) if isinstance(answer, FailedEntry) else int(answer.priority or 0)


@st.composite
def replies(draw: st.DrawFn) -> tuple[list[Any], list[bool], Reply[AttributeEcho]]:
    """Items, whether each really succeeded, and an honest reply that may be reordered and may leave some out."""
    items = draw(st.lists(ITEMS, max_size=8))
    fates = [draw(FATES) for _ in items]
    answered = [place for place in range(len(items)) if draw(st.integers(0, 4))]
    entries = [entry(place, items[place], *fates[place]) for place in answered]
    # Entries that say nothing of their item can only be told by their order: a service that drops names keeps it.
    anonymous = any(says == "nothing but itself" or (says == "position" and ok) for ok, says in fates)
    shuffled = entries if anonymous or draw(st.booleans()) else draw(st.permutations(entries))
    success = tuple(each for each in shuffled if not isinstance(each, FailedEntry))
    failed = tuple(each for each in shuffled if isinstance(each, FailedEntry))
    return items, [ok for ok, _ in fates], Reply(success, failed)


@pytest.mark.slow
@settings(max_examples=1500, deadline=None)
@given(replies())
def test_no_item_is_given_a_fate_that_it_did_not_have(case: tuple[list[Any], list[bool], Reply[AttributeEcho]]) -> None:
    items, succeeded, reply = case

    answers = match_reply(list(map(match_key, items)), reply, match_keys_of)

    assert len(answers) == len(items)
    for place, answer in enumerate(answers):
        if answer is not None:
            assert (not isinstance(answer, FailedEntry)) == succeeded[place]
    used = Counter(map(id, (answer for answer in answers if answer is not None)))
    assert all(times == 1 for times in used.values())


@pytest.mark.slow
@settings(max_examples=500, deadline=None)
@given(st.lists(ITEMS, max_size=35, unique_by=lambda item: comparable_label(match_key(item)[1])), st.data())  # type: ignore[arg-type]
def test_a_full_reply_that_names_different_items_answers_each_with_its_own(
    items: list[Any], data: st.DataObject
) -> None:
    entries = [entry(place, item, data.draw(st.booleans()), "echo") for place, item in enumerate(items)]
    shuffled = data.draw(st.permutations(entries))
    reply = Reply(
        tuple(each for each in shuffled if not isinstance(each, FailedEntry)),
        tuple(each for each in shuffled if isinstance(each, FailedEntry)),
    )

    answers = match_reply(list(map(match_key, items)), reply, match_keys_of)

    assert [really_about(answer) for answer in answers if answer is not None] == list(range(len(items)))


@st.composite
def services(draw: st.DrawFn) -> Any:
    """A service that answers each request in its own way, and remembers what it really did."""
    rng = draw(st.randoms(use_true_random=False))
    done: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent = json.loads(request.content)
        assert 1 <= len(sent) <= 35
        way = rng.randrange(10)
        if way == 0:
            raise httpx.ConnectError("refused")
        if way == 1:
            return httpx.Response(rng.choice([400, 404, 302]), json={"detail": "no"})
        kept = [item for item in sent if rng.random() < 0.8]
        done.extend(item["name"] for item in kept)
        if way == 2:
            raise httpx.ReadError("cut")
        if way == 3:
            return httpx.Response(rng.choice([500, 502, 408]), text="<html>")
        if way == 4:
            return httpx.Response(200, text=rng.choice(["", "<html>", "[]", "null", '{"success": 7}']))
        success = [{"name": item["name"]} for item in kept if way < 8 or rng.random() < 0.9]
        failed = [{"name": item["name"], "error_code": "no"} for item in sent if item not in kept]
        rng.shuffle(success)
        rng.shuffle(failed)
        return httpx.Response(rng.choice([200, 202]), json={"success": success, "failed": failed})

    return answer, done


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.integers(0, 200), st.integers(1, 9), services(), st.booleans())
def test_every_item_has_exactly_one_outcome_whatever_the_service_does(
    count: int, concurrency: int, service: Any, streamed: bool
) -> None:
    answer, done = service
    items = [ByName(f"tag_{n}") for n in range(count)]

    async def write() -> BatchResult[Any, Any]:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http_client:
            client = ExistClient("token", http_client=http_client, concurrency=concurrency, max_retries=0)
            try:
                return await client.attributes.acquire(iter(items) if streamed else items, success_objects=False)
            except ExistAsyncError as error:
                return error.result or BatchResult(())

    result = asyncio.run(write())

    assert [(outcome.index, outcome.item) for outcome in result] == list(enumerate(items))
    for outcome in result:
        name = outcome.item.name
        match outcome.status:
            case OutcomeStatus.SUCCEEDED:
                assert name in done
                assert outcome.value.name == name
            case OutcomeStatus.REFUSED | OutcomeStatus.NOT_SENT:
                assert name not in done
            case OutcomeStatus.UNKNOWN:
                assert outcome.cause is not None


# Days that come several times


@st.composite
def repeated_days(draw: st.DrawFn) -> tuple[list[ValueUpdate], Any, list[list[Any]]]:
    """Updates of a few days, and a service that refuses, loses or forgets some; with what each request wrote."""
    rng = draw(st.randoms(use_true_random=False))
    written: list[list[Any]] = []
    days = draw(st.lists(st.integers(0, 9), max_size=60))
    # Each value is another, so that it names its item.
    items = [ValueUpdate("mood", dt.date(2026, 11, 1 + day), number) for number, day in enumerate(days)]
    reliable = draw(st.booleans())

    def answer(request: httpx.Request) -> httpx.Response:
        sent = json.loads(request.content)
        if request.url.path.endswith("acquire/"):
            return httpx.Response(200, json={"success": sent if rng.random() < 0.5 else [], "failed": []})
        assert len({item["date"] for item in sent}) == len(sent) <= 35
        way = 9 if reliable else rng.randrange(10)
        if way == 0:
            raise httpx.ConnectError("refused")
        if way == 1:
            return httpx.Response(rng.choice([400, 401, 429, 302]), json={"detail": "no"})
        codes = {item["value"]: rng.choice([None, None, "validation", "unauthorised", "x"]) for item in sent}
        done = [item for item in sent if codes[item["value"]] is None]
        written.append([item["value"] for item in done])
        if way == 2:
            raise httpx.ReadError("cut")
        if way == 3:
            return httpx.Response(502)
        success = [item for item in done if way > 4 or rng.random() < 0.8]
        failed = [{**item, "error_code": codes[item["value"]], "error": "no"} for item in sent if item not in done]
        rng.shuffle(success)
        return httpx.Response(202, json={"success": success, "failed": failed})

    return items, answer, written


async def _streamed(items: list[ValueUpdate], pauses: list[bool]) -> AsyncIterator[ValueUpdate]:
    for item, pause in zip(items, pauses, strict=True):
        if pause:
            await asyncio.sleep(0)
        yield item


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(repeated_days(), st.integers(1, 4), st.booleans(), st.data())
def test_whatever_becomes_of_repeated_days_each_item_is_told_once_and_no_older_value_wins(
    case: Any, concurrency: int, reacquire: bool, data: st.DataObject
) -> None:
    items, answer, written = case
    kind = data.draw(st.sampled_from(["list", "generator", "async generator"]))
    pauses = [data.draw(st.booleans()) for _ in items] if kind == "async generator" else []
    breaks_at = data.draw(st.none() | st.integers(0, 60))
    told: list[Any] = []

    def tell(outcome: Any) -> None:
        told.append(outcome)
        if len(told) == breaks_at:
            raise LookupError("no such progress bar")

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(0)

    async def write() -> BatchResult[Any, Any]:
        given = {"list": items, "generator": iter(items), "async generator": _streamed(items, pauses)}[kind]
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http_client:
            client = ExistClient(
                "token", http_client=http_client, concurrency=concurrency, max_retries=1, max_wait=0.0, sleep=sleep
            )
            try:
                return await client.values.update(given, reacquire=reacquire, on_outcome=tell)
            except ExistAsyncError as error:
                return error.result or BatchResult(())

    # Small blocks, so that days are repeated across them.
    with patch("exist_async.batch.writes.BLOCK_SIZE", data.draw(st.integers(1, 20))):
        result = asyncio.run(write())

    read = items[: len(result)]
    assert [(outcome.index, outcome.item) for outcome in result] == list(enumerate(read))
    assert len({outcome.index for outcome in told}) == len(told)
    if breaks_at is None or len(told) < breaks_at:
        assert sorted(told, key=lambda outcome: outcome.index) == list(result)
    order = [value for request in written for value in request]
    day_has = {items[value].date: value for value in order}
    for outcome in result:
        check_outcome(outcome, result, order, day_has)
    if result.ok:
        assert read == items
        assert day_has == {item.date: item.value for item in items}
    # Sending the remainder never brings back an older value.
    for item in result.remainder():
        assert item.value > max(succeeded_on(item.date, result), default=-1)


def succeeded_on(day: dt.date, result: BatchResult[Any, Any]) -> list[int]:
    return [echo.value for echo in result.succeeded if echo.date == day]


def check_outcome(outcome: Any, result: BatchResult[Any, Any], order: list[int], day_has: dict[dt.date, int]) -> None:
    value, day = outcome.item.value, outcome.item.date
    match outcome.status:
        case OutcomeStatus.SUCCEEDED:
            assert outcome.value == ValueEcho("mood", day, value)
            assert day_has[day] >= value
        case OutcomeStatus.SUPERSEDED:
            assert value not in order
            assert max(succeeded_on(day, result)) > value
        case OutcomeStatus.NOT_SENT:
            assert value not in order
            assert outcome.cause is not None
        case OutcomeStatus.REFUSED:
            # With its request, or for itself.
            assert (outcome.cause is None) == (outcome.error_code is not None)
        case OutcomeStatus.UNKNOWN:
            assert outcome.cause is not None
