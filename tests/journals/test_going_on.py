"""A write with a journal goes on where an earlier one stopped."""

import datetime as dt
import pickle
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any
from unittest.mock import patch

import httpx
import pytest
from journal_stores import JournalStore

from exist_async import (
    AttributeEcho,
    AuthenticationError,
    BatchError,
    BearerToken,
    ByName,
    ByTemplate,
    ConfigurationError,
    CustomAttribute,
    ExistAsyncError,
    ExistClient,
    NotFoundError,
    Outcome,
    OutcomeStatus,
    OutcomeUnknownError,
    PermissionDeniedError,
    ValueIncrement,
    ValueType,
    ValueUpdate,
    WriteSummary,
)
from exist_async.batch.journal import WriteJournal
from exist_async.sandbox import Sandbox
from support import Answering, statuses, succeed

DAY = dt.date(2026, 11, 20)


def steps(*values: float) -> list[ValueUpdate]:
    return [ValueUpdate("steps", DAY - dt.timedelta(days=day), value) for day, value in enumerate(values)]


def generated(items: Iterable[Any]) -> Iterator[Any]:
    yield from items


async def streamed(items: Iterable[Any]) -> AsyncIterator[Any]:
    for item in items:
        yield item


EVERY_KIND = pytest.mark.parametrize("kind", [list, generated, streamed])


def written(sandbox: Sandbox) -> list[Any]:
    return [item["value"] for request in sandbox.requests for item in request.json]


@EVERY_KIND
async def test_what_was_not_sent_is_sent_and_nothing_else(
    exist: ExistClient, sandbox: Sandbox, new_journal: JournalStore, kind: Callable[..., Any]
) -> None:
    items = steps(*range(100))
    sandbox.fail_next(2, status=403, path="update/")
    async with new_journal() as journal:
        with pytest.raises(ExistAsyncError) as caught:
            await exist.values.update(kind(items), journal=journal)
    assert caught.value.result is not None
    left = [outcome.item.value for outcome in caught.value.result if outcome.status is not OutcomeStatus.SUCCEEDED]
    sandbox.reset_requests()

    async with new_journal() as journal:
        result = await exist.values.update(kind(items), journal=journal)
        assert written(sandbox) == left
        again = await exist.values.update(kind(items), journal=journal)

    assert result.ok
    assert again == result
    assert [outcome.item for outcome in result] == items
    assert written(sandbox) == left
    assert set(sandbox.values("steps").values()) == set(range(100))


async def test_outcomes_of_an_earlier_call_are_in_the_result_and_are_not_told_again(
    exist: ExistClient, sandbox: Sandbox, new_journal: JournalStore
) -> None:
    items = [*steps(1, 2), ValueUpdate("mood", DAY, 3), ValueUpdate("mood", DAY, 99), ValueUpdate("nothing", DAY, 1)]
    told: list[Outcome[Any, Any]] = []
    async with new_journal() as journal:
        first = await exist.values.update(items, journal=journal, on_outcome=told.append)
        assert len(told) == 5

        second = await exist.values.update(items, journal=journal, on_outcome=told.append)
        noted = [outcome async for outcome in journal.outcomes()]
        refused = [outcome async for outcome in journal.outcomes(status=OutcomeStatus.REFUSED)]

    assert statuses(first) == ["succeeded", "succeeded", "succeeded", "refused", "refused"]
    assert second == first
    assert noted == list(first)
    assert refused == list(first[3:])
    assert len(told) == 5


async def test_a_refused_item_is_sent_again_only_on_request(
    exist: ExistClient, sandbox: Sandbox, new_journal: JournalStore
) -> None:
    items = [*steps(1), ValueUpdate("nothing", DAY, 1)]
    async with new_journal() as journal:
        await exist.values.update(items, journal=journal)
    sandbox.add_attribute(name="nothing", group="health", value_type=0, service=sandbox.service)
    async with new_journal() as journal:
        assert statuses(await exist.values.update(items, journal=journal)) == ["succeeded", "refused"]

    async with new_journal(retry_refused=True) as journal:
        result = await exist.values.update(items, journal=journal)

    assert result.ok
    assert sandbox.batch_sizes == [2, 1]


async def test_a_list_may_have_grown_and_numbers_may_be_written_otherwise(
    exist: ExistClient, sandbox: Sandbox, new_journal: JournalStore
) -> None:
    async with new_journal() as journal:
        await exist.values.update(steps(7, 1, 2), journal=journal)
        result = await exist.values.update(steps(7.0, True, 2, 4), journal=journal)

    assert result.ok
    assert sandbox.batch_sizes == [3, 1]


@EVERY_KIND
async def test_another_list_is_refused_with_the_position(
    exist: ExistClient, sandbox: Sandbox, new_journal: JournalStore, kind: Callable[..., Any]
) -> None:
    async with new_journal() as journal:
        await exist.values.update(steps(1, 2, 3), journal=journal)
        with pytest.raises(
            ConfigurationError, match=r"items\[1\] is not the one that the journal .*journal.* has there: .*2026-11-19"
        ):
            await exist.values.update(kind(steps(1, 7, 3, 4)), journal=journal)
        with pytest.raises(ConfigurationError, match=r"items\[2\] is missing: .*has 3 items") as caught:
            await exist.values.update(kind(steps(1, 2)), journal=journal)
        # The journal was not changed by it.
        assert (await exist.values.update(kind(steps(1, 2, 3)), journal=journal)).ok
        assert len(await journal.summary()) == 3

    assert caught.value.result is not None
    # What is missing is a mistake, but these were sent.
    assert statuses(caught.value.result) == ["succeeded", "succeeded"]
    assert len(sandbox.requests) == 1


async def test_of_a_stream_what_comes_before_a_wrong_item_is_noted(
    exist: ExistClient, sandbox: Sandbox, new_journal: JournalStore
) -> None:
    async with new_journal() as journal:
        with pytest.raises(ConfigurationError, match=r"items\[2\]"):
            await exist.values.update(generated([*steps(1, 2), "no update"]), journal=journal)
        result = await exist.values.update(generated(steps(1, 2, 3)), journal=journal)

    assert result.ok
    assert sandbox.batch_sizes == [2, 1]


async def test_it_belongs_to_one_kind_of_write_one_service_and_one_user(
    exist: ExistClient, sandbox: Sandbox, new_journal: JournalStore
) -> None:
    async with new_journal() as journal:
        await exist.values.update(steps(1), journal=journal)
        sandbox.reset_requests()
        with pytest.raises(ConfigurationError, match=r"belongs to the kind 'update', not 'sync'. Begin another"):
            await exist.values.sync(steps(1), journal=journal)
        with pytest.raises(
            ConfigurationError, match=r"belongs to the service 'https://exist\.io', not 'http://localhost'"
        ):
            await exist.with_options(base_url="http://localhost").values.update(steps(1), journal=journal)
        with pytest.raises(ConfigurationError, match=r"belongs to another user\. Give user=") as caught:
            await exist.with_options(auth="another-token").values.update(steps(1), journal=journal)

    assert caught.value.result is not None
    assert len(caught.value.result) == 0
    assert sandbox.requests == []


async def test_the_user_can_be_named(exist: ExistClient, sandbox: Sandbox, new_journal: JournalStore) -> None:
    class Foreign(httpx.Auth):
        def auth_flow(self, request: httpx.Request) -> Any:
            request.headers["Authorization"] = f"Bearer {sandbox.token}"
            yield request

    foreign = exist.with_options(auth=Foreign())
    async with new_journal() as journal:
        with pytest.raises(ConfigurationError, match=r"has to know its user.*user="):
            await foreign.values.update(steps(1), journal=journal)
    async with new_journal(user="ada") as journal:
        assert (await foreign.values.update(steps(1), journal=journal)).ok
    # A token may be replaced.
    async with new_journal(user="ada") as journal:
        await exist.with_options(auth=BearerToken("another-token")).values.update(steps(1), journal=journal)
    async with new_journal(user="grace") as journal:
        with pytest.raises(ConfigurationError, match="belongs to another user"):
            await foreign.values.update(steps(1), journal=journal)

    assert len(sandbox.requests) == 1


async def test_wrong_arguments_are_named(exist: ExistClient, sandbox: Sandbox, new_journal: JournalStore) -> None:
    with pytest.raises(ConfigurationError, match="journal must be a Journal, not str"):
        await exist.values.update(steps(1), journal="backfill.db")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="is not open: use it in `async with"):
        await exist.values.update(steps(1), journal=new_journal())
    with pytest.raises(ConfigurationError, match="user is empty"):
        new_journal(user="")
    with pytest.raises(ConfigurationError, match="retry_refused must be True or False"):
        new_journal(retry_refused=1)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="keep_outcomes must be True or False"):
        await exist.values.update(steps(1), keep_outcomes=0)  # type: ignore[call-overload]
    async with new_journal() as journal:
        with pytest.raises(ConfigurationError, match="status must be an OutcomeStatus, not 'done'"):
            await anext(journal.outcomes(status="done"))  # type: ignore[arg-type]
        with pytest.raises(ConfigurationError, match=r"items\[1\]: with a journal, an increment needs a date"):
            await exist.values.increment([ValueIncrement("steps", 1, DAY), ValueIncrement("steps", 1)], journal=journal)
    assert sandbox.requests == []


async def test_a_request_that_was_refused_as_a_whole_is_sent_again(
    exist: ExistClient, sandbox: Sandbox, new_journal: JournalStore
) -> None:
    sandbox.fail_next(status=401, path="increment/")
    items = [ValueIncrement("steps", 1, DAY)]
    async with new_journal() as journal:
        with pytest.raises(AuthenticationError):
            await exist.values.increment(items, journal=journal)
    async with new_journal() as journal:
        (noted,) = [outcome async for outcome in journal.outcomes()]
        result = await exist.values.increment(items, journal=journal)

    assert noted.status is OutcomeStatus.REFUSED
    assert isinstance(noted.cause, AuthenticationError)
    assert (noted.cause.status_code, noted.cause.path) == (401, "/api/2/attributes/increment/")
    assert result.ok
    assert result.succeeded[0].current is not None


async def test_an_increment_without_an_answer_is_never_sent_again(
    exist: ExistClient, sandbox: Sandbox, new_journal: JournalStore
) -> None:
    sandbox.fail_next(drop=True, when="after", path="increment/")
    items = [ValueIncrement("steps", 1, DAY)]
    for _ in range(2):
        async with new_journal() as journal:
            with pytest.raises(OutcomeUnknownError) as caught:
                await exist.values.increment(items, journal=journal)

    assert caught.value.result is not None
    assert not caught.value.repeatable
    assert caught.value.result.remainder() == []
    assert len(sandbox.requests) == 1


async def test_an_update_without_an_answer_is_sent_again(
    exist: ExistClient, sandbox: Sandbox, new_journal: JournalStore
) -> None:
    client = exist.with_options(max_retries=0)
    sandbox.fail_next(drop=True, when="after", path="update/")
    async with new_journal() as journal:
        with pytest.raises(OutcomeUnknownError):
            await client.values.update(steps(5), journal=journal)
        assert (await journal.summary()).counts[OutcomeStatus.UNKNOWN] == 1
        assert (await client.values.update(steps(5), journal=journal)).ok

    assert sandbox.values("steps")[DAY] == 5


async def test_an_older_value_is_not_sent_once_a_newer_one_is_there(
    answering: Answering, new_journal: JournalStore
) -> None:
    sent: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.content)
        return httpx.Response(400, json={}) if len(sent) == 1 else succeed(request)

    items = [ValueUpdate("mood", DAY, 1), ValueUpdate("steps", DAY, 7), ValueUpdate("mood", DAY, 2)]
    exist = answering(answer)
    with patch("exist_async.batch.writes.BLOCK_SIZE", 2):
        async with new_journal() as journal:
            with pytest.raises(BatchError) as caught:
                await exist.values.update(generated(items), journal=journal)
        assert caught.value.result is not None
        assert statuses(caught.value.result) == ["refused", "refused", "succeeded"]
        async with new_journal() as journal:
            result = await exist.values.update(generated(items), journal=journal)

    assert statuses(result) == ["superseded", "succeeded", "succeeded"]
    assert [b'"mood"' in content for content in sent] == [True, True, False]


async def test_the_rows_before_an_invalid_last_one_are_noted_with_what_was_sent_for_them(
    exist: ExistClient, sandbox: Sandbox, new_journal: JournalStore
) -> None:
    items = [ValueUpdate("mood", DAY, value) for value in (3, 5, 99)]
    async with new_journal() as journal:
        result = await exist.values.update(items, journal=journal)
        again = await exist.values.update(items, journal=journal)

    assert statuses(result) == ["superseded", "succeeded", "refused"]
    assert again == result
    assert len(sandbox.requests) == 2


async def test_a_reacquired_attribute_is_noted_after_the_second_try(
    exist: ExistClient, sandbox: Sandbox, new_journal: JournalStore
) -> None:
    sandbox.user.attribute("steps").service = None
    items = [*steps(5), ValueUpdate("nothing", DAY, 1)]
    async with new_journal() as journal:
        result = await exist.values.update(items, reacquire=True, journal=journal)
        requests = len(sandbox.requests)
        again = await exist.values.update(items, reacquire=True, journal=journal)

    assert statuses(result) == ["succeeded", "refused"]
    assert again == result
    assert len(sandbox.requests) == requests


async def test_an_increment_is_sent_again_if_it_was_refused_before_a_program_ended(
    exist: ExistClient, sandbox: Sandbox, new_journal: JournalStore
) -> None:
    """Its attribute was being acquired then, and the increment was not added."""
    sandbox.user.attribute("steps").service = None
    sandbox.fail_next(status=403, path="acquire/")
    items = [ValueIncrement("steps", 1, DAY)]
    async with new_journal() as journal:
        with pytest.raises(PermissionDeniedError):
            await exist.values.increment(items, reacquire=True, journal=journal)
        assert (await journal.summary()).counts[OutcomeStatus.NOT_SENT] == 1
    async with new_journal() as journal:
        assert (await exist.values.increment(items, reacquire=True, journal=journal)).ok


async def test_what_is_unchanged_is_noted(exist: ExistClient, sandbox: Sandbox, new_journal: JournalStore) -> None:
    names = [f"counter_{number}" for number in range(5)]
    items = [ValueUpdate(name, DAY - dt.timedelta(days=day), 7) for name in names for day in range(31)]
    for number, name in enumerate(names):
        sandbox.add_attribute(name=name, group="health", value_type=0, service=sandbox.service)
        sandbox.set_values(name, {item.date: 7 if number else 8 for item in items})
    async with new_journal() as journal:
        result = await exist.values.sync(items, journal=journal)
        requests = len(sandbox.requests)
        again = await exist.values.sync(items, journal=journal)

    assert result.ok
    assert (len(result.unchanged), len(result.succeeded)) == (4 * 31, 31)
    assert again == result
    assert len(sandbox.requests) == requests


async def test_writes_of_attributes_go_on_and_have_their_answers(
    exist: ExistClient, sandbox: Sandbox, new_journal: JournalStore
) -> None:
    tea = CustomAttribute("Cups of tea", group="food", value_type=ValueType.INTEGER, manual=False)
    calls: list[Any] = [
        lambda journal: exist.attributes.create([tea, "workouts", "no_such"], journal=journal),
        lambda journal: exist.attributes.acquire(["weight", ByName("mood")], journal=journal),
        lambda journal: exist.attributes.acquire([ByTemplate("weight")], success_objects=False, journal=journal),
        lambda journal: exist.attributes.release(["weight", "nothing"], journal=journal),
        lambda journal: exist.attributes.ensure([tea, "weight", ByName("nothing")], journal=journal),
    ]
    for number, call in enumerate(calls):
        async with new_journal(str(number)) as journal:
            result = await call(journal)
            requests = len(sandbox.requests)
            again = await call(journal)
            noted = [outcome async for outcome in journal.outcomes()]
        assert len(sandbox.requests) == requests
        assert again == result
        assert noted == list(result)
        assert len(result.succeeded) > 0
        if number == 2:
            assert isinstance(again.succeeded[0], AttributeEcho)


async def test_ensure_looks_again_at_what_it_has_not_finished(
    exist: ExistClient, sandbox: Sandbox, new_journal: JournalStore
) -> None:
    sandbox.fail_next(status=403, path="acquire/")
    told: list[int] = []

    async def ensure(journal: WriteJournal) -> Any:
        items = ["steps", "weight"]
        return await exist.attributes.ensure(items, journal=journal, on_outcome=lambda each: told.append(each.index))

    async with new_journal() as journal:
        with pytest.raises(BatchError):
            await ensure(journal)
        assert told == [0, 1]
        result = await ensure(journal)
        with pytest.raises(ConfigurationError, match=r"items\[1\] is missing"):
            await exist.attributes.ensure(["steps"], journal=journal)

    assert result.ok
    assert told == [0, 1, 1]


async def test_a_summary_takes_the_place_of_outcomes_that_are_not_kept(
    exist: ExistClient, sandbox: Sandbox, new_journal: JournalStore
) -> None:
    items = [*steps(1, 2), ValueUpdate("steps", DAY, 5), ValueUpdate("nothing", DAY, 1)]
    without = await exist.values.update(items, keep_outcomes=False)
    async with new_journal() as journal:
        result = await exist.values.update(items, keep_outcomes=False, journal=journal)
        noted = await journal.summary()

    assert without == result == noted
    assert isinstance(result, WriteSummary)
    assert len(result) == 4
    assert {status: count for status, count in result.counts.items() if count} == {
        "succeeded": 2,
        "superseded": 1,
        "refused": 1,
    }
    assert set(result.counts) == set(OutcomeStatus)
    assert not result.ok
    assert [outcome.index for outcome in result.failed] == [3]
    assert repr(result) == "<WriteSummary: 4 items: 2 succeeded, 1 refused, 1 superseded>"
    with pytest.raises(BatchError, match=r"1 of 4 items did not succeed: ValueUpdate\(name='nothing'") as caught:
        result.raise_for_failures()
    assert (caught.value.result, caught.value.summary) == (None, result)
    fine = await exist.values.update(items[:3], keep_outcomes=False)
    assert fine.ok
    assert fine.raise_for_failures() is fine


async def test_the_error_of_a_write_without_outcomes_has_their_summary(exist: ExistClient, sandbox: Sandbox) -> None:
    sandbox.fail_next(100, status=404, path="update/")
    with pytest.raises(NotFoundError) as caught:
        await exist.values.update(steps(*range(1500)), keep_outcomes=False)

    assert caught.value.result is None
    assert caught.value.summary is not None
    assert caught.value.summary.counts[OutcomeStatus.REFUSED] == 1500
    assert [outcome.index for outcome in caught.value.summary.failed] == list(range(1000))
    assert pickle.loads(pickle.dumps(caught.value)).summary.counts == caught.value.summary.counts


@EVERY_KIND
async def test_a_wrong_item_of_a_write_without_outcomes_has_a_summary_too(
    exist: ExistClient, kind: Callable[..., Any]
) -> None:
    with pytest.raises(ConfigurationError, match=r"items\[1\]") as caught:
        await exist.values.update(kind([*steps(1), "wrong"]), keep_outcomes=False)
    assert caught.value.result is None
    assert caught.value.summary is not None
    assert len(caught.value.summary) == 1
    with pytest.raises(ConfigurationError, match="items must be a list") as caught:
        await exist.values.update("steps", keep_outcomes=False)  # type: ignore[arg-type]
    assert (caught.value.result, caught.value.summary) == (None, WriteSummary(dict.fromkeys(OutcomeStatus, 0)))


async def test_what_a_write_that_stops_early_does_not_come_to_has_its_earlier_outcome(
    answering: Answering, new_journal: JournalStore
) -> None:
    """Otherwise a caller might send it again."""
    spent = False

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(401) if spent and b'"value":0' in request.content else succeed(request)

    items = [ValueIncrement("steps", number, DAY - dt.timedelta(days=number)) for number in range(100)]
    exist = answering(answer, concurrency=1)
    async with new_journal() as journal:
        assert (await exist.values.increment(generated(items), journal=journal)).ok
    new_journal.execute("UPDATE item SET status = NULL WHERE position < 35")  # as if the first had not been sent
    spent = True
    async with new_journal() as journal:
        for given in ([*items, "no increment"], generated([*items, "no increment"]), streamed(items), generated(items)):
            with pytest.raises(ExistAsyncError) as caught:
                await exist.values.increment(given, journal=journal)  # type: ignore[arg-type]
            assert caught.value.result is not None
            assert len(caught.value.result) > 35
            assert set(statuses(caught.value.result[35:])) == {"succeeded"}
            assert "succeeded" not in statuses(caught.value.result[:35])
        assert len(await journal.summary()) == 100


async def test_a_release_that_was_carried_out_before_the_program_ended_has_succeeded(
    exist: ExistClient, sandbox: Sandbox, new_journal: JournalStore
) -> None:
    without_retries = exist.with_options(max_retries=0)
    sandbox.fail_next(drop=True, when="after", path="release/")
    async with new_journal() as journal:
        with pytest.raises(OutcomeUnknownError):
            await without_retries.attributes.release(["steps"], journal=journal)
        result = await exist.attributes.release(["steps", "nothing"], journal=journal)

    assert statuses(result) == ["succeeded", "refused"]


async def test_a_cause_of_the_caller_s_own_class_is_named(answering: Answering, new_journal: JournalStore) -> None:
    class BrokenError(Exception):
        secret = "instance"

    def answer(request: httpx.Request) -> httpx.Response:
        error = BrokenError("a transport of their own, and a file \udcff")
        error.secret = "a-secret-of-the-caller"
        raise error

    async with new_journal() as journal:
        with pytest.raises(BatchError):
            await answering(answer).values.update(steps(1), journal=journal)
        (outcome,) = [outcome async for outcome in journal.outcomes()]

    assert outcome.status is OutcomeStatus.UNKNOWN
    assert type(outcome.cause) is ExistAsyncError
    assert str(outcome.cause) == "BrokenError: a transport of their own, and a file ?"
    assert "BrokenError" in new_journal.content
    assert "a-secret-of-the-caller" not in new_journal.content


async def test_texts_with_every_kind_of_character_are_the_same_after_it(
    exist: ExistClient, sandbox: Sandbox, new_journal: JournalStore
) -> None:
    texts = ["", 'a\n"b"\r\\', "\u2028\u2029\x85\x0b\x1c☕", ',"value":', "\x00"]
    items = [ValueUpdate("mood_note", DAY - dt.timedelta(days=day), text) for day, text in enumerate(texts)]
    async with new_journal() as journal:
        result = await exist.values.update(items, journal=journal)
        assert await exist.values.update(items, journal=journal) == result
        assert [outcome.item async for outcome in journal.outcomes()] == items
    assert len(sandbox.requests) == 1
